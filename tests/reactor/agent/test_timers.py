"""The timers' heap against a list that is searched."""

from hypothesis import given
from hypothesis import strategies as st

from fsm.events import DeadlineNear, FlushBound, PauseOver
from reactor.agent import timers as module
from reactor.agent.inputs import TimerDue
from reactor.agent.outputs import ClearTimer, SetTimer
from reactor.agent.timers import Timers

KEYS = st.tuples(st.sampled_from(["lifecycle", "payload 1", "payload 2"]), st.sampled_from([DeadlineNear, FlushBound, PauseOver]))
STEPS = st.one_of(
    st.tuples(st.just("set"), KEYS, st.integers(0, 50)),
    st.tuples(st.just("clear"), KEYS),
    st.tuples(st.just("pop"), st.integers(0, 60)),
)


class Naive:
    """The same promises, kept by searching a list."""

    def __init__(self):
        self.entries = []

    def set(self, timer):
        self.clear(timer)
        self.entries.append(timer)

    def clear(self, timer):
        self.entries = [entry for entry in self.entries if (entry.owner, entry.tick) != (timer.owner, timer.tick)]

    def next_at(self):
        return min((entry.at_mono_ms for entry in self.entries), default=None)

    def pop_due(self, mono_ms):
        due = [entry for entry in self.entries if entry.at_mono_ms <= mono_ms]
        if not due:
            return None
        first = min(due, key=lambda entry: entry.at_mono_ms)  # of equals, the one set first
        self.entries.remove(first)
        return TimerDue(first.owner, first.tick, first.generation)


@given(st.lists(STEPS, max_size=80))
def test_any_order_of_setting_clearing_and_coming_due(steps):
    timers, naive = Timers(), Naive()
    for generation, (step, *arguments) in enumerate(steps):
        if step == "set":
            timer = SetTimer(*arguments[0], generation, arguments[1])
            timers.set(timer)
            naive.set(timer)
        elif step == "clear":
            timers.clear(ClearTimer(*arguments[0]))
            naive.clear(ClearTimer(*arguments[0]))
        else:
            assert timers.pop_due(arguments[0]) == naive.pop_due(arguments[0])
        assert timers.next_at() == naive.next_at()
        assert len(timers) == len(naive.entries)


def test_no_timer_no_moment():
    assert Timers().next_at() is None
    assert Timers().pop_due(10**9) is None


def test_a_timer_set_again_comes_due_once_with_its_last_generation():
    timers = Timers()
    timers.set(SetTimer("lifecycle", FlushBound, 1, 10))
    timers.set(SetTimer("lifecycle", FlushBound, 2, 20))
    assert timers.pop_due(15) is None
    assert timers.pop_due(20) == TimerDue("lifecycle", FlushBound, 2)
    assert timers.pop_due(10**9) is None


def test_timers_that_are_replaced_for_ever_do_not_pile_up():
    timers = Timers()
    for generation in range(10_000):
        timers.set(SetTimer("lifecycle", FlushBound, generation, 10**9 - generation))
    assert len(timers) == 1
    assert len(timers._heap) <= module.STALE_MAX + 2
    assert timers.next_at() == 10**9 - 9_999
