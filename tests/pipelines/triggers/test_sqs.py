"""SQS (specification, triggers 6.7)."""

import json
from base64 import b64encode

import pytest

from pipelines.triggers.model import DerivedContext
from pipelines.triggers.sqs import derived

ARN = "arn:aws:sqs:us-east-1:123456789012:MyQueue"


def test_the_span_is_the_message(span_of, own_meta):
    span = span_of("sqs_event")
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.sqs", "MyQueue", "MyQueue", "web")
    assert span["start"] == 1523232000000000000
    assert own_meta(span) == {
        "operation_name": "aws.sqs",
        "receipt_handle": "MessageReceiptHandle",
        "retry_count": "1",
        "sender_id": "123456789012",
        "source_arn": ARN,
        "aws_region": "us-east-1",
    }


def test_the_tags_are_the_messages(inferred):
    assert inferred("sqs_event").tags == {
        "retry_count": "1",
        "sender_id": "123456789012",
        "source_arn": ARN,
        "aws_region": "us-east-1",
        "function_trigger.event_source": "sqs",
        "function_trigger.event_source_arn": ARN,
    }


@pytest.mark.parametrize(
    ("arn", "region", "expected"),
    [
        (ARN, "us-gov-east-1", "arn:aws-us-gov:sqs:us-gov-east-1:123456789012:MyQueue"),
        ("arn:aws:sqs:us-east-1:MyQueue", "us-east-1", ""),
        (f"{ARN}:more", "us-east-1", ""),
        (None, "us-east-1", ""),
    ],
)
def test_the_arn_is_made_anew_where_it_is_a_queues(inferred, payload, arn, region, expected):
    event = payload("sqs_event")
    event["Records"][0]["eventSourceARN"] = arn
    assert inferred(event, region=region).tags["function_trigger.event_source_arn"] == expected


CARRIERS = {
    "sns_sqs_binary_event": {
        "x-datadog-trace-id": "5863834085596065348",
        "x-datadog-parent-id": "2752725546543693249",
        "x-datadog-sampling-priority": "1",
        "x-datadog-tags": "_dd.p.dm=-1,_dd.p.tid=6801584a00000000",
        "tracestate": "dd=s:1;p:2633a54ccde13dc1;t.tid:6801584a00000000;t.dm:-1",
        "traceparent": "00-6801584a00000000516086086dc7ee44-2633a54ccde13dc1-01",
    },
    "eventbridge_sqs_event": {
        "x-datadog-trace-id": "7379586022458917877",
        "x-datadog-parent-id": "2644033662113726488",
        "x-datadog-sampling-priority": "1",
        "x-datadog-tags": "_dd.p.dm=-0",
        "traceparent": "00-000000000000000066698e63821a03f5-24b17e9b6476c018-01",
        "tracestate": "dd=t.dm:-0;s:1",
    },
    "sqs_event_binary_custom_label": {
        "x-datadog-trace-id": "3333333333333333333",
        "x-datadog-parent-id": "4444444444444444444",
        "x-datadog-sampling-priority": "1",
    },
}


@pytest.mark.parametrize("name", CARRIERS)
def test_the_carrier_is_whole(inferred, name):
    assert inferred(name).contexts[0] == CARRIERS[name]


SOURCE_TEXT = '{"x-datadog-trace-id": "7"}'
PACKED = b64encode(SOURCE_TEXT.encode()).decode()


@pytest.mark.parametrize(
    ("attribute", "is_read"),
    [
        ({"dataType": "String", "stringValue": SOURCE_TEXT}, True),
        ({"dataType": "String.json", "stringValue": SOURCE_TEXT}, True),
        ({"dataType": "Binary", "binaryValue": PACKED}, True),
        ({"dataType": "Binary.custom", "binaryValue": PACKED, "stringValue": None}, True),
        ({"dataType": "Binary", "binaryValue": "not base64!"}, False),
        ({"dataType": "Binary", "stringValue": SOURCE_TEXT}, False),
        ({"dataType": "String", "stringValue": None}, False),
        ({"dataType": "String", "stringValue": {"x-datadog-trace-id": "7"}}, False),
        ({"dataType": "Number", "stringValue": SOURCE_TEXT}, False),
        ({"stringValue": SOURCE_TEXT}, False),
        (None, False),
        ("text", False),
    ],
)
def test_the_attribute_says_how_it_is_written(inferred, payload, attribute, is_read):
    event = payload("sqs_event")
    event["Records"][0]["messageAttributes"] = {"_datadog": attribute}
    assert inferred(event).contexts == (({"x-datadog-trace-id": "7"},) if is_read else ())


def test_sns_in_sqs_without_attributes_is_sns_in_sqs(inferred, payload):
    event = payload("sns_sqs_event")
    body = json.loads(event["Records"][0]["body"])
    del body["MessageAttributes"]
    event["Records"][0]["body"] = json.dumps(body)
    assert [span["name"] for span in inferred(event).spans] == ["aws.sqs", "aws.sns"]


ROOT = "Root=1-64cc2edd-112fbf1701d1355973a11d57"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"{ROOT};Parent=7d5a9776024b2d42;Sampled=0", DerivedContext(130944522478755159, 9032698535745367362, 0)),
        (f"{ROOT};Parent=7d5a9776024b2d42;Sampled=1", DerivedContext(130944522478755159, 9032698535745367362, 1)),
        (f"{ROOT};Parent=7d5a9776024b2d42", DerivedContext(130944522478755159, 9032698535745367362, 0)),
        (f"{ROOT};Sampled=1;Parent=7d5a9776024b2d42;Lineage=1:2", DerivedContext(130944522478755159, 9032698535745367362, 1)),
        (f"{ROOT};Parent=0000000000000000", None),
        (f"{ROOT};Parent=xyz", None),
        (f"{ROOT};Parent=17d5a9776024b2d42", None),
        (f"{ROOT};Parent=1_0", None),
        (f"{ROOT};Parent=-1", None),
        (ROOT, None),
        ("Root=1-64cc2edd;Parent=7d5a9776024b2d42", None),
        ("Root=1-64cc2edd-112fbf170000000000000000;Parent=7d5a9776024b2d42", None),
        ("Parent=7d5a9776024b2d42;Root=1-64cc2edd-112fbf1701d1355973a11d57", None),
        ("Root=", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_an_x_ray_header_is_a_context_if_it_is_whole(header, expected):
    assert derived({"attributes": {"AWSTraceHeader": header}}) == expected


@pytest.mark.parametrize("value", ["soon", None, -1, {}])
def test_a_message_without_a_time_begins_with_the_invocation(span_of, payload, value):
    event = payload("sqs_event")
    event["Records"][0]["attributes"]["SentTimestamp"] = value
    assert span_of(event)["start"] == 0
