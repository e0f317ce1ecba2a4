"""Tables broken on purpose, to check the checker: each must be seen through by one of the models.

They are made from the real tables, all in the same order every time: a row left out, two rows of a cell in the wrong order, a guard
turned round, a target changed, an effect or a timer forgotten, what was learnt forgotten. Only rows that a model takes are broken.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from fsm.check.explore import Explorer, explore
from fsm.check.model import Model, Taken
from fsm.engine import Row, Table, TableError

STATES_FACTOR_MAX = 3  # a walk that finds so many times the states is taken to be without end

Tables = Mapping[str, Table[Any, Any]]
Cell = tuple[Row[Any, Any], ...]
Place = tuple[Any, type, int]  # state, kind of event, number of the row


@attrs.frozen
class Mutant:
    """One broken table. `name` says how: machine, cell, row, and what is wrong with it."""

    machine: str
    name: str
    place: Place
    change: Callable[[Cell], Cell] = attrs.field(eq=False, repr=False)

    @property
    def way(self) -> str:
        """How it is broken, without what by: "left", "its", "after", "leads", "without", "learns"."""
        return self.name.rpartition(": ")[2].partition(" ")[0]

    def tables(self, tables: Tables) -> dict[str, Table[Any, Any]]:
        """All tables, this one among them. Raises TableError if it contradicts itself, which is one way to be seen through."""
        table = tables[self.machine]
        state, kind, _ = self.place
        cell = self.change(table.rows[state, kind])
        rows = {**table.rows, (state, kind): cell} if cell else {key: rows for key, rows in table.rows.items() if key != (state, kind)}
        return {**tables, self.machine: Table(table.name, table.initial, table.final, rows, table.ignored)}


@attrs.frozen
class Fate:
    """What became of a mutant. `by` names what saw through it: a model's broken rule, the table's own check; empty if nothing did."""

    mutant: Mutant
    by: str

    @property
    def is_killed(self) -> bool:
        return bool(self.by)


class Notes:
    """What the rows of the real tables do while a model is walked: kinds of effects, whether they learn anything, and whether the next
    row would have been taken in their place."""

    def __init__(self) -> None:
        self.effects: dict[tuple[str, Place], dict[str, None]] = {}
        self.learns: set[tuple[str, Place]] = set()
        self.stands_before: set[tuple[str, Place]] = set()

    def tables(self, tables: Tables, machines: Sequence[str]) -> dict[str, Table[Any, Any]]:
        return {**tables, **{name: self._watched(tables[name]) for name in machines}}

    def _watched(self, table: Table[Any, Any]) -> Table[Any, Any]:
        rows = {
            (state, kind): tuple(
                attrs.evolve(row, action=self._noting(cell, number, (table.name, (state, kind, number)))) for number, row in enumerate(cell)
            )
            for (state, kind), cell in table.rows.items()
        }
        return Table(table.name, table.initial, table.final, rows, table.ignored)

    def _noting(self, cell: Cell, number: int, key: tuple[str, Place]) -> Callable[[Any, Any], Any]:
        action = cell[number].action
        guard_after = cell[number + 1].guard if number + 1 < len(cell) else None

        def noting(data: Any, event: Any) -> Any:
            if guard_after is not None and guard_after(data, event):
                self.stands_before.add(key)
            changed, effects = action(data, event)
            known = self.effects.setdefault(key, {})
            known.update(dict.fromkeys(_kind(effect) for effect in effects))
            if changed != data:
                self.learns.add(key)
            return changed, effects

        return noting


def _kind(effect: Any) -> str:
    """Timers by their name: a row may arm several."""
    tick = getattr(effect, "tick", None)
    return f"{type(effect).__name__} {tick.__name__}" if tick is not None else type(effect).__name__


def _of_table(table: Table[Any, Any], machine: str, notes: Notes) -> Iterator[Mutant]:
    for (state, kind), cell in table.rows.items():
        for number, row in enumerate(cell):
            place = (state, kind, number)
            if (table.name, place) in notes.effects:
                where = f"{machine}: {state} x {kind.__name__}, row {number + 1}"
                for what, change in _changes(table, cell, row, place, notes):
                    yield Mutant(machine, f"{where}: {what}", place, change)


def _changes(
    table: Table[Any, Any], cell: Cell, row: Row[Any, Any], place: Place, notes: Notes
) -> Iterator[tuple[str, Callable[[Cell], Cell]]]:
    state, _, number = place
    yield "left out", lambda rows: _without(rows, number)
    if row.guard is not None:
        yield "its guard turned round", lambda rows: _with(rows, number, guard=_negated(rows[number].guard))
        if (table.name, place) in notes.stands_before:  # else the two never want the same event, and their order is all one
            yield "after the next", lambda rows: (*rows[:number], rows[number + 1], rows[number], *rows[number + 2 :])
    target = state if row.target is not state else _other(table, state)
    yield f"leads to {target}", lambda rows: _with(rows, number, target=target)
    for kind in notes.effects[table.name, place]:
        yield f"without {kind}", lambda rows, kind=kind: _with(rows, number, action=_forgetful(rows[number].action, kind))  # type: ignore[misc]
    if (table.name, place) in notes.learns and row.target not in table.final:  # what is learnt at the end is read by nobody
        yield "learns nothing", lambda rows: _with(rows, number, action=_unlearning(rows[number].action))


def _other(table: Table[Any, Any], state: Any) -> Any:
    """The state that follows in the list of all."""
    return table.states[(table.states.index(state) + 1) % len(table.states)]


def _without(rows: Cell, number: int) -> Cell:
    """The row before the last stands in for it, whatever its guard says."""
    left = (*rows[:number], *rows[number + 1 :])
    return (*left[:-1], attrs.evolve(left[-1], guard=None)) if left else ()


def _with(rows: Cell, number: int, **changes: Any) -> Cell:
    return (*rows[:number], attrs.evolve(rows[number], **changes), *rows[number + 1 :])


def _negated(guard: Any) -> Callable[[Any, Any], bool]:
    return lambda data, event: not guard(data, event)


def _forgetful(action: Any, kind: str) -> Callable[[Any, Any], Any]:
    def forgetful(data: Any, event: Any) -> Any:
        changed, effects = action(data, event)
        return changed, tuple(effect for effect in effects if _kind(effect) != kind)

    return forgetful


def _unlearning(action: Any) -> Callable[[Any, Any], Any]:
    return lambda data, event: (data, action(data, event)[1])


# --- seeing through them ------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=False)
class Baseline:
    """What walking a model with the real tables gave: the rows it takes, and rules that are broken already."""

    model: Model
    taken: frozenset[Taken]
    broken: frozenset[str]
    states: int
    mutants: tuple[Mutant, ...]

    def looks_at(self, mutant: Mutant) -> bool:
        """Whether it ever looks into the broken cell; then it took one of its rows."""
        state, kind, _ = mutant.place
        return (mutant.machine, str(state), kind.__name__) in self.cells

    def takes(self, mutant: Mutant) -> bool:
        """Whether it takes the very row that is broken."""
        state, kind, number = mutant.place
        return Taken(mutant.machine, str(state), kind.__name__, number) in self.taken

    @cached_property
    def cells(self) -> frozenset[tuple[str, str, str]]:
        """Machine, state and event of each cell it looks into."""
        return frozenset((row.machine, row.state, row.event) for row in self.taken)


def baseline_of(model: Model, tables: Tables) -> Baseline:
    """Walk a model once, and make all mutants of its machines from what was seen."""
    notes = Notes()
    result = explore(model, notes.tables(tables, model.machines))
    mutants = tuple(mutant for machine in model.machines for mutant in _of_table(tables[machine], machine, notes))
    return Baseline(model, result.taken, frozenset(violation.rule for violation in result.violations), result.states, mutants)


def mutants_of(machine: str, baselines: Iterable[Baseline]) -> tuple[Mutant, ...]:
    """All mutants of a machine that one of these models can tell apart from the real table, each once."""
    found = {mutant.name: mutant for baseline in baselines for mutant in baseline.mutants if mutant.machine == machine}
    return tuple(found.values())


def spread(mutants: Sequence[Mutant], of_each_way: int) -> tuple[Mutant, ...]:
    """So many of each way of breaking, or all there are, evenly from the first to the last of them; in their order."""
    chosen: set[str] = set()
    for way in dict.fromkeys(mutant.way for mutant in mutants):
        alike = [mutant.name for mutant in mutants if mutant.way == way]
        step = max(1.0, len(alike) / of_each_way)
        chosen.update(alike[int(number * step)] for number in range(min(of_each_way, len(alike))))
    return tuple(mutant for mutant in mutants if mutant.name in chosen)


def fate_of(mutant: Mutant, baselines: Iterable[Baseline], tables: Tables) -> Fate:
    """Walk the models that look into its cell until one of them notices."""
    try:
        broken = mutant.tables(tables)
    except TableError as error:
        return Fate(mutant, f"the table's own check: {error}")
    for baseline in baselines:
        if baseline.looks_at(mutant) and (by := _seen_through(mutant, baseline, broken)):
            return Fate(mutant, f"{baseline.model.name}: {by}")
    return Fate(mutant, "")


def _seen_through(mutant: Mutant, baseline: Baseline, broken: Tables) -> str:
    try:
        result = Explorer(baseline.model, broken, STATES_FACTOR_MAX * baseline.states, first_only=not baseline.broken).run()
    except Exception as error:  # an action met what its guard should have kept away
        return f"{type(error).__name__} in an action"
    rules = [violation.rule for violation in result.violations if violation.rule not in baseline.broken]
    if rules:
        return rules[0]
    if not result.is_complete:
        return "there is no end of states"
    missed = sorted(_rows_elsewhere(mutant, baseline.taken - result.taken), key=repr)
    return f"{missed[0].state} x {missed[0].event} is never taken" if missed else ""


def _rows_elsewhere(mutant: Mutant, rows: frozenset[Taken]) -> Iterator[Taken]:
    """Rows of the broken cell itself are counted anew."""
    state, kind, _ = mutant.place
    cell = (mutant.machine, str(state), kind.__name__)
    return (row for row in rows if (row.machine, row.state, row.event) != cell)
