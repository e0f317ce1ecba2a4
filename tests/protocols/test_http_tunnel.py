import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.http_tunnel import ANSWER_BYTES_MAX, TunnelRequest


def test_the_request_names_the_target_and_carries_the_authorization():
    request = TunnelRequest("intake.example:443", b"Basic eDp5").request
    assert request.startswith(b"CONNECT intake.example:443 HTTP/1.1\r\n")
    assert b"Host: intake.example:443\r\n" in request
    assert b"Proxy-Authorization: Basic eDp5\r\n" in request


def test_without_a_password_there_is_no_authorization():
    assert b"authorization" not in TunnelRequest("a:443", None).request.lower()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502"),
        (b"HTTP/1.1 200 OK\r\n\r\nearly", "200, but it speaks"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "illegal"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * ANSWER_BYTES_MAX, "too long|buffer"),
    ],
)
def test_anything_but_an_open_tunnel_is_refused(answer, reason):
    with pytest.raises(RemoteProtocolError, match=reason):
        TunnelRequest("a:443", None).receive(answer)


@given(st.integers(1, 40))
def test_any_split_of_the_answer_opens_the_tunnel_at_its_last_byte(size):
    tunnel, answer = TunnelRequest("a:443", None), b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connection established\r\n\r\n"
    opened = [tunnel.receive(answer[at : at + size]) for at in range(0, len(answer), size)]
    assert opened == [False] * (len(opened) - 1) + [True]
