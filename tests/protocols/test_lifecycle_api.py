"""The routes on port 8124."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.http_server import HttpLimits, Refused, Request, Response, ServerConnection
from protocols.lifecycle_api import BODY_BYTES_MAX, RECEIVED_BYTES_MAX, Call, answer, read

START, END = "/lambda/start-invocation", "/lambda/end-invocation"


@pytest.mark.parametrize(
    ("method", "target", "kind"),
    [
        ("GET", "/lambda/hello", "hello"),
        ("GET", "/lambda/hello?from=library", "hello"),
        ("POST", START, "start"),
        ("POST", END, "end"),
        ("POST", "/lambda/flush", "flush"),
    ],
)
def test_calls(method, target, kind):
    assert read(Request(method, target, (), b"{}")) == Call(kind, {}, b"{}")


@pytest.mark.parametrize(
    ("method", "target", "response"),
    [
        ("POST", "/lambda/hello", Response(405, ((b"Allow", b"GET"),))),
        ("GET", START, Response(405, ((b"Allow", b"POST"),))),
        ("PUT", END, Response(405, ((b"Allow", b"POST"),))),
        ("GET", "/lambda/flush", Response(405, ((b"Allow", b"POST"),))),
        ("GET", "/", Response(404)),
        ("GET", "/lambda/hello/", Response(404)),
        ("POST", "/lambda", Response(404)),
    ],
)
def test_what_is_no_call(method, target, response):
    assert read(Request(method, target, (), b"")) == response


@pytest.mark.parametrize(
    ("headers", "request_id"), [((), ""), (((b"Lambda-Runtime-Aws-Request-Id", b" req-from-header "),), "req-from-header")]
)
def test_the_request_that_a_call_names(headers, request_id):
    assert read(Request("POST", START, headers, b"")).request_id == request_id


def test_names_of_headers_are_lower_case_and_the_first_of_several_stands():
    call = read(Request("POST", END, ((b"X-Datadog-Span-Id", b"1"), (b"x-datadog-span-id", b"2"), (b"x", b"\xe9")), b""))
    assert call.headers == {"x-datadog-span-id": "1", "x": "é"}


@pytest.mark.parametrize(
    ("size", "kept"), [(BODY_BYTES_MAX - 1, True), (BODY_BYTES_MAX // 2, True), (BODY_BYTES_MAX, True), (BODY_BYTES_MAX + 1, False)]
)
def test_a_body_over_the_limit_costs_the_body_alone(size, kept):
    call = read(Request("POST", END, ((b"x-datadog-span-id", b"1"),), b"x" * size))
    assert (len(call.body), bool(call.problem), call.headers) == (size * kept, not kept, {"x-datadog-span-id": "1"})


@pytest.mark.parametrize("status", [400, 408, 413, 503])
@pytest.mark.parametrize(("path", "kind"), [(START, "start"), (END, "end")])
def test_a_body_that_did_not_come_whole_costs_the_body_alone(status, path, kind):
    call = read(Refused(status, "why", Request("POST", path, ((b"x", b"y"),), b"")))
    assert (call.kind, call.headers, call.body) == (kind, {"x": "y"}, b"")
    assert str(status) in call.problem


@pytest.mark.parametrize(
    "head", [None, Request("GET", START, (), b""), Request("POST", "/lambda/flush", (), b""), Request("POST", "/x", (), b"")]
)
@pytest.mark.parametrize("status", [400, 408, 413, 431])
def test_what_the_server_refused_is_answered_as_it_says(head, status):
    assert read(Refused(status, "why", head)) == Response(status)


def test_the_server_hands_on_the_head_of_a_body_that_is_far_too_long():
    connection = ServerConnection(HttpLimits(RECEIVED_BYTES_MAX))
    connection.receive(b"POST %s HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: %d\r\n\r\n" % (END.encode(), RECEIVED_BYTES_MAX + 1))
    call = read(connection.next_request())
    assert (call.kind, call.headers["x"], call.body) == ("end", "y", b"")


def test_the_server_hands_on_the_head_of_a_body_that_breaks_off():
    connection = ServerConnection(HttpLimits(RECEIVED_BYTES_MAX))
    connection.receive(b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{}" % START.encode())
    assert connection.next_request() is None
    connection.receive(b"")
    assert read(connection.next_request()).kind == "start"


def test_an_answer_is_text_and_has_the_headers_of_the_trace():
    response = answer(((b"x-datadog-trace-id", b"1"),))
    assert (response.status, response.body) == (200, b"{}")
    assert response.headers == ((b"Content-Type", b"text/plain; charset=utf-8"), (b"x-datadog-trace-id", b"1"))


@given(
    st.text(max_size=30),
    st.sampled_from(["GET", "POST", "BREW"]),
    st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5))),
    st.binary(),
)
def test_any_request_is_a_call_or_has_an_answer(target, method, headers, body):
    assert isinstance(read(Request(method, target, tuple(headers), body)), Call | Response)
