"""One connection to a server: opening it (plain, TLS, through a proxy's tunnel) and one request on it. Its users set the time limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from protocols.errors import RemoteProtocolError
from protocols.http_client import ANSWER_BODY_BYTES_MAX, ClientConnection
from protocols.http_server import Headers, Response
from protocols.http_tunnel import TunnelRequest
from reactor.net.errors import AnswerInvalid, AnswerLost, ConnectFailed
from reactor.net.network import Network, readable_now
from reactor.net.origin import Origin, Proxy

if TYPE_CHECKING:
    import ssl

READ_BYTES = 65_536

Tls = Callable[[], "ssl.SSLContext"]


class HttpClient:
    """An open connection to one origin."""

    def __init__(self, origin: Origin, stream: trio.abc.Stream, transport: trio.abc.Stream) -> None:
        self.origin = origin
        self._stream, self._transport = stream, transport
        self._http = ClientConnection()
        self._sending = False

    @property
    def reusable(self) -> bool:
        """Another request may go here: the last answer was whole, and the peer has neither closed nor said anything since."""
        return self._http.reusable and not readable_now(self._transport)

    @property
    def untouched(self) -> bool:
        """Nothing of an answer to the last request has been read."""
        return not self._http.answer_begun

    @property
    def answer_unknown(self) -> bool:
        """A request was begun to be sent and its answer is not in."""
        return self._sending

    async def aclose(self) -> None:
        """Close at once, without TLS's farewell, which could block. Shielded: a cancellation here must not cost an answer already read."""
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._transport)

    async def request(
        self, method: str, target: str, headers: Headers, body: bytes = b"", *, answer_bytes_max: int = ANSWER_BODY_BYTES_MAX
    ) -> Response:
        """Send one request and wait for its answer. Raises AnswerLost, AnswerInvalid; LocalProtocolError for what cannot be sent."""
        self._http.body_bytes_max = answer_bytes_max
        if not any(name.lower() == b"host" for name, _ in headers):
            headers = ((b"Host", self.origin.authority.encode("ascii")), *headers)
        data = self._http.send(method, target, headers, body)
        self._sending = True
        lost = await self._send(data)
        response = await self._receive(lost)
        self._sending = False
        return response

    async def _send(self, data: bytes) -> str:
        """Send; the reason when that failed. The answer may be there all the same: a server that refuses a body need not read it."""
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            return _reason(error)
        return ""

    async def _receive(self, lost: str) -> Response:
        data = b""
        try:
            while True:
                data = bytes(await self._stream.receive_some(READ_BYTES))
                if not data and self.untouched:
                    raise AnswerLost(str(self.origin), lost or "closed without an answer", answer_unknown=True)
                if (response := self._http.receive(data)) is not None:
                    return response
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise AnswerLost(str(self.origin), lost or _reason(error), answer_unknown=True) from error
        except RemoteProtocolError as error:
            kind = AnswerInvalid if data else AnswerLost  # b"" is EOF: the answer was cut short
            raise kind(str(self.origin), error.message, answer_unknown=True) from error


async def open_client(network: Network, origin: Origin, tls: Tls | None = None, proxy: Proxy | None = None) -> HttpClient:
    """Connect. Raises ConnectFailed."""
    first = proxy.origin if proxy else origin
    try:
        transport: trio.abc.Stream = await network.connect(first.host, first.port)
    except OSError as error:
        raise ConnectFailed(str(first), _reason(error)) from error
    try:
        return HttpClient(origin, await _dress(transport, origin, tls, proxy), transport)
    except BaseException:
        await trio.aclose_forcefully(transport)
        raise


async def _dress(transport: trio.abc.Stream, origin: Origin, tls: Tls | None, proxy: Proxy | None) -> trio.abc.Stream:
    """What the protocol above sees: the transport, perhaps through a proxy's tunnel, perhaps under TLS."""
    stream = transport
    if proxy:
        if proxy.origin.scheme == "https":
            stream = await _handshake(stream, proxy.origin, tls)
        await _open_tunnel(stream, origin, proxy)
    return await _handshake(stream, origin, tls) if origin.scheme == "https" else stream


async def _handshake(stream: trio.abc.Stream, origin: Origin, tls: Tls | None) -> trio.abc.Stream:
    import ssl  # for https alone; making the context loads the authorities, tens of milliseconds

    context = tls() if tls else ssl.create_default_context()
    secured = trio.SSLStream(stream, context, server_hostname=origin.host, https_compatible=True)
    try:
        await secured.do_handshake()
    except (trio.BrokenResourceError, ssl.SSLError, OSError) as error:
        raise ConnectFailed(str(origin), f"TLS handshake failed: {_reason(error)}") from error
    return secured


async def _open_tunnel(stream: trio.abc.Stream, origin: Origin, proxy: Proxy) -> None:
    tunnel = TunnelRequest(origin.host_port, proxy.authorization)
    try:
        await stream.send_all(tunnel.request)
        while not tunnel.receive(bytes(await stream.receive_some(READ_BYTES))):
            pass
    except (trio.BrokenResourceError, RemoteProtocolError) as error:
        raise ConnectFailed(str(proxy.origin), f"the proxy opened no tunnel: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    """The words of the error that started it: trio's own say only that a stream broke."""
    cause = error.__cause__ or error
    return str(cause) or type(cause).__name__
