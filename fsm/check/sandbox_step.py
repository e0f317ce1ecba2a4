"""One stimulus and everything that it sets off in a sandbox: machines are told, effects are performed, stubs decide.

The stubs promise what their originals promise and no more: a settling ends some time or never, a seal finds something or nothing, what
was sealed is confirmed some time or never. Effects are performed as the agent performs them: in order, and at once where it does so.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm import flush
from fsm.check.model import DUE, WAIT, Broken, Reaction, Stimulus
from fsm.check.standing import HERE, Standing, Timers
from fsm.engine import Arm, Disarm, Tick, Unexpected

if TYPE_CHECKING:
    from fsm.check.sandbox import Sandbox

AHEAD_MAX = 1  # payloads that are not confirmed yet: the model of the flush alone has more
CASCADE_MAX = 50  # events that one stimulus may set off

TIMER_KEPT = "every timer that a machine waits for is kept by somebody"
FLUSH_TOLD = "a flush that is waited for is under way"
FLUSH_DONE = "a flush is done when all that was sealed is confirmed, and not before"
RUN_ENDS = "what one event sets off comes to an end"

RULES = (TIMER_KEPT, FLUSH_TOLD, FLUSH_DONE, RUN_ENDS)


@attrs.frozen
class Alive:
    """One moment of a sandbox. `regions` in the order of the subject's names, the lifecycle first, the flush last.

    `ahead`: numbers given and not confirmed; the flush's watermark counts from the last confirmed one. `open`: invocations without
    their report. `limit_ms`: from HERE, when the platform loses patience.
    """

    regions: tuple[Standing, ...]
    ahead: int = 0
    settling: bool = False
    spooling: bool = False
    registered: bool = False
    refusing: bool = False
    open: int = 0
    limit_ms: int | None = None

    @property
    def life(self) -> Standing:
        return self.regions[0]

    def armed(self) -> list[tuple[type[Tick], int]]:
        return [timer for standing in self.regions for timer in standing.armed]


class Undecided(Exception):
    """A stub has a choice, among so many options, that nobody has made yet."""

    def __init__(self, options: int) -> None:
        super().__init__(options)
        self.options = options


class Step:
    """One stimulus, run to its end. `choices` are what the stubs decide, in order; raises Undecided when there are too few, Broken."""

    def __init__(self, sandbox: "Sandbox", state: Alive, stimulus: Stimulus, choices: tuple[int, ...]) -> None:
        self.sandbox, self.stimulus = sandbox, stimulus
        self.passed_ms, self.jump_ms = sandbox.time_of(state, stimulus)
        state = sandbox.moved(state, self.passed_ms, self.jump_ms) if self.passed_ms or self.jump_ms else state
        self.state = state
        self.seen: list[str] = []
        self.ahead, self.settling, self.spooling = state.ahead, state.settling, state.spooling
        self.registered, self.refusing, self.open, self.limit_ms = state.registered, state.refusing, state.open, state.limit_ms
        self._choices = list(choices)
        self._budget = CASCADE_MAX
        self._timers: dict[str, Timers] = {}
        for name, standing in zip(sandbox.names, state.regions, strict=True):
            sandbox.walkers[name].pick_up(standing)
            self._timers[name] = Timers(standing)

    def run(self) -> Reaction | None:
        """None: this stimulus cannot come now."""
        if self.stimulus[0] == WAIT:
            return Reaction(self.state, (), self.passed_ms)
        if self.sandbox.tell[self.stimulus[0]](self, *self.stimulus[1:]) is False:
            return None
        return Reaction(self._put_away(), tuple(self.seen), self.passed_ms, self.jump_ms)

    def machine(self, name: str = "lifecycle") -> Any:
        return self.sandbox.walkers[name].machine

    def _put_away(self) -> Alive:
        regions = []
        for name in self.sandbox.names:
            machine = self.machine(name)
            armed = self._timers[name].armed(machine)
            if len(armed) != len(machine.armed):
                raise Broken(TIMER_KEPT, f"{machine.state} waits for {_names(machine.armed)}, kept are {_names(dict(armed))}")
            regions.append(Standing(machine.state, self.sandbox.forget(name, machine.state, machine.data, 0, 0), armed))
        waiting, flushing = regions[0].state, regions[-1].state
        if waiting in self.sandbox.waiting_for_flush and flushing is not flush.State.WAITED:
            raise Broken(FLUSH_TOLD, f"{waiting} waits for a flush, which is {flushing}")
        return Alive(tuple(regions), self.ahead, self.settling, self.spooling, self.registered, self.refusing, self.open, self.limit_ms)

    def _choose(self, options: int) -> int:
        if not self._choices:
            raise Undecided(options)
        return self._choices.pop(0)

    # --- telling --------------------------------------------------------------------------------------------------------------

    def feed(self, region: str, event: Any) -> None:
        """As the agent does: run all joins, then perform what is left, in order, each to its end."""
        waiting, out = [(region, event)], []
        while waiting:
            self._budget -= 1
            if self._budget < 0:
                raise Broken(RUN_ENDS, f"more than {CASCADE_MAX} events after {self.stimulus[0]}")
            name, current = waiting.pop(0)
            for effect in self.sandbox.walkers[name].feed(current):
                joins = self.sandbox.joined.get((name, type(effect)))
                if joins is None:
                    out.append((name, effect))
                else:
                    self._see(effect)
                    waiting += [(join.target, join.event(effect, current)) for join in joins]
        for name, effect in out:
            self._perform(name, effect)

    def life(self, event: Any) -> None:
        self.feed("lifecycle", event)

    def due(self, tick: type[Tick]) -> None:
        name = next(name for name, timers in self._timers.items() if tick in timers)
        self.feed(name, tick(HERE, self._timers[name].take(tick)))

    def register(self) -> None:
        self.registered = True
        self.life(ev.Registered(HERE))

    def record(self, event: Any) -> bool | None:
        """What telemetry says; the agent refuses it before the registration and after the end."""
        if not self.registered or self.refusing:
            return False
        self.life(event)
        return None

    def settled(self) -> None:
        self.settling = False
        self.life(ev.Settled(HERE, self.open))

    def spooled(self) -> None:
        self.spooling = False
        self.life(ev.Spooled(HERE))

    def confirmed(self, number: int) -> None:
        self._count_from(number)
        self.feed("flush", ev.Confirmed(HERE, 0))

    def limit(self, ms: int) -> None:
        """A moment that has passed already says nothing; once the end has begun, the first limit holds."""
        if not self.state.life.state.value.startswith("SHUTDOWN"):
            self.limit_ms = ms if ms > 0 else None

    def shutdown_event(self, left_ms: int) -> ev.Shutdown:
        self.limit(left_ms)
        return ev.Shutdown(HERE, "spindown", HERE.epoch_ms + left_ms)

    def sigterm(self) -> None:
        self.limit_ms = None
        self.life(ev.Sigterm(HERE))

    # --- performing -----------------------------------------------------------------------------------------------------------

    def _see(self, effect: Any) -> None:
        if isinstance(effect, do.FlushDone) and self.ahead:
            raise Broken(FLUSH_DONE, f"{self.ahead} payloads are still under way")
        self.seen.append(words(effect))

    def _perform(self, region: str, effect: Any) -> None:
        if isinstance(effect, Arm):
            self._timers[region].arm(effect)
            if effect.at_mono_ms < HERE.mono_ms:
                raise Broken(TIMER_KEPT, f"{effect.tick.__name__} is armed for a moment that has passed")
        elif isinstance(effect, Disarm):
            self._timers[region].disarm(effect.tick)
        else:
            self._see(effect)
            if (perform := _PERFORM.get(type(effect))) is not None:
                perform(self)

    def _seal(self) -> None:
        """Nothing is left to send; or as much as before; or one payload more."""
        options = [0, *([self.ahead] if self.ahead else []), *([self.ahead + 1] if self.ahead < AHEAD_MAX else [])]
        ahead = options[self._choose(len(options))]
        self.seen.append(f"sealed, {ahead} to confirm" if ahead else "sealed, nothing to confirm")
        if not ahead:
            self._count_from(self.ahead)
        self.ahead = ahead
        self.feed("flush", ev.Sealed(HERE, ahead, 0))

    def _count_from(self, number: int) -> None:
        """All up to this number is confirmed: it is the new zero."""
        machine = self.machine("flush")
        self.ahead -= number
        machine.data = flush.Data(max(0, machine.data.watermark - number))

    def _settle(self) -> None:
        self.settling = True  # one that is under way is given up for it

    def _spool(self) -> None:
        if self._choose(2):
            self.spooling = True
        else:
            self.life(ev.Spooled(HERE))

    def _refuse_input(self) -> None:
        self.refusing = True

    def _end_open(self) -> None:
        self.open = 0

    def _look_at_limit(self) -> None:
        if self.limit_ms is not None and self.limit_ms < 0:
            self.seen.append("late")
        self.limit_ms = None


_PERFORM: dict[type, Callable[[Step], None]] = {
    do.Seal: Step._seal,
    do.Settle: Step._settle,
    do.Spool: Step._spool,
    do.RefuseInput: Step._refuse_input,
    do.EndOpenInvocations: Step._end_open,
    do.AskNext: Step._look_at_limit,
    do.Exit: Step._look_at_limit,
}

# What both lifecycles are told.
TELL: dict[str, Callable[..., Any]] = {
    DUE: Step.due,
    "begin": lambda step: step.life(ev.Started(HERE)),
    "registered": Step.register,
    "register refused": lambda step: step.life(ev.RegisterFailed(HERE, "refused")),
    "subscribed": lambda step: step.life(ev.Subscribed(HERE)),
    "subscription refused": lambda step: step.life(ev.SubscriptionRefused(HERE, "status 202")),
    "full": lambda step: step.record(ev.NearlyFull(HERE)),
    "restored": lambda step: step.record(ev.Restored(HERE)),
    "crashed": lambda step, times: step.life(ev.RegionCrashed(HERE, "dogstatsd", times)),
    "sigterm": Step.sigterm,
    "settled": Step.settled,
    "spooled": Step.spooled,
    "confirmed": Step.confirmed,
}


def words(effect: Any) -> str:
    """An effect as a trace shows it: its name, and those of its arguments that surroundings look at."""
    name = type(effect).__name__
    match effect:
        case Unexpected():
            return f"Unexpected {effect.event} in {effect.machine} {effect.state}"
        case do.OpenInvocation() | do.LeaveUnseen() | do.GaveUpWaiting():
            return f"{name} {effect.request_id}"
        case do.Seal() | do.Flush():
            return f"{name} final" if effect.final else name
        case do.Exit():
            return f"Exit {effect.code} {effect.error_type}".rstrip()
    return name


def _names(ticks: Iterable[type[Tick]]) -> str:
    return ", ".join(sorted(tick.__name__ for tick in ticks)) or "none"
