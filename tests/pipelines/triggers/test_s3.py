"""S3 notifications (specification, triggers 6.10 and 7)."""

import pytest

from pipelines.triggers.pointers import pointer_hash


def test_the_span_is_the_notification(span_of, own_meta):
    span = span_of("s3_event")
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.s3", "example-bucket", "example-bucket", "web")
    assert span["start"] == 1673049600000000000
    assert own_meta(span) == {
        "operation_name": "aws.s3",
        "event_name": "ObjectCreated:Put",
        "bucketname": "example-bucket",
        "bucket_arn": "arn:aws:s3:::example-bucket",
        "object_key": "test/key",
        "object_size": "1024",
        "object_etag": "0123456789abcdef0123456789abcdef",
    }


def test_the_tags_name_the_bucket(inferred):
    assert inferred("s3_event").tags == {
        "function_trigger.event_source": "s3",
        "function_trigger.event_source_arn": "arn:aws:s3:::example-bucket",
    }


def test_a_removed_object_has_no_tag_no_size_and_no_pointer(inferred, payload, own_meta):
    event = payload("s3_event")
    event["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    del event["Records"][0]["s3"]["object"]["eTag"], event["Records"][0]["s3"]["object"]["size"]
    found = inferred(event)
    assert found.pointers == ()
    assert own_meta(found.spans[0])["event_name"] == "ObjectRemoved:Delete"


@pytest.mark.parametrize(
    ("bucket", "key", "tag", "expected"),
    [
        ("test-bucket", "test/key", "0123456789abcdef0123456789abcdef", "40df87dbfdf59f32253a2668c23e51b4"),
        ("test-bucket", "test/key", '"0123456789abcdef0123456789abcdef"', "40df87dbfdf59f32253a2668c23e51b4"),
        ("b", "a+key%3D%E4%BD%A0", "t", pointer_hash(["b", "a key=你", "t"])),
        ("", "test/key", "0123456789abcdef0123456789abcdef", None),
        ("test-bucket", "", "0123456789abcdef0123456789abcdef", None),
        ("test-bucket", "test/key", '""', None),
        ("test-bucket", "test/key", None, None),
    ],
)
def test_an_object_is_pointed_to_by_what_the_writer_knew(inferred, bucket, key, tag, expected):
    record = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key, "eTag": tag}}}
    assert [pointer.hash for pointer in inferred({"Records": [record]}).pointers] == ([expected] if expected else [])


def test_a_bucket_without_a_name_has_that_of_its_arn(span_of):
    assert span_of({"Records": [{"s3": {"bucket": {"arn": "arn:aws:s3:::b"}}}]})["service"] == "b"


def test_without_a_bucket_the_arn_is_the_source(inferred):
    assert inferred({"Records": [{"eventSource": "aws:s3", "s3": None}]}).tags["function_trigger.event_source_arn"] == "aws:s3"
