"""Amazon MSK. (specification, triggers 6.6)"""

from pipelines.triggers import kafka
from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule
from pipelines.triggers.names import part


def cluster(record: Record) -> str:
    return part(text(record, "event", "eventSourceArn"), "/", 1)


SOURCE = Source(
    name="msk",
    title="Amazon MSK",
    event_source="msk",
    recognised_is="`records` is an object, and a record in it has a `topic`",
    tags=rules({FUNCTION_TRIGGER: constant("msk")}),
    arn=lambda record, settings: text(record, "event", "eventSourceArn"),
    arn_is="the cluster",
    is_async=True,
    span=SpanRule(
        name="aws.msk",
        type="web",
        resource=lambda record: text(record, "record", "topic"),
        start_ns=lambda record: ms_to_ns(dig(record, "record", "timestamp")),
        meta=rules(
            {
                "operation_name": constant("aws.msk"),
                "topic": "record.topic",
                "partition": "record.partition",
                "event_source": "event.eventSource",
                "event_source_arn": "event.eventSourceArn",
            }
        ),
        specific=cluster,
        generic="lambda_msk",
        instance=cluster,
        fallback="msk",
    ),
    carrier=kafka.carrier,
    carrier_is="the record's `headers`",
    records=kafka.kafka_records,
)
