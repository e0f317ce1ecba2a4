from random import Random

import attrs
import pytest

from fsm import effects as do
from fsm import events as ev
from fsm import on_demand
from fsm.change import change
from fsm.check import ending, life, sandbox
from fsm.check import life_watch as rules
from fsm.check.explore import explore
from fsm.check.life import JOINS, OnDemandLife
from fsm.check.life_models import MODELS, RULES, UNREACHED, model_of
from fsm.check.life_platform import Choices
from fsm.check.standing import HERE, Standing
from fsm.decision import Cadence, Kind, Strategy
from fsm.engine import Arm, Row, Table
from fsm.machines import MACHINES
from fsm.on_demand import State
from fsm.time import Now
from reactor.agent.machines import FLUSH_JOINS

STRATEGIES = [Strategy(Kind.END), Strategy(Kind.PERIODICALLY, 20_000), Strategy(Kind.CONTINUOUSLY, 20_000), Strategy(Kind.DEFAULT)]
NOW = Now(1_000, 2_000)

# One invocation, nothing odd: less than a second, and enough to see through most mistakes.
SMALL = Choices((3_000,), invocations_max=1, odd_max=0)


def small(kind=Kind.END, interval_ms=0, **choices):
    return model_of("small", "", Strategy(kind, interval_ms), attrs.evolve(SMALL, **choices))


def table_with(rows, source=on_demand.TABLE):
    """The real table with other cells; None for no cell at all."""
    cells = {key: cell for key, cell in {**source.rows, **rows}.items() if cell is not None}
    return {**MACHINES, source.name: Table(source.name, source.initial, source.final, cells, source.ignored)}


def broken_rules(tables, model=None):
    return {violation.rule for violation in explore(model or small(), tables).violations}


# --- the models mean what they say --------------------------------------------------------------------------------------------


def test_the_joins_are_those_of_the_agent():
    effects = (do.Flush(5, final=True), do.StartFlush(6), do.AbandonFlush(), do.FlushDone())
    cause = ev.Settled(NOW)
    assert [(join.source, join.effect, join.target) for join in JOINS] == [(join.source, join.effect, join.target) for join in FLUSH_JOINS]
    assert [join.event(effect, cause) for join, effect in zip(JOINS, effects, strict=True)] == [
        join.event(effect, cause) for join, effect in zip(FLUSH_JOINS, effects, strict=True)
    ]


class Remembering(OnDemandLife):
    """Forgets nothing but the time that has passed."""

    def forget(self, region, state, data, mono_ms, epoch_ms):
        if region == "flush":
            return data
        passed_s, cadence = round(epoch_ms / 1000), data.cadence
        moved = Cadence(
            cadence.strategy, cadence.flush_timeout_s, cadence.last_flush_s - passed_s, tuple(at_s - passed_s for at_s in cadence.ring)
        )
        return change(data, cadence=moved, deadline_ms=data.deadline_ms - epoch_ms, exit_at_mono_ms=data.exit_at_mono_ms - mono_ms)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.kind.value)
@pytest.mark.parametrize("seed", range(60))
def test_what_is_forgotten_makes_no_difference(strategy, seed):
    random = Random(seed)
    choices = Choices((150, 3_000, 45_000), (0, 30_000, 2_300_000), (300, 2_000), odd_max=2, are_tried_again=True)
    model = model_of("walk", "", strategy, choices)
    forgetful, platform = model.make(MACHINES)
    remembering = Remembering(MACHINES, strategy)
    here, there, world = forgetful.start(), remembering.start(), platform.start()
    for _ in range(80):
        stimuli = [*forgetful.own(here), *platform.offers(world)]
        moves = [(stimulus, reactions) for stimulus in stimuli if (reactions := list(forgetful.react(here, stimulus)))]
        if not moves:
            return
        stimulus, reactions = random.choice(moves)
        others = list(remembering.react(there, stimulus))
        assert [reaction.seen for reaction in reactions] == [reaction.seen for reaction in others], stimulus
        place = random.randrange(len(reactions))
        here, there = reactions[place].state, others[place].state
        assert [standing.armed for standing in here.regions] == [standing.armed for standing in there.regions]
        try:
            world = platform.observe(world, stimulus, reactions[place].seen)
        except ending.Broken:
            return


@pytest.mark.parametrize("passed_ms", [0, 7, 1_500])
def test_time_that_passes_brings_all_moments_nearer(passed_ms):
    subject = OnDemandLife(MACHINES, Strategy(Kind.END))
    data = change(subject.start().life.data, deadline_ms=HERE.epoch_ms + 2_000)
    state = attrs.evolve(
        subject.start(),
        regions=(Standing(State.INVOKE_WAIT, data, ((ev.DeadlineNear, 1_800),)), subject.start().regions[1]),
        limit_ms=2_000,
    )
    moved = subject.moved(state, passed_ms, 0)
    assert moved.life.armed == ((ev.DeadlineNear, 1_800 - passed_ms),)
    assert (moved.life.data.deadline_ms, moved.limit_ms) == (HERE.epoch_ms + 2_000 - passed_ms, 2_000 - passed_ms)


# --- the real tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "interval_ms"),
    [(Kind.END, 0), (Kind.END_PERIODICALLY, 20_000), (Kind.PERIODICALLY, 20_000), (Kind.CONTINUOUSLY, 20_000), (Kind.DEFAULT, 0)],
    ids=lambda value: getattr(value, "value", None),
)
def test_one_invocation_goes_well_whatever_happens(kind, interval_ms):
    result = explore(small(kind, interval_ms, gaps_ms=(0, 30_000)), MACHINES)
    assert result.violations == ()
    assert result.is_complete


@pytest.mark.long
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_three_invocations_go_well_whatever_happens(model):
    result = explore(model, MACHINES)
    assert [(violation.rule, violation.text) for violation in result.violations] == []
    assert result.is_complete


@pytest.mark.long
def test_every_row_of_the_lifecycle_is_taken_or_has_a_reason_not_to_be():
    taken = set().union(*(explore(model, MACHINES).taken for model in MODELS))
    known = {(row.machine, row.state, row.event, row.row) for row in taken}
    rows = {
        ("on_demand", str(state), event.__name__, place)
        for (state, event), cell in on_demand.TABLE.rows.items()
        for place in range(len(cell))
    }
    untaken = rows - known
    assert {row for row in untaken if row[:3] not in UNREACHED} == set()
    assert {cell for cell in UNREACHED if not any(row[:3] == cell for row in untaken)} == set(), "a reason that is out of date"


# --- what it sees through -----------------------------------------------------------------------------------------------------


def act(effects):
    """An action that changes nothing and asks for these."""
    return lambda data, event: (data, effects)


def without(action, *effects):
    """The action, less some of its effects."""

    def quieter(data, event):
        data, asked = action(data, event)
        return data, tuple(effect for effect in asked if type(effect) not in effects)

    return quieter


def row_of(state, event, place=-1, **changes):
    row = on_demand.TABLE.rows[state, event][place]
    return Row(changes.get("target", row.target), changes.get("action", row.action), changes.get("guard", row.guard))


SETTLED = (State.RUNTIME_DONE_SETTLE, ev.Settled)
FLUSHED = (State.RUNTIME_DONE_FLUSH, ev.Flushed)
BOUND = (State.RUNTIME_DONE_FLUSH, ev.FlushBound)
SIGTERM = (State.REPORT_IDLE, ev.Sigterm)


@pytest.mark.parametrize(
    ("rule", "cell", "rows"),
    [
        (ending.NEXT_ONCE, (State.REPORT_IDLE, ev.Report), lambda row: (Row(State.REPORT_IDLE, act((do.AskNext(),))),)),
        (ending.EXPECTED, SIGTERM, lambda row: None),
        (rules.NEXT_NOT_BEFORE, SETTLED, lambda row: (Row(State.REPORT_IDLE, act((do.Checkpoint(), do.AskNext()))),)),
        (life.AT_ONCE, SETTLED, lambda row: (Row(State.REPORT_IDLE, act((do.AskNext(),))),)),
        (life.AT_ONCE, BOUND, lambda row: (Row(row.target, without(row.action, do.AbandonFlush)),)),
        (life.BOUNDED, SETTLED, lambda row: (Row(row.target, without(row.action, Arm)),)),
        (rules.HANGS, BOUND, lambda row: None),
        (rules.HANGS, FLUSHED, lambda row: (Row(row.target, without(row.action, do.AskNext)),)),
        (sandbox.FLUSH_TOLD, SETTLED, lambda row: (Row(row.target, without(row.action, do.Flush)),)),
        (ending.ENDING, (State.SHUTDOWN_FLUSH, ev.Flushed), lambda row: (Row(row.target, without(row.action, do.Spool)),)),
        (ending.DRAINED, (State.SHUTDOWN_DRAIN, ev.Settled), lambda row: (row,)),
        (ending.EXIT_CODE, (State.SHUTDOWN_SPOOL, ev.Spooled), lambda row: (Row(row.target, act((do.Exit(3),))),)),
    ],
)
def test_a_broken_cell_breaks_its_rule(rule, cell, rows):
    row = on_demand.TABLE.rows[cell][-1]
    if rule == ending.DRAINED:  # it goes on though reports are still to come
        row = Row(State.SHUTDOWN_FLUSH, on_demand.TABLE.rows[cell][0].action)
    assert rule in broken_rules(table_with({cell: rows(row)}))


def test_a_deadline_that_nobody_watches_is_seen():
    cells = {
        (state, ev.Invoke): tuple(Row(row.target, forget_deadline(row.action), row.guard) for row in on_demand.TABLE.rows[state, ev.Invoke])
        for state in (State.INIT_READY, State.REPORT_IDLE)
    }
    assert life.BOUNDED in broken_rules(table_with(cells))


def forget_deadline(action):
    def careless(data, event):
        data, effects = action(data, event)
        return data, tuple(effect for effect in effects if getattr(effect, "tick", None) is not ev.DeadlineNear)

    return careless


def test_a_late_record_of_another_request_that_ends_this_one_is_seen():
    cell = on_demand.TABLE.rows[State.INVOKE_WAIT, ev.RuntimeDone]
    careless = (Row(cell[1].target, cell[1].action),)
    model = small(odd_max=1)
    assert life.BOUNDED in broken_rules(table_with({(State.INVOKE_WAIT, ev.RuntimeDone): careless}), model)


def test_every_rule_of_the_models_is_explained():
    assert all(RULES.values())
    assert {*ending.RULES, *rules.RULES, *sandbox.RULES, life.AT_ONCE, life.BOUNDED} == set(RULES)
