"""CloudWatch's text lines."""

import pytest

from emulator.console import console_line

METRICS = {"durationMs": 2599.4, "billedDurationMs": 2600, "memorySizeMB": 128, "maxMemoryUsedMB": 94}
SIZES = "Billed Duration: 2600 ms\tMemory Size: 128 MB\tMax Memory Used: 94 MB\t"
REPORT = f"REPORT RequestId: r\tInit Duration: 549.04 ms\tDuration: 2599.40 ms\t{SIZES}"


@pytest.mark.parametrize(
    ("kind", "record", "expected"),
    [
        ("platform.start", {"requestId": "r", "version": "$LATEST"}, "START RequestId: r Version: $LATEST"),
        ("platform.runtimeDone", {"requestId": "r", "status": "success"}, "END RequestId: r"),
        ("platform.report", {"requestId": "r", "status": "success", "metrics": {**METRICS, "initDurationMs": 549.04}}, REPORT),
        (
            "platform.report",
            {"requestId": "r", "status": "timeout", "metrics": {"durationMs": 3000.0}},
            "REPORT RequestId: r\tDuration: 3000.00 ms\t\nTask timed out after 3.00 seconds",
        ),
        ("function", "hello\n", "hello"),
        ("function", {"message": "x"}, "{'message': 'x'}"),
        ("platform.initStart", {}, None),
    ],
)
def test_a_record_shows_as_its_line(kind, record, expected):
    assert console_line({"type": kind, "time": "t", "record": record}, 3_000) == expected
