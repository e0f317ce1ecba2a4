"""Pump HTTP requests from streams into a handler: one connection (`serve_connection`), or a listening socket (`HttpListener`).

It knows no route and no payload. Every wait on the peer has a bound from `HttpLimits`; a peer that resets, half-closes or stalls costs
its own connection only.
"""

import logging
from collections.abc import Awaitable, Callable

import attrs
import trio

from protocols.body_room import BodyRoom
from protocols.http_server import HttpLimits, Refused, Request, Response, ServerConnection
from reactor.net.network import Listener, readable_now

CONNECTIONS_MAX = 64
READ_BYTES = 65_536
REFUSAL_SEND_S_MAX = 1.0  # a refusal's answer, and after it the time to read on
REFUSAL_DRAIN_BYTES_MAX = 1_048_576
ACCEPT_PAUSE_S = 0.05  # after an accept failed, typically for want of descriptors
STALLED_S = 1.0  # a body of which nothing came for so long gives its room to others, if they need it

Handler = Callable[[Request | Refused], Awaitable[Response]]

_log = logging.getLogger(__name__)


@attrs.define
class ListenerCounts:
    """Running totals of a listener, shared by its connections."""

    accepted: int = 0
    turned_away: int = 0  # over the bound on connections: closed unread
    closed_for_others: int = 0  # closed because another connection, or another's body, needed the place
    served: int = 0
    refused: int = 0  # requests that could not be served (400, 408, 413, ...)
    crashed: int = 0  # the handler raised
    lost: int = 0  # the peer was gone before its answer was out
    accept_failed: int = 0
    bytes_in: int = 0


@attrs.frozen
class ListenerStatistics:
    """A copy of the totals (see ListenerCounts), and how many connections are open now."""

    open: int
    accepted: int
    turned_away: int
    closed_for_others: int
    served: int
    refused: int
    crashed: int
    lost: int
    accept_failed: int
    bytes_in: int


class ConnectionPump:
    """One connection's task: read, hand over, answer, until one side ends it."""

    def __init__(
        self, stream: trio.abc.Stream, limits: HttpLimits, handle: Handler, counts: ListenerCounts, room: BodyRoom | None = None
    ) -> None:
        self._stream, self._limits, self._handle, self._counts = stream, limits, handle, counts
        self._http = ServerConnection(limits, room)
        self._phase, self._deadline = "", 0.0
        self._life = trio.CancelScope()
        self.heard_at = trio.current_time()

    def has_work(self) -> bool:
        """A request is arriving, being served or being answered, or bytes wait unread."""
        return self._http.busy or readable_now(self._stream)

    async def run(self) -> None:
        """Serve until EOF, a refusal, an end that either side asked for, or cancellation."""
        try:
            with self._life:
                async with self._stream:
                    while not self._http.must_close and (request := await self._next_request()):
                        await self._serve(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._counts.lost += self._http.busy  # a reset between two requests loses nothing
        finally:
            self._http.release()

    @property
    def waits(self) -> bool:
        """For its peer: no request of it is being dealt with."""
        return self._http.phase != "answer"

    @property
    def body_bytes(self) -> int:
        return self._http.body_bytes

    def close_for_others(self) -> None:
        """End this connection, whatever it waits for, and give its room back at once."""
        self._counts.closed_for_others += 1
        self._http.release()
        self._life.cancel()

    async def _next_request(self) -> Request | Refused | None:
        while (request := self._http.next_request()) is None and not self._http.must_close:
            if interim := self._http.take_interim():
                await self._send(interim)
            if not await self._read():
                return self._http.refuse(408, "the request did not arrive in time") if self._http.busy else None
        return request

    async def _read(self) -> bool:
        """Read once. False when the time of this phase is over: it runs from the phase's start, so a trickle of bytes buys no more."""
        phase = self._http.phase
        if phase != self._phase:
            self._phase, self._deadline = phase, trio.current_time() + self._phase_s(phase)
        with trio.move_on_at(self._deadline):
            data = await self._stream.receive_some(READ_BYTES)
            self._counts.bytes_in += len(data)
            self.heard_at = trio.current_time()
            self._http.receive(bytes(data))
            return True
        return False

    def _phase_s(self, phase: str) -> float:
        limits = self._limits
        limit_ms = {"idle": limits.idle_ms, "head": limits.head_ms, "body": limits.body_ms}[phase]
        return float("inf") if limit_ms is None else limit_ms / 1000

    async def _serve(self, request: Request | Refused) -> None:
        self._phase = ""  # the next request has its own time
        try:
            answer = self._http.respond(await self._handle(request))
        except Exception as error:  # whatever the handler raised: it costs this connection, and no other
            self._note_crash(error)
            await self._refuse(self._crash_answer())
            return
        if isinstance(request, Refused):
            self._counts.refused += 1
            await self._refuse(answer)
        else:
            await self._send(answer)
            self._counts.served += 1

    def _note_crash(self, error: Exception) -> None:
        self._counts.crashed += 1
        if self._counts.crashed == 1:  # our own log lines come back as telemetry, so: once, and a count
            _log.error("a request handler failed, its connection is closed: %r", error, exc_info=error)

    def _crash_answer(self) -> bytes:
        self._http.refuse(500, "handler failed")
        try:
            return self._http.respond(Response(500))
        except Exception:  # it failed after the answer had begun
            return b""

    async def _send(self, data: bytes) -> None:
        with trio.move_on_after(self._limits.body_ms / 1000) as scope:
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the peer did not take the answer in time")

    async def _refuse(self, answer: bytes) -> None:
        """Send the last answer, then read on a little: a close over unread bytes resets the connection, and the answer is lost with it."""
        with trio.move_on_after(REFUSAL_SEND_S_MAX):
            if answer:
                await self._stream.send_all(answer)
            if isinstance(self._stream, trio.abc.HalfCloseableStream):
                await self._stream.send_eof()
            left = REFUSAL_DRAIN_BYTES_MAX
            while left > 0 and (data := await self._stream.receive_some(READ_BYTES)):
                left -= len(data)


async def serve_connection(stream: trio.abc.Stream, limits: HttpLimits, handle: Handler, counts: ListenerCounts | None = None) -> None:
    """Serve one connection to its end. A handler's exception is answered 500 and ends it; nothing but cancellation comes out."""
    await ConnectionPump(stream, limits, handle, counts or ListenerCounts()).run()


class HttpListener:
    """A listening socket and its connections, at most `connections_max` at once. `run` it in a nursery; cancel that to close everything.

    With `body_bytes_max` their bodies share so much room, and nobody's silence costs others their turn: whoever was not heard for longest
    makes place for a new connection, and a stalled body for one that arrives. Without it a connection too many is closed itself.
    """

    def __init__(
        self,
        listener: Listener,
        limits: HttpLimits,
        handle: Handler,
        *,
        connections_max: int = CONNECTIONS_MAX,
        body_bytes_max: int | None = None,
    ) -> None:
        self._listener, self._limits, self._handle, self._connections_max = listener, limits, handle, connections_max
        self._counts = ListenerCounts()
        self._open: set[ConnectionPump] = set()
        self._room = None if body_bytes_max is None else BodyRoom(body_bytes_max, self._make_room)

    def __repr__(self) -> str:
        return f"<HttpListener port {self.port}, {len(self._open)} open>"

    @property
    def port(self) -> int:
        return self._listener.port

    def statistics(self) -> ListenerStatistics:
        return ListenerStatistics(open=len(self._open), **attrs.asdict(self._counts))

    def has_work(self) -> bool:
        """Something waits to be accepted or read, or a request is not yet answered. Never waits."""
        return self._listener.readable_now() or any(pump.has_work() for pump in self._open)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Accept and serve until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                task_status.started()
                while True:
                    if (stream := await self._accept()) is not None:
                        nursery.start_soon(self._serve, self._register(stream))
        finally:
            with trio.CancelScope(shield=True):  # closing a listening socket does not wait
                await self._listener.aclose()

    async def _accept(self) -> trio.abc.HalfCloseableStream | None:
        try:
            stream = await self._listener.accept()
        except OSError:
            self._counts.accept_failed += 1
            await trio.sleep(ACCEPT_PAUSE_S)
            return None
        if len(self._open) < self._connections_max or self._make_place():
            self._counts.accepted += 1
            return stream
        self._counts.turned_away += 1
        await trio.aclose_forcefully(stream)
        return None

    def _make_place(self) -> bool:
        """Close the connection that was not heard for longest, unless all of them are being answered."""
        waiting = [pump for pump in self._open if pump.waits] if self._room is not None else []
        if waiting:
            self._close_for_others(min(waiting, key=_heard_at))
        return bool(waiting)

    def _make_room(self, size: int) -> None:
        """Close connections whose bodies have stalled, the longest silent first, until there is room for so many bytes."""
        assert self._room is not None
        stalled_since = trio.current_time() - STALLED_S
        stalled = [pump for pump in self._open if pump.waits and pump.body_bytes and pump.heard_at <= stalled_since]
        for pump in sorted(stalled, key=_heard_at):
            if self._room.fits(size):
                return
            self._close_for_others(pump)

    def _close_for_others(self, pump: ConnectionPump) -> None:
        self._open.discard(pump)
        pump.close_for_others()

    def _register(self, stream: trio.abc.Stream) -> ConnectionPump:
        # At once, not in the task: a connection must not be out of sight between accept and its first step.
        pump = ConnectionPump(stream, self._limits, self._handle, self._counts, self._room)
        self._open.add(pump)
        return pump

    async def _serve(self, pump: ConnectionPump) -> None:
        try:
            await pump.run()
        finally:
            self._open.discard(pump)


def _heard_at(pump: ConnectionPump) -> float:
    return pump.heard_at
