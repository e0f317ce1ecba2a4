"""Bedrock agents' action groups, with an API schema or with functions. Neither what was said nor parameters are told.

The events carry no time: the span begins with the invocation. Unknown to the reference.
"""

from pipelines.triggers.fields import as_carrier, constant, dig, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import partition


def agent_id(record: Record) -> str:
    return text(record, "agent", "id")


def agent_name(record: Record) -> str:
    return text(record, "agent", "name") or agent_id(record)


def resource(record: Record) -> str:
    """`GET /claims/{id}` of a schema, whose paths have their placeholders; `weather.forecast` of a function."""
    path = text(record, "apiPath")
    return f"{text(record, 'httpMethod')} {path}" if path else f"{text(record, 'actionGroup')}.{text(record, 'function')}".rstrip(".")


def carrier(record: Record) -> Carrier:
    """Session attributes are the calling application's to set, and come along with every action."""
    return as_carrier(dig(record, "sessionAttributes"))


def arn(record: Record, settings: TriggerSettings) -> str:
    """Of the alias through which the agent was called, whose id is what the event calls `alias`."""
    place = f"arn:{partition(settings.region)}:bedrock:{settings.region}:{settings.account_id}"
    alias = text(record, "agent", "alias")
    if not agent_id(record):
        return ""
    return f"{place}:agent-alias/{agent_id(record)}/{alias}" if alias else f"{place}:agent/{agent_id(record)}"


SOURCE = Source(
    name="bedrock_agent",
    title="Bedrock agent",
    event_source="bedrock-agent",
    is_addition=True,
    recognised_is="`agent` is an object, `actionGroup` is there",
    tags=rules({FUNCTION_TRIGGER: constant("bedrock-agent")}),
    arn=arn,
    arn_is="`arn:…:bedrock:<region>:<account>:agent-alias/<agent id>/<alias>`",
    is_async=False,
    span=SpanRule(
        name="aws.bedrock.agent",
        type="web",
        resource=resource,
        start_ns=lambda record: 0,
        meta=rules(
            {
                "operation_name": constant("aws.bedrock.agent"),
                "action_group": "actionGroup",
                "agent_id": "agent.id",
                "agent_name": "agent.name",
                "agent_version": "agent.version",
                "function": "function",
                "http.method": "httpMethod",
                "http.route": "apiPath",
                "session_id": "sessionId",
            }
        ),
        specific=agent_id,
        generic="lambda_bedrock_agent",
        instance=agent_name,
        fallback="bedrock_agent",
    ),
    carrier=lambda record, budget: carrier(record),
    carrier_is="`sessionAttributes`",
)
