"""Wait, briefly, until what others have already sent has been read and answered: the step before each flush (architecture, settle)."""

from collections.abc import Iterable
from typing import Protocol

import trio

from reactor.net.clock import Clock

STEP_S = 0.001
QUICK_ROUNDS = 4  # most work is done within a few turns of the loop, long before a step is over


class HasWork(Protocol):
    def has_work(self) -> bool: ...


class Drains(Protocol):
    def drain_now(self) -> int: ...


async def settle(listeners: Iterable[HasWork], datagram_pumps: Iterable[Drains], bound_ms: int, quiet_ms: int, clock: Clock) -> bool:
    """Return as soon as nothing was readable or unfinished for `quiet_ms` (0: at once), at the latest after `bound_ms`.

    True when quiet was reached. The other tasks run meanwhile; that is how the work gets done.
    """
    listeners, pumps = tuple(listeners), tuple(datagram_pumps)
    quiet_since_ms, rounds = None, 0
    end_ms = clock.now().mono_ms + bound_ms
    while True:
        await _turn(rounds, quiet_since_ms is not None)
        rounds += 1
        drained = sum(pump.drain_now() for pump in pumps)
        now_ms = clock.now().mono_ms
        if drained or any(listener.has_work() for listener in listeners):
            quiet_since_ms = None
        elif quiet_since_ms is None:
            quiet_since_ms = now_ms
        if quiet_since_ms is not None and now_ms - quiet_since_ms >= quiet_ms:
            return True
        if now_ms >= end_ms:
            return False


async def _turn(rounds: int, is_quiet: bool) -> None:
    """Let the others run: a turn of the loop at first, then, or when only time must pass, a step of sleep."""
    if rounds < QUICK_ROUNDS and not is_quiet:
        await trio.lowlevel.checkpoint()
    else:
        await trio.sleep(STEP_S)
