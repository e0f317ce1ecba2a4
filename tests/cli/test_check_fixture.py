from random import Random

import pytest

from cli.check_fixture import STRATEGIES, can_be_told, lines_of
from fsm import effects as do
from fsm import events as ev
from fsm import on_demand
from fsm.check.explore import Happening, Violation, explore
from fsm.check.life_models import MODELS, model_of
from fsm.check.life_platform import Choices
from fsm.check.standing import HERE
from fsm.decision import Kind, Strategy
from fsm.engine import Row, Table
from fsm.machines import MACHINES
from fsm.on_demand import State
from protocols.fixture import parse
from reactor.agent.replay import Replay, Watcher, settings_of

STAMP = "2023-11-14T22:13:20.000Z"  # of HERE


class Seen(Watcher):
    def __init__(self):
        self.unexpected_events, self.effects = [], []

    def unexpected(self, at_ms, effect):
        self.unexpected_events.append((at_ms, effect.event, effect.state))

    def step(self, at_ms, step):
        self.effects += [(at_ms, effect) for effect in step.effects]


def replay(lines):
    header, told = parse(lines, "made")
    settings, findings = settings_of(header)
    assert findings == ()
    seen = Seen()
    run = Replay(header, settings, Random(0).random, seen)
    run.run(told)
    return run, seen


def table_with(key, cell):
    cells = {known: rows for known, rows in {**on_demand.TABLE.rows, key: cell}.items() if rows is not None}
    return Table("on_demand", State.INIT_START, on_demand.TABLE.final, cells, on_demand.TABLE.ignored)


def violation_of(table, rule_word, **choices):
    model = model_of("life_end", "", Strategy(Kind.END), Choices((3_000,), **{"invocations_max": 1, "odd_max": 0, **choices}))
    return next(v for v in explore(model, {**MACHINES, "on_demand": table}).violations if rule_word in v.rule)


def told(*way):
    """The recording of these happenings, header and all."""
    header, rest = parse(lines_of(Violation("life_end", "a rule", "a text", way)), "made")
    return header, [(one.at_ms, one.kind, one.fields) for one in rest]


def test_a_replay_of_a_counter_example_meets_the_same_unexpected_event(monkeypatch):
    table = table_with((State.INVOKE_WAIT, ev.Sigterm), None)
    lines = lines_of(violation_of(table, "unexpected"))
    assert replay(lines)[1].unexpected_events == []
    monkeypatch.setattr(on_demand, "TABLE", table)
    assert [event for _, event, _ in replay(lines)[1].unexpected_events] == ["Sigterm"]


def test_a_replay_of_a_counter_example_does_the_same_wrong_thing_at_the_same_time(monkeypatch):
    wrong = (
        Row(State.REPORT_IDLE, lambda data, event: (data, (do.GaveUpWaiting(data.request_id), do.Flush(0), do.Checkpoint(), do.AskNext()))),
    )
    table = table_with((State.RUNTIME_DONE_SETTLE, ev.DeadlineNear), wrong)
    table = Table("on_demand", State.INIT_START, table.final, {**table.rows, (State.INVOKE_WAIT, ev.DeadlineNear): wrong}, table.ignored)
    violation = violation_of(table, "not asked for before")
    monkeypatch.setattr(on_demand, "TABLE", table)
    asked = [at_ms for at_ms, effect in replay(lines_of(violation))[1].effects if isinstance(effect, do.AskNext)]
    assert asked[1] == violation.way[-1].at_ms


def test_what_comes_from_outside_is_told_with_its_times():
    header, lines = told(
        Happening(0, ("begin",), ()),
        Happening(0, ("registered",), ()),
        Happening(300, ("due", ev.SubscribeBound), ()),
        Happening(300, ("platform begins", "a"), ()),
        Happening(300, ("invoke", "a", 3_000, 0), ()),
        Happening(310, ("sigterm",), ()),
    )
    assert (header.epoch_ms, header.text) == (HERE.epoch_ms, "a rule: a text")
    assert header.environment == {"DD_SERVERLESS_FLUSH_STRATEGY": "end"}
    assert [(at_ms, kind) for at_ms, kind, _ in lines] == [(0, "register"), (300, "next"), (310, "sigterm")]
    assert lines[1][2]["answer"]["deadlineMs"] == HERE.epoch_ms + 300 + 3_000


@pytest.mark.parametrize(
    ("stimulus", "kind", "fields"),
    [
        (("register refused",), "register", {"refused": "refused"}),
        (("subscribed",), "subscribe", {}),
        (("subscription refused",), "subscribe", {"refused": "status 202"}),
        (("next failed", True), "next", {"failed": "status 500", "fatal": True}),
        (
            ("done", "a"),
            "telemetry",
            {"records": [{"time": STAMP, "type": "platform.runtimeDone", "record": {"requestId": "a", "status": "success"}}]},
        ),
        (("restored",), "telemetry", {"records": [{"time": STAMP, "type": "platform.restoreStart", "record": {}}]}),
    ],
)
def test_each_stimulus_has_its_line(stimulus, kind, fields):
    assert told(Happening(0, stimulus, ()))[1] == [(0, kind, fields)]


def test_a_clock_that_jumped_is_told_and_counts_for_what_follows():
    _, lines = told(Happening(5, ("jump", -1_000), (), -1_000), Happening(7, ("shutdown", 2_000), ()))
    assert lines[0] == (5, "clock", {"jump_ms": -1_000})
    assert lines[1][2]["answer"]["deadlineMs"] == HERE.epoch_ms + 7 - 1_000 + 2_000


@pytest.mark.parametrize(("later", "after_ms"), [([], 3_600_000), ([Happening(45, ("confirmed", 1), ())], 40)])
def test_a_flush_that_found_something_has_something_to_send_and_an_intake_that_answers_when_it_did(later, after_ms):
    _, lines = told(Happening(5, ("sigterm",), ()), Happening(9, ("settled",), ("Seal", "sealed, 1 to confirm")), *later)
    assert [kind for _, kind, _ in lines] == ["sigterm", "datagrams", "intake"]
    assert lines[-1][2] == {"after_ms": after_ms}


def test_what_cannot_be_told_is_named():
    header, lines = told(Happening(5, ("full",), ()), Happening(5, ("crashed", 1), ()))
    assert header.text == "a rule: a text (not told: crashed, full)"
    assert lines == []


def test_every_life_model_can_be_told_and_no_other():
    assert {model.name for model in MODELS} == set(STRATEGIES)
    assert not can_be_told(Violation("flush", "", "", ()))
