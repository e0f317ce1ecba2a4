"""SNS, and what comes through it: EventBridge and S3 events in the message. (specification, triggers 6.8)"""

from pipelines.triggers.batches import upper_records
from pipelines.triggers.fields import constant, dig, rules, text, time_to_ns
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Record, Source, SpanRule
from pipelines.triggers.names import part
from pipelines.triggers.wrapped import binary_carrier, parse_carrier


def topic(record: Record) -> str:
    return part(text(record, "Sns", "TopicArn"), ":", -1)


def carrier(record: Record) -> Carrier | None:
    """The attribute `_datadog`, a text or the base64 of one."""
    attribute = dig(record, "Sns", "MessageAttributes", "_datadog")
    kind, value = text(attribute, "Type"), dig(attribute, "Value")
    if kind == "String" and type(value) is str:
        return parse_carrier(value)
    return binary_carrier(value) if kind == "Binary" else None


SOURCE = Source(
    name="sns",
    title="SNS",
    event_source="sns",
    recognised_is="`Records[0].Sns` is there",
    tags=rules({FUNCTION_TRIGGER: constant("sns")}),
    arn=lambda record, settings: text(record, "Sns", "TopicArn"),
    arn_is="the topic",
    is_async=True,
    span=SpanRule(
        name="aws.sns",
        type="web",
        resource=topic,
        start_ns=lambda record: time_to_ns(dig(record, "Sns", "Timestamp")),
        meta=rules(
            {
                "operation_name": constant("aws.sns"),
                "topicname": topic,
                "topic_arn": "Sns.TopicArn",
                "message_id": "Sns.MessageId",
                "type": "Sns.Type",
                "subject": "Sns.Subject",
                "event_subscription_arn": "EventSubscriptionArn",
            }
        ),
        specific=topic,
        generic="lambda_sns",
        instance=topic,
        fallback="sns",
    ),
    carrier=lambda record, budget: carrier(record),
    carrier_is="`Sns.MessageAttributes._datadog` (text or binary), else what the message wraps",
    inner=lambda record: message if type(message := dig(record, "Sns", "Message")) is str else "",
    records=upper_records,
)
