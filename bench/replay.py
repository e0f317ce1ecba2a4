"""What a replay costs beside `json.loads` of the same lines: `python -m bench.replay`."""

import json
import time
from random import Random

from bench.table import Row, show
from bench.traffic import fixture
from cli.replay_account import Account
from protocols.fixture import parse
from reactor.agent.replay import Replay, settings_of

INVOCATIONS = 2_000


def run(lines: list[str]) -> Account:
    header, told = parse(lines, "bench")
    settings, _ = settings_of(header)
    account = Account(lambda phase: None)
    replay = Replay(header, settings, Random(0).random, account)
    account.attach(replay.agent.ledger)
    replay.run(told)
    account.close()
    return account


def measure() -> tuple[float, float]:
    """CPU seconds of the replay and of json.loads over the same lines."""
    lines = list(fixture(INVOCATIONS, 60_000))
    run(lines[:200])
    began = time.process_time()
    run(lines)
    middle = time.process_time()
    for line in lines:
        json.loads(line)
    return middle - began, time.process_time() - middle


def rows() -> list[Row]:
    replay_s, loads_s = min(measure() for _ in range(3))
    us = replay_s / INVOCATIONS * 1e6
    return [Row("replay: an invocation", us, "us", f"json.loads {loads_s / INVOCATIONS * 1e6:.0f} us", replay_s / loads_s, "at most 8 x")]


if __name__ == "__main__":
    show(rows())
