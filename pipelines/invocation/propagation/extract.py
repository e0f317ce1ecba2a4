"""Which styles are read, in which order, and what becomes of several contexts in one carrier."""

from collections.abc import Callable, Mapping

import attrs

from pipelines.invocation.propagation import b3, baggage, datadog, tracecontext
from pipelines.invocation.propagation.context import Link, TraceContext, with_high_bits

Extract = Callable[[Mapping[str, str]], TraceContext | None]

STYLES: dict[str, Extract] = {
    "datadog": datadog.extract,
    "tracecontext": tracecontext.extract,
    "b3": b3.extract_single,
    "b3multi": b3.extract_multi,
}
BAGGAGE = "baggage"


@attrs.frozen
class PropagationSettings:
    """`styles` in the order in which they are tried. `first_only`: the first of them alone."""

    styles: tuple[str, ...] = ("datadog", "tracecontext")
    first_only: bool = False
    has_baggage_tags: bool = False


class Propagator:
    """Reads context out of carriers, by the settings."""

    def __init__(self, settings: PropagationSettings) -> None:
        tried = settings.styles[:1] if settings.first_only else settings.styles
        self._styles = [(name, STYLES[name]) for name in tried if name in STYLES]
        self._keeps_baggage = BAGGAGE in settings.styles
        self._has_baggage_tags = settings.has_baggage_tags

    def extract(self, carrier: Mapping[str, str]) -> TraceContext | None:
        """The context of a carrier with lower-case names. It never raises."""
        found = [(name, context) for name, extract in self._styles if (context := extract(carrier)) is not None]
        if not found:
            return None
        context = with_high_bits(_combine(found))
        tags: dict[str, str] = {}
        if self._has_baggage_tags:
            tags |= baggage.item_tags(carrier)
        header = carrier.get(baggage.HEADER, "") if self._keeps_baggage else ""
        if header:
            tags |= baggage.header_tags(header)
        return attrs.evolve(context, tags={**context.tags, **tags}, baggage=header) if tags or header else context


def _combine(found: list[tuple[str, TraceContext]]) -> TraceContext:
    """The first context that has a trace; later ones of the same trace add to it, those of other traces become links.

    Where none has a trace, the first says whether to sample.
    """
    traced = [pair for pair in found if pair[1].trace_id]
    if not traced:
        return found[0][1]
    _, primary = traced[0]
    links: list[Link] = []
    for style, other in traced[1:]:
        if other.trace_id != primary.trace_id:
            links.append(_link(style, other))
        elif style == "tracecontext":
            primary = _with_tracecontext(primary, other)
    return attrs.evolve(primary, links=tuple(links)) if links else primary


def _with_tracecontext(primary: TraceContext, other: TraceContext) -> TraceContext:
    """The W3C headers pass through tracers of others as well, so their span is the nearer parent; Datadog's own becomes a tag."""
    tags = dict(primary.tags)
    if (state := other.tags.get(tracecontext.TRACESTATE)) is not None:
        tags[tracecontext.TRACESTATE] = state
    if other.span_id != primary.span_id:
        tags[tracecontext.PARENT_TAG] = other.tags.get(tracecontext.PARENT_TAG) or f"{primary.span_id:016x}"
    return attrs.evolve(primary, span_id=other.span_id, tags=tags)


def _link(style: str, context: TraceContext) -> Link:
    kept = None if context.priority is None else context.priority > 0
    return Link(context.trace_id, context.span_id, context.tags.get(tracecontext.TRACESTATE, ""), style, kept)
