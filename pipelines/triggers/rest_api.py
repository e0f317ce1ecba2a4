"""API Gateway REST API, payload version 1.0. (specification, triggers 6.2)"""

from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text
from pipelines.triggers.http import authorizer_carrier, header, headers_of, is_async_invocation, url
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import parametrise, partition


def path(record: Record) -> str:
    """With the stage in front, as the caller wrote it; calls from the console have only the event's own."""
    return text(record, "requestContext", "path") or text(record, "path")


def method(record: Record) -> str:
    return text(record, "requestContext", "httpMethod") or text(record, "httpMethod")


def domain(record: Record) -> str:
    return text(record, "requestContext", "domainName")


def http_url(record: Record) -> str:
    return url(domain(record), path(record))


def api_id(record: Record) -> str:
    return text(record, "requestContext", "apiId")


def route(record: Record) -> str | None:
    return text(record, "requestContext", "resourcePath") or text(record, "resource") or None


def resource(record: Record) -> str:
    return f"{method(record)} {parametrise(path(record))}"


def resource_key(record: Record, settings: TriggerSettings) -> str:
    return f"arn:{partition(settings.region)}:apigateway:{settings.region}::/restapis/{api_id(record)}" if api_id(record) else ""


def arn(record: Record, settings: TriggerSettings) -> str:
    stage = text(record, "requestContext", "stage")
    return f"arn:{partition(settings.region)}:apigateway:{settings.region}::/restapis/{api_id(record)}/stages/{stage}"


SOURCE = Source(
    name="rest_api",
    title="API Gateway REST API (v1)",
    event_source="api-gateway",
    recognised_is="`requestContext.stage`, `httpMethod` and `resource` are there",
    tags=rules(
        {
            "http.url": http_url,
            "http.url_details.path": path,
            "http.method": method,
            "http.route": route,
            "http.user_agent": "requestContext.identity.userAgent",
            "http.referer": header("referer"),
            FUNCTION_TRIGGER: constant("api-gateway"),
        }
    ),
    arn=arn,
    arn_is="`arn:…:apigateway:<region>::/restapis/<apiId>/stages/<stage>`",
    is_async=is_async_invocation,
    span=SpanRule(
        name="aws.apigateway",
        type="web",
        resource=resource,
        start_ns=lambda record: ms_to_ns(dig(record, "requestContext", "requestTimeEpoch")),
        meta=rules(
            {
                "endpoint": path,
                "http.url": http_url,
                "http.method": method,
                "http.protocol": "requestContext.protocol",
                "http.source_ip": "requestContext.identity.sourceIp",
                "http.user_agent": "requestContext.identity.userAgent",
                "http.route": route,
                "request_id": "requestContext.requestId",
            }
        ),
        specific=api_id,
        generic="lambda_api_gateway",
        instance=domain,
        fallback=domain,
    ),
    resource_key=resource_key,
    carrier=lambda record, budget: headers_of(record),
    carrier_is="`headers`, else `multiValueHeaders`; late: `requestContext.authorizer._datadog`",
    late_carrier=authorizer_carrier,
)
