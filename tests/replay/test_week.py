"""A week of traffic through the agent: fast enough to wait for, and no larger at its end than after its first hour."""

import time
from itertools import islice
from random import Random

import pytest

from bench.traffic import fixture
from cli.replay_account import Account
from protocols.fixture import parse
from reactor.agent.replay import Replay, settings_of

WEEK_MS = 7 * 24 * 3_600_000


def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def replay(invocations):
    """Replay so much of a week; what was counted, CPU seconds, and by how many megabytes it grew after the first tenth."""
    header, told = parse(fixture(invocations, WEEK_MS // invocations), "week")
    account = Account(lambda phase: None)
    replay = Replay(header, settings_of(header)[0], Random(0).random, account)
    account.attach(replay.agent.ledger)
    sizes = []

    def watched():
        for number, line in enumerate(told):
            if number % (invocations // 2) == invocations // 2 - 1:
                sizes.append(resident_mb())
            yield line

    began = time.process_time()
    replay.run(watched())
    account.close()
    return account, replay, time.process_time() - began, sizes[-1] - sizes[0]


def test_what_is_invoked_is_replayed_and_memory_stays_flat():
    account, run, _, grown_mb = replay(2_000)
    assert (account.totals["invocations"], account.totals["unexpected"], run.code) == (2_000, 0, 0)
    assert run.agent.ledger.statistics().dropped == {}
    assert grown_mb < 3
    assert list(islice(iter(run.agent.invocations.live), 5)) == []


@pytest.mark.long
def test_a_week_of_a_hundred_thousand_invocations_takes_less_than_a_minute():
    account, run, seconds, grown_mb = replay(100_000)
    assert (account.totals["invocations"], account.totals["unexpected"], run.code) == (100_000, 0, 0)
    assert run.agent.ledger.statistics().dropped == {}
    assert grown_mb < 5
    assert seconds < 60, "CPU time; half of it is making the lines up"
