"""The sockets that others send to: bound or taken over from stage 0, served, settled, closed.

They hand values to the agent and know no more.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from protocols import lifecycle_api
from protocols.http_server import Headers, HttpLimits, Refused, Request, Response
from protocols.telemetry_records import parse_batch
from reactor.agent.contain import NOT_LOADED, not_loaded
from reactor.agent.inputs import Called, Datagrams, NotServed, Telemetry
from reactor.net.clock import Clock
from reactor.net.datagram import DatagramPump
from reactor.net.network import DatagramSocket, Listener, Network
from reactor.net.serve import Handler, HttpListener
from reactor.net.settle import settle
from reactor.stage0 import DOGSTATSD_PORT, LISTENERS, RECEIVE_BUFFER_BYTES, HandOver
from reactor.trace_requests import Protects, TraceRequests

TELEMETRY_BODY_BYTES_MAX = 8 * 1024 * 1024  # the platform's batches hold 1 MiB at most, escaped and framed
TRACE_CONNECTIONS_MAX = 128
TRACE_BODY_BYTES_MAX = 50 * 1024 * 1024  # the most that any route of `protocols.trace_api` takes
TRACE_BODIES_BYTES_MAX = 64 * 1024 * 1024  # of all requests to port 8126 while they arrive: one of the largest, and room beside it
FROZEN_MS_MAX = 24 * 3_600_000  # a freeze may cut a request in two; the platform alone sends here, and sends the rest after the thaw

UDP, UNIX = "dogstatsd", "dogstatsd socket"  # regions

Say = Callable[[str, str], None]


class Listeners:
    """All of them. `bind` once; `regions()` are then run under supervision."""

    def __init__(
        self,
        network: Network,
        clock: Clock,
        receive: Callable[[Any], None],
        say: Say,
        receive_buffer_bytes: int | None,
        done: HandOver | None,
        protect: Callable[[bytes], None] = lambda body: None,
        dogstatsd_path: str | None = None,
        protection: Protects | None = None,
        ask: Callable[[Called], Headers] = lambda called: (),
        flush: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint,
        expect_traces: Callable[[], None] = lambda: None,
    ) -> None:
        """`protect` is given each telemetry body before it is answered, `protection` each request to port 8126 that was taken.

        `ask` gives the headers that answer a library's call, `flush` waits until everything is sent. `expect_traces` is told when a tracer
        has asked what is served, once. `dogstatsd_path`: where to listen for datagrams besides UDP.
        """
        self._network, self._clock, self._receive, self._say = network, clock, receive, say
        self._buffer_bytes = receive_buffer_bytes or RECEIVE_BUFFER_BYTES
        self._done, self._protect = done, protect
        self._requests = TraceRequests(receive, protection)
        self._ask, self._flush = ask, flush
        self._expect_traces: Callable[[], None] | None = expect_traces
        self._all_loaded = True
        self._http: dict[str, HttpListener] = {}
        self._dogstatsd_path = (dogstatsd_path or "").removeprefix("unix://")  # as the clients' own setting has it
        self._pumps: dict[str, DatagramPump] = {}
        self._drops_before = 0  # of pumps that failed and were made anew
        self._handlers: dict[str, tuple[HttpLimits, Handler]] = {
            "telemetry": (HttpLimits(TELEMETRY_BODY_BYTES_MAX, head_ms=FROZEN_MS_MAX, body_ms=FROZEN_MS_MAX), self._telemetry),
            "lifecycle": (HttpLimits(lifecycle_api.RECEIVED_BYTES_MAX), self._lifecycle),
            "trace": (HttpLimits(TRACE_BODY_BYTES_MAX, body_bytes_of=_trace_body_bytes_max), self._trace),
        }

    @property
    def telemetry_port(self) -> int | None:
        """Where telemetry is listened for; None if nowhere."""
        return self._http["telemetry"].port if "telemetry" in self._http else None

    async def bind(self) -> None:
        """Open what stage 0 has not. A port that is taken costs its own listener only; telemetry goes to any other port then."""
        for role, host, port in LISTENERS:
            await self._bind_http(role, host, port)
        if "telemetry" not in self._http:
            await self._bind_http("telemetry", "0.0.0.0", 0)
        await self._bind_datagrams()
        if self._dogstatsd_path:
            await self._bind_path()

    def regions(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What must be running, by name."""
        regions: dict[str, Callable[[], Awaitable[None]]] = {name: listener.run for name, listener in self._http.items()}
        return regions | {name: pump.run for name, pump in self._pumps.items()}

    async def rebind(self, region: str) -> None:
        """Open a region's socket again: the one before was closed with the task that held it."""
        for role, host, port in LISTENERS:
            if role == region:
                await self._bind_http(role, host, self._http[role].port if role in self._http else port)
        if region == UDP:
            await self._bind_datagrams()
        elif region == UNIX:
            await self._bind_path()

    async def settle(self, bound_ms: int, quiet_ms: int) -> bool:
        return await settle(self._http.values(), self._pumps.values(), bound_ms, quiet_ms, self._clock)

    def turned_away(self) -> dict[str, int]:
        """Connections that were closed for want of room, by the port's role."""
        counts = {role: listener.statistics() for role, listener in self._http.items()}
        return {role: count for role, each in counts.items() if (count := each.turned_away + each.closed_for_others)}

    def kernel_drops(self) -> int:
        """Datagrams that the kernel dropped before we could read them."""
        return self._drops_before + sum(pump.statistics().kernel_drops or 0 for pump in self._pumps.values())

    async def _bind_http(self, role: str, host: str, port: int) -> None:
        limits, handle = self._handlers[role]
        try:
            opened = await self._open(role, host, port)
            if role == "trace":  # its clients are the function's, and may be many: none of them may take another's turn
                room = {"connections_max": TRACE_CONNECTIONS_MAX, "body_bytes_max": TRACE_BODIES_BYTES_MAX}
                self._http[role] = HttpListener(opened, limits, handle, **room)
            else:
                self._http[role] = HttpListener(opened, limits, handle)
        except OSError as error:
            self._say("ERROR", f"port {port} for {role} cannot be opened: {error}")

    async def _open(self, role: str, host: str, port: int) -> Listener:
        adopted = self._adopted(role)
        return await self._network.listen(host, port) if adopted is None else self._network.adopt_listener(adopted)

    async def _bind_datagrams(self) -> None:
        adopted = self._adopted(UDP)
        try:
            if adopted is None:
                socket = await self._network.datagram("0.0.0.0", DOGSTATSD_PORT, self._buffer_bytes)
            else:
                socket = self._network.adopt_datagram(adopted, self._buffer_bytes)
        except OSError as error:
            self._say("ERROR", f"UDP port {DOGSTATSD_PORT} cannot be opened, no custom metrics: {error}")
            return
        self._pump(UDP, socket)

    async def _bind_path(self) -> None:
        try:
            socket = await self._network.unix_datagram(self._dogstatsd_path, self._buffer_bytes)
        except (OSError, ValueError) as error:  # taken, too long, no such folder, no text for a path
            self._say(
                "ERROR", f"the socket {self._dogstatsd_path} cannot be opened, metrics are taken on UDP port {DOGSTATSD_PORT}: {error}"
            )
            return
        self._pump(UNIX, socket)

    def _pump(self, region: str, socket: DatagramSocket) -> None:
        if (before := self._pumps.get(region)) is not None:
            self._drops_before += before.statistics().kernel_drops or 0
        self._pumps[region] = DatagramPump(socket, lambda datagrams: self._receive(Datagrams(datagrams)))

    def _adopted(self, role: str) -> int | None:
        sock = self._done.sockets.pop(role, None) if self._done else None
        return None if sock is None else sock.detach()

    async def _telemetry(self, request: Request | Refused) -> Response:
        # Any answer but 200 makes the platform send the same batch for ever.
        if isinstance(request, Refused):
            self._receive(Telemetry([], [f"request not whole ({request.status})"]))  # the peer's own words would make new counters for ever
            return Response(408 if request.status == 408 else 200)  # what did not arrive whole in time is to be sent again
        if request.path != "/":
            return Response(404, body=b"Not Found")
        if request.method not in ("POST", "PUT"):
            return Response(405, ((b"Allow", b"POST"),))
        self._protect(request.body)
        records, refused = parse_batch(request.body)
        self._receive(Telemetry(records, refused))
        return Response(200, body=b"Failed to parse telemetry events" if refused and not records else b"OK")

    async def _lifecycle(self, request: Request | Refused) -> Response:
        call = lifecycle_api.read(request)
        if isinstance(call, Response):
            return call
        if call.kind == lifecycle_api.HELLO:
            self._say("WARN", "a library asked for /lambda/hello, which only old versions do")
            return lifecycle_api.answer()
        if call.kind == lifecycle_api.FLUSH:
            await self._flush()
            return lifecycle_api.answer()
        # No await inside: calls and spans stay in the order in which they came.
        return lifecycle_api.answer(self._ask(Called(lifecycle_api.request_of(request), call)))

    async def _trace(self, request: Request | Refused) -> Response:
        try:
            return await self._library(request)
        except ImportError as error:  # what serves here is loaded with the first request that needs it
            if self._all_loaded:
                self._all_loaded = False
                self._say("ERROR", not_loaded("requests to port 8126 are refused", error))
            self._receive(NotServed("request", NOT_LOADED))
            return Response(503)

    async def _library(self, request: Request | Refused) -> Response:
        from protocols import trace_api  # not loaded before there is a request

        if isinstance(request, Refused):
            self._receive(NotServed("request", f"status {request.status}"))
            return trace_api.refused(request)
        if request.path == trace_api.INFO_PATH and self._expect_traces is not None:
            self._expect_traces()
            self._expect_traces = None
        return await self._requests.take(request)


def _trace_body_bytes_max(target: str) -> int:
    try:
        from protocols.trace_api import body_bytes_max
    except ImportError:  # the request itself says so
        return TRACE_BODY_BYTES_MAX
    return body_bytes_max(target)
