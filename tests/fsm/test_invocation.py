from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm import effects as do
from fsm import events as ev
from fsm.engine import Machine, Unexpected
from fsm.invocation import TABLE, Data, State
from fsm.regions import Keyed
from fsm.time import Now

NOW = Now(1_700_000_000_000, 10_000)
OPENED = ev.Opened(NOW, "a")
STARTED = ev.InvocationStarted(NOW, "a")
DONE = ev.RuntimeDone(NOW, "a", "success")
DONE_LATER = ev.RuntimeDone(NOW, "a", "timeout")
REPORT = ev.Report(NOW, "a", "success")
REPORT_LATER = ev.Report(NOW, "a", "error")
STOPPED, EVICTED, SUPERSEDED = ev.Stopped(NOW), ev.Evicted(NOW), ev.Superseded(NOW)
COUNT, COUNT_RUNTIME, COUNT_REPORT = do.CountInvocation("a", NOW), do.CountRuntime(DONE), do.CountReport(REPORT)
CLOSE = do.CloseInvocation("a", "reported")


def name(event):
    return type(event).__name__


def told(events):
    machine = Machine(TABLE, Data("a"))
    return machine, [effect for event in events for effect in machine.feed(event)]


@pytest.mark.parametrize("order", list(permutations([OPENED, STARTED, DONE, REPORT])), ids=lambda order: " ".join(map(name, order)))
def test_in_every_order_each_fact_is_counted_once_and_the_invocation_closed_once(order):
    effects = list(told([event for event in order if event is not STARTED])[1])
    assert sorted(map(repr, effects)) == sorted(map(repr, [COUNT, COUNT_RUNTIME, COUNT_REPORT, CLOSE]))
    machine, with_start = told(order)
    assert [effect for effect in with_start if not isinstance(effect, Unexpected)] == effects
    assert (machine.state, effects[-1]) == (State.CLOSED, CLOSE)


@pytest.mark.parametrize("order", list(permutations([OPENED, DONE, REPORT])), ids=lambda order: " ".join(map(name, order)))
def test_nothing_is_counted_before_the_beginning(order):
    machine = Machine(TABLE, Data("a"))
    before = order[: order.index(OPENED)]
    assert [machine.feed(event) for event in before] == [()] * len(before)
    assert machine.feed(OPENED)[0] == COUNT


@given(st.permutations([OPENED, STARTED, STARTED, DONE, DONE, DONE, REPORT, REPORT, REPORT]))
def test_a_record_that_is_repeated_is_counted_once(order):
    """Repeated after the end it would be a new key's: that is `Keyed`'s business, so the story ends where the invocation closes."""
    machine = Machine(TABLE, Data("a"))
    effects = []
    for event in order:
        effects += machine.feed(event)
        if machine.state is State.CLOSED:
            break
    assert sorted(map(repr, effects)) == sorted(map(repr, [COUNT, COUNT_RUNTIME, COUNT_REPORT, CLOSE]))


def test_the_usual_way():
    machine = Machine(TABLE, Data("a"))
    assert (machine.feed(OPENED), machine.state) == ((COUNT,), State.INVOKED)
    assert (machine.feed(STARTED), machine.state) == ((), State.INVOKED)
    assert (machine.feed(DONE), machine.state) == ((COUNT_RUNTIME,), State.DONE)
    assert (machine.feed(REPORT), machine.state) == ((COUNT_REPORT, CLOSE), State.CLOSED)


def test_the_moment_of_the_beginning_is_counted_not_that_of_the_first_record():
    early, later = Now(1, 1), Now(9, 9)
    machine = Machine(TABLE, Data("a"))
    machine.feed(ev.RuntimeDone(early, "a", "success"))
    assert machine.feed(ev.Opened(later, "a"))[0] == do.CountInvocation("a", later)


def test_a_report_without_an_end_waits_for_it_until_another_invocation_begins():
    machine, effects = told([OPENED, REPORT])
    assert (machine.state, effects) == (State.REPORTED, [COUNT, COUNT_REPORT])
    assert (machine.feed(SUPERSEDED), machine.state) == ((CLOSE,), State.CLOSED)


# --- ends that are not reports ------------------------------------------------------------------------------------------------

OPEN_BY = [
    ((), "stopped", "evicted"),
    ((OPENED,), "stopped", "evicted"),
    ((OPENED, DONE), "stopped", "evicted"),
    ((OPENED, REPORT),) + ("reported",) * 2,
]


@pytest.mark.parametrize(("so_far", "when_stopped", "when_evicted"), OPEN_BY, ids=["expected", "invoked", "done", "reported"])
def test_the_end_of_the_sandbox_and_eviction_close_whatever_is_open(so_far, when_stopped, when_evicted):
    for event, how in ((STOPPED, when_stopped), (EVICTED, when_evicted)):
        machine, _ = told(so_far)
        assert (machine.feed(event), machine.state) == ((do.CloseInvocation("a", how),), State.CLOSED)


@pytest.mark.parametrize(
    "so_far", [(DONE,), (REPORT,), (DONE, REPORT), (REPORT, DONE)], ids=["done", "report", "both", "both, turned round"]
)
@pytest.mark.parametrize(("event", "how"), [(STOPPED, "stopped"), (EVICTED, "evicted")], ids=["stopped", "evicted"])
def test_records_of_an_invocation_that_was_never_seen_to_begin_are_counted_at_the_end(so_far, event, how):
    machine, effects = told(so_far)
    assert effects == []
    counts = [count for record, count in ((DONE, COUNT_RUNTIME), (REPORT, COUNT_REPORT)) if record in so_far]
    assert (machine.feed(event), machine.state) == ((*counts, do.CloseInvocation("a", how)), State.CLOSED)


@pytest.mark.parametrize("so_far", [(), (OPENED,), (OPENED, DONE)], ids=["expected", "invoked", "done"])
def test_another_invocation_does_not_close_what_still_expects_its_report(so_far):
    machine, _ = told(so_far)
    state = machine.state
    assert (machine.feed(SUPERSEDED), machine.state) == ((), state)


# --- a request that is tried again keeps its id -------------------------------------------------------------------------------


def test_a_second_try_is_an_invocation_of_its_own_though_the_first_report_comes_late():
    machine, _ = told([OPENED, DONE])
    assert (machine.feed(OPENED), machine.state) == ((COUNT,), State.INVOKED)
    assert (machine.feed(REPORT), machine.state) == ((COUNT_REPORT,), State.INVOKED)
    assert machine.feed(DONE_LATER) == (do.CountRuntime(DONE_LATER),)
    assert machine.feed(REPORT_LATER) == (do.CountReport(REPORT_LATER), CLOSE)


def test_the_first_report_may_even_come_after_the_second_end():
    machine, _ = told([OPENED, DONE, OPENED, DONE_LATER])
    assert (machine.feed(REPORT), machine.state) == ((COUNT_REPORT,), State.DONE)
    assert machine.feed(REPORT_LATER) == (do.CountReport(REPORT_LATER), CLOSE)


def test_a_third_try_is_owed_two_reports():
    machine, effects = told([OPENED, DONE, OPENED, DONE, OPENED, DONE, REPORT, REPORT])
    assert (machine.state, effects.count(COUNT), effects.count(COUNT_RUNTIME), effects.count(COUNT_REPORT)) == (State.DONE, 3, 3, 2)
    assert machine.feed(REPORT) == (COUNT_REPORT, CLOSE)


def test_a_second_try_after_a_report_begins_afresh():
    machine, _ = told([OPENED, REPORT])
    assert (machine.feed(OPENED), machine.state, machine.data) == ((COUNT,), State.INVOKED, Data("a"))


# --- every pair ---------------------------------------------------------------------------------------------------------------

ONE_OF_EACH = [OPENED, STARTED, DONE, REPORT, STOPPED, EVICTED, SUPERSEDED]
WAYS = {
    State.EXPECTED: (),
    State.INVOKED: (OPENED,),
    State.DONE: (OPENED, DONE),
    State.REPORTED: (OPENED, REPORT),
    State.CLOSED: (OPENED, STOPPED),
}


@pytest.mark.parametrize("state", State, ids=str)
@pytest.mark.parametrize("event", ONE_OF_EACH, ids=name)
def test_every_pair_is_answered_until_the_invocation_is_closed(state, event):
    machine, _ = told(WAYS[state])
    assert machine.state is state
    effects = machine.feed(event)
    if state is State.CLOSED:
        assert effects == (Unexpected("invocation", "CLOSED", name(event)),)
    elif (state, type(event)) in TABLE.rows:
        assert machine.state in {row.target for row in TABLE.rows[state, type(event)]}
    else:
        assert TABLE.ignored[state, type(event)]
        assert (effects, machine.state) == ((), state)


def test_the_events_tried_are_all_there_are():
    assert {type(event) for event in ONE_OF_EACH} == TABLE.events


# --- many at once -------------------------------------------------------------------------------------------------------------


@given(st.permutations([(key, kind) for key in "abc" for kind in (ev.Opened, ev.RuntimeDone, ev.Report)]))
def test_invocations_that_run_at_once_do_not_mix(order):
    keyed = Keyed(TABLE, Data, 500, lambda key, cause: EVICTED)
    effects = []
    for key, kind in order:
        effects += keyed.feed(key, kind(NOW, key) if kind is ev.Opened else kind(NOW, key, key))
    assert len(keyed) == 0
    for key in "abc":
        assert effects.count(do.CountInvocation(key, NOW)) == 1
        assert effects.count(do.CountRuntime(ev.RuntimeDone(NOW, key, key))) == 1
        assert effects.count(do.CountReport(ev.Report(NOW, key, key))) == 1
        assert effects.count(do.CloseInvocation(key, "reported")) == 1
    assert len(effects) == 12
