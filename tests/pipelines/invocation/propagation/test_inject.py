import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.invocation.propagation.context import TraceContext
from pipelines.invocation.propagation.extract import PropagationSettings, Propagator
from pipelines.invocation.propagation.inject import answer_headers


def names(context):
    return {name.decode(): value.decode() for name, value in answer_headers(context)}


def test_no_context_no_headers():
    assert answer_headers(None) == ()


def test_the_answer_of_the_specification():
    context = TraceContext(0x663212A000000000 << 64 | 1234567890123456789, 987654321, 1, "", {"_dd.p.tid": "663212a000000000"})
    assert names(context) == {
        "x-datadog-trace-id": "1234567890123456789",
        "x-datadog-sampling-priority": "1",
        "x-datadog-tags": "_dd.p.tid=663212a000000000",
    }


def test_the_other_propagated_tags_and_the_origin_go_back_too():
    tags = {"_dd.p.usr.id": "a", "_dd.p.dm": "-4", "_dd.p.tid": "66f0000000000000", "tracestate": "dd=s:2", "_dd.propagation_error": "x"}
    found = names(TraceContext(1234, 5678, 2, "rum", tags))
    assert found["x-datadog-tags"] == "_dd.p.tid=66f0000000000000,_dd.p.dm=-4,_dd.p.usr.id=a"
    assert found["x-datadog-origin"] == "rum"
    assert "x-datadog-parent-id" not in found


def test_a_decision_without_a_trace():
    assert names(TraceContext(0, 0, 0)) == {"x-datadog-sampling-priority": "0"}


def test_the_baggage_goes_back():
    assert names(TraceContext(1, 1, baggage="a=1"))["baggage"] == "a=1"


def test_tags_stay_below_what_tracers_read():
    tags = {f"_dd.p.k{i}": "v" * 60 for i in range(20)} | {"_dd.p.tid": "66f0000000000000"}
    text = names(TraceContext(1, 1, tags=tags))["x-datadog-tags"]
    assert len(text) <= 512
    assert text.startswith("_dd.p.tid=66f0000000000000,")


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\x00b", "é", " a", ""])
def test_nothing_goes_into_a_header_that_would_break_it(value):
    found = names(TraceContext(1, 1, origin=value, tags={"_dd.p.a": value}, baggage=value))
    assert set(found) == {"x-datadog-trace-id"}


@given(
    st.integers(1, (1 << 128) - 1).filter(lambda n: n % (1 << 64)),
    st.none() | st.integers(-128, 127),
    st.dictionaries(
        st.from_regex(r"_dd\.p\.[a-z]{1,5}", fullmatch=True).filter(lambda key: key not in ("_dd.p.tid", "_dd.p.dm")), st.text(max_size=20)
    ),
)
def test_what_goes_back_says_the_same_trace(trace_id, priority, tags):
    first = Propagator(PropagationSettings()).extract({"traceparent": f"00-{trace_id:032x}-0000000000000001-01"})
    context = TraceContext(trace_id, 1, priority, tags={**tags, **first.tags})
    again = Propagator(PropagationSettings()).extract(names(context))
    assert (again.trace_id, again.priority) == (trace_id, priority)
