"""Functions whose library speaks of invocations on port 8124, by requests as real libraries send them: what arrives as a trace.

The requests are those of dd-java-agent 1.68, datadog-lambda-go 1.32 and, for .NET, the same calls with base64 headers (specification,
universal clients).
"""

import json
from base64 import b64encode
from typing import Any

import msgpack
import pytest
import trio

from emulator.fake_runtime import Call, FakeRuntime, Step
from emulator.values import Invocation

pytestmark = pytest.mark.peers

PLACEHOLDER = "dd-tracer-serverless-span"
JAVA = "Datadog-Meta-Lang: java\r\nConnection: Keep-Alive\r\nAccept-Encoding: gzip"
JAVA_CALL = f"{JAVA}\r\nContent-Type: application/json; charset=utf-8"
GO = "User-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip"
HTTP_EVENT = {
    "version": "2.0",
    "rawQueryString": "",
    "headers": {
        "x-datadog-trace-id": "2684756524522091840",
        "x-datadog-parent-id": "7431398482019833808",
        "x-datadog-sampling-priority": "1",
    },
    "requestContext": {
        "domainName": "x02yirxc7a.execute-api.sa-east-1.amazonaws.com",
        "apiId": "x02yirxc7a",
        "stage": "$default",
        "timeEpoch": 1_631_212_283_738,
        "http": {"method": "GET", "path": "/httpapi/get", "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4", "userAgent": "curl/7.64.1"},
    },
}


async def send(call: Call, port: int, request: str, headers: str, body: bytes) -> dict[str, str]:
    """One request on a connection of its own; the headers of its answer, which must be 200."""
    head = f"{request} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\nContent-Length: {len(body)}\r\n\r\n"
    async with await call.connect(port) as stream:
        await stream.send_all(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += await stream.receive_some()
    status, *lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert status.split()[1] == "200", answer
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def start(call: Call, headers: str) -> dict[str, str]:
    named = f"lambda-runtime-aws-request-id: {call.request_id}\r\n{headers}"
    return await send(call, 8124, "POST /lambda/start-invocation", named, call.payload)


async def end(call: Call, headers: str, body: bytes, **told: object) -> None:
    lines = [f"x-datadog-{name.replace('_', '-')}: {value}" for name, value in told.items()]
    named = "\r\n".join([*lines, f"lambda-runtime-aws-request-id: {call.request_id}", headers])
    await send(call, 8124, "POST /lambda/end-invocation", named, body)


async def traces(call: Call, method: str, headers: str, *spans: dict[str, object]) -> None:
    headers = f"{headers}\r\nContent-Type: application/msgpack\r\nX-Datadog-Trace-Count: 1\r\nDatadog-Client-Computed-Top-Level: true"
    await send(call, 8126, f"{method} /v0.4/traces", headers, msgpack.packb([list(spans)]))


def span(call: Call, trace_id: int, span_id: int, parent_id: int, name: str, resource: str, **meta: str) -> dict[str, object]:
    times = {"start": 1_795_442_420_000_000_000, "duration": 1_000_000, "error": 0}
    told = {"service": "orders", "name": name, "resource": resource, "type": "serverless", "trace_id": trace_id, "span_id": span_id}
    return told | times | {"parent_id": parent_id, "meta": {"request_id": call.request_id, **meta}, "metrics": {"_sampling_priority_v1": 1}}


def java(trace_id: int, span_id: int, *, fails: bool = False) -> Step:
    """The placeholder comes before the end call; an error's message is plain, its stack base64, and the body empty then."""

    async def during(call: Call) -> None:
        answer = await start(call, JAVA_CALL)
        trace = int(answer.get("x-datadog-trace-id", trace_id))
        mine = span(call, trace, span_id, 0, PLACEHOLDER, PLACEHOLDER, language="jvm")
        child = span(call, trace, span_id + 1, span_id, "servlet.request", "GET /orders")
        await traces(call, "PUT", f"{JAVA}\r\nDatadog-Client-Computed-Stats: ", mine, child)
        told = {"trace_id": trace, "span_id": span_id, "sampling_priority": 1}
        if fails:
            error = {"invocation_error_msg": "asked to fail", "invocation_error_type": "java.lang.IllegalStateException"}
            stack = b64encode(b"java.lang.IllegalStateException: asked to fail\n\tat app.Handler").decode()
            await end(call, JAVA_CALL, b"", **told, **error, invocation_error_stack=stack, invocation_error="true")
        else:
            await end(call, JAVA_CALL, b'{"body":"{\\"ok\\":true}","statusCode":200}', **told)

    return Step(during=during, end="error" if fails else "respond")


def go(span_id: int, *, fails: bool = False) -> Step:
    """The placeholder comes after the end call, under another name; with upstream context the parent is the trace id, which is none."""

    async def during(call: Call) -> None:
        answer = await start(call, GO)
        trace = int(answer.get("x-datadog-trace-id", span_id))
        told: dict[str, object] = {"sampling_priority": 1, "span_id": span_id, "trace_id": trace}
        told |= {"parent_id": trace} if trace != span_id else {}
        told |= (
            {"invocation_error": "true", "invocation_error_msg": "asked to fail", "invocation_error_type": "*errors.errorString"}
            if fails
            else {}
        )
        await end(call, GO, b"null" if fails else b'{"statusCode":500}', **told)
        mine = span(call, trace, span_id, trace if trace != span_id else 0, "aws.lambda", PLACEHOLDER, language="go")
        await traces(call, "POST", GO, mine, span(call, trace, span_id + 1, span_id, "http.request", "GET /orders"))

    return Step(during=during, end="error" if fails else "respond")


def spans_of(found: Any) -> dict[str, list[dict[str, object]]]:
    """The spans that arrived by the request they tell of, or else by their trace; in order."""
    spans: dict[str, list[dict[str, object]]] = {}
    for each in found.intake.documents():
        for payload in each["document"].get("tracer_payloads", ()) if each["out"] == "traces" else ():
            for chunk in payload["chunks"]:
                for one in chunk["spans"]:
                    spans.setdefault(one["name"], []).append(one)
    return spans


async def test_a_java_function_shows_one_trace_for_each_invocation(scene_of):
    event = json.dumps(HTTP_EVENT).encode()
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end", "DD_SERVICE": "orders"}, timeout_ms=10_000)
    found = await scene.play(
        [java(11, 101), java(22, 201, fails=True), java(33, 301)],
        invocations=[Invocation(event), Invocation(b"{}"), Invocation(b"{}")],
    )
    ids = [result.request_id for result in found.results]
    spans = spans_of(found)
    assert {name: len(each) for name, each in spans.items()} == {
        "aws.lambda": 3,
        "aws.httpapi": 1,
        "aws.lambda.cold_start": 1,
        "servlet.request": 3,
    }, found.story
    first, second, third = sorted(spans["aws.lambda"], key=lambda each: ids.index(each["meta"]["request_id"]))
    [api], [cold_start] = spans["aws.httpapi"], spans["aws.lambda.cold_start"]
    assert (first["trace_id"], first["span_id"], first["parent_id"]) == (2684756524522091840, 101, api["span_id"])
    assert (api["trace_id"], api["parent_id"]) == (2684756524522091840, 7431398482019833808)
    assert (cold_start["trace_id"], cold_start["parent_id"]) == (2684756524522091840, api["span_id"])
    assert first["meta"]["http.status_code"] == api["meta"]["http.status_code"] == "200"
    assert (first["meta"]["cold_start"], second["meta"]["cold_start"]) == ("true", "false")
    assert (second["trace_id"], second["span_id"], second.get("parent_id", 0), second["error"]) == (22, 201, 0, 1)
    assert second["meta"]["error.msg"] == "asked to fail"
    assert second["meta"]["error.stack"].endswith("\tat app.Handler")
    assert (third["trace_id"], third.get("error", 0), third["meta"]["language"]) == (33, 0, "jvm")
    assert [child["parent_id"] for child in sorted(spans["servlet.request"], key=lambda each: each["span_id"])] == [101, 201, 301]
    assert first["meta"]["_dd.compute_stats"] == "1", "an empty header says nothing"
    assert found.counted("errors") == 1
    assert found.account.problems == found.account.duplicates == ()
    found.check_orderly()


async def test_a_go_function_shows_one_trace_for_each_invocation(scene_of):
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=10_000)
    event = json.dumps(HTTP_EVENT).encode()
    found = await scene.play([go(101), go(201, fails=True)], invocations=[Invocation(event), Invocation(b"{}")])
    spans = spans_of(found)
    assert {name: len(each) for name, each in spans.items()} == {
        "aws.lambda": 2,
        "aws.httpapi": 1,
        "aws.lambda.cold_start": 1,
        "http.request": 2,
    }, found.story
    first, second = sorted(spans["aws.lambda"], key=lambda each: each["span_id"])
    [api] = spans["aws.httpapi"]
    assert (first["trace_id"], first["parent_id"], api["parent_id"]) == (2684756524522091840, api["span_id"], 7431398482019833808)
    assert (first["error"], api["error"], first["meta"]["http.status_code"]) == (1, 1, "500")
    assert (second["trace_id"], second["error"], second["meta"]["error.type"]) == (201, 1, "*errors.errorString")
    assert found.counted("errors") == 2
    found.check_orderly()


@pytest.mark.parametrize(("ending", "kind"), [("crash", "Runtime.ExitError"), ("hang", "Timeout")])
async def test_a_runtime_that_dies_leaves_a_span_that_says_so(scene_of, ending, kind):
    async def during(call: Call) -> None:
        await start(call, JAVA_CALL)

    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=1_500)
    found = await scene.play([Step(during=during, end=ending)])
    spans = spans_of(found)
    assert [each["meta"].get("error.type") for each in spans.get("aws.lambda", ())] == [kind], found.story
    [span] = spans["aws.lambda"]
    assert span["error"] == 1
    assert span["meta"]["request_id"] == found.results[0].request_id
    assert span["trace_id"]


async def test_calls_that_name_no_request_and_bodies_with_base64_headers(scene_of):
    """.NET writes every text of an error in base64."""

    async def during(call: Call) -> None:
        await send(call, 8124, "POST /lambda/start-invocation", "Content-Type: application/json", call.payload)
        texts = {"msg": "Error message", "type": "System.Exception", "stack": "System.Exception: Error message \n at Handle()"}
        told = [f"x-datadog-invocation-error-{name}: {b64encode(text.encode()).decode()}" for name, text in texts.items()]
        headers = "\r\n".join(["x-datadog-span-id: 5", "x-datadog-trace-id: 6", *told])
        await send(call, 8124, "POST /lambda/end-invocation", headers, b'{"statusCode":200}')

    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=10_000)
    found = await scene.play([Step(during=during)])
    [span] = spans_of(found)["aws.lambda"]
    assert (span["span_id"], span["trace_id"], span["error"]) == (5, 6, 1)
    assert span["meta"]["error.type"] == "System.Exception"
    assert span["meta"]["error.stack"] == "System.Exception: Error message \n at Handle()"
    found.check_orderly()


async def test_a_library_that_makes_its_own_span_gets_no_second_one(scene_of):
    async def during(call: Call) -> None:
        load = span(call, 77, 7, 0, "aws.lambda.load", "aws.lambda.load")
        load["meta"] = {}
        root = span(call, 77, 8, 0, "aws.lambda", "orders-api", cold_start="true")
        await traces(call, "POST", "datadog-meta-lang: python", load, root, span(call, 77, 9, 8, "work", "work"))

    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=10_000)
    # Loading such a library takes a moment, in which the record of the init's beginning is read.
    found = await scene.play([Step(during=during)], runtime=FakeRuntime(init_ms=500))
    spans = spans_of(found)
    assert {name: len(each) for name, each in spans.items()} == {
        "aws.lambda": 1,
        "aws.lambda.load": 1,
        "aws.lambda.cold_start": 1,
        "work": 1,
    }, found.story
    [cold_start], [load] = spans["aws.lambda.cold_start"], spans["aws.lambda.load"]
    assert (cold_start["trace_id"], load["parent_id"]) == (77, cold_start["span_id"])
    found.check_orderly()


async def test_flush_is_answered_when_all_is_delivered(scene_of):
    arrived: list[int] = []

    async def during(call: Call) -> None:
        await traces(call, "POST", "datadog-meta-lang: python", span(call, 1, 2, 0, "work", "work"))
        await send(call, 8124, "POST /lambda/flush", "X: y", b"")
        arrived.append(sum(each.path.startswith("/api/v0.2/traces") for each in scene.intake.arrivals()))

    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "periodically,60000"}, timeout_ms=10_000)
    await scene.play([Step(during=during)])
    assert arrived == [1]


async def test_managed_invocations_side_by_side_each_have_their_own_spans(scene_of):
    lanes, rounds = 10, 3
    steps = [java(1_000 + number, 10_000 + 10 * number) for number in range(lanes * rounds)]
    scene = scene_of({}, init_type="lambda-managed-instances", log_format="JSON", timeout_ms=5_000, memory_mb=2_048, max_concurrency=lanes)

    async def call_again_and_again() -> None:
        for _ in range(rounds):
            await scene.sandbox.invoke(Invocation(b"{}"))

    async def act(scene: Any) -> None:
        while len(scene.sandbox.life.workers) < lanes:
            await scene.sandbox.wait_change()
        async with trio.open_nursery() as nursery:
            for _ in range(lanes):
                nursery.start_soon(call_again_and_again)

    found = await scene.play(steps, runtime=FakeRuntime(workers=lanes), act=act)
    spans = spans_of(found)
    assert sorted(each["meta"]["request_id"] for each in spans["aws.lambda"]) == sorted(result.request_id for result in found.results)
    parents = {each["span_id"]: each["meta"]["request_id"] for each in spans["aws.lambda"]}
    assert all(parents[child["parent_id"]] == child["meta"]["request_id"] for child in spans["servlet.request"])
    assert len(spans["servlet.request"]) == lanes * rounds
    assert "aws.lambda.cold_start" not in spans
