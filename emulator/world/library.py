"""A tracing library of the world's function: what it says of invocations on port 8124, and what it sends to port 8126, one by one."""

import struct
from collections.abc import Callable
from typing import Any

import msgpack  # type: ignore[import-untyped, unused-ignore]
import trio

from emulator.world.history import History
from emulator.world.items import Item
from protocols.errors import RemoteProtocolError
from protocols.http_client import ClientConnection
from reactor.net.memory import MemoryNetwork

CALLS, TRACES = 8124, 8126
ANSWER_S_MAX = 1.0
OWN_TRACES_FROM = 1_000_000  # trace ids of invocations: this, and the number that the library has given the invocation
# Sketches of one value, and of none: their mapping, the values above 0 in bins, those below.
MAPPING = b"\x0a\x12\x09" + struct.pack("<d", 1.015625) + b"\x11" + struct.pack("<d", 1338.5)
ONE, NONE = MAPPING + b"\x12\x0d\x12\x08" + struct.pack("<d", 1) + b"\x18\x9e\x23" + b"\x1a\x00", MAPPING + b"\x12\x00\x1a\x00"
JSON, MSGPACK = ((b"Content-Type", b"application/json"),), ((b"Content-Type", b"application/msgpack"),)

Headers = tuple[tuple[bytes, bytes], ...]
Heard = Callable[[], None]


class Library:
    """`start`, `end` and `spans` put a request in the queue; `run` sends them. What is answered 200 is accepted."""

    def __init__(self, network: MemoryNetwork, history: History) -> None:
        self._network, self._history = network, history
        self._send, self._queue = trio.open_memory_channel[tuple[int, str, Headers, bytes, Heard, Heard]](1_000)

    async def run(self) -> None:
        async for port, target, headers, body, posted, heard in self._queue:
            with trio.move_on_after(ANSWER_S_MAX):
                await self._ask(port, target, headers, body, posted, heard)

    def start(self, request_id: str, heard: Heard) -> None:
        """`request_id`: empty for a call that names none."""
        self._put(CALLS, "/lambda/start-invocation", (*_named(request_id), *JSON), b"{}", _nothing, heard)

    def end(self, request_id: str, number: int, heard: Heard) -> None:
        """`number` becomes the id of the invocation's span."""
        ids = ((b"x-datadog-trace-id", b"%d" % (OWN_TRACES_FROM + number)), (b"x-datadog-span-id", b"%d" % number))
        self._put(CALLS, "/lambda/end-invocation", (*_named(request_id), *ids, *JSON), b'{"statusCode":200}', _nothing, heard)

    def span(self, item: Item, at_ns: int) -> None:
        """One trace of one span, which is the item."""
        ids = {"trace_id": item.number + 1, "span_id": item.number + 1, "parent_id": 0}
        told = {"service": "sim", "name": "sim.span", "resource": item.record(), "start": at_ns, "duration": 1_000_000}
        body = _packed([[{**ids, **told}]])
        self._put(TRACES, "/v0.4/traces", MSGPACK, body, lambda: _posted(item), lambda: _accepted(item))

    def statistics(self, item: Item, at_ns: int) -> None:
        """One group that the library has counted, which is the item."""
        group = {"Service": "sim", "Name": "sim.span", "Resource": item.record(), "OkSummary": ONE, "ErrorSummary": NONE}
        group |= {"Hits": 1, "TopLevelHits": 1, "Duration": 1_500_000}
        bucket = {"Start": at_ns // 10**10 * 10**10, "Duration": 10**10, "Stats": [group]}
        body = _packed({"Env": "sim", "Lang": "java", "Stats": [bucket]})
        self._put(TRACES, "/v0.6/stats", MSGPACK, body, lambda: _posted(item), lambda: _accepted(item))

    def _put(self, port: int, target: str, headers: Headers, body: bytes, posted: Heard, heard: Heard) -> None:
        try:
            self._send.send_nowait((port, target, headers, body, posted, heard))
        except trio.WouldBlock:
            self._history.note("the library has no room for %s", target)

    async def _ask(self, port: int, target: str, headers: Headers, body: bytes, posted: Heard, heard: Heard) -> None:
        http = ClientConnection()
        try:
            async with await self._network.connect("127.0.0.1", port) as stream:
                posted()
                await stream.send_all(http.send("POST", target, ((b"Host", b"sandbox"), *headers), body))
                while (answer := http.receive(bytes(await stream.receive_some()))) is None:
                    pass
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, RemoteProtocolError) as error:
            self._history.note("the library's %s fails: %r", target, error)
            return
        self._history.note("the library's %s is answered %d", target, answer.status)
        if answer.status in (200, 202):
            heard()


def _named(request_id: str) -> Headers:
    return ((b"lambda-runtime-aws-request-id", request_id.encode()),) if request_id else ()


def _packed(document: Any) -> bytes:
    packed: Any = msgpack.packb(document)
    return bytes(packed)


def _nothing() -> None:
    pass


def _posted(item: Item) -> None:
    item.posted += 1


def _accepted(item: Item) -> None:
    item.accepted += 1
