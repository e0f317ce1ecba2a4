from enum import Enum

import attrs
import pytest

from fsm.engine import Arm, Disarm, Machine, Row, Step, Table, TableError, Tick, Unexpected, nothing, rows_for, stay
from fsm.time import Now

NOW = Now(epoch_ms=1_000_000, mono_ms=100)


class State(Enum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    BROKEN = "BROKEN"

    def __str__(self):
        return self.value


@attrs.frozen
class Pushed:
    force: int


class Knocked:
    pass


class Slam(Tick):
    pass


class Creak(Tick):
    pass


def hard(data, event):
    return event.force > 10


def never(data, event):
    return False


def count(data, event):
    return data + 1, ("counted",)


def open_up(data, event):
    return data + 1, (Arm(Slam, 500), "opened")


def creak_later(data, event):
    return data, (Arm(Creak, 300),)


def hush(data, event):
    return data, (Disarm(Creak),)


def explode(data, event):
    raise RuntimeError("a bug in an action")


def door(**changes):
    parts = {
        "name": "door",
        "initial": State.CLOSED,
        "final": frozenset({State.BROKEN}),
        "rows": {
            (State.CLOSED, Pushed): (Row(State.BROKEN, count, hard), Row(State.OPEN, open_up)),
            (State.OPEN, Pushed): (Row(State.OPEN, open_up),),
            (State.OPEN, Slam): (Row(State.CLOSED, nothing),),
            (State.OPEN, Creak): (Row(State.OPEN, count),),
            (State.CLOSED, Creak): (Row(State.CLOSED, count),),
            (State.CLOSED, Knocked): (Row(State.CLOSED, creak_later),),
        },
        "ignored": {(State.OPEN, Knocked): "it stands open"},
    }
    return Table(**(parts | changes))


# --- tables -------------------------------------------------------------------------------------------------------------------


def refused(rows, ignored=None, final=frozenset()):
    with pytest.raises(TableError) as caught:
        door(rows=rows, ignored=ignored or {}, final=final)
    return str(caught.value)


REACHING_ALL = {
    (State.CLOSED, Pushed): (Row(State.OPEN, nothing),),
    (State.OPEN, Pushed): (Row(State.BROKEN, nothing),),
}


def test_a_table_that_reaches_every_state_is_taken():
    assert door(rows=REACHING_ALL, ignored={}, final=frozenset()).states == tuple(State)


def test_a_row_after_an_unguarded_one_is_refused():
    rows = REACHING_ALL | {(State.OPEN, Knocked): (Row(State.OPEN, nothing), Row(State.CLOSED, nothing, hard))}
    assert "door: OPEN x Knocked: the last row of a cell, and only it, has no guard" in refused(rows)


def test_two_unguarded_rows_are_refused():
    rows = REACHING_ALL | {(State.OPEN, Knocked): (Row(State.OPEN, nothing), Row(State.CLOSED, nothing))}
    assert "only it, has no guard" in refused(rows)


def test_a_cell_whose_last_row_is_guarded_is_refused():
    assert "only it, has no guard" in refused(REACHING_ALL | {(State.OPEN, Knocked): (Row(State.OPEN, nothing, hard),)})


def test_an_empty_cell_is_refused():
    assert "only it, has no guard" in refused(REACHING_ALL | {(State.OPEN, Knocked): ()})


def test_rows_of_a_final_state_are_refused():
    rows = REACHING_ALL | {(State.BROKEN, Pushed): (Row(State.BROKEN, nothing),)}
    assert "door: BROKEN x Pushed: a final state has no rows" in refused(rows, final=frozenset({State.BROKEN}))


def test_a_pair_that_is_both_a_row_and_ignored_is_refused():
    assert "door: OPEN x Pushed: both a row and ignored" in refused(REACHING_ALL, {(State.OPEN, Pushed): "no"})


def test_a_state_that_no_row_leads_to_is_refused():
    assert "['BROKEN']" in refused({(State.CLOSED, Pushed): (Row(State.OPEN, nothing),)})


def test_a_state_that_only_its_own_rows_lead_to_is_refused():
    rows = {(State.CLOSED, Pushed): (Row(State.OPEN, nothing),), (State.BROKEN, Pushed): (Row(State.BROKEN, nothing),)}
    assert "['BROKEN']" in refused(rows)


def test_states_that_only_lead_to_each_other_are_refused():
    rows = {(State.OPEN, Pushed): (Row(State.BROKEN, nothing),), (State.BROKEN, Pushed): (Row(State.OPEN, nothing),)}
    assert "['BROKEN', 'OPEN']" in refused(rows)


def test_the_default_of_a_pair_says_why_it_is_ignored_or_that_it_is_counted():
    assert door().default(State.OPEN, Knocked) == "IGNORE(it stands open)"
    assert door().default(State.BROKEN, Knocked) == "COUNT"


def test_a_table_knows_its_events_and_the_timers_of_each_state():
    assert door().events == {Pushed, Knocked, Slam, Creak}
    assert door().ticks == {State.CLOSED: {Creak}, State.OPEN: {Slam, Creak}, State.BROKEN: frozenset()}


def test_rows_for_gives_the_same_cells_to_several_states():
    cell = (Row(State.OPEN, nothing),)
    assert rows_for((State.CLOSED, State.OPEN), {Pushed: cell}) == {(State.CLOSED, Pushed): cell, (State.OPEN, Pushed): cell}


def test_stay_leads_each_state_back_to_itself():
    assert stay((State.CLOSED, State.OPEN), {Pushed: count}) == {
        (State.CLOSED, Pushed): (Row(State.CLOSED, count),),
        (State.OPEN, Pushed): (Row(State.OPEN, count),),
    }


# --- cursors ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("force", "state", "row"), [(11, State.BROKEN, 0), (10, State.OPEN, 1)])
def test_the_first_row_whose_guard_holds_is_taken(force, state, row):
    steps = []
    machine = Machine(door(), 0, steps.append)
    machine.feed(Pushed(force))
    assert (machine.state, machine.data, steps[0].row) == (state, 1, row)


def test_a_guard_that_does_not_hold_leaves_its_row_alone():
    table = door(rows={**REACHING_ALL, (State.CLOSED, Knocked): (Row(State.BROKEN, count, never), Row(State.CLOSED, nothing))}, ignored={})
    machine = Machine(table, 7)
    assert (machine.feed(Knocked()), machine.state, machine.data) == ((), State.CLOSED, 7)


def test_an_event_that_no_row_names_changes_nothing_and_is_unexpected():
    machine = Machine(door(), 0)
    machine.feed(Pushed(11))
    assert machine.feed(Pushed(1)) == (Unexpected("door", "BROKEN", "Pushed"),)
    assert (machine.state, machine.data) == (State.BROKEN, 1)


def test_an_event_of_another_machine_is_unexpected():
    assert Machine(door(), 0).feed(object()) == (Unexpected("door", "CLOSED", "object"),)


def test_an_ignored_event_changes_nothing_and_says_nothing():
    machine = Machine(door(), 0)
    machine.feed(Pushed(1))
    assert (machine.feed(Knocked()), machine.state, machine.data) == ((), State.OPEN, 1)


def test_an_action_that_raises_leaves_state_and_data_as_they_were():
    table = door(rows={**REACHING_ALL, (State.CLOSED, Knocked): (Row(State.BROKEN, explode),)}, ignored={})
    machine = Machine(table, 7)
    with pytest.raises(RuntimeError, match="a bug in an action"):
        machine.feed(Knocked())
    assert (machine.state, machine.data) == (State.CLOSED, 7)


def test_who_watches_sees_every_row_taken_and_nothing_else():
    steps = []
    machine = Machine(door(), 0, steps.append)
    pushed = Pushed(1)
    machine.feed(pushed)
    machine.feed(Knocked())
    machine.feed(object())
    assert steps == [Step("door", State.CLOSED, pushed, 1, State.OPEN, (Arm(Slam, 500, 1), "opened"))]


def test_a_cursor_says_where_it_is():
    assert repr(Machine(door(), 3)) == "<door CLOSED 3>"


# --- timers -------------------------------------------------------------------------------------------------------------------


def test_each_arming_has_a_number_of_its_own():
    machine = Machine(door(), 0)
    assert [machine.feed(Pushed(1))[0], machine.feed(Pushed(1))[0]] == [Arm(Slam, 500, 1), Arm(Slam, 500, 2)]


def test_a_tick_of_the_latest_arming_is_taken_once():
    machine = Machine(door(), 0)
    machine.feed(Pushed(1))
    machine.feed(Slam(NOW, 1))
    assert machine.state is State.CLOSED
    assert machine.feed(Slam(NOW, 1)) == ()
    assert machine.armed == {}


def test_a_tick_of_an_earlier_arming_is_stale_and_ignored():
    machine = Machine(door(), 0)
    machine.feed(Pushed(1))
    machine.feed(Pushed(1))
    assert (machine.feed(Slam(NOW, 1)), machine.state) == ((), State.OPEN)
    machine.feed(Slam(NOW, 2))
    assert machine.state is State.CLOSED


def test_a_tick_that_was_never_armed_is_ignored_even_where_no_row_names_it():
    machine = Machine(door(), 0)
    assert machine.feed(Slam(NOW, 0)) == ()
    assert machine.feed(Slam(NOW, 1)) == ()


def test_entering_a_state_disarms_first_of_all_what_its_rows_do_not_name():
    machine = Machine(door(), 0)
    machine.feed(Pushed(1))
    machine.state = State.CLOSED  # as if by a row that leaves the timer armed
    assert machine.feed(Knocked()) == (Disarm(Slam), Arm(Creak, 300, 2))
    assert machine.feed(Slam(NOW, 1)) == ()


def test_a_timer_that_the_next_state_names_too_runs_on():
    machine = Machine(door(), 0)
    machine.feed(Knocked())
    assert machine.feed(Pushed(1)) == (Arm(Slam, 500, 2), "opened")
    assert machine.feed(Creak(NOW, 1)) == ("counted",)


def test_a_final_state_disarms_everything():
    machine = Machine(door(), 0)
    machine.feed(Knocked())
    assert machine.feed(Pushed(11)) == (Disarm(Creak), "counted")
    assert machine.armed == {}


def test_a_timer_disarmed_by_an_action_does_not_tick_any_more():
    table = door(rows={**door().rows, (State.CLOSED, Slam): (Row(State.CLOSED, hush),)})
    machine = Machine(table, 0)
    machine.feed(Knocked())
    machine.armed[Slam] = 9
    assert machine.feed(Slam(NOW, 9)) == (Disarm(Creak),)
    assert machine.feed(Creak(NOW, 1)) == ()
