"""AppSync: direct resolvers (also in batches), channels of AppSync Events, and authorizers. Of these the reference only reads the headers.

The events carry no time: the span begins with the invocation.
"""

from typing import Any

from pipelines.triggers.batches import objects
from pipelines.triggers.fields import as_carrier, as_text, constant, dig, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import partition


def records(event: Any) -> list[Record]:
    """A batching resolver gets a list of calls, all of one request."""
    return objects(event)[:1] if type(event) is list else [event]


def headers_of(record: Record) -> Carrier:
    return as_carrier(dig(record, "request", "headers"))


def host(record: Record) -> str:
    """Of the API, as the caller knows it."""
    return text(record, "request", "domainName") or as_text(headers_of(record).get("host")) or ""


def api_id(record: Record) -> str:
    """Only authorizers are told."""
    return text(record, "requestContext", "apiId")


def resource(record: Record) -> str:
    """`Query.getPost`, `PUBLISH /default/channel`, `Authorizer getPost`."""
    info = dig(record, "info")
    if text(info, "fieldName"):
        return f"{text(info, 'parentTypeName')}.{text(info, 'fieldName')}"
    if text(info, "operation"):
        return f"{text(info, 'operation')} {text(info, 'channel', 'path')}"
    return f"Authorizer {text(record, 'requestContext', 'operationName')}"


def arn(record: Record, settings: TriggerSettings) -> str:
    account = text(record, "requestContext", "accountId") or settings.account_id
    found = api_id(record)
    return f"arn:{partition(settings.region)}:appsync:{settings.region}:{account}:apis/{found}" if found else ""


SOURCE = Source(
    name="appsync",
    title="AppSync",
    event_source="appsync",
    is_addition=True,
    recognised_is=(
        "`info.parentTypeName` and `.fieldName`, or `info.channel` and `.operation`, or `authorizationToken` and `requestContext.apiId`"
    ),
    tags=rules({FUNCTION_TRIGGER: constant("appsync")}),
    arn=arn,
    arn_is="`arn:…:appsync:<region>:<account>:apis/<apiId>` of authorizers; resolvers are not told",
    is_async=False,
    span=SpanRule(
        name="aws.appsync",
        type="web",
        resource=resource,
        start_ns=lambda record: 0,
        meta=rules(
            {
                "operation_name": constant("aws.appsync"),
                "graphql.field": "info.fieldName",
                "graphql.type": "info.parentTypeName",
                "channel": "info.channel.path",
                "channel_operation": "info.operation",
                "apiid": "requestContext.apiId",
                "request_id": "requestContext.requestId",
            }
        ),
        specific=lambda record: api_id(record) or host(record),
        generic="lambda_appsync",
        instance=host,
        fallback="appsync",
    ),
    carrier=lambda record, budget: headers_of(record),
    carrier_is="`request.headers`",
    records=records,
)
