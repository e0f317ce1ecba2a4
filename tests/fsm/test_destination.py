"""Every row of the destination's table, and what a dead intake costs over time."""

import pytest

from fsm import effects as do
from fsm import events as ev
from fsm.destination import KEY_PAUSE_MS, PAUSE_MS_MAX, PAUSE_MS_MIN, TABLE, Data, State
from fsm.engine import Arm, Disarm, Machine, Unexpected
from fsm.time import Now

NOW = Now(1_700_000_000_000, 1_000)
EVENTS = [
    ev.DestinationAnswered,
    ev.DestinationFailed,
    ev.ProbeSent,
    ev.LastChance,
    ev.KeyRefused,
    ev.KeyRenewed,
]


def at(mono_ms):
    return Now(NOW.epoch_ms + mono_ms, mono_ms)


def machine(state=State.CLOSED, **data):
    made = Machine(TABLE, Data(**data))
    made.state = state
    return made


@pytest.mark.parametrize("state", list(State), ids=str)
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_pair_is_a_row_or_ignored_with_a_reason_or_counted(state, event):
    one = machine(state)
    effects = one.feed(event(NOW))
    if (state, event) in TABLE.ignored:
        assert (one.state, effects) == (state, ())
    elif (state, event) not in TABLE.rows:
        assert (one.state, effects) == (state, (Unexpected("destination", str(state), event.__name__),))
        assert event is ev.ProbeSent  # only one that is ready is probed


def test_one_failure_opens_it_and_a_probe_is_due_after_the_pause():
    one = machine()
    assert one.feed(ev.DestinationFailed(at(0))) == (Arm(ev.ProbeDue, PAUSE_MS_MIN, 1),)
    assert one.state is State.OPEN
    assert one.feed(ev.ProbeDue(at(PAUSE_MS_MIN), 1)) == ()
    assert one.state is State.READY


def test_each_probe_that_fails_doubles_the_pause_up_to_a_minute():
    one, now_ms, pauses = machine(), 0, []
    one.feed(ev.DestinationFailed(at(0)))
    for _ in range(9):
        (due,) = one.armed.values()
        pauses.append(one.data.pause_ms)
        now_ms += one.data.pause_ms
        one.feed(ev.ProbeDue(at(now_ms), due))
        one.feed(ev.ProbeSent(at(now_ms)))
        one.feed(ev.DestinationFailed(at(now_ms)))
        assert one.state is State.OPEN
    assert pauses == [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]
    assert one.data.pause_ms == PAUSE_MS_MAX


def test_the_pause_is_stretched_by_its_jitter():
    assert machine(jitter=0.8).feed(ev.DestinationFailed(at(0)))[0].at_mono_ms == 1_200


@pytest.mark.parametrize("state", [State.OPEN, State.READY, State.PROBE], ids=str)
def test_an_answer_heals_it_whatever_was_thought(state):
    one = machine(state, pause_ms=32_000)
    one.feed(ev.DestinationAnswered(NOW))
    assert (one.state, one.data.pause_ms) == (State.CLOSED, PAUSE_MS_MIN)


def test_an_answer_while_open_disarms_the_probe():
    one = machine()
    one.feed(ev.DestinationFailed(at(0)))
    assert one.feed(ev.DestinationAnswered(at(5))) == (Disarm(ev.ProbeDue),)


@pytest.mark.parametrize("state", [State.OPEN, State.READY, State.PROBE], ids=str)
def test_the_last_chance_opens_every_way_that_a_key_does_not_bar(state):
    one = machine(state)
    one.feed(ev.LastChance(NOW))
    assert one.state is State.CLOSED


def test_a_refused_key_bars_the_way_until_there_is_another():
    one = machine()
    one.feed(ev.KeyRefused(NOW))
    for event in (ev.LastChance, ev.DestinationAnswered, ev.DestinationFailed, ev.KeyRefused):
        one.feed(event(NOW))
        assert one.state is State.KEY_REFUSED
    one.feed(ev.KeyRenewed(NOW))
    assert one.state is State.CLOSED


def test_a_refused_key_is_tried_again_after_a_long_while():
    """A new key is not known everywhere at once, and a proxy may say 403 of itself: there may never be another key to wait for."""
    one = machine()
    assert one.feed(ev.KeyRefused(at(7))) == (do.RenewKey(), Arm(ev.ProbeDue, 7 + KEY_PAUSE_MS, 1))
    one.feed(ev.ProbeDue(at(7 + KEY_PAUSE_MS), 1))
    assert one.state is State.READY
    one.feed(ev.ProbeSent(at(300_010)))
    assert one.feed(ev.KeyRefused(at(300_020))) == (do.RenewKey(), Arm(ev.ProbeDue, 300_020 + KEY_PAUSE_MS, 2))
    assert one.state is State.KEY_REFUSED
    assert one.feed(ev.KeyRenewed(at(300_030))) == (Disarm(ev.ProbeDue),)
    assert one.state is State.CLOSED
