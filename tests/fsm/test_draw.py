from enum import Enum

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm.draw import ALIKE_GROUPS_MIN, STAY, Line, group_of, key_of, name_of, view
from fsm.engine import Row, Table, nothing
from fsm.machines import MACHINES


class Go:
    pass


class Halt:
    pass


class Wait:
    pass


def is_green(data, event):
    return True


def is_late(data, event):
    return False


def drive(data, event):
    return data, ()


def table(states, rows, final=()):
    """A table of states by their names; rows are {(state, kind): [(target, action, guard)]}."""
    members = Enum("Member", {f"S{index}": name for index, name in enumerate(states)})
    members.__str__ = lambda self: self.value
    cells = {
        (members(state), kind): tuple(Row(members(target), action, guard) for target, action, guard in cell)
        for (state, kind), cell in rows.items()
    }
    return Table("signal", members(states[0]), frozenset(map(members, final)), cells, {})


def only(target, action=drive):
    return [(target, action, None)]


def boxes(shown):
    return {box.title: box for box in shown.boxes}


def test_rows_that_stay_are_told_from_rows_that_leave():
    shown = boxes(view(table("AB", {("A", Go): only("B"), ("B", Wait): only("B")})))
    assert shown["A"].edges == {"B": (Line("Go", "", "drive", "B"),)}
    assert (shown["A"].stays, shown["B"].edges) == ((), {})
    assert shown["B"].stays == (Line("Wait", "", "drive", STAY),)


def test_rows_to_the_same_state_are_one_edge():
    shown = boxes(view(table("ABC", {("A", Go): only("B"), ("A", Halt): only("C"), ("A", Wait): only("B")})))
    assert [(target, [line.event for line in lines]) for target, lines in shown["A"].edges.items()] == [
        ("B", ["Go", "Wait"]),
        ("C", ["Halt"]),
    ]


@pytest.mark.parametrize(
    ("guards", "texts"),
    [
        ([None], ["Go / drive"]),
        ([is_green, None], ["Go [is_green] / drive", "Go [else] / drive"]),
        ([is_green, is_late, None], ["Go [1: is_green] / drive", "Go [2: is_late] / drive", "Go [else] / drive"]),
    ],
)
def test_a_row_says_its_guard_and_where_it_stands(guards, texts):
    shown = boxes(view(table("AB", {("A", Go): [("B", drive, guard) for guard in guards]})))
    assert [line.text for line in shown["A"].lines] == texts


def test_an_action_that_does_nothing_is_not_named():
    shown = boxes(view(table("AB", {("A", Go): only("B", nothing)})))
    assert [line.text for line in shown["A"].lines] == ["Go"]
    assert (name_of(None), name_of(nothing), name_of(drive)) == ("", "", "drive")


def test_a_cell_that_all_states_of_a_group_share_is_drawn_once():
    rows = {("x.A", Go): only("x.B"), ("x.A", Halt): only("C"), ("x.B", Halt): only("C")}
    shown = boxes(view(table(["x.A", "x.B", "C"], rows)))
    assert shown["every state of x"].alike == ("x.A", "x.B")
    assert [line.text for line in shown["every state of x"].edges["C"]] == ["Halt / drive"]
    assert [line.event for line in shown["x.A"].lines + shown["x.B"].lines] == ["Go"]


def test_staying_is_shared_by_a_group_though_each_stays_in_its_own_state():
    rows = {("x.A", Go): only("x.B"), ("x.A", Wait): only("x.A"), ("x.B", Wait): only("x.B")}
    assert boxes(view(table(["x.A", "x.B"], rows)))["every state of x"].stays == (Line("Wait", "", "drive", STAY),)


def test_a_cell_that_leads_all_of_a_group_into_one_of_them_is_shared_too():
    rows = {("x.A", Go): only("x.B"), ("x.B", Go): only("x.B")}
    shown = boxes(view(table(["x.A", "x.B"], rows)))
    assert shown["every state of x"].edges == {"x.B": (Line("Go", "", "drive", "x.B"),)}


def test_a_cell_that_only_some_of_a_group_have_is_drawn_where_it_is():
    rows = {("x.A", Go): only("x.B"), ("x.B", Go): only("x.C"), ("x.A", Halt): only("x.C"), ("x.B", Halt): only("x.C")}
    assert "every state of x" not in boxes(view(table(["x.A", "x.B", "x.C"], rows)))


def test_cells_that_differ_in_an_action_are_not_shared():
    rows = {("x.A", Go): only("x.B"), ("x.B", Go): only("x.A"), ("x.A", Wait): only("x.A"), ("x.B", Wait): only("x.B", nothing)}
    assert "every state of x" not in boxes(view(table(["x.A", "x.B"], rows)))


@pytest.mark.parametrize("groups", [ALIKE_GROUPS_MIN - 1, ALIKE_GROUPS_MIN])
def test_a_cell_that_many_groups_share_is_drawn_once_for_all_of_them(groups):
    states = [*"ABCD"[:groups], "END"]
    rows = {(state, Go): only(states[index + 1]) for index, state in enumerate(states[:-1])}
    rows |= {(state, Halt): only("END") for state in states[:-1]}
    rows[states[0], Go] = only(states[1], nothing)
    shown = view(table(states, rows, ["END"]))
    assert [box.title for box in shown.boxes if box.alike] == ([", ".join(states[:-1])] if groups >= ALIKE_GROUPS_MIN else [])


@pytest.mark.parametrize(
    ("state", "group", "key"), [("INIT.start", "INIT", "INIT_start"), ("EXIT", "EXIT", "EXIT"), ("a-b c", "a-b c", "a_b_c")]
)
def test_a_state_has_a_group_and_an_identifier(state, group, key):
    assert (group_of(state), key_of(state)) == (group, key)


# --- nothing is lost ----------------------------------------------------------------------------------------------------------


def as_drawn(shown):
    """Every (state, event, guard's name, action, target) that the drawing says."""
    return sorted(
        (state, line.event, line.guard.rpartition(": ")[2], line.action, line.target or state)
        for box in shown.boxes
        for line in box.lines
        for state in box.alike or (box.title,)
    )


def as_in_table(drawn):
    return sorted(
        (str(state), kind.__name__, name_of(row.guard) or ("else" if len(cell) > 1 else ""), name_of(row.action), str(row.target))
        for (state, kind), cell in drawn.rows.items()
        for row in cell
    )


@pytest.mark.parametrize("name", MACHINES)
def test_a_drawing_says_every_row_of_a_machine_and_no_other(name):
    assert as_drawn(view(MACHINES[name])) == as_in_table(MACHINES[name])


STATES = st.lists(
    st.sampled_from(["A", "B", "C", "D", "x.a", "x.b", "x.c", "y.a", "y.b", "z.a", "z.b"]), min_size=2, max_size=8, unique=True
)


@st.composite
def tables(draw):
    """A chain through all states, so that each is reached, and a few rows at random."""
    states = draw(STATES)
    rows = {(state, Go): only(states[index + 1]) for index, state in enumerate(states[:-1])}
    for state in states:
        for kind in (Halt, Wait):
            cell = draw(
                st.lists(
                    st.tuples(st.sampled_from(states), st.sampled_from([drive, nothing]), st.sampled_from([is_green, is_late])), max_size=2
                )
            )
            if cell:
                rows[state, kind] = [*cell, (draw(st.sampled_from([state, states[0]])), drive, None)]
    return table(states, rows)


@given(tables())
def test_a_drawing_says_every_row_of_any_table_and_no_other(drawn):
    shown = view(drawn)
    assert as_drawn(shown) == as_in_table(drawn)
    assert len({box.key for box in shown.boxes}) == len(shown.boxes)
    assert {box.title for box in shown.boxes if not box.alike} == set(map(str, drawn.states))


@given(tables())
def test_drawing_twice_gives_the_same(drawn):
    assert attrs.asdict(view(drawn)) == attrs.asdict(view(drawn))
