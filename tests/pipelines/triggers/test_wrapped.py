import json
from base64 import b64encode

import pytest

from pipelines.triggers.budget import INNER_CHARS_MAX, Budget
from pipelines.triggers.wrapped import (
    CARRIER_CHARS_MAX,
    binary_carrier,
    embedded_carrier,
    find_inner,
    parse,
    parse_carrier,
)

SNS = {"TopicArn": "arn:topic", "MessageId": "1", "Message": "text"}
EVENT = {"detail-type": "Placed", "source": "shop", "detail": {}}
S3 = {"Records": [{"s3": {}}]}


@pytest.mark.parametrize(
    ("value", "name", "event"),
    [
        (SNS, "sns", {"Sns": SNS}),
        (EVENT, "eventbridge", EVENT),
        (EVENT | {"source": "aws.events"}, "eventbridge", EVENT | {"source": "aws.events"}),
        (S3, "s3", S3),
        (SNS | {"MessageId": None}, "", None),
        (EVENT | {"source": 7}, "", None),
        ({"Records": []}, "", None),
        ({"Records": [{"s3": None}]}, "", None),
        ({"Records": {"s3": {}}}, "", None),
        ({"hello": "TopicArn detail-type s3"}, "", None),
    ],
)
def test_a_body_may_wrap_the_event_of_another_source(value, name, event):
    assert find_inner(json.dumps(value), Budget()) == (name, event)


@pytest.mark.parametrize("body", ["", "Hello", "[]", '["TopicArn"]', '{"TopicArn"', '{"s3":' * 100_000, '{"s3":' + "[" * 50_000])
def test_what_is_no_event_wraps_none(body):
    assert find_inner(body, Budget()) == ("", None)


def test_white_space_before_the_brace_is_no_matter():
    assert find_inner("\n  " + json.dumps(SNS), Budget())[0] == "sns"


def test_what_does_not_fit_the_budget_is_not_looked_at():
    budget = Budget()
    large = json.dumps(SNS | {"Message": "x" * INNER_CHARS_MAX})
    assert find_inner(large, budget) == ("", None)
    assert budget.refused
    assert find_inner(json.dumps(SNS), budget)[0] == "sns"


def test_all_bodies_of_a_batch_share_one_budget():
    budget = Budget()
    half = json.dumps(SNS | {"Message": "x" * (INNER_CHARS_MAX // 2)})
    assert find_inner(half, budget)[0] == "sns"
    assert not budget.refused
    assert find_inner(half, budget)[0] == ""
    assert budget.refused


def test_text_that_cannot_be_parsed_is_none():
    assert parse("{") is None
    assert parse("[" * 100_000) is None
    assert parse(b"\xff") is None
    assert parse("1" * 10_000) is None
    assert parse('{"a": 1}') == {"a": 1}


def test_carriers_come_as_texts_objects_and_base64():
    source = '{"X-Datadog-Trace-Id": "7", "more": []}'
    assert parse_carrier(source) == embedded_carrier(source) == embedded_carrier(json.loads(source)) == {"x-datadog-trace-id": "7"}
    assert binary_carrier(b64encode(source.encode()).decode()) == {"x-datadog-trace-id": "7"}
    assert binary_carrier(b64encode(b'{"a": "\xff"}').decode()) == {"a": "\ufffd"}


@pytest.mark.parametrize("value", ["", "text", "[]", '"text"', None, 7, "=", "{" * 10, " " * CARRIER_CHARS_MAX + "{}"])
def test_what_is_no_carrier_is_an_empty_one(value):
    assert embedded_carrier(value) == {}
    assert binary_carrier(value) == {}


def test_a_carrier_that_is_too_large_is_not_read():
    large = json.dumps({"traceparent": "x" * CARRIER_CHARS_MAX})
    assert parse_carrier(large) == {}
    assert binary_carrier(b64encode(large.encode()).decode()) == {}
