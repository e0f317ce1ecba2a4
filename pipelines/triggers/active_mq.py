"""Amazon MQ for ActiveMQ. Unknown to the reference."""

from typing import Any

from pipelines.triggers.batches import objects
from pipelines.triggers.fields import as_carrier, constant, dig, ms_to_ns, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Record, Source, SpanRule


def records(event: Any) -> list[Record]:
    return [{"event": event, "message": each} for each in objects(dig(event, "messages"))]


def queue(record: Record) -> str:
    return text(record, "message", "destination", "physicalName")


def carrier(record: Record) -> Carrier:
    """The message's properties. JMS allows no hyphen in their names: tracers write `__dash__` for it."""
    properties = as_carrier(dig(record, "message", "properties"))
    return {name.replace("__dash__", "-"): value for name, value in properties.items()}


SOURCE = Source(
    name="active_mq",
    title="Amazon MQ (ActiveMQ)",
    event_source="amazon-mq",
    is_addition=True,
    recognised_is='`eventSource` is "aws:amq"',
    tags=rules({FUNCTION_TRIGGER: constant("amazon-mq")}),
    arn=lambda record, settings: text(record, "event", "eventSourceArn"),
    arn_is="the broker",
    is_async=True,
    span=SpanRule(
        name="aws.mq",
        type="web",
        resource=queue,
        start_ns=lambda record: ms_to_ns(dig(record, "message", "timestamp")) or ms_to_ns(dig(record, "message", "brokerInTime")),
        meta=rules(
            {
                "operation_name": constant("aws.mq"),
                "queue": queue,
                "message_id": "message.messageID",
                "message_type": "message.messageType",
                "redelivered": "message.redelivered",
                "event_source_arn": "event.eventSourceArn",
            }
        ),
        specific=queue,
        generic="lambda_mq",
        instance=queue,
        fallback="mq",
    ),
    carrier=lambda record, budget: carrier(record),
    carrier_is="the message's `properties`",
    records=records,
)
