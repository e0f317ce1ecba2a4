"""What a carrier says about the trace that an invocation belongs to."""

from collections.abc import Mapping

import attrs

LOW_64 = (1 << 64) - 1
TRACE_ID_HIGH = "_dd.p.tid"
PROPAGATED = "_dd.p."


@attrs.frozen
class Link:
    """Another trace that led here: the ids as a span link has them (128 bits and 64 bits).

    `style` is the one of the headers that named it, where headers of another style named the trace that is continued.
    """

    trace_id: int
    span_id: int
    tracestate: str = ""
    style: str = ""
    is_kept: bool | None = None


@attrs.frozen
class TraceContext:
    """Upstream context. `trace_id` has 128 bits, `span_id` 64 and may be 0.

    `tags` go to the span: `_dd.p.*` and what the styles add. `baggage` is the W3C header as it came.
    """

    trace_id: int
    span_id: int
    priority: int | None = None
    origin: str = ""
    tags: Mapping[str, str] = attrs.field(factory=dict)
    links: tuple[Link, ...] = ()
    baggage: str = ""

    @property
    def low_trace_id(self) -> int:
        """The 64 bits that spans carry as their trace id."""
        return self.trace_id & LOW_64

    @property
    def is_traced(self) -> bool:
        """Whether there is a trace to continue; a header may also say only whether to sample."""
        return self.low_trace_id != 0


def with_high_bits(context: TraceContext) -> TraceContext:
    """The same, with the upper half of its trace id as the tag that 64-bit spans carry it in."""
    high = context.trace_id >> 64
    if not high or TRACE_ID_HIGH in context.tags:
        return context
    return attrs.evolve(context, tags={**context.tags, TRACE_ID_HIGH: f"{high:016x}"})
