"""The life of a managed instance: its four regions joined as the agent joins them, among a platform that answers one call in a life.

Invocations run side by side and hold nobody up, so of them there is only how many are without a report when the end comes.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import attrs

from fsm import events as ev
from fsm import flush, managed
from fsm.change import change
from fsm.check import ending, sandbox
from fsm.check.ending import ASKED, DRAINED, DRAINING, NONE, NOT_YET, Watch, is_due
from fsm.check.model import WAIT, Broken, Model, Reaction, Seen, Stimulus, Subject, Surroundings
from fsm.check.sandbox import FLUSH_JOINS, TELL, Alive, Sandbox, Step
from fsm.check.standing import HERE
from fsm.engine import Table
from fsm.managed import IN_SHUTDOWN, Asking, Flusher, Life
from fsm.shared_actions import NEXT_FAILURES_MAX, RESTARTS_MAX

OPEN_MAX = 1  # invocations without their report; more are no different
ASLEEP_MS = 5_000
FORGIVEN_MAX = 2  # that failures are forgiven: after the first time one more shows that they were
LEFTS_MS = (-1_000, 300, 2_000)  # until a shutdown's deadline
JUMPS_MS = (3_600_000, -3_600_000)  # of the wall clock

BY_INTERVAL = "as long as the sandbox lives, the next flush by interval has a timer"
ALL_STOP = "once the sandbox ends, no flush begins but the last"
AT_ONCE = "what an event calls for is asked for in that very step"
REGIONS_STOP = "once the sandbox ends, nothing asks and nothing flushes by interval any more"
ONE_BOUND = "at every step of the end there is a bound, and the last flush has the same as the exit"
HANGS = "no end is endless: timers alone lead to the call for the next event, and after its answer to the exit"

REGISTER, SUBSCRIBE = "register", "subscribe"

RULES = {
    ending.EXPECTED: "no Unexpected comes out of any region",
    ending.NEXT_ONCE: "no AskNext while the answer to one is outstanding",
    ending.NEXT_NOT_AT_END: "no AskNext after SHUTDOWN, SIGTERM or a fatal answer",
    BY_INTERVAL: "in ACTIVE, FlushDue is armed",
    ALL_STOP: "after the end began, the only Seal is the final one",
    AT_ONCE: "registered: Subscribe; ready: AskNext, the flusher, WarmUp; nearly full: StartFlush; and so on",
    REGIONS_STOP: "through the whole end, asking is DONE and the flusher STOPPED",
    ONE_BOUND: "ExitBound is armed throughout, in the end for no longer than spooling may take; DrainBound in the drain",
    ending.ENDING: "RefuseInput, EndOpenInvocations, a final Seal, Spool, Exit",
    ending.DRAINED: "the final Seal at DrainBound, or at the first Settled after the last report",
    ending.EXIT_CODE: "Exit(0), or Exit(1, Extension.PlatformLost)",
    ending.EXIT_IN_TIME: "Exit before the deadline that SHUTDOWN gave, if timers come due in time",
    sandbox.TIMER_KEPT: "what a machine has armed is in the hands of the performer, and lies ahead",
    sandbox.FLUSH_TOLD: "a life that waits for Flushed has a flush in WAITED",
    sandbox.FLUSH_DONE: "FlushDone only when no sealed payload is outstanding",
    sandbox.RUN_ENDS: "each event is dealt with in a bounded number of steps",
    HANGS: "from every state but those in which the platform has the word",
}


ANSWERED = "the platform answers only a call for the next event, which the life begins when it is ACTIVE"
TOO_EARLY = "the process has not begun"
UNREACHED = {
    **{("life", str(state), "Stop"): ANSWERED for state in managed.INIT},
    **{("life", str(Life.INIT_START), event): TOO_EARLY for event in ("Sigterm", "Thawed")},
    ("life", str(Life.SHUTDOWN_DRAIN), "ExitBound"): "DrainBound comes first; it is a net for a timer that fails",
}


# --- the subject --------------------------------------------------------------------------------------------------------------


def _start_of_one(step: Step) -> bool | None:
    if not step.registered or step.refusing or step.open >= OPEN_MAX:
        return False
    step.open += 1
    return None


def _report(step: Step) -> bool | None:
    """The invocation's own machine hears it first."""
    step.open = 0
    return step.record(ev.Report(HERE, "a", "success"))


def _asleep(step: Step) -> bool | None:
    """Where it may be frozen, the agent notices a gap."""
    if step.machine().state is not Life.ACTIVE:
        return False
    step.life(ev.Thawed(HERE, ASLEEP_MS))
    return None


def _jump(step: Step, by_ms: int) -> None:
    step.life(ev.Thawed(HERE, by_ms, by_ms))


class ManagedLife(Sandbox):
    """The subject."""

    names = ("lifecycle", "asking", "flusher", "flush")
    joins = (*FLUSH_JOINS, *managed.JOINS)
    waiting_for_flush = frozenset({Life.SHUTDOWN_FLUSH})
    whenever = (("full",), ("restored",), ("crashed", 1), ("crashed", 9), ("asleep",), ("begins",), ("report",), ("done",))
    tell: ClassVar[Mapping[str, Callable[..., Any]]] = {
        **TELL,
        "begins": _start_of_one,
        "report": _report,
        "done": lambda step: step.record(ev.RuntimeDone(HERE, "a", "success")),
        "asleep": _asleep,
        "jump": _jump,
        "shutdown": lambda step, left_ms: step.feed("asking", step.shutdown_event(left_ms)),
        "invoke": lambda step: step.feed("asking", ev.Invoke(HERE, "a", HERE.epoch_ms + 3_000)),
        "next failed": lambda step, fatal: step.feed("asking", ev.NextFailed(HERE, "status 500", fatal)),
    }

    def __init__(self, tables: Mapping[str, Table[Any, Any]]) -> None:
        super().__init__(
            tuple(tables[name] for name in ("life", "asking", "flusher", "flush")),
            (managed.LifeData(), managed.AskingData(), managed.FlusherData(), flush.Data()),
        )

    def own(self, state: Alive) -> Iterable[Stimulus]:
        """The end may begin just before the next timer: so one waits for a single one too."""
        yield from super().own(state)
        armed = state.armed()
        if len(armed) == 1 and armed[0][1] > 1:
            yield (WAIT,)

    def react(self, state: Alive, stimulus: Stimulus) -> Iterable[Reaction]:
        reactions = tuple(super().react(state, stimulus))
        for reaction in reactions:
            assert isinstance(reaction.state, Alive)
            _look_at_timers(reaction.state)
        return reactions

    def time_of(self, state: Alive, stimulus: Stimulus) -> tuple[int, int]:
        return (0, stimulus[1]) if stimulus[0] == "jump" else super().time_of(state, stimulus)

    def forget(self, region: str, state: Any, data: Any, mono_ms: int, epoch_ms: int) -> Any:
        if region != "lifecycle" or not mono_ms or not data.exit_at_mono_ms:
            return data
        return change(data, exit_at_mono_ms=data.exit_at_mono_ms - mono_ms if state is Life.SHUTDOWN_DRAIN else 0)


def _look_at_timers(after: Alive) -> None:
    """Raises Broken."""
    armed = dict(after.armed())
    state, data = after.life.state, after.life.data
    if state is Life.ACTIVE and ev.FlushDue not in armed:
        raise Broken(BY_INTERVAL, "nothing will lead to the next flush")
    if state in IN_SHUTDOWN and ev.ExitBound not in armed:
        raise Broken(ONE_BOUND, f"{state} without ExitBound")
    asking, flusher = after.regions[1].state, after.regions[2].state
    if state in IN_SHUTDOWN and not (asking is Asking.DONE and flusher is Flusher.STOPPED):
        raise Broken(REGIONS_STOP, f"{state} while asking is {asking} and the flusher {flusher}")
    if state is Life.SHUTDOWN_SPOOL and armed[ev.ExitBound] > data.bounds.spool_ms:
        raise Broken(ONE_BOUND, f"spooling may take {armed[ev.ExitBound]} ms")
    if state is Life.SHUTDOWN_DRAIN:
        if ev.DrainBound not in armed:
            raise Broken(ONE_BOUND, f"{state} without DrainBound")
        if data.exit_at_mono_ms - HERE.mono_ms != armed[ev.ExitBound]:
            raise Broken(ONE_BOUND, "the last flush may take longer, or less long, than there is time")


# --- the surroundings ---------------------------------------------------------------------------------------------------------


@attrs.frozen
class World:
    """What the platform knows, and how far the end is."""

    asked_for: str = ""  # what of the start-up is not answered yet
    next: int = NONE
    failures: int = 0
    forgiven: int = 0  # how often failures were
    open: int = 0
    ending: int = NOT_YET
    is_fatal: bool = False
    ended: bool = False
    has_begun: bool = False
    is_ready: bool = False
    may_exit_early: bool = True


class Platform:
    """It answers what is asked, once. A signal, a freeze or a jump of the clock comes whenever it likes."""

    def start(self) -> World:
        return World()

    def offers(self, world: World) -> Iterable[Stimulus]:
        if not world.has_begun:
            yield ("begin",)
        elif not world.ended:
            yield from _answers(world)
            yield ("sigterm",)
            if not world.ending:
                yield from (("jump", by_ms) for by_ms in JUMPS_MS)

    def observe(self, world: World, stimulus: Stimulus, seen: Seen) -> World:
        watched: World = _Watch(world).watch(stimulus, seen)
        return watched

    def is_blank(self, seen: Seen) -> bool:
        return False

    def resting(self, subject: Alive, world: World) -> str:
        state = subject.life.state
        if state is Life.EXIT:
            return "it has exited" if world.ended else ""
        if state in IN_SHUTDOWN:
            return ""
        if world.next:
            return "the next event is asked for"
        return "the process has not begun" if state is Life.INIT_START else ""


def _answers(world: World) -> Iterable[Stimulus]:
    if world.asked_for == REGISTER:
        yield from (("registered",), ("register refused",))
    elif world.asked_for == SUBSCRIBE:
        yield from (("subscribed",), ("subscription refused",))
    if world.next == ASKED:
        yield from (("shutdown", left_ms) for left_ms in LEFTS_MS)
        yield from (("next failed", True), ("invoke",))
        if not world.forgiven or (world.forgiven < FORGIVEN_MAX and not world.failures):
            yield ("next failed", False)


class _Watch(Watch):
    world: World

    def take(self, stimulus: Stimulus) -> None:
        match stimulus:
            case ("begin",):
                self.set(has_begun=True, asked_for=REGISTER)
            case ("registered",):
                self.set(asked_for="", may_exit_early=False)
            case ("register refused",) | ("subscribed",) | ("subscription refused",):
                self.set(asked_for="")
            case ("shutdown", _):
                self.set(next=NONE)
                self._end(is_fatal=False)
            case ("invoke",):
                self.set(next=NONE)
                self._end(is_fatal=True)
            case ("next failed", fatal):
                self.set(next=NONE, failures=self.world.failures + 1)
                if fatal or self.world.failures > NEXT_FAILURES_MAX:
                    self._end(is_fatal=True)
            case ("due", tick) if tick is ev.NextLasts:
                self.set(failures=0, forgiven=min(self.world.forgiven + 1, FORGIVEN_MAX))
            case ("sigterm",):
                self._end(is_fatal=False)
            case ("begins",):
                self.set(open=1)
            case ("report",):
                self.set(open=0)

    def _end(self, is_fatal: bool) -> None:
        if not self.world.ending:
            self.set(ending=DRAINING, is_fatal=is_fatal)

    def see(self, word: str, stimulus: Stimulus) -> None:
        match word:
            case "Subscribe":
                self.set(asked_for=SUBSCRIBE)
            case "BeginAsking":
                self.set(is_ready=True)
            case "Exit" | "Exit 0" | "Exit 1" if self.world.ended:
                raise Broken(ending.ENDING, "exits twice")
            case "Seal" if self.world.ending:
                raise Broken(ALL_STOP, f"a flush begins after {stimulus[0]}")
            case _:
                super().see(word, stimulus)

    def is_all_heard(self) -> bool:
        return not self.world.open

    def watch(self, stimulus: Stimulus, seen: Seen) -> World:
        before = self.world
        after: World = super().watch(stimulus, seen)
        wanted = _wanted(before, stimulus)
        if after.ending and not before.ending:
            wanted = (*wanted, "StopRegions", "Settle")
        for word in wanted:
            if not any(text.startswith(word) for text in seen):
                raise Broken(AT_ONCE, f"no {word} after {stimulus[0]}")
        return after

    def look_back(self, stimulus: Stimulus, seen: Seen) -> None:
        if stimulus[0] == "settled" and self.world.ending == DRAINING and not seen and self.is_all_heard():
            raise Broken(DRAINED, "everything was heard and read, and still it waits")


def _wanted(world: World, stimulus: Stimulus) -> tuple[str, ...]:
    """What must be seen in a step."""
    is_late = is_due(stimulus, "RegisterBound"), is_due(stimulus, "SubscribeBound")
    match stimulus:
        case ("spooled",):
            return ("Exit",)
        case ("report",) if world.ending == DRAINING:
            return ("Settle",)
        case _ if world.ending:
            return ()
        case ("begin",):
            return ("Bind", "Register")
        case ("registered",):
            return ("Subscribe",)
        case _ if stimulus == ("register refused",) or is_late[0]:
            return ("Exit 1",)
        case _ if not world.is_ready and (stimulus[0] in ("subscribed", "subscription refused") or is_late[1]):
            return ("BeginAsking", "BeginFlushing", "WarmUp", "AskNext")
        case _ if (stimulus == ("full",) and world.is_ready) or is_due(stimulus, "FlushDue"):
            return ("StartFlush",)
        case ("crashed", times):
            return ("Restart",) if times <= RESTARTS_MAX else ("Disable",)
        case ("jump", _) | ("asleep",):
            return ("DropIdleConnections",)
    return ()


def _make(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
    return ManagedLife(tables), Platform()


MANAGED_LIFE = Model(
    "managed_life",
    "a managed instance, from registration to exit",
    ("life", "asking", "flusher", "flush"),
    RULES,
    _make,
    HANGS,
    UNREACHED,
)
