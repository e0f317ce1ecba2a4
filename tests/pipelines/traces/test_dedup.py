"""Repetitions (specification, traces 5.1)."""

from pipelines.traces.dedup import KEYS_MAX, Seen


def span(span_id, trace_id=1):
    return {"trace_id": trace_id, "span_id": span_id}


def test_a_span_is_new_once():
    seen = Seen()
    assert [seen.is_new(span(2)), seen.is_new(span(2)), seen.is_new(span(2, trace_id=3)), seen.is_new(span(3, trace_id=2))] == [
        True,
        False,
        True,
        True,
    ]


def test_the_oldest_of_a_hundred_is_forgotten_first():
    seen = Seen()
    assert all(seen.is_new(span(number)) for number in range(1, KEYS_MAX + 2))
    assert [seen.is_new(span(number)) for number in (2, KEYS_MAX + 1)] == [False, False]
    assert seen.is_new(span(1))


def test_a_repetition_does_not_make_a_span_younger():
    seen = Seen(keys_max=2)
    assert [seen.is_new(span(number)) for number in (1, 2, 1, 3, 1)] == [True, True, False, True, True]


def test_spans_without_an_id_repeat_nobody():
    seen = Seen()
    assert all(seen.is_new(span(0)) for _ in range(3))
    assert all(seen.is_new(span(1, trace_id=0)) for _ in range(3))
