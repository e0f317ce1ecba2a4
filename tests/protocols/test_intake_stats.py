"""Requests of statistics: what is in them, in which order, and how they are cut."""

import zlib
from itertools import chain

import attrs
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import intake_stats
from protocols.halves import halve, has_halves
from protocols.intake_body import Body
from protocols.intake_stats import BODY_BYTES_MAX, StatsBucket, StatsPayload, encode_group, encode_stats
from protocols.stats_api import GROUP_FIELDS, PAYLOAD_FIELDS

# The order of the specification's tables (stats 1.1 and 5).
PAYLOAD_ORDER = (
    "Hostname Env Version Stats Lang TracerVersion RuntimeID Sequence AgentAggregation Service ContainerID Tags GitCommitSha ImageTag"
    " ProcessTagsHash ProcessTags"
)
GROUP_ORDER = (
    "Service Name Resource HTTPStatusCode Type DBType Hits Errors Duration OkSummary ErrorSummary Synthetics TopLevelHits SpanKind PeerTags"
    " IsTraceRoot GRPCStatusCode HTTPMethod HTTPEndpoint srv_src SpanDerivedPrimaryTags AdditionalMetricTags"
)
FIELDS = {name: zero for name, (_, zero) in PAYLOAD_FIELDS.items()}
ZERO_GROUP = {name: zero for name, (_, zero) in GROUP_FIELDS.items()}


def group(resource, size=0):
    return encode_group({**ZERO_GROUP, "Resource": f"{resource}{'x' * size}", "Hits": 1})


def payload(*resources, size=0, env="prod", start_ns=0):
    bucket = StatsBucket(start_ns, 10_000_000_000, 0, [group(resource, size) for resource in resources])
    return StatsPayload({**FIELDS, "Env": env}, [bucket])


def document(body):
    raw = zlib.decompress(body.raw, zlib.MAX_WBITS | 16) if body.encoding == "gzip" else body.raw
    return msgpack.unpackb(raw)


def resources(bodies):
    """Of each body, what it holds: (env, start, resource without its padding)."""
    return [
        [
            (payload["Env"], bucket["Start"], group["Resource"].rstrip("x"))
            for payload in document(body)["Stats"]
            for bucket in payload["Stats"]
            for group in bucket["Stats"]
        ]
        for body in bodies
    ]


def raw_size(body):
    return len(zlib.decompress(body.raw, zlib.MAX_WBITS | 16))


def test_a_request_is_a_gzipped_map_with_every_name_in_order():
    [body] = encode_stats([payload("a", "b")])
    assert (body.kind, body.path, body.content_type, body.encoding, body.items) == (
        "stats",
        "/api/v0.2/stats",
        "application/msgpack",
        "gzip",
        2,
    )
    whole = document(body)
    assert {**whole, "Stats": []} == {
        "AgentHostname": "",
        "AgentEnv": "",
        "Stats": [],
        "AgentVersion": "",
        "ClientComputed": True,
        "SplitPayload": False,
    }
    assert list(whole) == ["AgentHostname", "AgentEnv", "Stats", "AgentVersion", "ClientComputed", "SplitPayload"]
    [client] = whole["Stats"]
    assert list(client) == PAYLOAD_ORDER.split()
    assert list(client["Stats"][0]) == ["Start", "Duration", "Stats", "AgentTimeShift"]
    assert list(client["Stats"][0]["Stats"][0]) == GROUP_ORDER.split()


def test_summaries_are_bytes_on_the_wire_and_not_text():
    assert msgpack.unpackb(encode_group({**ZERO_GROUP, "OkSummary": b"\x0a\x12"}))["OkSummary"] == b"\x0a\x12"


def test_half_a_surrogate_pair_costs_nothing_but_itself():
    assert msgpack.unpackb(group("a\ud800b"))["Resource"] == "a?b"


@pytest.mark.parametrize("payloads", [[], [payload()], [StatsPayload(FIELDS, [])]])
def test_nothing_counted_is_no_request(payloads):
    assert list(encode_stats(payloads)) == []


def test_payloads_travel_together_while_they_fit_and_whole():
    [alone] = encode_stats([payload("a")])
    [both] = encode_stats([payload("a"), payload("b")])
    for bytes_max, shape in [(raw_size(both) + 40, [2, 1]), (raw_size(alone) + 40, [1, 1, 1]), (BODY_BYTES_MAX, [3])]:
        bodies = list(encode_stats([payload("a"), payload("b"), payload("c")], bytes_max))
        assert [body.items for body in bodies] == shape
        assert not any(document(body)["SplitPayload"] for body in bodies)


def test_a_payload_that_is_too_large_is_cut_between_groups_and_marked():
    large = StatsPayload(
        {**FIELDS, "Env": "large"},
        [StatsBucket(start, 10, 0, [group(f"{start}-{n}-", 300) for n in range(9)]) for start in (10, 20)],
    )
    bodies = list(encode_stats([payload("before"), large, payload("after")], bytes_max=3000))
    assert [document(body)["SplitPayload"] for body in bodies] == [False, *[True] * (len(bodies) - 2), False]
    assert len(bodies) > 4
    assert all(raw_size(body) <= 3000 for body in bodies)
    assert list(chain(*resources(bodies))) == [
        ("prod", 0, "before"),
        *(("large", start, f"{start}-{n}-") for start in (10, 20) for n in range(9)),
        ("prod", 0, "after"),
    ]


def test_a_group_that_is_larger_than_a_request_goes_alone():
    bodies = list(encode_stats([payload("a", "b", size=5000)], bytes_max=3000))
    assert [body.items for body in bodies] == [1, 1]


def test_groups_are_taken_from_a_generator_as_they_are_needed():
    made = []

    def groups():
        for number in range(30):
            made.append(number)
            yield group(str(number), 400)

    bodies = encode_stats([StatsPayload(FIELDS, [StatsBucket(0, 10, 0, groups())])], bytes_max=3000)
    next(bodies)
    assert len(made) < 15
    assert sum(body.items for body in bodies) + 4 >= 30 - len(made)
    assert len(made) == 30


SHAPES = st.lists(st.lists(st.lists(st.integers(0, 600), max_size=6), max_size=4), max_size=5)


@given(SHAPES, st.integers(1200, 4000))
def test_every_group_is_sent_once_and_no_request_is_over_the_limit(shapes, bytes_max):
    names = iter(range(1000))
    payloads, sent = [], []
    for shape in shapes:
        buckets = []
        for start, sizes in enumerate(shape):
            texts = [(str(next(names)), size) for size in sizes]
            buckets.append(StatsBucket(start, 10, 0, [group(name, size) for name, size in texts]))
            sent += [("", start, name) for name, _ in texts]
        payloads.append(StatsPayload(FIELDS, buckets))
    bodies = list(encode_stats(payloads, bytes_max))
    assert list(chain(*resources(bodies))) == sent
    assert [len(each) for each in resources(bodies)] == [body.items for body in bodies]
    assert all(raw_size(body) <= bytes_max for body in bodies)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(lambda counts: sum(counts) > 1))
def test_halves_hold_every_group_once_with_its_payload_and_bucket(counts):
    [body] = encode_stats([payload(*map(str, range(count)), env=f"env{place}", start_ns=place) for place, count in enumerate(counts)])
    assert has_halves(body)
    halves = halve(body)
    assert [half.items for half in halves] == [body.items // 2, body.items - body.items // 2]
    assert list(chain(*resources(halves))) == resources([body])[0]
    assert all(document(half)["SplitPayload"] and half.encoding == "gzip" for half in halves)


def test_a_plain_request_is_halved_as_a_compressed_one():
    [body] = encode_stats([payload("a", "b")])
    plain = attrs.evolve(body, raw=zlib.decompress(body.raw, zlib.MAX_WBITS | 16), encoding="")
    assert halve(plain) == halve(body)


def test_a_single_group_has_no_halves():
    [body] = encode_stats([payload("a")])
    assert not has_halves(body)
    assert halve(body) == intake_stats.halve(body) == ()


@pytest.mark.parametrize(
    "raw", [b"", b"\x1f\x8b", b"plain", zlib.compress(b"\x80", 1, 31), zlib.compress(msgpack.packb({"Stats": [{}]}), 1, 31)]
)
def test_what_was_not_made_by_us_has_no_halves_and_says_so(raw):
    with pytest.raises(ValueError, match="not a request of statistics"):
        halve(Body("stats", "/api/v0.2/stats", "application/msgpack", raw, 2, "gzip"))
