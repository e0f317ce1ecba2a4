"""Inferred spans: made from a record, put into the trace when the context is known, completed when the runtime is done."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pipelines.triggers.fields import read
from pipelines.triggers.model import Inferred, Record, Source, Span, TriggerSettings
from pipelines.triggers.names import service_of

APPSEC_ENABLED, APPSEC_JSON = "_dd.appsec.enabled", "_dd.appsec.json"


def build_span(source: Source, record: Record, settings: TriggerSettings, span_id: int, is_async: bool) -> Span:
    """The span of one record. Its trace, duration and error follow later. (specification, triggers 4.1)"""
    rule = source.span
    assert rule is not None, f"{source.name} makes no span"
    meta = read(rule.meta, record)
    if source.resource_key is not None and (key := source.resource_key(record, settings)):
        meta["dd_resource_key"] = key
    meta["_inferred_span.tag_source"] = "self"
    meta["_inferred_span.synchronicity"] = "async" if is_async else "sync"
    return {
        "service": service_of(rule, record, settings),
        "name": rule.name,
        "resource": rule.resource(record).strip() or rule.name,
        "type": rule.type,
        "trace_id": 0,
        "span_id": span_id,
        "parent_id": 0,
        "start": rule.start_ns(record),
        "duration": 0,
        "error": 0,
        "meta": meta,
        "metrics": {},
    }


def nest(spans: Sequence[Span]) -> None:
    """Make each span the child of the one that is wrapped in it."""
    for span, wrapped in pairwise(spans):
        span["parent_id"] = wrapped["span_id"]


def connect(inferred: Inferred, parent_id: int, tags: Mapping[str, str]) -> int:
    """Put the spans under the upstream span; gives the parent of `aws.lambda`. (specification, triggers 4.2)

    The context's tags go to the span that `aws.lambda` hangs from. Without inferred spans nothing is done: both are `aws.lambda`'s own.
    """
    if not inferred.spans:
        return parent_id
    inferred.spans[-1]["parent_id"] = parent_id
    inferred.spans[0]["meta"].update(tags)
    parent: int = inferred.spans[0]["span_id"]
    return parent


def complete(inferred: Inferred, invocation: Span, appsec_enabled: bool = False) -> None:
    """Give the spans what only the end of the invocation tells. Doing it again changes nothing that has not changed. (4.4)"""
    end_ns = invocation["start"] + invocation["duration"]
    outer, until_ns = invocation, invocation["start"] if inferred.is_async else end_ns
    for span in inferred.spans:
        # What has no time of its own begins with the invocation.
        span["start"] = span["start"] or outer["start"]
        span["duration"] = max(0, until_ns - span["start"])
        span["trace_id"], span["error"] = invocation["trace_id"], invocation["error"]
        span["meta"]["peer.service"] = outer["service"]
        copy_appsec(invocation, span, appsec_enabled)
        outer, until_ns = span, span["start"]
    if inferred.spans:
        inferred.spans[0]["meta"]["span.kind"] = "server"


def copy_appsec(invocation: Span, span: Span, enabled: bool) -> None:
    """An API's span is the service's entry in the product, so it says what was found in the request."""
    if APPSEC_ENABLED in invocation["metrics"]:
        span["metrics"][APPSEC_ENABLED] = invocation["metrics"][APPSEC_ENABLED]
    elif enabled:
        span["metrics"][APPSEC_ENABLED] = 1.0
    if APPSEC_JSON in invocation["meta"]:
        span["meta"][APPSEC_JSON] = invocation["meta"][APPSEC_JSON]
