from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.http_server import HttpLimits, Refused, Request, Response, ServerConnection

LIMITS = HttpLimits(body_bytes_max=100, header_bytes_max=300)
HOST = b"Host: sandbox\r\n"
POST = b"POST / HTTP/1.1\r\n" + HOST


def with_length(body: bytes) -> bytes:
    return POST + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    framed = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n" + trailer + b"\r\n"


def get(target: bytes = b"/", extra: bytes = b"") -> bytes:
    return b"GET %s HTTP/1.1\r\n%s%s\r\n" % (target, HOST, extra)


def requests_of(pieces, limits=LIMITS):
    """Feed the pieces, answering each request at once: what was asked, and the bytes that were answered."""
    connection, asked, answered = ServerConnection(limits), [], b""
    for piece in pieces:
        connection.receive(piece)
        while (request := connection.next_request()) is not None:
            asked.append(request)
            answered += connection.respond(Response(200 if isinstance(request, Request) else request.status, (), b"OK"))
    return asked, answered, connection


def split(wire: bytes, cuts) -> list[bytes]:
    bounds = [0, *sorted({cut % (len(wire) + 1) for cut in cuts}), len(wire)]
    return [wire[a:b] for a, b in pairwise(bounds) if a != b]


STREAMS = {
    "two with lengths": with_length(b"abc") + with_length(b""),
    "chunked, then a get": chunked(b"a" * 20, b"b", b"c" * 40) + get(b"/next?x=1"),
    "chunked with trailer": chunked(b"abc", trailer=b"X-Sum: 1\r\n") + get(),
    "length over the limit": get() + POST + b"Content-Length: 101\r\n\r\n" + b"x" * 101,
    "chunks over the limit": chunked(b"x" * 60, b"y" * 60) + get(),
    "head at the limit": get(extra=b"X: " + b"y" * (300 - len(get(extra=b"X: \r\n"))) + b"\r\n") + with_length(b"z" * 100),
    "head one over the limit": get(extra=b"X: " + b"y" * (301 - len(get(extra=b"X: \r\n"))) + b"\r\n"),
    "padding over the limit": get(extra=b"X:" + b" " * 300 + b"y\r\n"),
    "trailer over the limit": chunked(b"abc", trailer=b"X: " + b"y" * 400 + b"\r\n"),
    "chunk header over the limit": POST + b"Transfer-Encoding: chunked\r\n\r\n3;" + b"e" * 400 + b"\r\nabc\r\n0\r\n\r\n",
    "garbage after a request": get() + b"\x16\x03\x01\x02\x00" + b"x" * 50,
    "close asked for": get(extra=b"Connection: close\r\n") + get(),
    "http/1.0": b"GET / HTTP/1.0\r\n\r\n" + get(),
    "length, close asked for": POST + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc" + get(),
    "length, http/1.0": b"POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc" + get(),
    "length, then chunked, a get and a length": with_length(b"x" * 100) + chunked(b"abc") + get() + with_length(b"y" * 50),
    "length, then garbage": with_length(b"abc") + b"\x16\x03\x01\x02\x00" + b"x" * 50,
    "cut short": with_length(b"abc")[:-1],
}


@pytest.mark.parametrize("wire", list(STREAMS.values()), ids=list(STREAMS))
@given(cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_any_split_of_the_bytes_gives_the_same_requests_and_answers(wire, cuts):
    whole = requests_of([wire, b""])
    parts = requests_of([*split(wire, cuts), b""])
    single = requests_of([*(wire[i : i + 1] for i in range(len(wire))), b""])
    assert parts[:2] == whole[:2] == single[:2]
    assert whole[2].must_close
    assert parts[2].must_close
    assert single[2].must_close


REFUSED = [
    (b"\x00\x01\x02", 400),
    (b"GET /\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
    (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (POST + b"Content-Length: abc\r\n\r\n", 400),
    (POST + b"Content-Length: -1\r\n\r\n", 400),
    (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
    (POST + b"Content-Length: 101\r\n\r\n", 413),
    (POST + b"Content-Length: 101\r\nExpect: 100-continue\r\n\r\n", 413),
    (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    (chunked(b"x" * 101)[:-7], 413),
    (b"PRI * HTTP/2.0\r\nHost: x\r\n\r\nSM\r\n\r\n", 505),
    (b"GET /" + b"x" * 400, 431),
    (POST + b"X: y\r\n" * 100, 431),
]


@pytest.mark.parametrize(("wire", "status"), REFUSED)
def test_what_cannot_be_served_is_refused_with_its_status_and_the_connection_closes(wire, status):
    connection = ServerConnection(LIMITS)
    connection.receive(wire)
    refused = connection.next_request()
    assert isinstance(refused, Refused)
    assert refused.status == status
    assert refused.reason
    assert connection.next_request() is None
    answer = connection.respond(Response(status))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in answer
    assert connection.must_close
    assert not connection.busy
    connection.receive(get())
    assert connection.next_request() is None


def test_a_length_over_the_limit_is_refused_before_any_of_the_body():
    connection = ServerConnection(LIMITS)
    connection.receive(POST + b"Content-Length: 101\r\n\r\n")
    assert connection.next_request() == Refused(413, "body of 101 bytes is over the limit of 100")


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_garbage_never_raises(pieces):
    asked, answered, _ = requests_of([*filter(None, pieces), b""])
    assert all(isinstance(request, Refused) for request in asked)
    assert bool(asked) == bool(answered)


LINES = st.sampled_from(
    [
        *(b"GET / HTTP/1.1", b"POST /x HTTP/1.0", b"HEAD / HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"Host: a", b"Content-Length: 3"),
        *(b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Connection: close", b"Upgrade: h2c"),
        *(b"", b" ", b"3", b"0", b"abc", b"\xff", b"ffffffffff"),
    ]
)


@given(st.lists(LINES, max_size=14), st.integers(1, 40))
def test_lines_in_absurd_order_never_raise(lines, size):
    wire = b"\r\n".join([*lines, b""])
    asked, _, connection = requests_of([*(wire[i : i + size] for i in range(0, len(wire), size)), b""])
    assert all(isinstance(request, Request | Refused) for request in asked)
    assert connection.must_close


def test_a_request_has_its_parts():
    (request,), _, _ = requests_of([get(b"/a/b?c=d?e", b"X-Two: 1\r\nx-two: 2\r\n")])
    assert (request.method, request.path, request.query, request.body) == ("GET", "/a/b", "c=d?e", b"")
    assert request.header(b"x-two") == b"1"
    assert request.header(b"none") is None


def test_a_body_of_known_length_is_given_as_it_came_and_what_follows_it_is_the_next_request():
    asked, answered, connection = requests_of([with_length(b"abc") + with_length(bytes(range(100))), get(b"/last")])
    assert [(request.target, request.body) for request in asked] == [("/", b"abc"), ("/", bytes(range(100))), ("/last", b"")]
    assert answered.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert (connection.phase, connection.must_close) == ("idle", False)


@pytest.mark.parametrize("wire", [with_length(b"abc")[:-1], with_length(b"abc")[:-3]])
def test_a_peer_that_closes_within_a_body_of_known_length_is_refused(wire):
    asked, answered, connection = requests_of([wire, b""])
    assert [request.status for request in asked] == [400]
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert connection.must_close


def test_pipelined_requests_wait_for_the_answer_before_them():
    connection = ServerConnection(LIMITS)
    connection.receive(get(b"/1") + get(b"/2"))
    assert connection.next_request().target == "/1"
    assert connection.next_request() is None
    connection.respond(Response(200))
    assert connection.busy
    assert connection.next_request().target == "/2"


def test_who_expects_to_be_told_to_continue_is_told_once():
    connection = ServerConnection(LIMITS)
    connection.receive(POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert connection.next_request() is None
    assert connection.take_interim() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert connection.take_interim() == b""
    connection.receive(b"abc")
    assert connection.next_request().body == b"abc"


def test_nobody_is_told_to_continue_when_the_body_came_along():
    connection = ServerConnection(LIMITS)
    connection.receive(POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")
    assert connection.next_request().body == b"abc"
    assert connection.take_interim() == b""


def test_phases_follow_the_request():
    connection, phases = ServerConnection(LIMITS), []
    for piece in (b"", POST, b"Content-Length: 2\r\n\r\n", b"a", b"b"):
        if piece:
            connection.receive(piece)
        connection.next_request()
        phases.append((connection.phase, connection.busy))
    connection.respond(Response(200))
    phases.append((connection.phase, connection.busy))
    assert phases == [("idle", False), ("head", True), ("body", True), ("body", True), ("answer", True), ("idle", False)]


def parsed(method: str, wire: bytes):
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(wire)
    head, body = client.next_event(), b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    return head, body, event


@pytest.mark.parametrize(
    ("method", "response", "length", "body"),
    [
        ("GET", Response(200, (), b"OK"), b"2", b"OK"),
        ("GET", Response(200), b"0", b""),
        ("HEAD", Response(200, (), b"OK"), b"2", b""),
        ("GET", Response(204, (), b"never sent"), None, b""),
        ("GET", Response(418, ((b"content-length", b"7"), (b"X-Kept", b"1"), (b"Transfer-Encoding", b"chunked")), b"tea"), b"3", b"tea"),
    ],
)
def test_an_answer_is_framed_for_the_request(method, response, length, body):
    connection = ServerConnection(LIMITS)
    connection.receive(get().replace(b"GET", method.encode()))
    connection.next_request()
    head, got, end = parsed(method, connection.respond(response))
    headers = dict(head.headers)
    assert (head.status_code, headers.get(b"content-length"), got) == (response.status, length, body)
    assert isinstance(end, h11.EndOfMessage)
    assert b"transfer-encoding" not in headers
    assert not connection.must_close


def test_a_peer_that_half_closes_still_gets_its_answer():
    connection = ServerConnection(LIMITS)
    connection.receive(get())
    connection.receive(b"")
    assert connection.next_request().path == "/"
    assert connection.respond(Response(200)).startswith(b"HTTP/1.1 200")
    assert connection.next_request() is None
    assert connection.must_close


def test_our_own_mistakes_are_local_errors():
    with pytest.raises(LocalProtocolError, match="no request"):
        ServerConnection(LIMITS).respond(Response(200))
    connection = ServerConnection(LIMITS)
    connection.receive(get())
    connection.next_request()
    with pytest.raises(LocalProtocolError):
        connection.respond(Response(200, ((b"X", b"a\r\nInjected: b"),)))
    assert connection.respond(Response(500)).startswith(b"HTTP/1.1 500")


def test_a_body_of_two_mebibytes_arrives_whole():
    body = bytes(range(256)) * 8192
    limits = HttpLimits(body_bytes_max=len(body))
    for wire in (with_length(body), chunked(*(body[i : i + 50_000] for i in range(0, len(body), 50_000)))):
        (request,), _, _ = requests_of([wire[i : i + 65_536] for i in range(0, len(wire), 65_536)], limits)
        assert request.body == body
