"""Arithmetic over snapshots, row by row (specification, metrics 7.4 and 7.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.metrics.procfs import CpuTimes, Snapshot
from pipelines.metrics.usage import Peaks, cpu_time_points, network_points, next_pause_ms, usage_points, utilisation_points


def at(uptime_ms, idle_ms, *cores):
    return Snapshot(None, CpuTimes(0, 0, idle_ms, {f"cpu{n}": core for n, core in enumerate(cores)}), uptime_ms)


def five(pct, total, cores, most, least):
    return {
        "cpu_total_utilization_pct": pct,
        "cpu_total_utilization": total,
        "num_cores": cores,
        "cpu_max_utilization": most,
        "cpu_min_utilization": least,
    }


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (at(1891100, 10, 10, 30), at(1891900, 1130, 570, 600), five(30, 0.6, 2, 30, 28.75)),
        (at(0, 30, 10, 20), at(800, 2030, 1010, 1020), five(0, 0, 2, 0, 0)),
        (at(0, 30, 10, 20), at(1000, 1100, 1010, 1050), five(46.5, 0.93, 2, 0, 0)),
        # Counters that run backwards: the reference says 120 % and 1.2 cores, a share stays within the whole.
        (at(0, 1000, 1000), at(500, 900, 900), five(100, 1, 1, 100, 100)),
        (at(0, 0, 0, 0), at(1, 1.3, 0.5, 0.8), five(35, 0.7, 2, 50, 20)),
        # No core is there at both ends: none is known to have been busy, none to have been idle.
        (Snapshot(None, CpuTimes(0, 0, 0, {"cpu7": 0}), 0), at(100, 50, 50), five(50, 0.5, 1, 0, 100)),
    ],
)
def test_utilisation(start, end, expected):
    points = dict(utilisation_points(start, end))
    assert points == pytest.approx(expected)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (at(100, 0, 0), at(100, 0, 0)),
        (at(100, 0, 0), at(99, 0, 0)),
        (None, at(1, 0, 0)),
        (at(1, 0, 0), None),
        (at(None, 0, 0), at(1, 0, 0)),
        (at(0, 0, 0), at(None, 0, 0)),
        (Snapshot(uptime_ms=0), at(1, 0, 0)),
        (at(0, 0, 0), Snapshot(uptime_ms=1)),
    ],
)
def test_the_five_stand_or_fall_together(start, end):
    assert utilisation_points(start, end) == []


def test_network_and_cpu_time():
    start = Snapshot((180, 254), CpuTimes(100, 3, 0, {"cpu0": 0}), 0)
    end = Snapshot((20180, 75000), CpuTimes(200, 56, 0, {"cpu0": 0}), 0)
    assert network_points(start, end) == [("rx_bytes", 20000), ("tx_bytes", 74746), ("total_network", 94746)]
    assert cpu_time_points(start, end) == [("cpu_user_time", 100), ("cpu_system_time", 53), ("cpu_total_time", 153)]
    assert network_points(end, start) == [("rx_bytes", 0), ("tx_bytes", 0), ("total_network", 0)]
    assert cpu_time_points(end, start) == [("cpu_user_time", 0), ("cpu_system_time", 0), ("cpu_total_time", 0)]


@pytest.mark.parametrize(("start", "end"), [(None, None), (Snapshot(), Snapshot((1, 1))), (Snapshot((1, 1)), Snapshot())])
def test_without_both_ends_there_is_nothing(start, end):
    assert network_points(start, end) == []
    assert cpu_time_points(start, end) == []


def test_peaks_only_grow():
    assert Peaks().with_sample(100, 5, 3).with_sample(50, 9, 2) == Peaks(100, 9, 3)


@pytest.mark.parametrize(
    ("peaks", "expected"),
    [
        (Peaks(), {"fd_max": 900, "threads_max": 1024}),
        (Peaks(fd_use=5, threads_use=4), {"fd_max": 900, "threads_max": 1024, "fd_use": 5, "threads_use": 4}),
        (Peaks(tmp_used_bytes=300), {"fd_max": 900, "threads_max": 1024, "tmp_used": 300, "tmp_max": 1000, "tmp_free": 700}),
        (Peaks(tmp_used_bytes=1300), {"fd_max": 900, "threads_max": 1024, "tmp_used": 1300, "tmp_max": 1000, "tmp_free": 0}),
    ],
)
def test_usage(peaks, expected):
    assert dict(usage_points(peaks, 1000, 900, 1024)) == expected


def test_pauses_grow_to_a_quarter_of_a_second():
    pauses = [0]
    while len(pauses) < 8:
        pauses.append(next_pause_ms(pauses[-1]))
    assert pauses == [0, 10, 20, 40, 80, 160, 250, 250]


TIMES = st.floats(0, 1e9)


@given(st.tuples(TIMES, TIMES, TIMES, TIMES), st.tuples(TIMES, TIMES, TIMES, TIMES))
def test_shares_stay_within_0_and_100(before, after):
    points = dict(utilisation_points(at(*before), at(*after)))
    for name in ("cpu_total_utilization_pct", "cpu_max_utilization", "cpu_min_utilization"):
        assert 0 <= points.get(name, 0) <= 100
