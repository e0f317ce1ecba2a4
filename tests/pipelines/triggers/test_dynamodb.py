"""DynamoDB streams (specification, triggers 6.9 and 7)."""

import pytest

from pipelines.triggers.dynamodb import pointer

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/ExampleTableWithStream/stream/2015-06-27T00:48:05.899"


def test_the_span_is_the_change(span_of, own_meta):
    span = span_of("dynamodb_event")
    assert (span["name"], span["service"]) == ("aws.dynamodb", "ExampleTableWithStream")
    assert (span["resource"], span["type"], span["start"]) == ("INSERT ExampleTableWithStream", "web", 1428537600000000000)
    assert own_meta(span) == {
        "operation_name": "aws.dynamodb",
        "event_id": "c4ca4238a0b923820dcc509a6f75849b",
        "event_name": "INSERT",
        "event_version": "1.1",
        "event_source_arn": ARN,
        "size_bytes": "26",
        "stream_view_type": "NEW_AND_OLD_IMAGES",
        "table_name": "ExampleTableWithStream",
    }


def test_the_tags_name_the_stream(inferred):
    found = inferred("dynamodb_event")
    assert found.tags == {"function_trigger.event_source": "dynamodb", "function_trigger.event_source_arn": ARN}
    assert [pointer.hash for pointer in found.pointers] == ["e2af34d333891f765c7f02d2da80895e"]


def a_record(keys, table="TestTable"):
    return {"eventSourceARN": f"arn:aws:dynamodb:us-east-1:1:table/{table}/stream/x", "dynamodb": {"Keys": keys}}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"id": {"S": "abc123"}}, "69706c9e1e41a2f0cf8c0650f91cb0c2"),
        ({"num_key": {"N": "42"}, "bin_key": {"B": "SGVsbG8gV29ybGQ="}}, "2031d2d69b45adc3d5c27691924ddfcc"),
        ({"bin_key": {"B": "SGVsbG8gV29ybGQ="}, "num_key": {"N": "42"}}, "2031d2d69b45adc3d5c27691924ddfcc"),
        ({"bin_key": {"B": "SGVsbG8gV29ybGQ="}, "num_key": {"N": "42"}, "z": {"S": "third"}}, "2031d2d69b45adc3d5c27691924ddfcc"),
    ],
)
def test_an_item_is_pointed_to_by_its_key(keys, expected):
    found = pointer(a_record(keys))
    assert (found.kind, found.hash) == ("aws.dynamodb.item", expected)


def test_an_empty_binary_is_a_value():
    assert pointer(a_record({"id": {"B": ""}})) == pointer(a_record({"id": {"S": ""}}))


@pytest.mark.parametrize(
    "keys", [{}, None, [], {"id": {"B": "/w=="}}, {"id": {"B": "!"}}, {"id": {"B": 7}}, {"id": {"S": 7}}, {"id": {}}, {"id": None}]
)
def test_a_key_that_cannot_be_read_points_nowhere(keys):
    assert pointer(a_record(keys)) is None


def test_without_a_table_there_is_no_pointer():
    assert pointer(a_record({"id": {"S": "abc123"}}, table="")) is None
