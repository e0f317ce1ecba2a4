"""The shape of a report and the estimated cost, row by row (specification, metrics 7.2 and 7.3)."""

import pytest

from pipelines.metrics.report import estimated_cost, is_on_demand_shaped

METRICS = {"durationMs": 34.75, "billedDurationMs": 35, "memorySizeMB": 1024, "maxMemoryUsedMB": 91}


@pytest.mark.parametrize(
    ("billed_ms", "memory_mb", "x86_64", "arm64"),
    [
        (1, 128, 2.02083e-07, 2.01667e-07),
        (100, 128, 4.08334e-07, 3.66668e-07),
        (100, 256, 6.16668e-07, 5.33335e-07),
        (1000, 1024, 1.68667e-05, 1.35334e-05),
        (3000, 512, 2.520005e-05, 2.02001e-05),
        (900000, 10240, 0.1500005, 0.1200008),
    ],
)
def test_the_estimated_cost(billed_ms, memory_mb, x86_64, arm64):
    assert [estimated_cost(billed_ms, memory_mb, architecture) for architecture in ("x86_64", "arm64", "riscv64")] == [x86_64, arm64, 0]


@pytest.mark.parametrize(
    ("metrics", "is_on_demand"),
    [(METRICS, True), ({**METRICS, "billedDurationMs": 35.0, "memorySizeMB": 1024.0, "maxMemoryUsedMB": 91.0, "durationMs": 34}, True)]
    + [({key: value for key, value in METRICS.items() if key != missing}, False) for missing in METRICS]
    + [
        ({**METRICS, "billedDurationMs": wrong}, False)
        for wrong in (35.5, -1, -1.0, 1e290, 10**290, float("nan"), float("inf"), True, "35", None)
    ]
    + [({**METRICS, "durationMs": wrong}, False) for wrong in (float("nan"), True, "1", None)],
)
def test_the_shape_of_a_report_tells_its_kind(metrics, is_on_demand):
    assert is_on_demand_shaped(metrics) is is_on_demand
