"""The way in for callers."""

import base64
import json

import pytest

from emulator.front_door import invocation_of, response_of, response_of_result
from emulator.values import InvocationResult
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
