"""Streams and ports of the world: latency, answers in pieces, and what a datagram socket handed out."""

from collections.abc import Awaitable, Callable

import trio

from protocols.http_server import HttpLimits, Refused, Request, Response, ServerConnection
from reactor.net.memory import MemoryDatagramSocket, MemoryListener, MemoryNetwork

BODY_BYTES_MAX = 8 * 1024 * 1024
READ_BYTES = 65_536
PIECE_PAUSE_S = 0.001


class WorldDatagramSocket(MemoryDatagramSocket):
    """Remembers what was read from it: that is what its reader has taken on."""

    def __init__(self, network: MemoryNetwork, port: int, receive_buffer_bytes: int, taken: list[tuple[float, bytes]]) -> None:
        super().__init__(network, port, receive_buffer_bytes)
        self._taken = taken

    def receive_now(self, datagrams_max: int) -> list[bytes]:
        datagrams = super().receive_now(datagrams_max)
        self._taken += [(trio.current_time(), datagram) for datagram in datagrams]
        return datagrams


class WorldNetwork(MemoryNetwork):
    """The memory network, with what was taken from its datagram sockets, and when, in `taken`."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[tuple[float, bytes]] = []

    async def datagram(self, host: str, port: int, receive_buffer_bytes: int) -> MemoryDatagramSocket:
        bound = await super().datagram(host, port, receive_buffer_bytes)
        sock = WorldDatagramSocket(self, bound.port, receive_buffer_bytes, self.taken)
        self._datagrams[bound.port] = sock
        return sock


class PacedStream(trio.abc.Stream):
    """A stream whose every send begins late and goes in pieces."""

    def __init__(self, stream: trio.abc.Stream, latency_ms: int, pieces: int) -> None:
        self._stream, self._latency_s, self._pieces = stream, latency_ms / 1000, pieces

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep(self._latency_s)
        await send_in_pieces(self._stream, bytes(data), self._pieces)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._stream.aclose()


async def send_in_pieces(stream: trio.abc.Stream, data: bytes, pieces: int, pause_s: float = PIECE_PAUSE_S) -> None:
    if pieces < 2 or len(data) < pieces:
        await stream.send_all(data)
        return
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        if start:
            await trio.sleep(pause_s)
        await stream.send_all(data[start : start + size])


async def accept(listener: MemoryListener, serve: Callable[[trio.abc.Stream], Awaitable[None]]) -> None:
    """Serve each connection in a task of its own, until cancelled."""
    async with trio.open_nursery() as nursery:
        try:
            while True:
                nursery.start_soon(serve, await listener.accept())
        except trio.ClosedResourceError:  # the port is closed: those who are connected stay
            pass


class Conversation:
    """The server's side of one connection: requests in, answers out, well or badly."""

    def __init__(self, stream: trio.abc.Stream, latency_ms: int, pieces: int) -> None:
        self._stream, self._latency_s, self._pieces = stream, latency_ms / 1000, pieces
        self._http = ServerConnection(HttpLimits(BODY_BYTES_MAX))

    async def next_request(self) -> Request | Refused | None:
        """None: the peer has closed, or is gone."""
        while (request := self._http.next_request()) is None and not self._http.must_close:
            try:
                self._http.receive(bytes(await self._stream.receive_some(READ_BYTES)))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return None
        return request

    async def answer(self, response: Response, manner: str = "") -> bool:
        """Send the answer: whole, or `half`, or none (`close`); those two end the connection. Says whether it went out whole."""
        await trio.sleep(self._latency_s)
        data = b"" if manner == "close" else self._http.respond(response)
        try:
            await send_in_pieces(self._stream, data[: len(data) // 2] if manner == "half" else data, self._pieces)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        if manner in ("half", "close"):
            await trio.aclose_forcefully(self._stream)
            return False
        return True
