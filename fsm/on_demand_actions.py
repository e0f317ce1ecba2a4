"""Guards and actions of the on-demand lifecycle: pure functions of its data and one event.

All bounds are milliseconds; `_at` is a moment of the monotonic clock.
"""

from typing import Any

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm.change import change
from fsm.decision import Cadence, Decision, decide, race_interval_ms
from fsm.engine import Arm, Disarm, Effects
from fsm.engine import nothing as nothing
from fsm.shared_actions import BOUNDS
from fsm.shared_actions import Bounds as Bounds
from fsm.time import Now, mono_of_epoch

EARLY_MAX = 8  # records that were read before the beginning they belong to
OWED_MAX = 16  # records of earlier invocations that have not been seen
INVOCATION_MS_MAX = 900_000  # a deadline further away than any function may run is a clock that jumped
UNKNOWN_DEADLINE_MS = 3_000  # and so is one that has passed already; what is waited for then


@attrs.frozen(slots=False)
class Data:
    """What the lifecycle remembers. `request_id` is the invocation in hand, or the last one; empty before the first."""

    cadence: Cadence
    bounds: Bounds = BOUNDS
    request_id: str = ""
    deadline_ms: int = 0  # epoch
    done: bool = False  # the record of its runtime's end was seen
    reported: bool = False
    blind: bool = False
    early: tuple[tuple[str, type], ...] = ()
    owed: tuple[tuple[str, type], ...] = ()
    failures: int = 0
    exit_at_mono_ms: int = 0
    fatal: str = ""


Change = tuple[Data, Effects]


# --- guards -------------------------------------------------------------------------------------------------------------------


def is_blind(data: Data, event: ev.Invoke) -> bool:
    return data.blind


def _decision(data: Data, now: Now) -> Decision:
    return decide(data.cadence, now.epoch_ms // 1000)[0]


def flushes_at_end(data: Data, event: ev.Invoke) -> bool:
    return _decision(data, event.now) is Decision.END


def is_over_already(data: Data, event: ev.Invoke) -> bool:
    return any(request_id == event.request_id for request_id, _ in data.early)


def flushes_at_end_and_is_over(data: Data, event: ev.Invoke) -> bool:
    return is_over_already(data, event) and flushes_at_end(data, event)


def flushes_first(data: Data, event: ev.Invoke) -> bool:
    return _decision(data, event.now) is Decision.PERIODIC


def flushes_beside(data: Data, event: ev.Invoke) -> bool:
    return _decision(data, event.now) is Decision.CONTINUOUS


def is_current(data: Data, event: ev.RuntimeDone | ev.Report) -> bool:
    return event.request_id == data.request_id


def is_next_try(data: Data, event: ev.RuntimeDone | ev.Report) -> bool:
    """The end of this request has been seen, so this is the end of its next try, read before that try's INVOKE.

    It may also be a record that came twice. Then a later try is taken for over too early, which costs little; to miss the end of a
    try would cost a wait until its deadline.
    """
    seen = data.reported if isinstance(event, ev.Report) else data.done
    return seen and event.request_id == data.request_id


def is_owed(data: Data, event: ev.RuntimeDone | ev.Report) -> bool:
    """It belongs to an earlier invocation, perhaps to an earlier try of the very same request."""
    return (event.request_id, type(event)) in data.owed


def is_done(data: Data, event: object) -> bool:
    return data.done or data.reported


def all_was_heard(data: Data, event: object) -> bool:
    return data.reported or not data.request_id or data.blind


# --- moments ------------------------------------------------------------------------------------------------------------------


def _deadline_at(data: Data, now: Now, reserve_ms: int) -> int:
    at = mono_of_epoch(now, data.deadline_ms - reserve_ms)
    return max(now.mono_ms, min(at, now.mono_ms + INVOCATION_MS_MAX))


def _flush_until(data: Data, now: Now) -> int:
    return min(now.mono_ms + data.bounds.flush_ms, _deadline_at(data, now, data.bounds.flush_reserve_ms))


def _race(data: Data, now: Now) -> Arm:
    return Arm(ev.RaceDue, now.mono_ms + race_interval_ms(data.cadence.strategy))


def _watch_deadline(data: Data, now: Now) -> Arm:
    return Arm(ev.DeadlineNear, _deadline_at(data, now, data.bounds.wait_reserve_ms))


def _flush_effects(data: Data, now: Now) -> Effects:
    until = _flush_until(data, now)
    return do.Flush(until), Arm(ev.FlushBound, until)


def _settle_effects(data: Data, now: Now) -> Effects:
    return do.Settle(data.bounds.settle_ms, 0), Arm(ev.SettleBound, now.mono_ms + data.bounds.settle_ms)


# --- INIT ---------------------------------------------------------------------------------------------------------------------


def register(data: Data, event: ev.Started) -> Change:
    return data, (do.Bind(), do.Register(), Arm(ev.RegisterBound, event.now.mono_ms + data.bounds.register_ms))


def subscribe(data: Data, event: ev.Registered) -> Change:
    return data, (do.Subscribe(), Arm(ev.SubscribeBound, event.now.mono_ms + data.bounds.subscribe_ms))


def exit_unregistered(data: Data, event: ev.RegisterFailed) -> Change:
    return data, (do.Exit(1, message=event.reason),)


def exit_unanswered(data: Data, event: ev.RegisterBound) -> Change:
    return data, (do.Exit(1, message="the registration was not answered"),)


def ask_first(data: Data, event: object) -> Change:
    return data, (do.AskNext(), do.WarmUp())


def ask_first_blind(data: Data, event: object) -> Change:
    return change(data, blind=True), (do.AskNext(), do.WarmUp())


def see_again(data: Data, event: object) -> Change:
    return change(data, blind=False), ()


# --- INVOKE -------------------------------------------------------------------------------------------------------------------


def _begin(data: Data, event: ev.Invoke) -> Change:
    effects: list[object] = []
    owed = list(data.owed)
    if data.request_id:
        if not is_done(data, event) and not data.blind:
            effects.append(do.LeaveUnseen(data.request_id))
        if not data.done:
            owed.append((data.request_id, ev.RuntimeDone))
        if not data.reported:
            owed.append((data.request_id, ev.Report))
    if data.failures:
        effects.append(Disarm(ev.BackoffOver))
    begun = change(
        data,
        cadence=decide(data.cadence, event.now.epoch_ms // 1000)[1],
        request_id=event.request_id,
        deadline_ms=event.deadline_ms if event.deadline_ms > event.now.epoch_ms else event.now.epoch_ms + UNKNOWN_DEADLINE_MS,
        done=(event.request_id, ev.RuntimeDone) in data.early,
        reported=(event.request_id, ev.Report) in data.early,
        early=tuple(known for known in data.early if known[0] != event.request_id),
        owed=tuple(owed[-OWED_MAX:]),
        failures=0,
    )
    return begun, (*effects, do.OpenInvocation(event.request_id))


def begin_and_wait(data: Data, event: ev.Invoke) -> Change:
    begun, effects = _begin(data, event)
    return begun, (*effects, _watch_deadline(begun, event.now), _race(begun, event.now))


def begin_and_settle(data: Data, event: ev.Invoke) -> Change:
    begun, effects = _begin(data, event)
    return begun, (*effects, _watch_deadline(begun, event.now), *_settle_effects(begun, event.now))


def begin_and_flush(data: Data, event: ev.Invoke) -> Change:
    begun, effects = _begin(data, event)
    return begun, (*effects, *_flush_effects(begun, event.now))


def begin_beside(data: Data, event: ev.Invoke) -> Change:
    begun, effects = _begin(data, event)
    return begun, (*effects, do.AskNext(), _race(begun, event.now))


def begin_beside_flush(data: Data, event: ev.Invoke) -> Change:
    begun, effects = _begin(data, event)
    flush = do.StartFlush(event.now.mono_ms + data.bounds.background_flush_ms)
    return begun, (*effects, flush, do.AskNext(), _race(begun, event.now))


def begin_beside_over(data: Data, event: ev.Invoke) -> Change:
    begun, effects = _begin(data, event)
    beside: Effects = (do.StartFlush(event.now.mono_ms + data.bounds.background_flush_ms),) if flushes_beside(data, event) else ()
    return begun, (*effects, *beside, do.AskNext())


def remember_end(data: Data, event: ev.RuntimeDone | ev.Report) -> Change:
    """It belongs to an invocation that has not begun, perhaps to the next try of a request that has."""
    known = (event.request_id, type(event))
    if known in data.early:
        return data, ()
    return change(data, early=(*data.early, known)[-EARLY_MAX:]), ()


def pay_owed(data: Data, event: ev.RuntimeDone | ev.Report) -> Change:
    owed = list(data.owed)
    owed.remove((event.request_id, type(event)))
    return change(data, owed=tuple(owed)), ()


def note_done(data: Data, event: object) -> Change:
    return change(data, done=True), ()


def note_reported(data: Data, event: object) -> Change:
    return change(data, reported=True), ()


def flush_early(data: Data, event: ev.NearlyFull) -> Change:
    return data, (do.StartFlush(event.now.mono_ms + data.bounds.background_flush_ms),)


def note_reported_and_settle(data: Data, event: ev.Report) -> Change:
    settle_for = do.Settle(data.bounds.drain_ms, data.bounds.drain_quiet_ms)
    return change(data, reported=True), (settle_for,)


def flush_in_the_middle(data: Data, event: ev.RaceDue) -> Change:
    return data, (do.StartFlush(event.now.mono_ms + data.bounds.background_flush_ms), _race(data, event.now))


# --- RUNTIME_DONE -------------------------------------------------------------------------------------------------------------


def settle(data: Data, event: ev.RuntimeDone) -> Change:
    return change(data, done=True), _settle_effects(data, event.now)


def settle_reported(data: Data, event: ev.Report) -> Change:
    return change(data, reported=True), _settle_effects(data, event.now)


def give_up_and_flush(data: Data, event: ev.DeadlineNear) -> Change:
    return data, (do.GaveUpWaiting(data.request_id), *_flush_effects(data, event.now))


def flush(data: Data, event: Any) -> Change:
    return data, _flush_effects(data, event.now)


def ask_next(data: Data, event: object) -> Change:
    return data, (do.AskNext(),)


def ask_next_and_race(data: Data, event: Any) -> Change:
    return data, (do.AskNext(), _race(data, event.now))


def abandon_and_ask(data: Data, event: object) -> Change:
    return data, (do.AbandonFlush(), do.AskNext())


def abandon_ask_and_race(data: Data, event: Any) -> Change:
    return data, (do.AbandonFlush(), do.AskNext(), _race(data, event.now))


def checkpoint_and_ask(data: Data, event: object) -> Change:
    return data, (do.Checkpoint(), do.AskNext())


def abandon_checkpoint_and_ask(data: Data, event: object) -> Change:
    return data, (do.AbandonFlush(), do.Checkpoint(), do.AskNext())


# --- whatever the state -------------------------------------------------------------------------------------------------------


def thaw(data: Data, event: ev.Thawed) -> Change:
    return data, (do.DropIdleConnections(),)


def thaw_and_rearm(data: Data, event: ev.Thawed) -> Change:
    # A wall clock that went back must not move the deadline away: nobody may wait longer for it than before.
    data = change(data, deadline_ms=data.deadline_ms + min(0, event.jump_ms))
    if mono_of_epoch(event.now, data.deadline_ms) > event.now.mono_ms + INVOCATION_MS_MAX:
        return data, (do.DropIdleConnections(),)  # a clock that is wrong all the same: the timer that was set stays
    return data, (do.DropIdleConnections(), _watch_deadline(data, event.now))


def restore(data: Data, event: object) -> Change:
    return data, (do.DropIdleConnections(), do.Reseed())
