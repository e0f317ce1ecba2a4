"""When the sandbox's counters are read, and the peaks that its samples have shown (specification, metrics 7.4 and 7.6).

The agent does no I/O: a `Probe` reads, and there is none in a replay or a simulation, where nothing is measured then. Samples are taken
while an invocation runs: one at its beginning, then after pauses that grow, one at its end. In between the sandbox may freeze, and nothing
is read; a sample that came due meanwhile is not made up for.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

from fsm.engine import Tick
from fsm.time import Now
from pipelines.metrics.procfs import LIMIT_MAX, Snapshot
from pipelines.metrics.usage import Peaks, next_pause_ms
from reactor.agent.inputs import TimerDue
from reactor.agent.ledger import Ledger
from reactor.agent.outputs import ClearTimer, SetTimer

USAGE = "usage"  # owner of the timer
UNENDED_MAX = 8  # invocations whose end is read only after the next one has begun

T = TypeVar("T")


class SampleDue(Tick):
    """It is time for another sample."""


class Probe(Protocol):
    """Reads what the kernel says at this moment, without waiting."""

    def snapshot(self) -> Snapshot: ...

    def usage(self) -> Peaks:
        """A sample: what is in use now."""
        ...

    def limits(self) -> tuple[int, int, int]:
        """(bytes of /tmp, descriptors, threads) that may be used."""
        ...

    def runtime(self) -> str: ...


class Usage(NamedTuple):
    """What `Enhanced.usage` takes."""

    peaks: Peaks
    tmp_max_bytes: int
    fd_max: int
    threads_max: int


class Measuring:
    """Without a probe, or switched off, it answers None everywhere and sets no timer."""

    def __init__(self, probe: Probe | None, is_on: bool, is_managed: bool, ledger: Ledger, say: Callable[[str, str], None]) -> None:
        self._probe, self._ledger, self._say = probe, ledger, say
        self._knows_runtime = probe is None
        self._is_on, self._is_managed = is_on and probe is not None, is_managed
        self._running: set[str] = set()
        self._unended: dict[str, Peaks] = {}  # what they had in use, the oldest first
        self._peaks = Peaks()
        self._pause_ms = 0
        self._generation = 0
        self._interval_start: Snapshot | None = None

    def runtime(self) -> str | None:
        """The function's runtime, once: when the first invocation begins its processes are there."""
        if self._knows_runtime:
            return None
        self._knows_runtime = True
        return self._ask(lambda probe: probe.runtime(), None)

    # --- invocations ----------------------------------------------------------------------------------------------------------

    def begin(self, request_id: str, now: Now, out: list[Any]) -> Snapshot | None:
        """An invocation begins: its first snapshot, except on managed instances, where the counters belong to all."""
        if not self._is_on:
            return None
        if not self._is_managed:
            self._put_aside(request_id)
            self._peaks = Peaks()
        starts = not self._running
        self._running.add(request_id)
        if starts:
            self._pause_ms = 0
            self._sample(now, out)
        if not self._is_managed:
            return self._snapshot()
        if self._interval_start is None:
            self._interval_start = self._snapshot()
        return None

    def snapshot(self) -> Snapshot | None:
        """The counters at the end of one invocation's runtime, or at its report."""
        return None if self._is_managed or not self._is_on else self._snapshot()

    def end(self, request_id: str, out: list[Any]) -> Usage | None:
        """Its runtime is over: the peaks, with a last sample. None if it is not known to run, and on managed instances."""
        if (peaks := self._unended.pop(request_id, None)) is not None:
            return self._usage(peaks)  # what is in use now is the next one's
        if request_id not in self._running:
            return None
        self.forget(request_id, out)
        if self._is_managed:
            return None
        self._take_sample()
        return self._usage(self._peaks)

    def forget(self, request_id: str, out: list[Any]) -> None:
        """It does not run any more."""
        self._unended.pop(request_id, None)
        if request_id in self._running:
            self._running.discard(request_id)
            if not self._running:
                self.rest(out)

    def rest(self, out: list[Any]) -> None:
        """No more samples until the next invocation begins: the sandbox may freeze."""
        if self._is_on:
            self._generation += 1
            out.append(ClearTimer(USAGE, SampleDue))

    def due(self, timer: TimerDue, now: Now, out: list[Any]) -> None:
        """Time for another sample, unless that is over by now."""
        if timer.generation == self._generation:
            self._sample(now, out)

    # --- managed instances ----------------------------------------------------------------------------------------------------

    def interval(self) -> tuple[Snapshot, Snapshot] | None:
        """The counters at both ends of the time since the last call, if anything ran in it. None on demand."""
        start = self._interval_start
        if start is None:
            return None
        end = self._snapshot()
        self._interval_start = end if self._running else None
        return None if end is None else (start, end)

    def whole(self) -> Usage | None:
        """The peaks of the whole life, at its end. None on demand."""
        return self._usage(self._peaks) if self._is_managed and self._is_on else None

    # --- inside ---------------------------------------------------------------------------------------------------------------

    def _put_aside(self, request_id: str) -> None:
        """The invocation before has ended, as the next one begins; but the record that says so may still be on its way."""
        self._unended |= dict.fromkeys(self._running - {request_id}, self._peaks)
        self._running.clear()
        while len(self._unended) > UNENDED_MAX:
            del self._unended[next(iter(self._unended))]

    def _usage(self, peaks: Peaks) -> Usage:
        return Usage(peaks, *self._ask(lambda probe: probe.limits(), (0, LIMIT_MAX, LIMIT_MAX)))

    def _sample(self, now: Now, out: list[Any]) -> None:
        self._take_sample()
        self._pause_ms = next_pause_ms(self._pause_ms)
        self._generation += 1
        out.append(SetTimer(USAGE, SampleDue, self._generation, now.mono_ms + self._pause_ms))

    def _take_sample(self) -> None:
        self._peaks = self._peaks.with_sample(*self._ask(lambda probe: probe.usage(), Peaks()))

    def _snapshot(self) -> Snapshot | None:
        return self._ask(lambda probe: probe.snapshot(), None)

    def _ask(self, read: Callable[[Probe], T], otherwise: T) -> T:
        """Behind a boundary: what cannot be measured costs its metrics, never the invocation."""
        assert self._probe is not None
        try:
            return read(self._probe)
        except Exception as error:
            if self._ledger.note("errors while measuring"):
                self._say("ERROR", f"measuring failed, metrics will be missing: {type(error).__name__}: {error}")
            return otherwise
