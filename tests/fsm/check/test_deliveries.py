"""The models of deliveries see what is wrong with a table of payloads or intakes."""

import pytest

from fsm import delivery, destination
from fsm import effects as do
from fsm import events as ev
from fsm.check import deliveries as rules
from fsm.check.deliveries import BUSY, KEY_REFUSED, PLAIN, TAKEN, Traffic, model_of
from fsm.check.explore import explore
from fsm.delivery import State
from fsm.destination import State as Intake
from fsm.engine import Arm, Row, Table, nothing
from fsm.machines import MACHINES

ONE = Traffic(1, 400, (TAKEN, BUSY, KEY_REFUSED), (True,), {"p": (PLAIN,)}, is_slow=False)
TWO = Traffic(
    2,
    1_000,
    (TAKEN, (429, 1_000, False), KEY_REFUSED),
    (False,),
    {"p": (PLAIN,), "q": (PLAIN,)},
    joins_for_longer=False,
    is_slow=False,
    may_go=False,
)
SOURCES = {"delivery": delivery.TABLE, "destination": destination.TABLE}


def table_with(name, state, event, *rows):
    """The real tables, one of them with another cell; without rows, with none."""
    source = SOURCES[name]
    cells = {**source.rows, (state, event): rows}
    return {**MACHINES, name: Table(name, source.initial, source.final, {key: cell for key, cell in cells.items() if cell}, source.ignored)}


@pytest.fixture(scope="module")
def walked():
    """What walking the real tables gave: one payload after the other, and two side by side."""
    return [explore(model_of("small", "", traffic), MACHINES) for traffic in (ONE, TWO)]


def test_the_real_tables_hold_all_rules(walked):
    assert [(result.violations, result.is_complete) for result in walked] == [((), True)] * 2


def test_two_requests_at_once_reach_what_one_alone_cannot(walked):
    more = {(row.machine, row.state, row.event) for row in walked[1].taken - walked[0].taken}
    judged = ("DestinationFailed", "DestinationAnswered", "KeyRefused")
    assert {("delivery", "PAUSED", "Barred"), *(("destination", state, event) for state in ("OPEN", "READY") for event in judged)} <= more


def forget(data, event):
    """Pauses, and does not know that an answer was lost."""
    return data, delivery.pause(data, event)[1]


def look_for_none(data, event):
    """Bars the way, and waits for a key that nobody looks for."""
    return data, destination.renew_key(data, event)[1][1:]


def press(data, event):
    """Tries a key that was refused again at once."""
    return data, (do.RenewKey(), Arm(ev.ProbeDue, event.now.mono_ms + 1_000))


def hurry(data, event):
    """Pauses for as long as the last time."""
    return data, destination.pause(data, event)[1]


@pytest.mark.parametrize(
    ("rule", "traffic", "name", "state", "event", "rows"),
    [
        (rules.EXPECTED, ONE, "delivery", State.PAUSED, ev.FlushBegan, ()),
        (rules.SENT_ONCE, ONE, "delivery", State.IN_FLIGHT, ev.Discarded, (Row(State.DROPPED, delivery.discard),)),
        (rules.ALL_THE_TIME, ONE, "delivery", State.IN_FLIGHT, ev.Unanswered, (Row(State.ASIDE, nothing),)),
        (rules.ALL_THE_TIME, ONE, "delivery", State.IN_FLIGHT, ev.FlushBegan, (Row(State.IN_FLIGHT, nothing),)),
        (rules.ALL_ALONG, ONE, "delivery", State.PAUSED, ev.FlushBegan, (Row(State.ASIDE, nothing),)),
        (rules.ALL_ALONG, ONE, "destination", Intake.OPEN, ev.LastChance, (Row(Intake.OPEN, nothing),)),
        (rules.PAUSES, ONE, "destination", Intake.PROBE, ev.DestinationFailed, (Row(Intake.OPEN, hurry),)),
        (rules.PAUSES, ONE, "destination", Intake.PROBE, ev.DestinationAnswered, (Row(Intake.PROBE, nothing),)),
        (rules.ENDS_ONCE, ONE, "delivery", State.ASIDE, ev.Discarded, (Row(State.DROPPED, nothing),)),
        (rules.MAYBE_TWICE, ONE, "delivery", State.IN_FLIGHT, ev.Unanswered, (
            Row(State.PAUSED, forget, delivery.may_try_again), Row(State.ASIDE, nothing))),
        (rules.HEALS, ONE, "destination", Intake.CLOSED, ev.DestinationFailed, (Row(Intake.OPEN, nothing),)),
        (rules.RENEWED, ONE, "destination", Intake.CLOSED, ev.KeyRefused, (Row(Intake.KEY_REFUSED, look_for_none),)),
        (rules.PAUSES, ONE, "destination", Intake.CLOSED, ev.KeyRefused, (Row(Intake.KEY_REFUSED, nothing),)),
        (rules.PAUSES, ONE, "destination", Intake.CLOSED, ev.KeyRefused, (Row(Intake.KEY_REFUSED, press),)),
        (rules.HEALS, ONE, "destination", Intake.KEY_REFUSED, ev.ProbeDue, ()),
        (rules.BARRED, TWO, "delivery", State.PAUSED, ev.Barred, (Row(State.PAUSED, nothing),)),
        (rules.PROBED, ONE, "destination", Intake.PROBE, ev.DestinationFailed, (Row(Intake.PROBE, nothing),)),
    ],
)  # fmt: skip
def test_a_broken_cell_breaks_its_rule(rule, traffic, name, state, event, rows):
    result = explore(model_of("small", "", traffic), table_with(name, state, event, *rows), first_only=True)
    assert [violation.rule for violation in result.violations] == [rule]
