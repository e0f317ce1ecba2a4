"""A machine that stands still: state, data and armed timers as one value, set going by the real `Machine.feed` and put away again.

Between two steps it is always the same moment, HERE: what lies ahead or behind is kept as a distance from it.
"""

from typing import Any

import attrs

from fsm.check.model import Taken
from fsm.engine import Arm, Effects, Machine, Step, Table, Tick
from fsm.time import Now

HERE = Now(1_700_000_000_000, 10_000_000)


@attrs.frozen
class Standing:
    """`armed`: kind of timer and milliseconds from HERE, by name."""

    state: Any
    data: Any
    armed: tuple[tuple[type[Tick], int], ...] = ()


class Walker:
    """Sets one machine going, and notes the rows that it takes."""

    def __init__(self, table: Table[Any, Any], taken: set[Taken]) -> None:
        self.machine = Machine(table, None, self.watch)
        self._taken = taken
        self._steps: set[tuple[Any, type, int]] = set()

    def watch(self, step: Step) -> None:
        key = (step.source, type(step.event), step.row)
        if key not in self._steps:
            self._steps.add(key)
            self._taken.add(Taken(step.machine, str(step.source), type(step.event).__name__, step.row))

    def pick_up(self, standing: Standing) -> None:
        machine = self.machine
        machine.state, machine.data = standing.state, standing.data
        machine.armed = {tick: -number for number, (tick, _) in enumerate(standing.armed, 1)}

    def feed(self, event: Any) -> Effects:
        return self.machine.feed(event)


class Timers:
    """Whoever keeps the timers of one machine: it does as it is told, in the order in which it is told."""

    def __init__(self, standing: Standing) -> None:
        self._kept = {tick: (-number, ms) for number, (tick, ms) in enumerate(standing.armed, 1)}

    def __contains__(self, tick: type[Tick]) -> bool:
        return tick in self._kept

    def arm(self, arm: Arm) -> None:
        self._kept[arm.tick] = (arm.generation, arm.at_mono_ms - HERE.mono_ms)

    def disarm(self, tick: type[Tick]) -> None:
        self._kept.pop(tick, None)

    def take(self, tick: type[Tick]) -> int:
        """Take a timer that comes due off; returns its generation."""
        return self._kept.pop(tick)[0]

    def armed(self, machine: Machine[Any, Any]) -> tuple[tuple[type[Tick], int], ...]:
        """What the machine believes to be armed, as it is kept here; a timer that the machine waits for and nobody keeps is missing."""
        kept = ((tick, ms) for tick, (generation, ms) in self._kept.items() if machine.armed.get(tick) == generation)
        return tuple(sorted(kept, key=_name))


def _name(item: tuple[type[Tick], int]) -> str:
    return item[0].__name__
