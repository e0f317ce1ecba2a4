"""The text lines that CloudWatch shows for a platform record (specification, lambda-platform 8). Pure."""

from typing import Any


def console_line(record: dict[str, Any], timeout_ms: int) -> str | None:
    """The line for one telemetry record; None for those that CloudWatch does not show."""
    kind, body = record["type"], record["record"]
    if kind in ("function", "extension"):
        return body.rstrip("\n") if isinstance(body, str) else str(body)
    if kind == "platform.start":
        return f"START RequestId: {body['requestId']} Version: {body.get('version', '')}"
    if kind == "platform.runtimeDone":
        return f"END RequestId: {body['requestId']}"
    if kind == "platform.report":
        return _report(body, timeout_ms)
    return None


def _report(body: dict[str, Any], timeout_ms: int) -> str:
    metrics = body["metrics"]
    parts = [f"REPORT RequestId: {body['requestId']}"]
    if "initDurationMs" in metrics:
        parts.append(f"Init Duration: {metrics['initDurationMs']:.2f} ms")
    parts.append(f"Duration: {metrics['durationMs']:.2f} ms")
    for key, label, unit in (
        ("billedDurationMs", "Billed Duration", "ms"),
        ("memorySizeMB", "Memory Size", "MB"),
        ("maxMemoryUsedMB", "Max Memory Used", "MB"),
    ):
        if key in metrics:
            parts.append(f"{label}: {metrics[key]} {unit}")
    line = "\t".join(parts) + "\t"
    return f"{line}\n{timeout_text(timeout_ms)}" if body["status"] == "timeout" else line


def timeout_text(timeout_ms: int) -> str:
    return f"Task timed out after {timeout_ms / 1000:.2f} seconds"
