"""The way that led to a state, told step by step.

A walk remembers for each state only the one before it; which step led from there to here is found by taking all steps once more.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import attrs

from fsm.check.model import Broken, Reaction, Seen, Stimulus, Subject, Surroundings


@attrs.frozen
class Happening:
    """One step of a way: when it happened, what, and what the machines did."""

    at_ms: int
    stimulus: Stimulus
    seen: Seen
    jump_ms: int = 0


Pair = tuple[Any, Any]  # the subject's state and the surroundings'


class Ways:
    """Tells ways through the states of one model."""

    def __init__(self, subject: Subject, surroundings: Surroundings) -> None:
        self._subject, self._surroundings = subject, surroundings

    def tell(self, pairs: Sequence[Pair], last: tuple[Stimulus, Seen] | None = None) -> tuple[Happening, ...]:
        """The way through these states; `last` is a step from the last of them that ended in a broken rule."""
        way: list[Happening] = []
        for source, target in pairwise(pairs):
            way.append(_after(way, *self._between(source, target)))
        if last is not None:
            stimulus, seen = last
            reactions = self._reactions(pairs[-1][0], stimulus)
            way.append(_after(way, stimulus, next((again for again in reactions if again.seen == seen), Reaction(None, seen))))
        return tuple(way)

    def _between(self, source: Pair, target: Pair) -> tuple[Stimulus, Reaction]:
        mine, others = source
        for stimulus in (*self._subject.own(mine), *self._surroundings.offers(others)):
            for reaction in self._reactions(mine, stimulus):
                if reaction.state == target[0] and self._observed(others, stimulus, reaction.seen) == target[1]:
                    return stimulus, reaction
        raise AssertionError("a state without the step that led to it")

    def _reactions(self, mine: Any, stimulus: Stimulus) -> tuple[Reaction, ...]:
        try:
            return tuple(self._subject.react(mine, stimulus))
        except Broken:
            return ()

    def _observed(self, others: Any, stimulus: Stimulus, seen: Seen) -> Any:
        try:
            return self._surroundings.observe(others, stimulus, seen)
        except Broken:
            return None


def _after(way: list[Happening], stimulus: Stimulus, reaction: Reaction) -> Happening:
    at_ms = way[-1].at_ms if way else 0
    return Happening(at_ms + reaction.passed_ms, stimulus, reaction.seen, reaction.jump_ms)
