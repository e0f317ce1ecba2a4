"""API Gateway HTTP API, payload version 2.0. (specification, triggers 6.1)"""

from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text
from pipelines.triggers.http import authorizer_carrier, header, headers_of, is_async_invocation, url
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import parametrise, partition


def path(record: Record) -> str:
    return text(record, "requestContext", "http", "path")


def http_url(record: Record) -> str:
    return url(domain(record), path(record))


def domain(record: Record) -> str:
    return text(record, "requestContext", "domainName")


def api_id(record: Record) -> str:
    return text(record, "requestContext", "apiId")


def resource(record: Record) -> str:
    return f"{text(record, 'requestContext', 'http', 'method')} {parametrise(path(record))}"


def route(record: Record) -> str | None:
    """`GET /user/{id}` -> `/user/{id}`."""
    words = text(record, "routeKey").split()
    return words[-1] if words else None


def arn(record: Record, settings: TriggerSettings) -> str:
    """With `restapis`, although it is none: so does the reference, and what is searched for must match."""
    stage = text(record, "requestContext", "stage")
    return f"arn:{partition(settings.region)}:apigateway:{settings.region}::/restapis/{api_id(record)}/stages/{stage}"


def resource_key(record: Record, settings: TriggerSettings) -> str:
    return f"arn:{partition(settings.region)}:apigateway:{settings.region}::/apis/{api_id(record)}" if api_id(record) else ""


SOURCE = Source(
    name="http_api",
    title="API Gateway HTTP API (v2)",
    event_source="api-gateway",
    recognised_is='`version` is "2.0", `rawQueryString` and `requestContext.domainName` are there, the latter without `lambda-url`',
    tags=rules(
        {
            "http.url": http_url,
            "http.url_details.path": "requestContext.http.path",
            "http.method": "requestContext.http.method",
            "http.route": route,
            "http.referer": header("referer"),
            "http.user_agent": header("user-agent"),
            FUNCTION_TRIGGER: constant("api-gateway"),
        }
    ),
    arn=arn,
    arn_is="`arn:…:apigateway:<region>::/restapis/<apiId>/stages/<stage>`",
    is_async=is_async_invocation,
    span=SpanRule(
        name="aws.httpapi",
        type="web",
        resource=resource,
        start_ns=lambda record: ms_to_ns(dig(record, "requestContext", "timeEpoch")),
        meta=rules(
            {
                "endpoint": "requestContext.http.path",
                "http.url": http_url,
                "http.method": "requestContext.http.method",
                "http.protocol": "requestContext.http.protocol",
                "http.source_ip": "requestContext.http.sourceIp",
                "http.user_agent": "requestContext.http.userAgent",
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
    carrier_is="`headers`; late: `requestContext.authorizer.lambda._datadog`",
    late_carrier=lambda record: authorizer_carrier(record, "lambda"),
)
