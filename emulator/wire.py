"""Pumps between trio streams and the sans-I/O server connection, for servers that must also misbehave.

Unlike `reactor.net.serve` it notices a caller that leaves while its answer is still owed (a killed process with a pending next call),
tells the handler when the first byte of a request came, and can break an answer on purpose.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import attrs
import trio

from protocols.http_server import HttpLimits, Refused, Request, Response, ServerConnection

LIMITS = HttpLimits(body_bytes_max=24 * 1024 * 1024, body_ms=60_000)


@attrs.frozen
class Arrival:
    """When a request began and when it was complete, in milliseconds of trio's clock."""

    began_ms: float
    complete_ms: float


@attrs.frozen
class Broken:
    """Instead of an answer: close without one, or send `response` cut in the middle of its body and close."""

    kind: Literal["close", "half"]
    response: Response = attrs.field(factory=lambda: Response(200))


Handler = Callable[[Request, Arrival], Awaitable[Response | Broken]]


def now_ms() -> float:
    return trio.current_time() * 1000


async def serve_stream(stream: trio.abc.Stream, handle: Handler) -> None:
    """Answer the requests of one connection until either side ends it. A peer that resets is not an error."""
    connection, began = ServerConnection(LIMITS), None
    async with stream:
        try:
            while not connection.must_close:
                request = connection.next_request()
                if request is None:
                    data = bytes(await stream.receive_some(65_536))
                    began = now_ms() if began is None else began
                    connection.receive(data)
                    if interim := connection.take_interim():
                        await stream.send_all(interim)
                    if not data and not connection.busy:
                        return
                elif isinstance(request, Refused):
                    await _send(stream, connection.respond(refusal(request)))
                else:
                    arrival, began = Arrival(now_ms() if began is None else began, now_ms()), None
                    answer = await _handle_while_connected(stream, connection, handle, request, arrival)
                    if answer is None or not await _answer(stream, connection, answer):
                        return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return


def refusal(refused: Refused) -> Response:
    return Response(refused.status, ((b"Content-Type", b"text/plain"),), refused.reason.encode())


async def _handle_while_connected(
    stream: trio.abc.Stream, connection: ServerConnection, handle: Handler, request: Request, arrival: Arrival
) -> Response | Broken | None:
    """Run the handler; None if the caller went away first (the handler is cancelled then)."""
    answer: Response | Broken | None = None

    async def watch() -> None:
        try:
            while data := await stream.receive_some(65_536):
                connection.receive(bytes(data))
        except trio.BrokenResourceError:
            pass
        connection.receive(b"")
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        answer = await handle(request, arrival)
        nursery.cancel_scope.cancel()
    return answer


async def _answer(stream: trio.abc.Stream, connection: ServerConnection, answer: Response | Broken) -> bool:
    """Send it; say whether the connection may go on."""
    if isinstance(answer, Broken):
        if answer.kind == "half":
            whole = connection.respond(answer.response)
            await _send(stream, whole[: len(whole) - max(1, len(answer.response.body) // 2)])
        return False
    await _send(stream, connection.respond(answer))
    return True


async def _send(stream: trio.abc.Stream, data: bytes) -> None:
    with trio.move_on_after(30):  # a caller that never reads must not hold the platform
        await stream.send_all(data)


async def accept(listener: trio.SocketListener, handle_stream: Callable[[trio.SocketStream], Awaitable[None]]) -> None:
    """Accept for ever; each connection in its own task of a nursery that ends with this call, as the listener does."""
    async with listener, trio.open_nursery() as nursery:
        while True:
            stream = await listener.accept()
            nursery.start_soon(handle_stream, stream)


async def pump_both_ways(one: trio.SocketStream, other: trio.SocketStream) -> None:
    """Copy bytes in both directions until both have ended; half-closes pass through."""

    async def copy(source: trio.SocketStream, target: trio.SocketStream) -> None:
        try:
            while data := await source.receive_some(65_536):
                await target.send_all(data)
            await target.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            nursery.cancel_scope.cancel()

    async with one, other, trio.open_nursery() as nursery:
        nursery.start_soon(copy, one, other)
        nursery.start_soon(copy, other, one)


def relay_to(host: str, port: int) -> Callable[[trio.SocketStream], Awaitable[None]]:
    """Serve a connection inside the sandbox's network by one to a place outside it (a local intake, a proxy)."""

    async def relay(stream: trio.SocketStream) -> None:
        try:
            with trio.fail_after(10):
                outside = await trio.open_tcp_stream(host, port)
        except (OSError, trio.TooSlowError):
            await stream.aclose()
            return
        await pump_both_ways(stream, outside)

    return relay
