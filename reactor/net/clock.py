"""Where time comes from. The one place real time enters the program; whoever needs the time of day is handed a `Clock`."""

import time
from typing import Protocol

import trio

from fsm.time import Now


class Clock(Protocol):
    def now(self) -> Now: ...


class SystemClock:
    """The machine's own clocks, in whole milliseconds."""

    def now(self) -> Now:
        return Now(epoch_ms=time.time_ns() // 1_000_000, mono_ms=time.monotonic_ns() // 1_000_000)


class SimulatedClock:
    """Both times derived from trio's clock (a mock clock in simulations), plus a jump of the wall clock that the scenario sets."""

    def __init__(self, epoch_ms: int = 1_700_000_000_000) -> None:
        self._epoch_ms = epoch_ms
        self._started_s = trio.current_time()

    def now(self) -> Now:
        passed_ms = round((trio.current_time() - self._started_s) * 1000)
        return Now(epoch_ms=self._epoch_ms + passed_ms, mono_ms=passed_ms)

    def jump(self, gap_ms: int) -> None:
        """Move the wall clock alone, either way: what a sandbox sees after a freeze, a restore or a correction."""
        self._epoch_ms += gap_ms


def trio_time_of_mono(clock: Clock, mono_ms: int) -> float:
    """A deadline on the monotonic clock as a time that trio's scopes take (trio's clock has an origin of its own)."""
    return trio.current_time() + (mono_ms - clock.now().mono_ms) / 1000
