"""The metrics that the extension makes of what it sees: `aws.lambda.enhanced.*` (specification, metrics 6 and 7). It reads no clock and
no file.

All are distributions of one value per happening. The agent calls one method per happening with plain values: times in epoch
milliseconds, `event_ms` being the record's own and `now_ms` the clock's. What is known of a request is in `requests`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import attrs

from pipelines.metrics.aggregate import BUCKET_S, Aggregator, Cell
from pipelines.metrics.procfs import Snapshot
from pipelines.metrics.report import estimated_cost, is_number, is_on_demand_shaped
from pipelines.metrics.requests import Requests
from pipelines.metrics.usage import Peaks, Point, cpu_time_points, network_points, usage_points, utilisation_points
from protocols.dogstatsd import DISTRIBUTION, Tags

PREFIX = "aws.lambda.enhanced."
PROACTIVE_AFTER_MS = 10_000
KEPT_RECORDS_MAX = 16

ON_DEMAND, SNAP_START, MANAGED = "on-demand", "snap-start", "lambda-managed-instances"
OUT_OF_MEMORY_ERROR = "Runtime.OutOfMemory"
DURABLE_TAG = "durable_function:true"


@attrs.frozen
class EnhancedSettings:
    """`init_type` is the environment's word for it, "" if it has none.

    `started_at_ms` is when the extension's process started (epoch).
    """

    init_type: str
    architecture: str
    started_at_ms: int
    is_enabled: bool = True
    is_proc_enabled: bool = True

    @property
    def is_managed(self) -> bool:
        return self.init_type == MANAGED


class EnhancedStatistics(NamedTuple):
    """`evicted` requests were forgotten before their report, `refused` points were no finite number."""

    open_requests: int
    points: int
    evicted: int
    refused: int


class Enhanced:
    """Makes the points of one sandbox and puts them into an aggregator of their own."""

    def __init__(self, aggregator: Aggregator, settings: EnhancedSettings) -> None:
        self._aggregator = aggregator
        self._settings = settings
        self._requests = Requests()
        self._dynamic: dict[str, str] = {}
        self._tags: Tags = ()  # the same as a context has them
        self._cells: dict[str, Cell] = {}  # by short name: the context that was written last, for it is mostly the one to write next
        # With SnapStart the wait for a first invocation begins at the restore, not when the snapshot was made.
        self._ready_at_ms = None if settings.init_type == SNAP_START else settings.started_at_ms
        self._was_invoked = False
        self._was_ever_invoked = False
        self._invoked_at_ms = 0
        self._was_init_started = False
        self._held: list[tuple[int, Tags]] = []
        self._kept: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._has_init_duration = False
        self._points = self._refused = 0

    def statistics(self) -> EnhancedStatistics:
        return EnhancedStatistics(len(self._requests), self._points, self._requests.evicted, self._refused)

    @property
    def dynamic_tags(self) -> dict[str, str]:
        """The tags that enhanced metrics get at this moment besides the function's."""
        return dict(self._dynamic)

    # -- the life of the sandbox --

    def init_start(self, runtime_version: str, now_ms: int) -> None:
        """Record `platform.initStart`."""
        self._was_init_started = True
        if "DurableFunction" in runtime_version:
            self._tag("durable_function", "true")
        if self._settings.is_managed and not self._was_invoked:
            self._tag_start(now_ms)
        self._release()

    def init_report(self, duration_ms: Any, event_ms: int, now_ms: int, init_type: str = "") -> None:
        """Record `platform.initReport`: once per sandbox, whichever of it and a report's `initDurationMs` comes first."""
        if self._has_init_duration or not is_number(duration_ms):
            return
        self._has_init_duration = True
        # One tag in the environment's spelling: then it is the function tag itself and merges with it.
        self._tag("init_type", self._settings.init_type or init_type or ON_DEMAND)
        self._emit("init_duration", duration_ms * 0.001, event_ms, now_ms)

    def restore_start(self, event_ms: int) -> None:
        """Record `platform.restoreStart`: from then on the sandbox waits for a first invocation (again).

        It is often read after that invocation's INVOKE, which then was the cold one already.
        """
        if event_ms > self._invoked_at_ms:
            self._was_invoked = False
        self._ready_at_ms = event_ms
        self._release()

    def restore_report(self, duration_ms: Any, event_ms: int, now_ms: int) -> None:
        """Record `platform.restoreReport`; `duration_ms` is None when it came without metrics."""
        self._emit("snapstart_restore_duration", duration_ms * 0.001 if is_number(duration_ms) else None, event_ms, now_ms)

    def set_runtime(self, runtime: str) -> None:
        """The runtime that was found in /proc when the first invocation started."""
        self._tag("runtime", runtime)

    def shutdown(self, now_ms: int) -> None:
        """The Shutdown event."""
        self.release()
        self._emit("shutdowns", 1, now_ms, now_ms)
        if not self._was_ever_invoked:
            self._emit("unused_init", 1, now_ms, now_ms)

    def release(self) -> None:
        """What waits goes into the flush that begins now: records that were kept, and the held first `invocations` point."""
        self._tell_kept()
        self._release()

    def _release(self) -> None:
        """Let the held first `invocations` point go, at its own time, with what has become known since."""
        if not self._held:
            return
        held, self._held = self._held, []
        durable = DURABLE_TAG in self._tags
        for at_ms, tags in held:
            self._put("invocations", 1, at_ms, tuple(sorted({*tags, DURABLE_TAG})) if durable and DURABLE_TAG not in tags else tags)

    # -- one request --

    def invoked(self, request_id: str, now_ms: int, start: Snapshot | None = None) -> None:
        """An invocation begins: the Invoke event on demand, `platform.start` on managed instances."""
        # A managed instance was judged when its init began, however long it then waited (specification, invocation 4.1).
        if not (self._settings.is_managed and self._was_init_started) or self._was_invoked:
            self._tag_start(now_ms)
        self._tell_kept()
        self._was_invoked, self._was_ever_invoked, self._invoked_at_ms = True, True, now_ms
        self._requests.open(request_id, start)
        self._held.append((now_ms, self._tags))
        # The first point waits for initStart, which says whether the function is durable.
        if self._was_init_started or self._settings.is_managed or len(self._held) > 1:
            self._release()

    def started(self) -> None:
        """Record `platform.start` on demand: initStart would have come before it, so nothing more is waited for."""
        self._release()

    def runtime_done(
        self,
        request_id: str,
        status: str,
        event_ms: int,
        now_ms: int,
        metrics: Mapping[str, Any] | None = None,
        error_type: str = "",
        spans: Iterable[Mapping[str, Any]] = (),
        end: Snapshot | None = None,
    ) -> None:
        """Record `platform.runtimeDone`. Failures count even when it comes without metrics."""
        self._release()
        request = self._requests.get(request_id)
        metrics = metrics or {}
        duration_ms: Any = metrics.get("durationMs")
        if request is not None and is_number(duration_ms):
            request.runtime_duration_ms = duration_ms
        self._emit("runtime_duration", duration_ms, event_ms, now_ms)
        self._emit("produced_bytes", metrics.get("producedBytes"), event_ms, now_ms)
        self._emit_responses(spans, event_ms, now_ms)
        self._count_failure(request_id, status, error_type, event_ms, now_ms)
        if request is not None and not self._settings.is_managed:
            self._emit_measures(utilisation_points(request.start, end), now_ms)

    def report(
        self,
        request_id: str,
        metrics: Mapping[str, Any] | None,
        event_ms: int,
        now_ms: int,
        status: str = "",
        error_type: str = "",
        spans: Iterable[Mapping[str, Any]] = (),
        end: Snapshot | None = None,
    ) -> None:
        """Record `platform.report`; the request is over. Its shape, not the mode, decides what it is worth."""
        metrics = metrics or {}
        if is_on_demand_shaped(metrics):
            self._report_on_demand(request_id, metrics, event_ms, now_ms, end)
        elif is_number(metrics.get("durationMs")):
            self._report_managed(request_id, metrics["durationMs"], event_ms, now_ms, status, error_type, spans)
        self._requests.close(request_id)

    def keep(self, tell: Callable[..., None], *args: Any) -> None:
        """One of the methods that take a record, for a record read while the next event is asked for: told when an invocation begins, or
        when a flush does, and so with the tags of then.

        The reference reads no record in that time. And which of the two is read first after a thaw would be chance.
        """
        self._kept.append((tell, args))
        if len(self._kept) > KEPT_RECORDS_MAX:
            self._tell_kept()

    def error_reported(self, request_id: str, now_ms: int) -> None:
        """The tracer's end-of-invocation call tells of an error; "" when it names no request."""
        self._count_once("errors", request_id, now_ms, now_ms)

    def out_of_memory(self, request_id: str, event_ms: int, now_ms: int) -> None:
        """A log line tells of exhausted memory; "" when it names no request."""
        self._count_once("out_of_memory", request_id, event_ms, now_ms)

    def evict(self, request_id: str) -> None:
        """The agent has given up the request: no report is expected any more."""
        self._requests.close(request_id)

    # -- measures of the whole sandbox --

    def usage(self, peaks: Peaks, tmp_max_bytes: int, fd_max: int, threads_max: int, now_ms: int) -> None:
        """The usage peaks: on demand at runtimeDone, on managed instances at shutdown."""
        self._emit_measures(usage_points(peaks, tmp_max_bytes, fd_max, threads_max), now_ms)

    def interval(self, start: Snapshot, end: Snapshot, now_ms: int) -> None:
        """Managed instances: network and CPU between two flushes. They belong to the sandbox, and its requests overlap."""
        self._emit_measures(network_points(start, end), now_ms)
        self._emit_measures(cpu_time_points(start, end), now_ms)
        self._emit_measures(utilisation_points(start, end), now_ms)

    # -- inside --

    def _tell_kept(self) -> None:
        kept, self._kept = self._kept, []
        for tell, args in kept:
            tell(self, *args)

    def _tag_start(self, now_ms: int) -> None:
        """Cold start, proactive initialisation or neither, for what is emitted from now on."""
        waited_ms = 0 if self._ready_at_ms is None else now_ms - self._ready_at_ms
        is_proactive = not self._was_invoked and waited_ms > PROACTIVE_AFTER_MS
        self._tag("cold_start", "false" if self._was_invoked or is_proactive else "true")
        self._tag("proactive_initialization", "true" if is_proactive else None)

    def _tag(self, key: str, value: str | None) -> None:
        """Change one of the dynamic tags, or take it away."""
        if self._dynamic.get(key) == value:
            return
        if value is None:
            del self._dynamic[key]
        else:
            self._dynamic[key] = value
        self._tags = tuple(f"{key}:{value}" for key, value in sorted(self._dynamic.items()))

    def _count_once(self, name: str, request_id: str, event_ms: int, now_ms: int) -> None:
        if self._requests.count(name, request_id):
            self._emit(name, 1, event_ms, now_ms)

    def _count_failure(self, request_id: str, status: str, error_type: str, event_ms: int, now_ms: int) -> None:
        if status in ("", "success"):
            return
        self._count_once("errors", request_id, event_ms, now_ms)
        if status == "timeout":
            self._count_once("timeouts", request_id, event_ms, now_ms)
        if status == "error" and error_type == OUT_OF_MEMORY_ERROR:
            self._count_once("out_of_memory", request_id, event_ms, now_ms)

    def _report_on_demand(self, request_id: str, metrics: Mapping[str, Any], event_ms: int, now_ms: int, end: Snapshot | None) -> None:
        duration_ms, billed_ms = metrics["durationMs"], metrics["billedDurationMs"]
        memory_mb, used_mb = metrics["memorySizeMB"], metrics["maxMemoryUsedMB"]
        for name, value in (
            ("duration", duration_ms * 0.001),
            ("billed_duration", billed_ms * 0.001),
            ("max_memory_used", used_mb),
            ("memorysize", memory_mb),
            ("estimated_cost", estimated_cost(billed_ms, memory_mb, self._settings.architecture)),
        ):
            self._emit(name, value, event_ms, now_ms)
        if used_mb >= memory_mb:
            self._count_once("out_of_memory", request_id, event_ms, now_ms)
        self.init_report(metrics.get("initDurationMs"), event_ms, now_ms)
        request = self._requests.get(request_id)
        if request is None:
            return
        if request.runtime_duration_ms:
            self._emit("post_runtime_duration", duration_ms - request.runtime_duration_ms, event_ms, now_ms)
        self._emit_measures(network_points(request.start, end), now_ms)
        self._emit_measures(cpu_time_points(request.start, end), now_ms)

    def _report_managed(
        self,
        request_id: str,
        duration_ms: float,
        event_ms: int,
        now_ms: int,
        status: str,
        error_type: str,
        spans: Iterable[Mapping[str, Any]],
    ) -> None:
        self._emit("duration", duration_ms * 0.001, event_ms, now_ms)
        self._count_failure(request_id, status, error_type, event_ms, now_ms)
        if self._requests.get(request_id) is not None:
            latency_ms = self._emit_responses(spans, event_ms, now_ms)
            self._emit("runtime_duration", duration_ms if latency_ms is None else latency_ms, event_ms, now_ms)

    def _emit_responses(self, spans: Iterable[Mapping[str, Any]], event_ms: int, now_ms: int) -> float | None:
        """The points of the platform's spans around the response; the latency, if it was among them."""
        latency_ms = duration_ms = None
        for span in spans:
            if isinstance(span, Mapping) and span.get("name") == "responseLatency":
                latency_ms = span.get("durationMs")
            elif isinstance(span, Mapping) and span.get("name") == "responseDuration":
                duration_ms = span.get("durationMs")
        if latency_ms is not None:
            self._emit("response_latency", latency_ms, event_ms, now_ms)
        if duration_ms is not None:
            self._emit("response_duration", duration_ms, event_ms, now_ms)
        return latency_ms if is_number(latency_ms) else None

    def _emit_measures(self, points: Iterable[Point], now_ms: int) -> None:
        if self._settings.is_proc_enabled:
            for name, value in points:
                self._emit(name, value, now_ms, now_ms)

    def _emit(self, name: str, value: Any, event_ms: int, now_ms: int) -> None:
        """One point with the tags of this moment; a record from the future is of now, and None is no point."""
        if value is not None:
            self._put(name, value, event_ms if event_ms < now_ms else now_ms, self._tags)

    def _put(self, name: str, value: Any, at_ms: int, tags: Tags) -> None:
        if not self._settings.is_enabled:
            return
        if not is_number(value):
            self._refused += 1
            return
        self._points += 1
        bucket_s = at_ms // 1000 // BUCKET_S * BUCKET_S if at_ms > 0 else 0
        cell = self._cells.get(name)
        if cell is None or cell.bucket_s != bucket_s or cell.tags is not tags:
            cell = self._cell(name, tags, bucket_s, cell)
        if cell is not None:
            self._aggregator.insert(cell, float(value), 1.0)

    def _cell(self, name: str, tags: Tags, bucket_s: int, last: Cell | None) -> Cell | None:
        """The cell of this context. None: no room, which the aggregator has counted."""
        if last is not None and last.tags is tags:
            cell = self._aggregator.reopened(last, bucket_s)
        else:
            cell = self._aggregator.cell(PREFIX + name, tags, bucket_s, DISTRIBUTION)
        if cell is not None:
            self._cells[name] = cell
        return cell
