"""Log lines through the real process: many, very many, with an intake that hangs, over a kill, and with logs switched off."""

import json
import os
import re
import signal
from collections import Counter
from random import Random
from typing import Any

import pytest
import trio

from bench import log_port
from bench.log_port import batches_of, post, said_lines
from emulator.fake_runtime import Call, Step
from protocols.http_client import ClientConnection

pytestmark = pytest.mark.peers

TELEMETRY_PORT = 8999
START_READ_S = 0.3  # until the record of the invocation's beginning has certainly been read
MEGABYTE = 1 << 20
GROWTH_MB_MAX = 100  # 36 MiB of entries, 16 MiB of payloads, the batch in hand and what the allocator keeps
ANSWER_S_MAX = 1.0
MANY = 300_000
HANGING_PORT = 9081
FLUSHED_S = 0.5
END = {"DD_SERVERLESS_FLUSH_STRATEGY": "end"}


async def post_all(call: Call, batches: list[bytes]) -> list[float]:
    """Post batches over one connection until it breaks; how long each waited for its 200."""
    waits_s: list[float] = []
    async with await call.connect(TELEMETRY_PORT) as stream:
        http = ClientConnection()
        for body in batches:
            began_s = trio.current_time()
            try:
                assert await post(stream, http, body) == 200
            except trio.BrokenResourceError:
                break
            waits_s.append(trio.current_time() - began_s)
    return waits_s


def resident_mb(pid: int, name: str) -> float:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(f"{name}:"))


def said_in(found: Any) -> list[str]:
    return [line.message for line in found.account.logs if line.message.startswith("[INFO]")]


# --- many


async def test_fifty_thousand_lines_arrive_once_and_in_order():
    burst = await log_port.burst()
    assert len(burst.said) == log_port.LINES
    assert log_port.is_whole(burst)


@pytest.mark.long
async def test_a_line_from_the_port_to_the_intake_costs_two_and_a_half_times_its_json():
    """The ratio is the best of some lives: what else the machine does makes either figure worse."""
    ratios = []
    for _ in range(log_port.LIVES):
        burst = await log_port.burst()
        ratios.append(burst.cpu_ms / burst.json_ms)
        if ratios[-1] <= log_port.GOAL:
            return
    pytest.fail(f"CPU of a line against its record read and written with json: {ratios}")


def noise(request_id: str, count: int, seed: int) -> list[str]:
    """Lines of 200 bytes that can hardly be compressed."""
    random = Random(seed)
    return [f"[INFO]\t{request_id}\t{seed:02d} {number:06d} {random.randbytes(74).hex()}"[:200] for number in range(count)]


async def test_sixty_megabytes_in_one_invocation_with_an_intake_that_hangs_cost_bounded_memory_and_counted_lines(scene_of):
    """Every answer comes at once and is 200, every line that is lost is counted, and what platform records say arrives all the same."""
    scene = scene_of({**END, "DD_LOGS_CONFIG_LOGS_DD_URL": f"http://127.0.0.1:{HANGING_PORT}"}, timeout_ms=30_000)
    sizes_mb, waits_s = list[float](), list[float]()

    async def during(call: Call) -> None:
        await trio.sleep(START_READ_S)
        sizes_mb.append(resident_mb(scene.extension.pid, "VmRSS"))
        for seed in range(MANY // 30_000):
            waits_s.extend(await post_all(call, batches_of(noise(call.request_id, 30_000, seed))))
        sizes_mb.append(resident_mb(scene.extension.pid, "VmHWM"))

    async def hang(stream: trio.SocketStream) -> None:
        async with stream:
            while await stream.receive_some(65_536):
                pass

    found = await scene.play([Step(during=during)], inside={HANGING_PORT: hang})
    assert found.statuses == ["success"]
    assert len(waits_s) == MANY // 1_000
    assert max(waits_s) < ANSWER_S_MAX
    assert sizes_mb[1] - sizes_mb[0] < GROWTH_MB_MAX, sizes_mb
    assert [found.counted(name) for name in ("invocations", "runtime_duration", "duration", "max_memory_used")] == [1] * 4
    # INIT_START, START, END and REPORT could not be sent either, nor what the extension itself said meanwhile.
    assert MANY + 4 <= losses_of_lines(found) <= MANY + 4 + len(found.own("WARN"))
    found.check_orderly(within_ms=2_000.0)


def losses_of_lines(found: Any) -> int:
    return sum(int(number) for text in found.own("WARN") for number in re.findall(r"(\d+) (?:logs|log line): ", text))


# --- over a kill


@pytest.mark.parametrize(("batch_lines", "batches_before"), [(50, 40), (1_000, 15)], ids=["before any flush", "after early flushes"])
async def test_a_kill_in_the_middle_of_a_burst_loses_no_line_that_was_answered_and_doubles_none(scene_of, batch_lines, batches_before):
    scene = scene_of(END, timeout_ms=10_000)
    said: list[str] = []

    async def during(call: Call) -> None:
        await trio.sleep(START_READ_S)
        said.extend(said_lines(call.request_id, batch_lines * (batches_before + 1)))
        *before, last = batches_of(said, batch_lines)
        assert len(await post_all(call, before)) == batches_before
        await trio.sleep(
            FLUSHED_S
        )  # an answer of the intake that is on its way would be lost with the process, and what it answered doubled
        async with await call.connect(TELEMETRY_PORT) as stream:
            await stream.send_all(b"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: %d\r\n\r\n" % len(last) + last[: len(last) // 2])
            os.kill(scene.extension.pid, signal.SIGKILL)
            await trio.sleep_forever()

    found = await scene.play([Step(during=during), Step(lines=["said in the second life"])])
    assert len(found.lives) == 2
    assert Counter(said_in(found)) == Counter(said[: batch_lines * batches_before])
    assert found.said == {found.results[1].request_id: {"said in the second life": 1}}


# --- switched off


@pytest.mark.parametrize(
    ("environment", "types", "counted"),
    [
        ({"DD_SERVERLESS_LOGS_ENABLED": "false"}, ["platform", "function"], 1),
        ({"DD_SERVERLESS_LOGS_ENABLED": "false", "DD_ENHANCED_METRICS": "false"}, ["platform"], 0),
    ],
)
async def test_without_logs_the_functions_lines_are_asked_for_only_to_see_what_ran_out_of_memory(scene_of, environment, types, counted):
    scene = scene_of({**END, **environment})
    found = await scene.play([Step(lines=["said in vain", "MemoryError: unable to allocate"])])
    (call,) = found.calls_to("/2022-07-01/telemetry")
    assert json.loads(call.body)["types"] == types
    assert found.account.logs == ()
    assert found.counted("out_of_memory") == counted
    found.check_orderly()
