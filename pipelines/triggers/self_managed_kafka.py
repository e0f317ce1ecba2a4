"""Kafka that is not MSK. It has no ARN, and its brokers come in any order: the topic names it. Unknown to the reference."""

from pipelines.triggers import kafka
from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule


def topic(record: Record) -> str:
    return text(record, "record", "topic")


SOURCE = Source(
    name="self_managed_kafka",
    title="Kafka, self-managed",
    event_source="kafka",
    is_addition=True,
    recognised_is='as MSK, and `eventSource` is "aws:SelfManagedKafka"',
    tags=rules({FUNCTION_TRIGGER: constant("kafka")}),
    arn=lambda record, settings: text(record, "event", "eventSourceArn"),
    arn_is="none",
    is_async=True,
    span=SpanRule(
        name="aws.kafka",
        type="web",
        resource=topic,
        start_ns=lambda record: ms_to_ns(dig(record, "record", "timestamp")),
        meta=rules(
            {
                "operation_name": constant("aws.kafka"),
                "topic": "record.topic",
                "partition": "record.partition",
                "event_source": "event.eventSource",
                "bootstrap_servers": "event.bootstrapServers",
            }
        ),
        specific=topic,
        generic="lambda_kafka",
        instance=topic,
        fallback="kafka",
    ),
    carrier=kafka.carrier,
    carrier_is="the record's `headers`",
    records=kafka.kafka_records,
)
