"""The flush machine between one who asks for flushes and a delivery that confirms numbers, in whatever order it can.

What delivery promises: with every seal it says up to which number all is dealt with, which may be less than before, since what was set
aside is sent again; after that the number only grows; and once the bound of the last flush has passed, everything is dealt with.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm import flush
from fsm.check.model import DUE, Broken, Model, Reaction, Seen, Stimulus, Subject, Surroundings, Taken
from fsm.check.standing import HERE, Standing, Walker
from fsm.engine import Table, Unexpected

AHEAD_MAX = 3  # numbers that are not confirmed; more are no different
BOUND_MS = 1_000

EXPECTED = "no event that the platform may produce is unexpected"
TOLD_IN_VAIN = "only who waits for a flush is told that it is done"
TOLD_EARLY = "a flush is done when all that was sealed is confirmed"
TOLD_AT_ONCE = "who waits is told as soon as all is confirmed"
SEALED = "what is asked for is sealed at once, unless a flush is waited for"
UNDER_WAY = "a flush is under way as long as something is to be confirmed, and no longer"
NO_STALL = "a flush that is waited for ends, at the latest when its bound has passed"

RULES = {
    EXPECTED: "no Unexpected comes out",
    TOLD_IN_VAIN: "FlushDone comes once for those who asked and did not give up",
    TOLD_EARLY: "FlushDone comes when every number sealed for it is confirmed",
    TOLD_AT_ONCE: "and not an event later",
    SEALED: "FlushAsked always seals; BackgroundFlushAsked does, save where a flush that is waited for is under way",
    UNDER_WAY: "IDLE exactly where no number is given that is not confirmed",
    NO_STALL: "from every state the confirmations alone lead to one in which nobody waits",
}


@attrs.frozen
class Pending:
    """The machine, its watermark counted from the last confirmed number; `ahead` numbers are given and not confirmed."""

    machine: Standing
    ahead: int = 0


class Flushing:
    """The subject, with delivery as a stub."""

    def __init__(self, table: Table[Any, Any]) -> None:
        self.taken: set[Taken] = set()
        self._walker = Walker(table, self.taken)
        self._initial = table.initial

    def start(self) -> Pending:
        return Pending(Standing(self._initial, flush.Data()))

    def own(self, state: Pending) -> Iterable[Stimulus]:
        yield from (("confirmed", number) for number in range(1, state.ahead))
        if state.ahead:
            yield (DUE, "all is dealt with")

    def react(self, state: Pending, stimulus: Stimulus) -> Iterable[Reaction]:
        match stimulus:
            case ("ask", final):
                return self._seals(state, ev.FlushAsked(HERE, HERE.mono_ms + BOUND_MS, final))
            case ("ask beside",):
                return self._seals(state, ev.BackgroundFlushAsked(HERE, HERE.mono_ms + BOUND_MS))
            case ("abandon",):
                return (self._plain(state, ev.FlushAbandoned(HERE)),)
            case ("confirmed", number):
                return (self._confirm(state, number),)
        return (self._confirm(state, state.ahead),)

    def _seals(self, state: Pending, event: Any) -> Iterable[Reaction]:
        """One reaction for each thing that a seal may find: how many numbers are not confirmed then, at most one more than there may be."""
        self._walker.pick_up(state.machine)
        first = self._walker.feed(event)
        if not any(isinstance(effect, do.Seal) for effect in first):
            yield self._put_away(state.ahead, first)
            return
        asked = Standing(self._walker.machine.state, self._walker.machine.data)
        for ahead in range(AHEAD_MAX + 1):
            self._walker.pick_up(asked)
            effects = self._walker.feed(ev.Sealed(HERE, ahead, 0))
            yield self._put_away(ahead, (*first, *effects), f"sealed, {ahead} to confirm")

    def _plain(self, state: Pending, event: Any) -> Reaction:
        self._walker.pick_up(state.machine)
        return self._put_away(state.ahead, self._walker.feed(event))

    def _confirm(self, state: Pending, number: int) -> Reaction:
        self._walker.pick_up(state.machine)
        effects = self._walker.feed(ev.Confirmed(HERE, number))
        return self._put_away(state.ahead - number, effects, f"{state.ahead - number} to confirm", number)

    def _put_away(self, ahead: int, effects: tuple[Any, ...], note: str = "", confirmed: int = 0) -> Reaction:
        """In rest the watermark is only overwritten, so it is forgotten."""
        machine = self._walker.machine
        if (machine.state is flush.State.IDLE) != (ahead == 0):
            raise Broken(UNDER_WAY, f"{ahead} are to be confirmed, and the flush is {machine.state}")
        watermark = 0 if machine.state is flush.State.IDLE else max(0, machine.data.watermark - confirmed)
        seen = (*([note] if note else []), *map(_words, effects))
        return Reaction(Pending(Standing(machine.state, flush.Data(watermark)), ahead), seen)


def _words(effect: Any) -> str:
    match effect:
        case Unexpected(machine, state, event):
            return f"Unexpected {event} in {machine} {state}"
        case do.Seal(_, final):
            return "Seal final" if final else "Seal"
    return type(effect).__name__


@attrs.frozen
class Waiting:
    """Whether somebody waits, and for how many numbers still; `ahead` as delivery says."""

    is_waited_for: bool = False
    ahead: int = 0


class Asker:
    """The surroundings: those who ask for flushes, one of whom may wait, and give up."""

    def start(self) -> Waiting:
        return Waiting()

    def offers(self, state: Waiting) -> Iterable[Stimulus]:
        yield from (("ask", False), ("ask", True), ("ask beside",), ("abandon",))

    def observe(self, state: Waiting, stimulus: Stimulus, seen: Seen) -> Waiting:
        for text in seen:
            if text.startswith("Unexpected"):
                raise Broken(EXPECTED, text)
        word = stimulus[0]
        is_waited_for = (state.is_waited_for or word == "ask") and word != "abandon"
        _look_at_seal(stimulus, seen, state.is_waited_for)
        ahead = next((_figure(text) for text in seen if text.endswith("to confirm")), state.ahead)
        times = seen.count("FlushDone")
        if times and (not is_waited_for or times > 1):
            raise Broken(TOLD_IN_VAIN, f"FlushDone {times} times after {word}")
        if times and ahead:
            raise Broken(TOLD_EARLY, f"{ahead} are not confirmed yet")
        if is_waited_for and not times and not ahead:
            raise Broken(TOLD_AT_ONCE, "all is confirmed, and nobody says so")
        return Waiting(is_waited_for and not times, ahead)

    def is_blank(self, seen: Seen) -> bool:
        return False

    def resting(self, subject: Pending, state: Waiting) -> str:
        return "" if state.is_waited_for or subject.machine.state is not flush.State.IDLE else "nothing is asked for"


def _look_at_seal(stimulus: Stimulus, seen: Seen, was_waited_for: bool) -> None:
    seals = [text for text in seen if text.startswith("Seal")]
    match stimulus:
        case ("ask", final):
            wanted = ["Seal final" if final else "Seal"]
        case ("ask beside",):
            wanted = [] if was_waited_for else ["Seal"]
        case _:
            wanted = []
    if seals != wanted:
        raise Broken(SEALED, f"{seals} after {stimulus[0]}")


def _figure(text: str) -> int:
    return int(text.removeprefix("sealed, ").split()[0])


def _make(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
    return Flushing(tables["flush"]), Asker()


FLUSH = Model("flush", "flushes that are waited for, joined, given up and run beside everything else", ("flush",), RULES, _make, NO_STALL)
