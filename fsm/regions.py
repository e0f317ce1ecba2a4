"""Machines side by side: regions with a join table, and one sub-machine per key.

Regions are separate cursors. What one does to another is a row of the join table, as in h11: an effect of the source becomes an
event of the target. This module knows no machine.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import attrs

from fsm.engine import Effects, Machine, Step, Table

CASCADE_MAX = 64  # joins that one event may set off; more is a circle in the join table, which is ours to mend


@attrs.frozen
class Join:
    """When region `source` gives an effect of type `effect`, region `target` is told `event(effect, cause)`.

    The effect is consumed: it is an inner matter of the regions.
    """

    source: str
    effect: type
    target: str
    event: Callable[[Any, Any], Any]


class Regions:
    """Several cursors that run as one. `feed` runs to completion: the joined events too are handled before it returns."""

    def __init__(self, machines: Mapping[str, Machine[Any, Any]], joins: tuple[Join, ...]) -> None:
        self.machines = dict(machines)
        self._joins: dict[str, dict[type, tuple[Join, ...]]] = {name: {} for name in machines}
        for join in joins:
            of_source = self._joins.setdefault(join.source, {})
            of_source[join.effect] = (*of_source.get(join.effect, ()), join)

    def feed(self, region: str, event: Any) -> Effects:
        """Take one event in one region; return what leaves all regions, in order."""
        out: list[Any] = []
        waiting = [(region, event)]
        for name, current in waiting:  # it grows as it is read
            joins_of = self._joins[name]
            for effect in self.machines[name].feed(current):
                joins = joins_of.get(type(effect))
                if joins is None:
                    out.append((name, effect))
                else:
                    waiting += [(join.target, join.event(effect, current)) for join in joins]
                    if len(waiting) > CASCADE_MAX:
                        raise AssertionError(f"more than {CASCADE_MAX} joins after {event!r}")
        return tuple(out)


K = TypeVar("K")
S = TypeVar("S")
D = TypeVar("D")


class Keyed(Generic[K, S, D]):
    """One sub-machine per key, at most `limit` of them; the oldest is told `evicted(key)` and forgotten, so none goes unheard.

    A sub-machine that reaches a final state is forgotten too.
    """

    def __init__(
        self,
        table: Table[S, D],
        make: Callable[[K], D],
        limit: int,
        evicted: Callable[[K, Any], Any],
        watch: Callable[[Step], None] | None = None,
    ) -> None:
        self.table, self.limit = table, limit
        self.live: dict[K, Machine[S, D]] = {}
        self._make, self._evicted, self._watch = make, evicted, watch

    def __contains__(self, key: K) -> bool:
        return key in self.live

    def __len__(self) -> int:
        return len(self.live)

    def feed(self, key: K, event: Any) -> Effects:
        """Take one event for one key, making its sub-machine if there is none yet. Effects of an eviction come first."""
        machine = self.live.get(key)
        effects: Effects = ()
        if machine is None:
            effects = self._make_room(event)
            machine = self.live[key] = Machine(self.table, self._make(key), self._watch)
        effects += machine.feed(event)
        if machine.state in self.table.final:
            del self.live[key]
        return effects

    def feed_all(self, make_event: Callable[[K], Any]) -> Effects:
        """Take one event for every live key, oldest first."""
        effects: Effects = ()
        for key in tuple(self.live):
            effects += self.feed(key, make_event(key))
        return effects

    def _make_room(self, cause: Any) -> Effects:
        if len(self.live) < self.limit:
            return ()
        oldest = next(iter(self.live))
        effects = self.live[oldest].feed(self._evicted(oldest, cause))
        self.live.pop(oldest, None)
        return effects
