"""Makes every telemetry record that the platform emits, in the exact shapes of specification, lambda-platform 5.

Pure functions: time comes in as epoch milliseconds. A shape is made in schema 2022-12-13, and in 2025-01-29 for managed instances,
whose records differ in kind, not only in wrapping.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.values import FunctionConfig

Record = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_time(epoch_ms: float) -> str:
    """`YYYY-MM-DDTHH:MM:SS.mmmZ`, truncated to the millisecond."""
    moment = _EPOCH + timedelta(milliseconds=int(epoch_ms))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def envelope(kind: str, epoch_ms: float, record: Any) -> Record:
    return {"time": format_time(epoch_ms), "type": kind, "record": record}


def span(name: str, start_epoch_ms: float, duration_ms: float) -> Record:
    return {"name": name, "start": format_time(start_epoch_ms), "durationMs": round(duration_ms, 3)}


def tracing_of(trace_id: str | None, span_id: str | None = None) -> Record:
    """`{"tracing": …}` or nothing, to be merged into a record."""
    if not trace_id:
        return {}
    tracing = {"type": "X-Amzn-Trace-Id", "value": trace_id}
    return {"tracing": {"spanId": span_id, **tracing} if span_id else tracing}


def _instance(config: FunctionConfig, instance_id: str) -> Record:
    return {
        "runtimeVersion": config.runtime_version,
        "runtimeVersionArn": f"arn:aws:lambda:{config.region}::runtime:{'0a1b' * 16}",
        "functionName": config.name,
        "functionVersion": config.version,
        "instanceId": instance_id,
        "instanceMaxMemory": config.memory_mb * 1024 * 1024,
    }


def init_start(config: FunctionConfig, epoch_ms: float, phase: str, instance_id: str) -> Record:
    head = {"initializationType": config.init_type, "phase": phase}
    arn = {"functionArn": config.arn} if config.managed else {}
    return envelope("platform.initStart", epoch_ms, head | _instance(config, instance_id) | arn)


def init_runtime_done(config: FunctionConfig, epoch_ms: float, phase: str, status: str, error_type: str | None = None) -> Record:
    record = {"initializationType": config.init_type, "phase": phase, "status": status}
    return envelope("platform.initRuntimeDone", epoch_ms, record | _error(error_type))


def init_report(
    config: FunctionConfig, epoch_ms: float, phase: str, status: str, duration_ms: float, error_type: str | None = None
) -> Record:
    record: Record = {"initializationType": config.init_type, "phase": phase, "status": status}
    record["metrics"] = {"durationMs": round(duration_ms, 2)}
    return envelope("platform.initReport", epoch_ms, record | _error(error_type))


def restore_start(config: FunctionConfig, epoch_ms: float, instance_id: str) -> Record:
    return envelope("platform.restoreStart", epoch_ms, _instance(config, instance_id))


def restore_runtime_done(epoch_ms: float, status: str, error_type: str | None = None) -> Record:
    return envelope("platform.restoreRuntimeDone", epoch_ms, {"status": status} | _error(error_type))


def restore_report(epoch_ms: float, status: str, duration_ms: float | None, error_type: str | None = None) -> Record:
    metrics = {} if duration_ms is None else {"metrics": {"durationMs": round(duration_ms, 2)}}
    return envelope("platform.restoreReport", epoch_ms, {"status": status} | metrics | _error(error_type))


def start(
    config: FunctionConfig, epoch_ms: float, request_id: str, trace_id: str | None, span_id: str | None, tenant_id: str | None
) -> Record:
    record: Record = {"requestId": request_id, "version": config.version}
    if config.managed:
        record["functionArn"] = config.arn
    return envelope("platform.start", epoch_ms, record | _tenant(tenant_id) | tracing_of(trace_id, span_id))


def runtime_done(
    epoch_ms: float,
    request_id: str,
    status: str,
    duration_ms: float,
    produced_bytes: int,
    *,
    error_type: str | None = None,
    spans: Sequence[Record] = (),
    tracing: Mapping[str, Any] | None = None,
    tenant_id: str | None = None,
) -> Record:
    record: Record = {"requestId": request_id, "status": status}
    record["metrics"] = {"durationMs": round(duration_ms, 3), "producedBytes": produced_bytes}
    record |= _error(error_type)
    if spans:
        record["spans"] = list(spans)
    return envelope("platform.runtimeDone", epoch_ms, record | _tenant(tenant_id) | dict(tracing or {}))


def report(
    epoch_ms: float,
    request_id: str,
    status: str,
    metrics: Mapping[str, Any],
    *,
    error_type: str | None = None,
    spans: Sequence[Record] = (),
    tracing: Mapping[str, Any] | None = None,
    tenant_id: str | None = None,
) -> Record:
    record: Record = {"requestId": request_id, "status": status, "metrics": dict(metrics)} | _error(error_type)
    if spans:
        record["spans"] = list(spans)
    return envelope("platform.report", epoch_ms, record | _tenant(tenant_id) | dict(tracing or {}))


def extension(epoch_ms: float, name: str, state: str, events: Sequence[str], error_type: str | None = None) -> Record:
    return envelope("platform.extension", epoch_ms, {"name": name, "state": state, "events": list(events)} | _error(error_type))


def telemetry_subscription(epoch_ms: float, name: str, types: Sequence[str]) -> Record:
    return envelope("platform.telemetrySubscription", epoch_ms, {"name": name, "state": "Subscribed", "types": list(types)})


def logs_dropped(epoch_ms: float, reason: str, dropped_records: int, dropped_bytes: int) -> Record:
    record = {"reason": reason, "droppedRecords": dropped_records, "droppedBytes": dropped_bytes}
    return envelope("platform.logsDropped", epoch_ms, record)


def log_line(kind: str, epoch_ms: float, line: str | Record) -> Record:
    """A `function` or `extension` record; `line` is the text with its newline, or an object where the log format is JSON."""
    return envelope(kind, epoch_ms, line)


def _error(error_type: str | None) -> Record:
    return {"errorType": error_type} if error_type else {}


def _tenant(tenant_id: str | None) -> Record:
    return {"tenantId": tenant_id} if tenant_id else {}
