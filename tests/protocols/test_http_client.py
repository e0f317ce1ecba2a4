import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.http_client import ClientConnection
from protocols.http_server import HttpLimits, Response, ServerConnection

HOST = ((b"Host", b"intake"),)

ANSWERS = {
    "length": (b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", 202, b"{}", True),
    "no body": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", 200, b"abcde", True),
    "continue first": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        200,
        b"",
        True,
    ),
    "close asked for": (b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 413, b"x", False),
    "until the close": (b"HTTP/1.1 200 OK\r\n\r\nall of it", 200, b"all of it", False),
    "http/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x", False),
}


def asked(body_bytes_max: int = 1000) -> ClientConnection:
    connection = ClientConnection(body_bytes_max)
    connection.send("GET", "/", HOST)
    return connection


def fed(connection: ClientConnection, pieces) -> Response | None:
    for piece in pieces:
        if (response := connection.receive(piece)) is not None:
            return response
    return None


@pytest.mark.parametrize(("wire", "status", "body", "reusable"), list(ANSWERS.values()), ids=list(ANSWERS))
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_an_answer_is_read_whatever_its_framing_and_its_pieces(wire, status, body, reusable, size):
    connection = asked()
    assert not connection.reusable
    response = fed(connection, [*(wire[i : i + size] for i in range(0, len(wire), size)), b""])
    assert response is not None
    assert (response.status, response.body, connection.reusable) == (status, body, reusable)


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_half_written_body_is_an_error(cut):
    for name in ("length", "chunked"):
        wire = ANSWERS[name][0]
        connection = asked()
        assert fed(connection, [wire[: -min(cut, len(wire) - 1)]]) is None
        with pytest.raises(RemoteProtocolError):
            connection.receive(b"")
        assert not connection.reusable


BAD = [
    b"\x00\x01",
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b"x" * 11,
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n" + b"x" * 11,
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n",
    b"",
]


@pytest.mark.parametrize("wire", BAD)
@pytest.mark.parametrize("size", [4096, 200_000])
def test_what_is_no_answer_or_too_large_is_the_peers_error(wire, size):
    connection = asked(body_bytes_max=10)
    with pytest.raises(RemoteProtocolError):
        fed(connection, [wire[i : i + size] for i in range(0, len(wire), size)] or [b""])
    assert not connection.reusable


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=5))
def test_garbage_raises_nothing_else(pieces):
    connection = asked()
    with pytest.raises(RemoteProtocolError):
        fed(connection, [*pieces, b""])


def test_it_knows_whether_an_answer_has_begun():
    connection = asked()
    assert not connection.answer_begun
    connection.receive(b"H")
    assert connection.answer_begun


def test_bytes_after_the_answer_spoil_the_connection():
    connection = asked()
    assert connection.receive(ANSWERS["length"][0] + b"HTTP/1.1 200 OK\r\n") is not None
    assert not connection.reusable
    with pytest.raises(RemoteProtocolError):
        ClientConnection().receive(ANSWERS["length"][0])


def test_a_connection_takes_one_request_after_the_other_and_never_two():
    connection = asked()
    with pytest.raises(LocalProtocolError):
        connection.send("GET", "/", HOST)
    connection.receive(ANSWERS["length"][0])
    connection.send("GET", "/2", HOST)
    assert connection.receive(ANSWERS["chunked"][0]).body == b"abcde"


@pytest.mark.parametrize(
    ("target", "headers"),
    [("/a b", HOST), ("/", ()), ("/", ((b"Host", b"a\r\nb: c"),)), ("/", (*HOST, (b"DD-API-KEY", b"k\n"))), ("/\xe9", HOST)],
)
def test_what_cannot_be_sent_is_our_own_error(target, headers):
    connection = ClientConnection()
    with pytest.raises(LocalProtocolError):
        connection.send("GET", target, headers)
    assert not connection.reusable


@given(st.sampled_from(["GET", "POST", "PUT"]), st.binary(max_size=300), st.binary(max_size=300))
def test_what_the_client_sends_the_server_reads_and_back(method, body, answer):
    client, server = ClientConnection(), ServerConnection(HttpLimits(300))
    for _ in range(2):
        server.receive(client.send(method, "/v1/input?x=1", (*HOST, (b"content-length", b"9")), body))
        request = server.next_request()
        assert (request.method, request.target, request.body) == (method, "/v1/input?x=1", body)
        assert client.receive(server.respond(Response(202, (), answer))).body == answer
