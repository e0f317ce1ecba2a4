import importlib
import sys
from pathlib import Path

import pytest

# `bench` is not installed: it is run from the project's folder, which `pytest` alone does not look into.
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import run, table  # noqa: E402 (after the path)
from bench import start as bench_start  # noqa: E402
from bench.table import Row  # noqa: E402


@pytest.mark.parametrize(("value", "text"), [(0.123, "0.12"), (9.994, "9.99"), (12.34, "12.3"), (123.4, "123"), (1234.5, "1234")])
def test_a_figure_has_three_digits_that_mean_something(value, text):
    assert table.figure(value) == text


def test_rows_are_aligned_and_say_ratio_and_goal():
    rows = [Row("one", 1.5, "us", "bare 1.00 us", 1.5, "at most 2 x"), Row("another", 150, "MB", "-")]
    assert table.lines(rows) == [
        "measured   figure  yardstick      ratio  goal",
        "one       1.50 us  bare 1.00 us  1.50 x  at most 2 x",
        "another    150 MB  -",
    ]


@pytest.mark.parametrize("name", run.every())
def test_every_benchmark_has_the_common_shape(name):
    assert callable(importlib.import_module(f"bench.{name}").rows)


def test_a_benchmark_that_cannot_be_run_is_told_and_fails(capsys):
    assert run.main(["no_such_benchmark"]) == 1
    assert "bench.no_such_benchmark failed:" in capsys.readouterr().err


@pytest.mark.peers
def test_the_start_is_measured_on_a_real_process():
    start = bench_start.start_reactor()
    assert 0 < start.register_ms <= start.next_ms
    assert start.cpu_ms > 0
    assert start.size_kb > 5_000


@pytest.mark.parametrize(
    ("head", "length"),
    [(b"POST / HTTP/1.1\r\nContent-Length: 12", 12), (b"GET / HTTP/1.1\r\nHost: x", 0), (b"GET /\r\ncontent-LENGTH:3", 3)],
)
def test_the_tiny_platform_knows_how_long_a_body_is(head, length):
    assert bench_start.content_length(head) == length
