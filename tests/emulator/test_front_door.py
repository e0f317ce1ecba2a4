"""The way in for callers."""

import base64
import json
from pathlib import Path

import pytest
import trio
import trio.testing

from emulator.front_door import FrontDoor, invocation_of, response_of, response_of_result
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
