"""A memory of what was worked out: bounded, and never the cause of another answer."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.memo import OVERHEAD_BYTES, Memo


def doubling(bytes_max):
    made = []

    def make(text):
        made.append(text)
        return text * 2

    return Memo(make, lambda key, value: len(key) + len(value), bytes_max), made


def test_what_is_known_is_not_worked_out_again():
    memo, made = doubling(10_000)
    assert [memo["ab"], memo["cd"], memo["ab"]] == ["abab", "cdcd", "abab"]
    assert made == ["ab", "cd"]
    assert memo.bytes == 2 * (OVERHEAD_BYTES + 6)


def test_beyond_its_bound_it_forgets_everything_and_begins_anew():
    memo, made = doubling(2 * (OVERHEAD_BYTES + 6))
    for key in ("ab", "cd", "ef", "ab"):
        assert memo[key] == key * 2
    assert made == ["ab", "cd", "ef", "ab"]
    assert sorted(memo) == ["ab", "ef"]


def test_what_is_larger_than_the_bound_is_not_kept():
    memo, made = doubling(OVERHEAD_BYTES + 30)
    assert memo["x" * 20] == "x" * 40
    assert (len(memo), memo.bytes) == (0, 0)
    assert memo["x" * 20] == "x" * 40
    assert len(made) == 2


@given(st.lists(st.text(max_size=6), max_size=60), st.integers(0, 4 * OVERHEAD_BYTES))
def test_its_answers_are_those_of_what_it_remembers_and_its_bound_holds(keys, bytes_max):
    memo, _ = doubling(bytes_max)
    for key in keys:
        assert memo[key] == key * 2
        assert memo.bytes == sum(OVERHEAD_BYTES + 3 * len(known) for known in memo) <= bytes_max
