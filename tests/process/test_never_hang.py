"""Whatever the platform does, or leaves out, no invocation waits for the extension beyond its bound, and nothing that arrived is lost.

Everything is real: the extension's process, its sockets, the freeze; the platform is the local one, with its faults. Times are real, so
bounds are wide; the figures themselves are in the benchmarks.
"""

import json
import random
import signal
import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

import pytest
import trio

from cli.launch import ours
from emulator.fake_runtime import FakeRuntime, Step
from emulator.values import Invocation

pytestmark = pytest.mark.peers

PROMPT_MS = 1_000.0  # an end that is seen; about 40 ms on a machine that has nothing else to do
WAIT_RESERVE_MS = 200  # before the deadline, the wait for an end that is not seen is over
AGAIN = "3da1f2dc-3222-475e-9205-e2e6c6318895"  # the id of a request that is tried twice


def done(record: dict[str, Any]) -> bool:
    return bool(record["type"] == "platform.runtimeDone")


def altered(record: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The record with other fields; a field set to None is left out."""
    changed = {**record["record"], **fields}
    return {**record, "record": {name: value for name, value in changed.items() if value is not None}}


class Ends:
    """What becomes of the runtimeDone of each invocation, in order."""

    def __init__(self, *ways: str) -> None:
        self.ways = list(ways)

    def __call__(self, scene: Any, record: dict[str, Any]) -> Iterable[dict[str, Any]]:
        return getattr(self, f"_{self.ways.pop(0)}")(scene, record) if done(record) else [record]

    def _plain(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        return [record]

    def _without_metrics(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        return [altered(record, metrics=None)]

    def _of_unknown_status(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        return [altered(record, status="evaporated")]

    def _after_that_of_another(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        return [altered(record, requestId="another"), record]

    def _of_another_alone(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        return [altered(record, requestId="another")]

    def _twice(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        return [record, record]

    def _never(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        return []

    def _amid_garbage(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        strange: list[Any] = [
            7,
            None,
            [],
            {"type": 8},
            {"type": "platform.somethingNew", "record": [1]},
            {"type": "platform.start", "record": "?"},
        ]
        scene.sandbox.nursery.start_soon(scene.post_telemetry, json.dumps([*strange, record, *strange]).encode())
        return []

    def _before_a_cut(self, scene: Any, record: dict[str, Any]) -> list[dict[str, Any]]:
        body = json.dumps([record, {"type": "function", "record": "cut off in the mid"}]).encode()
        scene.sandbox.nursery.start_soon(scene.post_telemetry, body[:-12])
        return []


async def test_every_way_to_say_that_the_runtime_is_done_ends_the_invocation_at_once(scene_of):
    ways = ("without_metrics", "of_unknown_status", "after_that_of_another", "twice", "amid_garbage", "before_a_cut", "plain")
    scene = scene_of(timeout_ms=5_000)
    found = await scene.play([Step(lines=[f"said {way}"], during=scene.count) for way in ways], tamper=Ends(*ways))
    assert found.statuses == ["success"] * len(ways)
    assert max(found.waits_ms) < PROMPT_MS
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: [f"said {way}"] for key, way in zip(ids, ways, strict=True)}, dict.fromkeys(ids, 1.0))
    found.check_orderly()
    # An end that says no duration counts none, one that comes twice counts once, and another's counts when the sandbox ends.
    assert found.counted("runtime_duration") == len(ways) - 1 + 1
    assert found.counted("invocations") == found.counted("duration") == len(ways)
    (lost,) = found.own("WARN")
    assert "telemetry record: not a record" in lost


async def end_is_not_seen(scene_of: Any, way: str) -> None:
    scene = scene_of(timeout_ms=1_200)
    found = await scene.play([Step(lines=["said first"]), Step(lines=["said second"], during=scene.count)], tamper=Ends("plain", way))
    assert found.statuses == ["success", "success"]
    assert found.waits_ms[0] < PROMPT_MS
    assert 1_200 - WAIT_RESERVE_MS - 300 < found.waits_ms[1] < 1_200
    first, second = (result.request_id for result in found.results)
    found.check_delivered({first: ["said first"], second: ["said second"]}, {second: 1.0}, perhaps_twice=[second])
    found.check_orderly()


async def test_an_end_that_is_not_seen_is_waited_for_until_shortly_before_the_deadline(scene_of, at_once):
    await at_once(*(partial(end_is_not_seen, scene_of, way) for way in ("never", "of_another_alone")))


async def batches_come_strangely(scene_of: Any, fault: str) -> None:
    scene = scene_of(timeout_ms=1_500)
    found = await scene.play([Step(during=scene.count)] * 2, faults=[fault])
    assert found.statuses == ["success", "success"]  # the end may have been in the half that was cut off
    assert found.orders == {result.request_id: 1.0 for result in found.results}
    found.check_orderly()


async def test_batches_that_come_strangely_hang_nothing(scene_of, at_once):
    await at_once(
        *(
            partial(batches_come_strangely, scene_of, fault)
            for fault in ("unknown@2", "malformed@3", "reorder@3", "duplicate:platform.runtimeDone")
        )
    )


async def test_the_end_read_before_its_beginning_is_not_waited_for_again(scene_of):
    scene = scene_of(timeout_ms=4_000)
    found = await scene.play([Step(lines=["said early"], during=scene.count)] * 2, faults=["runtime-done-first@1", "runtime-done-first@2"])
    assert max(found.waits_ms) < 2 * PROMPT_MS  # the platform itself holds the INVOKE back until the end was delivered
    assert found.counted("runtime_duration") == 2
    assert found.orders == {result.request_id: 1.0 for result in found.results}
    found.check_orderly()


async def test_a_request_that_is_tried_again_under_its_id_counts_twice_and_hangs_nothing(scene_of):
    scene = scene_of(timeout_ms=4_000)
    steps = [Step(lines=["said failing"], end="error", during=scene.count), Step(lines=["said better"], during=scene.count)]
    found = await scene.play(steps, invocations=[Invocation(b"{}", request_id=AGAIN)] * 2)
    assert found.statuses == ["error", "success"]
    assert max(found.waits_ms) < PROMPT_MS
    assert found.said == {AGAIN: {"said failing": 1, "said better": 1}}
    assert found.orders == {AGAIN: 2.0}
    assert [found.counted(name) for name in ("invocations", "errors", "runtime_duration", "duration")] == [2, 1, 2, 2]
    found.check_orderly()


# --- without telemetry ----------------------------------------------------------------------------------------------------------


async def no_subscription(scene_of: Any, how: str) -> None:
    scene = scene_of(timeout_ms=3_000)
    found = await scene.play([Step(during=scene.count)] * 3, faults=[f"subscribe:{how}"])
    assert found.statuses == ["success"] * 3
    assert max(found.waits_ms) < PROMPT_MS
    assert found.run.timings.first_next_ms < 2_000  # the start of the function is not held up by more than the two bounds of 300 ms
    found.check_delivered({}, {result.request_id: 1.0 for result in found.results})
    assert (found.counted("invocations"), found.counted("shutdowns")) == (3, 1)
    # What the first counted goes at the beginning of the second.
    assert found.arrival_ms(f"request:{found.results[0].request_id}") < found.nexts[2].answered_ms
    found.check_orderly()


async def test_without_a_subscription_everything_else_goes_on(scene_of, at_once):
    await at_once(*(partial(no_subscription, scene_of, how) for how in ("202", "403", "500", "close", "never")))


# --- ports ----------------------------------------------------------------------------------------------------------------------


async def refuse(stream: trio.SocketStream) -> None:
    await stream.aclose()


async def test_ports_that_others_have_cost_their_own_listener_only(scene_of):
    scene = scene_of(timeout_ms=3_000)
    taken = {8999: refuse, 8124: refuse, 8126: refuse}
    found = await scene.play([Step(lines=["said all the same"])] * 2, inside=taken)
    assert max(found.waits_ms) < PROMPT_MS
    (subscription,) = [json.loads(call.body) for call in found.calls_to("/2022-07-01/telemetry")]
    assert not subscription["destination"]["URI"].endswith(":8999/")
    found.check_delivered({result.request_id: ["said all the same"] for result in found.results})
    found.check_orderly(errors=["port 8124 for lifecycle cannot be opened", "port 8126 for trace cannot be opened"])


TAKE_8125 = """
import os, socket, sys
taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
taken.bind(("0.0.0.0", 8125))
taken.set_inheritable(True)
os.execv(sys.argv[1], sys.argv[1:])
"""


async def test_without_its_port_for_metrics_everything_else_goes_on(scene_of):
    scene = scene_of(timeout_ms=3_000)
    found = await scene.play([Step(lines=["said all the same"])], extension=(sys.executable, "-c", TAKE_8125, *ours()))
    assert max(found.waits_ms) < PROMPT_MS
    found.check_delivered({found.results[0].request_id: ["said all the same"]})
    found.check_orderly(errors=["UDP port 8125 cannot be opened"])


# --- registration and the calls for the next event ------------------------------------------------------------------------------


async def test_a_first_event_that_is_the_last_is_obeyed(scene_of):
    scene = scene_of(init_type="provisioned-concurrency")

    async def nothing(scene: Any) -> None:
        pass

    found = await scene.play(act=nothing)
    assert [each.kind for each in found.nexts] == ["SHUTDOWN"]
    assert (found.counted("unused_init"), found.counted("shutdowns"), found.counted("invocations")) == (1, 1, 0)
    found.check_orderly()


@pytest.mark.parametrize("fault", ["register:delay=1500", "register:close@1"])
async def test_a_registration_that_is_slow_or_has_to_be_repeated_costs_only_its_time(scene_of, fault):
    scene = scene_of(timeout_ms=3_000)
    found = await scene.play([Step(lines=["said something"], during=scene.count)], faults=[fault])
    request_id = found.results[0].request_id
    assert max(found.waits_ms) < PROMPT_MS
    assert found.run.timings.register_ms < 3_000
    found.check_delivered({request_id: ["said something"]}, {request_id: 1.0})
    found.check_orderly()


async def test_a_registration_that_is_refused_ends_the_process_with_1_and_the_reason(scene_of):
    scene = scene_of(timeout_ms=3_000)
    found = await scene.play([Step(), Step(lines=["said in the second life"])], faults=["register:403@1"])
    assert [life.exit_code for life in found.lives] == [1, 0]
    assert [text for text in found.own("ERROR") if "register answered 403" in text]
    # The platform starts everything again for the invocation: that life is an ordinary one.
    last = found.results[-1].request_id
    assert found.said[last] == {"said in the second life": 1}
    assert max(found.waits_ms) < PROMPT_MS


async def call_fails(scene_of: Any, fault: str) -> None:
    scene = scene_of(timeout_ms=3_000)
    found = await scene.play([Step(lines=["said something"], during=scene.count)] * 3, faults=[fault])
    assert found.statuses == ["success"] * 3
    assert max(found.waits_ms) < 1_500
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: ["said something"] for key in ids}, dict.fromkeys(ids, 1.0))
    found.check_orderly()


async def test_a_call_for_the_next_event_that_fails_is_made_again(scene_of, at_once):
    await at_once(
        *(
            partial(call_fails, scene_of, fault)
            for fault in ("next:500@1", "next:500@2", "next:close@1", "next:close@2", "next:half@2", "next:delay=300@2")
        )
    )


@pytest.mark.parametrize("fault", ["next:403@1", "next:403@2"])
async def test_the_platforms_last_word_ends_the_process_with_an_announced_error(scene_of, fault):
    scene = scene_of(timeout_ms=3_000)
    found = await scene.play([Step(lines=["said before the end"], during=scene.count)], faults=[fault])
    (announced,) = found.calls_to("/2020-01-01/extension/exit/error")
    assert dict(announced.headers)[b"lambda-extension-function-error-type"] == b"Extension.PlatformLost"
    assert announced.status == 202
    assert found.lives[0].exit_code == 1
    assert [text for text in found.own("ERROR") if "next answered 403" in text]
    if fault.endswith("2"):  # what the invocation had brought is not lost with the platform
        assert found.orders == {found.results[0].request_id: 1.0}


async def test_a_platform_that_only_fails_is_given_up_after_some_tries(scene_of):
    scene = scene_of(timeout_ms=6_000, init_timeout_ms=6_000)
    found = await scene.play([Step(lines=["said in the second life"])], faults=[f"next:503@{n}" for n in range(1, 7)])
    assert found.lives[0].exit_code == 1
    assert [text for text in found.own("ERROR") if "next answered 503" in text]
    assert found.statuses == ["success"]
    assert found.said == {found.results[0].request_id: {"said in the second life": 1}}


# --- freezes --------------------------------------------------------------------------------------------------------------------

FREEZES = 3
FROZEN_S = 1.5
SEEDS = (11, 12, 13)


async def frozen_somewhere(scene_of: Any, seed: int) -> None:
    """Each invocation is frozen once, somewhere between its INVOKE and the end of its flush."""
    scene, random_ = scene_of(timeout_ms=8_000), random.Random(seed)
    moments_ms = [random_.uniform(0, 80) for _ in range(FREEZES)]

    async def freeze(moment_ms: float) -> None:
        await trio.sleep(moment_ms / 1000)
        scene.extension.send_signal(signal.SIGSTOP)
        await trio.sleep(FROZEN_S)
        scene.extension.send_signal(signal.SIGCONT)

    async def during(call: Any) -> None:
        await scene.count(call)
        scene.sandbox.nursery.start_soon(freeze, moments_ms.pop())

    found = await scene.play([Step(duration_ms=20, lines=["said in the cold"], during=during)] * FREEZES)
    assert found.statuses == ["success"] * FREEZES
    assert max(found.waits_ms) < FROZEN_S * 1_000 + PROMPT_MS
    ids = [result.request_id for result in found.results]
    # A request that was under way in the freeze may have run out of its time with the answer unread: it is rightly sent again.
    found.check_delivered({key: ["said in the cold"] for key in ids}, dict.fromkeys(ids, 1.0), perhaps_twice=ids)
    found.check_orderly()


async def test_a_freeze_at_any_moment_hangs_nothing_and_loses_nothing(scene_of, at_once):
    await at_once(*(partial(frozen_somewhere, scene_of, seed) for seed in SEEDS))


# --- init -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runtime", "init_timeout_ms"),
    [
        (FakeRuntime(init_ends=["error", "ready"]), None),
        (FakeRuntime(init_ends=["crash", "ready"]), None),
        (FakeRuntime(init_ends=["hang", "ready"]), 900),
    ],
    ids=["error", "crash", "over the limit"],
)
async def test_an_init_that_fails_is_repeated_inside_the_invocation(scene_of, runtime, init_timeout_ms):
    scene = scene_of(timeout_ms=3_000, init_timeout_ms=init_timeout_ms)
    found = await scene.play([Step(lines=["said after all"], during=scene.count)], runtime=runtime)
    request_id = found.results[0].request_id
    assert found.statuses == ["success"]
    assert max(found.waits_ms) < PROMPT_MS
    phases = [record["record"]["phase"] for record in found.run.of_type("platform.initStart")]
    assert phases == ["init", "invoke"]
    found.check_delivered({request_id: ["said after all"]}, {request_id: 1.0})
    found.check_orderly(lives=2)


async def test_the_shortest_timeout_is_enough_for_an_init_inside_the_invocation(scene_of):
    """After a timeout the whole start happens inside the next invocation's second."""
    scene = scene_of(timeout_ms=1_000)
    steps = [Step(lines=["said before the timeout"], end="hang"), Step(lines=["said in the second life"]), Step(lines=["said again"])]
    found = await scene.play(steps)
    assert found.statuses == ["timeout", "success", "success"]
    texts = ["said before the timeout", "said in the second life", "said again"]
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: [text] for key, text in zip(ids, texts, strict=True)}, perhaps_twice=ids[:1])
    assert found.counted("timeouts") == 1
    found.check_orderly(lives=2)
