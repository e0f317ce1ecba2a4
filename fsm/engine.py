"""Tables of transitions and the cursors that walk them.

A machine is `(state, data)`, both immutable. Its table is keyed `(state, type of event)`; a cell holds ordered rows, each with a
named guard but the last. Feeding an event gives effects and nothing else: no clock is read, nothing is sent, nothing is logged.
This module knows no machine: it never imports one.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar, cast

import attrs

from fsm.time import Now
from fsm.words import Word

S = TypeVar("S")
D = TypeVar("D")

Effects = tuple[Any, ...]


class States(Enum):
    """Base of a machine's states: an Enum whose members hash by identity, which is what a table look-up costs most."""

    __hash__ = object.__hash__

    def __str__(self) -> str:
        return str(self.value)


class TableError(ValueError):
    """A table that contradicts itself: an error of ours, found when the table is built."""


@attrs.frozen
class Row(Generic[S, D]):
    """One transition: when `guard` holds, go to `target` and let `action` make the new data and the effects."""

    target: S
    action: Callable[[D, Any], tuple[D, Effects]]
    guard: Callable[[D, Any], bool] | None = None


@attrs.frozen(eq=False, repr=False)
class Tick(Word):
    """Event, base class: an armed timer came due. Each timer is a subclass, named after what its coming due means."""

    now: Now
    generation: int


@attrs.frozen(eq=False, repr=False)
class Arm(Word):
    """Effect: let `tick` happen at `at_mono_ms`. Replaces an earlier one of the same kind; the generation tells them apart."""

    tick: type[Tick]
    at_mono_ms: int
    generation: int = 0


@attrs.frozen(eq=False, repr=False)
class Disarm(Word):
    """Effect: `tick` is no longer wanted. One that is already under way is known by its stale generation and ignored."""

    tick: type[Tick]


@attrs.frozen(eq=False, repr=False)
class Unexpected(Word):
    """Effect: no row names this event in this state. The state stays; the reactor counts it, replay and tests fail on it."""

    machine: str
    state: str
    event: str


def nothing(data: D, event: object) -> tuple[D, Effects]:
    """The action that changes nothing and asks for nothing."""
    return data, ()


Rows = Mapping[tuple[Any, type], tuple[Row[Any, Any], ...]]


class Table(Generic[S, D]):
    """All rows of one machine, checked when built. Raises TableError if it contradicts itself.

    `ignored` names the pairs that are expected and mean nothing to this machine, each with its reason; every other pair without a
    row is counted as unexpected.
    """

    def __init__(self, name: str, initial: S, final: frozenset[S], rows: Rows, ignored: Mapping[tuple[Any, type], str]) -> None:
        self.name, self.initial, self.final = name, initial, final
        self.rows: Rows = rows
        self.ignored = ignored
        self.states: tuple[S, ...] = tuple(cast(Iterable[S], type(initial)))  # states are the members of an Enum
        self.events: frozenset[type] = frozenset(kind for _, kind in [*rows, *ignored])
        self.ticks: dict[S, frozenset[type]] = {state: frozenset() for state in self.states}
        self.cells: dict[S, dict[type, tuple[Row[Any, Any], ...]]] = {state: {} for state in self.states}  # the rows, as `feed` wants them
        for (state, kind), cell in rows.items():
            self.cells[state][kind] = cell
            if issubclass(kind, Tick):
                self.ticks[state] |= {kind}
        self._check()

    def _check(self) -> None:
        for (state, kind), cell in self.rows.items():
            where = f"{self.name}: {state} x {kind.__name__}"
            if state in self.final:
                raise TableError(f"{where}: a final state has no rows")
            if (state, kind) in self.ignored:
                raise TableError(f"{where}: both a row and ignored")
            if not cell or any(row.guard is None for row in cell[:-1]) or cell[-1].guard is not None:
                raise TableError(f"{where}: the last row of a cell, and only it, has no guard")
        if missing := set(self.states) - self._reached():
            raise TableError(f"{self.name}: no way leads to {sorted(str(s) for s in missing)}")

    def _reached(self) -> set[S]:
        reached, waiting = {self.initial}, [self.initial]
        while waiting:
            source = waiting.pop()
            targets = {row.target for (state, _), cell in self.rows.items() if state is source for row in cell}
            waiting += targets - reached
            reached |= targets
        return reached

    def default(self, state: S, kind: type) -> str:
        """What happens to an event that no row names: `IGNORE(reason)` or `COUNT`."""
        reason = self.ignored.get((state, kind))
        return f"IGNORE({reason})" if reason else "COUNT"


def rows_for(states: Iterable[S], cells: Mapping[type, tuple[Row[S, D], ...]]) -> dict[tuple[S, type], tuple[Row[S, D], ...]]:
    """The same cells in several states."""
    return {(state, kind): cell for state in states for kind, cell in cells.items()}


def stay(states: Iterable[S], cells: Mapping[type, Callable[[D, Any], tuple[D, Effects]]]) -> dict[tuple[S, type], tuple[Row[S, D], ...]]:
    """Cells with a single unguarded row that leads back to the same state."""
    return {(state, kind): (Row(state, action),) for state in states for kind, action in cells.items()}


@attrs.define(eq=False, repr=False)  # a frozen one takes twice as long to make, and a watched machine makes one for every row
class Step(Word):
    """One row that was taken, for those who watch: replay, coverage, the checker."""

    machine: str
    source: Any
    event: Any
    row: int
    target: Any
    effects: Effects


class Machine(Generic[S, D]):
    """A cursor over a table. Synchronous; reads no clock; does no I/O; never raises of itself.

    It also keeps the timers honest: it numbers each Arm, ignores a Tick whose number is not the latest, and disarms, on entering
    a state, every timer that no row of this state names.
    """

    def __init__(self, table: Table[S, D], data: D, watch: Callable[[Step], None] | None = None) -> None:
        self.table, self.state, self.data = table, table.initial, data
        self.armed: dict[type, int] = {}
        self._generation = 0
        self._watch = watch

    def __repr__(self) -> str:
        return f"<{self.table.name} {self.state} {self.data}>"

    def feed(self, event: Any) -> Effects:
        """Take one event; return the effects, in order."""
        kind = type(event)
        if isinstance(event, Tick):
            if self.armed.get(kind) != event.generation:
                return ()
            del self.armed[kind]
        source, data = self.state, self.data
        cell = self.table.cells[source].get(kind)
        if cell is None:
            if (source, kind) in self.table.ignored:
                return ()
            return (Unexpected(self.table.name, str(source), kind.__name__),)
        place, row = 0, cell[0]
        while (guard := row.guard) is not None and not guard(data, event):  # the last row has none
            place += 1
            row = cell[place]
        self.data, effects = row.action(data, event)
        self.state = row.target
        if self.armed or (effects and Arm in map(type, effects)):
            effects = self._keep_timers(effects)
        if self._watch is not None:
            self._watch(Step(self.table.name, source, event, place, row.target, effects))
        return effects

    def _keep_timers(self, effects: Effects) -> Effects:
        armed = self.armed
        out: list[Any] = []
        if armed:
            wanted = self.table.ticks[self.state]
            for kind in [kind for kind in armed if kind not in wanted]:
                del armed[kind]
                out.append(Disarm(kind))
        for effect in effects:
            if type(effect) is Arm:
                self._generation += 1
                armed[effect.tick] = self._generation
                effect = Arm(effect.tick, effect.at_mono_ms, self._generation)
            elif type(effect) is Disarm:
                armed.pop(effect.tick, None)
            out.append(effect)
        return tuple(out)
