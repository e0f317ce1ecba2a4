"""A local intake: plain HTTP/1.1, every endpoint of the specification on any host, documents kept in order, misbehaviour on request.

It judges nothing itself: `decode` does. It never answers later than it must, unless its script says so.
"""

import contextlib
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

import attrs
import trio

from emulator.arrival import Arrival, path_of
from emulator.decode import Decoded, decode, headers_as_text
from emulator.misbehaviour import Fate, Misbehaviour, Script
from protocols.http_server import HttpLimits, Refused, Request, Response, ServerConnection

BODY_BYTES_MAX = 64 * 1024 * 1024
KEPT_BYTES_MAX = 256 * 1024 * 1024  # of decompressed bodies; their documents take a small multiple of it
READ_BYTES = 65_536
IDLE_S = 300

OK = b'{"status":"ok"}'
ANSWERS = {
    "series": (202, OK),
    "sketches": (202, OK),
    "events": (202, OK),
    "service_checks": (202, OK),
    "logs": (202, b"{}"),
    "traces": (200, b"{}"),
    "stats": (202, b"{}"),
    "proxy": (202, b"{}"),
}


@attrs.frozen
class IntakeStatistics:
    """Counts since the start. `forgotten` arrivals were dropped, oldest first, to stay inside the bound; `refused` were not HTTP for us."""

    connections: int = 0
    requests: int = 0
    kept: int = 0
    refused: int = 0
    dropped: int = 0
    forgotten: int = 0
    forgotten_bytes: int = 0


class Intake:
    """Serves any number of connections and keeps what they brought. One object, one trio run."""

    def __init__(
        self,
        *,
        misbehaviours: Sequence[Misbehaviour] = (),
        api_keys: Sequence[str] = (),
        delegated_api_key: str = "d" * 32,
        seed: int = 0,
        kept_bytes_max: int = KEPT_BYTES_MAX,
    ) -> None:
        """`api_keys`: those that are let in, none means all; `delegated_api_key` is handed out at `/api/v2/intake-key`."""
        self.api_keys = frozenset(api_keys)
        self.delegated_api_key = delegated_api_key
        self.statistics = IntakeStatistics()
        self._roll = random.Random(seed).random
        self._script = Script(misbehaviours, self._roll)
        self._kept_bytes_max = kept_bytes_max
        self._arrivals: deque[Arrival] = deque()
        self._arrival_bytes = 0
        self._origin_s: float | None = None

    def __repr__(self) -> str:
        return f"<Intake {self.statistics}>"

    # What a person or a test asks.

    def misbehave(self, misbehaviours: Sequence[Misbehaviour]) -> None:
        """Replace the script: it counts from the next request."""
        self._script = Script(misbehaviours, self._roll)

    def mark(self) -> None:
        """Arrival times count from now; without a mark they count from the first connection."""
        self._origin_s = trio.current_time()

    def arrivals(self) -> tuple[Arrival, ...]:
        """Everything that was read, in order, also what was refused or pretended lost."""
        return tuple(self._arrivals)

    def documents(self) -> list[dict[str, Any]]:
        """What was taken, in order, in the shape of a recording's `outputs`."""
        return [arrival.output() for arrival in self._arrivals if arrival.kept]

    def export(self) -> dict[str, Any]:
        """`outputs` as in a recording, and beside them what a recording has no place for. It is JSON."""
        problems = [{"at_ms": each.at_ms, "path": each.path, "problem": text} for each in self._arrivals for text in each.decoded.problems]
        refused = [{"at_ms": each.at_ms, "path": each.path, "answer": each.answer} for each in self._arrivals if not each.kept]
        return {"outputs": self.documents(), "problems": problems, "not_kept": refused, "statistics": attrs.asdict(self.statistics)}

    # Serving.

    async def serve(self, listeners: Any, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        """Serve these listeners until cancelled: `await nursery.start(intake.serve, listeners)`. One listener or a list."""
        several = listeners if isinstance(listeners, list) else [listeners]
        await trio.serve_listeners(self.serve_connection, several, task_status=task_status)

    async def serve_connection(self, stream: trio.abc.Stream) -> None:
        """Serve one connection to its end. What the peer does wrong ends this connection only."""
        self._count(connections=1)
        if self._origin_s is None:
            self.mark()
        connection = ServerConnection(HttpLimits(BODY_BYTES_MAX))
        async with stream:
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(IDLE_S) as scope:
                await self._pump(stream, connection, scope)

    async def _pump(self, stream: trio.abc.Stream, connection: ServerConnection, scope: trio.CancelScope) -> None:
        fate = Fate(self._script.choose)
        while not connection.must_close:
            scope.deadline = trio.current_time() + IDLE_S
            data = bytes(await stream.receive_some(READ_BYTES))
            if not connection.busy:
                fate = Fate(self._script.choose)
                fate.watch(data)
            connection.receive(data)
            if fate.is_drop:
                self._count(dropped=1)
                return
            while (request := connection.next_request()) is not None:
                misbehaviour = fate.decide(path_of(request.target)) if isinstance(request, Request) else None
                if not await self._answer(stream, connection, request, misbehaviour):
                    return
                fate = Fate(self._script.choose)
            if interim := connection.take_interim():
                await stream.send_all(interim)
            if not data:
                return

    async def _answer(
        self, stream: trio.abc.Stream, connection: ServerConnection, request: Request | Refused, misbehaviour: Misbehaviour | None
    ) -> bool:
        """Take and answer one request; say whether the connection goes on."""
        if isinstance(request, Refused):
            self._count(refused=1)
            await stream.send_all(connection.respond(_errors(request.status, request.reason)))
            return False
        if misbehaviour is not None and misbehaviour.what == "drop":  # its first line came in pieces, so it had to be read
            self._count(dropped=1)
            return False
        response = self._take(request, misbehaviour)
        if misbehaviour is None or misbehaviour.what == "status":
            await stream.send_all(connection.respond(response))
            return True
        return await _misbehave(stream, connection.respond(response), misbehaviour)

    def _take(self, request: Request, misbehaviour: Misbehaviour | None) -> Response:
        """Decode and keep a request; give the answer that it deserves (or that the script wants)."""
        path = path_of(request.target)
        decoded = decode(path, request.headers, request.body)
        headers = headers_as_text(request.headers)
        response = self._response(request, headers, decoded)
        if misbehaviour is not None and misbehaviour.what == "status":
            extra = tuple((name.encode("ascii"), value.encode("ascii")) for name, value in misbehaviour.headers)
            scripted = _errors(misbehaviour.status, "scripted")
            response = attrs.evolve(scripted, headers=scripted.headers + extra)
        self._keep(
            Arrival(
                at_ms=round((trio.current_time() - (self._origin_s or 0.0)) * 1000, 1),
                method=request.method,
                host=headers.get("host", ""),
                target=request.target,
                headers=headers,
                body_bytes=len(request.body),
                decoded=decoded,
                answer=str(response.status) if misbehaviour is None else str(misbehaviour),
                kept=response.status < 300 and (misbehaviour is None or misbehaviour.keeps_the_data),
            )
        )
        return response

    def _response(self, request: Request, headers: dict[str, str], decoded: Decoded) -> Response:
        if request.method != "POST":
            return attrs.evolve(_errors(405, "only POST"), headers=((b"Allow", b"POST"),))
        if decoded.kind == "intake_key":
            return self._delegated(headers)
        if self.api_keys and headers.get("dd-api-key") not in self.api_keys:
            return _errors(403, "Forbidden")
        if decoded.refusal is not None:
            return _errors(decoded.refusal, *decoded.problems[:3])
        status, body = ANSWERS[decoded.kind]
        return _json_response(status, body)

    def _delegated(self, headers: dict[str, str]) -> Response:
        """The exchange of a delegated proof for a key (specification, secrets 7.2); the proof itself is not verified."""
        if not headers.get("authorization", "").startswith("Delegated "):
            return _errors(401, "Unauthorized")
        answer = {"data": {"id": "intake-key", "type": "intake_key", "attributes": {"api_key": self.delegated_api_key}}}
        return _json_response(200, json.dumps(answer).encode())

    def _keep(self, arrival: Arrival) -> None:
        self._count(requests=1, kept=int(arrival.kept))
        self._arrivals.append(arrival)
        self._arrival_bytes += arrival.weight
        while self._arrival_bytes > self._kept_bytes_max:
            forgotten = self._arrivals.popleft()
            self._arrival_bytes -= forgotten.weight
            self._count(forgotten=1, forgotten_bytes=forgotten.weight)

    def _count(self, **more: int) -> None:
        self.statistics = attrs.evolve(self.statistics, **{name: getattr(self.statistics, name) + n for name, n in more.items()})


async def _misbehave(stream: trio.abc.Stream, answer: bytes, misbehaviour: Misbehaviour) -> bool:
    """Do to the sender what the script says; the data has already been taken, or not. Says whether the connection goes on."""
    if misbehaviour.what == "delay":
        await trio.sleep(misbehaviour.wait_ms / 1000)
        await stream.send_all(answer)
        return True
    if misbehaviour.what == "slow":
        for position in range(len(answer)):
            await stream.send_all(answer[position : position + 1])
            await trio.sleep(misbehaviour.wait_ms / 1000)
        return True
    if misbehaviour.what == "half":
        await stream.send_all(answer[: len(answer) // 2])
    elif misbehaviour.what == "hang":
        while await stream.receive_some(READ_BYTES):
            pass
    elif misbehaviour.what == "reset":
        await _reset(stream)
    return False


async def _reset(stream: trio.abc.Stream) -> None:
    """Close so that the peer gets a reset: with a linger time of zero the kernel throws away what it has and says so."""
    import socket
    import struct

    if isinstance(stream, trio.SocketStream):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await trio.aclose_forcefully(stream)


def _json_response(status: int, body: bytes) -> Response:
    return Response(status, ((b"Content-Type", b"application/json"),), body)


def _errors(status: int, *reasons: str) -> Response:
    return _json_response(status, json.dumps({"errors": list(reasons)}).encode())


@contextlib.asynccontextmanager
async def running(intake: Intake, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Run an intake on a socket of its own for as long as the block lasts; gives the port."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(intake.serve, await trio.open_tcp_listeners(port, host=host))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


async def serve(host: str, port: int, intake: Intake | None = None, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
    """Stand alone: serve until cancelled. Port 0 takes a free one; `nursery.start` returns the listeners."""
    listeners = await trio.open_tcp_listeners(port, host=host)
    await (intake or Intake()).serve(listeners, task_status=task_status)
