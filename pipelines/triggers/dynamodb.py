"""DynamoDB streams. They carry no context, but point to the span that wrote the item. (specification, triggers 6.9 and 7)"""

from pipelines.triggers.batches import upper_records
from pipelines.triggers.fields import constant, decode_base64, dig, rules, s_to_ns, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Pointer, Record, Source, SpanRule
from pipelines.triggers.names import part
from pipelines.triggers.pointers import pointer_hash


def table(record: Record) -> str:
    return part(text(record, "eventSourceARN"), "/", 1)


def resource(record: Record) -> str:
    return f"{text(record, 'eventName')} {table(record)}"


def pointer(record: Record) -> Pointer | None:
    """Of the item's key: one attribute or two, in the order of their names. A key that cannot be read points nowhere."""
    keys = dig(record, "dynamodb", "Keys")
    if type(keys) is not dict or not keys or not table(record):
        return None
    parts = [table(record)]
    for name in sorted(keys)[:2]:
        value = key_text(keys[name])
        if value is None:
            return None
        parts += [name, value]
    return Pointer("aws.dynamodb.item", pointer_hash([*parts, "", ""][:5]))


def key_text(value: object) -> str | None:
    """Of `{"S": "text"}`, `{"N": "12"}` or `{"B": "base64 of UTF-8"}`."""
    for kind in ("S", "N"):
        found = dig(value, kind)
        if type(found) is str:
            return found
    binary = dig(value, "B")
    if type(binary) is not str:
        return None
    decoded = decode_base64(binary)
    try:
        return decoded.decode() if decoded or not binary else None
    except UnicodeDecodeError:
        return None


SOURCE = Source(
    name="dynamodb",
    title="DynamoDB streams",
    event_source="dynamodb",
    recognised_is="`Records[0].dynamodb` is there",
    tags=rules({FUNCTION_TRIGGER: constant("dynamodb")}),
    arn=lambda record, settings: text(record, "eventSourceARN"),
    arn_is="the stream",
    is_async=True,
    span=SpanRule(
        name="aws.dynamodb",
        type="web",
        resource=resource,
        start_ns=lambda record: s_to_ns(dig(record, "dynamodb", "ApproximateCreationDateTime")),
        meta=rules(
            {
                "operation_name": constant("aws.dynamodb"),
                "event_id": "eventID",
                "event_name": "eventName",
                "event_version": "eventVersion",
                "event_source_arn": "eventSourceARN",
                "size_bytes": "dynamodb.SizeBytes",
                "stream_view_type": "dynamodb.StreamViewType",
                "table_name": table,
            }
        ),
        specific=table,
        generic="lambda_dynamodb",
        instance=table,
        fallback="dynamodb",
    ),
    pointer=pointer,
    records=upper_records,
)
