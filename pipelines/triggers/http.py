"""What the HTTP sources have in common: headers and the tags made from them."""

from itertools import islice
from typing import Any

from pipelines.triggers.fields import NAMES_MAX, as_carrier, as_text, dig, has_context, text
from pipelines.triggers.model import Carrier, Getter, Record
from pipelines.triggers.wrapped import binary_carrier


def headers_of(record: Record) -> Carrier:
    """The headers, names in lower case; the first value of each where they come as lists only."""
    headers = dig(record, "headers")
    return as_carrier(headers) or first_values(headers) or first_values(dig(record, "multiValueHeaders"))


def first_values(value: Any) -> Carrier:
    """`{"Name": ["first", "second"]}` -> `{"name": "first"}`."""
    if type(value) is not dict:
        return {}
    return {
        name.lower(): each[0] for name, each in islice(value.items(), NAMES_MAX) if type(each) is list and each and type(each[0]) is str
    }


def header(name: str) -> Getter:
    """The rule for one header, found under any case; `name` is in lower case."""
    return lambda record: find_header(record, name)


def find_header(record: Record, name: str) -> str | None:
    for group in ("headers", "multiValueHeaders"):
        headers = dig(record, group)
        if type(headers) is not dict:
            continue
        for key, value in islice(headers.items(), NAMES_MAX):
            if len(key) == len(name) and key.lower() == name:
                first = value[0] if type(value) is list and value else value
                if (found := as_text(first)) is not None:
                    return found
    return None


def is_async_invocation(record: Record) -> bool:
    """API Gateway and function URLs pass on how the caller wants it: without an answer, or with one."""
    return find_header(record, "x-amz-invocation-type") == "Event"


def url(host: str, path: str) -> str:
    return f"https://{host}{path}" if host or path else ""


def authorizer_carrier(record: Record, *path: str) -> Carrier | None:
    """What an instrumented authorizer left for the function: base64 of JSON, at `requestContext.authorizer` and `path`.

    API Gateway caches an authorizer's answer, so it may belong to an older request. It counts if the authorizer was run for this one: its
    latency is known, or the request id that it saw is this request's. (specification, triggers 5.1)
    """
    context = dig(record, "requestContext")
    found = dig(context, "authorizer", *path, "_datadog")
    if type(found) is not str:
        return None
    carrier = binary_carrier(found)
    latency = dig(context, "authorizer", "integrationLatency")
    fresh = type(latency) in (int, float) and latency > 0
    if not fresh:
        seen = carrier.get("x-datadog-authorizing-requestid")
        fresh = bool(seen) and seen == text(context, "requestId")
    return carrier if fresh and has_context(carrier) else None
