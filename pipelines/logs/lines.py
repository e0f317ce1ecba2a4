"""The lines that platform records become, each a text and its status. Nothing here knows whose line it is or whether it is sent.

The wording is what people's log pipelines parse. (specification, logs 2)
"""

from protocols.intake_logs import escape
from protocols.telemetry_records import InitStartFields, ReportFields, RuntimeDoneFields, StartFields

INIT_START, START, END, REPORT = "init_start", "start", "end", "report"
"""The kinds of platform lines, as the setting that leaves some of them out names them."""


def init_start_line(fields: InitStartFields) -> tuple[str, str]:
    version, arn = fields.runtime_version or "?", fields.runtime_version_arn or "?"
    return f"INIT_START Runtime Version: {version} Runtime Version ARN: {arn}", "info"


def start_line(fields: StartFields) -> tuple[str, str]:
    return f"START RequestId: {fields.request_id} Version: {fields.version or '$LATEST'}", "info"


def end_line(fields: RuntimeDoneFields) -> tuple[str, str]:
    text = f"END RequestId: {fields.request_id}"
    if fields.status == "timeout":
        return text + _timed_out(fields.duration_ms), "error"
    if fields.status in ("error", "failure"):
        return f"{text} Task failed: {escape(fields.error_type or '')}", "error"
    return text, "info"


def report_line(fields: ReportFields, runtime_duration_ms: float) -> tuple[str, str]:
    """`runtime_duration_ms` is the duration in the same request's `platform.runtimeDone`, 0 if there was none."""
    return _report_on_demand(fields, runtime_duration_ms) if fields.is_on_demand else _report_managed(fields)


def _report_on_demand(fields: ReportFields, runtime_duration_ms: float) -> tuple[str, str]:
    duration_ms = fields.duration_ms or 0.0
    post_ms = max(duration_ms - runtime_duration_ms, 0.0) if runtime_duration_ms > 0 else 0.0
    text = (
        f"REPORT RequestId: {fields.request_id} Duration: {duration_ms:.2f} ms Runtime Duration: {runtime_duration_ms:.2f} ms"
        f" Post Runtime Duration: {post_ms:.2f} ms Billed Duration: {_whole(fields.billed_duration_ms)} ms"
        f" Memory Size: {_whole(fields.memory_size_mb)} MB Max Memory Used: {_whole(fields.max_memory_used_mb)} MB"
    )
    if fields.init_duration_ms is not None:
        text += f" Init Duration: {fields.init_duration_ms:.2f} ms"
    if fields.restore_duration_ms is not None:
        text += f" Restore Duration: {fields.restore_duration_ms:.2f} ms"
    if fields.status in ("timeout", "error", "failure"):
        text += f" Status: {fields.status}"
    return text, "info"


def _report_managed(fields: ReportFields) -> tuple[str, str]:
    text = f"REPORT RequestId: {fields.request_id}"
    if fields.duration_ms is not None:
        text += f" Runtime Duration: {fields.duration_ms:.2f} ms"
    if fields.status == "timeout":
        return text + _timed_out(fields.duration_ms), "error"
    if fields.status in ("error", "failure"):
        return f"{text} Task failed{': ' + fields.error_type if fields.error_type else ' with an unknown error'}", "error"
    return text, "info"


def _timed_out(duration_ms: float | None) -> str:
    return " Task timed out" if duration_ms is None else f" Task timed out after {duration_ms / 1000:.2f} seconds"


def _whole(value: float | None) -> str:
    """Whole figures without a point; the rare fraction with two decimals."""
    value = value or 0
    return str(int(value)) if value == int(value) else f"{value:.2f}"
