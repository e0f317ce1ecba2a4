"""A bounded memory of what passed."""

from hypothesis import given
from hypothesis import strategies as st

from emulator.kept import Kept


@given(st.lists(st.integers(0, 12)))
def test_the_newest_within_the_bound_stay_and_the_rest_is_counted(sizes):
    kept = Kept(bytes_max=20)
    for index, size in enumerate(sizes):
        kept.append(index, size)
    assert kept.size_bytes == sum(sizes[index] for index in kept) <= 20
    assert list(kept) == list(range(len(sizes)))[kept.forgotten :]


def test_an_item_over_the_bound_is_forgotten_itself():
    kept = Kept(bytes_max=3)
    kept.append("big", 4)
    assert (len(kept), kept.forgotten) == (0, 1)
