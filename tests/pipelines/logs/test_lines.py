"""The lines of platform records, row by row (specification, logs 2)."""

import pytest

from pipelines.logs.lines import end_line, init_start_line, report_line, start_line
from protocols.telemetry_records import InitStartFields, ReportFields, RuntimeDoneFields, StartFields

ID = "test-request-id"
RESTORED = "Duration: 100.00 ms Runtime Duration: 0.00 ms Post Runtime Duration: 0.00 ms Billed Duration: 128 ms"


def report(status="success", error_type=None, duration=100.0, billed=128, memory=256, used=64, init=None, restore=None):
    return ReportFields(ID, status, error_type, duration, billed, memory, used, init, restore)


def managed(status, error_type=None, duration=None):
    return ReportFields(ID, status, error_type, duration, None, None, None, None, None)


@pytest.mark.parametrize(
    ("version", "arn", "text"),
    [
        ("v", "a", "INIT_START Runtime Version: v Runtime Version ARN: a"),
        (None, None, "INIT_START Runtime Version: ? Runtime Version ARN: ?"),
    ],
)
def test_init_start(version, arn, text):
    assert init_start_line(InitStartFields("on-demand", "init", version, arn)) == (text, "info")


@pytest.mark.parametrize(("version", "shown"), [("test-version", "test-version"), (None, "$LATEST")])
def test_start(version, shown):
    assert start_line(StartFields(ID, version, None)) == (f"START RequestId: {ID} Version: {shown}", "info")


@pytest.mark.parametrize(
    ("status", "error_type", "duration_ms", "suffix", "level"),
    [
        ("success", None, 100.0, "", "info"),
        ("success", None, None, "", "info"),
        ("timeout", None, 5000.0, " Task timed out after 5.00 seconds", "error"),
        ("timeout", None, None, " Task timed out", "error"),
        ("error", "Runtime.ExitError", 1.0, ' Task failed: "Runtime.ExitError"', "error"),
        ("error", "Runtime.ExitError", None, ' Task failed: "Runtime.ExitError"', "error"),
        ("error", None, 1.0, ' Task failed: ""', "error"),
        ("error", 'a"b\\c', 1.0, ' Task failed: "a\\"b\\\\c"', "error"),
        ("failure", "Sandbox.Failure", 1.0, ' Task failed: "Sandbox.Failure"', "error"),
        ("of-the-future", None, 1.0, "", "info"),
        (None, None, 1.0, "", "info"),
    ],
)
def test_end(status, error_type, duration_ms, suffix, level):
    fields = RuntimeDoneFields(ID, status, error_type, duration_ms, None)
    assert end_line(fields) == (f"END RequestId: {ID}{suffix}", level)


@pytest.mark.parametrize(
    ("fields", "runtime_ms", "rest"),
    [
        (report(init=50.0), 0.0, f"{RESTORED} Memory Size: 256 MB Max Memory Used: 64 MB Init Duration: 50.00 ms"),
        (report(restore=7.5), 0.0, f"{RESTORED} Memory Size: 256 MB Max Memory Used: 64 MB Restore Duration: 7.50 ms"),
        (report("timeout"), 0.0, f"{RESTORED} Memory Size: 256 MB Max Memory Used: 64 MB Status: timeout"),
        (report("error"), 0.0, f"{RESTORED} Memory Size: 256 MB Max Memory Used: 64 MB Status: error"),
        (
            report(duration=34.75, billed=35, memory=1024, used=91),
            23.5,
            "Duration: 34.75 ms Runtime Duration: 23.50 ms Post Runtime Duration: 11.25 ms Billed Duration: 35 ms"
            " Memory Size: 1024 MB Max Memory Used: 91 MB",
        ),
        (
            report(duration=1.0, billed=1.5, memory=128.0),
            2.0,
            "Duration: 1.00 ms Runtime Duration: 2.00 ms Post Runtime Duration: 0.00 ms Billed Duration: 1.50 ms"
            " Memory Size: 128 MB Max Memory Used: 64 MB",
        ),
    ],
)
def test_report_of_an_on_demand_invocation(fields, runtime_ms, rest):
    assert report_line(fields, runtime_ms) == (f"REPORT RequestId: {ID} {rest}", "info")


@pytest.mark.parametrize(
    ("fields", "rest", "level"),
    [
        (managed("success", None, 123.45), " Runtime Duration: 123.45 ms", "info"),
        (managed("error", "RuntimeError", 200.0), " Runtime Duration: 200.00 ms Task failed: RuntimeError", "error"),
        (managed("timeout", None, 30000.0), " Runtime Duration: 30000.00 ms Task timed out after 30.00 seconds", "error"),
        (managed("error", None, 150.0), " Runtime Duration: 150.00 ms Task failed with an unknown error", "error"),
        (managed("failure", None, 1.0), " Runtime Duration: 1.00 ms Task failed with an unknown error", "error"),
        (managed("timeout"), " Task timed out", "error"),
        (managed(None), "", "info"),
    ],
)
def test_report_of_a_managed_invocation(fields, rest, level):
    assert report_line(fields, 99.0) == (f"REPORT RequestId: {ID}{rest}", level)
