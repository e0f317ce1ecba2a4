"""The real network: TCP and UDP sockets under trio. Sets no time limits but one per address while connecting."""

import errno
import os
import select
import socket
import stat
import struct

import trio

from reactor.net.network import LOOPBACK, LOOPBACK_NAMES

BACKLOG = 128
CONNECT_S_MAX = 5.0  # per address, so that a name's first, dead address leaves time for its second
NAMES_MAX = 64
DATAGRAM_BYTES_MAX = 65_535
SOCKET_MODE = 0o600  # of a Unix socket: the function runs as the same user

_SO_MEMINFO, _SO_RCVBUFFORCE = 55, 33  # <asm-generic/socket.h>; of the former's nine numbers the last is the count of drops
_MEMINFO = struct.Struct("=9I")

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]


class SystemStream(trio.abc.HalfCloseableStream):
    """A TCP connection that can also say whether something waits to be read."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self._stream = trio.SocketStream(sock)

    def readable_now(self) -> bool:
        return _readable_now(self._stream.socket.fileno())

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return await self._stream.receive_some(max_bytes)

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


class SystemListener:
    """A listening TCP socket."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self._sock = sock
        self._port = int(sock.getsockname()[1])  # asked now: a closed socket could not say

    @property
    def port(self) -> int:
        return self._port

    async def accept(self) -> trio.abc.HalfCloseableStream:
        sock, _ = await self._sock.accept()
        return SystemStream(sock)

    def readable_now(self) -> bool:
        return _readable_now(self._sock.fileno())

    async def aclose(self) -> None:
        self._sock.close()
        await trio.lowlevel.checkpoint()


class SystemDatagramSocket:
    """A bound UDP or Unix socket, read without trio's machinery: one system call per datagram is what it costs."""

    def __init__(self, sock: socket.socket, receive_buffer_bytes: int, path: str = "") -> None:
        """`path`: what a Unix socket is bound to; it is removed when the socket is closed."""
        sock.setblocking(False)
        _ask_for_buffer(sock, receive_buffer_bytes)
        self._sock, self._path = sock, path
        self._port = 0 if path else int(sock.getsockname()[1])
        self._drops_at_close: int | None = None

    @property
    def port(self) -> int:
        return self._port

    @property
    def receive_buffer_bytes(self) -> int:
        return self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def receive_now(self, datagrams_max: int) -> list[bytes]:
        if self._sock.fileno() < 0:
            return []  # closed: a drain after the end of the pump finds nothing
        # Measured: a plain recv costs less than recv_into a buffer of ours and a copy out of it (1.1 against 1.4 us).
        receive = self._sock.recv
        datagrams: list[bytes] = []
        append = datagrams.append
        try:
            for _ in range(datagrams_max):
                append(receive(DATAGRAM_BYTES_MAX))
        except BlockingIOError:
            pass
        return datagrams

    async def wait_readable(self) -> None:
        await trio.lowlevel.wait_readable(self._sock)

    def readable_now(self) -> bool:
        return _readable_now(self._sock.fileno())

    def kernel_drops(self) -> int | None:
        if self._sock.fileno() < 0:
            return self._drops_at_close
        try:
            return int(_MEMINFO.unpack(self._sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))[8])
        except (OSError, struct.error):  # a kernel that does not know the option
            return None

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            self._drops_at_close = self.kernel_drops()
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()
            if self._path:
                _remove(self._path)


class SystemNetwork:
    """Sockets of this machine. Names are looked up once (in trio's worker thread) and remembered until `forget_names`."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int], list[Address]] = {}

    async def connect(self, host: str, port: int) -> trio.abc.HalfCloseableStream:
        failure: OSError = OSError(errno.EHOSTUNREACH, "no address")
        for family, address in await self._resolve(host, port):
            try:
                return await _connect(family, address)
            except OSError as error:
                failure = error
        self._names.pop((host, port), None)  # the next attempt asks anew
        raise failure

    async def listen(self, host: str, port: int) -> SystemListener:
        family, address = (await self._resolve(host, port))[0]
        sock = trio.socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            await sock.bind(address)
            sock.listen(BACKLOG)
        except BaseException:
            sock.close()
            raise
        return SystemListener(sock)

    def adopt_listener(self, fd: int) -> SystemListener:
        return SystemListener(trio.socket.from_stdlib_socket(socket.socket(fileno=fd)))

    async def datagram(self, host: str, port: int, receive_buffer_bytes: int) -> SystemDatagramSocket:
        family, address = (await self._resolve(host, port))[0]
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.bind(address)
        except BaseException:
            sock.close()
            raise
        return SystemDatagramSocket(sock, receive_buffer_bytes)

    async def unix_datagram(self, path: str, receive_buffer_bytes: int) -> SystemDatagramSocket:
        await trio.lowlevel.checkpoint()
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            os.fchmod(sock.fileno(), SOCKET_MODE)  # before it has a name: nobody else ever sees it open
            _bind_path(sock, path)
        except BaseException:
            sock.close()
            raise
        return SystemDatagramSocket(sock, receive_buffer_bytes, path)

    def adopt_datagram(self, fd: int, receive_buffer_bytes: int) -> SystemDatagramSocket:
        return SystemDatagramSocket(socket.socket(fileno=fd), receive_buffer_bytes)

    def forget_names(self) -> None:
        self._names.clear()

    async def _resolve(self, host: str, port: int) -> list[Address]:
        if host in LOOPBACK_NAMES:
            return [(socket.AF_INET, (LOOPBACK, port))]
        if _is_ipv4(host):  # needs no resolver, and no thread of its own to run one in
            return [(socket.AF_INET, (host, port))]
        if (host, port) not in self._names:
            # As bytes: for a name in a string Python loads an encoding and its tables, whatever is in it.
            name = host.encode() if host.isascii() else host
            found = await trio.socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            if len(self._names) >= NAMES_MAX:
                self._names.clear()
            # IPv4 first: a function's network seldom has IPv6, but its resolver answers with it.
            self._names[host, port] = sorted(((family, address) for family, _, _, _, address in found), key=_is_ipv6)  # type: ignore[misc]
        return self._names[host, port]


def _ask_for_buffer(sock: socket.socket, size: int) -> None:
    """As much as the kernel gives: with the right to, beyond the system's limit, else as far as that, without a word."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def _bind_path(sock: socket.socket, path: str) -> None:
    """Raises OSError. What another process has left there, when it was killed, is no obstacle."""
    try:
        sock.bind(path)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or not _is_left_over(path):
            raise
        os.unlink(path)
        sock.bind(path)


def _is_left_over(path: str) -> bool:
    """A socket that nobody reads any more. Not a file, and not a socket of the living."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as caller:
        try:
            return stat.S_ISSOCK(os.lstat(path).st_mode) and caller.connect_ex(path) == errno.ECONNREFUSED
        except OSError:
            return False


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # somebody has removed it already
        pass


def _is_ipv4(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


def _is_ipv6(address: Address) -> bool:
    return address[0] == socket.AF_INET6


async def _connect(family: socket.AddressFamily, address: tuple[str, int] | tuple[str, int, int, int]) -> SystemStream:
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        with trio.move_on_after(CONNECT_S_MAX):
            await sock.connect(address)
            return SystemStream(sock)
        raise TimeoutError(errno.ETIMEDOUT, "connecting took too long")
    except BaseException:
        sock.close()
        raise


def _readable_now(fd: int) -> bool:
    if fd < 0:
        return False  # closed
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
