"""The Runtime API's answers, row by row, against a stub of the sandbox."""

import json
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from emulator.environment import CREDENTIALS_TOKEN
from emulator.invocations import Running
from emulator.life import Life
from emulator.runtime_api import RESPONSE_BYTES_MAX, RuntimeApi, runtime_error_type
from emulator.runtime_states import RuntimeState
from emulator.values import FunctionConfig, Invocation
from emulator.wire import Arrival
from protocols.http_server import Request

NEXT = ("GET", "/2018-06-01/runtime/invocation/next")
ARRIVAL = Arrival(10.0, 12.0)


class Platform:
    """A sandbox that only remembers."""

    def __init__(self, init_type="on-demand"):
        self.config = FunctionConfig(handler="a.b", task_root=Path("/"), init_type=init_type, max_concurrency=2)
        self.life, self.failed, self.timed_out, self.live = Life(0, 0.0), [], set(), {}
        self.api = RuntimeApi(self)

    def running(self, request_id):
        return self.live.get(request_id)

    def expired(self, request_id):
        return request_id in self.timed_out

    def fail(self, error_type):
        self.failed.append(error_type)

    def check(self):
        pass

    def invoke(self, request_id="r", **given):
        running = self.live[request_id] = Running(
            invocation=Invocation(b'{"a":1}', **given),
            request_id=request_id,
            trace_id=given.get("trace_id"),
            span_id="s",
            arn=self.config.arn,
            deadline_epoch_ms=1_700_000_003_000,
            started_ms=0.0,
            epoch_of_ms=0.0,
        )
        self.life.runtime_state = RuntimeState.RUNNING
        return running

    async def call(self, route, headers=(), body=b"{}"):
        return await self.api.answer(Request(*route, tuple(headers), body), ARRIVAL)

    async def post(self, what, request_id="r", headers=(), body=b"{}"):
        return await self.call(("POST", f"/2018-06-01/runtime/invocation/{request_id}/{what}"), headers, body)


def error_of(answer):
    return answer.status, json.loads(answer.body)["errorType"]


@pytest.fixture
async def platform():
    return Platform()


async def next_in_background(platform, nursery):
    answers = []

    async def call():
        answers.append(await platform.call(NEXT))

    nursery.start_soon(call)
    await trio.testing.wait_all_tasks_blocked()
    return answers


async def test_next_waits_and_carries_the_invocation_without_empty_headers(platform, nursery):
    answers = await next_in_background(platform, nursery)
    assert (answers, platform.life.runtime_ready) == ([], True)
    platform.life.workers.popleft().give(platform.invoke(trace_id="Root=1", tenant_id="t"))
    await trio.testing.wait_all_tasks_blocked()
    headers = {name.decode().removeprefix("Lambda-Runtime-"): value.decode() for name, value in answers[0].headers}
    assert headers == {
        "Aws-Request-Id": "r",
        "Deadline-Ms": "1700000003000",
        "Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:my-function",
        "Trace-Id": "Root=1",
        "Aws-Tenant-Id": "t",
        "Content-Type": "application/json",
    }
    assert answers[0].body == b'{"a":1}'


async def test_managed_instances_send_empty_headers_too(nursery):
    platform = Platform("lambda-managed-instances")
    answers = await next_in_background(platform, nursery)
    platform.life.workers.popleft().give(platform.invoke())
    await trio.testing.wait_all_tasks_blocked()
    assert dict(answers[0].headers)[b"Lambda-Runtime-Client-Context"] == b""


async def test_more_idle_workers_than_allowed_are_refused(nursery):
    platform = Platform("lambda-managed-instances")
    for _ in range(2):
        await next_in_background(platform, nursery)
    answer = await platform.call(NEXT)
    assert error_of(answer) == (500, "InternalServerError")
    assert b"Runtime.TooManyIdleRuntimes" in answer.body
    platform.life.end()


async def test_a_response_is_accepted_once(platform):
    running = platform.invoke()
    answer = await platform.post("response", body=b'{"ok":true}')
    assert (answer.status, json.loads(answer.body)) == (202, {"status": "OK"})
    assert (running.status, running.response, running.answer_began_ms, running.answer_ended_ms) == ("success", b'{"ok":true}', 10.0, 12.0)
    assert error_of(await platform.post("response")) == (400, "InvalidRequestID")


async def test_another_id_is_invalid(platform):
    platform.invoke()
    assert error_of(await platform.post("response", "other")) == (400, "InvalidRequestID")


async def test_a_response_before_the_first_next_is_a_wrong_transition(platform):
    assert error_of(await platform.post("response")) == (403, "InvalidStateTransition")


async def test_next_during_an_invocation_is_a_wrong_transition(platform):
    platform.invoke()
    assert error_of(await platform.call(NEXT)) == (403, "InvalidStateTransition")


async def test_an_answer_after_the_timeout_is_gone_in_managed_instances():
    platform = Platform("lambda-managed-instances")
    platform.timed_out.add("r")
    assert error_of(await platform.post("response")) == (410, "InvokeTimeout")


async def test_an_error_keeps_its_type_and_body(platform):
    running = platform.invoke()
    headers = ((b"lambda-runtime-function-error-type", b"Function.Boom"),)
    assert (await platform.post("error", headers=headers, body=b'{"errorMessage":"x"}')).status == 202
    assert (running.status, running.error_type, running.response) == ("error", "Function.Boom", b'{"errorMessage":"x"}')


async def test_a_response_over_the_limit_fails_the_invocation(platform):
    running = platform.invoke()
    answer = await platform.post("response", body=b"x" * (RESPONSE_BYTES_MAX + 1))
    assert error_of(answer) == (413, "RequestEntityTooLarge")
    assert (running.status, running.error_type, platform.life.runtime_state) == (
        "error",
        "Function.ResponseSizeTooLarge",
        RuntimeState.RESPONDED,
    )


@pytest.mark.parametrize(
    ("init_type", "mode", "status"),
    [
        ("on-demand", b"streaming", 202),
        ("on-demand", b"buffered", 400),
        ("lambda-managed-instances", b"buffered", 202),
        ("on-demand", b"odd", 400),
    ],
)
async def test_a_response_mode_must_be_known(init_type, mode, status):
    platform = Platform(init_type)
    running = platform.invoke()
    answer = await platform.post("response", headers=((b"lambda-runtime-function-response-mode", mode),))
    assert answer.status == status
    assert running.error_type == (None if status == 202 else "Runtime.InvalidResponseModeHeader")


async def test_an_init_error_fails_init(platform):
    headers = ((b"lambda-runtime-function-error-type", b"Runtime.ImportModuleError"),)
    assert (await platform.call(("POST", "/2018-06-01/runtime/init/error"), headers)).status == 202
    assert platform.failed == ["Runtime.ImportModuleError"]
    assert error_of(await platform.call(NEXT)) == (403, "InvalidStateTransition")


@pytest.mark.parametrize("route", [("GET", "/2018-06-01/runtime/restore/next"), ("POST", "/2018-06-01/runtime/restore/error")])
async def test_restore_is_there_for_snap_start_alone(platform, route):
    assert error_of(await platform.call(route))[0] == 404


async def test_a_restore_is_answered_with_nothing_when_it_comes(nursery):
    platform, answers = Platform("snap-start"), []

    async def call():
        answers.append(await platform.call(("GET", "/2018-06-01/runtime/restore/next")))

    nursery.start_soon(call)
    await trio.testing.wait_all_tasks_blocked()
    assert (answers, platform.life.runtime_state) == ([], RuntimeState.RESTORE_READY)
    platform.life.restored.set()
    await trio.testing.wait_all_tasks_blocked()
    assert (answers[0].status, answers[0].body) == (200, b"")


@pytest.mark.parametrize(("token", "status"), [(CREDENTIALS_TOKEN.encode(), 200), (b"wrong", 404)])
async def test_credentials_are_given_by_token(token, status):
    request = Request("GET", "/2021-04-23/credentials", ((b"authorization", token),), b"")
    assert Platform("snap-start").api.credentials(request).status == status
    assert Platform().api.credentials(request).status == 404


@pytest.mark.parametrize("path", ["/2018-06-01/runtime/invocation/r/other", "/2018-06-01/runtime/invocation/r", "/2018-06-01/runtime/x"])
async def test_an_unknown_route_is_not_found(platform, path):
    platform.invoke()
    assert (await platform.call(("POST", path))).status == 404


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [
        ("Runtime.ExitError", "Runtime.ExitError"),
        ("Function.Boom", "Function.Boom"),
        ("Function.boom", "Function.Unknown"),
        ("Function.B", "Function.Unknown"),
        ("ValueError", "Runtime.Unknown"),
        ("", "Runtime.Unknown"),
        ("Runtime.Exit1", "Runtime.Unknown"),
    ],
)
def test_error_types_outside_the_pattern_become_the_unknowns(given_type, kept):
    assert runtime_error_type(given_type) == kept


@given(st.text())
def test_an_error_type_is_always_of_the_two_kinds(text):
    assert runtime_error_type(text).startswith(("Runtime.", "Function."))
