"""VPC Lattice, event versions 1.0 and 2.0. Unknown to the reference."""

from pipelines.triggers.fields import constant, dig, rules, scaled_ns, text
from pipelines.triggers.http import find_header, header, headers_of, url
from pipelines.triggers.model import FUNCTION_TRIGGER, Record, Source, SpanRule
from pipelines.triggers.names import parametrise, part


def path(record: Record) -> str:
    """Without the query, which Lattice leaves in it."""
    return (text(record, "path") or text(record, "raw_path")).partition("?")[0]


def host(record: Record) -> str:
    return find_header(record, "host") or ""


def http_url(record: Record) -> str:
    return url(host(record), path(record))


def service_id(record: Record) -> str:
    return part(text(record, "requestContext", "serviceArn"), "/", 1)


def resource(record: Record) -> str:
    return f"{text(record, 'method')} {parametrise(path(record))}"


SOURCE = Source(
    name="vpc_lattice",
    title="VPC Lattice",
    event_source="vpc-lattice",
    is_addition=True,
    recognised_is="`requestContext.serviceArn` or `.serviceNetworkArn` is there; or `raw_path` and `method` are, and no `requestContext`",
    tags=rules(
        {
            "http.url": http_url,
            "http.url_details.path": path,
            "http.method": "method",
            "http.user_agent": header("user-agent"),
            "http.referer": header("referer"),
            FUNCTION_TRIGGER: constant("vpc-lattice"),
        }
    ),
    arn=lambda record, settings: text(record, "requestContext", "serviceArn"),
    arn_is="the service; none in version 1.0",
    is_async=False,
    span=SpanRule(
        name="aws.vpc_lattice",
        type="http",
        resource=resource,
        # Microseconds, as a text.
        start_ns=lambda record: scaled_ns(dig(record, "requestContext", "timeEpoch"), 1e3),
        meta=rules(
            {
                "operation_name": constant("aws.vpc_lattice"),
                "endpoint": path,
                "http.url": http_url,
                "http.method": "method",
                "http.user_agent": header("user-agent"),
                "http.source_ip": header("x-forwarded-for"),
                "service_network_arn": "requestContext.serviceNetworkArn",
                "target_group_arn": "requestContext.targetGroupArn",
                "source_vpc_arn": "requestContext.identity.sourceVpcArn",
            }
        ),
        specific=service_id,
        generic="lambda_vpc_lattice",
        instance=host,
        fallback="vpc_lattice",
    ),
    carrier=lambda record, budget: headers_of(record),
    carrier_is="`headers`",
)
