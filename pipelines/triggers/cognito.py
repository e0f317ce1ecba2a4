"""Cognito user pools' triggers. Nothing of the user is told. Unknown to the reference.

The events carry no time: the span begins with the invocation.
"""

from pipelines.triggers.fields import as_carrier, constant, dig, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import partition


def pool(record: Record) -> str:
    return text(record, "userPoolId")


def trigger_source(record: Record) -> str:
    """Such as `PreSignUp_SignUp`."""
    return text(record, "triggerSource")


def arn(record: Record, settings: TriggerSettings) -> str:
    region = text(record, "region") or settings.region
    return f"arn:{partition(region)}:cognito-idp:{region}:{settings.account_id}:userpool/{pool(record)}" if pool(record) else ""


SOURCE = Source(
    name="cognito",
    title="Cognito user pool",
    event_source="cognito",
    is_addition=True,
    recognised_is="`triggerSource` is a text, `userPoolId` is there",
    tags=rules({FUNCTION_TRIGGER: constant("cognito")}),
    arn=arn,
    arn_is="`arn:…:cognito-idp:<region>:<account>:userpool/<userPoolId>`",
    is_async=False,
    span=SpanRule(
        name="aws.cognito",
        type="web",
        resource=trigger_source,
        start_ns=lambda record: 0,
        meta=rules(
            {
                "operation_name": constant("aws.cognito"),
                "trigger_source": "triggerSource",
                "user_pool_id": "userPoolId",
                "client_id": "callerContext.clientId",
                "aws_region": "region",
            }
        ),
        specific=pool,
        generic="lambda_cognito",
        instance=pool,
        fallback="cognito",
    ),
    carrier=lambda record, budget: as_carrier(dig(record, "request", "clientMetadata")),
    carrier_is="`request.clientMetadata`, which the application sets",
)
