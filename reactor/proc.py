"""Reads the sandbox's counters: the files of /proc, and the size of /tmp. It knows no meaning of them (`pipelines.metrics.procfs`).

Synchronous: these files are made by the kernel as they are read, some microseconds each. What cannot be read is left out; nothing raises
OSError, since processes end while they are looked at.
"""

import os

from pipelines.metrics.procfs import Snapshot, process_ids, read_snapshot, smallest_limits, tmp_bytes
from pipelines.metrics.usage import Peaks
from pipelines.runtime import runtime_of

FILE_BYTES_MAX = 65_536
INIT_PID = 1


class SystemProbe:
    """The `reactor.agent.measuring.Probe` of this machine. `root`, `tmp` and `os_release` are elsewhere in tests."""

    def __init__(self, root: str = "/proc", tmp: str = "/tmp/", os_release: str = "/etc/os-release") -> None:
        self._root, self._tmp, self._os_release = root, tmp, os_release
        self._ticks_per_s = _ticks_per_s()

    def snapshot(self) -> Snapshot:
        root = self._root
        return read_snapshot(_read(f"{root}/net/dev"), _read(f"{root}/stat"), _read(f"{root}/uptime"), self._ticks_per_s)

    def usage(self) -> Peaks:
        """What is in use now, by all processes together."""
        root, descriptors, threads = self._root, 0, 0
        for pid in self._pids():
            descriptors += _entries(f"{root}/{pid}/fd")
            threads += _folders(f"{root}/{pid}/task")
        return Peaks(self._tmp_bytes()[1], descriptors, threads)

    def limits(self) -> tuple[int, int, int]:
        """(size of /tmp in bytes, descriptors, threads): what the sandbox may use."""
        return self._tmp_bytes()[0], *smallest_limits([_read(f"{self._root}/{pid}/limits") for pid in self._pids()])

    def runtime(self) -> str:
        others = (pid for pid in self._pids() if pid not in (INIT_PID, os.getpid()))
        return runtime_of((_read(f"{self._root}/{pid}/environ") for pid in others), _read(self._os_release))

    def _pids(self) -> list[int]:
        try:
            return process_ids(os.listdir(self._root))
        except OSError:
            return []

    def _tmp_bytes(self) -> tuple[int, int]:
        try:
            found = os.statvfs(self._tmp)
        except OSError:
            return 0, 0
        return tmp_bytes(found.f_frsize, found.f_blocks, found.f_bavail)


def _ticks_per_s() -> int:
    try:
        return os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return 0


def _read(path: str) -> bytes:
    """The file's beginning, or nothing. Without Python's file objects: this is read several times in each invocation."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, FILE_BYTES_MAX)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _entries(path: str) -> int:
    try:
        return len(os.listdir(path))
    except OSError:
        return 0


def _folders(path: str) -> int:
    """The folders in this one, by its link count: /proc keeps that, and it is a third of the cost of listing them.

    A file system that does not keep it says 1.
    """
    try:
        links = os.stat(path).st_nlink
        return links - 2 if links >= 2 else sum(entry.is_dir() for entry in os.scandir(path))
    except OSError:
        return 0
