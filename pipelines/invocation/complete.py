"""Puts together what is known of an invocation into the spans that are sent. (specification, invocation 4.4, 5.2, 7.2, 11.1)"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from pipelines.invocation.calls import EndFacts, status_for
from pipelines.invocation.context import Context
from pipelines.invocation.errors import platform_error_tags
from pipelines.invocation.propagation.context import LOW_64, Link, TraceContext
from pipelines.invocation.settings import InvocationSettings
from pipelines.invocation.spans import PRIORITY, Span, make_invocation_span
from pipelines.triggers import pointers, response
from pipelines.triggers import spans as inferred_spans
from pipelines.triggers.model import Inferred
from pipelines.triggers.spans import APPSEC_ENABLED

SUCCESS = "success"
COLD_START_TAG = "cold_start"
NOTHING = Inferred()


@attrs.frozen
class Ids:
    trace_id: int
    span_id: int
    upstream_parent_id: int  # of the outermost span, whichever that is
    told_parent_id: int  # of the invocation where nothing is inferred and there is no upstream


def complete(context: Context, settings: InvocationSettings, make_id: Callable[[], int], now_ns: int) -> list[Span]:
    """`aws.lambda` first, then what was inferred, outwards. Ids that nobody told are made up, so that there is a span in any case."""
    upstream = context.start.context if context.start else None
    inferred = context.start.inferred if context.start else NOTHING
    ids = _ids(context, upstream, make_id)
    span = make_invocation_span(settings, context.request_id)
    span["trace_id"], span["span_id"] = ids.trace_id, ids.span_id
    span["start"] = context.start_ns or context.created_ns or now_ns
    span["duration"] = _duration_ns(context, span["start"], now_ns)
    _merge_placeholder(span, context)
    tags = _upstream_tags(upstream, context.end)
    span["parent_id"] = inferred_spans.connect(inferred, ids.upstream_parent_id, tags) or ids.told_parent_id
    if context.start is not None:
        span["meta"].update(context.start.tags)
    if not inferred.spans:
        span["meta"].update(tags)
    _set_priority(span, upstream, context.end)
    if context.end is not None:
        _apply_end(span, context.end, inferred)
    _apply_failure(span, context)
    _apply_tags(span, context, inferred, settings)
    inferred_spans.complete(inferred, span, settings.has_appsec)
    _attach_links(span, context, inferred)
    return [span, *inferred.spans]


def _ids(context: Context, upstream: TraceContext | None, make_id: Callable[[], int]) -> Ids:
    """The trace continues upstream's, else it is the library's; the span has the id that the library gave to its children as parent."""
    end, placeholder = context.end, context.placeholder
    traced = upstream is not None and upstream.is_traced
    told_trace = (end.trace_id if end else 0) or (placeholder.trace_id if placeholder else 0)
    span_id = (end.span_id if end else 0) or (placeholder.span_id if placeholder else 0)
    return Ids(
        trace_id=upstream.low_trace_id if upstream is not None and traced else told_trace or make_id(),
        span_id=span_id or make_id(),
        # A library that was given a trace and no parent puts the trace id in its place: it is to be trusted only where it had no context.
        upstream_parent_id=upstream.span_id if upstream is not None and traced else 0,
        told_parent_id=end.parent_id if end is not None and not traced else 0,
    )


def _duration_ns(context: Context, start_ns: int, now_ns: int) -> int:
    """As the platform measured it; without its records, until the end call or until now."""
    if context.duration_ns is not None:
        return context.duration_ns
    return max(0, (context.end.at_ns if context.end else now_ns) - start_ns)


def _merge_placeholder(span: Span, context: Context) -> None:
    if (placeholder := context.placeholder) is not None:
        span["meta"].update(placeholder.meta)
        span["meta"]["request_id"] = context.request_id
        span["metrics"].update(placeholder.metrics)
        if placeholder.meta_struct:
            span["meta_struct"] = dict(placeholder.meta_struct)


def _upstream_tags(upstream: TraceContext | None, end: EndFacts | None) -> Mapping[str, str]:
    """What upstream says goes; where it names no trace, what the library says comes in."""
    tags: dict[str, str] = dict(upstream.tags) if upstream is not None else {}
    if (upstream is None or not upstream.is_traced) and end is not None:
        tags |= end.propagated
    return tags


def _set_priority(span: Span, upstream: TraceContext | None, end: EndFacts | None) -> None:
    """The decision of the library, which knows upstream's; else upstream's."""
    if (upstream is None or not upstream.is_traced) and end is not None and end.priority is not None:
        span["metrics"][PRIORITY] = end.priority
    elif upstream is not None and upstream.priority is not None:
        span["metrics"].setdefault(PRIORITY, float(upstream.priority))


def _apply_end(span: Span, end: EndFacts, inferred: Inferred) -> None:
    span["meta"].update(end.tags)
    status = status_for(end, inferred.source)
    if status is not None:
        span["meta"]["http.status_code"] = str(status)
        response.set_status(inferred, status)
        span["error"] = int(response.is_server_error(status))
    if end.error is not None:
        span["error"] = 1
        span["meta"].update(end.error)


def _apply_failure(span: Span, context: Context) -> None:
    """What the platform says where the library could say nothing: a timeout always, another failure if no end call came."""
    if context.status in ("", SUCCESS) or (context.status != "timeout" and context.end is not None):
        return
    span["error"] = 1
    span["meta"].update(platform_error_tags(context.status, context.error_type))


def _apply_tags(span: Span, context: Context, inferred: Inferred, settings: InvocationSettings) -> None:
    """These win over the library's own."""
    span["meta"].update(context.init_tags)
    if settings.is_managed:
        span["meta"].pop(COLD_START_TAG, None)
    span["meta"].update(inferred.tags)
    if settings.has_appsec:
        span["metrics"].setdefault(APPSEC_ENABLED, 1.0)


def _attach_links(span: Span, context: Context, inferred: Inferred) -> None:
    """On the span that was triggered: the inferred one, else the invocation's own; never on a cold start's."""
    place = inferred.spans[0] if inferred.spans else span
    pointers.attach_pointers(place, inferred.pointers)
    if context.start is not None and context.start.links:
        place["span_links"] = [_link(link) for link in context.start.links]


def _link(link: Link) -> dict[str, Any]:
    """Flags: bit 31 says that the sampling bit means something."""
    flags = 0 if link.is_kept is None else 1 << 31 | int(link.is_kept)
    attributes = {"reason": "terminated_context", "context_headers": link.style} if link.style else {}
    return {
        "trace_id": link.trace_id & LOW_64,
        "trace_id_high": link.trace_id >> 64,
        "span_id": link.span_id,
        "attributes": attributes,
        "tracestate": link.tracestate,
        "flags": flags,
    }
