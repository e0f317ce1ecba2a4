"""The spans of the sandbox itself: how long its init took, and its restore from a snapshot. Each is sent once, with the first trace."""

from collections.abc import Callable

from pipelines.invocation.settings import InvocationSettings
from pipelines.invocation.spans import COLD_START, RESTORE, Span, make_span

NS = 1_000_000  # in a millisecond


class SandboxSpans:
    """Filled by records as they come; `take` gives the one that belongs to a trace. Managed instances have none."""

    def __init__(self, settings: InvocationSettings, make_id: Callable[[], int]) -> None:
        self._settings, self._make_id = settings, make_id
        self._cold_start: Span | None = None
        self._restore: Span | None = None
        self._adopting = 0  # the trace of a library that makes its own spans
        self._is_warm = False  # an invocation is over: what led to it belongs to no other

    def init_start(self, at_ns: int) -> None:
        if not self._settings.is_managed:
            self._cold_start = make_span(COLD_START, self._settings, self._make_id(), at_ns)
            self._cold_start["trace_id"] = self._adopting

    def init_report(self, duration_ms: float) -> None:
        if self._cold_start is not None:
            self._cold_start["duration"] = int(duration_ms * NS)

    def restore_start(self, at_ns: int) -> None:
        if not self._settings.is_managed:
            self._restore = make_span(RESTORE, self._settings, self._make_id(), at_ns)
            self._is_warm = False

    def restore_report(self, duration_ms: float) -> None:
        if self._restore is not None:
            self._restore["duration"] = int(duration_ms * NS)

    def grow_warm(self) -> None:
        """An invocation is over."""
        self._is_warm = True

    def take(self, trace_id: int, parent_id: int) -> Span | None:
        """The restore, or else the cold start, as a part of the first invocation's trace. After a restore the init was the snapshot's."""
        return None if self._is_warm else self._take(trace_id, parent_id)

    def _take(self, trace_id: int, parent_id: int) -> Span | None:
        span = self._restore or self._cold_start
        self._restore = self._cold_start = None
        if span is not None:
            span["trace_id"] = span["trace_id"] or trace_id
            span["parent_id"] = span["parent_id"] or parent_id
        return span

    def adopt(self, load: Span) -> None:
        """The library's span for its own loading names the trace, and becomes the cold start's child.

        Where it comes before the init's record it stays as it is, for that record may never come: the cold start then stands beside it.
        """
        self._adopting = self._adopting or load["trace_id"]
        if self._cold_start is not None and self._restore is None:
            self._cold_start["trace_id"] = self._cold_start["trace_id"] or load["trace_id"]
            load["parent_id"] = self._cold_start["span_id"]

    def take_adopted(self) -> Span | None:
        """The cold start of a library's trace, once it is complete: it is sent alone."""
        if not self._adopting or self._cold_start is None or not self._cold_start["duration"]:
            return None
        return self._take(self._adopting, 0)

    def take_adopted_anyway(self) -> Span | None:
        """The same, at the end of the sandbox: the report of the init will not come."""
        return self._take(self._adopting, 0) if self._adopting else None
