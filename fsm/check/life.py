"""The on-demand lifecycle as a subject: what it is told, and what it may forget so that equal futures are one state."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from fsm import events as ev
from fsm import flush
from fsm.change import change
from fsm.check.model import DUE, Broken, Reaction, Stimulus
from fsm.check.sandbox import FLUSH_JOINS, LATE_MS, TELL, Alive, Sandbox, Step
from fsm.check.standing import HERE
from fsm.decision import ADAPTIVE_GAP_S, ADAPTIVE_INTERVAL_MS, RING_LENGTH, Cadence, Kind, Strategy, decide
from fsm.engine import Table
from fsm.on_demand import ASKED, IN_SHUTDOWN, OWING, State
from fsm.on_demand_actions import INVOCATION_MS_MAX, Data, is_done
from fsm.shared_actions import RESTARTS_MAX

JOINS = FLUSH_JOINS  # between the lifecycle and the flush
BOUNDED = "every wait has its bound, and an invocation that goes on has a timer for a flush in the middle"
AT_ONCE = "what an event calls for is asked for in that very step"
FLUSH_TIMEOUT_S = 30
ASLEEP_MS = 5_000
AHEAD_S = 3_600  # how far ahead lies what only a clock that was put back can explain
HERE_S = HERE.epoch_ms // 1000
ENDED = (*IN_SHUTDOWN, State.EXIT)
RUNNING = (State.INVOKE_WAIT, State.REPORT_RUNNING)
FREEZING = (State.RUNTIME_DONE_SETTLE, State.RUNTIME_DONE_FLUSH)
NO_CADENCE = Cadence(Strategy(), 0, 0)

# --- what it is told ----------------------------------------------------------------------------------------------------------


def _invoke(step: Step, request_id: str, deadline_ms: int, gap_ms: int) -> None:
    if gap_ms:
        step.life(ev.Thawed(HERE, gap_ms, gap_ms))
    data = step.machine().data
    step.seen.append("decided " + ("Periodic" if data.blind else decide(data.cadence, HERE_S)[0].value))
    step.limit(deadline_ms)
    step.life(ev.Invoke(HERE, request_id, HERE.epoch_ms + deadline_ms))


def _asleep(step: Step) -> bool | None:
    """Both clocks went on while nothing was heard; the agent notices where it may be frozen."""
    if step.machine().state not in ASKED:
        return False
    step.life(ev.Thawed(HERE, ASLEEP_MS))
    return None


class OnDemandLife(Sandbox):
    """The subject. `strategy` as a user may set it."""

    names = ("lifecycle", "flush")
    joins = JOINS
    waiting_for_flush = frozenset({State.INVOKE_FLUSH_FIRST, State.RUNTIME_DONE_FLUSH, State.SHUTDOWN_FLUSH})
    whenever = (("full",), ("restored",), ("crashed", 1), ("crashed", 9), ("asleep",))
    tell: ClassVar[Mapping[str, Callable[..., Any]]] = {
        **TELL,
        "platform begins": lambda step, request_id: None,
        "invoke": _invoke,
        "shutdown": lambda step, left_ms: step.life(step.shutdown_event(left_ms)),
        "next failed": lambda step, fatal: step.life(ev.NextFailed(HERE, "status 500", fatal)),
        "done": lambda step, request_id: step.record(ev.RuntimeDone(HERE, request_id, "success")),
        "report": lambda step, request_id: step.record(ev.Report(HERE, request_id, "success")),
        "jump": lambda step, by_ms: step.life(ev.Thawed(HERE, by_ms, by_ms)),
        "asleep": _asleep,
    }

    def __init__(self, tables: Mapping[str, Table[Any, Any]], strategy: Strategy) -> None:
        ring = (HERE_S,) * RING_LENGTH if strategy.kind is Kind.DEFAULT else ()
        data = Data(Cadence(strategy, FLUSH_TIMEOUT_S, HERE_S, ring))
        super().__init__((tables["on_demand"], tables["flush"]), (self.forget("lifecycle", State.INIT_START, data, 0, 0), flush.Data()))

    def react(self, state: Alive, stimulus: Stimulus) -> Iterable[Reaction]:
        reactions = tuple(super().react(state, stimulus))
        for reaction in reactions:
            _look_at(state, stimulus, reaction)
        return reactions

    def time_of(self, state: Alive, stimulus: Stimulus) -> tuple[int, int]:
        match stimulus:
            case ("invoke", _, _, gap_ms):
                return 0, gap_ms
            case ("jump", by_ms):
                return 0, by_ms
        return super().time_of(state, stimulus)

    def forget(self, region: str, state: Any, data: Any, mono_ms: int, epoch_ms: int) -> Any:
        if region == "flush":
            return data
        return _ended(state, data, mono_ms) if state in ENDED else _living(state, data, epoch_ms)


_BOUNDS: dict[State, tuple[type, ...]] = {
    State.INIT_REGISTER: (ev.RegisterBound,),
    State.INIT_SUBSCRIBE: (ev.SubscribeBound,),
    State.INVOKE_WAIT: (ev.DeadlineNear, ev.RaceDue),
    State.INVOKE_FLUSH_FIRST: (ev.FlushBound,),
    State.RUNTIME_DONE_SETTLE: (ev.SettleBound, ev.DeadlineNear),
    State.RUNTIME_DONE_FLUSH: (ev.FlushBound,),
    State.REPORT_RUNNING: (ev.RaceDue,),
    State.SHUTDOWN_DRAIN: (ev.DrainBound, ev.ExitBound),
    State.SHUTDOWN_FLUSH: (ev.ExitBound,),
    State.SHUTDOWN_SPOOL: (ev.ExitBound,),
}


# --- what is asked for at once ------------------------------------------------------------------------------------------------


def _look_at(before: Alive, stimulus: Stimulus, reaction: Reaction) -> None:
    """Raises Broken."""
    after = reaction.state
    assert isinstance(after, Alive)
    for word in _wanted(before, stimulus):
        if not any(text.startswith(word) for text in reaction.seen):
            raise Broken(AT_ONCE, f"no {word} after {stimulus[0]}")
    if after.life.state is not State.EXIT and any(text.startswith("Exit") for text in reaction.seen):
        raise Broken(AT_ONCE, f"it exits, and is in {after.life.state}")
    _look_at_bounds(after)
    if before.life.state in RUNNING and after.life.state not in (*RUNNING, *ENDED) and not _may_end(before, stimulus):
        raise Broken(BOUNDED, f"{before.life.state} is left for {after.life.state} after {stimulus[0]}")
    if (before.life.state, after.life.state) == (State.INVOKE_FLUSH_FIRST, State.REPORT_IDLE) and not is_done(after.life.data, None):
        raise Broken(BOUNDED, "the invocation goes on, and nobody watches it")
    if before.life.state not in ENDED and after.life.state is State.SHUTDOWN_DRAIN and "Settle" not in reaction.seen:
        raise Broken(AT_ONCE, "the drain begins, and nothing is read for it")
    if before.life.state is State.SHUTDOWN_DRAIN and after.life.data.reported > before.life.data.reported and "Settle" not in reaction.seen:
        raise Broken(AT_ONCE, "the report that the drain waits for is read, and nothing of what came with it")
    if (
        stimulus[0] == "invoke"
        and before.life.state not in ENDED
        and ("decided Continuous" in reaction.seen) != ("StartFlush" in reaction.seen)
    ):
        raise Broken(AT_ONCE, "a flush beside the invocation begins where that is decided, and only there")
    if before.life.state in FREEZING and "AskNext" in reaction.seen and "Checkpoint" not in reaction.seen:
        raise Broken(AT_ONCE, "the sandbox may freeze, and what was read is nowhere but in memory")


def _look_at_bounds(after: Alive) -> None:
    missing = set(_BOUNDS.get(after.life.state, ())) - {tick for tick, _ in after.life.armed}
    if missing:
        raise Broken(BOUNDED, f"{after.life.state} without {' and '.join(tick.__name__ for tick in missing)}")
    if after.life.state is State.REPORT_RUNNING and is_done(after.life.data, None):
        raise Broken(BOUNDED, "what is over is watched as if it went on")
    near_ms = dict(after.life.armed).get(ev.DeadlineNear)
    if near_ms is not None and near_ms > max(0, after.life.data.deadline_ms - HERE.epoch_ms):
        raise Broken(BOUNDED, f"the deadline is near only {near_ms} ms from now, and that is after it")
    if after.life.state is State.SHUTDOWN_DRAIN and after.life.data.exit_at_mono_ms - HERE.mono_ms != dict(after.life.armed)[ev.ExitBound]:
        raise Broken(BOUNDED, "the last flush may take longer, or less long, than there is time")
    if after.life.state is State.SHUTDOWN_SPOOL and dict(after.life.armed)[ev.ExitBound] > after.life.data.bounds.spool_ms:
        raise Broken(BOUNDED, "spooling may take longer than it is given")


def _may_end(before: Alive, stimulus: Stimulus) -> bool:
    """Whether this may be the end of the invocation in hand, or of waiting for it."""
    match stimulus:
        case ("done" | "report", request_id):
            return bool(request_id == before.life.data.request_id)
        case ("due", tick):
            return tick is ev.DeadlineNear
    return bool(stimulus[0] == "invoke")


def _wanted(before: Alive, stimulus: Stimulus) -> tuple[str, ...]:
    """What must be seen in a step, whatever was promised to the invocation in hand."""
    state, data = before.life.state, before.life.data
    if state in ENDED:
        return _wanted_at_the_end(state, stimulus)
    match stimulus:
        case ("begin",):
            return ("Bind", "Register")
        case ("registered",):
            return ("Subscribe",)
        case ("register refused",):
            return ("Exit 1",)
        case ("subscribed",) | ("subscription refused",) if state is State.INIT_SUBSCRIBE:
            return ("AskNext", "WarmUp")
        case ("invoke", *_) if data.request_id and not data.blind and not is_done(data, None):
            return (f"LeaveUnseen {data.request_id}",)
        case ("due", tick) if tick is ev.DeadlineNear:
            return ("GaveUpWaiting", "Flush") if state is State.INVOKE_WAIT else ()
        case ("due", tick):
            return _WANTED_WHEN_DUE.get(tick, ())
        case ("full",) if state in (State.INVOKE_WAIT, State.REPORT_RUNNING, State.REPORT_IDLE):
            return ("StartFlush",)
        case ("crashed", times):
            return ("Restart",) if times <= RESTARTS_MAX else ("Disable",)
        case ("restored",) if before.registered:
            return ("DropIdleConnections", "Reseed")
        case ("jump", _) | ("asleep",):
            return ("DropIdleConnections",)
    return ()


def _wanted_at_the_end(state: State, stimulus: Stimulus) -> tuple[str, ...]:
    if stimulus == ("spooled",) or (stimulus == (DUE, ev.ExitBound) and state is State.SHUTDOWN_SPOOL):
        return ("Exit",)
    return ("AbandonFlush",) if stimulus == (DUE, ev.ExitBound) and state is State.SHUTDOWN_FLUSH else ()


_WANTED_WHEN_DUE: dict[type, tuple[str, ...]] = {
    ev.RegisterBound: ("Exit 1",),
    ev.SubscribeBound: ("AskNext", "WarmUp"),
    ev.RaceDue: ("StartFlush",),
    ev.FlushBound: ("AbandonFlush",),
}


# --- what it may forget -------------------------------------------------------------------------------------------------------


def _ended(state: State, data: Data, passed_ms: int) -> Data:
    """The drain waits for records of the last invocation, and knows when to exit; after it only a fatal error matters."""
    if state is not State.SHUTDOWN_DRAIN:
        return Data(NO_CADENCE, data.bounds, fatal=data.fatal)
    return change(
        Data(NO_CADENCE, data.bounds, fatal=data.fatal),
        request_id=data.request_id,
        reported=data.reported,
        blind=data.blind,
        owed=tuple(sorted((owed for owed in data.owed if owed[0] == data.request_id), key=_by_name)),
        exit_at_mono_ms=data.exit_at_mono_ms - passed_ms,
    )


def _living(state: State, data: Data, passed_ms: int) -> Data:
    """A deadline is read only while the next call is owed. Records are found by what they are, in whatever order they were noted."""
    return change(
        data,
        deadline_ms=_deadline(data.deadline_ms - passed_ms) if state in OWING else 0,
        cadence=_cadence(data.cadence, round(passed_ms / 1000)),
        early=tuple(sorted(data.early, key=_by_name)),
        owed=tuple(sorted(data.owed, key=_by_name)),
    )


def _by_name(record: tuple[str, type]) -> tuple[str, str]:
    return record[0], record[1].__name__


def _deadline(at_ms: int) -> int:
    """All that is past is alike, and so is all that only a clock which was put back can explain."""
    if at_ms > HERE.epoch_ms + INVOCATION_MS_MAX:
        return HERE.epoch_ms + AHEAD_S * 1000
    return max(HERE.epoch_ms + LATE_MS, at_ms)


def _cadence(cadence: Cadence, passed_s: int) -> Cadence:
    """Seconds are whole: less than half of one is forgotten, and what is longer ago than a decision asks about is all alike.

    Of the ring only the default strategy reads anything, and only the oldest.
    """
    kind = cadence.strategy.kind
    if kind is Kind.END:
        return Cadence(cadence.strategy, cadence.flush_timeout_s, 0)
    interval_ms = ADAPTIVE_INTERVAL_MS if kind is Kind.DEFAULT else cadence.strategy.interval_ms
    last_flush_s = max(cadence.last_flush_s - passed_s, HERE_S - interval_ms // 1000 - 1)
    if last_flush_s > HERE_S:  # the clock was put back, by more than passes until it matters
        last_flush_s = HERE_S + AHEAD_S
    ring: tuple[int, ...] = ()
    if kind is Kind.DEFAULT:
        ring = (_one_of_alike(cadence.ring[0] - passed_s, cadence.flush_timeout_s),) * RING_LENGTH
    return Cadence(cadence.strategy, cadence.flush_timeout_s, last_flush_s, ring)


def _one_of_alike(oldest_s: int, flush_timeout_s: int) -> int:
    """The latest moment that gives the same mean gap, as far as a decision is concerned; only a long gap leads from one to the next."""
    elapsed_s = max(0, HERE_S - oldest_s)
    for threshold_s in (int(ADAPTIVE_GAP_S) * (RING_LENGTH - 1), flush_timeout_s):
        if elapsed_s >= threshold_s:
            return HERE_S - threshold_s
    return HERE_S
