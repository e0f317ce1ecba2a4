"""SnapStart, and what it shares with every freeze: time has passed, connections are dead, and the first flush must work all the same."""

from functools import partial
from typing import Any

import pytest
import trio

from emulator.fake_runtime import FakeRuntime, Step
from emulator.values import Invocation

pytestmark = pytest.mark.peers

PROMPT_MS = 900.0
PROACTIVE_MS = 10_300
BESIDE = "http://127.0.0.1:9081"


async def test_a_restored_sandbox_works_from_its_first_flush_on(scene_of):
    scene = scene_of(init_type="snap-start", version="7", timeout_ms=3_000)
    steps = [Step(lines=[f"said {n}"], during=scene.count) for n in range(2)]
    found = await scene.play(
        steps, runtime=FakeRuntime(restore_ms=40), invocations=[Invocation(b"{}", pause_before_ms=1_300), Invocation(b"{}")]
    )
    assert found.statuses == ["success", "success"]
    assert max(found.waits_ms) < PROMPT_MS
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: [f"said {n}"] for n, key in enumerate(ids)}, dict.fromkeys(ids, 1.0))
    # Each invocation's data came with its own flush, the first one's too.
    for key, event in zip(ids, [each for each in found.nexts if each.kind == "INVOKE"], strict=True):
        following = found.nexts[found.nexts.index(event) + 1]
        assert event.answered_ms < found.arrival_ms(f"request:{key}") < following.asked_ms
    found.check_orderly()


async def test_a_restore_is_measured_and_is_a_cold_start(scene_of):
    scene = scene_of(init_type="snap-start", version="7", timeout_ms=3_000)
    found = await scene.play([Step()] * 2, runtime=FakeRuntime(restore_ms=60))
    (restored,) = found.run.of_type("platform.restoreReport")
    (metric,) = [each for each in found.account.metrics if each.name == "aws.lambda.enhanced.snapstart_restore_duration"]
    assert metric.value == pytest.approx(restored["record"]["metrics"]["durationMs"] / 1000)
    assert found.counted("invocations", "init_type:snap-start") == 2
    assert [found.counted("invocations", f"cold_start:{cold}") for cold in ("true", "false")] == [1, 1]
    found.check_orderly()


async def test_a_snapshot_that_is_never_restored_ends_in_order(scene_of):
    async def nothing(scene: Any) -> None:
        pass

    found = await scene_of(init_type="snap-start", version="7").play(act=nothing)
    assert [each.kind for each in found.nexts] == ["SHUTDOWN"]
    assert found.counted("unused_init") == 1
    found.check_orderly()


async def test_connections_do_not_outlive_a_freeze(scene_of):
    """The intake has hung up meanwhile, as after minutes it would; nothing is sent into the void, and nothing twice."""
    scene = scene_of({"DD_DD_URL": BESIDE, "DD_LOGS_CONFIG_LOGS_DD_URL": BESIDE}, timeout_ms=3_000)
    streams: list[trio.SocketStream] = []
    opened = 0

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal opened
        opened += 1
        streams.append(stream)
        await scene.intake.serve_connection(stream)

    async def act(scene: Any) -> None:
        for _ in range(3):
            await scene.sandbox.invoke(Invocation(b"{}", pause_before_ms=1_200))
            await trio.sleep(0.1)
            for stream in streams:  # without a farewell that the frozen process could hear in time
                await trio.aclose_forcefully(stream)
            streams.clear()

    found = await scene.play([Step(during=scene.count)], act=act, inside={9081: serve})
    ids = [result.request_id for result in found.results]
    assert max(found.waits_ms) < PROMPT_MS
    found.check_delivered({}, dict.fromkeys(ids, 1.0))
    assert found.account.duplicates == ()
    assert opened >= 3  # a new one for each invocation, at least
    found.check_orderly()


# --- ten seconds --------------------------------------------------------------------------------------------------------------------


async def a_restore_that_fails(scene_of: Any) -> None:
    """A hook after the restore takes too long: the platform gives the life up, which ends in order, and begins another."""
    scene = scene_of(init_type="snap-start", version="7", timeout_ms=3_000)
    found = await scene.play([Step(lines=["said after all"])], runtime=FakeRuntime(restore_ms=11_000), invocations=[Invocation(b"{}")] * 2)
    assert found.run.of_type("platform.restoreReport")[0]["record"]["status"] == "failure"
    assert found.said == {found.results[-1].request_id: {"said after all": 1}}
    assert [(life.exit_code, life.killed) for life in found.lives] == [(0, False)] * 2


async def provisioned(scene_of: Any, pause_ms: int) -> Any:
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, init_type="provisioned-concurrency")
    found = await scene.play([Step()] * 2, invocations=[Invocation(b"{}", pause_before_ms=pause_ms), Invocation(b"{}")])
    assert found.counted("invocations", "init_type:provisioned-concurrency") == 2
    found.check_orderly()
    return found


async def soon_invoked(scene_of: Any) -> None:
    found = await provisioned(scene_of, 0)
    assert [found.counted("invocations", f"cold_start:{cold}") for cold in ("true", "false")] == [1, 1]
    assert found.counted("invocations", "proactive_initialization:true") == 0


async def late_invoked(scene_of: Any) -> None:
    found = await provisioned(scene_of, PROACTIVE_MS)
    assert found.counted("invocations", "cold_start:false") == 2
    assert found.counted("invocations", "proactive_initialization:true") == 1


async def test_environments_made_ahead_of_their_first_invocation(scene_of, at_once):
    """After ten seconds a first invocation is a proactive initialisation, no cold start; the process was frozen in between."""
    await at_once(partial(late_invoked, scene_of), partial(a_restore_that_fails, scene_of), partial(soon_invoked, scene_of))
