"""What a drawing of a table shows: one box per state, and one for each set of states that answer alike.

The three drawings (`draw_mermaid`, `draw_dot`, `draw_svg`) share this view and nothing else. Sub-states `GROUP.name` share a group.
A cell that is the same in every state of a group is drawn once, in a box of the group; one that is the same throughout three groups or
more is drawn once for all of them. Rows that stay in their state are lines of the box; the others are merged into one edge per target.
"""

from collections.abc import Iterable
from typing import Any

import attrs

from fsm.engine import Row, Table, nothing

STAY = ""  # the target of a row that leads back to the state it is in
ALIKE_GROUPS_MIN = 3  # fewer groups that answer alike are drawn one by one


@attrs.frozen
class Line:
    """One row, in words. `guard` begins with the row's place in its cell where more than two compete; `else` is the last of several."""

    event: str
    guard: str
    action: str
    target: str

    @property
    def condition(self) -> str:
        return f"{self.event} [{self.guard}]" if self.guard else self.event

    @property
    def text(self) -> str:
        return f"{self.condition} / {self.action}" if self.action else self.condition


Cell = tuple[Line, ...]


@attrs.frozen
class Box:
    """A state (`alike` is then empty), or several that share these rows. `key` is an identifier, unique in its drawing."""

    key: str
    title: str
    group: str  # empty: of several groups
    lines: Cell
    alike: tuple[str, ...] = ()

    @property
    def stays(self) -> Cell:
        return tuple(line for line in self.lines if line.target == STAY)

    @property
    def edges(self) -> dict[str, Cell]:
        """Target state to the rows that lead there, in the order of their first row."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            if line.target != STAY:
                found.setdefault(line.target, []).append(line)
        return {target: tuple(lines) for target, lines in found.items()}


@attrs.frozen
class View:
    """A whole drawing. `groups` is ordered; a group's states are in the order of the table."""

    name: str
    initial: str
    final: frozenset[str]
    groups: dict[str, tuple[str, ...]]
    boxes: tuple[Box, ...]

    def box(self, state: str) -> Box:
        return next(box for box in self.boxes if box.title == state and not box.alike)


def key_of(text: str) -> str:
    """An identifier for a name: letters, digits and underscores only."""
    return "".join(char if char.isalnum() and char.isascii() else "_" for char in text)


def group_of(state: str) -> str:
    return state.partition(".")[0]


def name_of(function: Any) -> str:
    """The name of a guard or action; empty for none, and for the action that does nothing."""
    return "" if function is None or function is nothing else str(function.__name__)


def view(table: Table[Any, Any]) -> View:
    """What to draw of a table."""
    groups = _groups(table)
    cells = _cells(table)
    shared = _shared_by_groups(groups, cells) + _shared_in_groups(groups, cells)
    own = [_own_box(state, group, cells[state]) for group, states in groups.items() for state in states]  # what is left in `cells`
    return View(table.name, str(table.initial), frozenset(map(str, table.final)), groups, (*shared, *own))


def _own_box(state: str, group: str, own: dict[str, Cell]) -> Box:
    return Box(key_of(state), state, group, _joined(_relative(state, cell) for cell in own.values()))


def _groups(table: Table[Any, Any]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for state in map(str, table.states):
        group = group_of(state)
        groups[group] = (*groups.get(group, ()), state)
    return groups


def _cells(table: Table[Any, Any]) -> dict[str, dict[str, Cell]]:
    cells: dict[str, dict[str, Cell]] = {str(state): {} for state in table.states}
    for (state, kind), rows in table.rows.items():
        cells[str(state)][kind.__name__] = tuple(line_of(kind, place, row, len(rows)) for place, row in enumerate(rows, 1))
    return cells


def line_of(kind: type, place: int, row: Row[Any, Any], among: int) -> Line:
    """A row in words: the `place`th (from 1) of the `among` rows of its cell."""
    return Line(kind.__name__, _guard(place, row, among), name_of(row.action), str(row.target))


def _guard(place: int, row: Row[Any, Any], among: int) -> str:
    if row.guard is None:
        return "else" if among > 1 else ""
    return f"{place}: {name_of(row.guard)}" if among > 2 else name_of(row.guard)


def _joined(cells: Iterable[Cell]) -> Cell:
    return tuple(line for cell in cells for line in cell)


def _relative(state: str, cell: Cell) -> Cell:
    """The cell as this state sees it: rows that lead back to it stay."""
    return tuple(attrs.evolve(line, target=STAY) if line.target == state else line for line in cell)


def _common(states: tuple[str, ...], event: str, cells: dict[str, dict[str, Cell]]) -> Cell | None:
    """The one cell with which all these states answer an event, if there is one."""
    if any(event not in cells[state] for state in states):
        return None
    for seen in (
        [cells[state][event] for state in states],
        [_relative(state, cells[state][event]) for state in states],
    ):
        if all(cell == seen[0] for cell in seen):
            return seen[0] if len(states) > 1 else _relative(next(iter(states)), seen[0])
    return None


def _take(states: tuple[str, ...], events: Iterable[str], cells: dict[str, dict[str, Cell]]) -> Cell:
    """The common cells of these events; each state's own copy is taken away."""
    lines: list[Line] = []
    for event in events:
        lines += _common(states, event, cells) or ()
        for state in states:
            del cells[state][event]
    return tuple(lines)


def _shared_by_groups(groups: dict[str, tuple[str, ...]], cells: dict[str, dict[str, Cell]]) -> list[Box]:
    """At most one box: of the groups whose every state answers the most events alike."""
    together: dict[tuple[str, ...], list[str]] = {}
    for event in dict.fromkeys(event for own in cells.values() for event in own):
        for names in _groups_alike(event, groups, cells):
            together.setdefault(names, []).append(event)
    if not together:
        return []
    names, events = max(together.items(), key=lambda item: len(item[1]) * len(item[0]))
    states = tuple(state for name in names for state in groups[name])
    title = f"every state of {', '.join(names)}" if len(states) > len(names) else ", ".join(names)
    return [Box("all_" + key_of("_".join(names)), title, "", _take(states, events, cells), states)]


def _groups_alike(event: str, groups: dict[str, tuple[str, ...]], cells: dict[str, dict[str, Cell]]) -> list[tuple[str, ...]]:
    """Sets of at least ALIKE_GROUPS_MIN groups that answer this event with one and the same cell."""
    by_cell: dict[Cell, tuple[str, ...]] = {}
    for name, states in groups.items():
        cell = _common(states, event, cells)
        if cell is not None:
            by_cell[cell] = (*by_cell.get(cell, ()), name)
    return [names for names in by_cell.values() if len(names) >= ALIKE_GROUPS_MIN]


def _shared_in_groups(groups: dict[str, tuple[str, ...]], cells: dict[str, dict[str, Cell]]) -> list[Box]:
    boxes = []
    for name, states in groups.items():
        events = [event for event in cells[states[0]] if _common(states, event, cells) is not None]
        if events and len(states) > 1:
            boxes.append(Box("all_" + key_of(name), f"every state of {name}", name, _take(states, events, cells), states))
    return boxes
