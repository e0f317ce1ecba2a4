"""The walk itself, on a subject small enough to know all its states by heart: a door with a spring."""

import pytest

from fsm.check.explore import explore
from fsm.check.model import DUE, Broken, Model, Reaction


class Door:
    """Shut, open, or stuck; the spring shuts it 10 ms after it was opened, if there is one."""

    def __init__(self, has_spring):
        self.taken = set()
        self._has_spring = has_spring

    def start(self):
        return "shut"

    def own(self, state):
        return [(DUE, "spring")] if state == "open" and self._has_spring else []

    def react(self, state, stimulus):
        match state, stimulus[0]:
            case "shut", "push":
                return [Reaction("open", ("creak",)), Reaction("stuck", ("crunch",))]
            case "open", "due":
                return [Reaction("shut", ("slam",), passed_ms=10)]
        return []


class People:
    """Three pushes at most. A fourth slam is forbidden; what is stuck may rest."""

    def __init__(self, slams_max=3, fears=""):
        self._slams_max, self._fears = slams_max, fears

    def start(self):
        return (0, 0)

    def offers(self, state):
        return [("push",)] if state[0] < 3 else []

    def observe(self, state, stimulus, seen):
        pushes, slams = state[0] + (stimulus[0] == "push"), state[1] + seen.count("slam")
        if slams > self._slams_max:
            raise Broken("few slams", f"{slams} slams")
        if self._fears in seen:
            raise Broken("no fear", f"a {self._fears}")
        return (pushes, slams)

    def is_blank(self, seen):
        return False

    def resting(self, subject, state):
        return "" if subject == "open" else "not open"


def model(has_spring=True, **people):
    return Model("door", "a door", (), {}, lambda tables: (Door(has_spring), People(**people)), "doors close")


def test_all_states_are_walked_and_all_steps_counted():
    result = explore(model(), {})
    # Shut, open and stuck after each push, shut at first; each push has two outcomes, each opened door one.
    assert (result.states, result.transitions) == (1 + 3 * 3, 3 * 2 + 3)
    assert result.is_complete
    assert result.violations == ()


def test_the_way_to_a_broken_rule_is_a_shortest_one_with_times_and_effects():
    (violation,) = explore(model(slams_max=1), {}).violations
    assert (violation.model, violation.rule, violation.text) == ("door", "few slams", "2 slams")
    assert [(step.at_ms, step.stimulus, step.seen) for step in violation.way] == [
        (0, ("push",), ("creak",)),
        (10, (DUE, "spring"), ("slam",)),
        (10, ("push",), ("creak",)),
        (20, (DUE, "spring"), ("slam",)),
    ]


def test_a_rule_that_is_broken_once_does_not_hide_another():
    rules = {violation.rule for violation in explore(model(slams_max=0, fears="crunch"), {}).violations}
    assert rules == {"few slams", "no fear"}


def test_a_mutant_is_walked_to_the_first_broken_rule_only():
    result = explore(model(slams_max=0, fears="crunch"), {}, first_only=True)
    assert len(result.violations) == 1
    assert not result.is_complete


def test_where_timers_lead_nowhere_is_a_stall_with_the_way_to_it():
    (violation,) = explore(model(has_spring=False), {}).violations
    assert violation.rule == "doors close"
    assert [step.stimulus for step in violation.way] == [("push",)]


def test_a_way_that_leads_into_a_broken_rule_is_not_told_of_twice():
    assert [violation.rule for violation in explore(model(slams_max=0), {}).violations] == ["few slams"]


def test_a_walk_that_grows_too_large_says_that_it_is_not_complete():
    result = explore(model(), {}, states_max=3)
    assert not result.is_complete


class Clock(Door):
    """Its timer leads back to where it came from, for ever."""

    def react(self, state, stimulus):
        return [Reaction("open")] if stimulus[0] in ("push", DUE) else []


def test_a_circle_of_timers_is_a_stall_too():
    circle = Model("clock", "", (), {}, lambda tables: (Clock(True), People()), "doors close")
    assert [violation.rule for violation in explore(circle, {}).violations] == ["doors close"]


class Faulty(Door):
    """Breaks a rule of its own stubs."""

    def react(self, state, stimulus):
        if state == "open":
            raise Broken("hinges hold", "off its hinges")
        return super().react(state, stimulus)


@pytest.mark.parametrize("first_only", [False, True])
def test_a_subject_may_break_a_rule_itself(first_only):
    faulty = Model("faulty", "", (), {}, lambda tables: (Faulty(True), People()), "doors close")
    violation = explore(faulty, {}, first_only).violations[0]
    assert violation.rule == "hinges hold"
    assert [step.stimulus for step in violation.way] == [("push",), (DUE, "spring")]
