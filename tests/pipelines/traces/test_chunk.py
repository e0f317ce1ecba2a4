"""Rows of specification, traces 6.4, and what becomes of spans that do not belong together."""

import math

import pytest

from pipelines.traces.chunk import make_trace, mark_top_level, root_of, traces_of
from protocols.trace_values import PRIORITY_NONE, Chunk


def spans(*rows):
    """(id, parent, service)."""
    return [
        {"trace_id": 1, "span_id": span_id, "parent_id": parent_id, "service": service, "meta": {}, "metrics": {}}
        for span_id, parent_id, service in rows
    ]


def marked(found):
    return [span["span_id"] for span in found if span["metrics"].get("_top_level") == 1]


def test_a_span_enters_a_service_where_its_parent_is_none_elsewhere_or_of_another():
    found = spans((1, 0, "A"), (2, 1, "A"), (4, 3, "A"), (5, 2, "B"))
    mark_top_level(found, computed_by_tracer=False)
    assert marked(found) == [1, 4, 5]


def test_a_tracer_that_knows_its_top_level_spans_is_believed():
    found = spans((1, 0, "A"), (2, 1, "B"), (3, 1, "A"))
    found[1]["metrics"]["_dd.top_level"] = 0.0
    mark_top_level(found, computed_by_tracer=True)
    assert marked(found) == [2]


@pytest.mark.parametrize(
    ("rows", "root"),
    [
        ([(12342, 12341, "A"), (12341, 12340, "A"), (12343, 12342, "A")], 1),
        ([(1, 0, "A"), (2, 1, "A")], 0),
        ([(1, 0, "A"), (2, 0, "A"), (3, 1, "A")], 1),
        ([(2, 9, "A"), (3, 8, "A"), (4, 3, "A")], 1),
        ([(1, 2, "A"), (2, 1, "A")], 1),
    ],
)
def test_the_root_has_no_parent_or_one_that_is_elsewhere(rows, root):
    found = spans(*rows)
    assert root_of(found) is found[root]


def trace(found, **chunk):
    return make_trace(found, Chunk(found, **chunk))


def test_the_origin_is_the_roots_as_received():
    found = spans((1, 0, "A"), (2, 1, "A"))
    assert trace(found).origin == ""
    found[1]["meta"]["_dd.origin"] = "synthetics"
    found[0]["meta"]["_dd.origin"] = "rum"
    assert trace(found).origin == "rum"
    assert trace(found, origin="ciapp-test").origin == "ciapp-test"


@pytest.mark.parametrize(
    ("on_root", "on_second", "priority"),
    [(None, None, PRIORITY_NONE), (None, 2.0, 2), (1.0, 2.0, 1), (0.0, None, 0), (-1.0, None, -1), (1.9, None, 1), (-0.9, None, 0),
     (math.nan, None, 0), (math.inf, None, 2**31 - 1), (-1e300, None, -(2**31))],
)  # fmt: skip
def test_the_priority_is_the_roots_or_the_first_that_there_is(on_root, on_second, priority):
    found = spans((1, 0, "A"), (2, 1, "A"), (3, 1, "A"))
    for span, value in zip(found, (on_root, on_second, 7.0 if on_second else None), strict=True):
        if value is not None:
            span["metrics"]["_sampling_priority_v1"] = value
    assert trace(found).priority == priority


def test_a_priority_of_the_chunk_counts_before_that_of_spans():
    found = spans((1, 0, "A"))
    found[0]["metrics"]["_sampling_priority_v1"] = 1.0
    assert trace(found, priority=-1).priority == -1


def test_spans_without_ids_are_dropped_and_foreign_ones_divided():
    found = spans((1, 0, "A"), (2, 1, "A"), (0, 1, "A"), (4, 1, "A"), (5, 1, "A"), (6, 0, "A"))
    for place, trace_id in ((1, 9), (3, 0), (4, 9)):
        found[place]["trace_id"] = trace_id
    dropped = {"span_id_zero": 1}
    assert [[span["span_id"] for span in each] for each in traces_of(Chunk(found), dropped)] == [[1, 6], [2, 5]]
    assert dropped == {"span_id_zero": 2, "trace_id_zero": 1}


def test_a_chunk_without_spans_is_no_trace():
    dropped = {}
    assert list(traces_of(Chunk([]), dropped)) == []
    assert list(traces_of(Chunk(spans((0, 1, "A"))), dropped)) == []
