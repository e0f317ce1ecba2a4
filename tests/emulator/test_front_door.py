"""The way in for callers."""

import base64
import json
import re
import signal
from pathlib import Path

import pytest
import trio
import trio.testing

from emulator.front_door import FrontDoor, invocation_of, response_of, response_of_result, serve_callers
from emulator.invocations import Running
from emulator.values import FunctionConfig, InvocationResult, SandboxError
from protocols.http_client import ClientConnection
from protocols.http_server import Request


def request(headers=(), body=b"{}"):
    return Request("POST", "/2015-03-31/functions/function/invocations", tuple(headers), body)


def result(status, **changes):
    return InvocationResult(**{"request_id": "r", "status": status, "response": None, **changes})


def test_the_headers_of_a_call_become_the_invocation():
    context = base64.b64encode(b'{"custom":{}}')
    found = invocation_of(
        request([(b"x-amz-client-context", context), (b"x-amzn-trace-id", b"Root=1"), (b"x-amz-tenant-id", b"t")], b"[1]")
    )
    assert (found.payload, found.client_context, found.trace_id, found.tenant_id) == (b"[1]", '{"custom":{}}', "Root=1", "t")


def test_an_empty_body_is_an_empty_object():
    assert invocation_of(request(body=b"")).payload == b"{}"


@pytest.mark.parametrize("context", [b"***", base64.b64encode(b"\xff\xfe")])
def test_a_client_context_that_is_not_base64_of_text_is_refused(context):
    with pytest.raises(ValueError, match="base64"):
        invocation_of(request([(b"x-amz-client-context", context)]))


@pytest.mark.parametrize(
    ("status", "error_type", "http_status", "function_error"),
    [
        ("success", None, 200, None),
        ("error", "Function.Boom", 200, b"Unhandled"),
        ("error", "Function.ResponseSizeTooLarge", 413, b"Unhandled"),
    ],
)
def test_a_runtimes_answer_goes_to_the_caller(status, error_type, http_status, function_error):
    answer = response_of(b"body", error_type, status)
    assert (answer.status, dict(answer.headers).get(b"X-Amz-Function-Error")) == (http_status, function_error)


@pytest.mark.parametrize(
    ("ended", "status", "message"),
    [
        (result("timeout"), 504, "r Task timed out after 3.00 seconds"),
        (result("crash", error_type="Runtime.ExitError"), 504, "RequestId: r Error: Runtime.ExitError"),
        (result("refused", error_type="Runtime.Unavailable"), 400, "no idle worker"),
    ],
)
def test_a_reset_is_a_gateway_timeout(ended, status, message):
    answer = response_of_result(ended, 3_000)
    assert (answer.status, json.loads(answer.body)["errorMessage"]) == (status, message)


def test_a_success_that_was_not_waited_for_is_the_body():
    assert response_of_result(result("success", response=b"x"), 3_000).body == b"x"


class Sandbox:
    """Answers at once, and is busy with the extensions for a while longer."""

    config = FunctionConfig(handler="a.b", task_root=Path("/"))

    def __init__(self, status="success"):
        self.status, self.ended = status, []

    async def invoke(self, invocation, on_answer):
        if self.status == "broken":
            raise SandboxError("it does not come to rest")
        running = Running(
            invocation=invocation,
            request_id="r",
            trace_id=None,
            span_id="s",
            arn="arn",
            deadline_epoch_ms=0,
            started_ms=0.0,
            epoch_of_ms=0.0,
        )
        if self.status == "success":
            running.answer("success", b'"early"', 1.0, 1.0)
        await on_answer(running)
        await trio.sleep(5)
        self.ended.append(trio.current_time())
        return result(self.status, response=b'"late"')


async def ask(nursery, sandbox, path="/2015-03-31/functions/function/invocations"):
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(FrontDoor(sandbox, nursery).serve, theirs)
    client = ClientConnection()
    await ours.send_all(client.send("POST", path, ((b"Host", b"x"),), b"{}"))
    while (answer := client.receive(bytes(await ours.receive_some()))) is None:
        pass
    await ours.aclose()
    return answer


async def test_the_caller_has_its_answer_before_the_extensions_are_done_and_may_leave(nursery, autojump_clock):
    sandbox = Sandbox()
    assert (await ask(nursery, sandbox)).body == b'"early"'
    assert (trio.current_time(), sandbox.ended) == (pytest.approx(0.0), [])
    await trio.sleep(6)
    assert len(sandbox.ended) == 1


async def test_a_timeout_is_answered_when_the_sandbox_is_reset(nursery, autojump_clock):
    assert (await ask(nursery, Sandbox("timeout"))).status == 504


async def test_a_broken_sandbox_is_an_answer_too(nursery, autojump_clock):
    answer = await ask(nursery, Sandbox("broken"))
    assert (answer.status, b"come to rest" in answer.body) == (500, True)


async def test_another_path_is_not_found(nursery, autojump_clock):
    assert (await ask(nursery, Sandbox(), "/other")).status == 404


async def call(stream, answers):
    connection = ClientConnection()
    async with stream:
        await stream.send_all(connection.send("POST", "/2015-03-31/functions/function/invocations", ((b"Host", b"x"),), b"{}"))
        while (answer := connection.receive(bytes(await stream.receive_some()))) is None:
            pass
    answers.append((answer.status, answer.body))


async def test_calls_are_taken_until_the_signal_and_those_under_way_are_answered():
    say, said = trio.open_memory_channel(9)
    sandbox, answers = SlowSandbox(), []
    with trio.fail_after(10):
        async with trio.open_nursery() as serving:
            serving.start_soon(serve_callers, sandbox, "127.0.0.1", 0, say.send_nowait)
            port = int(re.search(r":(\d+)/", await said.receive())[1])
            early, late = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(2)]
            serving.start_soon(call, early, answers)
            await sandbox.begun.wait()
            signal.raise_signal(signal.SIGTERM)
            assert await said.receive() == "no more calls are taken"
            await call(late, answers)
            sandbox.may_end.set()
    assert [status for status, _ in answers] == [503, 200]
    assert answers[1][1] == b'"done"'
    with pytest.raises(OSError, match=str(port)):
        await trio.open_tcp_stream("127.0.0.1", port)


async def test_a_port_that_is_taken_is_said():
    [taken] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with taken:
        with pytest.raises(SandboxError, match="in use"):
            await serve_callers(SlowSandbox(), "127.0.0.1", taken.socket.getsockname()[1], pytest.fail)


class SlowSandbox:
    """Ends an invocation when it may."""

    config = FunctionConfig(handler="a.b", task_root=Path("/"))

    def __init__(self):
        self.begun, self.may_end = trio.Event(), trio.Event()

    async def invoke(self, invocation, on_answer):
        self.begun.set()
        await self.may_end.wait()
        return result("success", response=b'"done"')
