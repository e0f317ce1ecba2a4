"""CloudFront's events (the shape of Lambda@Edge). No span, as in the libraries: they carry no time. Unknown to the reference.

At the edge itself no extension runs; the shape reaches functions that get such events handed on.
"""

from itertools import islice

from pipelines.triggers.batches import upper_records
from pipelines.triggers.fields import NAMES_MAX, as_text, constant, dig, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, Carrier, Getter, Record, Source, TriggerSettings
from pipelines.triggers.names import partition


def headers_of(record: Record) -> Carrier:
    """`{"host": [{"key": "Host", "value": "d123.cf.net"}]}` -> `{"host": "d123.cf.net"}`."""
    headers = dig(record, "cf", "request", "headers")
    if type(headers) is not dict:
        return {}
    first = {
        name.lower(): dig(values[0], "value") for name, values in islice(headers.items(), NAMES_MAX) if type(values) is list and values
    }
    return {name: value for name, value in first.items() if type(value) is str}


def header(name: str) -> Getter:
    return lambda record: as_text(headers_of(record).get(name))


def http_url(record: Record) -> str | None:
    host = headers_of(record).get("host") or text(record, "cf", "config", "distributionDomainName")
    return as_text(f"https://{host}{text(record, 'cf', 'request', 'uri')}") if host else None


def arn(record: Record, settings: TriggerSettings) -> str:
    distribution = text(record, "cf", "config", "distributionId")
    return f"arn:{partition(settings.region)}:cloudfront::{settings.account_id}:distribution/{distribution}" if distribution else ""


SOURCE = Source(
    name="cloudfront",
    title="CloudFront (Lambda@Edge)",
    event_source="cloudfront",
    is_addition=True,
    recognised_is="`Records[0].cf` is there",
    tags=rules(
        {
            "http.url": http_url,
            "http.url_details.path": "cf.request.uri",
            "http.method": "cf.request.method",
            "http.user_agent": header("user-agent"),
            "http.referer": header("referer"),
            FUNCTION_TRIGGER: constant("cloudfront"),
        }
    ),
    arn=arn,
    arn_is="`arn:…:cloudfront::<account>:distribution/<distributionId>`",
    is_async=False,
    carrier=lambda record, budget: headers_of(record),
    carrier_is="`cf.request.headers`",
    records=upper_records,
)
