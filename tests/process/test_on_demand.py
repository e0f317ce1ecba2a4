"""Each flush strategy at work: which invocation's data arrives when, as the intake saw it, against the calls that the platform saw."""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import trio

from emulator.fake_runtime import Call, Step
from emulator.values import Invocation

pytestmark = pytest.mark.peers

PROMPT_MS = 900.0
PASSED_MS = 2_200  # more than an interval of one second, also in whole seconds, strictly
ADAPTIVE_AFTER = 20  # invocations that the default strategy looks back upon


def strategy(text: str) -> dict[str, str]:
    return {"DD_SERVERLESS_FLUSH_STRATEGY": text} if text else {}


def paused(*pauses_ms: int) -> list[Invocation]:
    return [Invocation(b"{}", pause_before_ms=pause_ms) for pause_ms in pauses_ms]


def where(found: Any, marks: Sequence[str]) -> list[int | str]:
    """In which invocation (from 0) each mark arrived: between its INVOKE and the next event; `end`: after SHUTDOWN."""
    places: list[int | str] = []
    for mark in marks:
        at_ms = found.arrival_ms(mark)
        given = [each for each in found.nexts if each.answered_ms <= at_ms]
        places.append("end" if given[-1].kind == "SHUTDOWN" else len(given) - 1)
    return places


def was_waited_for(found: Any, mark: str) -> bool:
    """Whether the mark arrived before the extension asked for the next event: the invocation waited for it."""
    at_ms = found.arrival_ms(mark)
    return not any(each.asked_ms <= at_ms < each.answered_ms for each in found.nexts)


async def play(scene_of: Any, text: str, *pauses_ms: int, duration_ms: float = 400) -> tuple[Any, list[str]]:
    scene = scene_of(strategy(text), timeout_ms=6_000)

    async def count_later(call: Call) -> None:
        await trio.sleep(duration_ms / 1000)  # behind a flush at the beginning
        await scene.count(call)

    found = await scene.play([Step(during=count_later)] * len(pauses_ms), invocations=paused(*pauses_ms))
    assert found.statuses == ["success"] * len(pauses_ms)
    assert max(found.waits_ms) < PROMPT_MS
    ids = [result.request_id for result in found.results]
    found.check_delivered({}, dict.fromkeys(ids, 1.0))
    assert found.counted("invocations") == found.counted("duration") == len(ids)
    found.check_orderly()
    return found, [f"request:{request_id}" for request_id in ids]


async def end(scene_of: Any) -> None:
    """Each invocation's data before it is over."""
    found, marks = await play(scene_of, "end", 0, 0, 300)
    assert where(found, marks) == [0, 1, 2]
    assert all(was_waited_for(found, mark) for mark in marks)


async def end_by_interval(scene_of: Any) -> None:
    """The same, but only when the interval has passed."""
    found, marks = await play(scene_of, "end,1000", 0, PASSED_MS, 0)
    assert where(found, marks) == [1, 1, "end"]
    assert was_waited_for(found, marks[1])


async def periodically(scene_of: Any) -> None:
    """At the beginning, what earlier invocations have left."""
    found, marks = await play(scene_of, "periodically,1000", 0, PASSED_MS, 0)
    assert where(found, marks) == [1, "end", "end"]
    assert was_waited_for(found, marks[0])


async def continuously(scene_of: Any) -> None:
    """Beside the function: the next event had been asked for already, nobody waited."""
    found, marks = await play(scene_of, "continuously,1000", 0, PASSED_MS, 0)
    assert where(found, marks) == [1, "end", "end"]
    second = [each for each in found.nexts if each.kind == "INVOKE"][1]
    following = found.nexts[found.nexts.index(second) + 1]
    assert following.asked_ms - second.answered_ms < 300


async def test_every_strategy_sends_when_it_promises(scene_of, at_once):
    await at_once(*(partial(check, scene_of) for check in (end, end_by_interval, periodically, continuously)))


async def test_by_default_frequent_invocations_stop_waiting_after_the_look_back(scene_of):
    """Nineteen at the end; from the twentieth on, invocations that follow each other closely wait for nothing."""
    found, marks = await play(scene_of, "", *[0] * (ADAPTIVE_AFTER + 2), duration_ms=5)
    assert where(found, marks[: ADAPTIVE_AFTER - 1]) == list(range(ADAPTIVE_AFTER - 1))
    assert where(found, marks[ADAPTIVE_AFTER - 1 :]) == ["end"] * 3


async def run_long(scene_of: Any, text: str) -> None:
    """Three seconds, with a line at the beginning of each."""
    scene = scene_of(strategy(text), timeout_ms=8_000)
    told_ms: list[float] = []

    async def during(call: Call) -> None:
        for second in range(3):
            told_ms.append(trio.current_time() * 1000)
            scene.say(f"said in second {second}")
            await trio.sleep(1.0)

    found = await scene.play([Step(during=during)])
    done_ms = told_ms[2] + 1_000
    assert found.arrival_ms("said in second 0") < told_ms[2]
    assert found.arrival_ms("said in second 1") < done_ms
    found.check_delivered({found.results[0].request_id: [f"said in second {second}" for second in range(3)]})
    found.check_orderly()


async def test_a_long_invocation_is_flushed_in_its_middle_with_every_strategy_that_has_an_interval(scene_of, at_once):
    await at_once(*(partial(run_long, scene_of, text) for text in ("continuously,1000", "periodically,1000", "end,1000")))


@pytest.mark.parametrize("text", ["end", ""])
async def test_without_an_interval_of_its_own_a_short_invocation_is_sent_once(scene_of, text):
    found, marks = await play(scene_of, text, 0)
    assert where(found, marks) == [0]


async def test_requests_say_what_the_specification_has_them_say(scene_of):
    scene = scene_of(strategy("end"))
    found = await scene.play([Step(lines=["said something"], during=scene.count)])
    for arrival in found.intake.arrivals():
        assert arrival.headers["dd-api-key"] == "0" * 32
        assert arrival.headers["content-encoding"] == "zstd"
        assert arrival.decoded.problems == ()
    assert {arrival.path for arrival in found.intake.arrivals()} == {"/api/v2/logs", "/api/v2/series", "/api/beta/sketches"}
    assert json.loads(found.calls_to("/2020-01-01/extension/register")[0].body) == {"events": ["INVOKE", "SHUTDOWN"]}
    found.check_orderly()
