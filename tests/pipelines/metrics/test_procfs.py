"""The kernel's text files, row by row (specification, metrics 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.metrics import procfs
from pipelines.metrics.procfs import CpuTimes, Snapshot, parse_cpu, parse_limits, parse_network, parse_uptime, process_ids, read_snapshot

HEAD = b"Inter-|   Receive    |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
LO = b"    lo:       0       0    0    0    0     0          0         0        0       0    0    0\n"
TELEMETRY = b"telemetry1_sb:  10 3 0 0 0 0 0 0 20 4 0 0 0 0 0 0\n"
VINTERNAL = b"vinternal_1:     180 3 0 0 0 0 0 0 254 4 0 0 0 0 0 0\n"


@pytest.mark.parametrize(
    ("net_dev", "network"),
    [
        (HEAD + LO + VINTERNAL + TELEMETRY, (180, 254)),
        (HEAD + LO + b"  vint_runtime:7 3 0 0 0 0 0 0 8 4 0\n", (7, 8)),
        (HEAD + LO + b" Veth0: 1 1 1 1 1 1 1 1 1 1\n Ceth1: 309048 577 0 0 0 0 0 0 84870 696 0\n", (309048, 84870)),
        (b"vinternal_1: 1 0 0 0 0 0 0 0 2 0\nvinternal_1: 3 0 0 0 0 0 0 0 4 0\n", (1, 2)),
        (HEAD + b"vinternal_1: 180 3 0 0 0\n", None),
        (HEAD + VINTERNAL.replace(b"180", b"INVALID"), None),
        (HEAD + VINTERNAL.replace(b"254", b"-254"), None),
        (HEAD + LO + TELEMETRY, None),
        (HEAD + LO + b"Veth0: 1 1 1 1 1 1 1 1 1 1\n", None),
        (b"", None),
    ],
)
def test_network_bytes_are_those_of_the_functions_interface(net_dev, network):
    assert parse_network(net_dev) == network


STAT = b"cpu  2337 0 188 17838 8 0 16 181 0 0\ncpu0 884 0 100 9188 1 0\ncpu1 1453 0 87 8649 2\nintr 1 2 3\nctxt 5\n"


@pytest.mark.parametrize(
    ("stat", "cpu"),
    [
        (STAT, CpuTimes(23370, 1880, 178380, {"cpu0": 91880, "cpu1": 86490})),
        (b"cpu  2337\n", None),
        (b"cpu1 884 0 100 9188\n", None),
        (b"cpu 2337 0 INVALID 17838\ncpu0 1 2 3 4\n", None),
        (b"cpu INVALID 0 188 17838\ncpu0 1 2 3 4\n", None),
        (b"cpu 2337 0 188 17838\ncpu0 1 2 3\n", None),
        (b"cpu 2337 0 188 17838\ncpu0 1 2 3 x\n", None),
        (b"cpu 2337 0 188 17838\n", None),
        (b"\n", None),
        (b"", None),
    ],
)
def test_cpu_times_are_in_milliseconds(stat, cpu):
    assert parse_cpu(stat, 100) == cpu


def test_ticks_may_be_other_than_100_or_unknown():
    assert parse_cpu(STAT, 1000).user_ms == 2337
    assert parse_cpu(STAT, 0) is None


@pytest.mark.parametrize(
    ("uptime", "uptime_ms"),
    [
        (b"3213103123 32131\n", 3213103123000),
        (b"12.34 56.78\n", 12340),
        (b"3213103123", None),
        (b"3213103123 INVALID", None),
        (b"INVALID 1", None),
        (b"inf 1", None),
        (b"", None),
    ],
)
def test_uptime_is_in_milliseconds(uptime, uptime_ms):
    assert parse_uptime(uptime) == uptime_ms


def test_a_snapshot_has_what_could_be_read():
    assert read_snapshot(VINTERNAL, STAT, b"1 2", 100) == Snapshot((180, 254), parse_cpu(STAT, 100), 1000)
    assert read_snapshot(b"", b"", b"", 100) == Snapshot()


def test_process_ids_are_the_numeric_names():
    assert process_ids(["1", "self", "42", "4a", "", "٣"]) == [1, 42]


def limits(files, processes):
    rows = ("Limit  Soft Limit  Hard Limit  Units", f"Max processes  {processes}  2048  processes", f"Max open files  {files}  4096  files")
    return "\n".join(rows).encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (limits(1024, 900), (1024, 900)),
        (limits("unlimited", "unlimited"), (None, None)),
        (b"Max open files      1024\n", (1024, None)),
        (b"Max open files\nMax processes  x\n", (None, None)),
        (b" Max open files  7  8\n", (None, None)),
        (b"", (None, None)),
    ],
)
def test_soft_limits(text, expected):
    assert parse_limits(text) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([limits(1024, 1024), limits(900, 1024)], (900, 1024)),
        ([limits(65535, "unlimited")], (1024, 1024)),
        ([b""], (1024, 1024)),
        ([], (1024, 1024)),
    ],
)
def test_the_smallest_limit_counts(texts, expected):
    assert procfs.smallest_limits(texts) == expected


def test_tmp_is_counted_in_blocks():
    assert procfs.tmp_bytes(4096, 1000, 400) == (4_096_000, 2_457_600)


@given(
    st.binary(max_size=80)
    | st.binary(max_size=60).map(lambda tail: b"cpu 1 2 3 4\ncpu0 " + tail)
    | st.binary(max_size=60).map(b"Ceth1:".__add__)
)
def test_no_bytes_raise(text):
    for parse in (parse_network, lambda stat: parse_cpu(stat, 100), parse_uptime, parse_limits):
        parse(text)
