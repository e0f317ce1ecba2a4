"""The timers that machines have armed, as a heap: live process, replay and simulation ask it when to wake up and what is due."""

from heapq import heapify, heappop, heappush

from fsm.engine import Tick
from reactor.agent.inputs import TimerDue
from reactor.agent.outputs import ClearTimer, SetTimer

STALE_MAX = 256  # cleared or replaced entries that the heap may carry along before it is made anew


class Timers:
    """At most one timer per owner and kind. Ties come due in the order in which they were set."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, type[Tick], int]] = []
        self._live: dict[tuple[str, type[Tick]], int] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._live)

    def set(self, timer: SetTimer) -> None:
        self._count += 1
        self._live[timer.owner, timer.tick] = timer.generation
        heappush(self._heap, (timer.at_mono_ms, self._count, timer.owner, timer.tick, timer.generation))
        if len(self._heap) > len(self._live) + STALE_MAX:
            self._heap = [entry for entry in self._heap if self._is_live(entry)]
            heapify(self._heap)

    def clear(self, timer: ClearTimer) -> None:
        self._live.pop((timer.owner, timer.tick), None)

    def next_at(self) -> int | None:
        """When the next timer comes due (monotonic milliseconds), if there is one."""
        while self._heap and not self._is_live(self._heap[0]):
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, mono_ms: int) -> TimerDue | None:
        """The earliest timer that is due, taken off; None if there is none."""
        at = self.next_at()
        if at is None or at > mono_ms:
            return None
        _, _, owner, tick, generation = heappop(self._heap)
        del self._live[owner, tick]
        return TimerDue(owner, tick, generation)

    def _is_live(self, entry: tuple[int, int, str, type[Tick], int]) -> bool:
        return self._live.get((entry[2], entry[3])) == entry[4]
