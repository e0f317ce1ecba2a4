"""The platform around an on-demand sandbox.

It answers what is asked, once; it begins an invocation only when the next event is asked for; it sends the records of an invocation from
then on, in any order, at any time, twice or never. A signal, a freeze or a jump of the clock comes whenever it likes. One kind of odd
thing happens in a run: so a run with all of them at once is not walked.
"""

from collections.abc import Iterable

import attrs

from fsm.check.ending import ASKED, BLANK, NONE
from fsm.check.model import Seen, Stimulus
from fsm.check.sandbox import Alive
from fsm.on_demand import IN_SHUTDOWN, State
from fsm.shared_actions import NEXT_FAILURES_MAX

IDS = "abc"
STRANGER = "x"  # a request id that the platform never gave us
BEGUN = 2  # of the next event, beside NONE and ASKED: the platform has begun an invocation, its answer is on the way
REGISTER, SUBSCRIBE = "register", "subscribe"
DONE, REPORTED = 1, 2  # bits of what was heard
FORGOTTEN = DONE | REPORTED  # as if all records had been sent: they may come again


@attrs.frozen
class Duty:
    """What is owed for the invocation in hand. `phase` counts what was done of it."""

    decision: str
    phase: int = 0
    is_late: bool = False  # its deadline came near


@attrs.frozen
class World:
    """`ids`: of all tries begun so far; `heard`: for each, which records were sent. `opened`: how many the extension knows of."""

    asked_for: str = ""  # what of the start-up is not answered yet
    next: int = NONE
    ids: str = ""
    heard: tuple[int, ...] = ()
    opened: int = 0
    duty: Duty | None = None
    is_blind: bool = False
    failures: int = 0
    oddity: str = ""  # the kind of odd thing that happens in this run
    ending: int = 0
    is_fatal: bool = False
    is_ambiguous: bool = False  # in the end: a request was tried again, and its tries' records look alike
    ended: bool = False

    @property
    def may_exit_early(self) -> bool:
        return not self.ids and not self.next


@attrs.frozen
class Choices:
    """What the platform may choose from: how far deadlines lie ahead, how long the sandbox may be frozen before an invocation, ..."""

    deadlines_ms: tuple[int, ...]
    gaps_ms: tuple[int, ...] = (0,)
    lefts_ms: tuple[int, ...] = (2_000,)  # until a shutdown's deadline
    jumps_ms: tuple[int, ...] = (3_600_000,)  # of the wall clock
    invocations_max: int = 3
    odd_max: int = 1  # in a run in which something odd happens
    are_tried_again: bool = False  # requests, under the same id
    failures_max: int = NEXT_FAILURES_MAX + 1


class Platform:
    """What is offered in each state of the world."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices

    def start(self) -> World:
        return World()

    def offers(self, world: World) -> Iterable[Stimulus]:
        if world == World():
            yield ("begin",)
        elif not world.ended:
            yield from self._answers(world)
            yield from self._records(world)
            yield ("sigterm",)
            if not world.oddity and not world.ending and self._may_be("jump", world):
                yield from (("jump", by_ms) for by_ms in self.choices.jumps_ms)

    def is_blank(self, seen: Seen) -> bool:
        return BLANK.issuperset(seen)

    def resting(self, subject: Alive, world: World) -> str:
        state = subject.life.state
        if state is State.EXIT:
            return "it has exited"
        if state in IN_SHUTDOWN:
            return ""
        if world.next:
            return "the next event is asked for"
        return "the process has not begun" if state is State.INIT_START else ""

    def _may_be(self, oddity: str, world: World) -> bool:
        return world.oddity in ("", oddity) and len(world.ids) <= self.choices.odd_max

    def _answers(self, world: World) -> Iterable[Stimulus]:
        if world.asked_for == REGISTER:
            yield ("registered",)
            yield ("register refused",)
        elif world.asked_for == SUBSCRIBE:
            yield ("subscribed",)
            yield ("subscription refused",)
        if world.next == ASKED:
            yield from (("shutdown", left_ms) for left_ms in self.choices.lefts_ms)
            yield ("next failed", True)
            if world.failures < self.choices.failures_max and self._may_fail(world):
                yield ("next failed", False)
            yield from (("platform begins", request_id) for request_id in self._next_ids(world))
        elif world.next == BEGUN:
            for deadline_ms in self.choices.deadlines_ms:
                yield from (("invoke", world.ids[-1], deadline_ms, gap_ms) for gap_ms in self.choices.gaps_ms)

    def _may_fail(self, world: World) -> bool:
        """Failures begin after the start or the first invocation: later ones are no different."""
        return world.oddity == "failures" or (not world.oddity and len(world.ids) <= 1)

    def _next_ids(self, world: World) -> Iterable[str]:
        if world.ending:
            yield STRANGER
        elif len(world.ids) < (self.choices.odd_max if world.oddity else self.choices.invocations_max):
            yield IDS[len(set(world.ids))]
            if self.choices.are_tried_again:
                yield from sorted(set(world.ids))

    def _records(self, world: World) -> Iterable[Stimulus]:
        for request_id in sorted({*world.ids} - {STRANGER}):
            for word, bit in (("done", DONE), ("report", REPORTED)):
                if unheard(world, request_id, bit) is not None or self._may_be("repeated", world):
                    yield (word, request_id)
        if not world.oddity and self._may_be("stranger", world):
            yield ("done", STRANGER)
            yield ("report", STRANGER)


def unheard(world: World, request_id: str, bit: int) -> int | None:
    """The first try of this request of which this record was not sent yet."""
    return next((at for at, known in enumerate(world.ids) if known == request_id and not world.heard[at] & bit), None)
