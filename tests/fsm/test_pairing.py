"""Whose a call is that names no request. (specification, invocation 4.3)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm.engine import Machine, Unexpected
from fsm.pairing import CALLS_MAX, TABLE, CallCame, CallNamed, Data, DropCall, Pair, RunBegan, RunDone, RunOver, State
from fsm.time import Now

NOW = Now(1_700_000_000_000, 10_000)


def began(request_id):
    return RunBegan(NOW, request_id)


def done(request_id):
    return RunDone(NOW, request_id)


def over(request_id):
    return RunOver(NOW, request_id)


def came(number):
    return CallCame(NOW, number)


def named(request_id):
    return CallNamed(NOW, request_id)


def told(*events, alone=True):
    machine = Machine(TABLE, Data(alone))
    return machine, [effect for event in events for effect in machine.feed(event)]


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("events", "effects", "state"),
    [
        ([came(1), began("a")], [Pair("a", 1)], State.LEVEL),
        ([began("a")], [], State.WANTED),
        ([began("a"), came(1)], [Pair("a", 1)], State.LEVEL),
        ([came(1)], [], State.EARLY),
        # Sent twice: not the next invocation's.
        ([began("a"), came(1), came(2), over("a"), began("b")], [Pair("a", 1), DropCall(2, "repeated")], State.WANTED),
        ([began("a"), named("a"), came(1)], [DropCall(1, "repeated")], State.LEVEL),
        # It never came: nothing shifts.
        ([began("a"), over("a"), came(1), began("b")], [Pair("b", 1)], State.LEVEL),
        # The runtime of one that had its call is over: a call is the next one's.
        ([began("a"), came(1), done("a"), came(2), began("b")], [Pair("a", 1), Pair("b", 2)], State.LEVEL),
        # It may come after the runtime's end, too.
        ([began("a"), done("a"), came(1)], [Pair("a", 1)], State.LEVEL),
        ([named("a"), began("a")], [], State.LEVEL),
        ([came(1), named("a"), began("a"), began("b")], [Pair("b", 1)], State.LEVEL),
        ([came(1), came(2), began("a"), began("b")], [Pair("a", 1), Pair("b", 2)], State.LEVEL),
        ([over("x"), done("x"), came(1), over("x"), done("x")], [], State.EARLY),
    ],
)
def test_stories(events, effects, state, alone):
    machine, found = told(*events, alone=alone)
    assert (found, machine.state) == (effects, state)


def test_where_one_runs_at_a_time_the_last_that_began_is_meant():
    assert told(began("a"), began("b"), came(1), came(2))[1] == [Pair("b", 1), DropCall(2, "repeated")]
    machine, effects = told(began("a"), named("b"), began("b"), came(1))
    assert (effects, machine.state) == ([DropCall(1, "repeated")], State.LEVEL)


def test_where_many_run_the_oldest_is_meant():
    assert told(began("a"), began("b"), came(1), came(2), alone=False)[1] == [Pair("a", 1), Pair("b", 2)]
    assert told(began("a"), began("b"), named("a"), came(1), alone=False)[1] == [Pair("b", 1)]
    assert told(began("a"), named("b"), began("b"), came(1), alone=False)[1] == [Pair("a", 1)]
    assert told(began("a"), began("b"), over("a"), came(1), alone=False)[1] == [Pair("b", 1)]


def test_calls_that_wait_are_bounded():
    machine, effects = told(*map(came, range(CALLS_MAX + 1)))
    assert effects == [DropCall(CALLS_MAX, "too many wait for their invocation")]
    assert len(machine.data.early) == CALLS_MAX


IDS = st.sampled_from("abc")
EVENTS = st.one_of(IDS.map(began), IDS.map(done), IDS.map(over), IDS.map(named), st.just(None))


@given(st.lists(EVENTS, max_size=30), st.booleans())
def test_each_call_is_paired_or_dropped_at_most_once_and_no_invocation_gets_two(events, alone):
    machine, number = Machine(TABLE, Data(alone)), 0
    answered, served = [], {}
    for event in events:
        if event is None:
            number += 1
            event = came(number)
        if isinstance(event, RunOver):
            served.pop(event.request_id, None)
        if isinstance(event, RunBegan):  # an earlier try is over and, where one runs at a time, whatever ran
            served = {} if alone else {kept: call for kept, call in served.items() if kept != event.request_id}
        for effect in machine.feed(event):
            assert not isinstance(effect, Unexpected)
            answered.append(effect.number)
            if isinstance(effect, Pair):
                assert effect.request_id not in served
                served[effect.request_id] = effect.number
        if isinstance(event, RunDone) and event.request_id not in machine.data.wanting:
            served.pop(event.request_id, None)
    assert len(answered) == len(set(answered))
    assert set(answered) | set(machine.data.early) == set(range(1, number + 1))
    assert (machine.state is State.WANTED) == bool(machine.data.wanting)
    assert (machine.state is State.EARLY) == bool(machine.data.early)
