"""The platform around an on-demand sandbox, and the one who watches it.

The platform answers what is asked, once; it begins an invocation only when the next event is asked for; it sends the records of an
invocation from then on, in any order, at any time, twice or never. Everything else (a signal, a freeze, a jump of the clock, a full
buffer, a crashed listener) comes whenever it likes.
"""

from collections.abc import Iterable

import attrs

from fsm.check.life import Alive
from fsm.check.model import Broken, Seen, Stimulus
from fsm.check.standing import HERE
from fsm.on_demand import IN_SHUTDOWN, State
from fsm.shared_actions import NEXT_FAILURES_MAX

IDS = "abc"
STRANGER = "x"  # a request id that the platform never gave us

NEXT_ONCE = "at most one call for the next event is pending"
NEXT_OWED = "the next event is asked for once per answer"
NEXT_NOT_BEFORE = "the next event is not asked for before what the strategy promises was done, or its bound has passed"
NEXT_IN_TIME = "the next event is asked for before the deadline"
NEXT_AT_ONCE = "who promises no flush holds nobody up"
NOT_IN_VAIN = "nobody waits for an end that was heard already"
EXPECTED = "no event that the platform may produce is unexpected"
OPENED_ONCE = "each invocation is opened once, when it begins"
RACE_WATCHED = "what runs long is flushed in the middle"
ENDING = "at the end: input refused, open invocations ended, a last flush, the rest spooled, each once and in this order"
DRAINED = "the last flush waits for late records, and for nothing else"
EXIT_CODE = "exit 0, but 1 after a fatal error"
EXIT_IN_TIME = "the process exits before the sandbox's deadline"

RULES = (
    NEXT_ONCE,
    NEXT_OWED,
    NEXT_NOT_BEFORE,
    NEXT_IN_TIME,
    NEXT_AT_ONCE,
    NOT_IN_VAIN,
    EXPECTED,
    OPENED_ONCE,
    ENDING,
    DRAINED,
    EXIT_CODE,
    EXIT_IN_TIME,
)

FORGOTTEN = 3  # as if all records had been sent: they may come again
BLANK = frozenset({"Restart", "Disable", "DropIdleConnections", "Reseed", "StartFlush"})
NONE, ASKED, BEGUN = 0, 1, 2  # of the next event: not asked for; asked for; the platform has begun an invocation, its answer is on the way
REGISTER, SUBSCRIBE = "register", "subscribe"


@attrs.frozen
class Duty:
    """What is owed for the invocation in hand. `phase` counts what was done of it."""

    decision: str
    phase: int = 0
    is_late: bool = False  # its deadline came near


# Phases of a duty to flush at the end.
RUNNING, SETTLING, READY, FLUSHING, OVER = range(5)


@attrs.frozen
class World:
    """`ids`: of all tries begun so far; `heard`: for each, whether its runtimeDone and its report were sent (bits 1, 2)."""

    asked_for: str = ""  # what of the start-up is not answered yet
    next: int = NONE
    ids: str = ""
    heard: tuple[int, ...] = ()
    opened: int = 0  # how many of them the extension knows of
    duty: Duty | None = None
    is_blind: bool = False
    failures: int = 0
    ending: int = 0  # 0 not yet, then one more for each of: drain, input refused, invocations ended, last flush, spooled
    is_fatal: bool = False
    is_ambiguous: bool = False  # in the end: a request was tried again
    ended: bool = False
    oddity: str = ""  # the one kind of odd thing that happens in this run


ODDITIES = ("stranger", "repeated", "jump", "failures")


@attrs.frozen
class Choices:
    """What the platform may choose from, by strategy: how far deadlines lie ahead, how long the sandbox may be frozen in between."""

    deadlines_ms: tuple[int, ...] = (-1_000, 150, 3_000)
    gaps_ms: tuple[int, ...] = (0,)
    lefts_ms: tuple[int, ...] = (-1_000, 300, 2_000)
    jumps_ms: tuple[int, ...] = (3_600_000,)
    invocations_max: int = 3
    failures_max: int = NEXT_FAILURES_MAX + 1


def _unheard(world: World, request_id: str, bit: int) -> int | None:
    """The first try of this request of which this record was not sent yet."""
    return next((at for at, known in enumerate(world.ids) if known == request_id and not world.heard[at] & bit), None)


class Platform:
    """The surroundings."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def start(self) -> World:
        return World()

    # --- offering -------------------------------------------------------------------------------------------------------------

    def offers(self, world: World) -> Iterable[Stimulus]:
        if world.ended:
            return
        if world == World():
            yield ("begin",)
            return
        yield from self._answers(world)
        yield from self._records(world)
        yield from self._whenever(world)

    def _answers(self, world: World) -> Iterable[Stimulus]:
        if world.asked_for == REGISTER:
            yield ("registered",)
            yield ("register refused",)
        elif world.asked_for == SUBSCRIBE:
            yield ("subscribed",)
            yield ("subscription refused",)
        if world.next == ASKED:
            yield from (("shutdown", left_ms) for left_ms in self._choices.lefts_ms)
            if world.failures < self._choices.failures_max and self._may_fail(world):
                yield ("next failed", False)
            yield ("next failed", True)
            if world.ending:
                yield ("platform begins", STRANGER)
            elif len(world.ids) < self._choices.invocations_max:
                fresh = IDS[len(set(world.ids))]
                yield from (("platform begins", request_id) for request_id in sorted({*world.ids, fresh}))
        elif world.next == BEGUN:
            for deadline_ms in self._choices.deadlines_ms:
                yield from (("invoke", world.ids[-1], deadline_ms, gap_ms) for gap_ms in self._choices.gaps_ms)

    @staticmethod
    def _may_fail(world: World) -> bool:
        """Failures come after the start or the first invocation: later ones are no different."""
        return world.oddity == "failures" or (not world.oddity and len(world.ids) <= 1)

    def _records(self, world: World) -> Iterable[Stimulus]:
        for request_id in sorted({*world.ids} - {STRANGER}):
            for word, bit in (("done", 1), ("report", 2)):
                if _unheard(world, request_id, bit) is not None or world.oddity in ("", "repeated"):
                    yield (word, request_id)
        if not world.oddity:
            yield ("done", STRANGER)
            if world.ending:
                yield ("report", STRANGER)

    def _whenever(self, world: World) -> Iterable[Stimulus]:
        yield ("sigterm",)
        if not world.oddity and not world.ending:
            yield from (("jump", by_ms) for by_ms in self._choices.jumps_ms)

    # --- watching -------------------------------------------------------------------------------------------------------------

    def observe(self, world: World, stimulus: Stimulus, seen: Seen) -> World:
        return _Watch(world, self._choices.invocations_max).watch(stimulus, seen)

    def is_blank(self, seen: Seen) -> bool:
        return BLANK.issuperset(seen)

    def resting(self, subject: Alive, world: World) -> str:
        if subject.life.state is State.EXIT:
            return "it has exited"
        if subject.life.state in IN_SHUTDOWN:
            return ""
        if world.next:
            return "the next event is asked for"
        return "the process has not begun" if subject.life.state is State.INIT_START else ""


class _Watch:
    """One step, as it is seen from outside."""

    def __init__(self, world: World, invocations_max: int) -> None:
        self.world, self.invocations_max = world, invocations_max

    def set(self, **changes: object) -> None:
        self.world = attrs.evolve(self.world, **changes)

    def watch(self, stimulus: Stimulus, seen: Seen) -> World:
        self._take(stimulus)
        for word in seen:
            self._see(word, stimulus, seen)
        self._look_back(stimulus, seen)
        return self.world

    # --- what comes in --------------------------------------------------------------------------------------------------------

    def _take(self, stimulus: Stimulus) -> None:
        world = self.world
        match stimulus:
            case ("begin",):
                self.set(asked_for=REGISTER)
            case ("registered",) | ("register refused",) | ("subscribed",) | ("subscription refused",):
                self._answered(stimulus[0])
            case ("platform begins", request_id):
                self._begin(request_id)
            case ("invoke", *_):
                self.set(next=NONE, failures=0)
            case ("shutdown", _):
                self.set(next=NONE)
                self._end(is_fatal=False)
            case ("sigterm",):
                self._end(is_fatal=False)
            case ("next failed", fatal):
                self.set(next=NONE, failures=world.failures + 1, oddity=world.oddity if fatal or world.ending else "failures")
                if fatal or self.world.failures > NEXT_FAILURES_MAX:
                    self._end(is_fatal=True)
            case ("done", request_id):
                self._hear(request_id, 1)
            case ("report", request_id):
                self._hear(request_id, 2)
            case ("jump", _):
                self.set(oddity="jump")
            case ("due", tick):
                self._tick(tick.__name__)
            case ("settled",):
                self._settle_over()

    def _answered(self, word: str) -> None:
        self.set(asked_for="")
        if word in ("subscribed", "subscription refused") and not self.world.ending:
            self.set(is_blind=word == "subscription refused")

    def _begin(self, request_id: str) -> None:
        """Once no request can be tried again, what was heard of those that are over makes no difference."""
        world = self.world
        ids = world.ids + request_id
        heard = (*world.heard, 0)
        if len(ids) == self.invocations_max:
            heard = tuple(bits if known == request_id else FORGOTTEN for known, bits in zip(ids, heard, strict=True))
        self.set(next=BEGUN, ids=ids, heard=heard)

    def _end(self, is_fatal: bool) -> None:
        """From here on only the last invocation matters, and an answer that is on its way."""
        world = self.world
        if world.ending:
            return
        known = max(world.opened - 1, 0)
        kept = world.ids[known:]
        self.set(
            ending=1,
            duty=None,
            is_fatal=is_fatal,
            is_ambiguous=len(set(world.ids)) < len(world.ids),
            ids=kept,
            heard=world.heard[known:],
            opened=min(world.opened, 1),
            failures=0,
            oddity="",
        )

    def _hear(self, request_id: str, bit: int) -> None:
        world = self.world
        if request_id == STRANGER:
            self.set(oddity="" if world.ending else "stranger")
        elif (at := _unheard(world, request_id, bit)) is None:
            self.set(oddity="" if world.ending else "repeated")
        else:
            self.set(heard=(*world.heard[:at], world.heard[at] | bit, *world.heard[at + 1 :]))

    def _tick(self, name: str) -> None:
        duty = self.world.duty
        if name == "SubscribeBound":
            self.set(is_blind=True)
        if duty is None:
            return
        if name == "DeadlineNear":
            self.set(duty=attrs.evolve(duty, is_late=True))
        elif name == "SettleBound":
            self._settle_over()
        elif name == "FlushBound" and duty.phase == FLUSHING:
            self.set(duty=attrs.evolve(duty, phase=OVER))

    def _settle_over(self) -> None:
        duty = self.world.duty
        if duty is not None and duty.phase == SETTLING:
            self.set(duty=attrs.evolve(duty, phase=READY))

    # --- what goes out --------------------------------------------------------------------------------------------------------

    def _see(self, word: str, stimulus: Stimulus, seen: Seen) -> None:
        match word.split():
            case ["Unexpected", *_]:
                raise Broken(EXPECTED, word)
            case ["Subscribe"]:
                self.set(asked_for=SUBSCRIBE)
            case ["decided", decision]:
                if not self.world.ending:
                    self.set(duty=Duty(decision))
            case ["OpenInvocation", request_id]:
                if stimulus[:2] != ("invoke", request_id) or self.world.ending:
                    raise Broken(OPENED_ONCE, f"{request_id} is opened after {stimulus[0]}")
                self.set(opened=self.world.opened + 1)
            case ["AskNext"]:
                self._asked()
            case ["GaveUpWaiting", request_id]:
                self._gave_up(request_id)
            case ["Settle"]:
                self._duty_goes(RUNNING, SETTLING)
            case ["Flush"]:
                self._flush_asked()
            case ["FlushDone"]:
                self._duty_goes(FLUSHING, OVER)
            case ["late"]:
                rule = EXIT_IN_TIME if self.world.ending else NEXT_IN_TIME
                raise Broken(rule, "timers that came due in time led there too late")
            case ["RefuseInput"]:
                self._ending_goes(1, 2, word)
            case ["EndOpenInvocations"]:
                self._ending_goes(2, 3, word)
            case ["Seal", "final"]:
                self._ending_goes(3, 4, word)
                self._look_at_drain(stimulus)
            case ["Spool"]:
                self._spool(stimulus)
            case ["Exit", code, *error_type]:
                self._exit(int(code), error_type)

    def _asked(self) -> None:
        world = self.world
        if world.next:
            raise Broken(NEXT_ONCE, "asked while a call is pending")
        if world.ending:
            raise Broken(NEXT_OWED, "asked although the sandbox ends")
        if (duty := world.duty) is not None:
            self._look_at_duty(duty)
        self.set(next=ASKED, duty=None)

    def _look_at_duty(self, duty: Duty) -> None:
        if duty.decision == "End":
            if not self._is_heard() and not duty.is_late:
                raise Broken(NEXT_NOT_BEFORE, "asked before the end of the invocation was heard")
            is_enough = duty.phase == OVER or (duty.is_late and duty.phase in (SETTLING, READY))
        elif duty.decision == "Periodic":
            is_enough = duty.phase == OVER
        else:
            is_enough = True
        if not is_enough:
            raise Broken(NEXT_NOT_BEFORE, f"asked in phase {duty.phase} of a flush {duty.decision}")

    def _is_heard(self) -> bool:
        """Whether a record of the invocation in hand can have told of its end. Repeated records of a repeated id tell nothing."""
        world = self.world
        return bool(world.heard[-1]) or (world.oddity == "repeated" and world.ids.count(world.ids[-1]) > 1)

    def _gave_up(self, request_id: str) -> None:
        world = self.world
        if request_id != world.ids[-1]:
            raise Broken(NOT_IN_VAIN, f"gave up on {request_id}, which is not in hand")
        if world.heard[-1] and not world.is_blind:
            raise Broken(NOT_IN_VAIN, f"gave up on {request_id}, whose end was heard")

    def _duty_goes(self, source: int, target: int) -> None:
        duty = self.world.duty
        if duty is not None and duty.phase == source:
            self.set(duty=attrs.evolve(duty, phase=target))

    def _flush_asked(self) -> None:
        duty = self.world.duty
        if duty is None:
            return
        if duty.decision == "End" and not (duty.phase == READY or (duty.is_late and duty.phase == RUNNING)):
            raise Broken(NEXT_NOT_BEFORE, "flushes before all that had arrived was read")
        self.set(duty=attrs.evolve(duty, phase=FLUSHING))

    def _ending_goes(self, source: int, target: int, word: str) -> None:
        if self.world.ending != source:
            raise Broken(ENDING, f"{word} comes as step {target}, after {self.world.ending}")
        self.set(ending=target)

    def _look_at_drain(self, stimulus: Stimulus) -> None:
        if stimulus[0] == "due":
            is_over = stimulus[1].__name__ == "DrainBound"
        else:
            is_over = stimulus[0] == "settled" and self._all_heard()
        if not is_over:
            raise Broken(DRAINED, f"the last flush begins after {stimulus[0]}")

    def _all_heard(self) -> bool:
        world = self.world
        return not world.opened or world.is_blind or bool(world.heard[world.opened - 1] & 2) or world.is_ambiguous

    def _spool(self, stimulus: Stimulus) -> None:
        was_cut = stimulus[0] == "due" and stimulus[1].__name__ == "ExitBound" and self.world.ending == 3
        if self.world.ending != 4 and not was_cut:
            raise Broken(ENDING, f"spools after step {self.world.ending}")
        self.set(ending=5)

    def _exit(self, code: int, error_type: list[str]) -> None:
        world = self.world
        if not world.ids and not world.ending and code == 1:  # the registration failed
            self.set(ended=True)
            return
        if world.ending != 5:
            raise Broken(ENDING, f"exits after step {world.ending}")
        wanted = (1, ["Extension.PlatformLost"]) if world.is_fatal else (0, [])
        if (code, error_type) != wanted:
            raise Broken(EXIT_CODE, f"exit {code} {error_type}")
        self.set(ended=True)

    # --- after the step -------------------------------------------------------------------------------------------------------

    def _look_back(self, stimulus: Stimulus, seen: Seen) -> None:
        world = self.world
        if stimulus[0] == "invoke" and not world.ending:
            if f"OpenInvocation {stimulus[1]}" not in seen:
                raise Broken(OPENED_ONCE, f"{stimulus[1]} was not opened")
            if world.duty is not None and world.duty.decision in ("Continuous", "Dont"):
                raise Broken(NEXT_AT_ONCE, f"the decision is {world.duty.decision}, the next event is not asked for")
        if stimulus[0] == "settled" and world.ending == 1 and not seen and self._all_heard() and not world.is_ambiguous:
            raise Broken(DRAINED, "everything was heard and read, and still it waits")
