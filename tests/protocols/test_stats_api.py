"""What tracers send to /v0.6/stats is read whole, or refused with a reason."""

import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.stats_api import GROUP_FIELDS, GROUPS_MAX, PAYLOAD_FIELDS, VALUE_BYTES_MAX, ClientStats, Malformed, decode_client_stats

GROUP = {
    "Service": "test-service",
    "Name": "test-span",
    "Resource": "test-span",
    "HTTPStatusCode": 0,
    "Type": "",
    "DBType": "",
    "Hits": 1,
    "Errors": 0,
    "Duration": 10_000_000,
    "OkSummary": b"\0\0\0",
    "ErrorSummary": b"\0\0\0",
    "Synthetics": False,
    "TopLevelHits": 1,
    "GRPCStatusCode": "0",
    "HTTPMethod": "GET",
    "HTTPEndpoint": "/test",
}
REST_OF_GROUP = {"SpanKind": "", "PeerTags": (), "IsTraceRoot": 0, "srv_src": "", "SpanDerivedPrimaryTags": (), "AdditionalMetricTags": ()}
PAYLOAD = {
    "Hostname": "TestHost",
    "Env": "test",
    "Version": "1.0.0",
    "Lang": "javascript",
    "TracerVersion": "1.0.0",
    "RuntimeID": "00000000-0000-0000-0000-000000000000",
    "Sequence": 1,
    "Stats": [{"Start": 0, "Duration": 10_000_000_000, "Stats": [GROUP]}],
}
SUMMARY = bytes.fromhex("0a1209000000000040f03f110000000000ea944012001a00")


def decode(document):
    return decode_client_stats(msgpack.packb(document))


def decode_group(**members):
    [bucket] = decode({"Stats": [{"Stats": [{**GROUP, **members}]}]}).buckets
    return bucket.groups[0]


def test_the_example_of_a_tracer_decodes_to_equal_values():
    stats = decode(PAYLOAD)
    given = {name: PAYLOAD[name] for name in PAYLOAD if name != "Stats"}
    zeros = {name: zero for name, (_, zero) in PAYLOAD_FIELDS.items()}
    assert stats.fields == {**zeros, **given}
    [bucket] = stats.buckets
    assert (bucket.start_ns, bucket.duration_ns, bucket.shift_ns) == (0, 10_000_000_000, 0)
    assert bucket.groups == [{**GROUP, **REST_OF_GROUP}]
    assert not stats.is_empty


@pytest.mark.parametrize("document", [{}, {"Env": "prod"}, {"Stats": []}, {"Stats": [{}]}, {"Stats": [{"Stats": []}]}])
def test_a_payload_without_groups_is_empty_and_no_error(document):
    assert decode(document).is_empty


def test_an_empty_map_has_every_member_at_its_zero_value():
    assert decode_client_stats(b"\x80") == ClientStats({name: zero for name, (_, zero) in PAYLOAD_FIELDS.items()}, [])


@pytest.mark.parametrize("name", GROUP_FIELDS)
def test_a_missing_member_of_a_group_is_its_zero_value(name):
    group = {key: value for key, value in GROUP.items() if key != name}
    [bucket] = decode({"Stats": [{"Stats": [group]}]}).buckets
    assert bucket.groups[0][name] == GROUP_FIELDS[name][1]


def test_members_that_nobody_knows_are_passed_over_wherever_they_stand():
    strange = {"Later": [{"a": None}], 7: "seven", b"raw": 1}
    document = {**PAYLOAD, **strange, "Stats": [{**PAYLOAD["Stats"][0], **strange, "Stats": [{**GROUP, **strange}]}]}
    assert decode(document) == decode(PAYLOAD)


def test_what_follows_the_payload_is_passed_over():
    assert decode_client_stats(msgpack.packb(PAYLOAD) + b"\xc1\xc1") == decode(PAYLOAD)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("OkSummary", list(SUMMARY), SUMMARY),
        ("ErrorSummary", [], b""),
        ("Hits", 2**64 - 1, 2**64 - 1),
        ("HTTPStatusCode", 2**32 - 1, 2**32 - 1),
        ("PeerTags", ["db.system:postgres", "out.host:db"], ("db.system:postgres", "out.host:db")),
        *(("IsTraceRoot", value, value) for value in (0, 1, 2)),
        ("IsTraceRoot", 3, 0),
        ("IsTraceRoot", -1, 0),
        ("srv_src", "redis", "redis"),
    ],
)
def test_values_of_a_group_are_kept(name, value, read):
    assert decode_group(**{name: value})[name] == read


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        *((name, None, f"{name}: NoneType in place of text") for name in ("Service", "Name", "Resource", "Type", "SpanKind", "srv_src")),
        ("Name", b"bytes", "Name: bytes in place of text"),
        ("Hits", -1, "Hits: -1 is out of range"),
        ("Hits", 1.0, "Hits: float in place of an integer"),
        ("Hits", True, "Hits: bool in place of an integer"),
        ("HTTPStatusCode", 2**32, "HTTPStatusCode: 4294967296 is out of range"),
        ("HTTPStatusCode", None, "HTTPStatusCode: NoneType in place of an integer"),
        ("Synthetics", 1, "Synthetics: int in place of a boolean"),
        ("OkSummary", "text", "OkSummary: str in place of bytes"),
        ("OkSummary", [256], "OkSummary: a summary is not a list of bytes"),
        ("PeerTags", "a:b", "PeerTags: str in place of a list of text"),
        ("PeerTags", [None], "PeerTags: NoneType in place of text"),
        ("IsTraceRoot", "yes", "IsTraceRoot: str in place of an integer"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(name, value, words):
    with pytest.raises(Malformed) as raised:
        decode_group(**{name: value})
    assert str(raised.value) == words


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        None,
        7,
        {"Env": None},
        {"Sequence": -1},
        {"Tags": {}},
        {"Stats": None},
        {"Stats": {}},
        {"Stats": [7]},
        {"Stats": [{"Stats": None}]},
        {"Stats": [{"Stats": [[]]}]},
        {"Stats": [{"Start": -1}]},
        {"Stats": [{"Start": 2**64 - 1, "AgentTimeShift": 2**63}]},
    ],
)
def test_what_has_another_shape_is_malformed(document):
    with pytest.raises(Malformed):
        decode(document)


def test_a_body_cut_anywhere_is_malformed():
    body = msgpack.packb(PAYLOAD)
    for length in range(len(body)):
        with pytest.raises(Malformed, match=r"cut short|not msgpack"):
            decode_client_stats(body[:length])


def test_text_that_is_no_utf8_costs_nothing_but_itself():
    body = msgpack.packb(PAYLOAD).replace(b"/test", b"/t\xffst")
    assert decode_client_stats(body).buckets[0].groups[0]["HTTPEndpoint"] == "/t�st"


def test_more_groups_than_a_real_body_can_hold_are_refused():
    body = b"\x81" + msgpack.packb("Stats") + b"\x91\x81" + msgpack.packb("Stats")
    full = body + b"\xdc" + GROUPS_MAX.to_bytes(2, "big") + b"\x80" * GROUPS_MAX
    assert len(decode_client_stats(full).buckets[0].groups) == GROUPS_MAX
    with pytest.raises(Malformed, match="groups"):
        decode_client_stats(body + b"\xdd" + (2**21).to_bytes(4, "big") + b"\x80" * 2**21)


@pytest.mark.parametrize(
    ("document", "words"),
    [({"Stats": [{}] * 1001}, "more than 1000 buckets"), ({str(number): 0 for number in range(1001)}, "a map of 1001 members")],
)
def test_more_buckets_or_members_than_anybody_has_are_refused(document, words):
    with pytest.raises(Malformed, match=words):
        decode(document)


def test_a_huge_value_is_refused_before_it_is_built():
    with pytest.raises(Malformed, match="a value of"):
        decode({"Tags": [[]] * VALUE_BYTES_MAX})
    assert decode({"Unknown": [[]] * VALUE_BYTES_MAX}).is_empty


def test_nesting_without_end_is_malformed():
    with pytest.raises(Malformed):
        decode_client_stats(b"\x81" + msgpack.packb("Unknown") + b"\x91" * 100_000)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_malformed(body):
    decode_or_refuse(body)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(0, 9), inner, max_size=3),
    max_leaves=8,
)
GROUPS = st.builds(lambda changes: {**GROUP, **changes}, st.dictionaries(st.sampled_from(list(GROUP_FIELDS)), VALUES, max_size=3))
BUCKETS = st.dictionaries(st.sampled_from(["Start", "Duration", "AgentTimeShift", "Stats"]), VALUES | st.lists(GROUPS, max_size=3))
MUTATED = st.dictionaries(st.sampled_from([*PAYLOAD_FIELDS, "Stats"]), VALUES | st.lists(BUCKETS, max_size=3), max_size=4)


@given(MUTATED)
def test_any_map_is_read_with_the_right_types_or_malformed(document):
    decode_or_refuse(msgpack.packb(document))


@given(st.data())
def test_any_byte_changed_is_read_or_malformed(data):
    body = bytearray(msgpack.packb(PAYLOAD))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    decode_or_refuse(bytes(body))


def decode_or_refuse(body):
    """Either a whole payload of the promised types, or the one error."""
    try:
        stats = decode_client_stats(body)
    except Malformed:
        return
    assert stats.fields.keys() == PAYLOAD_FIELDS.keys()
    for bucket in stats.buckets:
        assert 0 <= bucket.start_ns < 2**64
        for group in bucket.groups:
            assert list(group) == list(GROUP_FIELDS)
            assert all(type(group[name]) is type(zero) for name, (_, zero) in GROUP_FIELDS.items())


STATS_KEY = msgpack.packb("Stats")
TWO_MIB = 2**21


@pytest.mark.parametrize(
    "body",
    [
        # Groups, buckets or members that take a byte each; lists in a member that is known, and in one that is not.
        b"\x81" + STATS_KEY + b"\x91\x81" + STATS_KEY + b"\xdc" + GROUPS_MAX.to_bytes(2, "big") + b"\x80" * GROUPS_MAX,
        b"\x81" + STATS_KEY + b"\xdd" + TWO_MIB.to_bytes(4, "big") + b"\x80" * TWO_MIB,
        b"\xdf" + (TWO_MIB // 2).to_bytes(4, "big") + b"\xa0\x80" * (TWO_MIB // 2),
        b"\x81" + msgpack.packb("Tags") + b"\xdd" + TWO_MIB.to_bytes(4, "big") + b"\x80" * TWO_MIB,
        b"\x81" + msgpack.packb("Later") + b"\xdd" + TWO_MIB.to_bytes(4, "big") + b"\x80" * TWO_MIB,
    ],
    ids=["groups", "buckets", "members", "known", "unknown"],
)
def test_two_megabytes_never_become_a_hundred(body):
    tracemalloc.start()
    try:
        decode_or_refuse(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * 1024 * 1024
