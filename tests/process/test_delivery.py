"""Delivery by the real process: an intake that is ill and heals or closes what is idle, a second one beside it, a spool in trouble."""

import json
import subprocess
import sys
from functools import partial

import pytest
import trio

from emulator.fake_runtime import Step
from emulator.intake import Intake
from emulator.values import Invocation

pytestmark = pytest.mark.peers

BUDGET_MS, SLACK_MS = 1_000.0, 400.0  # what one flush may hold an invocation for; the second is a busy machine's
LOADED_MS = 1_500.0
SPOOL = "/tmp/lambda-reactor.spool"
END = {"DD_SERVERLESS_FLUSH_STRATEGY": "end"}
SECOND_PORT = 9081
SECOND_KEY = "5ec0" * 8
ILL = ("status:500", "status:429:retry-after=1", "drop", "hang")
QUIET_S = 0.2
FINDING_OUT_MAX = 12  # invocations, a second apart: a probe is due at most so long after the intake has healed


def in_sandbox(scene, program):
    """Run a program where the extension lives; what it printed."""
    command = [sys.executable, "-I", "-S", "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True, preexec_fn=scene.sandbox.isolation.enter("/")).stdout


def step_of(scene, number, duration_ms=30.0, noise=()):
    async def count(call):
        await scene.count(call)

    return Step(lines=[f"said {number}", *noise], duration_ms=duration_ms, during=count)


def check_everything_once(found, count):
    assert found.statuses == ["success"] * count
    ids = [result.request_id for result in found.results]
    found.check_delivered({request_id: [f"said {number}"] for number, request_id in enumerate(ids)}, dict.fromkeys(ids, 1.0))
    assert found.counted("invocations") == count


async def outlast(scene, script, flushes):
    """So many flushes while the intake is ill; then it heals, and the invocations that follow find that out."""

    async def act(scene):
        for number in range(flushes + FINDING_OUT_MAX):
            if number == flushes:
                scene.intake.misbehave(())
            if number >= flushes:
                if has_arrived(scene):
                    return
                await trio.sleep(1)
            await scene.sandbox.invoke(Invocation(b"{}"))

    steps = [step_of(scene, number, 200.0 if number else LOADED_MS) for number in range(flushes + FINDING_OUT_MAX)]
    return await scene.play(steps, act=act, intake=script)


def has_arrived(scene):
    return any("said 0" in json.dumps(document) for document in scene.intake.documents())


def check_outlasted(found, flushes):
    assert len(found.results) < flushes + FINDING_OUT_MAX, "not before the sandbox's end"
    check_everything_once(found, len(found.results))
    assert max(found.waits_ms) <= BUDGET_MS + SLACK_MS
    assert sorted(found.waits_ms)[-2] < SLACK_MS, "an intake that is down holds one invocation, not each"
    found.check_orderly()


async def check_outlasting(scene_of, at_once, flushes):
    async def one(script):
        check_outlasted(await outlast(scene_of(END, timeout_ms=5_000), script, flushes), flushes)

    await at_once(*[partial(one, script) for script in ILL])


async def test_an_intake_that_is_ill_for_five_flushes_gets_everything_once_when_it_has_healed(scene_of, at_once):
    await check_outlasting(scene_of, at_once, 5)


@pytest.mark.long
async def test_an_intake_that_is_ill_for_twenty_flushes_gets_everything_once_when_it_has_healed(scene_of, at_once):
    await check_outlasting(scene_of, at_once, 20)


# --- connections


class Impatient(trio.abc.HalfCloseableStream):
    """A stream that its server takes for ended when nothing comes for a moment."""

    def __init__(self, stream):
        self._stream = stream

    async def receive_some(self, max_bytes=None):
        with trio.move_on_after(QUIET_S):
            return await self._stream.receive_some(max_bytes)
        return b""

    async def send_all(self, data):
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self):
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self):
        await self._stream.send_eof()

    async def aclose(self):
        await self._stream.aclose()


async def test_connections_that_the_intake_has_closed_meanwhile_cost_no_try(scene_of):
    scene = scene_of(END, timeout_ms=5_000)

    async def serve(stream):
        await scene.intake.serve_connection(Impatient(stream))

    steps = [step_of(scene, number, 30.0 if number else LOADED_MS) for number in range(4)]
    pause_ms = round(QUIET_S * 1000) + 100
    invocations = [Invocation(b"{}", pause_before_ms=pause_ms if number else 0) for number in range(4)]
    found = await scene.play(steps, invocations=invocations, inside={9080: serve})
    check_everything_once(found, 4)
    assert found.intake.statistics.dropped == 0
    assert found.own("WARN") == []
    assert max(found.waits_ms) < SLACK_MS
    found.check_orderly()


# --- several intakes


@pytest.mark.parametrize("second_is_well", [True, False])
async def test_an_additional_intake_gets_everything_with_its_own_key_and_delays_nobody_for_long(scene_of, second_is_well):
    second_url = f"http://127.0.0.1:{SECOND_PORT}"
    scene = scene_of({**END, "DD_ADDITIONAL_ENDPOINTS": json.dumps({second_url: [SECOND_KEY]})}, timeout_ms=5_000)
    second = Intake(api_keys=[SECOND_KEY])
    spools = []

    async def hang(stream):
        async with stream:
            while await stream.receive_some(65_536):
                pass

    async def act(scene):
        for _ in range(4):
            await scene.sandbox.invoke(Invocation(b"{}"))
        scene.extension.thaw()
        spools.append(in_sandbox(scene, f"print(open({SPOOL!r}, 'rb').read())"))

    steps = [step_of(scene, number, 30.0 if number else LOADED_MS) for number in range(4)]
    found = await scene.play(steps, act=act, inside={SECOND_PORT: second.serve_connection if second_is_well else hang})
    check_everything_once(found, 4)
    assert all(arrival.headers.get("dd-api-key") == "0" * 32 for arrival in found.intake.arrivals())
    if second_is_well:
        mine, theirs = (
            [json.dumps(each.decoded.document, sort_keys=True) for each in intake.arrivals() if "/logs" not in each.path]
            for intake in (found.intake, second)
        )
        assert sorted(mine) == sorted(theirs)
        assert max(found.waits_ms) < SLACK_MS
    else:
        assert sorted(found.waits_ms)[-2] < SLACK_MS
        assert f'"url":"{second_url}' in spools[0]
    assert not any(SECOND_KEY in text for text in (*found.run.extension_output, *spools))
    found.check_orderly(within_ms=2_000.0)  # at the end a hanging one is waited for as long as may be


async def test_a_batch_that_is_too_large_arrives_in_halves(scene_of):
    scene = scene_of(END, timeout_ms=5_000)
    lines = [f"said {number}" for number in range(9)]
    found = await scene.play([Step(lines=lines, duration_ms=LOADED_MS)], intake="status:413*2@*/logs;status:413*1@*/series")
    found.check_delivered({found.results[0].request_id: lines})
    assert found.counted("invocations") == 1
    assert max(found.waits_ms) < SLACK_MS
    found.check_orderly()


# --- the spool in trouble


async def test_a_full_disk_costs_protection_alone(scene_of):
    scene = scene_of(END, timeout_ms=5_000)
    fill = "import os\nf=open('/tmp/fill','wb')\ntry:\n  while True: f.write(bytes(1<<20)); f.flush()\nexcept OSError: pass\nos._exit(0)"

    async def act(scene):
        await scene.sandbox.invoke(Invocation(b"{}"))
        in_sandbox(scene, fill)
        await scene.sandbox.invoke(Invocation(b"{}"))
        in_sandbox(scene, "import os; os.unlink('/tmp/fill')")
        await scene.sandbox.invoke(Invocation(b"{}"))

    noise = ["much to say " * 4_000] * 4
    found = await scene.play([step_of(scene, number, 30.0 if number else LOADED_MS, noise) for number in range(3)], act=act)
    check_everything_once(found, 3)
    assert any("not protected by the spool" in text and "no space" in text for text in found.own("WARN"))
    found.check_orderly()


SPOILED = {
    "not a spool": "open({path!r}, 'wb').write(b'something else entirely' * 100)",
    "damaged at its end": "open({path!r}, 'ab').write(b'damage' * 100)",
    "a folder": "import os; os.unlink({path!r}); os.mkdir({path!r})",
    "another's": "import os; os.unlink({path!r}); open('/tmp/victim', 'w').write('precious'); os.link('/tmp/victim', {path!r})",
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
async def test_a_spool_that_is_spoiled_costs_one_line_and_the_life_goes_on(scene_of, spoil):
    scene = scene_of(END, timeout_ms=5_000)
    victims = []

    async def act(scene):
        await scene.sandbox.invoke(Invocation(b"{}"))
        in_sandbox(scene, spoil.format(path=SPOOL))
        scene.extension.kill()
        await trio.sleep(0.1)
        for _ in range(2):
            await scene.sandbox.invoke(Invocation(b"{}"))
        if "victim" in spoil:
            victims.append(in_sandbox(scene, "print(open('/tmp/victim').read())").strip())

    found = await scene.play([step_of(scene, number, 30.0 if number else LOADED_MS) for number in range(9)], act=act)
    warnings = [text for text in found.own("WARN") if "spool" in text]
    assert len(warnings) == 1, warnings
    assert found.results[-1].status == "success"
    assert found.said[found.results[-1].request_id].total() == 1
    assert victims in ([], ["precious"])
