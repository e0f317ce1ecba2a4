"""The end of a sandbox: every reason, inside its deadline, in order; what could not be sent is said, and nothing else goes missing."""

import signal
from typing import Any

import pytest
import trio

from emulator import records
from emulator.fake_runtime import Step
from emulator.misbehaviour import parse_script
from emulator.values import Invocation

pytestmark = pytest.mark.peers

DEADLINE_MS = 2_000  # what the platform gives, all in all
RESERVE_MS = 100  # what the extension leaves of it
SLACK_MS = 60  # between the last bound and the end of the process
SIGTERM_MS = 500


def left_ms(shutdown: Any, scene: Any) -> float:
    """How much of the deadline was left when the platform gave the event."""
    return float(shutdown.event["deadlineMs"] - (shutdown.answered_ms + scene.sandbox.epoch_of_ms))


def losses(found: Any) -> list[str]:
    return [text for text in found.own("WARN") if text.startswith("lost or refused: ")]


async def test_each_reason_to_end_is_obeyed_inside_its_deadline(scene_of):
    """Timeout, failure (a runtime that exits), spindown: a life each."""
    scene = scene_of(timeout_ms=1_500)
    steps = [
        Step(lines=["said before the timeout"], during=scene.count, end="hang"),
        Step(lines=["said before the crash"], during=scene.count, end="crash"),
        Step(lines=["said at last"], during=scene.count),
    ]
    found = await scene.play(steps)
    assert found.statuses == ["timeout", "crash", "success"]
    shutdowns = [each for each in found.nexts if each.kind == "SHUTDOWN"]
    assert [each.event["shutdownReason"] for each in shutdowns] == ["timeout", "failure", "spindown"]
    for shutdown, stretch_ms in zip(shutdowns, found.last_stretches_ms, strict=True):
        assert stretch_ms < left_ms(shutdown, scene) - RESERVE_MS
    texts = ["said before the timeout", "said before the crash", "said at last"]
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: [text] for key, text in zip(ids, texts, strict=True)}, dict.fromkeys(ids, 1.0), perhaps_twice=ids[:1])
    assert [found.counted(name) for name in ("timeouts", "errors", "shutdowns")] == [1, 2, 3]
    assert [line.request_id for line in found.lines("END RequestId")] == ids
    assert [line.request_id for line in found.lines("REPORT RequestId")] == ids
    assert losses(found) == []
    found.check_orderly(lives=3)


async def test_what_comes_late_is_counted_and_sent_with_the_last_flush(scene_of):
    """The report of the last invocation comes after SHUTDOWN; here with a last line, a last metric, and one line more behind it."""
    scene = scene_of()

    def speak_late(scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        if record["type"] != "platform.report":
            return [record]
        scene.measure("orders:1|c|#request:late")
        before, behind = (
            records.log_line("function", scene.sandbox.epoch_ms(), f"said {when} the report") for when in ("before", "behind")
        )
        return [before, record, behind]

    found = await scene.play([Step()], tamper=speak_late)
    (request_id,) = [result.request_id for result in found.results]
    assert [line.request_id for line in found.lines("REPORT RequestId")] == [request_id]
    assert found.counted("duration") == found.counted("max_memory_used") == found.counted("shutdowns") == 1
    # Nothing says whose the line behind the report is; it is sent all the same.
    found.check_delivered({request_id: ["said before the report"], None: ["said behind the report"]}, {"late": 1.0})
    assert found.arrival_ms("REPORT RequestId") > found.nexts[-1].answered_ms
    assert losses(found) == []
    found.check_orderly()


@pytest.mark.parametrize("script", ["hang", "delay:5000"])
async def test_an_intake_that_does_not_answer_does_not_outlast_the_deadline(scene_of, script):
    scene = scene_of(timeout_ms=3_000)

    async def act(scene: Any) -> None:
        await scene.sandbox.invoke(Invocation(b"{}"))
        scene.intake.misbehave(parse_script(script))

    found = await scene.play([Step(lines=["said in time"], during=scene.count)], act=act)
    (request_id,) = [result.request_id for result in found.results]
    (stretch_ms,) = found.last_stretches_ms
    assert stretch_ms < left_ms(found.nexts[-1], scene) - RESERVE_MS + SLACK_MS
    # What the invocation's own flush brought is safe; what is lost is said, with its reason.
    assert found.said == {request_id: {"said in time": 1}}
    assert found.orders == {request_id: 1.0}
    (line,) = losses(found)
    assert "not sent before the sandbox ended" in line
    found.check_orderly(within_ms=DEADLINE_MS)


async def test_what_an_intake_refuses_is_lost_and_said_in_one_line(scene_of):
    scene = scene_of(timeout_ms=3_000)
    found = await scene.play([Step(lines=["said in vain"], during=scene.count)] * 2, intake="status:400@*/logs")
    assert max(found.waits_ms) < 900
    (line,) = losses(found)
    assert "logs" in line
    assert "400" in line
    assert found.said == {}
    assert found.orders == {result.request_id: 1.0 for result in found.results}
    found.check_orderly()


async def test_an_intake_that_comes_back_gets_what_failed_before(scene_of):
    scene = scene_of(timeout_ms=3_000)
    found = await scene.play([Step(lines=[f"said {n}"], during=scene.count) for n in range(3)], intake="status:503*6;drop*2")
    assert max(found.waits_ms) < 1_600
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: [f"said {n}"] for n, key in enumerate(ids)}, dict.fromkeys(ids, 1.0))
    assert losses(found) == []
    found.check_orderly()


@pytest.mark.parametrize("script", ["", "hang"])
async def test_sigterm_is_a_shutdown_of_half_a_second(scene_of, script):
    """What an intake does not take meanwhile is kept for the next process of the sandbox: nothing said that it was the last."""
    scene = scene_of(timeout_ms=3_000)
    signalled_ms = []

    async def act(scene: Any) -> None:
        await scene.sandbox.invoke(Invocation(b"{}"))
        scene.intake.misbehave(parse_script(script))
        process = scene.extension
        scene.say("said after the invocation")
        await trio.sleep(0.1)
        signalled_ms.append(trio.current_time() * 1000)
        process.send_signal(signal.SIGTERM)
        with trio.fail_after(5):
            await process.exited.wait()
        scene.intake.misbehave(())
        await scene.sandbox.invoke(Invocation(b"{}"))

    found = await scene.play([Step(lines=["said before"]), Step(lines=["said in the next life"])], act=act, freeze=False)
    assert [(life.exit_code, life.killed) for life in found.lives] == [(0, False)] * 2
    assert found.lives[0].ended_ms - signalled_ms[0] < SIGTERM_MS + SLACK_MS
    first, second = (result.request_id for result in found.results)
    found.check_delivered({first: ["said before", "said after the invocation"], second: ["said in the next life"]})
    assert (losses(found), found.own("ERROR")) == ([], [])


async def test_what_a_reset_leaves_no_time_for_is_sent_by_the_next_life(scene_of):
    """The function times out while the intake hangs; the folder for temporary files outlives the reset."""
    scene = scene_of(timeout_ms=1_500)

    async def act(scene: Any) -> None:
        scene.intake.misbehave(parse_script("hang"))
        await scene.sandbox.invoke(Invocation(b"{}"))
        scene.intake.misbehave(())
        await scene.sandbox.invoke(Invocation(b"{}"))

    steps = [Step(lines=["said before the reset"], during=scene.count, end="hang"), Step(lines=["said after it"], during=scene.count)]
    found = await scene.play(steps, act=act)
    assert found.statuses == ["timeout", "success"]
    first, second = (result.request_id for result in found.results)
    found.check_delivered({first: ["said before the reset"], second: ["said after it"]}, {first: 1.0, second: 1.0}, perhaps_twice=[first])
    assert found.counted("timeouts") == 1
    assert losses(found) == []
    found.check_orderly(lives=2, within_ms=DEADLINE_MS)


async def test_a_sigterm_while_an_invocation_runs_sends_what_there_is(scene_of):
    scene = scene_of(timeout_ms=3_000)

    async def during(call: Any) -> None:
        await scene.count(call)
        await trio.sleep(0.6)
        scene.extension.send_signal(signal.SIGTERM)

    found = await scene.play([Step(lines=["said so far"], during=during, end="hang")])
    life = found.lives[0]
    assert (life.exit_code, life.killed) == (0, False)
    request_id = found.results[0].request_id
    assert found.said == {request_id: {"said so far": 1}}
    assert found.orders == {request_id: 1.0}


async def test_an_environment_that_is_stopped_in_the_middle_of_an_invocation_ends_in_order(scene_of):
    """There is no runtimeDone then; the report, which comes with the SHUTDOWN event, ends the wait for it."""
    scene = scene_of(timeout_ms=8_000)

    async def act(scene: Any) -> None:
        with trio.move_on_after(0.8):
            await scene.sandbox.invoke(Invocation(b"{}"))

    found = await scene.play([Step(lines=["said so far"], during=scene.count, end="hang")], act=act)
    request_id = found.results[0].request_id
    found.check_delivered({request_id: ["said so far"]}, {request_id: 1.0})
    assert losses(found) == []
    found.check_orderly()


async def test_the_extension_prints_why_it_ends(scene_of):
    scene = scene_of()
    found = await scene.play([Step()])
    event = found.nexts[-1].event
    assert f"Exiting: {event['shutdownReason']}, deadline: {event['deadlineMs']}" in found.run.extension_output
    found.check_orderly()
