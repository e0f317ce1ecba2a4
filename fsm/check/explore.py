"""Walks every state of a model, breadth first, so that the first way to a broken rule is a shortest one.

A state is a pair of numbers, the subject's and the surroundings'; all that either does is worked out once per number and remembered.
"""

from array import array
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import attrs

from fsm.check.model import DUE, Broken, Model, Seen, Stimulus, Taken
from fsm.check.ways import Happening as Happening
from fsm.check.ways import Pair, Ways
from fsm.engine import Table

STATES_MAX = 2_000_000
BITS = 24  # of the surroundings' number within a pair
MASK = (1 << BITS) - 1
BROKEN = -1  # in place of the surroundings' number

Move = tuple[int, int, int]  # the subject's state after it, the stimulus, what was seen: all by number


@attrs.frozen
class Violation:
    """A broken rule with a shortest way to it."""

    model: str
    rule: str
    text: str
    way: tuple[Happening, ...]


@attrs.frozen
class Result:
    """What walking one model gave. It is not complete if there were too many states, or if it was to stop at a broken rule."""

    model: str
    states: int
    transitions: int
    violations: tuple[Violation, ...]
    taken: frozenset[Taken]
    is_complete: bool


class Numbered:
    """Values by number and numbers by value."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable) -> int:
        known = self._numbers.setdefault(value, len(self.values))
        if known == len(self.values):
            self.values.append(value)
        return known


class Explorer:
    """One walk. `first_only`: stop at the first broken rule, as one does with a mutant."""

    def __init__(self, model: Model, tables: Mapping[str, Table[Any, Any]], states_max: int = STATES_MAX, first_only: bool = False) -> None:
        self.model, self._states_max, self._first_only = model, states_max, first_only
        self.subject, self.surroundings = model.make(tables)
        self._mine, self._others, self._stimuli, self._seen = Numbered(), Numbered(), Numbered(), Numbered()
        self._own: dict[int, tuple[Move, ...]] = {}
        self._offers: dict[int, tuple[int, ...]] = {}
        self._moves: dict[tuple[int, int], tuple[Move, ...]] = {}
        self._observed: dict[tuple[int, int, int], int] = {}
        self._keys, self._parents = array("q"), array("q")
        self._index: dict[int, int] = {}
        self._violations: dict[str, Violation] = {}
        self._transitions = 0

    def run(self) -> Result:
        self._keys.append(self._mine.number(self.subject.start()) << BITS | self._others.number(self.surroundings.start()))
        self._parents.append(-1)
        self._index[self._keys[0]] = 0
        at = 0
        while at < len(self._keys) and not self._is_enough():
            self._expand(at)
            at += 1
        is_complete = at == len(self._keys)
        if is_complete and not (self._first_only and self._violations):
            self._look_for_stalls()
        taken = frozenset(self.subject.taken)
        return Result(self.model.name, len(self._keys), self._transitions, tuple(self._violations.values()), taken, is_complete)

    def _is_enough(self) -> bool:
        return len(self._keys) > self._states_max or (self._first_only and bool(self._violations))

    # --- one state ------------------------------------------------------------------------------------------------------------

    def _expand(self, at: int) -> None:
        """The innermost loop: here a walk spends its time."""
        mine, others = self._keys[at] >> BITS, self._keys[at] & MASK
        index, keys, observed = self._index, self._keys, self._observed
        moves = self._own.get(mine) or self._own_moves(at, mine)
        for stimulus in self._offers_of(others):
            offered = self._moves.get((mine, stimulus))
            moves = moves + (self._react(at, mine, stimulus) if offered is None else offered)
        self._transitions += len(moves)
        for mine_after, stimulus, seen in moves:
            others_after = observed.get((others, stimulus, seen))
            if others_after is None:
                others_after = self._observe(at, others, stimulus, seen)
            if others_after != BROKEN:
                after = mine_after << BITS | others_after
                if after not in index:
                    index[after] = len(keys)
                    keys.append(after)
                    self._parents.append(at)

    def _own_moves(self, at: int, mine: int) -> tuple[Move, ...]:
        """What the subject can do by itself, less what changes nothing for anybody: that is looked at once and left out."""
        if mine in self._own:
            return ()
        moves: tuple[Move, ...] = ()
        for stimulus in self._numbers_of(self.subject.own(self._mine.values[mine])):
            reactions = self._react(at, mine, stimulus)
            kept = tuple(move for move in reactions if move[0] != mine or not self.surroundings.is_blank(self._seen.values[move[2]]))
            self._transitions += len(reactions) - len(kept)
            moves += kept
        self._own[mine] = moves
        return moves

    def _offers_of(self, others: int) -> tuple[int, ...]:
        offers = self._offers.get(others)
        if offers is None:
            offers = self._offers[others] = self._numbers_of(self.surroundings.offers(self._others.values[others]))
        return offers

    def _numbers_of(self, stimuli: Iterable[Stimulus]) -> tuple[int, ...]:
        return tuple(self._stimuli.number(stimulus) for stimulus in stimuli)

    def _react(self, at: int, mine: int, stimulus: int) -> tuple[Move, ...]:
        moves: tuple[Move, ...] = ()
        try:
            for reaction in self.subject.react(self._mine.values[mine], self._stimuli.values[stimulus]):
                moves += ((self._mine.number(reaction.state), stimulus, self._seen.number(reaction.seen)),)
        except Broken as broken:
            self._note(at, broken, stimulus, ())
        self._moves[mine, stimulus] = moves
        return moves

    def _observe(self, at: int, others: int, stimulus: int, seen: int) -> int:
        """The surroundings' number after this, or BROKEN. A rule that is broken again was met on a shorter way before."""
        try:
            after = self.surroundings.observe(self._others.values[others], self._stimuli.values[stimulus], self._seen.values[seen])
        except Broken as broken:
            self._note(at, broken, stimulus, self._seen.values[seen])
            number = BROKEN
        else:
            number = self._others.number(after)
        self._observed[others, stimulus, seen] = number
        return number

    # --- what is wrong --------------------------------------------------------------------------------------------------------

    def _note(self, at: int, broken: Broken, stimulus: int, seen: Seen) -> None:
        if broken.rule not in self._violations:
            way = self._way_to(at, (self._stimuli.values[stimulus], seen))
            self._violations[broken.rule] = Violation(self.model.name, broken.rule, broken.text, way)

    def _way_to(self, at: int, last: tuple[Stimulus, Seen] | None = None) -> tuple[Happening, ...]:
        pairs = [self._pair(at)]
        while self._parents[at] >= 0:
            at = self._parents[at]
            pairs.append(self._pair(at))
        return Ways(self.subject, self.surroundings).tell(pairs[::-1], last)

    def _pair(self, at: int) -> Pair:
        return self._mine.values[self._keys[at] >> BITS], self._others.values[self._keys[at] & MASK]

    def _look_for_stalls(self) -> None:
        """Every state that is no place to rest must lead to one by timers alone, whichever of those due at once comes first."""
        left, before = self._timed_steps()
        ends = [at for at, count in enumerate(left) if count == 0]
        while ends:
            for source in before.get(ends.pop(), ()):
                left[source] -= 1
                if left[source] == 0:
                    ends.append(source)
        stalled = next((at for at, count in enumerate(left) if count), None)
        if stalled is not None:
            text = "from here, timers alone lead nowhere: what is waited for may never come"
            self._violations[self.model.stalled] = Violation(self.model.name, self.model.stalled, text, self._way_to(stalled))

    def _timed_steps(self) -> "tuple[array[int], dict[int, list[int]]]":
        """How many states each leads to by a timer, and which lead to it. 0: it may rest here, or what follows is told of already."""
        left = array("q", [0]) * len(self._keys)
        before: dict[int, list[int]] = {}
        for at in range(len(self._keys)):
            if self.surroundings.resting(*self._pair(at)):
                continue
            targets = set(self._timed_targets(self._keys[at]))
            if BROKEN not in targets:
                left[at] = len(targets) or 1  # without any timer it never gets anywhere
                for target in targets:
                    before.setdefault(target, []).append(at)
        return left, before

    def _timed_targets(self, key: int) -> Iterable[int]:
        for mine_after, stimulus, seen in self._own[key >> BITS]:
            if self._stimuli.values[stimulus][0] == DUE:
                others_after = self._observed[key & MASK, stimulus, seen]
                yield BROKEN if others_after == BROKEN else self._index[mine_after << BITS | others_after]


def explore(model: Model, tables: Mapping[str, Table[Any, Any]], first_only: bool = False, states_max: int = STATES_MAX) -> Result:
    """Walk one model over these tables."""
    return Explorer(model, tables, states_max, first_only).run()
