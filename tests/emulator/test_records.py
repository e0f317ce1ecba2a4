"""The shapes of platform records, as the specification shows them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import records
from emulator.values import FunctionConfig

CONFIG = FunctionConfig(handler="a.b", task_root=Path("/"), memory_mb=256)
MANAGED = FunctionConfig(handler="a.b", task_root=Path("/"), init_type="lambda-managed-instances", version="3", name="f")
AT = 1_666_361_105_764.9
TRACE = "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1"


def test_time_is_utc_with_milliseconds_cut_off():
    assert records.format_time(AT) == "2022-10-21T14:05:05.764Z"


@given(st.integers(0, 4_102_444_800_000))
def test_times_sort_like_the_moments(moment):
    assert records.format_time(moment) <= records.format_time(moment + 1)


def test_init_start_names_the_function_and_the_instance():
    record = records.init_start(CONFIG, AT, "init", "82561ce0")["record"]
    assert {key: record[key] for key in ("initializationType", "phase", "functionName", "functionVersion", "instanceId")} == {
        "initializationType": "on-demand",
        "phase": "init",
        "functionName": "my-function",
        "functionVersion": "$LATEST",
        "instanceId": "82561ce0",
    }
    assert record["instanceMaxMemory"] == 268_435_456
    assert "functionArn" not in record
    assert records.init_start(MANAGED, AT, "init", "x")["record"]["functionArn"].endswith(":function:f:3")


@pytest.mark.parametrize(
    ("made", "kind", "expected"),
    [
        (
            records.init_runtime_done(CONFIG, AT, "init", "success"),
            "platform.initRuntimeDone",
            {"initializationType": "on-demand", "phase": "init", "status": "success"},
        ),
        (
            records.init_report(CONFIG, AT, "invoke", "error", 500.004, "Runtime.ExitError"),
            "platform.initReport",
            {
                "initializationType": "on-demand",
                "phase": "invoke",
                "status": "error",
                "metrics": {"durationMs": 500.0},
                "errorType": "Runtime.ExitError",
            },
        ),
        (records.restore_runtime_done(AT, "success"), "platform.restoreRuntimeDone", {"status": "success"}),
        (records.restore_report(AT, "success", 150.5), "platform.restoreReport", {"status": "success", "metrics": {"durationMs": 150.5}}),
        (
            records.restore_report(AT, "failure", None, "RestoreError"),
            "platform.restoreReport",
            {"status": "failure", "errorType": "RestoreError"},
        ),
        (
            records.start(CONFIG, AT, "r", TRACE, "24cd7d670fa455f0", None),
            "platform.start",
            {
                "requestId": "r",
                "version": "$LATEST",
                "tracing": {"spanId": "24cd7d670fa455f0", "type": "X-Amzn-Trace-Id", "value": TRACE},
            },
        ),
        (
            records.start(MANAGED, AT, "r", None, "24cd7d670fa455f0", "t"),
            "platform.start",
            {"requestId": "r", "version": "3", "functionArn": MANAGED.arn, "tenantId": "t"},
        ),
        (
            records.runtime_done(AT, "r", "success", 2599.0, 8, spans=[records.span("responseLatency", AT, 2598.0)]),
            "platform.runtimeDone",
            {
                "requestId": "r",
                "status": "success",
                "metrics": {"durationMs": 2599.0, "producedBytes": 8},
                "spans": [{"name": "responseLatency", "start": "2022-10-21T14:05:05.764Z", "durationMs": 2598.0}],
            },
        ),
        (
            records.runtime_done(AT, "r", "timeout", 3000.0, 0),
            "platform.runtimeDone",
            {"requestId": "r", "status": "timeout", "metrics": {"durationMs": 3000.0, "producedBytes": 0}},
        ),
        (
            records.report(AT, "r", "timeout", {"durationMs": 30_000.412}, error_type="Sandbox.Timedout"),
            "platform.report",
            {"requestId": "r", "status": "timeout", "metrics": {"durationMs": 30_000.412}, "errorType": "Sandbox.Timedout"},
        ),
        (
            records.extension(AT, "datadog-agent", "Ready", ["INVOKE", "SHUTDOWN"]),
            "platform.extension",
            {"name": "datadog-agent", "state": "Ready", "events": ["INVOKE", "SHUTDOWN"]},
        ),
        (
            records.telemetry_subscription(AT, "datadog-agent", ["platform"]),
            "platform.telemetrySubscription",
            {"name": "datadog-agent", "state": "Subscribed", "types": ["platform"]},
        ),
        (
            records.logs_dropped(AT, "slow", 123, 12_345),
            "platform.logsDropped",
            {"reason": "slow", "droppedRecords": 123, "droppedBytes": 12_345},
        ),
        (records.log_line("function", AT, "hi\n"), "function", "hi\n"),
    ],
)
def test_a_record_has_exactly_its_fields(made, kind, expected):
    assert made == {"time": "2022-10-21T14:05:05.764Z", "type": kind, "record": expected}
