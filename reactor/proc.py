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
        self._counters = [KeptFile(f"{root}/{name}") for name in ("net/dev", "stat", "uptime")]
        self._newest = KeptFile(f"{root}/loadavg")
        self._pids, self._newest_pid = list[int](), b""
        self._limits: dict[int, bytes] = {}
        self._tmp_max_bytes = 0
        self._count_descriptors = _size if _is_size_the_count(f"{root}/self/fd") else _entries

    def snapshot(self) -> Snapshot:
        net_dev, stat, uptime = (file.read() for file in self._counters)
        return read_snapshot(net_dev, stat, uptime, self._ticks_per_s)

    def usage(self) -> Peaks:
        """What is in use now, by all processes together."""
        root, descriptors, threads = self._root, 0, 0
        for pid in self._processes():
            descriptors += self._count_descriptors(f"{root}/{pid}/fd")
            threads += _folders(f"{root}/{pid}/task")
        self._tmp_max_bytes, tmp_used_bytes = self._tmp_bytes()
        return Peaks(tmp_used_bytes, descriptors, threads)

    def limits(self) -> tuple[int, int, int]:
        """(size of /tmp in bytes, descriptors, threads): what the sandbox may use.

        Of each process they are read once: hardly any changes its own after it has begun its work.
        """
        known, root = self._limits, self._root
        self._limits = {pid: known.get(pid) or _read(f"{root}/{pid}/limits") for pid in self._processes()}
        return self._tmp_max_bytes or self._tmp_bytes()[0], *smallest_limits(self._limits.values())

    def runtime(self) -> str:
        others = (pid for pid in self._processes() if pid not in (INIT_PID, os.getpid()))
        return runtime_of((_read(f"{self._root}/{pid}/environ") for pid in others), _read(self._os_release))

    def _processes(self) -> list[int]:
        """All that live, and perhaps some that have just ended.

        The kernel says which process or thread it made last. While that stays the same there is none that is new, and to ask costs a
        tenth of listing them.
        """
        newest = self._newest.read().rpartition(b" ")[2]
        if not newest or newest != self._newest_pid:
            self._newest_pid, self._pids = newest, _pids(self._root)
        return self._pids

    def _tmp_bytes(self) -> tuple[int, int]:
        try:
            found = os.statvfs(self._tmp)
        except OSError:
            return 0, 0
        return tmp_bytes(found.f_frsize, found.f_blocks, found.f_bavail)


class KeptFile:
    """A file that stays open, since the kernel makes its content anew for each read from its beginning: half the cost of opening it too."""

    def __init__(self, path: str) -> None:
        self._path, self._descriptor = path, -1

    def read(self) -> bytes:
        """b"" if that cannot be done; the next time it is opened again."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._descriptor, FILE_BYTES_MAX, 0)
        except OSError:
            self.close()
            return b""

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    __del__ = close


def _pids(root: str) -> list[int]:
    try:
        return process_ids(os.listdir(root))
    except OSError:
        return []


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


def _is_size_the_count(own: str) -> bool:
    """Whether the size of a folder of descriptors is their number: Linux says so from 6.2 on, and listing them costs ten times as much."""
    listed = _entries(own) - 1  # to list them takes one itself
    return listed > 0 and listed == _size(own)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


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
