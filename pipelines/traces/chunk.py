"""What a trace says as a whole: its root, its priority, its origin, which spans enter a service. (specification, traces 6.4)

A chunk that holds spans of several traces is divided, and spans without an id are left out; the reference stops normalising there.
"""

import math
from collections.abc import Iterator

import attrs

from protocols.trace_values import PRIORITY_NONE, Chunk, Span

PRIORITY = "_sampling_priority_v1"
TRACER_TOP_LEVEL, TOP_LEVEL = "_dd.top_level", "_top_level"
ORIGIN = "_dd.origin"
I32_SMALLEST, I32_LARGEST = -(2**31), 2**31 - 1


@attrs.define
class Trace:
    """The spans of one trace id and what they say together. `root` is one of them, or was before filters removed it."""

    spans: list[Span]
    root: Span
    priority: int
    origin: str
    tags: dict[str, str]


def traces_of(chunk: Chunk, dropped: dict[str, int]) -> Iterator[list[Span]]:
    """The chunk's spans by trace id, each list in the order of the wire. Adds to `dropped` by reason."""
    spans = chunk.spans
    if not all(span["trace_id"] and span["span_id"] for span in spans):
        spans = list(_with_ids(spans, dropped))
    if not spans:
        return
    trace_id = spans[0]["trace_id"]
    if all(span["trace_id"] == trace_id for span in spans):
        yield spans
        return
    by_trace: dict[int, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span["trace_id"], []).append(span)
    yield from by_trace.values()


def _with_ids(spans: list[Span], dropped: dict[str, int]) -> Iterator[Span]:
    for span in spans:
        reason = "trace_id_zero" if not span["trace_id"] else "span_id_zero" if not span["span_id"] else ""
        if reason:
            dropped[reason] = dropped.get(reason, 0) + 1
        else:
            yield span


def make_trace(spans: list[Span], chunk: Chunk) -> Trace:
    """`spans` are those of one trace of `chunk`: at least one."""
    root = root_of(spans)
    priority = priority_of(spans, root) if chunk.priority is None else chunk.priority
    return Trace(spans, root, priority, chunk.origin or root["meta"].get(ORIGIN, ""), chunk.tags)


def root_of(spans: list[Span]) -> Span:
    """The last span without a parent; else the last whose parent is not here; else the last."""
    for span in reversed(spans):
        if not span["parent_id"]:
            return span
    ids = {span["span_id"] for span in spans}
    return next((span for span in reversed(spans) if span["parent_id"] not in ids), spans[-1])


def priority_of(spans: list[Span], root: Span) -> int:
    """The root's, else that of the first span that has one, else none."""
    value = root["metrics"].get(PRIORITY)
    if value is None:
        value = next((found for span in spans if (found := span["metrics"].get(PRIORITY)) is not None), PRIORITY_NONE)
    return _int32(value)


def _int32(value: float) -> int:
    if math.isnan(value):
        return 0
    return int(min(max(value, I32_SMALLEST), I32_LARGEST))


def mark_top_level(spans: list[Span], computed_by_tracer: bool) -> None:
    """Mark the spans where a service is entered: as the tracer says, or by their parents' services."""
    if computed_by_tracer:
        for span in spans:
            if TRACER_TOP_LEVEL in span["metrics"]:
                span["metrics"][TOP_LEVEL] = 1.0
        return
    services = {span["span_id"]: span["service"] for span in spans}
    for span in spans:
        if not span["parent_id"] or services.get(span["parent_id"]) != span["service"]:
            span["metrics"][TOP_LEVEL] = 1.0
