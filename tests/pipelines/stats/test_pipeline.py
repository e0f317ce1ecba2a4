"""The statistics of a sandbox from tracers and spans to request bodies, read by the emulator's own decoder."""

import attrs
import msgpack
import pytest

from emulator.decode import decode
from fsm.time import Now
from pipelines.stats.client import StatsSettings
from pipelines.stats.concentrate import Room
from pipelines.stats.pipeline import SOURCE_CHARS_MAX, SOURCES_MAX, Source, StatsPipeline
from protocols.stats_api import decode_client_stats

EMPTY = "0a1209000000000040f03f110000000000ea944012001a00"
START_MS = 1_700_000_000_000
PYTHON = Source("python", "2.9.0", "f45568ad09d5480b99087d86ebda26e6")


@attrs.frozen
class Headers:
    lang: str = "python"
    tracer_version: str = "2.9.0"
    container_id: str = ""


def at(ms):
    return Now(START_MS + ms, ms)


def span(end_ms=3000, meta=None, **members):
    made = {"service": "shop", "name": "aws.lambda", "resource": "my-function", "type": "serverless", "trace_id": 1, "span_id": 2}
    made |= {"parent_id": 0, "duration": 1_000_000, "error": 0, "meta": meta or {}, "metrics": {"_top_level": 1.0}, **members}
    return {**made, "start": (START_MS + end_ms) * 1_000_000 - made["duration"]}


def pipeline(*settings, **bounds):
    return StatsPipeline(StatsSettings(*settings or ("prod", "1.2.3", "Shop")), at(0), **bounds)


def client_stats(groups=1, size=0, **fields):
    group = {"Service": "s", "Name": "n", "Resource": "r" * size, "Hits": 1, "OkSummary": b"", "ErrorSummary": b""}
    made = [{**group, "Type": str(number)} for number in range(groups)]
    start = START_MS * 1_000_000
    return decode_client_stats(msgpack.packb({"Stats": [{"Start": start, "Duration": 10**10, "Stats": made}], **fields}))


def documents(bodies):
    """The bodies as an intake sees them."""
    found = []
    for body in bodies:
        headers = [(b"content-type", body.content_type.encode()), (b"content-encoding", body.encoding.encode()), (b"dd-api-key", b"k")]
        decoded = decode(body.path, headers, body.raw)
        assert decoded.kind == "stats"
        found.append((decoded.document, decoded.problems))
    return found


def payloads(bodies):
    """Of bodies made from spans: the intake finds nothing wrong with any."""
    found = documents(bodies)
    assert not any(problems for _, problems in found)
    return [payload for document, _ in found for payload in document["Stats"]]


def hits(found):
    return [sum(group["Hits"] for bucket in payload["Stats"] for group in bucket["Stats"]) for payload in found]


def test_the_worked_example():
    made = pipeline()
    query = span(
        name="postgres.query",
        type="sql",
        resource="SELECT * FROM users WHERE id = ?",
        parent_id=2,
        duration=3_000_000,
        error=1,
        metrics={},
        meta={"span.kind": "client", "db.system": "postgres", "out.host": "10.0.0.12"},
    )
    made.take_spans([span(), query, span()], PYTHON, at(3500))
    [(document, problems)] = documents(made.seal(at(4000), final=True))
    assert problems == ()
    shared = {
        "DBType": "",
        "HTTPStatusCode": 0,
        "Synthetics": False,
        **dict.fromkeys(("GRPCStatusCode", "HTTPMethod", "HTTPEndpoint", "srv_src"), ""),
        "SpanDerivedPrimaryTags": [],
        "AdditionalMetricTags": [],
    }
    assert document == {
        "AgentHostname": "",
        "AgentEnv": "",
        "AgentVersion": "",
        "ClientComputed": True,
        "SplitPayload": False,
        "Stats": [
            {
                "Hostname": "",
                "Env": "prod",
                "Version": "1.2.3",
                "Lang": "python",
                "TracerVersion": "2.9.0",
                "RuntimeID": "f45568ad09d5480b99087d86ebda26e6",
                "Sequence": 0,
                "AgentAggregation": "",
                "Service": "shop",
                "ContainerID": "",
                "Tags": [],
                "GitCommitSha": "",
                "ImageTag": "",
                "ProcessTagsHash": 0,
                "ProcessTags": "",
                "Stats": [
                    {
                        "Start": 1_700_000_000_000_000_000,
                        "Duration": 10_000_000_000,
                        "AgentTimeShift": 0,
                        "Stats": [
                            {
                                **shared,
                                "Service": "shop",
                                "Name": "aws.lambda",
                                "Resource": "my-function",
                                "Type": "serverless",
                                "Hits": 2,
                                "Errors": 0,
                                "Duration": 2_000_000,
                                "OkSummary": "<bin 0a1209000000000040f03f110000000000ea9440120d1208000000000000004018ea221a00>",
                                "ErrorSummary": f"<bin {EMPTY}>",
                                "TopLevelHits": 2,
                                "SpanKind": "",
                                "PeerTags": [],
                                "IsTraceRoot": 1,
                            },
                            {
                                **shared,
                                "Service": "shop",
                                "Name": "postgres.query",
                                "Resource": "SELECT * FROM users WHERE id = ?",
                                "Type": "sql",
                                "Hits": 1,
                                "Errors": 1,
                                "Duration": 3_000_000,
                                "OkSummary": f"<bin {EMPTY}>",
                                "ErrorSummary": "<bin 0a1209000000000040f03f110000000000ea9440120d1208000000000000f03f18f8231a00>",
                                "TopLevelHits": 0,
                                "SpanKind": "client",
                                "PeerTags": ["db.system:postgres", "out.host:blocked-ip-address"],
                                "IsTraceRoot": 2,
                            },
                        ],
                    }
                ],
            }
        ],
    }


def test_without_spans_and_statistics_there_is_nothing_to_send():
    made = pipeline()
    assert made.seal(at(0)) == made.seal(at(1), final=True) == []
    assert made.take_client(decode_client_stats(b"\x80"), Headers(), at(0)) is False
    made.take_spans([span(metrics={}, parent_id=1)], PYTHON, at(0))
    assert made.seal(at(1), final=True) == []


def test_a_flush_leaves_the_last_twenty_seconds_and_the_final_one_nothing():
    made = pipeline()
    made.take_spans([span(end_ms=3000)], PYTHON, at(3000))
    made.take_spans([span(end_ms=13_000)], PYTHON, at(13_000))
    assert made.seal(at(19_999)) == []
    [first] = payloads(made.seal(at(20_000)))
    assert first["Stats"][0]["Start"] == START_MS * 1_000_000
    [second] = payloads(made.seal(at(20_001), final=True))
    assert second["Stats"][0]["Start"] == (START_MS + 10_000) * 1_000_000
    assert made.statistics().held_bytes == made.statistics().groups == 0


@pytest.mark.parametrize(("now_ms", "at_end", "sent"), [(10_000, True, 0), (10_001, True, 1), (10_001, False, 0), (20_000, False, 1)])
def test_at_the_end_of_an_invocation_nothing_waits_that_has_waited_for_ten_seconds(now_ms, at_end, sent):
    made = pipeline()
    made.take_spans([span()], PYTHON, at(3000))
    assert len(made.seal(at(now_ms), at_end=at_end)) == sent


def test_after_a_freeze_the_wall_clock_counts():
    made = pipeline()
    made.take_spans([span()], PYTHON, at(3000))
    thawed = Now(START_MS + 3_600_000, 3001)
    assert hits(payloads(made.seal(thawed, at_end=True))) == [1]


def test_every_tracer_has_payloads_of_its_own_with_a_sequence():
    made = pipeline()
    go = Source("go", "1.60", "r2", "c2", "staging", "7")
    for _ in range(2):
        made.take_spans([span()], PYTHON, at(0))
        made.take_spans([span(), span(meta={"_dd.git.commit.sha": "abc"})], go, at(0))
        found = payloads(made.seal(at(0), final=True))
    names = ("Lang", "TracerVersion", "RuntimeID", "ContainerID", "Env", "Version", "Service", "GitCommitSha", "Sequence")
    assert [[payload[name] for name in names] for payload in found] == [
        ["python", "2.9.0", PYTHON.runtime_id, "", "prod", "1.2.3", "shop", "", 1],
        ["go", "1.60", "r2", "c2", "staging", "7", "shop", "abc", 1],
    ]
    assert hits(found) == [1, 2]


def test_spans_of_the_extension_itself_have_no_language():
    made = pipeline("", "", "")
    made.take_spans([span()], Source(), at(0))
    [payload] = payloads(made.seal(at(0), final=True))
    assert [payload[name] for name in ("Lang", "TracerVersion", "Env", "Version", "Service")] == ["", "", "unknown-env", "", ""]


def test_a_tracers_statistics_arrive_as_they_are_but_for_the_host():
    group = {
        "Service": "s",
        "Name": "n",
        "Resource": "r",
        "HTTPStatusCode": 200,
        "Type": "web",
        "DBType": "pg",
        "Hits": 3,
        "Errors": 0,
        "Duration": 9,
        "OkSummary": b"\x0a\x00",
        "ErrorSummary": b"",
        "Synthetics": True,
        "TopLevelHits": 2,
        "SpanKind": "server",
        "PeerTags": ["peer.service:upstream"],
        "IsTraceRoot": 1,
        "GRPCStatusCode": "0",
        "HTTPMethod": "GET",
        "HTTPEndpoint": "/test",
        "srv_src": "redis",
        "SpanDerivedPrimaryTags": ["a:b"],
        "AdditionalMetricTags": ["c:d"],
    }
    bucket = {"Start": START_MS * 1_000_000, "Duration": 10**10, "Stats": [group]}
    body = {"Hostname": "test-host", "Env": "test", "Sequence": 7, "Stats": [bucket]}
    made = pipeline()
    assert made.take_client(decode_client_stats(msgpack.packb(body)), Headers(), at(0)) is True
    [(document, _)] = documents(made.seal(at(0)))
    [payload] = document["Stats"]
    assert (payload["Hostname"], payload["Env"], payload["Sequence"], document["ClientComputed"]) == ("", "test", 7, True)
    assert payload["Stats"] == [{**bucket, "AgentTimeShift": 0, "Stats": [{**group, "OkSummary": "<bin 0a00>", "ErrorSummary": "<bin >"}]}]


def test_tracers_statistics_go_first_and_with_the_computed_ones():
    made = pipeline()
    made.take_spans([span()], PYTHON, at(0))
    made.take_client(client_stats(Lang="go"), Headers(), at(0))
    [(document, _)] = documents(made.seal(at(0), final=True))
    assert [payload["Lang"] for payload in document["Stats"]] == ["go", "python"]


def test_beyond_the_bound_the_oldest_statistics_of_tracers_are_dropped_and_counted():
    made = pipeline(client_bytes_max=20_000)
    for number in range(10):
        made.take_client(client_stats(groups=2, size=1000, Sequence=number), Headers(), at(0))
        assert made.statistics().client_bytes <= 20_000
    kept = made.statistics().client_payloads
    assert made.is_nearly_full
    assert made.statistics().dropped_groups == 2 * (10 - kept) > 0
    [(document, _)] = documents(made.seal(at(0)))
    assert [payload["Sequence"] for payload in document["Stats"]] == list(range(10 - kept, 10))
    assert made.statistics().client_bytes == made.statistics().client_payloads == 0


def test_a_payload_larger_than_the_bound_is_dropped_alone():
    made = pipeline(client_bytes_max=5000)
    assert made.take_client(client_stats(groups=3, size=5000), Headers(), at(0)) is True
    assert (made.statistics().client_payloads, made.statistics().dropped_groups) == (0, 3)


def test_a_full_concentrator_asks_for_a_flush_and_then_gives_everything():
    made = pipeline(room=Room(bytes_max=20_000))
    assert not made.is_nearly_full
    made.take_spans((span(resource=str(number)) for number in range(100)), PYTHON, at(3000))
    assert made.is_nearly_full
    found = payloads(made.seal(at(3000)))
    assert hits(found) == [100]
    assert made.statistics().blocked_spans > 0
    assert not made.is_nearly_full


def test_more_tracers_than_can_be_told_apart_are_counted_together():
    made = pipeline()
    for number in range(SOURCES_MAX + 3):
        made.take_spans([span()], Source("go", "1", str(number)), at(0))
    assert made.statistics().sources == SOURCES_MAX + 1
    found = payloads(made.seal(at(0), final=True))
    assert hits(found) == [1] * SOURCES_MAX + [3]
    # Once they have nothing left to tell, their places are free.
    made.take_spans([span()], Source("go", "1", "new"), at(0))
    assert [payload["RuntimeID"] for payload in payloads(made.seal(at(0), final=True))] == ["new"]


def test_a_tracer_that_names_itself_at_length_is_nobody_in_particular():
    made = pipeline()
    made.take_spans([span()], Source("go", "1", "x" * SOURCE_CHARS_MAX), at(0))
    [payload] = payloads(made.seal(at(0), final=True))
    assert (payload["RuntimeID"], payload["Env"]) == ("", "prod")


def test_what_is_computed_is_split_below_the_limit_of_the_intake():
    made = pipeline()
    made.take_spans((span(resource=f"{number}-" + "x" * 1500) for number in range(4000)), PYTHON, at(0))
    found = documents(made.seal(at(0), final=True))
    assert len(found) > 1
    assert all(problems == () and document["SplitPayload"] for document, problems in found)
    assert sum(hits([payload for document, _ in found for payload in document["Stats"]])) == 4000
    assert {payload["Sequence"] for document, _ in found for payload in document["Stats"]} == {0}


def test_new_tracers_begin_at_the_oldest_bucket_that_is_not_yet_sent():
    made = pipeline()
    made.seal(at(50_000))
    made.take_spans([span(end_ms=3000)], PYTHON, at(51_000))
    [payload] = payloads(made.seal(at(51_000), final=True))
    assert payload["Stats"][0]["Start"] == (START_MS + 40_000) * 1_000_000


def test_groups_that_an_error_loses_while_they_are_sealed_are_counted(monkeypatch):
    made = pipeline()
    made.take_client(client_stats(3), Headers(), at(0))
    made.take_spans([span(), span(name="other")], PYTHON, at(3_000))

    def fail(payloads):
        raise RuntimeError(list(payloads))

    monkeypatch.setattr("pipelines.stats.pipeline.encode_stats", fail)
    with pytest.raises(RuntimeError):
        made.seal(at(4_000))
    assert made.statistics().failed_groups == 3, "the others wait for their ten seconds"
    with pytest.raises(RuntimeError):
        made.seal(at(5_000), final=True)
    assert (made.statistics().failed_groups, made.statistics().groups) == (5, 0)
