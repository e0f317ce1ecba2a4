"""The files of /proc, in a folder that looks like it, and once the real ones."""

import os

import pytest

from pipelines.metrics.procfs import CpuTimes, Snapshot
from pipelines.metrics.usage import Peaks
from reactor import proc as module
from reactor.proc import SystemProbe

NET_DEV = b"""Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
vinternal_1:     180       3    0    0    0     0          0         0      254       4    0    0    0     0       0          0
"""
STAT = b"cpu 2337 0 188 17838 8 0 16 181 0 0\ncpu0 884 0 100 9188 4 0 0 0 0 0\ncpu1 1453 0 87 8649 4 0 0 0 0 0\nintr 1 2 3\n"
LIMITS = b"Limit                     Soft Limit           Hard Limit           Units\n%s%s"
FILES = b"Max open files            %d                 1024                 files\n"
PROCESSES = b"Max processes             %d                 1024                 processes\n"


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """A /proc of pids 9 and 31, and what else stands there."""
    monkeypatch.setattr(module.os, "sysconf", lambda name: 100)
    root = tmp_path / "proc"
    for pid, descriptors, threads in ((9, 3, 3), (31, 2, 2)):
        for folder, count in (("fd", descriptors), ("task", threads)):
            for number in range(count):
                (root / str(pid) / folder / str(number)).mkdir(parents=True)
        (root / str(pid) / "limits").write_bytes(LIMITS % (FILES % (1024 if pid == 9 else 900), PROCESSES % 1024))
    (root / "31" / "task" / "plain file").touch()
    (root / "net").mkdir()
    (root / "net" / "dev").write_bytes(NET_DEV)
    (root / "stat").write_bytes(STAT)
    (root / "uptime").write_bytes(b"3213103123 32131\n")
    return root


def probe_of(root, **changes):
    return SystemProbe(str(root), **({"tmp": str(root), "os_release": str(root / "os-release")} | changes))


def test_a_snapshot_is_of_network_processors_and_uptime(proc):
    cpu = CpuTimes(23370, 1880, 178380, {"cpu0": 91880, "cpu1": 86490})
    assert probe_of(proc).snapshot() == Snapshot((180, 254), cpu, 3213103123000)


@pytest.mark.parametrize(("name", "missing"), [("net/dev", "network_bytes"), ("stat", "cpu"), ("uptime", "uptime_ms")])
def test_a_file_that_is_not_there_costs_its_part_alone(proc, name, missing):
    (proc / name).unlink()
    snapshot = probe_of(proc).snapshot()
    assert [field for field in Snapshot._fields if getattr(snapshot, field) is None] == [missing]


def test_descriptors_and_threads_are_those_of_all_processes_together(proc):
    usage = probe_of(proc).usage()
    assert (usage.fd_use, usage.threads_use) == (5, 5)
    assert usage.tmp_used_bytes > 0


def test_threads_are_listed_where_the_file_system_does_not_count_links(proc, monkeypatch):
    """Some keep 1 for every folder."""

    class Uncounted:
        st_nlink = 1

    monkeypatch.setattr(module.os, "stat", lambda path: Uncounted())
    assert probe_of(proc).usage().threads_use == 5


def test_processes_are_listed_anew_only_when_the_kernel_has_made_another(proc):
    (proc / "loadavg").write_bytes(b"0.00 0.01 0.05 1/80 31\n")
    probe = probe_of(proc)
    assert probe.usage().fd_use == 5
    (proc / "40" / "fd" / "0").mkdir(parents=True)
    assert probe.usage().fd_use == 5
    (proc / "loadavg").write_bytes(b"0.00 0.01 0.05 1/80 40\n")
    assert probe.usage().fd_use == 6


def test_a_process_that_has_ended_meanwhile_is_passed_over(proc):
    (proc / "77").mkdir()
    assert probe_of(proc).usage()[1:] == (5, 5)
    assert probe_of(proc).limits()[1:] == (900, 1024)


def test_limits_are_the_smallest_of_all_processes(proc):
    found = os.statvfs(proc)
    assert probe_of(proc).limits() == (found.f_frsize * found.f_blocks, 900, 1024)


def test_where_there_is_nothing_nothing_is_found(tmp_path):
    probe = probe_of(tmp_path / "nowhere")
    assert probe.snapshot() == Snapshot()
    assert probe.usage() == Peaks()
    assert probe.limits() == (0, 1024, 1024)
    assert probe.runtime() == "unknown"


def test_the_runtime_is_not_looked_for_in_the_first_process_nor_in_our_own(proc):
    for pid in (1, os.getpid()):
        (proc / str(pid)).mkdir(exist_ok=True)
        (proc / str(pid) / "environ").write_bytes(b"AWS_EXECUTION_ENV=AWS_Lambda_wrong\0")
    (proc / "os-release").write_bytes(b'PRETTY_NAME="Amazon Linux 2"\n')
    probe = probe_of(proc)
    assert probe.runtime() == "provided.al2"
    (proc / "31" / "environ").write_bytes(b"A=b\0AWS_EXECUTION_ENV=AWS_Lambda_python3.12\0")
    assert probe.runtime() == "python3.12"


def test_a_system_that_does_not_tell_its_clock_has_no_processor_times(proc, monkeypatch):
    def refuse(name):
        raise ValueError(name)

    monkeypatch.setattr(module.os, "sysconf", refuse)
    assert probe_of(proc).snapshot().cpu is None


def test_the_real_files_are_read():
    probe = SystemProbe()
    snapshot, usage, (tmp_bytes, fd_max, threads_max) = probe.snapshot(), probe.usage(), probe.limits()
    assert snapshot.cpu is not None
    assert snapshot.uptime_ms > 0
    assert usage.fd_use >= 3
    assert usage.threads_use >= 1
    assert tmp_bytes > usage.tmp_used_bytes
    assert 0 < fd_max <= 1024
    assert 0 < threads_max <= 1024


def test_descriptors_of_a_real_process_are_counted_alike_both_ways():
    path = f"/proc/{os.getpid()}/fd"
    if not module._is_size_the_count(path):
        pytest.skip("this kernel does not say how many there are")
    before = module._size(path)
    with open(os.devnull), open(os.devnull):
        assert module._size(path) == before + 2 == module._entries(path) - 1


def test_threads_of_a_real_process_are_counted_alike_both_ways():
    path = f"/proc/{os.getpid()}/task"
    assert module._folders(path) == len(os.listdir(path))
