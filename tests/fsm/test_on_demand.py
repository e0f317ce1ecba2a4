import inspect

import pytest

from fsm import effects as do
from fsm import events as ev
from fsm.decision import Cadence, Kind, Strategy
from fsm.engine import Arm, Disarm, Machine, Tick, Unexpected
from fsm.on_demand import ASKED, IN_SHUTDOWN, INIT, OWING, TABLE, Data, State
from fsm.time import Now

NOW = Now(1_700_000_000_000, 10_000)
FIELDS = {
    "now": NOW,
    "generation": 1,
    "reason": "r",
    "request_id": "a",
    "status": "success",
    "deadline_ms": NOW.epoch_ms + 3_000,
    "fatal": False,
    "gap_ms": 5_000,
    "region": "dogstatsd",
    "times": 1,
}


def one_of(kind):
    """An event of this kind; Any-valued fields keep their default."""
    return kind(**{name: FIELDS[name] for name in inspect.signature(kind).parameters if name in FIELDS})


TICKS = [kind for _, kind in inspect.getmembers(ev, inspect.isclass) if issubclass(kind, Tick) and kind is not Tick]
FACTS = sorted((kind for kind in TABLE.events if not issubclass(kind, Tick)), key=lambda kind: kind.__name__)
OF_OTHERS = [ev.InvocationStarted(NOW, "a"), ev.Opened(NOW, "a"), ev.Sealed(NOW, 1, 1), ev.Answered(NOW, 200)]


def standing_in(state, kind=Kind.END):
    machine = Machine(TABLE, Data(Cadence(Strategy(kind, 1_000), 30, 0)))
    machine.state = state
    return machine


# --- every pair ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State, ids=str)
@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_every_pair_is_a_row_a_stated_ignore_or_unexpected(state, kind):
    machine = standing_in(state)
    before = machine.data
    effects = machine.feed(one_of(kind))
    if (state, kind) in TABLE.rows:
        assert machine.state in {row.target for row in TABLE.rows[state, kind]}
        assert not any(isinstance(effect, Unexpected) for effect in effects)
    else:
        expected = () if TABLE.ignored.get((state, kind)) else (Unexpected("on_demand", str(state), kind.__name__),)
        assert (machine.state, machine.data, effects) == (state, before, expected)


@pytest.mark.parametrize("state", State, ids=str)
@pytest.mark.parametrize("tick", TICKS, ids=lambda kind: kind.__name__)
def test_every_armed_timer_is_a_row_or_unexpected_and_a_stale_one_is_nothing(state, tick):
    machine = standing_in(state)
    assert machine.feed(tick(NOW, 1)) == ()
    machine.armed[tick] = 2
    assert (machine.feed(tick(NOW, 1)), machine.state) == ((), state)
    effects = machine.feed(tick(NOW, 2))
    if (state, tick) in TABLE.rows:
        assert machine.state in {row.target for row in TABLE.rows[state, tick]}
    else:
        assert (machine.state, effects) == (state, (Unexpected("on_demand", str(state), tick.__name__),))


@pytest.mark.parametrize("state", State, ids=str)
@pytest.mark.parametrize("event", OF_OTHERS, ids=lambda event: type(event).__name__)
def test_another_machines_event_is_unexpected_everywhere(state, event):
    machine = standing_in(state)
    assert (machine.feed(event), machine.state) == ((Unexpected("on_demand", str(state), type(event).__name__),), state)


# What only a defect of the reactor or the platform can cause, pair by pair. One that joins or leaves this list is a decision.
NO_CALL_PENDING = {*INIT[:3], *OWING}
REGISTERED = {State.INIT_SUBSCRIBE, *ASKED, *OWING}
UNEXPECTED = {
    ev.Started: set(State) - {State.INIT_START, State.EXIT},
    ev.Registered: {State.INIT_START, *REGISTERED},
    ev.RegisterFailed: {State.INIT_START, *REGISTERED},
    ev.Subscribed: {State.INIT_START, State.INIT_REGISTER},
    ev.SubscriptionRefused: {State.INIT_START, State.INIT_REGISTER},
    ev.Invoke: NO_CALL_PENDING,
    ev.NextFailed: NO_CALL_PENDING,
    ev.Spooled: set(State) - {State.SHUTDOWN_SPOOL, State.EXIT},
}


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_only_what_nobody_should_ever_say_is_unexpected(kind):
    counted = {state for state in State if TABLE.default(state, kind) == "COUNT" and (state, kind) not in TABLE.rows}
    assert counted - {State.EXIT} == UNEXPECTED.get(kind, set())


# --- properties of the rows ---------------------------------------------------------------------------------------------------

EVERY_ROW = [(state, kind, row) for (state, kind), cell in TABLE.rows.items() for row in cell]
OWED = (("a", ev.RuntimeDone), ("a", ev.Report))  # a row's action runs only where its guard held, so both are always owed here
CONTINUOUSLY = Cadence(Strategy(Kind.CONTINUOUSLY, 1_000), 30, 0)
LIVES = [
    Data(Cadence(Strategy(Kind.END), 30, 0), request_id="a", deadline_ms=NOW.epoch_ms + 3_000, owed=OWED),
    Data(CONTINUOUSLY, request_id="b", owed=OWED, failures=3, fatal="lost", exit_at_mono_ms=11_000, early=(("a", ev.RuntimeDone),)),
]


@pytest.mark.parametrize(("state", "kind", "row"), EVERY_ROW, ids=lambda part: getattr(part, "__name__", str(part)).partition("(")[0])
@pytest.mark.parametrize("data", LIVES, ids=["waiting", "beside"])
def test_no_row_arms_a_timer_that_its_target_does_not_name(state, kind, row, data):
    _, effects = row.action(data, one_of(kind))
    assert {effect.tick for effect in effects if isinstance(effect, Arm)} <= TABLE.ticks[row.target]


@pytest.mark.parametrize(("state", "kind", "row"), EVERY_ROW, ids=lambda part: getattr(part, "__name__", str(part)).partition("(")[0])
def test_the_next_event_is_asked_for_exactly_on_the_way_out_of_a_debt(state, kind, row):
    """Each row into a state where the call is pending asks for it, from where it was owed or answered; no other row does."""
    _, effects = row.action(LIVES[0], one_of(kind))
    asks = effects.count(do.AskNext())
    pending_before, pending_after = state in ASKED, row.target in ASKED
    if kind in (ev.Invoke, ev.BackoffOver):  # the call was answered, or failed
        assert asks == (1 if pending_after else 0)
    else:
        assert asks == (1 if pending_after and not pending_before else 0)


@pytest.mark.parametrize(
    "state", [State.INVOKE_WAIT, State.INVOKE_FLUSH_FIRST, State.RUNTIME_DONE_SETTLE, State.RUNTIME_DONE_FLUSH], ids=str
)
def test_every_state_that_owes_the_call_has_a_timer_that_leads_out_of_it(state):
    ways_out = {
        tick for (source, tick), cell in TABLE.rows.items() if source is state and issubclass(tick, Tick) and cell[-1].target is not state
    }
    assert ways_out


@pytest.mark.parametrize("state", IN_SHUTDOWN, ids=str)
def test_every_state_of_the_shutdown_ends_with_its_bound(state):
    (row,) = TABLE.rows[state, ev.ExitBound]
    assert list(State).index(row.target) > list(State).index(state)


@pytest.mark.parametrize("state", [state for state in State if state not in (*IN_SHUTDOWN, State.EXIT)], ids=str)
@pytest.mark.parametrize("kind", [ev.Shutdown, ev.Sigterm])
def test_the_end_of_the_sandbox_is_obeyed_in_every_state(state, kind):
    machine = standing_in(state)
    effects = machine.feed(one_of(kind))
    assert machine.state is State.SHUTDOWN_DRAIN
    assert {tick.__name__ for tick in machine.armed} == {"DrainBound", "ExitBound"}
    assert not any(isinstance(effect, Disarm) and effect.tick in (ev.DrainBound, ev.ExitBound) for effect in effects)
