"""Which spans of an application come under the invocation that it answers. (specification, invocation 12.3, traces 5)"""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.invocation.reparent import ENTRIES_MAX, Reparenting


def span(trace_id, span_id, parent_id=0, **meta):
    return {"trace_id": trace_id, "span_id": span_id, "parent_id": parent_id, "meta": meta}


def parents(reparenting, *spans):
    for each in spans:
        reparenting.on_span(each)
    return [each["parent_id"] for each in spans]


def test_spans_of_upstreams_trace_with_its_span_for_a_parent():
    reparenting = Reparenting()
    reparenting.expect("a", 9, 5, 7)
    assert parents(reparenting, span(7, 1, 5), span(7, 2, 1), span(8, 3, 5), span(7, 4, 0)) == [9, 1, 5, 0]


def test_without_upstream_the_first_trace_is_the_invocations():
    reparenting = Reparenting()
    reparenting.expect("a", 9, 0, 0)
    assert reparenting.trace_of("a") == (0, 9)
    assert parents(reparenting, span(7, 1), span(8, 2), span(7, 3)) == [9, 0, 9]
    assert reparenting.trace_of("a") == (7, 9)


def test_each_of_several_finds_a_trace_of_its_own():
    reparenting = Reparenting()
    reparenting.expect("a", 91, 0, 0)
    reparenting.expect("b", 92, 0, 0)
    assert parents(reparenting, span(7, 1), span(8, 2), span(7, 3)) == [91, 92, 91]


def test_a_span_that_names_its_request_is_believed():
    reparenting = Reparenting()
    reparenting.expect("a", 91, 0, 0)
    reparenting.expect("b", 92, 0, 0)
    assert parents(reparenting, span(7, 1, request_id="b"), span(8, 2)) == [92, 91]


def test_the_second_entry_for_a_request_is_refused_and_one_that_is_over_looks_no_more():
    reparenting = Reparenting()
    assert reparenting.expect("a", 91, 0, 0)
    assert not reparenting.expect("a", 92, 0, 0)
    reparenting.forget("a")
    assert parents(reparenting, span(7, 1)) == [0]
    assert reparenting.trace_of("a") == (0, 0)


def test_entries_are_bounded():
    reparenting = Reparenting()
    for number in range(ENTRIES_MAX + 1):
        reparenting.expect(str(number), number + 1, 0, 0)
    assert len(reparenting) == ENTRIES_MAX
    assert reparenting.trace_of("0") == (0, 0)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(0, 6)), max_size=20), st.integers(0, 2), st.integers(0, 2))
def test_no_span_becomes_its_own_parent(spans, parent_id, trace_id):
    reparenting = Reparenting()
    reparenting.expect("a", 3, parent_id, trace_id)
    for trace, own, parent in spans:
        one = span(trace, own, parent)
        reparenting.on_span(one)
        assert one["parent_id"] != own or parent == own
