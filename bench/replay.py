"""What a replay costs beside `json.loads` of the same lines: `python -m bench.replay`.

The same code runs live, so this is what an invocation costs its user in CPU, the network and the kernel left out. Rounds are short and the
best of many counts: whatever else the machine does disturbs a large program more than it does a small loop, and so the ratio too.
"""

import json
import time
from collections.abc import Callable
from random import Random

from bench.least import bodies
from bench.table import Row, show
from bench.traffic import fixture
from cli.replay_account import Account
from protocols.fixture import parse
from reactor.agent.replay import Replay, settings_of

INVOCATIONS, ROUNDS = 100, 60
FEW_LINES, MANY_LINES = 4, 100
GOAL = "at most 8 x"
# Name, milliseconds between invocations, flush strategy, log lines of each invocation.
TRAFFIC = (
    ("a flush per invocation", 60_000, "", FEW_LINES),
    ("periodically,60000", 60_000, "periodically,60000", FEW_LINES),
    ("periodically,60000, busy", 1_000, "periodically,60000", FEW_LINES),
    ("100 lines per invocation", 60_000, "", MANY_LINES),
)


def replay_s(lines: list[str]) -> float:
    """CPU seconds of one replay, from text to request bodies and the account of them. Reading the settings is left out."""
    header, told = parse(lines, "bench")
    account = Account(lambda phase: None)
    replay = Replay(header, settings_of(header)[0], Random(0).random, account)
    account.attach(replay.agent.ledger)
    began = time.process_time()
    replay.run(told)
    account.close()
    return time.process_time() - began


def loads_s(lines: list[str]) -> float:
    began = time.process_time()
    for line in lines:
        json.loads(line)
    return time.process_time() - began


def least_s(lines: list[str]) -> float:
    began = time.process_time()
    bodies(lines)
    return time.process_time() - began


def best_us(measure: Callable[[list[str]], float], lines: list[str]) -> float:
    """Microseconds per invocation."""
    return min(measure(lines) for _ in range(ROUNDS)) / INVOCATIONS * 1e6


def rows() -> list[Row]:
    found, spent = [], {}
    for name, gap_ms, strategy, log_lines in TRAFFIC:
        lines = list(fixture(INVOCATIONS, gap_ms, strategy=strategy, log_lines=log_lines))
        replay_us, loads_us = best_us(replay_s, lines), best_us(loads_s, lines)
        found.append(Row(f"replay: {name}", replay_us, "us", f"json.loads {loads_us:.1f} us", replay_us / loads_us, GOAL))
        if not strategy:
            spent[log_lines] = (replay_us, loads_us)
            least_us = best_us(least_s, lines)
            found.append(Row(f"a straight line: {name}", least_us, "us", f"json.loads {loads_us:.1f} us", least_us / loads_us))
    found.append(further_line(spent[FEW_LINES], spent[MANY_LINES]))
    return found


def further_line(few: tuple[float, float], many: tuple[float, float]) -> Row:
    """What one more log record costs by itself; the rest of an invocation's cost is the invocation's and its flush's."""
    replay_us, loads_us = ((after - before) / (MANY_LINES - FEW_LINES) for before, after in zip(few, many, strict=True))
    return Row("replay: each further log record", replay_us, "us", f"json.loads {loads_us:.2f} us", replay_us / loads_us, GOAL)


if __name__ == "__main__":
    show(rows())
