"""The extension killed at random moments of a busy life, and started again on the same `/tmp`: what it had accepted is delivered.

Accepted is what it answered: a batch of telemetry with 200. Datagrams are answered by nobody: a checkpoint takes them, a tenth of a second
after they were read at the latest.
"""

import json
import sys
from collections import Counter
from random import Random

import attrs
import pytest
import trio

from cli.launch import ROOT
from emulator.values import Invocation

pytestmark = pytest.mark.peers

SEED = 20_26
KILLS_IN_A_LIFE = 6  # of one sandbox: it is begun anew after that, as WHOLE_S of a scene is short
KILLS, KILLS_LONG = 6, 200
ALIVE_S = (0.05, 1.2)  # a process lives so long after it has answered for the first time
CHECKPOINT_MS, BUSY_MS = 100.0, 400.0  # the second for a machine that has other things to do, and for reading what waits in the socket
FLUSHES = {"DD_SERVERLESS_FLUSH_STRATEGY": "end"}
INTAKE_SCRIPT = "delay:40%70;status:500%5"
LOST_ANSWER_MS = 400.0  # an answer that was on its way when the process was killed


@attrs.define
class Sent:
    """One line or datagram: when, on trio's clock in milliseconds, and when it was acknowledged."""

    at_ms: float
    accepted_ms: float | None = None


class Burst:
    """Sends lines and datagrams for as long as it lives, each with a number of its own."""

    def __init__(self, scene, random):
        self.scene, self._random = scene, random
        self.lines, self.counts = [], []
        self.killed_ms = []
        self._answered = trio.Event()

    async def send_lines(self):
        while True:
            await trio.sleep(self._random.uniform(0.001, 0.03))
            numbers = range(len(self.lines), len(self.lines) + self._random.randrange(1, 30))
            sent = [Sent(trio.current_time() * 1000) for _ in numbers]
            self.lines += sent
            records = [{"time": "2026-01-01T00:00:00.000Z", "type": "function", "record": f"line-{number}"} for number in numbers]
            try:
                with trio.move_on_after(2):
                    answer = await self.scene.post_telemetry(json.dumps(records).encode())
                    if answer.startswith(b"HTTP/1.1 200 "):
                        for one in sent:
                            one.accepted_ms = trio.current_time() * 1000
                        self._answered.set()
            except (OSError, trio.BrokenResourceError):
                await trio.sleep(0.05)  # nobody is there, for the moment

    async def send_datagrams(self):
        while True:
            await trio.sleep(self._random.uniform(0.001, 0.02))
            self.scene.measure(f"counted:1|c|#number:{len(self.counts)}")
            self.counts.append(Sent(trio.current_time() * 1000))

    async def invoke(self):
        while True:
            await self.scene.sandbox.invoke(Invocation(b"{}"))

    async def kill(self, times):
        for _ in range(times):
            await self._answers()
            await trio.sleep(self._random.uniform(*ALIVE_S))
            self.killed_ms.append(trio.current_time() * 1000)
            self.scene.extension.kill()
            await trio.sleep(0.05)  # an answer of its own may still be under way
        await self._answers()
        await trio.sleep(0.5)

    async def _answers(self):
        """Wait until the process of now has answered a batch."""
        self._answered = trio.Event()
        await self._answered.wait()


async def live(scene, burst, kills, extension=None):
    async def act(scene):
        await scene.sandbox.invoke(Invocation(b"{}"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(burst.invoke)
            nursery.start_soon(burst.send_lines)
            nursery.start_soon(burst.send_datagrams)
            await burst.kill(kills)
            nursery.cancel_scope.cancel()
        await trio.sleep(0.2)

    return await scene.play(act=act, intake=INTAKE_SCRIPT, freeze=False, extension=extension)


def arrivals_of(found):
    """Line number to the moments it arrived at, and the same of datagrams by the number of their tag."""
    lines, counts = {}, {}
    for arrival in found.intake.arrivals():
        if not arrival.kept:
            continue
        at_ms = arrival.at_ms + found._marked_ms
        text = json.dumps(arrival.decoded.document)
        for kept, start in ((lines, "line-"), (counts, "number:")):
            for piece in text.split(start)[1:]:
                digits = piece[: next(at for at, sign in enumerate(piece) if not sign.isdigit())]
                kept.setdefault(int(digits), []).append(at_ms)
    return lines, counts


def check_nothing_lost(burst, found):
    lines, counts = arrivals_of(found)
    lost = [number for number, sent in enumerate(burst.lines) if sent.accepted_ms and number not in lines]
    assert lost == [], f"{len(lost)} lines of {len(burst.lines)} were accepted and have not arrived"
    lost = [number for number, sent in enumerate(burst.counts) if was_taken(burst, found.lives, sent) and number not in counts]
    assert lost == [], f"{len(lost)} datagrams of {len(burst.counts)} were taken and have not arrived"


def was_taken(burst, lives, sent):
    """Whether some process was there to read a datagram, and its checkpoint had come before it was killed."""
    began_ms = max(life.began_ms for life in lives if life.began_ms <= sent.at_ms)
    killed_ms = next((at_ms for at_ms in burst.killed_ms if at_ms > began_ms), float("inf"))
    is_there = any(line.accepted_ms and began_ms < line.accepted_ms <= sent.at_ms for line in burst.lines)
    return is_there and sent.at_ms + CHECKPOINT_MS + BUSY_MS < killed_ms


def check_repeats(burst, arrivals):
    """Twice comes only what was sent when the process was killed: nobody was there to hear the answer."""
    for number, at_ms in arrivals.items():
        for earlier_ms in at_ms[:-1]:
            # A request may arrive a little after the end of the process that sent it.
            near = [killed_ms for killed_ms in burst.killed_ms if -LOST_ANSWER_MS < killed_ms - earlier_ms < LOST_ANSWER_MS]
            assert near, (number, at_ms, burst.killed_ms)


async def kill_and_check(scene_of, seed, kills):
    """How many lines were accepted, and how many came twice."""
    scene = scene_of(FLUSHES, timeout_ms=5_000)
    burst = Burst(scene, Random(seed))
    found = await live(scene, burst, kills)
    check_nothing_lost(burst, found)
    lines, counts = arrivals_of(found)
    check_repeats(burst, lines)
    check_repeats(burst, counts)
    assert len(burst.killed_ms) == kills
    assert found.lives[-1].exit_code == 0
    assert found.own("ERROR") == []
    return Counter(accepted=sum(one.accepted_ms is not None for one in burst.lines), twice=sum(len(at_ms) > 1 for at_ms in lines.values()))


async def test_what_was_accepted_outlives_a_kill_at_any_moment(scene_of):
    totals = await kill_and_check(scene_of, SEED, KILLS)
    assert totals["accepted"] > KILLS * 20


async def test_without_a_spool_the_same_check_finds_what_is_lost(scene_of):
    scene = scene_of(FLUSHES, timeout_ms=5_000)
    burst = Burst(scene, Random(SEED))
    program = "import reactor.spool; reactor.spool.PATH = None; from reactor.__main__ import begin; begin()"
    found = await live(scene, burst, 3, ("/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, "-c", program))
    with pytest.raises(AssertionError, match="were accepted and have not arrived"):
        check_nothing_lost(burst, found)


@pytest.mark.long
@pytest.mark.parametrize("part", range(-(-KILLS_LONG // KILLS_IN_A_LIFE)))
async def test_what_was_accepted_outlives_two_hundred_kills(scene_of, part):
    kills = min(KILLS_IN_A_LIFE, KILLS_LONG - part * KILLS_IN_A_LIFE)
    totals = await kill_and_check(scene_of, SEED + 1 + part, kills)
    assert totals["accepted"] > kills * 20
