"""What writing a batch of telemetry down before it is answered costs: `python -m bench.spool`. The yardstick is one bare write of it."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.table import Row, show
from protocols import spool_format as form
from protocols.intake_body import Body
from reactor.agent.outputs import Payload
from reactor.spool import Spool

ROUNDS, TIMES = 30, 200
LINE = b'{"time":"2026-01-01T00:00:00.000Z","type":"function","record":"one line of a function, as long as they often are"},'
SIZES = (("3 records", 3), ("100 lines", 100), ("1,000 lines", 1_000))
GOAL = "at most 30 us"


def best_us(round_of: Callable[[Path], float]) -> float:
    """Microseconds for each of TIMES, the best of ROUNDS, each with a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return min(round_of(Path(folder) / str(number)) for number in range(ROUNDS)) / TIMES * 1e6


def appended(batch: bytes) -> Callable[[Path], float]:
    """As it is: taken 20 times, then sealed and resolved, as in an invocation with many batches; the taking alone is timed."""
    payload = Payload(1, "https://intake.example/api/v2/logs", Body("logs", "/api/v2/logs", "application/json", b"x" * 500, 20))

    def run(path: Path) -> float:
        spool, _ = Spool.open(str(path), "bench", lambda level, text: None)
        taken_s = 0.0
        for _ in range(TIMES // 20):
            began = time.perf_counter()
            for _ in range(20):
                spool.take(form.TELEMETRY, 1_700_000_000_000, batch)
            taken_s += time.perf_counter() - began
            spool.seal([payload])
            spool.resolve(1)
        assert not spool.statistics().unprotected
        spool.close()
        path.unlink()
        return taken_s

    return run


def flushed(path: Path) -> float:
    """The rest of an invocation: a batch is sealed, sent, and resolved, and the file is cut."""
    payload = Payload(1, "https://intake.example/api/v2/logs", Body("logs", "/api/v2/logs", "application/json", b"x" * 500, 20))
    spool, _ = Spool.open(str(path), "bench", lambda level, text: None)
    began = time.perf_counter()
    for _ in range(TIMES):
        spool.seal([payload])
        spool.begin(1)
        spool.resolve(1)
    flushed_s = time.perf_counter() - began
    spool.close()
    path.unlink()
    return flushed_s


def bare(batch: bytes) -> Callable[[Path], float]:
    def run(path: Path) -> float:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        began = time.perf_counter()
        for number in range(TIMES):
            os.pwrite(descriptor, batch, number % 20 * len(batch))
        written_s = time.perf_counter() - began
        os.close(descriptor)
        path.unlink()
        return written_s

    return run


def rows() -> list[Row]:
    found = []
    for name, count in SIZES:
        batch = b"[" + (LINE * count)[:-1] + b"]"
        our_us, bare_us = best_us(appended(batch)), best_us(bare(batch))
        goal = GOAL if count <= 100 else ""
        found.append(
            Row(f"spool: a batch of {name}, {len(batch):,} bytes", our_us, "us", f"a bare write {bare_us:.1f} us", our_us / bare_us, goal)
        )
    found.append(Row("spool: seal, begin, resolve", best_us(flushed), "us", "", None))
    return found


if __name__ == "__main__":
    show(rows())
