"""The styles `b3` (one header) and `b3multi` (a header for each field), as Zipkin's libraries write them."""

from collections.abc import Mapping

from pipelines.invocation.propagation.context import TraceContext
from pipelines.invocation.propagation.numbers import read_hex

SINGLE = "b3"
TRACE_ID, SPAN_ID, SAMPLED, FLAGS = "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"
TRACE_DIGITS_MAX, SPAN_DIGITS_MAX = 32, 16
PRIORITIES = {"0": 0, "1": 1, "d": 2}


def extract_single(carrier: Mapping[str, str]) -> TraceContext | None:
    """`trace-span[-sampled[-parent]]`, or the sampling decision alone."""
    fields = carrier.get(SINGLE, "").strip().split("-")
    if len(fields) == 1:
        return TraceContext(0, 0, PRIORITIES[fields[0]]) if fields[0] in PRIORITIES else None
    return _context(fields[0], fields[1], PRIORITIES.get(fields[2]) if len(fields) > 2 else None)


def extract_multi(carrier: Mapping[str, str]) -> TraceContext | None:
    debug = carrier.get(FLAGS, "").strip() == "1"
    sampled = carrier.get(SAMPLED, "").strip()
    priority = 2 if debug else PRIORITIES[sampled] if sampled in ("0", "1") else None
    return _context(carrier.get(TRACE_ID, "").strip(), carrier.get(SPAN_ID, "0").strip(), priority)


def _context(trace: str, span: str, priority: int | None) -> TraceContext | None:
    trace_id, span_id = read_hex(trace, TRACE_DIGITS_MAX), read_hex(span, SPAN_DIGITS_MAX)
    return TraceContext(trace_id, span_id, priority) if trace_id and span_id is not None else None
