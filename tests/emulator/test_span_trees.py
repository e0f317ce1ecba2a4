"""Spans as trees."""

from emulator.account import Span
from emulator.span_trees import as_trees


def test_spans_stand_below_their_parents_and_each_stands_once():
    def span(name, span_id, parent_id, trace_id=1):
        return Span("s", name, "", "", trace_id, span_id, parent_id, 1, 0, ())

    spans = [span("c", 3, 2), span("a", 1, 9), span("b", 2, 1), span("d", 4, 1), span("other", 5, 1, trace_id=2)]
    assert [(each.name, depth) for each, depth in as_trees(spans)] == [("a", 0), ("b", 1), ("c", 2), ("d", 1), ("other", 0)]
    circle = [span("a", 1, 2), span("b", 2, 1), span("self", 3, 3)]
    assert sorted(each.name for each, _ in as_trees(circle)) == ["a", "b", "self"]
    assert as_trees([spans[1], spans[1]]) == [(spans[1], 0), (spans[1], 0)]
