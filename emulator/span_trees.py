"""Spans in the order in which a person reads them: each behind the span that it hangs below."""

from collections.abc import Sequence

from emulator.account import Span


def as_trees(spans: Sequence[Span]) -> list[tuple[Span, int]]:
    """Each span once, with its depth. Where a parent has not come, the depth is 0."""
    own = [(span.trace_id, span.span_id) for span in spans]
    above = [(span.trace_id, span.parent_id) for span in spans]
    children: dict[tuple[int, int], list[int]] = {}
    for place, key in enumerate(above):
        children.setdefault(key, []).append(place)
    known = set(own)
    roots = [place for place, key in enumerate(above) if key not in known or key == own[place]]
    shown: dict[int, int] = {}
    for start in (*roots, *range(len(spans))):  # what no root leads to goes round in a circle, and is shown all the same
        waiting = [(start, 0)]
        while waiting:
            place, depth = waiting.pop()
            if place not in shown:
                shown[place] = depth
                waiting += [(each, depth + 1) for each in reversed(children.get(own[place], []))]
    return [(spans[place], depth) for place, depth in shown.items()]
