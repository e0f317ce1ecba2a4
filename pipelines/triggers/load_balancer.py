"""Application Load Balancer. It makes no span: its events carry no time. (specification, triggers 6.4)"""

from pipelines.triggers.fields import constant, rules, text
from pipelines.triggers.http import find_header, header, headers_of
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source


def http_url(record: Record) -> str | None:
    host = find_header(record, "host")
    scheme = find_header(record, "x-forwarded-proto") or "http"
    return f"{scheme}://{host}{text(record, 'path')}" if host else None


SOURCE = Source(
    name="load_balancer",
    title="Application Load Balancer",
    event_source="application-load-balancer",
    recognised_is="`requestContext.elb.targetGroupArn` is there",
    tags=rules(
        {
            "http.url": http_url,
            "http.method": "httpMethod",
            "http.route": "path",
            "http.useragent": header("user-agent"),
            "http.referer": header("referer"),
            FUNCTION_TRIGGER: constant("application-load-balancer"),
        }
    ),
    arn=lambda record, settings: text(record, "requestContext", "elb", "targetGroupArn"),
    arn_is="the target group",
    is_async=True,
    carrier=lambda record, budget: headers_of(record),
    carrier_is="`headers`, else the first values of `multiValueHeaders`",
)
