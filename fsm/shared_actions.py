"""What both lifecycles share: bounds, the pause before the next event is asked for again, crashed regions, and the way to the exit.

Guards and actions are pure functions of data and one event. `D` is either lifecycle's record: it has `bounds`, `failures`,
`exit_at_mono_ms` and `fatal`.
"""

from typing import Any, Protocol, TypeVar

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm.change import change
from fsm.engine import Arm, Effects
from fsm.time import Now

NEXT_FAILURES_MAX = 5  # then the platform is lost
BACKOFF_MS = (50, 100, 200, 400, 800)
RESTARTS_MAX = 3
SHUTDOWN_MS_MIN, SHUTDOWN_MS_MAX = 300, 2_000


@attrs.frozen
class Bounds:
    """How long anything may take, milliseconds."""

    register_ms: int = 10_000
    subscribe_ms: int = 300
    flush_ms: int = 1_000  # a flush that holds the invocation
    background_flush_ms: int = 30_000
    wait_reserve_ms: int = 200  # before the deadline, stop waiting for the runtime's end
    flush_reserve_ms: int = 100  # before the deadline, stop waiting for a flush
    settle_ms: int = 5
    drain_ms: int = 300
    drain_quiet_ms: int = 20
    exit_reserve_ms: int = 100  # before the sandbox's deadline, stop flushing
    spool_ms: int = 50
    sigterm_ms: int = 500
    fatal_ms: int = 2_000


BOUNDS = Bounds()  # the usual ones


class Lifecycle(Protocol):
    """What both records have."""

    @property
    def bounds(self) -> Bounds: ...

    @property
    def failures(self) -> int: ...

    @property
    def exit_at_mono_ms(self) -> int: ...

    @property
    def fatal(self) -> str: ...


L = TypeVar("L", bound=Lifecycle)


class Asks(Protocol):
    """What a record has whose machine asks for the next event."""

    @property
    def failures(self) -> int: ...


A = TypeVar("A", bound=Asks)


# --- the pending call ---------------------------------------------------------------------------------------------------------


def next_is_lost(data: Asks, event: ev.NextFailed) -> bool:
    return event.fatal or data.failures >= NEXT_FAILURES_MAX


def back_off(data: A, event: ev.NextFailed) -> tuple[A, Effects]:
    pause_ms = BACKOFF_MS[min(data.failures, len(BACKOFF_MS) - 1)]
    return change(data, failures=data.failures + 1), (Arm(ev.BackoffOver, event.now.mono_ms + pause_ms),)


def ask_again(data: L, event: object) -> tuple[L, Effects]:
    return data, (do.AskNext(),)


# --- SHUTDOWN -----------------------------------------------------------------------------------------------------------------


def _drain(data: L, now: Now, length_ms: int) -> tuple[L, Effects]:
    exit_at = now.mono_ms + length_ms - min(data.bounds.exit_reserve_ms, length_ms // 2)
    # However little time there is, half of it is for the flush.
    drain_at = min(now.mono_ms + data.bounds.drain_ms, (now.mono_ms + exit_at) // 2)
    settle_for = do.Settle(data.bounds.drain_ms, data.bounds.drain_quiet_ms)
    effects = (settle_for, Arm(ev.DrainBound, drain_at), Arm(ev.ExitBound, exit_at))
    return change(data, exit_at_mono_ms=exit_at), effects


def drain(data: L, event: ev.Shutdown) -> tuple[L, Effects]:
    # A deadline that has passed is a clock that jumped; the platform gives two seconds, and takes longer than that for no one.
    left_ms = event.deadline_ms - event.now.epoch_ms
    if left_ms <= 0:
        left_ms = SHUTDOWN_MS_MAX
    return _drain(data, event.now, max(SHUTDOWN_MS_MIN, min(left_ms, SHUTDOWN_MS_MAX)))


def drain_briefly(data: L, event: ev.Sigterm) -> tuple[L, Effects]:
    return _drain(data, event.now, data.bounds.sigterm_ms)


def drain_fatal(data: L, event: Any) -> tuple[L, Effects]:
    return _drain(change(data, fatal=event.reason), event.now, data.bounds.fatal_ms)


def flush_finally(data: L, event: object) -> tuple[L, Effects]:
    return data, (do.RefuseInput(), do.EndOpenInvocations(), do.Flush(data.exit_at_mono_ms, final=True))


def spool(data: L, event: Any) -> tuple[L, Effects]:
    return data, (do.Spool(), Arm(ev.ExitBound, event.now.mono_ms + data.bounds.spool_ms))


def refuse_and_spool(data: L, event: Any) -> tuple[L, Effects]:
    return data, (do.RefuseInput(), do.EndOpenInvocations(), *spool(data, event)[1])


def abandon_and_spool(data: L, event: Any) -> tuple[L, Effects]:
    return data, (do.AbandonFlush(), *spool(data, event)[1])


def exit_now(data: L, event: object) -> tuple[L, Effects]:
    if data.fatal:
        return data, (do.Exit(1, "Extension.PlatformLost", data.fatal),)
    return data, (do.Exit(0),)


# --- regions ------------------------------------------------------------------------------------------------------------------


def may_restart(data: L, event: ev.RegionCrashed) -> bool:
    return event.times <= RESTARTS_MAX


def restart_region(data: L, event: ev.RegionCrashed) -> tuple[L, Effects]:
    return data, (do.Restart(event.region),)


def disable_region(data: L, event: ev.RegionCrashed) -> tuple[L, Effects]:
    return data, (do.Disable(event.region),)
