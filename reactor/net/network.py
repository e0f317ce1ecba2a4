"""What the reactor asks of a network. Two implementations: `system` (real sockets) and `memory` (inside the process, in virtual time)."""

from typing import Protocol

import trio

LOOPBACK_NAMES = frozenset(("127.0.0.1", "localhost", "sandbox", "sandbox.localdomain"))
LOOPBACK = "127.0.0.1"


class Listener(Protocol):
    """A bound, listening socket."""

    @property
    def port(self) -> int: ...

    async def accept(self) -> trio.abc.HalfCloseableStream:
        """Wait for the next connection. Raises OSError when the system is out of descriptors; trying again later is right."""
        ...

    def readable_now(self) -> bool:
        """A connection waits to be accepted. Never waits itself."""
        ...

    async def aclose(self) -> None: ...


class DatagramSocket(Protocol):
    """A bound socket that receives datagrams."""

    @property
    def port(self) -> int:
        """0 for one that is bound to a path."""
        ...

    @property
    def receive_buffer_bytes(self) -> int:
        """The size that was granted, in the kernel's own way of counting."""
        ...

    def receive_now(self, datagrams_max: int) -> list[bytes]:
        """What has arrived, oldest first, at most so many datagrams; an empty list when there is nothing. Never waits."""
        ...

    async def wait_readable(self) -> None: ...

    def readable_now(self) -> bool: ...

    def kernel_drops(self) -> int | None:
        """Datagrams lost since the start because the buffer was full; None where the system does not tell."""
        ...

    def close(self) -> None: ...


class Network(Protocol):
    async def connect(self, host: str, port: int) -> trio.abc.HalfCloseableStream:
        """Raises OSError (refused, unreachable, unknown name)."""
        ...

    async def listen(self, host: str, port: int) -> Listener:
        """Bound and listening when it returns; port 0 takes a free one. Raises OSError."""
        ...

    def adopt_listener(self, fd: int) -> Listener:
        """Take over an already listening socket that start-up left open."""
        ...

    async def datagram(self, host: str, port: int, receive_buffer_bytes: int) -> DatagramSocket:
        """Bound when it returns. Raises OSError."""
        ...

    async def unix_datagram(self, path: str, receive_buffer_bytes: int) -> DatagramSocket:
        """Bound to a path that only this user may write to; closing it removes the path.

        A socket that an ended process has left there is replaced. Raises OSError: taken by someone alive, by a file, too long.
        """
        ...

    def adopt_datagram(self, fd: int, receive_buffer_bytes: int) -> DatagramSocket: ...

    def forget_names(self) -> None:
        """Drop the cached addresses: after a thaw or a restore they may be those of another day."""
        ...


def readable_now(stream: object) -> bool:
    """A stream of either network has unread bytes, or its end, waiting. Streams that cannot tell count as quiet."""
    ask = getattr(stream, "readable_now", None)  # asked at every turn of a settling: to look for a protocol costs ten times as much
    return ask is not None and bool(ask())
