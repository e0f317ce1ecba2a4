"""EventBridge. The bus is not in the event: a tracer that sends puts its name beside the context. (specification, triggers 6.11)"""

from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text, time_to_ns
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Record, Source, SpanRule
from pipelines.triggers.wrapped import embedded_carrier


def carrier(record: Record) -> Carrier:
    return embedded_carrier(dig(record, "detail", "_datadog"))


def bus(record: Record) -> str:
    return text(carrier(record), "x-datadog-resource-name") or text(record, "source")


def start_ns(record: Record) -> int:
    """When the tracer sent it; else the event's own time, in whole seconds."""
    return ms_to_ns(carrier(record).get("x-datadog-start-time")) or time_to_ns(dig(record, "time"))


SOURCE = Source(
    name="eventbridge",
    title="EventBridge",
    event_source="eventbridge",
    recognised_is="`detail-type` is there, `source` is a text other than `aws.events`",
    tags=rules({FUNCTION_TRIGGER: constant("eventbridge")}),
    arn=lambda record, settings: text(record, "source"),
    arn_is="`source`",
    is_async=True,
    span=SpanRule(
        name="aws.eventbridge",
        type="web",
        resource=bus,
        start_ns=start_ns,
        meta=rules({"operation_name": constant("aws.eventbridge"), "detail_type": "detail-type"}),
        specific=bus,
        generic="lambda_eventbridge",
        instance=bus,
        fallback="eventbridge",
    ),
    carrier=lambda record, budget: carrier(record),
    carrier_is="`detail._datadog`",
)
