"""What is sent of traces that were sampled out (specification, traces 8)."""

import pytest

from pipelines.traces.chunk import Trace
from pipelines.traces.sample import is_sampled_out, keep_what_counts


def span(span_id, error=0, **metrics):
    return {"span_id": span_id, "error": error, "metrics": metrics}


SINGLE = {"_dd.span_sampling.mechanism": 8.0}
ANALYSED = {"_dd1.sr.eausr": 1.0}


@pytest.mark.parametrize(("priority", "is_out"), [(-128, False), (-1, True), (0, True), (1, False), (2, False), (-2, True)])
def test_a_priority_of_nothing_or_less_but_for_none_is_sampled_out(priority, is_out):
    assert is_sampled_out(Trace([], {}, priority, "", {})) is is_out


@pytest.mark.parametrize(
    ("spans", "kept", "priority"),
    [
        ([span(1), span(2)], [], -1),
        ([span(1), span(2, error=1)], [1, 2], -1),
        ([span(1), span(2, **SINGLE), span(3)], [2], 2),
        ([span(1, **{"_dd.span_sampling.mechanism": 4.0})], [], -1),
        ([span(1), span(2, **ANALYSED)], [2], -1),
        ([span(1, **SINGLE), span(2, **ANALYSED), span(3)], [1, 2], 2),
    ],
)
def test_errors_single_spans_and_analysed_spans_stay(spans, kept, priority):
    trace = Trace(spans, spans[0], -1, "", {})
    assert keep_what_counts(trace) == len(spans) - len(kept)
    assert ([each["span_id"] for each in trace.spans], trace.priority) == (kept, priority)
