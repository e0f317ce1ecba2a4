"""Inferred spans in their trace, and when the runtime is done (specification, triggers 4.2 and 4.4)."""

import pytest

from pipelines.triggers.spans import complete, connect

TAGS = {"_dd.p.dm": "-1"}


def an_invocation(**more):
    span = {
        "service": "orders",
        "trace_id": 42,
        "error": 0,
        "start": 1583349317_500_000_000,
        "duration": 100_000_000,
        "meta": {},
        "metrics": {},
    }
    return span | more


@pytest.mark.parametrize(
    ("name", "parent_id", "expected_parent", "parents"),
    [
        ("api_gateway_rest_event", 67890, 1, [67890]),
        ("api_gateway_rest_event", 0, 1, [0]),
        ("sns_sqs_event", 67890, 1, [2, 67890]),
        ("eventbridge_sns_sqs_event", 67890, 1, [2, 3, 67890]),
        ("step_function_event", 67890, 67890, []),
    ],
)
def test_the_outermost_span_hangs_from_the_context_and_the_function_from_the_innermost(inferred, name, parent_id, expected_parent, parents):
    found = inferred(name)
    assert connect(found, parent_id, TAGS) == expected_parent
    assert [span["parent_id"] for span in found.spans] == parents
    assert [span["meta"].get("_dd.p.dm") for span in found.spans] == (["-1"] + [None] * 2)[: len(parents)]


def test_a_span_that_somebody_waits_for_lasts_as_long_as_the_function(inferred):
    found = inferred("api_gateway_rest_event")
    complete(found, an_invocation(error=1))
    span = found.spans[0]
    assert (span["trace_id"], span["error"]) == (42, 1)
    assert span["start"] + span["duration"] == 1583349317_600_000_000
    assert (span["meta"]["peer.service"], span["meta"]["span.kind"]) == ("orders", "server")


def test_a_span_that_nobody_waits_for_ends_where_the_function_begins(inferred):
    found = inferred("sqs_event")
    complete(found, an_invocation(start=1523232000_500_000_000))
    assert found.spans[0]["duration"] == 500_000_000


def test_a_function_that_began_before_its_event_gives_no_negative_time(inferred):
    found = inferred("sns_sqs_event")
    complete(found, an_invocation(start=1))
    assert [span["duration"] for span in found.spans] == [0, 89999872]


def test_what_has_no_time_begins_with_the_invocation(inferred):
    found = inferred("appsync_resolver_event")
    complete(found, an_invocation())
    assert (found.spans[0]["start"], found.spans[0]["duration"]) == (1583349317_500_000_000, 100_000_000)


def test_completing_twice_is_completing_once(inferred):
    once, twice = inferred("sns_sqs_event"), inferred("sns_sqs_event")
    for found, times in ((once, 1), (twice, 2)):
        connect(found, 7, TAGS)
        for _ in range(times):
            complete(found, an_invocation(start=1639777618500000000))
    assert once == twice
    assert twice.spans[1]["parent_id"] == 7


def test_completing_again_takes_what_has_changed(inferred):
    found = inferred("api_gateway_rest_event")
    complete(found, an_invocation())
    complete(found, an_invocation(error=1, duration=200_000_000))
    assert found.spans[0]["error"] == 1
    assert found.spans[0]["start"] + found.spans[0]["duration"] == 1583349317_700_000_000


def test_what_was_found_in_the_request_is_copied(inferred):
    found = inferred("api_gateway_rest_event", region="us-east-1")
    invocation = an_invocation(metrics={"_dd.appsec.enabled": 1.0}, meta={"_dd.appsec.json": '{"triggers":["rule"]}'})
    complete(found, invocation)
    assert found.spans[0]["metrics"] == {"_dd.appsec.enabled": 1.0}
    assert found.spans[0]["meta"]["_dd.appsec.json"] == '{"triggers":["rule"]}'


@pytest.mark.parametrize(("enabled", "metrics"), [(True, {"_dd.appsec.enabled": 1.0}), (False, {})])
def test_that_requests_are_looked_at_is_said_if_they_are(inferred, enabled, metrics):
    found = inferred("sns_sqs_event")
    complete(found, an_invocation(trace_id=7), appsec_enabled=enabled)
    assert [span["metrics"] for span in found.spans] == [metrics, metrics]
    assert all("_dd.appsec.json" not in span["meta"] for span in found.spans)


def test_a_value_that_was_preset_is_kept(inferred):
    found = inferred("sqs_event")
    complete(found, an_invocation(metrics={"_dd.appsec.enabled": 0.0}), appsec_enabled=True)
    assert found.spans[0]["metrics"] == {"_dd.appsec.enabled": 0.0}


def test_without_spans_there_is_nothing_to_complete(inferred):
    complete(inferred("step_function_event"), an_invocation())
