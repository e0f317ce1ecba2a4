"""API Gateway WebSocket API. (specification, triggers 6.3)"""

from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text
from pipelines.triggers.http import authorizer_carrier, header, headers_of, url
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import partition


def domain(record: Record) -> str:
    return text(record, "requestContext", "domainName")


def route_key(record: Record) -> str:
    return text(record, "requestContext", "routeKey")


def http_url(record: Record) -> str:
    """Without a separator, as the reference writes it: `…amazonaws.comhello`, or `…amazonaws.com$connect`."""
    return url(domain(record), route_key(record))


def api_id(record: Record) -> str:
    return text(record, "requestContext", "apiId")


def arn(record: Record, settings: TriggerSettings) -> str:
    stage = text(record, "requestContext", "stage")
    return f"arn:{partition(settings.region)}:apigateway:{settings.region}::/apis/{api_id(record)}/stages/{stage}"


SOURCE = Source(
    name="websocket",
    title="API Gateway WebSocket API",
    event_source="api-gateway",
    recognised_is="`requestContext.messageDirection` is there",
    tags=rules(
        {
            "http.url": http_url,
            "http.url_details.path": "requestContext.routeKey",
            "http.referer": header("referer"),
            FUNCTION_TRIGGER: constant("api-gateway"),
        }
    ),
    arn=arn,
    arn_is="`arn:…:apigateway:<region>::/apis/<apiId>/stages/<stage>`",
    is_async=True,
    span=SpanRule(
        name="aws.apigateway",
        type="web",
        resource=route_key,
        start_ns=lambda record: ms_to_ns(dig(record, "requestContext", "requestTimeEpoch")),
        meta=rules(
            {
                "endpoint": "requestContext.routeKey",
                "resource_names": "requestContext.routeKey",
                "http.url": http_url,
                "request_id": "requestContext.requestId",
                "apiid": "requestContext.apiId",
                "stage": "requestContext.stage",
                "connection_id": "requestContext.connectionId",
                "event_type": "requestContext.eventType",
                "message_direction": "requestContext.messageDirection",
            }
        ),
        specific=api_id,
        generic="lambda_api_gateway",
        instance=domain,
        fallback="api_gateway_websocket",
    ),
    carrier=lambda record, budget: headers_of(record),
    carrier_is="`headers` (only `$connect` has them); late: `requestContext.authorizer._datadog`",
    late_carrier=authorizer_carrier,
)
