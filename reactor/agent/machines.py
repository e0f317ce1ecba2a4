"""The machines of one sandbox, put together for the mode that it runs in."""

from collections.abc import Callable
from typing import Any

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm import flush
from fsm.decision import Cadence, Kind, Strategy
from fsm.engine import Machine, Step
from fsm.regions import Join, Keyed, Regions
from fsm.shared_actions import Bounds
from fsm.time import Now
from reactor.config.values import Settings

INVOCATIONS_MAX = 500

Watch = Callable[[Step], None] | None

FLUSH_JOINS = (
    Join("lifecycle", do.Flush, "flush", lambda effect, cause: ev.FlushAsked(cause.now, effect.until_mono_ms, effect.final)),
    Join("lifecycle", do.StartFlush, "flush", lambda effect, cause: ev.BackgroundFlushAsked(cause.now, effect.until_mono_ms)),
    Join("lifecycle", do.AbandonFlush, "flush", lambda effect, cause: ev.FlushAbandoned(cause.now)),
    Join("flush", do.FlushDone, "lifecycle", lambda effect, cause: ev.Flushed(cause.now)),
)


@attrs.frozen
class Machines:
    """`next_region` hears the answers to `/event/next`; in a state of `waiting` a long silence means that the sandbox was frozen.

    `opened_by_start`: an invocation begins with `platform.start`, since there is no INVOKE.
    """

    regions: Regions
    lifecycle: Machine[Any, Any]
    invocations: Keyed[str, Any, Any]
    next_region: str
    waiting: frozenset[Any]
    opened_by_start: bool
    warning: str = ""


def build(settings: Settings, managed: bool, now: Now, watch: Watch) -> Machines:
    bounds = Bounds(flush_ms=settings.flush_budget_ms, background_flush_ms=settings.flush_timeout_s * 1000)
    return _managed(settings, bounds, watch) if managed else _on_demand(settings, bounds, now, watch)


def _on_demand(settings: Settings, bounds: Bounds, now: Now, watch: Watch) -> Machines:
    from fsm import invocation, on_demand

    kind, interval_ms = settings.serverless_flush_strategy
    cadence = Cadence(Strategy(Kind(kind), interval_ms), settings.flush_timeout_s, now.epoch_ms // 1000)
    lifecycle = Machine(on_demand.TABLE, on_demand.Data(cadence, bounds), watch)
    return Machines(
        Regions({"lifecycle": lifecycle, "flush": Machine(flush.TABLE, flush.Data(), watch)}, FLUSH_JOINS),
        lifecycle,
        Keyed(invocation.TABLE, invocation.Data, INVOCATIONS_MAX, _evicted, watch),
        next_region="lifecycle",
        waiting=frozenset(on_demand.ASKED),
        opened_by_start=False,
    )


def _managed(settings: Settings, bounds: Bounds, watch: Watch) -> Machines:
    from fsm import managed, managed_invocation

    kind, interval_ms = settings.serverless_flush_strategy
    warning = ""
    if kind != Kind.CONTINUOUSLY.value:
        interval_ms = managed.FLUSH_INTERVAL_MS
        if kind != Kind.DEFAULT.value:
            warning = f"the flush strategy {kind} is not for managed instances: flushing every {interval_ms} ms instead"
    lifecycle = Machine(managed.LIFE, managed.LifeData(bounds), watch)
    regions: dict[str, Machine[Any, Any]] = {
        "lifecycle": lifecycle,
        "asking": Machine(managed.ASKING, managed.AskingData(), watch),
        "flusher": Machine(managed.FLUSHER, managed.FlusherData(interval_ms, bounds), watch),
        "flush": Machine(flush.TABLE, flush.Data(), watch),
    }
    return Machines(
        Regions(regions, (*FLUSH_JOINS, *managed.JOINS)),
        lifecycle,
        Keyed(managed_invocation.TABLE, managed_invocation.Data, INVOCATIONS_MAX, _evicted, watch),
        next_region="asking",
        waiting=frozenset(),
        opened_by_start=True,
        warning=warning,
    )


def _evicted(key: str, cause: Any) -> ev.Evicted:
    return ev.Evicted(cause.now)
