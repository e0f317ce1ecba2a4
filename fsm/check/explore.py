"""Walks every state of a model, breadth first, so that the first way to a broken rule is a shortest one.

A state is a pair of numbers, the subject's and the surroundings'; all that either does is worked out once per number and remembered.
"""

from array import array
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import attrs

from fsm.check.model import DUE, Broken, Model, Reaction, Seen, Stimulus, Subject, Surroundings, Taken
from fsm.engine import Table

BITS = 24  # of the surroundings' number within a pair
MASK = (1 << BITS) - 1

Move = tuple[int, int, int]  # the subject's state after it, the stimulus, what was seen: all by number


@attrs.frozen
class Happening:
    """One step of a way: when it happened, what, and what the machines did."""

    at_ms: int
    stimulus: Stimulus
    seen: Seen
    jump_ms: int = 0


@attrs.frozen
class Violation:
    """A broken rule with a shortest way to it."""

    model: str
    rule: str
    text: str
    way: tuple[Happening, ...]


@attrs.frozen
class Result:
    """What walking one model gave."""

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

    def __len__(self) -> int:
        return len(self.values)

    def number(self, value: Hashable) -> int:
        known = self._numbers.setdefault(value, len(self.values))
        if known == len(self.values):
            self.values.append(value)
        return known


class Explorer:
    """One walk. `first_only`: stop at the first broken rule, as one does with a mutant."""

    def __init__(self, model: Model, tables: Mapping[str, Table[Any, Any]], states_max: int = 2_000_000, first_only: bool = False) -> None:
        self.model, self._states_max, self._first_only = model, states_max, first_only
        self.subject, self.surroundings = model.make(tables)
        self._mine, self._others, self._stimuli, self._seen = Numbered(), Numbered(), Numbered(), Numbered()
        self._own: dict[int, tuple[Move, ...]] = {}
        self._offers: dict[int, tuple[int, ...]] = {}
        self._reactions: dict[tuple[int, int], tuple[Move, ...]] = {}
        self._observed: dict[tuple[int, int, int], int] = {}
        self._keys = array("q")
        self._parents = array("q")
        self._index: dict[int, int] = {}
        self._violations: dict[str, Violation] = {}
        self._transitions = 0

    def run(self) -> Result:
        self._add(self._pair(self._mine.number(self.subject.start()), self._others.number(self.surroundings.start())), -1)
        at = 0
        while at < len(self._keys) and not self._stop():
            self._expand(at)
            at += 1
        is_complete = at == len(self._keys)
        if is_complete and not self._stop():
            self._look_for_stalls()
        return Result(
            self.model.name,
            len(self._keys),
            self._transitions,
            tuple(self._violations.values()),
            frozenset(self.subject.taken),
            is_complete,
        )

    def _stop(self) -> bool:
        return len(self._keys) > self._states_max or (self._first_only and bool(self._violations))

    @staticmethod
    def _pair(mine: int, others: int) -> int:
        return mine << BITS | others

    def _add(self, key: int, parent: int) -> None:
        if key not in self._index:
            self._index[key] = len(self._keys)
            self._keys.append(key)
            self._parents.append(parent)

    # --- one state ------------------------------------------------------------------------------------------------------------

    def _expand(self, at: int) -> None:
        key = self._keys[at]
        mine, others = key >> BITS, key & MASK
        index, keys, parents, observed = self._index, self._keys, self._parents, self._observed
        moves = self._own.get(mine)
        if moves is None:
            moves = self._own[mine] = self._own_moves(at, mine)
        for stimulus in self._offers_of(others):
            reactions = self._reactions.get((mine, stimulus))
            moves = moves + (self._react(at, mine, stimulus) if reactions is None else reactions)
        self._transitions += len(moves)
        for mine_after, stimulus, seen in moves:
            others_after = observed.get((others, stimulus, seen))
            if others_after is None:
                others_after = self._observe(at, others, stimulus, seen)
            if others_after >= 0:
                after = mine_after << BITS | others_after
                if after not in index:
                    index[after] = len(keys)
                    keys.append(after)
                    parents.append(at)

    def _own_moves(self, at: int, mine: int) -> tuple[Move, ...]:
        """What the subject can do by itself, less what changes nothing for anybody: that is looked at once and left out."""
        moves: tuple[Move, ...] = ()
        for stimulus in self._numbers_of(self.subject.own(self._mine.values[mine])):
            reactions = self._react(at, mine, stimulus)
            moves += tuple(m for m in reactions if m[0] != mine or not self.surroundings.is_blank(self._seen.values[m[2]]))
            self._transitions += len(reactions)
        self._transitions -= len(moves)
        return moves

    def _offers_of(self, others: int) -> tuple[int, ...]:
        offers = self._offers.get(others)
        if offers is None:
            offers = self._offers[others] = self._numbers_of(self.surroundings.offers(self._others.values[others]))
        return offers

    def _numbers_of(self, stimuli: Iterable[Stimulus]) -> tuple[int, ...]:
        return tuple(self._stimuli.number(stimulus) for stimulus in stimuli)

    def _react(self, at: int, mine: int, stimulus: int) -> tuple[Move, ...]:
        try:
            reactions = tuple(
                (self._mine.number(reaction.state), stimulus, self._seen.number(reaction.seen))
                for reaction in self.subject.react(self._mine.values[mine], self._stimuli.values[stimulus])
            )
        except Broken as broken:
            self._break(at, broken, stimulus, ())
            reactions = ()
        self._reactions[mine, stimulus] = reactions
        return reactions

    def _observe(self, at: int, others: int, stimulus: int, seen: int) -> int:
        """The surroundings' number after this; negative if a rule is broken."""
        try:
            after = self.surroundings.observe(self._others.values[others], self._stimuli.values[stimulus], self._seen.values[seen])
        except Broken as broken:
            self._break(at, broken, stimulus, self._seen.values[seen])
            number = -1
        else:
            number = self._others.number(after)
        self._observed[others, stimulus, seen] = number
        return number

    def _break(self, at: int, broken: Broken, stimulus: int, seen: Seen) -> None:
        if broken.rule not in self._violations:
            way = (*self._way_to(at), self._happening_at_end(at, self._stimuli.values[stimulus], seen))
            self._violations[broken.rule] = Violation(self.model.name, broken.rule, broken.text, way)

    # --- ways -----------------------------------------------------------------------------------------------------------------

    def _way_to(self, at: int) -> tuple[Happening, ...]:
        ats = [at]
        while self._parents[ats[-1]] >= 0:
            ats.append(self._parents[ats[-1]])
        way: list[Happening] = []
        now_ms = 0
        for source, target in zip(ats[::-1], ats[-2::-1], strict=False):
            stimulus, reaction = self._step_between(source, target)
            now_ms += reaction.passed_ms
            way.append(Happening(now_ms, stimulus, reaction.seen, reaction.jump_ms))
        return tuple(way)

    def _step_between(self, source: int, target: int) -> tuple[Stimulus, Reaction]:
        mine, others = self._values_of(source)
        wanted = self._values_of(target)
        for stimulus in (*self.subject.own(mine), *self.surroundings.offers(others)):
            for reaction in self._reactions_again(mine, stimulus):
                if reaction.state != wanted[0]:
                    continue
                try:
                    if self.surroundings.observe(others, stimulus, reaction.seen) == wanted[1]:
                        return stimulus, reaction
                except Broken:
                    continue
        raise AssertionError("a state without the step that led to it")

    def _reactions_again(self, mine: Any, stimulus: Stimulus) -> tuple[Reaction, ...]:
        try:
            return tuple(self.subject.react(mine, stimulus))
        except Broken:
            return ()

    def _happening_at_end(self, at: int, stimulus: Stimulus, seen: Seen) -> Happening:
        mine, _ = self._values_of(at)
        way = self._way_to(at)
        reaction = next((again for again in self._reactions_again(mine, stimulus) if again.seen == seen), Reaction(None, seen))
        return Happening((way[-1].at_ms if way else 0) + reaction.passed_ms, stimulus, seen, reaction.jump_ms)

    def _values_of(self, at: int) -> tuple[Any, Any]:
        key = self._keys[at]
        return self._mine.values[key >> BITS], self._others.values[key & MASK]

    # --- what never ends ------------------------------------------------------------------------------------------------------

    def _look_for_stalls(self) -> None:
        """Every state that is no place to rest must lead to one by timers alone, whichever of those due at once comes first."""
        left, before = self._timed_steps()
        ends = [at for at, count in enumerate(left) if count < 0]
        while ends:
            for source in before.get(ends.pop(), ()):
                left[source] -= 1
                if left[source] == 0:
                    ends.append(source)
        stalled = next((at for at, count in enumerate(left) if count > 0), None)
        if stalled is not None:
            text = "from here, timers alone lead nowhere: the machines wait for what may never come"
            self._violations[self.model.stalled] = Violation(self.model.name, self.model.stalled, text, self._way_to(stalled))

    def _timed_steps(self) -> tuple["array[int]", dict[int, list[int]]]:
        """For each state the number of its timed steps that are not known to end (negative: it may rest; without any: never), and who leads to whom."""
        left, before = array("q", [0]) * len(self._keys), {}
        for at, key in enumerate(self._keys):
            mine, others = self._values_of(at)
            if self.surroundings.resting(mine, others):
                left[at] = -1
                continue
            targets = set(self._timed_targets(key))
            if -1 in targets:  # a broken rule, which is told of already
                left[at] = -1
                continue
            left[at] = len(targets) or 1
            for target in targets:
                before.setdefault(target, []).append(at)
        return left, before

    def _timed_targets(self, key: int) -> Iterable[int]:
        mine, others = key >> BITS, key & MASK
        for mine_after, stimulus, seen in self._own[mine]:
            if self._stimuli.values[stimulus][0] == DUE:
                others_after = self._observed[others, stimulus, seen]
                yield self._index[self._pair(mine_after, others_after)] if others_after >= 0 else -1


def explore(model: Model, tables: Mapping[str, Table[Any, Any]], first_only: bool = False) -> Result:
    """Walk one model over these tables."""
    return Explorer(model, tables, first_only=first_only).run()
