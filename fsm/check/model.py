"""What is explored: a subject (machines and the stubs around them) among surroundings that offer events and watch.

Both are pure: states are immutable and hashable, so that each is numbered once, and what one does in a state is worked out once
however many states of the other it meets.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Protocol

import attrs

from fsm.engine import Table

Stimulus = tuple[Any, ...]  # a word and its arguments: ("invoke", "a", 3000)
Seen = tuple[str, ...]  # what the subject did, in words, in order

DUE = "due"  # ("due", kind of tick): the next timer comes due
WAIT = "wait"  # ("wait",): time passes until just before the next timer


@attrs.frozen
class Reaction:
    """What a subject does about a stimulus. More than one where a stub may do either of several things."""

    state: Hashable
    seen: Seen = ()
    passed_ms: int = 0  # before the stimulus
    jump_ms: int = 0  # of the wall clock alone


@attrs.frozen
class Taken:
    """A row that was taken: machine, state, kind of event, place in its cell."""

    machine: str
    state: str
    event: str
    row: int


class Broken(Exception):
    """Something that must hold does not. `rule` is one of the model's rules."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule, self.text = rule, text


class Subject(Protocol):
    """The machines under check."""

    taken: set[Taken]

    def start(self) -> Hashable: ...

    def own(self, state: Any, /) -> Iterable[Stimulus]:
        """What can happen without anybody outside: timers, and the ends of effects."""
        ...

    def react(self, state: Any, stimulus: Stimulus, /) -> Iterable[Reaction]:
        """Empty: this stimulus cannot come in this state. Raises Broken."""
        ...


class Surroundings(Protocol):
    """Everybody else, and the one who watches."""

    def start(self) -> Hashable: ...

    def offers(self, state: Any, /) -> Iterable[Stimulus]: ...

    def observe(self, state: Any, stimulus: Stimulus, seen: Seen, /) -> Hashable:
        """The state after the subject did this. Raises Broken."""
        ...

    def is_blank(self, seen: Seen, /) -> bool:
        """Whether these effects can never make a difference to it: then they are not looked at where the subject stays as it is."""
        ...

    def resting(self, subject: Any, state: Any, /) -> str:
        """Why it is all right that nothing may ever happen again here but what others do; empty: timers alone must lead on."""
        ...


Make = Callable[[Mapping[str, Table[Any, Any]]], tuple[Subject, Surroundings]]


@attrs.frozen
class Model:
    """One model. `rules`: what must hold, and how that is seen.

    `make` is given the tables by name: the real ones, or broken ones that it must see through. `stalled` is the rule that is broken where
    timers alone lead nowhere. `unreached` names cells of its machines, by machine, state and event, that no order of events within the
    model can reach, each with the reason.
    """

    name: str
    text: str
    machines: tuple[str, ...]
    rules: Mapping[str, str]
    make: Make
    stalled: str
    unreached: Mapping[tuple[str, str, str], str] = attrs.field(factory=dict)
