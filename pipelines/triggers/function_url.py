"""Lambda function URL. (specification, triggers 6.5)"""

from pipelines.triggers.fields import constant, dig, ms_to_ns, rules, text
from pipelines.triggers.http import header, headers_of, is_async_invocation, url
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule, TriggerSettings
from pipelines.triggers.names import partition


def path(record: Record) -> str:
    return text(record, "requestContext", "http", "path")


def domain(record: Record) -> str:
    return text(record, "requestContext", "domainName")


def http_url(record: Record) -> str:
    return url(domain(record), path(record))


def resource(record: Record) -> str:
    """Paths of function URLs stay as they are."""
    return f"{text(record, 'requestContext', 'http', 'method')} {path(record)}"


def arn(record: Record, settings: TriggerSettings) -> str:
    """The event's account is `anonymous` where the URL asks for no authentication; then it is the function's own."""
    account = text(record, "requestContext", "accountId")
    if account in ("", "anonymous"):
        account = settings.account_id or account
    return f"arn:{partition(settings.region)}:lambda:{settings.region}:{account}:url:{settings.function_name}"


SOURCE = Source(
    name="function_url",
    title="Lambda function URL",
    event_source="lambda-function-url",
    recognised_is="`requestContext.domainName` is a text with `lambda-url`",
    tags=rules(
        {
            "http.url": http_url,
            "http.url_details.path": "requestContext.http.path",
            "http.method": "requestContext.http.method",
            "http.user_agent": "requestContext.http.userAgent",
            "http.referer": header("referer"),
            FUNCTION_TRIGGER: constant("lambda-function-url"),
        }
    ),
    arn=arn,
    arn_is="`arn:…:lambda:<region>:<account>:url:<function>`",
    is_async=is_async_invocation,
    span=SpanRule(
        name="aws.lambda.url",
        type="http",
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
                "operation_name": constant("aws.lambda.url"),
                "request_id": "requestContext.requestId",
            }
        ),
        specific=lambda record: text(record, "requestContext", "apiId"),
        generic="lambda_url",
        instance=domain,
        fallback=domain,
    ),
    carrier=lambda record, budget: headers_of(record),
    carrier_is="`headers`",
)
