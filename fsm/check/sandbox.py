"""A sandbox's regions as they run in the agent, with contract stubs for those who perform their effects: a subject for the walk.

The stubs promise what their originals promise and no more: a settling ends some time or never, a seal finds something or nothing, what
was sealed is confirmed some time or never. Effects are performed as the agent performs them: in order, and at once where it does so.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm import flush
from fsm.check.model import DUE, WAIT, Broken, Reaction, Stimulus, Taken
from fsm.check.standing import HERE, Standing, Timers, Walker
from fsm.engine import Arm, Disarm, Table, Tick, Unexpected
from fsm.regions import Join

AHEAD_MAX = 1  # payloads that are not confirmed yet: the model of the flush alone has more
CASCADE_MAX = 50  # events that one stimulus may set off
LATE_MS = -1  # from HERE: all that is past is alike

TIMER_KEPT = "every timer that a machine waits for is kept by somebody"
FLUSH_TOLD = "a flush that is waited for is under way"
FLUSH_DONE = "a flush is done when all that was sealed is confirmed, and not before"
RUN_ENDS = "what one event sets off comes to an end"

RULES = (TIMER_KEPT, FLUSH_TOLD, FLUSH_DONE, RUN_ENDS)

# As the agent joins them (`reactor.agent.machines`); a test compares the two.
FLUSH_JOINS = (
    Join("lifecycle", do.Flush, "flush", lambda effect, cause: ev.FlushAsked(cause.now, effect.until_mono_ms, effect.final)),
    Join("lifecycle", do.StartFlush, "flush", lambda effect, cause: ev.BackgroundFlushAsked(cause.now, effect.until_mono_ms)),
    Join("lifecycle", do.AbandonFlush, "flush", lambda effect, cause: ev.FlushAbandoned(cause.now)),
    Join("flush", do.FlushDone, "lifecycle", lambda effect, cause: ev.Flushed(cause.now)),
)


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


class Sandbox:
    """The subject; a lifecycle adds what it is told and what it may forget."""

    names: ClassVar[tuple[str, ...]]
    joins: ClassVar[tuple[Join, ...]]
    waiting_for_flush: ClassVar[frozenset[Any]]  # states of the lifecycle
    whenever: ClassVar[tuple[Stimulus, ...]]  # what comes whenever it likes, and of which the platform knows nothing
    tell: ClassVar[Mapping[str, Callable[..., Any]]]

    def __init__(self, tables: tuple[Table[Any, Any], ...], data: tuple[Any, ...]) -> None:
        self.taken: set[Taken] = set()
        self.walkers = {name: Walker(table, self.taken) for name, table in zip(self.names, tables, strict=True)}
        self.final = tables[0].final
        self.joined = {(join.source, join.effect): join for join in self.joins}
        self._start = Alive(tuple(Standing(table.initial, record) for table, record in zip(tables, data, strict=True)))

    def start(self) -> Hashable:
        return self._start

    def own(self, state: Alive) -> Iterable[Stimulus]:
        """Waiting makes a difference only where more than one timer is armed: else whatever comes meanwhile comes before it."""
        if state.life.state in self.final:
            return
        armed = state.armed()
        if armed:
            next_ms = min(ms for _, ms in armed)
            yield from ((DUE, tick) for tick, ms in armed if ms == next_ms)
            if next_ms > 1 and len(armed) > 1:
                yield (WAIT,)
        if state.settling:
            yield ("settled",)
        if state.spooling:
            yield ("spooled",)
        yield from (("confirmed", number) for number in range(1, state.ahead + 1))
        yield from self.whenever

    def react(self, state: Alive, stimulus: Stimulus) -> Iterable[Reaction]:
        """One reaction for each way in which the stubs may decide."""
        reactions: list[Reaction] = []
        waiting: list[tuple[int, ...]] = [()]
        while waiting and state.life.state not in self.final:
            choices = waiting.pop()
            step = Step(self, state, stimulus, choices)
            try:
                if (reaction := step.run()) is not None:
                    reactions.append(reaction)
            except Undecided as undecided:
                waiting += [(*choices, choice) for choice in range(undecided.options)]
        return reactions

    def time_of(self, state: Alive, stimulus: Stimulus) -> tuple[int, int]:
        """How long time passes before the stimulus, and how far the wall clock jumps besides."""
        if stimulus[0] in (DUE, WAIT):
            return min(ms for _, ms in state.armed()) - (stimulus[0] == WAIT), 0
        return 0, 0

    def moved(self, state: Alive, passed_ms: int, jump_ms: int) -> Alive:
        """The same sandbox `passed_ms` later, the wall clock having jumped by `jump_ms` besides. HERE stays where it is."""
        regions = tuple(
            Standing(
                standing.state,
                self.forget(name, standing.state, standing.data, passed_ms, passed_ms + jump_ms),
                tuple((tick, ms - passed_ms) for tick, ms in standing.armed),
            )
            for name, standing in zip(self.names, state.regions, strict=True)
        )
        limit_ms = None if state.limit_ms is None else max(LATE_MS, state.limit_ms - passed_ms)
        return Alive(regions, state.ahead, state.settling, state.spooling, state.registered, state.refusing, state.open, limit_ms)

    def forget(self, region: str, state: Any, data: Any, mono_ms: int, epoch_ms: int) -> Any:
        """The record after its clocks went on by so much, without what can make no difference any more."""
        return data


class Undecided(Exception):
    """A stub has a choice, among so many options, that nobody has made yet."""

    def __init__(self, options: int) -> None:
        super().__init__(options)
        self.options = options


class Step:
    """One stimulus, run to its end. `choices` are what the stubs decide, in order; raises Undecided when there are too few, Broken."""

    def __init__(self, sandbox: Sandbox, state: Alive, stimulus: Stimulus, choices: tuple[int, ...]) -> None:
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
            regions.append(Standing(machine.state, machine.data, armed))
        waiting, flushing = regions[0].state, regions[-1].state
        if waiting in self.sandbox.waiting_for_flush and flushing is not flush.State.WAITED:
            raise Broken(FLUSH_TOLD, f"{waiting} waits for a flush, which is {flushing}")
        state = Alive(tuple(regions), self.ahead, self.settling, self.spooling, self.registered, self.refusing, self.open, self.limit_ms)
        return self.sandbox.moved(state, 0, 0)

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
                join = self.sandbox.joined.get((name, type(effect)))
                if join is None:
                    out.append((name, effect))
                else:
                    self._see(effect)
                    waiting.append((join.target, join.event(effect, current)))
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
