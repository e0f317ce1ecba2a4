"""What two snapshots, or many samples, of the sandbox's counters amount to (specification, metrics 7.4 and 7.6). Pure arithmetic.

Points are `(short name, value)`. Percentages stay within 0 and 100 and differences are never negative, whatever a thaw did to the
counters.
"""

import math
from typing import NamedTuple

from pipelines.metrics.procfs import CpuTimes, Snapshot

Point = tuple[str, float]

PAUSE_FIRST_MS = 10
PAUSE_MAX_MS = 250


def network_points(start: Snapshot | None, end: Snapshot | None) -> list[Point]:
    """Bytes received and sent between the two."""
    if start is None or end is None or start.network_bytes is None or end.network_bytes is None:
        return []
    received = max(0, end.network_bytes[0] - start.network_bytes[0])
    sent = max(0, end.network_bytes[1] - start.network_bytes[1])
    return [("rx_bytes", received), ("tx_bytes", sent), ("total_network", received + sent)]


def cpu_time_points(start: Snapshot | None, end: Snapshot | None) -> list[Point]:
    """Milliseconds of CPU used between the two."""
    if start is None or end is None or start.cpu is None or end.cpu is None:
        return []
    user = max(0.0, end.cpu.user_ms - start.cpu.user_ms)
    system = max(0.0, end.cpu.system_ms - start.cpu.system_ms)
    return [("cpu_user_time", user), ("cpu_system_time", system), ("cpu_total_time", user + system)]


def utilisation_points(start: Snapshot | None, end: Snapshot | None) -> list[Point]:
    """How busy the cores were between the two; all five points or none."""
    if start is None or end is None or start.cpu is None or end.cpu is None or start.uptime_ms is None or end.uptime_ms is None:
        return []
    elapsed_ms = end.uptime_ms - start.uptime_ms
    if elapsed_ms <= 0:
        return []
    cores = len(end.cpu.core_idle_ms)
    idle_ms = end.cpu.idle_ms - start.cpu.idle_ms
    busy = _share(elapsed_ms * cores - idle_ms, elapsed_ms * cores)
    least_ms, largest_ms = _idle_range(start.cpu, end.cpu)
    return [
        ("cpu_total_utilization_pct", busy * 100),
        ("cpu_total_utilization", busy * cores),
        ("num_cores", cores),
        ("cpu_max_utilization", _share(elapsed_ms - least_ms, elapsed_ms) * 100),
        ("cpu_min_utilization", _share(elapsed_ms - largest_ms, elapsed_ms) * 100),
    ]


def _share(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0)


def _idle_range(start: CpuTimes, end: CpuTimes) -> tuple[float, float]:
    """

    he least and the largest idle time of a core that is there at both ends; without any, no core counts as busy at most and all at
    least.
    """
    before, after = start.core_idle_ms, end.core_idle_ms
    idle = [max(0.0, after[core] - before[core]) for core in after if core in before]
    return min(idle, default=math.inf), max(idle, default=0.0)


class Peaks(NamedTuple):
    """The highest values that samples of the whole sandbox have shown. On demand every invocation begins with `Peaks()`."""

    tmp_used_bytes: int = 0
    fd_use: int = 0
    threads_use: int = 0

    def with_sample(self, tmp_used_bytes: int, fd_use: int, threads_use: int) -> "Peaks":
        return Peaks(max(self.tmp_used_bytes, tmp_used_bytes), max(self.fd_use, fd_use), max(self.threads_use, threads_use))


def usage_points(peaks: Peaks, tmp_max_bytes: int, fd_max: int, threads_max: int) -> list[Point]:
    """The peaks that were seen, and the limits that they come near."""
    points: list[Point] = [("fd_max", fd_max), ("threads_max", threads_max)]
    if peaks.tmp_used_bytes > 0:
        free = max(0, tmp_max_bytes - peaks.tmp_used_bytes)
        points += [("tmp_used", peaks.tmp_used_bytes), ("tmp_max", tmp_max_bytes), ("tmp_free", free)]
    if peaks.fd_use > 0:
        points.append(("fd_use", peaks.fd_use))
    if peaks.threads_use > 0:
        points.append(("threads_use", peaks.threads_use))
    return points


def next_pause_ms(pause_ms: int) -> int:
    """The pause between samples after this one: 10, 20, 40 ...

    250. A scan of /proc is dear, and what is short shows at the end as well.
    """
    return min(max(pause_ms * 2, PAUSE_FIRST_MS), PAUSE_MAX_MS)
