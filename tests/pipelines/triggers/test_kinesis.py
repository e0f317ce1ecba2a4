"""Kinesis (specification, triggers 6.12)."""

from base64 import b64encode

import pytest

from pipelines.triggers.budget import Budget
from pipelines.triggers.kinesis import DATA_CHARS_MAX, carrier

ARN = "arn:aws:kinesis:sa-east-1:425362996713:stream/kinesisStream"
EVENT_ID = "shardId-000000000002:49624230154685806402418173680709770494154422022871973922"


def test_the_span_is_the_record(span_of, own_meta):
    span = span_of("kinesis_event")
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.kinesis", "kinesisStream", "kinesisStream", "web")
    assert span["start"] == 1643638425163000064
    assert own_meta(span) == {
        "operation_name": "aws.kinesis",
        "stream_name": "kinesisStream",
        "shard_id": "shardId-000000000002",
        "event_source_arn": ARN,
        "event_id": EVENT_ID,
        "event_name": "aws:kinesis:record",
        "event_version": "1.0",
        "partition_key": "partitionkey",
    }


def test_the_tags_name_the_stream(inferred):
    found = inferred("kinesis_event")
    assert found.tags == {"function_trigger.event_source": "kinesis", "function_trigger.event_source_arn": ARN}
    assert found.contexts == (
        {"x-datadog-trace-id": "4948377316357291421", "x-datadog-parent-id": "2876253380018681026", "x-datadog-sampling-priority": "1"},
    )


def packed(data):
    return {"kinesis": {"data": b64encode(data).decode()}}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (packed(b'{"_datadog": {"traceparent": "a"}}'), {"traceparent": "a"}),
        (packed(b'{"_datadog": "text"}'), {}),
        (packed(b'["_datadog"]'), {}),
        (packed(b'{"_datadog": {'), {}),
        (packed(b"\xff\x00"), None),
        (packed(b'{"_datadog": {"traceparent": "a"}}' + b" " * DATA_CHARS_MAX), None),
        ({"kinesis": {"data": "not base64!"}}, None),
        ({"kinesis": {"data": None}}, None),
        ({"kinesis": None}, None),
    ],
)
def test_data_may_hold_a_carrier(record, expected):
    assert carrier(record, Budget()) == expected


def test_a_batch_of_large_data_is_parsed_in_part():
    data = packed(b'{"_datadog": {"traceparent": "a"}, "more": "' + b"x" * 40_000 + b'"}')
    budget = Budget()
    found = [carrier(data, budget) for _ in range(20)]
    assert found[0] == {"traceparent": "a"}
    assert found[-1] is None
    assert budget.refused
