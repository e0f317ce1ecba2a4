"""CloudWatch alarms that call a function themselves, not by way of SNS or EventBridge. Unknown to the reference."""

from pipelines.triggers.fields import constant, dig, rules, text, time_to_ns
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule
from pipelines.triggers.names import part


def alarm(record: Record) -> str:
    return text(record, "alarmData", "alarmName") or part(text(record, "alarmArn"), ":", 6)


SOURCE = Source(
    name="cloudwatch_alarm",
    title="CloudWatch alarm",
    event_source="cloudwatch-alarm",
    is_addition=True,
    recognised_is="`source` is `aws.cloudwatch`, `alarmData` is an object",
    tags=rules({FUNCTION_TRIGGER: constant("cloudwatch-alarm")}),
    arn=lambda record, settings: text(record, "alarmArn"),
    arn_is="the alarm",
    is_async=True,
    span=SpanRule(
        name="aws.cloudwatch.alarm",
        type="web",
        resource=alarm,
        start_ns=lambda record: time_to_ns(dig(record, "time")),
        meta=rules(
            {
                "operation_name": constant("aws.cloudwatch.alarm"),
                "alarm_name": alarm,
                "alarm_state": "alarmData.state.value",
                "alarm_previous_state": "alarmData.previousState.value",
                "aws_region": "region",
            }
        ),
        specific=alarm,
        generic="lambda_cloudwatch_alarm",
        instance=alarm,
        fallback="cloudwatch_alarm",
    ),
)
