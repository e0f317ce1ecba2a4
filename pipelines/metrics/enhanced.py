"""The metrics that the extension makes of what it sees: `aws.lambda.enhanced.*` (specification, metrics 6 and 7). It reads no clock
and no file.

All are distributions of one value per happening. The agent calls one method per happening with plain values: times in epoch
milliseconds, `event_ms` being the record's own and `now_ms` the clock's. What is known of a request is held until its report, for
at most `REQUESTS_MAX` of them; what was counted once is remembered for the last `CLOSED_MAX` longer, because a log line or a
tracer's call may come late.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from pipelines.metrics.aggregate import Aggregator, bucket_of
from pipelines.metrics.procfs import Snapshot
from pipelines.metrics.usage import Peaks, Point, cpu_time_points, network_points, usage_points, utilisation_points
from protocols.dogstatsd import DISTRIBUTION, Tags

PREFIX = "aws.lambda.enhanced."
REQUESTS_MAX = 500
CLOSED_MAX = 100
PROACTIVE_AFTER_MS = 10_000

ON_DEMAND, SNAP_START, MANAGED = "on-demand", "snap-start", "lambda-managed-instances"
OUT_OF_MEMORY_ERROR = "Runtime.OutOfMemory"

REQUEST_USD = 0.0000002
GB_SECOND_USD = {"x86_64": 0.0000166667, "arm64": 0.0000133334}


def estimated_cost(billed_ms: int, memory_mb: int, architecture: str) -> float:
    """US dollars for one invocation, to twelve places, half away from zero; 0 for an architecture without a price."""
    price = GB_SECOND_USD.get(architecture)
    if price is None:
        return 0.0
    gb_s = billed_ms * 0.001 * memory_mb / 1024
    return math.floor((REQUEST_USD + gb_s * price) * 1e12 + 0.5) / 1e12


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


@attrs.frozen
class EnhancedStatistics:
    """`evicted` requests were forgotten before their report, `refused` points were no finite number."""

    open_requests: int
    points: int
    evicted: int
    refused: int


class _Request:
    """What is held of one request: the counters that it has had its one count of, and where its measures began."""

    __slots__ = ("counted", "runtime_duration_ms", "start")

    def __init__(self, start: Snapshot | None = None) -> None:
        self.counted: set[str] = set()
        self.runtime_duration_ms = 0.0
        self.start = start


class Enhanced:
    """Makes the points of one sandbox and puts them into an aggregator of their own."""

    def __init__(self, aggregator: Aggregator, settings: EnhancedSettings) -> None:
        self._aggregator = aggregator
        self._settings = settings
        self._requests: dict[str, _Request] = {}
        self._closed: dict[str, set[str]] = {}
        self._dynamic: dict[str, str] = {}
        # With SnapStart the wait for a first invocation begins at the restore, not when the snapshot was made.
        self._ready_at_ms = None if settings.init_type == SNAP_START else settings.started_at_ms
        self._was_invoked = False
        self._was_ever_invoked = False
        self._was_init_started = False
        self._held: list[tuple[int, dict[str, str]]] = []
        self._has_init_duration = False
        self._interval_start: Snapshot | None = None
        self._points = self._evicted = self._refused = 0

    def statistics(self) -> EnhancedStatistics:
        return EnhancedStatistics(len(self._requests), self._points, self._evicted, self._refused)

    @property
    def dynamic_tags(self) -> dict[str, str]:
        """The tags that enhanced metrics get at this moment besides the function's."""
        return dict(self._dynamic)

    # -- the life of the sandbox --

    def init_start(self, runtime_version: str, now_ms: int) -> None:
        """Record `platform.initStart`."""
        self._was_init_started = True
        if "DurableFunction" in runtime_version:
            self._dynamic["durable_function"] = "true"
        if self._settings.is_managed and not self._was_invoked:
            self._tag_start(now_ms)
        self.release()

    def init_report(self, duration_ms: Any, event_ms: int, now_ms: int, init_type: str = "") -> None:
        """Record `platform.initReport`: once per sandbox, whichever of it and a report's `initDurationMs` comes first."""
        if self._has_init_duration or not is_number(duration_ms):
            return
        self._has_init_duration = True
        # One tag in the environment's spelling: then it is the function tag itself and merges with it.
        self._dynamic["init_type"] = self._settings.init_type or init_type or ON_DEMAND
        self._emit("init_duration", duration_ms * 0.001, event_ms, now_ms)

    def restore_start(self, now_ms: int) -> None:
        """Record `platform.restoreStart`: from here on the sandbox waits for a first invocation (again)."""
        self._ready_at_ms = now_ms
        self._was_invoked = False
        self.release()

    def restore_report(self, duration_ms: Any, event_ms: int, now_ms: int) -> None:
        """Record `platform.restoreReport`; `duration_ms` is None when it came without metrics."""
        self._emit("snapstart_restore_duration", duration_ms * 0.001 if is_number(duration_ms) else None, event_ms, now_ms)

    def set_runtime(self, runtime: str) -> None:
        """The runtime that was found in /proc when the first invocation started."""
        self._dynamic["runtime"] = runtime

    def shutdown(self, now_ms: int) -> None:
        """The Shutdown event."""
        self.release()
        self._emit("shutdowns", 1, now_ms, now_ms)
        if not self._was_ever_invoked:
            self._emit("unused_init", 1, now_ms, now_ms)

    def release(self) -> None:
        """Let the held first `invocations` point go, at its own time, with what has become known since.

        Also to be called before every flush.
        """
        held, self._held = self._held, []
        durable = {key: value for key, value in self._dynamic.items() if key == "durable_function"}
        for at_ms, tags in held:
            self._put("invocations", 1, at_ms, {**tags, **durable})

    # -- one request --

    def invoked(self, request_id: str, now_ms: int, start: Snapshot | None = None) -> None:
        """An invocation begins: the Invoke event on demand, `platform.start` on managed instances."""
        self._tag_start(now_ms)
        self._was_invoked = self._was_ever_invoked = True
        self._open(request_id, start)
        self._held.append((now_ms, dict(self._dynamic)))
        # The first point waits for initStart, which says whether the function is durable.
        if self._was_init_started or self._settings.is_managed or len(self._held) > 1:
            self.release()

    def started(self) -> None:
        """Record `platform.start` on demand: initStart would have come before it, so nothing more is waited for."""
        self.release()

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
        self.release()
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
        self._close(request_id)

    def error_reported(self, request_id: str, now_ms: int) -> None:
        """The tracer's end-of-invocation call tells of an error; "" when it names no request."""
        self._count_once("errors", request_id, now_ms, now_ms)

    def out_of_memory(self, request_id: str, event_ms: int, now_ms: int) -> None:
        """A log line tells of exhausted memory; "" when it names no request."""
        self._count_once("out_of_memory", request_id, event_ms, now_ms)

    def evict(self, request_id: str) -> None:
        """The agent has given up the request: no report is expected any more."""
        self._close(request_id)

    # -- measures of the whole sandbox --

    def usage(self, peaks: Peaks, tmp_max_bytes: int, fd_max: int, threads_max: int, now_ms: int) -> None:
        """The usage peaks: on demand at runtimeDone, on managed instances at shutdown."""
        self._emit_measures(usage_points(peaks, tmp_max_bytes, fd_max, threads_max), now_ms)

    def interval(self, snapshot: Snapshot, now_ms: int) -> None:
        """Managed instances: network and CPU since the last call. They belong to the sandbox, and its requests overlap."""
        start, self._interval_start = self._interval_start, snapshot
        self._emit_measures(network_points(start, snapshot), now_ms)
        self._emit_measures(cpu_time_points(start, snapshot), now_ms)
        self._emit_measures(utilisation_points(start, snapshot), now_ms)

    # -- inside --

    def _tag_start(self, now_ms: int) -> None:
        """Cold start, proactive initialisation or neither, for what is emitted from now on."""
        waited_ms = 0 if self._ready_at_ms is None else now_ms - self._ready_at_ms
        is_proactive = not self._was_invoked and waited_ms > PROACTIVE_AFTER_MS
        self._dynamic["cold_start"] = "false" if self._was_invoked or is_proactive else "true"
        self._dynamic.pop("proactive_initialization", None)
        if is_proactive:
            self._dynamic["proactive_initialization"] = "true"

    def _open(self, request_id: str, start: Snapshot | None) -> None:
        if len(self._requests) >= REQUESTS_MAX:
            self._close(next(iter(self._requests)))
            self._evicted += 1
        self._requests[request_id] = _Request(start)

    def _close(self, request_id: str) -> None:
        request = self._requests.pop(request_id, None)
        if request is not None:
            self._remember(request_id, request.counted)

    def _remember(self, request_id: str, counted: set[str]) -> None:
        while len(self._closed) >= CLOSED_MAX:
            del self._closed[next(iter(self._closed))]
        self._closed[request_id] = counted

    def _count_once(self, name: str, request_id: str, event_ms: int, now_ms: int) -> None:
        """Count 1 unless this request had it. Without any request to blame it is counted rather than lost."""
        if not request_id and len(self._requests) == 1:
            request_id = next(iter(self._requests))
        if request_id:
            counted = self._counted(request_id)
            if name in counted:
                return
            counted.add(name)
        self._emit(name, 1, event_ms, now_ms)

    def _counted(self, request_id: str) -> set[str]:
        request = self._requests.get(request_id)
        if request is not None:
            return request.counted
        if request_id not in self._closed:
            self._remember(request_id, set())
        return self._closed[request_id]

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
        if request_id in self._requests:
            latency_ms = self._emit_responses(spans, event_ms, now_ms)
            self._emit("runtime_duration", duration_ms if latency_ms is None else latency_ms, event_ms, now_ms)

    def _emit_responses(self, spans: Iterable[Mapping[str, Any]], event_ms: int, now_ms: int) -> float | None:
        """The points of the platform's spans around the response; the latency, if it was among them."""
        durations = {span.get("name"): span.get("durationMs") for span in spans}
        latency_ms = durations.get("responseLatency")
        self._emit("response_latency", latency_ms, event_ms, now_ms)
        self._emit("response_duration", durations.get("responseDuration"), event_ms, now_ms)
        return latency_ms if is_number(latency_ms) else None

    def _emit_measures(self, points: Iterable[Point], now_ms: int) -> None:
        if self._settings.is_proc_enabled:
            for name, value in points:
                self._emit(name, value, now_ms, now_ms)

    def _emit(self, name: str, value: Any, event_ms: int, now_ms: int) -> None:
        """One point with the tags of this moment; a record from the future is of now, and None is no point."""
        if value is not None:
            self._put(name, value, min(event_ms, now_ms), self._dynamic)

    def _put(self, name: str, value: Any, at_ms: int, tags: Mapping[str, str]) -> None:
        if not self._settings.is_enabled:
            return
        if not is_number(value):
            self._refused += 1
            return
        self._points += 1
        self._aggregator.add(PREFIX + name, _as_tags(tags), bucket_of(max(at_ms, 0) // 1000), DISTRIBUTION, (float(value),))


def _as_tags(tags: Mapping[str, str]) -> Tags:
    return tuple(f"{key}:{value}" for key, value in sorted(tags.items()))


def is_number(value: Any) -> bool:
    """A finite number that is no truth value."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def is_on_demand_shaped(metrics: Mapping[str, Any]) -> bool:
    """Whether a report's metrics have all that on-demand ones have."""
    whole = [metrics.get(name) for name in ("billedDurationMs", "memorySizeMB", "maxMemoryUsedMB")]
    return is_number(metrics.get("durationMs")) and all(is_number(n) and isinstance(n, int) and n >= 0 for n in whole)
