"""The on-demand lifecycle and the flush machine, joined as the agent joins them, with stubs for those who perform their effects.

The stubs promise what their originals promise and no more: a settling ends some time or never, a seal finds something or nothing, what
was sealed is confirmed some time or never. Effects are performed as the agent performs them: in order, and at once where it does so.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm import flush, on_demand
from fsm.check.life_moments import moved
from fsm.check.model import DUE, WAIT, Broken, Reaction, Seen, Stimulus, Taken
from fsm.check.standing import HERE, Standing, Timers, Walker
from fsm.decision import Strategy, decide
from fsm.engine import Arm, Disarm, Table, Tick, Unexpected
from fsm.on_demand import IN_SHUTDOWN, State
from fsm.on_demand_actions import Bounds, Data
from fsm.decision import Cadence
from fsm.regions import Join

AHEAD_MAX = 1  # payloads that are not confirmed yet: the model of the flush has more
CASCADE_MAX = 50  # events that one stimulus may set off

TIMER_KEPT = "every timer that a machine waits for is kept by somebody"
FLUSH_TOLD = "a flush that is waited for is under way"
FLUSH_DONE = "a flush is done when all that was sealed is confirmed"
RUN_ENDS = "what one event sets off comes to an end"

# What comes whenever it likes, and of which the platform knows nothing.
WHENEVER: tuple[Stimulus, ...] = (("full",), ("restored",), ("crashed", 1), ("crashed", 9), ("asleep",))

# The joins of the agent, which holds the same list; a test compares them.
JOINS = (
    Join("lifecycle", do.Flush, "flush", lambda effect, cause: ev.FlushAsked(cause.now, effect.until_mono_ms, effect.final)),
    Join("lifecycle", do.StartFlush, "flush", lambda effect, cause: ev.BackgroundFlushAsked(cause.now, effect.until_mono_ms)),
    Join("lifecycle", do.AbandonFlush, "flush", lambda effect, cause: ev.FlushAbandoned(cause.now)),
    Join("flush", do.FlushDone, "lifecycle", lambda effect, cause: ev.Flushed(cause.now)),
)
_JOINED = {(join.source, join.effect): join for join in JOINS}

WAITING_FOR_FLUSH = (State.INVOKE_FLUSH_FIRST, State.RUNTIME_DONE_FLUSH, State.SHUTDOWN_FLUSH)


@attrs.frozen
class Alive:
    """One moment of a sandbox. `ahead`: numbers given and not confirmed; flush's watermark counts from the last confirmed one."""

    life: Standing
    flush: Standing
    ahead: int = 0
    settling: bool = False
    spooling: bool = False
    registered: bool = False
    refusing: bool = False
    limit_ms: int | None = None  # from HERE: when the platform loses patience


class Life:
    """The subject. `strategy` as a user may set it."""

    def __init__(self, tables: Mapping[str, Table[Any, Any]], strategy: Strategy, ring: tuple[int, ...] = ()) -> None:
        self.taken: set[Taken] = set()
        self._strategy, self._ring = strategy, ring
        self._walkers = {"lifecycle": Walker(tables["on_demand"], self.taken), "flush": Walker(tables["flush"], self.taken)}
        self._final = tables["on_demand"].final

    def start(self) -> Alive:
        cadence = Cadence(self._strategy, 30, HERE.epoch_ms // 1000, self._ring)
        return Alive(Standing(State.INIT_START, Data(cadence, Bounds())), Standing(flush.State.IDLE, flush.Data()))

    def own(self, state: Alive) -> Iterable[Stimulus]:
        next_ms = state.life.next_ms()
        if next_ms is not None:
            yield from ((DUE, tick) for tick in state.life.due())
            if next_ms > 1 and len(state.life.armed) > 1:
                yield (WAIT,)
        if state.settling:
            yield ("settled",)
        if state.spooling:
            yield ("spooled",)
        for number in range(1, state.ahead + 1):
            yield ("confirmed", number)
        yield from WHENEVER

    def react(self, state: Alive, stimulus: Stimulus) -> Iterable[Reaction]:
        return _Step.every(self._walkers, self._final, state, stimulus)


class _Step:
    """One stimulus, run to its end. `choices` are what the stubs decide, in order; when they run out, `more` says how many there were."""

    def __init__(
        self, walkers: dict[str, Walker], final: frozenset[Any], state: Alive, stimulus: Stimulus, choices: tuple[int, ...]
    ) -> None:
        self._walkers, self._final, self._stimulus = walkers, final, stimulus
        self._choices = list(choices)
        self.more = 0
        self._seen: list[str] = []
        self._budget = CASCADE_MAX
        self._passed_ms, self._jump_ms = _time_of(state, stimulus)
        self._state = moved(state, self._passed_ms, self._jump_ms) if self._passed_ms or self._jump_ms else state
        self._timers = Timers()

    @classmethod
    def every(cls, walkers: dict[str, Walker], final: frozenset[Any], state: Alive, stimulus: Stimulus) -> list[Reaction]:
        """One reaction for each way in which the stubs may decide."""
        if state.life.state in final:
            return []
        reactions, waiting = [], [()]
        while waiting:
            choices: tuple[int, ...] = waiting.pop()
            step = cls(walkers, final, state, stimulus, choices)
            reaction = step.run()
            if step.more:
                waiting += [(*choices, choice) for choice in range(step.more)]
            elif reaction is not None:
                reactions.append(reaction)
        return reactions

    def _choose(self, options: int) -> int:
        if self._choices:
            return self._choices.pop(0)
        self.more = options
        raise _Undecided

    def run(self) -> Reaction | None:
        state = self._state
        if self._stimulus[0] == WAIT:
            return Reaction(state, (), self._passed_ms)
        self._walkers["lifecycle"].pick_up(state.life)
        self._walkers["flush"].pick_up(state.flush)
        self._timers.pick_up(state.life)
        self._ahead, self._settling, self._spooling = state.ahead, state.settling, state.spooling
        self._registered, self._refusing, self._limit_ms = state.registered, state.refusing, state.limit_ms
        try:
            if not self._tell_stimulus():
                return None
        except _Undecided:
            return None
        return Reaction(self._put_away(), tuple(self._seen), self._passed_ms, self._jump_ms)

    def _put_away(self) -> Alive:
        life, flushing = self._walkers["lifecycle"].machine, self._walkers["flush"].machine
        armed = self._timers.armed(life)
        if len(armed) != len(life.armed):
            raise Broken(TIMER_KEPT, f"in {life.state}, {sorted(tick.__name__ for tick in life.armed)} are armed, {armed} are kept")
        if life.state in WAITING_FOR_FLUSH and flushing.state is not flush.State.WAITED:
            raise Broken(FLUSH_TOLD, f"{life.state} waits for a flush, which is {flushing.state}")
        state = Alive(
            Standing(life.state, life.data, armed),
            Standing(flushing.state, flushing.data),
            self._ahead,
            self._settling,
            self._spooling,
            self._registered,
            self._refusing,
            self._limit_ms,
        )
        return moved(state, 0, 0)

    # --- telling --------------------------------------------------------------------------------------------------------------

    def _tell_stimulus(self) -> bool:
        return _TELL[self._stimulus[0]](self, *self._stimulus[1:]) is not False

    def _tell(self, region: str, event: Any) -> None:
        """As the agent does: run all joins, then perform what is left, in order, each to its end."""
        waiting, out = [(region, event)], []
        while waiting:
            self._budget -= 1
            if self._budget < 0:
                raise Broken(RUN_ENDS, f"more than {CASCADE_MAX} events after {self._stimulus[0]}")
            name, current = waiting.pop(0)
            for effect in self._walkers[name].feed(current):
                join = _JOINED.get((name, type(effect)))
                if join is None:
                    out.append(effect)
                else:
                    self._see(effect)
                    waiting.append((join.target, join.event(effect, current)))
        for effect in out:
            self._perform(effect)

    def _life(self, event: Any) -> None:
        self._tell("lifecycle", event)

    def _due(self, tick: type[Tick]) -> None:
        self._life(tick(HERE, self._timers.take(tick)))

    def _registered_now(self) -> None:
        self._registered = True
        self._life(ev.Registered(HERE))

    def _invoke(self, request_id: str, deadline_ms: int, gap_ms: int) -> None:
        if gap_ms:
            self._life(ev.Thawed(HERE, gap_ms))
        data = self._walkers["lifecycle"].machine.data
        decision = "Periodic" if data.blind else decide(data.cadence, HERE.epoch_ms // 1000)[0].value
        self._seen.append(f"decided {decision}")
        self._limit(deadline_ms)
        self._life(ev.Invoke(HERE, request_id, HERE.epoch_ms + deadline_ms))

    def _shutdown(self, left_ms: int) -> None:
        self._limit(left_ms)
        self._life(ev.Shutdown(HERE, "spindown", HERE.epoch_ms + left_ms))

    def _limit(self, ms: int) -> None:
        """A moment that has passed already says nothing; in the end, the first limit holds."""
        if self._walkers["lifecycle"].machine.state not in IN_SHUTDOWN:
            self._limit_ms = ms if ms > 0 else None

    def _sigterm(self) -> None:
        self._limit_ms = None
        self._life(ev.Sigterm(HERE))

    def _record(self, event: Any) -> bool | None:
        if not self._registered or self._refusing:
            return False  # the agent refuses it
        self._life(event)
        return None

    def _jump(self, by_ms: int) -> None:
        self._limit_ms = None  # who knows what the platform's clock says now
        self._life(ev.Thawed(HERE, by_ms))

    def _asleep(self) -> bool | None:
        if self._walkers["lifecycle"].machine.state not in on_demand.ASKED:
            return False
        self._life(ev.Thawed(HERE, 5_000))
        return None

    def _settled(self) -> None:
        self._settling = False
        self._life(ev.Settled(HERE))

    def _spooled(self) -> None:
        self._spooling = False
        self._life(ev.Spooled(HERE))

    def _confirmed(self, number: int) -> None:
        self._count_from(number)
        self._tell("flush", ev.Confirmed(HERE, 0))

    def _count_from(self, number: int) -> None:
        """All up to this number is confirmed: it is the new zero."""
        flushing = self._walkers["flush"].machine
        self._ahead -= number
        flushing.data = attrs.evolve(flushing.data, watermark=max(0, flushing.data.watermark - number))

    # --- performing -----------------------------------------------------------------------------------------------------------

    def _see(self, effect: Any) -> None:
        if isinstance(effect, do.FlushDone) and self._ahead:
            raise Broken(FLUSH_DONE, f"{self._ahead} payloads are still under way")
        self._seen.append(words(effect))

    def _perform(self, effect: Any) -> None:
        if isinstance(effect, Arm):
            self._timers.arm(effect)
            if effect.at_mono_ms < HERE.mono_ms:
                raise Broken(TIMER_KEPT, f"{effect.tick.__name__} is armed for a moment that has passed")
            return
        if isinstance(effect, Disarm):
            self._timers.disarm(effect.tick)
            return
        self._seen.append(words(effect))
        if isinstance(effect, do.Seal):
            self._seal()
        elif isinstance(effect, do.Settle):
            self._settling = True  # one that is under way is given up for it
        elif isinstance(effect, do.Spool):
            self._spool()
        elif isinstance(effect, do.RefuseInput):
            self._refusing = True
        elif isinstance(effect, do.AskNext | do.Exit):
            self._look_at_limit()

    def _seal(self) -> None:
        """Nothing is left to send; or as much as before; or one payload more."""
        options = [0, *([self._ahead] if self._ahead else []), *([self._ahead + 1] if self._ahead < AHEAD_MAX else [])]
        ahead = options[self._choose(len(options))]
        self._seen.append(f"sealed, {ahead} to confirm" if ahead else "sealed, nothing to confirm")
        if not ahead:
            self._count_from(self._ahead)
        self._ahead = ahead
        self._tell("flush", ev.Sealed(HERE, ahead, 0))

    def _spool(self) -> None:
        if self._choose(2):
            self._spooling = True
        else:
            self._life(ev.Spooled(HERE))

    def _look_at_limit(self) -> None:
        if self._limit_ms is not None and self._limit_ms < 0:
            self._seen.append("late")
        self._limit_ms = None


class _Undecided(Exception):
    """A stub has a choice that nobody has made yet."""


def _time_of(state: Alive, stimulus: Stimulus) -> tuple[int, int]:
    """How long time passes before the stimulus, and how far the wall clock jumps besides."""
    match stimulus:
        case ("due", _):
            return state.life.next_ms() or 0, 0
        case ("wait",):
            return (state.life.next_ms() or 1) - 1, 0
        case ("invoke", _, _, gap_ms):
            return 0, gap_ms
        case ("jump", by_ms):
            return 0, by_ms
    return 0, 0


def words(effect: Any) -> str:
    """An effect as a trace shows it: its name, and those of its arguments that surroundings look at."""
    name = type(effect).__name__
    match effect:
        case Unexpected(machine, state, event):
            return f"Unexpected {event} in {machine} {state}"
        case do.OpenInvocation(request_id) | do.LeaveUnseen(request_id) | do.GaveUpWaiting(request_id):
            return f"{name} {request_id}"
        case do.Flush(_, final):
            return "Flush final" if final else "Flush"
        case do.Seal(_, final):
            return "Seal final" if final else "Seal"
        case do.Exit(code, error_type):
            return f"Exit {code} {error_type}".rstrip()
    return name


_TELL: dict[str, Callable[..., Any]] = {
    DUE: _Step._due,
    "begin": lambda step: step._life(ev.Started(HERE)),
    "registered": _Step._registered_now,
    "register refused": lambda step: step._life(ev.RegisterFailed(HERE, "refused")),
    "subscribed": lambda step: step._life(ev.Subscribed(HERE)),
    "subscription refused": lambda step: step._life(ev.SubscriptionRefused(HERE, "status 202")),
    "platform begins": lambda step, request_id: None,
    "invoke": _Step._invoke,
    "shutdown": _Step._shutdown,
    "next failed": lambda step, fatal: step._life(ev.NextFailed(HERE, "status 500", fatal)),
    "done": lambda step, request_id: step._record(ev.RuntimeDone(HERE, request_id, "success")),
    "report": lambda step, request_id: step._record(ev.Report(HERE, request_id, "success")),
    "full": lambda step: step._record(ev.NearlyFull(HERE)),
    "sigterm": _Step._sigterm,
    "restored": lambda step: step._record(ev.Restored(HERE)),
    "crashed": lambda step, times: step._life(ev.RegionCrashed(HERE, "dogstatsd", times)),
    "jump": _Step._jump,
    "asleep": _Step._asleep,
    "settled": _Step._settled,
    "spooled": _Step._spooled,
    "confirmed": _Step._confirmed,
}
