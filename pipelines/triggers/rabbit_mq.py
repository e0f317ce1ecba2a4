"""Amazon MQ for RabbitMQ. Its times are texts for people, without a zone: the span begins with the invocation. Unknown to the reference."""

from itertools import islice
from typing import Any

from pipelines.triggers.batches import RECORDS_MAX
from pipelines.triggers.budget import Budget
from pipelines.triggers.fields import constant, dig, rules, text
from pipelines.triggers.kafka import HEADERS_MAX, header_text
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Record, Source, SpanRule


def records(event: Any) -> list[Record]:
    """`{"event", "queue", "message"}` of each message; a queue's key is its name and its virtual host, `orders::/`."""
    queues = dig(event, "rmqMessagesByQueue")
    found: list[Record] = []
    for key, messages in islice(queues.items() if type(queues) is dict else (), RECORDS_MAX):
        first = messages[: RECORDS_MAX + 1 - len(found)] if type(messages) is list else ()
        found.extend({"event": event, "queue": key, "message": each} for each in first)
    return found or [{"event": event, "queue": "", "message": {}}]


def queue(record: Record) -> str:
    return text(record, "queue").partition("::")[0]


def carrier(record: Record, budget: Budget) -> Carrier:
    """Headers whose values are texts, which come as `{"bytes": [...]}`."""
    headers = dig(record, "message", "basicProperties", "headers")
    found: Carrier = {}
    for name, value in islice(headers.items(), HEADERS_MAX) if type(headers) is dict else ():
        shown = value if type(value) is str else header_text(dig(value, "bytes"), budget)
        if shown is not None:
            found[name.lower()] = shown
    return found


SOURCE = Source(
    name="rabbit_mq",
    title="Amazon MQ (RabbitMQ)",
    event_source="amazon-mq",
    is_addition=True,
    recognised_is='`eventSource` is "aws:rmq"',
    tags=rules({FUNCTION_TRIGGER: constant("amazon-mq")}),
    arn=lambda record, settings: text(record, "event", "eventSourceArn"),
    arn_is="the broker",
    is_async=True,
    span=SpanRule(
        name="aws.mq",
        type="web",
        resource=queue,
        start_ns=lambda record: 0,
        meta=rules(
            {
                "operation_name": constant("aws.mq"),
                "queue": queue,
                "virtual_host": lambda record: text(record, "queue").partition("::")[2] or None,
                "redelivered": "message.redelivered",
                "event_source_arn": "event.eventSourceArn",
            }
        ),
        specific=queue,
        generic="lambda_mq",
        instance=queue,
        fallback="mq",
    ),
    carrier=carrier,
    carrier_is="the message's `basicProperties.headers`",
    records=records,
)
