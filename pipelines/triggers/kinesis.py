"""Kinesis data streams. (specification, triggers 6.12)"""

from pipelines.triggers.batches import upper_records
from pipelines.triggers.budget import Budget
from pipelines.triggers.fields import constant, decode_base64, dig, rules, s_to_ns, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Record, Source, SpanRule
from pipelines.triggers.names import part
from pipelines.triggers.wrapped import embedded_carrier, parse

DATA_CHARS_MAX = 64 * 1024
"""Of the data of one record that is searched for a context, in base64."""


def stream(record: Record) -> str:
    return part(text(record, "eventSourceARN"), "/", -1)


def carrier(record: Record, budget: Budget) -> Carrier | None:
    """The data's own `_datadog`, where the data is a JSON object; other data is not parsed."""
    data = dig(record, "kinesis", "data")
    if type(data) is not str or len(data) > DATA_CHARS_MAX:
        return None
    decoded = decode_base64(data)
    is_worth_it = b'"_datadog"' in decoded and budget.take_json(decoded.decode("latin-1"))
    return embedded_carrier(dig(parse(decoded), "_datadog")) if is_worth_it else None


SOURCE = Source(
    name="kinesis",
    title="Kinesis",
    event_source="kinesis",
    recognised_is="`Records[0].kinesis` is there",
    tags=rules({FUNCTION_TRIGGER: constant("kinesis")}),
    arn=lambda record, settings: text(record, "eventSourceARN"),
    arn_is="the stream",
    is_async=True,
    span=SpanRule(
        name="aws.kinesis",
        type="web",
        resource=stream,
        start_ns=lambda record: s_to_ns(dig(record, "kinesis", "approximateArrivalTimestamp")),
        meta=rules(
            {
                "operation_name": constant("aws.kinesis"),
                "stream_name": stream,
                "shard_id": lambda record: text(record, "eventID").partition(":")[0] or None,
                "event_source_arn": "eventSourceARN",
                "event_id": "eventID",
                "event_name": "eventName",
                "event_version": "eventVersion",
                "partition_key": "kinesis.partitionKey",
            }
        ),
        specific=stream,
        generic="lambda_kinesis",
        instance=stream,
        fallback="kinesis",
    ),
    carrier=carrier,
    carrier_is="`_datadog` of the JSON in `kinesis.data`",
    records=upper_records,
)
