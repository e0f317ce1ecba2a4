"""The calls to the platform, row by row (specification, lifecycle 2 to 5)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import extensions_api as api
from protocols.extensions_api import NextInvoke, NextShutdown, Refusal, Registration

IDENTIFIER = (b"lambda-extension-identifier", b"0f3c6c5e-9f1b-4d2f-8a55-0f6f0f3a7b11")
REGISTERED = b'{"functionName":"hello-world","functionVersion":"$LATEST","handler":"index.handler","accountId":"123456789012"}'
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
)
FIELDS = st.sampled_from(["eventType", "deadlineMs", "requestId", "invokedFunctionArn", "shutdownReason"])


# --- requests


@pytest.mark.parametrize(("managed", "events"), [(False, b'{"events":["INVOKE","SHUTDOWN"]}'), (True, b'{"events":["SHUTDOWN"]}')])
def test_the_registration_asks_for_the_events_of_its_mode(managed, events):
    request = api.register_request(managed)
    assert (request.method, request.target, request.body) == ("POST", "/2020-01-01/extension/register", events)
    assert request.headers == (
        (b"Lambda-Extension-Name", b"datadog-agent"),
        (b"Lambda-Extension-Accept-Feature", b"accountId"),
        (b"Content-Type", b"application/json"),
    )


@pytest.mark.parametrize(
    ("managed", "logs", "memory", "port", "schema", "types"),
    [
        (False, True, True, 8999, "2022-12-13", ["platform", "extension", "function"]),
        (False, True, False, 8999, "2022-12-13", ["platform", "extension", "function"]),
        (False, False, True, 8999, "2022-12-13", ["platform", "function"]),
        (False, False, False, 8999, "2022-12-13", ["platform"]),
        (True, True, False, 40_000, "2025-01-29", ["platform", "extension", "function"]),
        (True, False, True, 8999, "2025-01-29", ["platform", "function"]),
        (True, False, False, 8999, "2025-01-29", ["platform"]),
    ],
)
def test_the_subscription_names_schema_types_port_and_the_quickest_buffering(managed, logs, memory, port, schema, types):
    request = api.subscribe_request("id-1", managed, logs, port, memory)
    assert (request.method, request.target) == ("PUT", "/2022-07-01/telemetry")
    assert request.headers == ((b"Lambda-Extension-Identifier", b"id-1"), (b"Content-Type", b"application/json"))
    assert json.loads(request.body) == {
        "schemaVersion": schema,
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox:{port}/"},
        "types": types,
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
    }


def test_the_next_event_is_asked_for_with_the_identifier_alone():
    assert api.next_request("id-1") == api.ApiRequest(
        "GET", "/2020-01-01/extension/event/next", ((b"Lambda-Extension-Identifier", b"id-1"),)
    )


def test_an_error_is_reported_with_its_type_in_a_header_and_its_reason_in_the_body():
    request = api.error_request(api.EXIT_ERROR_PATH, "id-1", "Extension.PlatformLost", 'next answered 500: "gone"')
    assert (request.method, request.target) == ("POST", "/2020-01-01/extension/exit/error")
    assert (b"Lambda-Extension-Function-Error-Type", b"Extension.PlatformLost") in request.headers
    assert json.loads(request.body) == {"errorMessage": 'next answered 500: "gone"', "errorType": "PlatformLost", "stackTrace": []}


# --- the answer to the registration


def test_a_registration_gives_identifier_account_and_function():
    registration = api.read_registration(200, (IDENTIFIER,), REGISTERED)
    assert registration == Registration("0f3c6c5e-9f1b-4d2f-8a55-0f6f0f3a7b11", "123456789012", "hello-world")


@pytest.mark.parametrize(
    "body", [b"{}", b'{"accountId":null}', b'{"accountId":""}', b'{"accountId":7}', b"", b"not json", b"[]", b"[" * 10_000]
)
def test_without_an_account_id_the_account_is_called_none(body):
    assert api.read_registration(200, (IDENTIFIER,), body) == Registration(IDENTIFIER[1].decode(), "none", "")


@pytest.mark.parametrize("status", [201, 202, 204, 301, 400, 403, 500])
def test_any_status_but_200_refuses_the_registration(status):
    said = b'{"errorType":"Extension.InvalidEventType","errorMessage":"no"}'
    refusal = api.read_registration(status, (IDENTIFIER,), said)
    assert refusal == Refusal(f"register answered {status}: Extension.InvalidEventType no")


@pytest.mark.parametrize("headers", [(), ((b"lambda-extension-identifier", b""),), ((b"x", b"y"),)])
def test_a_registration_without_an_identifier_is_refused(headers):
    assert api.read_registration(200, headers, REGISTERED) == Refusal("register answered without Lambda-Extension-Identifier")


# --- the answer to the subscription


def test_only_200_is_a_subscription():
    assert api.read_subscription(200, b"OK") is None


@pytest.mark.parametrize("status", [202, 400, 403, 404, 500])
def test_any_other_status_refuses_it_with_the_platforms_words(status):
    said = b'{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}'
    refusal = api.read_subscription(status, said)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == f"the telemetry subscription was answered {status}: Telemetry.NotSupported Telemetry API is not supported"


def test_words_that_are_no_document_are_quoted_and_cut():
    assert api.read_subscription(500, b"\xff" + b"x" * 1_000) == Refusal("the telemetry subscription was answered 500: \ufffd" + "x" * 199)


# --- the answer to next


def test_the_references_examples():
    invoke = {
        "eventType": "INVOKE",
        "deadlineMs": 676051,
        "requestId": "3da1f2dc-3222-475e-9205-e2e6c6318895",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"},
    }
    assert api.read_next(200, json.dumps(invoke).encode()) == NextInvoke(invoke["requestId"], 676051, invoke["invokedFunctionArn"])
    shutdown = b'{"eventType":"SHUTDOWN","shutdownReason":"SPINDOWN","deadlineMs":676051}'
    assert api.read_next(200, shutdown) == NextShutdown("spindown", 676051)


@pytest.mark.parametrize("reason", ["SPINDOWN", "spindown", "Spindown"])
def test_shutdown_reasons_are_read_in_any_case(reason):
    assert api.next_event({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": 1}) == NextShutdown("spindown", 1)


@pytest.mark.parametrize("deadline_ms", [None, "soon", [], {}, float("nan"), float("inf"), 1e300])
def test_a_deadline_that_is_none_is_zero_and_the_event_still_counts(deadline_ms):
    assert api.next_event({"eventType": "SHUTDOWN", "deadlineMs": deadline_ms}) == NextShutdown("unknown", 0)
    assert api.next_event({"eventType": "INVOKE", "requestId": "a", "deadlineMs": deadline_ms}) == NextInvoke("a", 0, "")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b'{"eventType":"INVOKE"}', b'{"eventType":"INVOKE","requestId":""}', b'{"eventType":"NAP"}', b"\xff\xfe"],
)
def test_an_event_that_cannot_be_understood_may_be_followed_by_one_that_can(body):
    answer = api.read_next(200, body)
    assert isinstance(answer, Refusal)
    assert not answer.fatal


@pytest.mark.parametrize(("status", "fatal"), [(300, True), (403, True), (404, True), (410, True), (499, True), (500, False), (503, False)])
def test_a_server_error_may_pass_and_any_other_refusal_is_final(status, fatal):
    answer = api.read_next(status, b'{"errorType":"Extension.UnknownExtensionIdentifier","errorMessage":"Unknown extension x"}')
    assert answer == Refusal(f"next answered {status}: Extension.UnknownExtensionIdentifier Unknown extension x", fatal)


@given(st.dictionaries(FIELDS, JSON_VALUES))
def test_whatever_an_event_holds_it_is_read_or_refused(document):
    assert isinstance(api.next_event(document), NextInvoke | NextShutdown | Refusal)


@given(st.integers(100, 599), st.binary(max_size=200))
def test_whatever_the_platform_answers_nothing_raises(status, body):
    assert isinstance(api.read_next(status, body), NextInvoke | NextShutdown | Refusal)
    assert isinstance(api.read_registration(status, (IDENTIFIER,), body), Registration | Refusal)
    assert api.read_subscription(status, body) is None or status != 200
