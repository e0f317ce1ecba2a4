"""A network inside the process, for simulations in virtual time: the same interface as the real one, and the same manners.

A connection to a port nobody listens on is refused; a sender waits while its peer does not read; a full datagram buffer drops and counts.
All hosts are one: only ports tell listeners apart.
"""

import errno
from collections import deque
from collections.abc import Container
from typing import TypeVar

import trio

STREAM_BUFFER_BYTES_MAX = 65_536
BACKLOG = 128
DATAGRAM_OVERHEAD_BYTES = 512  # a kernel charges its bookkeeping to the buffer too; about this much for a small datagram
_FIRST_FREE_PORT = 32_768

_Bound = TypeVar("_Bound")


class _Pipe:
    """One direction of a connection: bounded bytes, an end, and a break."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.ended = False  # the sender will send no more
        self.broken = False  # the receiver is gone, or the sender broke off
        self.changed = trio.lowlevel.ParkingLot()

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        rest = memoryview(data)
        while rest and not self.broken:
            room = STREAM_BUFFER_BYTES_MAX - len(self.data)
            if room <= 0:
                await self.changed.park()
                continue
            self.data += rest[:room]
            rest = rest[room:]
            self.changed.unpark_all()
        if self.broken:
            raise trio.BrokenResourceError("the peer has closed the connection")

    async def receive(self, bytes_max: int) -> bytes:
        while not (self.data or self.ended or self.broken):
            await self.changed.park()
        if self.broken:
            raise trio.BrokenResourceError("the connection was reset")
        taken = bytes(self.data[:bytes_max])
        del self.data[:bytes_max]
        self.changed.unpark_all()
        return taken

    def finish(self, *, broken: bool = False) -> None:
        self.ended, self.broken = True, self.broken or broken
        self.changed.unpark_all()


class MemoryStream(trio.abc.HalfCloseableStream):
    """One end of a connection."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self._closed = False

    def readable_now(self) -> bool:
        return not self._closed and bool(self._incoming.data or self._incoming.ended or self._incoming.broken)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._check_open()
        await trio.lowlevel.checkpoint()
        await self._outgoing.send(data)

    async def wait_send_all_might_not_block(self) -> None:
        self._check_open()
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        self._check_open()
        await trio.lowlevel.checkpoint()
        data = await self._incoming.receive(max_bytes or STREAM_BUFFER_BYTES_MAX)
        self._check_open()
        return data

    async def send_eof(self) -> None:
        self._check_open()
        await trio.lowlevel.checkpoint()
        self._outgoing.finish()

    async def aclose(self) -> None:
        """Close: the peer reads what was sent, then the end. Unread bytes make it a reset, as in a kernel."""
        if not self._closed:
            unread = bool(self._incoming.data)
            self._closed = True
            self._outgoing.finish(broken=unread)
            self._incoming.finish(broken=True)
        await trio.lowlevel.checkpoint()

    def reset(self) -> None:
        """Break both directions at once: what a crash or a fault injection does."""
        self._outgoing.finish(broken=True)
        self._incoming.finish(broken=True)

    def _check_open(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this end is closed")


def memory_stream_pair() -> tuple[MemoryStream, MemoryStream]:
    """Two connected ends."""
    there, back = _Pipe(), _Pipe()
    return MemoryStream(back, there), MemoryStream(there, back)


class MemoryListener:
    """A listening port of a memory network."""

    def __init__(self, network: "MemoryNetwork", port: int) -> None:
        self._network, self._port = network, port
        self._waiting: deque[MemoryStream] = deque()
        self._changed = trio.lowlevel.ParkingLot()
        self._closed = False

    @property
    def port(self) -> int:
        return self._port

    async def accept(self) -> trio.abc.HalfCloseableStream:
        await trio.lowlevel.checkpoint()
        while not self._waiting and not self._closed:
            await self._changed.park()
        if self._closed:
            raise trio.ClosedResourceError("the listener is closed")
        return self._waiting.popleft()

    def readable_now(self) -> bool:
        return bool(self._waiting)

    def offer(self, stream: MemoryStream) -> None:
        if self._closed or len(self._waiting) >= BACKLOG:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "connection refused")
        self._waiting.append(stream)
        self._changed.unpark()

    async def aclose(self) -> None:
        self._closed = True
        self._network.forget_listener(self)
        while self._waiting:
            self._waiting.popleft().reset()
        self._changed.unpark_all()
        await trio.lowlevel.checkpoint()


class MemoryDatagramSocket:
    """A bound datagram port. Its buffer is counted as a kernel counts: the payload and its bookkeeping."""

    def __init__(self, network: "MemoryNetwork", port: int, receive_buffer_bytes: int, path: str = "") -> None:
        self._network, self._port, self._bytes_max = network, port, receive_buffer_bytes
        self.place = path or port
        self._waiting: deque[bytes] = deque()
        self._bytes, self._drops = 0, 0
        self._changed = trio.lowlevel.ParkingLot()
        self._closed = False

    @property
    def port(self) -> int:
        return self._port

    @property
    def receive_buffer_bytes(self) -> int:
        return self._bytes_max

    def offer(self, datagram: bytes) -> None:
        cost = len(datagram) + DATAGRAM_OVERHEAD_BYTES
        if self._bytes + cost > self._bytes_max:
            self._drops += 1
            return
        self._waiting.append(datagram)
        self._bytes += cost
        self._changed.unpark_all()

    def receive_now(self, datagrams_max: int) -> list[bytes]:
        taken = [self._waiting.popleft() for _ in range(min(datagrams_max, len(self._waiting)))]
        self._bytes -= sum(map(len, taken)) + DATAGRAM_OVERHEAD_BYTES * len(taken)
        return taken

    async def wait_readable(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self._waiting and not self._closed:
            await self._changed.park()
        if self._closed:
            raise trio.ClosedResourceError("the socket is closed")

    def readable_now(self) -> bool:
        return bool(self._waiting)

    def kernel_drops(self) -> int | None:
        return self._drops

    def close(self) -> None:
        self._closed = True
        self._network.forget_datagram(self)
        self._changed.unpark_all()


class MemoryNetwork:
    """Ports of one imagined machine. Whatever is bound must be closed by whoever bound it."""

    def __init__(self) -> None:
        self._listeners: dict[int, MemoryListener] = {}
        self._datagrams: dict[int | str, MemoryDatagramSocket] = {}
        self._next_port = _FIRST_FREE_PORT
        self._handed_over: dict[int, MemoryListener | MemoryDatagramSocket] = {}

    async def connect(self, host: str, port: int) -> trio.abc.HalfCloseableStream:
        await trio.lowlevel.checkpoint()
        if port not in self._listeners:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "connection refused")
        ours, theirs = memory_stream_pair()
        self._listeners[port].offer(theirs)
        return ours

    async def listen(self, host: str, port: int) -> MemoryListener:
        await trio.lowlevel.checkpoint()
        port = port or self._free_port(self._listeners)
        if port in self._listeners:
            raise OSError(errno.EADDRINUSE, "address in use")
        self._listeners[port] = listener = MemoryListener(self, port)
        return listener

    async def datagram(self, host: str, port: int, receive_buffer_bytes: int) -> MemoryDatagramSocket:
        await trio.lowlevel.checkpoint()
        port = port or self._free_port(self._datagrams)
        if port in self._datagrams:
            raise OSError(errno.EADDRINUSE, "address in use")
        self._datagrams[port] = sock = MemoryDatagramSocket(self, port, receive_buffer_bytes)
        return sock

    async def unix_datagram(self, path: str, receive_buffer_bytes: int) -> MemoryDatagramSocket:
        await trio.lowlevel.checkpoint()
        if path in self._datagrams:
            raise OSError(errno.EADDRINUSE, "address in use")
        self._datagrams[path] = sock = MemoryDatagramSocket(self, 0, receive_buffer_bytes, path)
        return sock

    def send_datagram(self, place: int | str, datagram: bytes) -> None:
        """What a client's socket does: send and never know. To a port or path that nobody bound it goes nowhere."""
        if place in self._datagrams:
            self._datagrams[place].offer(datagram)

    def hand_over(self, bound: MemoryListener | MemoryDatagramSocket) -> int:
        """Leave a bound socket for adoption, as stage 0 leaves descriptors; the number stands for the descriptor."""
        fd = 1_000 + len(self._handed_over)
        self._handed_over[fd] = bound
        return fd

    def adopt_listener(self, fd: int) -> MemoryListener:
        return self._adopt(fd, MemoryListener)

    def adopt_datagram(self, fd: int, receive_buffer_bytes: int) -> MemoryDatagramSocket:
        return self._adopt(fd, MemoryDatagramSocket)

    def _adopt(self, fd: int, kind: type[_Bound]) -> _Bound:
        bound = self._handed_over.get(fd)
        if not isinstance(bound, kind):
            raise OSError(errno.EBADF, "no such descriptor was handed over")
        return bound

    def forget_names(self) -> None:
        """There are none."""

    def forget_listener(self, listener: MemoryListener) -> None:
        if self._listeners.get(listener.port) is listener:
            del self._listeners[listener.port]

    def forget_datagram(self, sock: MemoryDatagramSocket) -> None:
        if self._datagrams.get(sock.place) is sock:
            del self._datagrams[sock.place]

    def _free_port(self, taken: Container[int | str] | Container[int]) -> int:
        while self._next_port in taken:
            self._next_port += 1
        return self._next_port
