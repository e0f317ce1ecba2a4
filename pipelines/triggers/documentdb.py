"""DocumentDB change streams. They carry no context. Unknown to the reference."""

from typing import Any

from pipelines.triggers.batches import objects
from pipelines.triggers.fields import constant, dig, rules, s_to_ns, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule
from pipelines.triggers.names import part


def records(event: Any) -> list[Record]:
    return [{"event": event, "change": dig(each, "event")} for each in objects(dig(event, "events"))]


def cluster(record: Record) -> str:
    return part(text(record, "event", "eventSourceArn"), ":", 6)


def collection(record: Record) -> str:
    return f"{text(record, 'change', 'ns', 'db')}.{text(record, 'change', 'ns', 'coll')}".strip(".")


def resource(record: Record) -> str:
    """`insert shop.orders`."""
    return f"{text(record, 'change', 'operationType')} {collection(record)}"


SOURCE = Source(
    name="documentdb",
    title="DocumentDB change streams",
    event_source="documentdb",
    is_addition=True,
    recognised_is='`eventSource` is "aws:docdb"',
    tags=rules({FUNCTION_TRIGGER: constant("documentdb")}),
    arn=lambda record, settings: text(record, "event", "eventSourceArn"),
    arn_is="the cluster",
    is_async=True,
    span=SpanRule(
        name="aws.documentdb",
        type="web",
        resource=resource,
        start_ns=lambda record: s_to_ns(dig(record, "change", "clusterTime", "$timestamp", "t")),
        meta=rules(
            {
                "operation_name": constant("aws.documentdb"),
                "operation_type": "change.operationType",
                "db_name": "change.ns.db",
                "collection": "change.ns.coll",
                "event_source_arn": "event.eventSourceArn",
            }
        ),
        specific=cluster,
        generic="lambda_documentdb",
        instance=cluster,
        fallback="documentdb",
    ),
    records=records,
)
