"""One invocation while it runs, and the arithmetic of its end: status, durations, spans, the report's metrics."""

import math
from typing import Any

import attrs
import trio

from emulator import records
from emulator.values import FunctionConfig, Invocation, InvocationResult


@attrs.define(eq=False, kw_only=True)
class Running:
    """Times are milliseconds of trio's clock; `epoch_of_ms` added to one gives the wall clock."""

    invocation: Invocation
    request_id: str
    trace_id: str | None
    span_id: str
    arn: str
    deadline_epoch_ms: int
    started_ms: float
    epoch_of_ms: float
    cold: bool = False  # the first of its sandbox
    init_ms: float | None = None
    restore_ms: float | None = None
    response: bytes | None = None
    error_type: str | None = None
    status: str | None = None  # set by the runtime's answer (success, error), or by the platform
    answer_began_ms: float | None = None
    answer_ended_ms: float | None = None
    runtime_next_ms: float | None = None
    runtime_done_ms: float | None = None
    runtime_told: bool = False  # RuntimeDone, ExtensionsDone: told to the machine once
    extensions_told: bool = False
    expired: bool = False
    answered: trio.Event = attrs.field(factory=trio.Event)
    over: trio.Event = attrs.field(factory=trio.Event)
    result: InvocationResult | None = None

    @property
    def produced_bytes(self) -> int:
        return len(self.response or b"")

    def answer(self, status: str, body: bytes, began_ms: float, ended_ms: float, error_type: str | None = None) -> None:
        """What the runtime posted, to `response` or to `error`."""
        self.status, self.response, self.error_type = status, body, error_type
        self.answer_began_ms, self.answer_ended_ms = began_ms, ended_ms
        self.answered.set()

    def runtime_spans(self) -> list[dict[str, Any]]:
        """responseLatency, responseDuration, runtimeOverhead, as far as they happened."""
        began, ended = self.answer_began_ms, self.answer_ended_ms
        if began is None or ended is None:
            return []
        spans = [
            records.span("responseLatency", self.started_ms + self.epoch_of_ms, began - self.started_ms),
            records.span("responseDuration", began + self.epoch_of_ms, ended - began),
        ]
        if self.runtime_next_ms is not None:
            spans.append(records.span("runtimeOverhead", ended + self.epoch_of_ms, self.runtime_next_ms - ended))
        return spans

    def tracing(self) -> dict[str, Any]:
        return records.tracing_of(self.trace_id, self.span_id)

    def finish(self, status: str, error_type: str | None, ended_ms: float, billed_ms: int) -> InvocationResult:
        """Make the result; `answered` and `over` are set with it."""
        done_ms = self.runtime_done_ms if self.runtime_done_ms is not None else ended_ms
        crashed = error_type is not None and status == "error" and self.status != "error"
        self.result = InvocationResult(
            request_id=self.request_id,
            status="crash" if crashed else status,  # type: ignore[arg-type]  # the machine's words are these
            response=self.response,
            error_type=error_type,
            duration_ms=ended_ms - self.started_ms,
            post_runtime_ms=max(0.0, ended_ms - done_ms),
            init_ms=self.init_ms,
            billed_ms=billed_ms,
            response_ms=None if self.answer_began_ms is None else self.answer_began_ms - self.started_ms,
        )
        self.answered.set()
        self.over.set()
        return self.result


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Rounded up to the millisecond; the init that an invocation waited for is billed with it (specification, transcript 16.1)."""
    return math.ceil(duration_ms + (init_ms or 0.0))


def report_metrics(config: FunctionConfig, running: Running, duration_ms: float, max_memory_mb: int) -> dict[str, Any]:
    """The `metrics` of platform.report: all of them on demand, the duration alone in managed instances."""
    if config.managed:
        return {"durationMs": round(duration_ms, 3)}
    metrics: dict[str, Any] = {
        "durationMs": round(duration_ms, 2),
        "billedDurationMs": billed_ms(duration_ms, running.init_ms),
        "memorySizeMB": config.memory_mb,
        "maxMemoryUsedMB": max_memory_mb,
    }
    # An init that is repeated after a reset is no cold start: it has its own report, and only the bill shows it here.
    if running.init_ms is not None and running.cold:
        metrics["initDurationMs"] = round(running.init_ms, 2)
    if running.restore_ms is not None:
        metrics["restoreDurationMs"] = round(running.restore_ms, 2)
        metrics["billedRestoreDurationMs"] = math.ceil(running.restore_ms)
    return metrics
