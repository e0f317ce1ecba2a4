"""Whatever the event: no exception, no hang, and what comes out has the documented shape."""

import json
from itertools import chain, count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.triggers.infer import infer
from pipelines.triggers.model import DerivedContext, TriggerSettings
from pipelines.triggers.pointers import attach_pointers
from pipelines.triggers.response import read_status
from pipelines.triggers.spans import complete, connect

EVENTS = sorted((Path(__file__).parents[3] / "fixtures" / "trigger_events").glob("*.json"))
TEXTS = [path.read_text(encoding="utf-8") for path in EVENTS]
ODD = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        7,
        1.5,
        1e308,
        1 << 70,
        "",
        "text",
        "\ud800",
        "{",
        '{"TopicArn":',
        [],
        [None],
        [[]],
        {},
        {"a": None},
        {"": {}},
    ]
)
JSON = st.recursive(
    ODD | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
SETTINGS = st.builds(
    TriggerSettings,
    service_mapping=st.dictionaries(st.sampled_from(["", "lambda_sqs", "MyQueue"]), st.sampled_from(["", "mapped"])),
    representation=st.booleans(),
    region=st.sampled_from(["us-east-1", "cn-north-1", ""]),
)


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def paths_of(value, path=()):
    """The paths to all places of a JSON value."""
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield from paths_of(inner, (*path, key))


def put(value, path, new):
    """Replace what stands at a path, by a copy: the samples of strategies are shared."""
    new = json.loads(json.dumps(new))
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def drop(value, path):
    for key in path[:-1]:
        value = value[key]
    del value[path[-1]]


@st.composite
def mutated(draw):
    """A sample of which some members are missing, null or of another type."""
    event = json.loads(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 4))):
        places = [path for path in paths_of(event) if path]
        if not places:
            break
        path = draw(st.sampled_from(places))
        if draw(st.booleans()):
            drop(event, path)
        else:
            put(event, path, draw(ODD))
    return event


@st.composite
def wrapped(draw):
    """A sample, whole or mutated, as a text in a queue's message, a topic's message or an event's detail, up to four deep."""
    event = draw(mutated() | st.sampled_from(TEXTS).map(json.loads))
    for _ in range(draw(st.integers(1, 4))):
        event = wrap(draw(st.sampled_from(WRAPPINGS)), event, json.dumps(event))
    return event


WRAPPINGS = ("sqs", "sns", "entity", "payload", "data", "batch")


def wrap(kind, event, text):
    return {
        "sqs": {"Records": [{"eventSource": "aws:sqs", "body": text}]},
        "sns": {"Records": [{"Sns": {"Message": text}}]},
        "entity": {"TopicArn": "a:b", "MessageId": "1", "Message": text},
        "payload": {"Payload": event},
        "data": {"detail-type": "a", "source": "b", "detail": event},
        "batch": {"Records": [event, {"eventSource": "aws:sqs", "body": text}]},
    }[kind]


def check(event, given_settings):
    ids = count(1)
    found = infer(event, given_settings, lambda: next(ids))
    assert len(found.spans) <= 3
    assert is_text_map(dict(found.tags))
    assert all(isinstance(context, DerivedContext) or is_text_map(context) for context in (*found.contexts, *found.links))
    assert connect(found, 99, {}) == (found.spans[0]["span_id"] if found.spans else 99)
    invocation = {"service": "orders", "trace_id": 5, "error": 0, "start": 10**18, "duration": 10**6, "meta": {}, "metrics": {}}
    complete(found, invocation)
    for span in found.spans:
        attach_pointers(span, found.pointers)
        check_span(span)
    assert [span["parent_id"] for span in found.spans] == [*[span["span_id"] for span in found.spans[1:]], 99][: len(found.spans)]
    read_status(found.source, event)


def is_text_map(carrier):
    """Of texts that can be sent."""
    return type(carrier) is dict and all(
        type(each) is str and each.encode() == each.encode("utf-8", "replace") for each in chain(*carrier.items())
    )


def check_span(span):
    assert all(type(span[key]) is str and span[key].encode() for key in ("name", "service", "resource", "type"))
    assert all(
        type(span[key]) is int and 0 <= span[key] < 1 << 63 for key in ("trace_id", "span_id", "parent_id", "start", "duration", "error")
    )
    assert is_text_map(span["meta"])


@settings(UNHURRIED, max_examples=300)
@given(event=mutated(), given_settings=SETTINGS)
def test_an_event_with_odd_fields_is_taken_as_far_as_it_goes(event, given_settings):
    check(event, given_settings)


@settings(UNHURRIED, max_examples=200)
@given(event=wrapped(), given_settings=SETTINGS)
def test_an_event_in_events_is_taken_as_far_as_it_goes(event, given_settings):
    check(event, given_settings)


@settings(UNHURRIED)
@given(event=JSON)
def test_any_json_is_an_event(event):
    check(event, TriggerSettings())


# Names of members by which sources are known; the last ones are topics, and the first record of one.
# fmt: off
KNOWN_BY = {
    "version", "rawQueryString", "requestContext", "domainName", "stage", "httpMethod", "resource", "messageDirection", "elb",
    "targetGroupArn", "records", "topic", "Records", "eventSource", "Sns", "dynamodb", "s3", "kinesis", "detail-type", "source",
    "Execution", "Id", "State", "Name", "EnteredTime", "Payload", "_datadog", "awslogs", "data", "alarmData", "cf", "ses", "raw_path",
    "method", "serviceNetworkArn", "serviceArn", "info", "fieldName", "parentTypeName", "channel", "operation", "authorizationToken",
    "apiId", "triggerSource", "userPoolId", "agent", "actionGroup", "eventType", "eventId", "clientId", "sessionIdentifier",
    "certificateId", "templateArn", "protocolData", "mqtt", "topic1", "demo-topic-0", "orders-0", "0",
}
# fmt: on


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("odd", [None, "text", {}], ids=repr)
def test_one_odd_field_never_makes_an_event_unknown(path, odd):
    """Each place of each sample in turn. Only what a source is known by may take its name away, and that raises neither."""
    text = path.read_text(encoding="utf-8")
    source = infer(json.loads(text), TriggerSettings(), lambda: 1).source
    for place in [place for place in paths_of(json.loads(text)) if place]:
        event = json.loads(text)
        put(event, place, odd)
        check(event, TriggerSettings())
        if type(place[-1]) is str and place[-1] not in KNOWN_BY:
            assert infer(event, TriggerSettings(), lambda: 1).source == source, place


@pytest.mark.parametrize("depth", [50, 900])
def test_a_deep_event_is_no_deeper_for_us(depth):
    event = json.loads('{"headers":' * depth + "{}" + "}" * depth)
    check(event, TriggerSettings())
