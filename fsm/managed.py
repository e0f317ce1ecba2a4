"""The life of a managed instance: regions side by side, because invocations run side by side and none of them ever waits for us.

`life` is the sandbox from registration to exit; `asking` the one pending call for the next event, which is answered only at the
end; `flusher` flushes by interval. One machine per request id is in `managed_invocation`, the flush itself in `flush`. What a region
does to another is a row of JOINS. Specification, lifecycle 15 and 16, platform 10; appendix A.2 of the architecture.
"""

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm import shared_actions as both
from fsm.change import change
from fsm.engine import Arm, Effects, Row, Rows, States, Table, nothing, rows_for, stay
from fsm.regions import Join
from fsm.shared_actions import BOUNDS
from fsm.shared_actions import Bounds as Bounds

FLUSH_INTERVAL_MS = 30_000
FORGIVEN_MS = 60_000  # a call for the next event that is pending for so long makes up for those that failed before it


class Life(States):
    """The sandbox as a whole."""

    INIT_START = "INIT.start"
    INIT_REGISTER = "INIT.register"
    INIT_SUBSCRIBE = "INIT.subscribe"
    ACTIVE = "ACTIVE"
    SHUTDOWN_DRAIN = "SHUTDOWN.drain"
    SHUTDOWN_FLUSH = "SHUTDOWN.flush"
    SHUTDOWN_SPOOL = "SHUTDOWN.spool"
    EXIT = "EXIT"


class Asking(States):
    """The pending call for the next event."""

    IDLE = "IDLE"
    ASKED = "ASKED"
    BACKOFF = "BACKOFF"
    DONE = "DONE"


class Flusher(States):
    """The flush by interval."""

    OFF = "OFF"
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


@attrs.frozen(slots=False)
class LifeData:
    """What the life remembers."""

    bounds: Bounds = BOUNDS
    failures: int = 0
    exit_at_mono_ms: int = 0
    fatal: str = ""


@attrs.frozen(slots=False)
class AskingData:
    """`failures`: of the call, one soon after the other."""

    failures: int = 0


@attrs.frozen(slots=False)
class FlusherData:
    """How often to flush, and how long the requests of one flush may take."""

    interval_ms: int = FLUSH_INTERVAL_MS
    bounds: Bounds = BOUNDS


# --- life: guards and actions -------------------------------------------------------------------------------------------------


def register(data: LifeData, event: ev.Started) -> tuple[LifeData, Effects]:
    return data, (do.Bind(), do.Register(), Arm(ev.RegisterBound, event.now.mono_ms + data.bounds.register_ms))


def subscribe(data: LifeData, event: ev.Registered) -> tuple[LifeData, Effects]:
    return data, (do.Subscribe(), Arm(ev.SubscribeBound, event.now.mono_ms + data.bounds.subscribe_ms))


def exit_unregistered(data: LifeData, event: ev.RegisterFailed) -> tuple[LifeData, Effects]:
    return data, (do.Exit(1, message=event.reason),)


def exit_unanswered(data: LifeData, event: ev.RegisterBound) -> tuple[LifeData, Effects]:
    return data, (do.Exit(1, message="the registration was not answered"),)


def begin(data: LifeData, event: object) -> tuple[LifeData, Effects]:
    return data, (do.BeginAsking(), do.BeginFlushing(), do.WarmUp())


def flush_early(data: LifeData, event: ev.NearlyFull) -> tuple[LifeData, Effects]:
    return data, (do.StartFlush(event.now.mono_ms + data.bounds.background_flush_ms),)


def is_fatal(data: LifeData, event: ev.Stop) -> bool:
    return bool(event.fatal)


def drain(data: LifeData, event: ev.Stop) -> tuple[LifeData, Effects]:
    drained, effects = both.drain(data, ev.Shutdown(event.now, "", event.deadline_ms))
    return drained, (do.StopRegions(), *effects)


def drain_fatal(data: LifeData, event: ev.Stop) -> tuple[LifeData, Effects]:
    drained, effects = both.drain_fatal(data, ev.NextFailed(event.now, event.fatal, fatal=True))
    return drained, (do.StopRegions(), *effects)


def drain_briefly(data: LifeData, event: ev.Sigterm) -> tuple[LifeData, Effects]:
    drained, effects = both.drain_briefly(data, event)
    return drained, (do.StopRegions(), *effects)


def all_was_heard(data: LifeData, event: ev.Settled) -> bool:
    return event.open == 0


def settle_again(data: LifeData, event: ev.Report) -> tuple[LifeData, Effects]:
    return data, (do.Settle(data.bounds.drain_ms, data.bounds.drain_quiet_ms),)


def thaw(data: LifeData, event: ev.Thawed) -> tuple[LifeData, Effects]:
    return data, (do.DropIdleConnections(),)


INIT = (Life.INIT_START, Life.INIT_REGISTER, Life.INIT_SUBSCRIBE)
BEFORE_SHUTDOWN = (*INIT, Life.ACTIVE)
IN_SHUTDOWN = (Life.SHUTDOWN_DRAIN, Life.SHUTDOWN_FLUSH, Life.SHUTDOWN_SPOOL)

LIFE_ROWS: Rows = {
    (Life.INIT_START, ev.Started): (Row(Life.INIT_REGISTER, register),),
    (Life.INIT_REGISTER, ev.Registered): (Row(Life.INIT_SUBSCRIBE, subscribe),),
    (Life.INIT_REGISTER, ev.RegisterFailed): (Row(Life.EXIT, exit_unregistered),),
    (Life.INIT_REGISTER, ev.RegisterBound): (Row(Life.EXIT, exit_unanswered),),
    (Life.INIT_SUBSCRIBE, ev.Subscribed): (Row(Life.ACTIVE, begin),),
    # Without telemetry there are no invocations to see; metrics and traces still leave by interval.
    (Life.INIT_SUBSCRIBE, ev.SubscriptionRefused): (Row(Life.ACTIVE, begin),),
    (Life.INIT_SUBSCRIBE, ev.SubscribeBound): (Row(Life.ACTIVE, begin),),
    (Life.ACTIVE, ev.NearlyFull): (Row(Life.ACTIVE, flush_early),),
    **rows_for(BEFORE_SHUTDOWN, {ev.Stop: (Row(Life.SHUTDOWN_DRAIN, drain_fatal, is_fatal), Row(Life.SHUTDOWN_DRAIN, drain))}),
    **rows_for(BEFORE_SHUTDOWN, {ev.Sigterm: (Row(Life.SHUTDOWN_DRAIN, drain_briefly),)}),
    **{
        (state, ev.RegionCrashed): (Row(state, both.restart_region, both.may_restart), Row(state, both.disable_region))
        for state in BEFORE_SHUTDOWN
    },
    **stay(BEFORE_SHUTDOWN, {ev.Thawed: thaw}),
    # Reports of invocations that were running when the end came.
    (Life.SHUTDOWN_DRAIN, ev.Report): (Row(Life.SHUTDOWN_DRAIN, settle_again),),
    (Life.SHUTDOWN_DRAIN, ev.Settled): (
        Row(Life.SHUTDOWN_FLUSH, both.flush_finally, all_was_heard),
        Row(Life.SHUTDOWN_DRAIN, nothing),
    ),
    (Life.SHUTDOWN_DRAIN, ev.DrainBound): (Row(Life.SHUTDOWN_FLUSH, both.flush_finally),),
    (Life.SHUTDOWN_DRAIN, ev.ExitBound): (Row(Life.SHUTDOWN_SPOOL, both.refuse_and_spool),),
    (Life.SHUTDOWN_FLUSH, ev.Flushed): (Row(Life.SHUTDOWN_SPOOL, both.spool),),
    (Life.SHUTDOWN_FLUSH, ev.ExitBound): (Row(Life.SHUTDOWN_SPOOL, both.abandon_and_spool),),
    (Life.SHUTDOWN_SPOOL, ev.Spooled): (Row(Life.EXIT, both.exit_now),),
    (Life.SHUTDOWN_SPOOL, ev.ExitBound): (Row(Life.EXIT, both.exit_now),),
}

LIFE_IGNORED: dict[tuple[Life, type], str] = {
    **{(state, event): "invocations have machines of their own" for state in BEFORE_SHUTDOWN for event in (ev.RuntimeDone, ev.Report)},
    **{(state, ev.RuntimeDone): "there is none on managed instances" for state in IN_SHUTDOWN},
    **{(state, ev.Report): "too late to be of use" for state in (Life.SHUTDOWN_FLUSH, Life.SHUTDOWN_SPOOL)},
    **{(state, ev.NearlyFull): "nothing can be sent yet" for state in INIT},
    **{(state, ev.Restored): "there are no snapshots of managed instances" for state in (*BEFORE_SHUTDOWN, *IN_SHUTDOWN)},
    **{(state, ev.Flushed): "a flush that nobody waits for" for state in (Life.ACTIVE, Life.SHUTDOWN_DRAIN, Life.SHUTDOWN_SPOOL)},
    **{(state, ev.Settled): "a settling that was given up" for state in (Life.SHUTDOWN_FLUSH, Life.SHUTDOWN_SPOOL)},
    (Life.ACTIVE, ev.Subscribed): "the answer came after all",
    (Life.ACTIVE, ev.SubscriptionRefused): "the answer came after all",
    **{
        (state, event): "the sandbox is ending"
        for state in IN_SHUTDOWN
        for event in (
            ev.Stop,
            ev.Sigterm,
            ev.Registered,
            ev.RegisterFailed,
            ev.Subscribed,
            ev.SubscriptionRefused,
            ev.NearlyFull,
            ev.RegionCrashed,
            ev.Thawed,
        )
    },
}

LIFE: Table[Life, LifeData] = Table("life", Life.INIT_START, frozenset({Life.EXIT}), LIFE_ROWS, LIFE_IGNORED)


# --- asking -------------------------------------------------------------------------------------------------------------------


def ask(data: AskingData, event: object) -> tuple[AskingData, Effects]:
    return data, (do.AskNext(),)


def stop_life(data: AskingData, event: ev.Shutdown) -> tuple[AskingData, Effects]:
    return data, (do.StopLife(event.deadline_ms),)


def stop_life_lost(data: AskingData, event: ev.NextFailed) -> tuple[AskingData, Effects]:
    return data, (do.StopLife(0, event.reason),)


def stop_life_invoked(data: AskingData, event: ev.Invoke) -> tuple[AskingData, Effects]:
    return data, (do.StopLife(0, "the platform sent an INVOKE that was not registered for"),)


def ask_again(data: AskingData, event: ev.BackoffOver) -> tuple[AskingData, Effects]:
    return data, (do.AskNext(), Arm(ev.NextLasts, event.now.mono_ms + FORGIVEN_MS))


def forgive(data: AskingData, event: ev.NextLasts) -> tuple[AskingData, Effects]:
    return change(data, failures=0), ()


ASKING: Table[Asking, AskingData] = Table(
    name="asking",
    initial=Asking.IDLE,
    final=frozenset(),
    rows={
        (Asking.IDLE, ev.AskingBegan): (Row(Asking.ASKED, ask),),
        (Asking.ASKED, ev.Shutdown): (Row(Asking.DONE, stop_life),),
        # Managed instances register for SHUTDOWN alone.
        (Asking.ASKED, ev.Invoke): (Row(Asking.DONE, stop_life_invoked),),
        (Asking.ASKED, ev.NextFailed): (
            Row(Asking.DONE, stop_life_lost, both.next_is_lost),
            Row(Asking.BACKOFF, both.back_off),
        ),
        (Asking.BACKOFF, ev.BackoffOver): (Row(Asking.ASKED, ask_again),),
        # An instance lives for days: a few failures in each of them are no reason to leave.
        (Asking.ASKED, ev.NextLasts): (Row(Asking.ASKED, forgive),),
        # Somebody else than the platform ended the sandbox.
        **rows_for((Asking.IDLE, Asking.ASKED, Asking.BACKOFF), {ev.Stop: (Row(Asking.DONE, nothing),)}),
    },
    ignored={
        (Asking.DONE, ev.AskingBegan): "the sandbox is ending",
        (Asking.DONE, ev.Stop): "it is this that ended the sandbox",
        (Asking.DONE, ev.Shutdown): "the sandbox is ending",
        (Asking.DONE, ev.Invoke): "the sandbox is ending",
        (Asking.DONE, ev.NextFailed): "the sandbox is ending",
    },
)


# --- flusher ------------------------------------------------------------------------------------------------------------------


def wait_interval(data: FlusherData, event: ev.FlushingBegan) -> tuple[FlusherData, Effects]:
    return data, (Arm(ev.FlushDue, event.now.mono_ms + data.interval_ms),)


def flush_and_wait(data: FlusherData, event: ev.FlushDue) -> tuple[FlusherData, Effects]:
    until_mono_ms = event.now.mono_ms + data.bounds.background_flush_ms
    return data, (do.StartFlush(until_mono_ms), Arm(ev.FlushDue, event.now.mono_ms + data.interval_ms))


FLUSHER: Table[Flusher, FlusherData] = Table(
    name="flusher",
    initial=Flusher.OFF,
    final=frozenset(),
    rows={
        (Flusher.OFF, ev.FlushingBegan): (Row(Flusher.RUNNING, wait_interval),),
        # Should the one before still be under way, the flush machine lets it be.
        (Flusher.RUNNING, ev.FlushDue): (Row(Flusher.RUNNING, flush_and_wait),),
        (Flusher.RUNNING, ev.Stop): (Row(Flusher.STOPPED, nothing),),
        (Flusher.OFF, ev.Stop): (Row(Flusher.STOPPED, nothing),),
    },
    ignored={},
)

JOINS = (
    Join("lifecycle", do.BeginAsking, "asking", lambda effect, cause: ev.AskingBegan(cause.now)),
    Join("lifecycle", do.BeginFlushing, "flusher", lambda effect, cause: ev.FlushingBegan(cause.now)),
    Join("lifecycle", do.StopRegions, "flusher", lambda effect, cause: ev.Stop(cause.now, 0)),
    Join("lifecycle", do.StopRegions, "asking", lambda effect, cause: ev.Stop(cause.now, 0)),
    Join("asking", do.StopLife, "lifecycle", lambda effect, cause: ev.Stop(cause.now, effect.deadline_ms, effect.fatal)),
    Join("flusher", do.StartFlush, "flush", lambda effect, cause: ev.BackgroundFlushAsked(cause.now, effect.until_mono_ms)),
)
