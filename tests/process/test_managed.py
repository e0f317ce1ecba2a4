"""Managed instances: many invocations at once, one pending call for life, a flush by interval, an end in order."""

import json
from collections import Counter
from functools import partial
from typing import Any

import msgpack
import pytest
import trio

from bench.managed import ask
from emulator.fake_runtime import Call, FakeRuntime, Step
from emulator.misbehaviour import parse_script
from emulator.values import Invocation

pytestmark = pytest.mark.peers

WORKERS = 300
INTERVAL_BOUND_MS = 1_900  # the interval of one second, and what a busy machine adds; three intervals would show
PLACEHOLDER = "dd-tracer-serverless-span"
OFTEN = {"DD_SERVERLESS_FLUSH_STRATEGY": "continuously,1000"}


@pytest.fixture
def managed_scene_of(scene_of):
    def managed_scene_of(environment: dict[str, str] | None = None, **changes: Any) -> Any:
        given = {"init_type": "lambda-managed-instances", "log_format": "JSON", "timeout_ms": 5_000, "memory_mb": 2_048, **changes}
        return scene_of(OFTEN if environment is None else environment, **given)

    return managed_scene_of


def json_line(request_id: str, text: str) -> dict[str, str]:
    return {"timestamp": "2025-09-19T19:36:50Z", "level": "INFO", "message": text, "requestId": request_id}


def texts_by_request(found: Any) -> dict[str | None, Counter[str]]:
    """The function's JSON lines, by the request id that the intake was told."""
    texts: dict[str | None, Counter[str]] = {}
    for line in found.account.logs:
        if line.message.startswith("{") and "said" in line.message:
            document = json.loads(line.message)
            assert document["requestId"] == line.request_id
            texts.setdefault(line.request_id, Counter())[document["message"]] += 1
    return texts


def invoke_at_once(lanes: int, rounds: int = 1) -> Any:
    """So many callers, each calling again as soon as it is answered."""

    async def call(scene: Any) -> None:
        for _ in range(rounds):
            await scene.sandbox.invoke(Invocation(b"{}"))

    async def act(scene: Any) -> None:
        while len(scene.sandbox.life.workers) < min(lanes, scene.config.max_concurrency):
            await scene.sandbox.wait_change()
        async with trio.open_nursery() as nursery:
            for _ in range(lanes):
                nursery.start_soon(call, scene)

    return act


async def test_three_hundred_invocations_at_once_keep_their_data_apart(managed_scene_of):
    scene = managed_scene_of(max_concurrency=WORKERS, timeout_ms=20_000)
    running, all_run = [], trio.Event()

    async def during(call: Call) -> None:
        running.append(call.request_id)
        if len(running) == WORKERS:
            all_run.set()
        await all_run.wait()
        for part in range(3):
            await trio.sleep(0.1 + int(call.request_id[:2], 16) / 500)  # each at its own pace: everything is interleaved
            scene.say(json_line(call.request_id, f"said part {part}"))
        await scene.count(call)

    found = await scene.play([Step(during=during)], runtime=FakeRuntime(workers=WORKERS), act=invoke_at_once(WORKERS))
    assert found.statuses == ["success"] * WORKERS
    assert found.run.of_type("platform.logsDropped") == []  # else the machine was too slow for the local platform itself
    ids = [result.request_id for result in found.results]
    assert texts_by_request(found) == {key: Counter({f"said part {part}": 1 for part in range(3)}) for key in ids}
    assert found.orders == dict.fromkeys(ids, 1.0)
    for start in ("START", "REPORT"):
        assert Counter(line.request_id for line in found.lines(f"{start} RequestId")) == Counter(ids)
    assert [found.counted(name) for name in ("invocations", "duration", "runtime_duration", "errors")] == [WORKERS] * 3 + [0]
    assert found.account.duplicates == ()
    assert found.account.problems == ()
    assert found.own("WARN") == []
    found.check_orderly()


def span_of(call: Call, trace_id: int, span_id: int, parent_id: int, name: str) -> dict[str, Any]:
    told = {"service": "orders", "name": name, "resource": name, "type": "serverless", "trace_id": trace_id, "span_id": span_id}
    times = {"start": 1_795_442_420_000_000_000, "duration": 1_000_000, "error": 0, "parent_id": parent_id}
    return told | times | {"meta": {"request_id": call.request_id}, "metrics": {"_sampling_priority_v1": 1}}


async def test_three_hundred_traced_invocations_at_once_have_each_their_own_trace(managed_scene_of):
    scene = managed_scene_of(max_concurrency=WORKERS, timeout_ms=30_000)
    running, all_run = dict[str, int](), trio.Event()

    async def during(call: Call) -> None:
        trace_id = running[call.request_id] = 1_000 + len(running)
        named = {"lambda-runtime-aws-request-id": call.request_id, "Content-Type": "application/json"}
        await ask(call, 8124, "POST /lambda/start-invocation", named, b"{}")
        if len(running) == WORKERS:
            all_run.set()
        await all_run.wait()
        await trio.sleep(int(call.request_id[:2], 16) / 200)  # each at its own pace: everything is interleaved
        spans = [span_of(call, trace_id, 1, 0, PLACEHOLDER), span_of(call, trace_id, 2, 1, "query")]
        kind = {"Content-Type": "application/msgpack", "Datadog-Meta-Lang": "java"}
        await ask(call, 8126, "PUT /v0.4/traces", kind, msgpack.packb([spans]))
        ids = {"x-datadog-trace-id": str(trace_id), "x-datadog-span-id": "1", "x-datadog-sampling-priority": "1"}
        await ask(call, 8124, "POST /lambda/end-invocation", named | ids, b'{"statusCode":200}')

    found = await scene.play([Step(during=during)], runtime=FakeRuntime(workers=WORKERS), act=invoke_at_once(WORKERS))
    assert found.statuses == ["success"] * WORKERS
    assert found.run.of_type("platform.logsDropped") == []  # else the machine was too slow for the local platform itself
    came = Counter((span.name, span.trace_id, span.span_id, span.parent_id, dict(span.meta)["request_id"]) for span in found.account.spans)
    own = {("aws.lambda", trace_id, 1, 0, request_id): 1 for request_id, trace_id in running.items()}
    below = {("query", trace_id, 2, 1, request_id): 1 for request_id, trace_id in running.items()}
    assert came == own | below
    assert found.account.duplicates == ()
    assert found.account.problems == ()
    assert found.own("WARN") == []
    found.check_orderly()


async def test_one_registration_for_the_end_and_one_call_for_life(managed_scene_of):
    scene = managed_scene_of()
    found = await scene.play([Step()], act=invoke_at_once(3))
    (registration,) = found.calls_to("/2020-01-01/extension/register")
    (subscription,) = found.calls_to("/2022-07-01/telemetry")
    assert json.loads(registration.body) == {"events": ["SHUTDOWN"]}
    assert json.loads(subscription.body)["schemaVersion"] == "2025-01-29"
    assert [each.kind for each in found.nexts] == ["SHUTDOWN"]
    assert found.counted("invocations", "init_type:lambda-managed-instances") == 3
    found.check_orderly()


async def invoke_each_second(managed_scene_of: Any, script: str, times: int) -> tuple[Any, list[float]]:
    """What was found, and how long after the end of each invocation its order arrived, milliseconds."""
    scene = managed_scene_of()
    told_ms: dict[str, float] = {}

    async def act(scene: Any) -> None:
        scene.intake.misbehave(parse_script(script))
        for _ in range(times):
            result = await scene.sandbox.invoke(Invocation(b"{}"))
            told_ms[result.request_id] = trio.current_time() * 1000
            await trio.sleep(1.0)

    found = await scene.play([Step(during=scene.count)], act=act)
    found.check_orderly(within_ms=2_000)  # what hangs is waited for as long as there is time
    return found, [found.arrival_ms(f"request:{request_id}") - at_ms for request_id, at_ms in told_ms.items()]


async def all_is_well(managed_scene_of: Any) -> None:
    _, delays_ms = await invoke_each_second(managed_scene_of, "", 3)
    assert all(-100 < delay_ms < INTERVAL_BOUND_MS for delay_ms in delays_ms), delays_ms


async def requests_hang(managed_scene_of: Any, times: int) -> None:
    """So many requests are never answered; what was collected since leaves with the next intervals all the same."""
    _, delays_ms = await invoke_each_second(managed_scene_of, f"hang*{times}", 5)
    assert all(delay_ms < INTERVAL_BOUND_MS for delay_ms in delays_ms[1:3]), delays_ms


async def test_data_leaves_at_every_interval_even_beside_requests_that_hang(managed_scene_of, at_once):
    await at_once(
        partial(all_is_well, managed_scene_of), partial(requests_hang, managed_scene_of, 1), partial(requests_hang, managed_scene_of, 3)
    )


async def test_an_invocation_that_times_out_is_counted_and_the_others_go_on(managed_scene_of):
    scene = managed_scene_of(max_concurrency=3, timeout_ms=700)
    steps = [Step(end="hang"), Step(during=scene.count)]
    found = await scene.play(steps, runtime=FakeRuntime(workers=3), act=invoke_at_once(2, rounds=2))
    assert sorted(found.statuses) == ["success"] * 3 + ["timeout"]
    slow = next(result.request_id for result in found.results if result.status == "timeout")
    (line,) = [line for line in found.lines("REPORT RequestId") if line.request_id == slow]
    assert line.status == "error"
    assert "Task timed out after 0.70 seconds" in line.message
    assert [found.counted(name) for name in ("timeouts", "errors", "invocations")] == [1, 1, 4]
    assert slow not in found.orders
    found.check_orderly()


@pytest.mark.parametrize(("end", "error_type"), [("crash", "Runtime.ExitError"), ("oom", "Runtime.OutOfMemory")])
async def test_a_runtime_that_dies_fails_all_that_ran_and_nothing_of_them_is_lost(managed_scene_of, end, error_type):
    scene = managed_scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "continuously,60000"}, max_concurrency=4)

    async def during(call: Call) -> None:
        scene.say(json_line(call.request_id, "said before the end"))
        await scene.count(call)
        await trio.sleep(0.3)

    steps = [Step(during=during, duration_ms=2_000)] * 3 + [Step(during=during, end=end)]
    found = await scene.play(steps, runtime=FakeRuntime(workers=4), act=invoke_at_once(4))
    assert [(result.status, result.error_type) for result in found.results] == [("crash", error_type)] * 4
    ids = [result.request_id for result in found.results]
    assert texts_by_request(found) == {key: Counter(["said before the end"]) for key in ids}
    assert found.orders == dict.fromkeys(ids, 1.0)
    assert [found.counted(name) for name in ("errors", "invocations", "shutdowns")] == [4, 4, 1]
    assert (found.counted("out_of_memory") > 0) == (end == "oom")
    assert found.nexts[-1].event["shutdownReason"] == "failure"
    found.check_orderly()


async def test_the_end_sends_what_no_interval_has_sent_yet(managed_scene_of):
    scene = managed_scene_of({})  # every 30 s
    found = await scene.play([Step(during=scene.count)], act=invoke_at_once(5))
    ids = [result.request_id for result in found.results]
    shutdown = found.nexts[-1]
    assert found.orders == dict.fromkeys(ids, 1.0)
    assert all(found.arrival_ms(f"request:{key}") > shutdown.answered_ms for key in ids)
    assert Counter(line.request_id for line in found.lines("REPORT RequestId")) == Counter(ids)
    assert found.counted("shutdowns") == 1
    assert {arrival.decoded.kind for arrival in found.intake.arrivals()} == {"logs", "series", "sketches"}
    found.check_orderly()


async def test_a_strategy_of_on_demand_functions_is_replaced_and_said(managed_scene_of):
    scene = managed_scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"})
    found = await scene.play([Step()], act=invoke_at_once(1))
    (line,) = found.own("WARN")
    assert "end" in line
    assert "30000 ms" in line
    found.check_orderly()


@pytest.mark.parametrize("fault", ["next:500@1", "next:close@1", "subscribe:202"])
async def test_faults_of_the_platform_cost_only_themselves(managed_scene_of, fault):
    scene = managed_scene_of()
    found = await scene.play([Step(during=scene.count)], act=invoke_at_once(3), faults=[fault])
    assert found.orders == {result.request_id: 1.0 for result in found.results}
    assert found.nexts[-1].kind == "SHUTDOWN"
    found.check_orderly()
