"""What is held of each request for the metrics: where its measures began and what was counted of it. Bounded, oldest forgotten first.

What was counted is remembered a while longer than the request, because a log line or a tracer's call may come after the report; and
before it, because a fast function's library may end an invocation before the event that begins it has been read here.
"""

from pipelines.metrics.procfs import Snapshot

REQUESTS_MAX = 500
CLOSED_MAX = 100  # and as many that have not begun


class Request:
    """`counted` are the counters that it has had its one count of, `start` is the snapshot when it began."""

    __slots__ = ("counted", "runtime_duration_ms", "start")

    def __init__(self, start: Snapshot | None = None) -> None:
        self.counted: set[str] = set()
        self.runtime_duration_ms = 0.0
        self.start = start


class Requests:
    """The open requests, the counts of the last closed ones, and those of requests that have not begun."""

    def __init__(self) -> None:
        self._open: dict[str, Request] = {}
        self._closed: dict[str, set[str]] = {}
        self._early: dict[str, set[str]] = {}
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._open)

    def get(self, request_id: str) -> Request | None:
        return self._open.get(request_id)

    def open(self, request_id: str, start: Snapshot | None) -> None:
        """Begin a request; a repeated start of an open one changes nothing."""
        if request_id in self._open:
            return
        if len(self._open) >= REQUESTS_MAX:
            self.close(next(iter(self._open)))
            self.evicted += 1
        request = self._open[request_id] = Request(start)
        # Of a closed one nothing is taken over: another try of a request has errors of its own.
        request.counted |= self._early.pop(request_id, set())

    def close(self, request_id: str) -> None:
        request = self._open.pop(request_id, None)
        if request is not None:
            _remember(self._closed, request_id, request.counted)

    def count(self, name: str, request_id: str) -> bool:
        """Whether to count `name` now: at most once per request. Without any request to blame it is counted rather than lost.

        A happening without an id belongs to the single running request, if there is just one.
        """
        if not request_id and len(self._open) == 1:
            request_id = next(iter(self._open))
        if not request_id:
            return True
        counted = self._counted(request_id)
        if name in counted:
            return False
        counted.add(name)
        return True

    def _counted(self, request_id: str) -> set[str]:
        request = self._open.get(request_id)
        if request is not None:
            return request.counted
        if request_id in self._closed:
            return self._closed[request_id]
        if request_id not in self._early:
            _remember(self._early, request_id, set())
        return self._early[request_id]


def _remember(those: dict[str, set[str]], request_id: str, counted: set[str]) -> None:
    while len(those) >= CLOSED_MAX:
        del those[next(iter(those))]
    those[request_id] = counted
