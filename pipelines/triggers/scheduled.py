"""Scheduled rules of EventBridge, once CloudWatch Events. No span: nobody sent anything. (specification, triggers 6.11)"""

from pipelines.triggers.fields import as_text, constant, dig, rules
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, TriggerSettings


def rule(record: Record, settings: TriggerSettings) -> str:
    resources = dig(record, "resources")
    return as_text(resources[0]) or "" if type(resources) is list and resources else ""


SOURCE = Source(
    name="scheduled",
    title="Scheduled rule",
    event_source="cloudwatch-events",
    is_addition=True,
    recognised_is="`source` is `aws.events`",
    tags=rules({FUNCTION_TRIGGER: constant("cloudwatch-events")}),
    arn=rule,
    arn_is="the rule (`resources[0]`)",
    is_async=True,
)
