"""What the kernel's text files under /proc say (specification, metrics 8). It opens none of them: every function takes bytes.

A file that does not read as expected gives None, and the metrics that need it are left out.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

INTERFACES = (b"vinternal_1", b"vint_runtime", b"Ceth1")  # the function's own interface: on demand (two kinds of sandbox), managed
LIMIT_MAX = 1024  # what Lambda allows a sandbox in descriptors and in processes


class CpuTimes(NamedTuple):
    """Milliseconds since the machine started, of all cores together; `core_idle_ms` by core name."""

    user_ms: float
    system_ms: float
    idle_ms: float
    core_idle_ms: dict[str, float]


class Snapshot(NamedTuple):
    """Counters of the sandbox at one moment; None for what could not be read. `network_bytes` is (received, sent)."""

    network_bytes: tuple[int, int] | None = None
    cpu: CpuTimes | None = None
    uptime_ms: float | None = None


def read_snapshot(net_dev: bytes, stat: bytes, uptime: bytes, ticks_per_s: int) -> Snapshot:
    """The snapshot in the contents of /proc/net/dev, /proc/stat and /proc/uptime (b"" for an unreadable one; 0 ticks: not known)."""
    return Snapshot(parse_network(net_dev), parse_cpu(stat, ticks_per_s), parse_uptime(uptime))


def parse_network(net_dev: bytes) -> tuple[int, int] | None:
    """Bytes (received, sent) of the function's interface."""
    for line in net_dev.splitlines():
        name, colon, counters = line.strip().partition(b":")
        if colon and name.startswith(INTERFACES):
            words = counters.split()
            if len(words) < 9 or not (words[0].isdigit() and words[8].isdigit()):
                return None
            return int(words[0]), int(words[8])
    return None


def parse_cpu(stat: bytes, ticks_per_s: int) -> CpuTimes | None:
    """CPU times; None when a number or every core line is missing."""
    total: list[int] | None = None
    cores: dict[str, float] = {}
    if ticks_per_s <= 0:
        return None
    tick_ms = 1000 / ticks_per_s
    for line in stat.partition(b"\nintr ")[0].splitlines():  # interrupts follow, on one line of kilobytes
        name, *words = line.split() or [b""]
        if not name.startswith(b"cpu"):
            continue
        del words[4:]
        if len(words) < 4 or not b"".join(words).isdigit():
            return None
        numbers = [int(word) for word in words]
        if name == b"cpu":
            total = numbers
        else:
            cores[name.decode("ascii", "replace")] = numbers[3] * tick_ms
    if total is None or not cores:
        return None
    return CpuTimes(total[0] * tick_ms, total[2] * tick_ms, total[3] * tick_ms, cores)


def parse_uptime(uptime: bytes) -> float | None:
    """Milliseconds since the machine started. The second number is not used but has to be one."""
    words = uptime.split()
    try:
        seconds, _ = float(words[0]), float(words[1])
    except (IndexError, ValueError):
        return None
    return seconds * 1000 if math.isfinite(seconds) else None


def process_ids(names: Iterable[str]) -> list[int]:
    """The process ids among the entries of /proc."""
    return [int(name) for name in names if name.isascii() and name.isdigit()]


def parse_limits(limits: bytes) -> tuple[int | None, int | None]:
    """The soft limits (open files, processes) of /proc/<pid>/limits; None for one that is missing or unlimited."""
    files = processes = None
    for line in limits.splitlines():
        if line.startswith(b"Max open files"):
            files = _soft_limit(line, b"Max open files")
        elif line.startswith(b"Max processes"):
            processes = _soft_limit(line, b"Max processes")
    return files, processes


def _soft_limit(line: bytes, label: bytes) -> int | None:
    words = line.removeprefix(label).split()
    return int(words[0]) if words and words[0].isdigit() and len(words[0]) < 20 else None


def smallest_limits(limits: Iterable[bytes]) -> tuple[int, int]:
    """(fd_max, threads_max): the smallest soft limits of all processes, never more than a sandbox has."""
    fd_max = threads_max = LIMIT_MAX
    for text in limits:
        files, processes = parse_limits(text)
        fd_max = fd_max if files is None else min(fd_max, files)
        threads_max = threads_max if processes is None else min(threads_max, processes)
    return fd_max, threads_max


def tmp_bytes(block_bytes: int, blocks: int, blocks_available: int) -> tuple[int, int]:
    """(size, used) of the file system under /tmp from the fields of statvfs."""
    return block_bytes * blocks, block_bytes * (blocks - blocks_available)
