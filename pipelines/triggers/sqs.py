"""SQS, and what comes through it: SNS messages, EventBridge and S3 events in the body. (specification, triggers 6.7)"""

from pipelines.triggers.batches import upper_records
from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, DerivedContext, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import part, partition
from pipelines.triggers.wrapped import binary_carrier, parse_carrier

ROOT_LENGTH = len("Root=1-xxxxxxxx-yyyyyyyyyyyyyyyyyyyyyyyy")


def queue(record: Record) -> str:
    return part(text(record, "eventSourceARN"), ":", -1)


def arn(record: Record, settings: TriggerSettings) -> str:
    """Built anew with the function's region, which is the queue's: Lambda polls no other. "" if the event's is no queue's ARN."""
    parts = text(record, "eventSourceARN").split(":")
    return f"arn:{partition(settings.region)}:sqs:{settings.region}:{parts[4]}:{parts[5]}" if len(parts) == 6 else ""


def carrier(record: Record) -> Carrier | None:
    """The attribute `_datadog`; a type may have a label of its own behind it, such as `Binary.custom`."""
    attribute = dig(record, "messageAttributes", "_datadog")
    kind, value = text(attribute, "dataType"), dig(attribute, "stringValue")
    if kind.startswith("String") and type(value) is str:
        return parse_carrier(value)
    if kind.startswith("Binary"):
        return binary_carrier(dig(attribute, "binaryValue"))
    return None


def derived(record: Record) -> DerivedContext | None:
    """The message's X-Ray header, `Root=1-…;Parent=…;Sampled=1`, of which Datadog's Java tracer makes use. Any X-Ray header qualifies.

    X-Ray's ids are our ids: the last 16 digits of the trace's, and the segment's. A header cut short is none.
    """
    header = text(record, "attributes", "AWSTraceHeader")
    fields = {name: value for name, _, value in (field.partition("=") for field in header.split(";"))}
    root = header.partition(";")[0]
    if not root.startswith("Root=") or len(root) < ROOT_LENGTH:
        return None
    trace_id, span_id = hexadecimal(root[24:]), hexadecimal(fields.get("Parent", ""))
    return DerivedContext(trace_id, span_id, 1 if fields.get("Sampled") == "1" else 0) if trace_id and span_id else None


def hexadecimal(digits: str) -> int:
    """0 for what is no id of 64 bits."""
    if len(digits) > 16 or not digits.isalnum():
        return 0
    try:
        return int(digits, 16)
    except ValueError:
        return 0


SOURCE = Source(
    name="sqs",
    title="SQS",
    event_source="sqs",
    recognised_is='`Records[0].eventSource` is "aws:sqs"',
    tags=rules(
        {
            "retry_count": "attributes.ApproximateReceiveCount",
            "sender_id": "attributes.SenderId",
            "source_arn": "eventSourceARN",
            "aws_region": "awsRegion",
            FUNCTION_TRIGGER: constant("sqs"),
        }
    ),
    arn=arn,
    arn_is="the queue",
    is_async=True,
    span=SpanRule(
        name="aws.sqs",
        type="web",
        resource=queue,
        start_ns=lambda record: ms_to_ns(dig(record, "attributes", "SentTimestamp")),
        meta=rules(
            {
                "operation_name": constant("aws.sqs"),
                "receipt_handle": "receiptHandle",
                "retry_count": "attributes.ApproximateReceiveCount",
                "sender_id": "attributes.SenderId",
                "source_arn": "eventSourceARN",
                "aws_region": "awsRegion",
            }
        ),
        specific=queue,
        generic="lambda_sqs",
        instance=queue,
        fallback="sqs",
    ),
    carrier=lambda record, budget: carrier(record),
    carrier_is="`messageAttributes._datadog` (text or binary), else what the body wraps, else `attributes.AWSTraceHeader`",
    derived=derived,
    inner=lambda record: body if type(body := dig(record, "body")) is str else "",
    records=upper_records,
)
