"""What AWS IoT Core writes itself: registry events, clients that come and go, provisioning hooks, authorizers. Unknown to the reference.

A rule's own messages look as its author likes; they cannot be told from any other event, and stay unknown.
"""

from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import partition


def thing(record: Record) -> str:
    return text(record, "thingName") or text(record, "clientId") or text(record, "protocolData", "mqtt", "clientId")


def resource(record: Record) -> str:
    """`THING_EVENT CREATED`, `connected`, `provisioning`, `authorizer`."""
    if kind := text(record, "eventType"):
        return f"{kind} {text(record, 'operation')}"
    return "provisioning" if dig(record, "templateArn") is not None else "authorizer"


def is_async(record: Record) -> bool:
    """Devices wait for hooks and authorizers, not for events."""
    return dig(record, "eventType") is not None


def arn(record: Record, settings: TriggerSettings) -> str:
    account = text(record, "accountId") or settings.account_id
    name = text(record, "thingName")
    return f"arn:{partition(settings.region)}:iot:{settings.region}:{account}:thing/{name}" if name else text(record, "templateArn")


SOURCE = Source(
    name="iot",
    title="IoT Core",
    event_source="iot",
    is_addition=True,
    recognised_is=(
        "`eventType` is a text, with `eventId` and `operation` or with `clientId` and `sessionIdentifier`; "
        "or `certificateId` and `templateArn`, or `protocolData.mqtt`"
    ),
    tags=rules({FUNCTION_TRIGGER: constant("iot")}),
    arn=arn,
    arn_is="the thing, or the provisioning template",
    is_async=is_async,
    span=SpanRule(
        name="aws.iot",
        type="web",
        resource=resource,
        start_ns=lambda record: ms_to_ns(dig(record, "timestamp")),
        meta=rules(
            {
                "operation_name": constant("aws.iot"),
                "event_type": "eventType",
                "event_id": "eventId",
                "operation": "operation",
                "thing_name": lambda record: thing(record) or None,
            }
        ),
        specific=thing,
        generic="lambda_iot",
        # One service for all things: there may be a million of them.
        instance=lambda record: "iot",
        fallback="iot",
    ),
)
