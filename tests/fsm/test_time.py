import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm.time import Now, mono_of_epoch


@pytest.mark.parametrize(
    ("epoch_ms", "mono_ms"),
    [(1_000_000, 50), (1_000_700, 750), (999_000, -950)],
    ids=["now", "later", "in the past, before this process ran"],
)
def test_a_wall_clock_moment_is_as_far_from_now_on_the_monotonic_clock(epoch_ms, mono_ms):
    assert mono_of_epoch(Now(1_000_000, 50), epoch_ms) == mono_ms


@given(st.integers(), st.integers(), st.integers(), st.integers())
def test_two_moments_stay_as_far_apart(epoch_ms, mono_ms, first_ms, second_ms):
    now = Now(epoch_ms, mono_ms)
    assert mono_of_epoch(now, second_ms) - mono_of_epoch(now, first_ms) == second_ms - first_ms
