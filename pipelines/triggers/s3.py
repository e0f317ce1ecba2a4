"""S3 notifications. They carry no context, but point to the span that wrote the object. (specification, triggers 6.10 and 7)"""

from urllib.parse import unquote_plus

from pipelines.triggers.batches import upper_records
from pipelines.triggers.fields import constant, dig, rules, text, time_to_ns
from pipelines.triggers.model import FUNCTION_TRIGGER, Pointer, Record, Source, SpanRule
from pipelines.triggers.names import part
from pipelines.triggers.pointers import pointer_hash


def bucket(record: Record) -> str:
    return text(record, "s3", "bucket", "name") or part(text(record, "s3", "bucket", "arn"), ":", -1)


def pointer(record: Record) -> Pointer | None:
    """Of an object that was written; the key comes as in a URL's query, and is hashed as the writer knew it."""
    if not text(record, "eventName").removeprefix("s3:").startswith("ObjectCreated:"):
        return None
    key, tag = unquote_plus(text(record, "s3", "object", "key")), text(record, "s3", "object", "eTag").strip('"')
    return Pointer("aws.s3.object", pointer_hash([bucket(record), key, tag])) if bucket(record) and key and tag else None


SOURCE = Source(
    name="s3",
    title="S3",
    event_source="s3",
    recognised_is="`Records[0].s3` is there",
    tags=rules({FUNCTION_TRIGGER: constant("s3")}),
    arn=lambda record, settings: text(record, "s3", "bucket", "arn") or text(record, "eventSource"),
    arn_is="the bucket",
    is_async=True,
    span=SpanRule(
        name="aws.s3",
        type="web",
        resource=bucket,
        start_ns=lambda record: time_to_ns(dig(record, "eventTime")),
        meta=rules(
            {
                "operation_name": constant("aws.s3"),
                "event_name": "eventName",
                "bucketname": bucket,
                "bucket_arn": "s3.bucket.arn",
                "object_key": "s3.object.key",
                "object_size": "s3.object.size",
                "object_etag": "s3.object.eTag",
            }
        ),
        specific=bucket,
        generic="lambda_s3",
        instance=bucket,
        fallback="s3",
    ),
    pointer=pointer,
    records=upper_records,
)
