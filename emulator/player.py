"""Plays a recorded life to a real extension process in real time: the platform and the intake do what they did then, when they did it.

A line is played at its time, but an answer never before it was asked for, and no line before the one above it. Times in answers and records
are moved to now. What cannot be done to a real process (a jump of the clock, an error inside it) is refused: `cannot_play` says why.
"""

import copy
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any, Protocol

import attrs
import trio

from emulator.answers import accepted, as_json, problem
from emulator.intake import Intake
from emulator.misbehaviour import Misbehaviour
from emulator.namespace import RUNTIME_API_PORT, Isolation, isolate
from emulator.processes import Command, Process, Processes
from emulator.subscription import InvalidSubscription, Subscription, parse_subscription
from emulator.values import SandboxError
from emulator.wire import Arrival, Broken, accept, serve_stream
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.fixture import request_of
from protocols.http_client import ClientConnection
from protocols.http_server import Request, Response
from reactor.net.clock import Clock

IDENTIFIER = "00000000-0000-4000-8000-000000000001"
INTAKE_PORT = 8090
STATSD_PORT, TRACE_PORT, CALL_PORT = 8125, 8126, 8124
CALL_PREFIX = "/lambda/"  # of what libraries say of invocations
ASKED_WITHIN_S = 20.0  # of an answer being due: a process that does not ask for it by then is stuck
ENDED_WITHIN_S = 5.0
QUIET_S = 1.5  # after the last line of a life that does not end
HANGS_MS = 60_000  # an intake that takes longer never answers
UNPLAYABLE = {"clock": "the clock of a real process cannot be set", "crashed": "no error can be put into a real process"}
UNPLAYABLE["settle"] = "how long sockets are busy cannot be chosen"

# Runs inside, where the port is: each datagram comes with its length in front.
SENDER = """
import socket, struct, sys
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while head := sys.stdin.buffer.read(4):
    out.sendto(sys.stdin.buffer.read(*struct.unpack("!I", head)), ("127.0.0.1", int(sys.argv[1])))
"""


class Line(Protocol):
    """One line of a recording."""

    @property
    def at_ms(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def fields(self) -> Mapping[str, Any]: ...


@attrs.frozen(kw_only=True)
class Played:
    """What came of it. `stuck`: what the process did not ask for, or say, in time; empty if all went as recorded."""

    exit_code: int | None
    output: tuple[str, ...]
    stuck: str
    refused: tuple[str, ...]  # telemetry batches that the process did not answer with 200, and why


def cannot_play(lines: Iterable[Line]) -> str:
    """Why these lines cannot be played to a real process; empty if they can."""
    return next((UNPLAYABLE[line.kind] for line in lines if line.kind in UNPLAYABLE), "")


def put_off(record: dict[str, Any], later_ms: int) -> None:
    """Move the times in a telemetry record."""
    record["time"] = _later(record["time"], later_ms)
    if isinstance(record.get("record"), dict):
        for span in record["record"].get("spans") or ():
            span["start"] = _later(span["start"], later_ms)


def _later(time: str, later_ms: int) -> str:
    moment = datetime.fromisoformat(time) + timedelta(milliseconds=later_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moved(fields: Mapping[str, Any], later_ms: int) -> dict[str, Any]:
    """A line's fields with the deadline and the records' times put off."""
    new = copy.deepcopy(dict(fields))
    if "answer" in new:
        new["answer"]["deadlineMs"] += later_ms
    for record in new.get("records", ()):
        if isinstance(record.get("time"), str):
            put_off(record, later_ms)
    return new


async def play(
    extension: Sequence[str],
    environment: Mapping[str, str],
    lines: Sequence[Line],
    datagrams: Mapping[int, Sequence[bytes]],
    *,
    epoch_ms: int,
    intake: Intake,
    clock: Clock,
    task_root: Path,
    isolation: str = "namespaces",
) -> Played:
    """One life. `epoch_ms` is the wall clock at the first line, `datagrams` the bytes of line n. Raises SandboxError."""
    if reason := cannot_play(lines):
        raise SandboxError(reason)
    async with isolate(task_root, {"extension": extension}, [extension], want=isolation) as place, trio.open_nursery() as nursery:
        player = Player(place, lines, datagrams, epoch_ms, intake, clock)
        for port, handle in ((RUNTIME_API_PORT, player.serve), (INTAKE_PORT, intake.serve_connection)):
            nursery.start_soon(accept, await place.listen(port), handle)
        try:
            return await player.run(extension, environment, nursery)
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(5):
                await player.processes.kill_all()
            nursery.cancel_scope.cancel()
    raise AssertionError("a life ends by its return")


class Player:
    """The platform of one life. Calls of the process and lines of the recording meet here."""

    def __init__(
        self, place: Isolation, lines: Sequence[Line], datagrams: Mapping[int, Sequence[bytes]], epoch_ms: int, intake: Intake, clock: Clock
    ) -> None:
        self._place, self._lines, self._datagrams, self._epoch_ms, self._intake, self._clock = (
            place,
            lines,
            datagrams,
            epoch_ms,
            intake,
            clock,
        )
        self._calls = {kind: trio.open_memory_channel[Call](100) for kind in ("register", "subscribe", "next")}
        self._subscription: Subscription | None = None
        self._began_s = 0.0
        self._later_ms = 0
        self._output: list[str] = []
        self._refused: list[str] = []
        self._ended = trio.Event()
        self._sender: trio.Process | None = None

    async def run(self, extension: Sequence[str], environment: Mapping[str, str], nursery: trio.Nursery) -> Played:
        self.processes = Processes(nursery, lambda process, line: self._output.append(line.decode("utf-8", "replace").rstrip()), self._end)
        sending = [sys.executable, "-I", "-S", "-c", SENDER, str(STATSD_PORT)]
        self._sender = await trio.lowlevel.open_process(sending, stdin=PIPE, preexec_fn=self._place.enter("/"))
        try:
            given = {**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{RUNTIME_API_PORT}"}
            command = Command(role="extension", name="extension", arguments=extension, environment=given, enter=self._place.enter("/"))
            process = self.processes.start(command, 0)
            stuck = await self._play(process)
        finally:
            self._sender.kill()
            await self._sender.wait()
        return Played(exit_code=process.exit_code, output=tuple(self._output), stuck=stuck, refused=tuple(self._refused))

    def _end(self, process: Process) -> None:
        self._ended.set()

    async def _play(self, process: Process) -> str:
        """All lines, then the end; what was waited for in vain, if anything."""
        for number, line in enumerate(self._lines):
            if self._began_s:
                await trio.sleep_until(self._began_s + line.at_ms / 1000)
            with trio.move_on_after(ASKED_WITHIN_S) as scope:
                await self._tell_or_end(line, self._datagrams.get(number, ()), process)
            if scope.cancelled_caught:
                return f"line {number + 1} ({line.kind}) could not be played: the process did not ask"
            if self._ended.is_set() and number + 1 < len(self._lines):
                return f"the process ended at line {number + 1} of {len(self._lines)} ({line.kind})"
        return await self._wait_end(process)

    async def _tell_or_end(self, line: Line, datagrams: Sequence[bytes], process: Process) -> None:
        """A process that ends asks for nothing more."""
        async with trio.open_nursery() as nursery:

            async def watch() -> None:
                await self._ended.wait()
                nursery.cancel_scope.cancel()

            nursery.start_soon(watch)
            await self._tell(line, datagrams, process)
            nursery.cancel_scope.cancel()

    async def _wait_end(self, process: Process) -> str:
        ends = any(line.kind == "sigterm" or line.fields.get("answer", {}).get("eventType") == "SHUTDOWN" for line in self._lines)
        ends = ends or any(line.kind == "register" and "refused" in line.fields for line in self._lines)
        with trio.move_on_after(ENDED_WITHIN_S if ends else QUIET_S):
            await self._ended.wait()
        return "the process did not end" if ends and not self._ended.is_set() else ""

    async def _tell(self, line: Line, datagrams: Sequence[bytes], process: Process) -> None:
        fields = moved(line.fields, self._later_ms)
        match line.kind:
            case "register" | "subscribe" | "next":
                await self._answer(line.kind, line.at_ms, fields)
            case "telemetry":
                await self._post(fields["records"])
            case "datagrams":
                assert self._sender is not None
                assert self._sender.stdin is not None
                await self._sender.stdin.send_all(b"".join(struct.pack("!I", len(each)) + each for each in datagrams))
            case "request":
                await self._ask(request_of(fields))
            case "intake":
                self._intake.misbehave(tuple(_misbehaviours(fields)))
            case "sigterm":
                process.terminate()

    # --- the calls of the process -----------------------------------------------------------------------------------------------

    async def serve(self, stream: trio.abc.Stream) -> None:
        await serve_stream(stream, self._take)

    async def _take(self, request: Request, arrival: Arrival) -> Response | Broken:
        kind = KINDS.get((request.method, request.path))
        if kind is None:
            return accepted() if request.path.endswith("/error") else problem(404, "NotFound", request.path)
        call = Call(request)
        await self._calls[kind][0].send(call)
        await call.answered.wait()
        return call.answer

    async def _answer(self, kind: str, at_ms: int, fields: Mapping[str, Any]) -> None:
        call = await self._calls[kind][1].receive()
        if kind == "register":
            # The recording began when this was answered, or little before.
            self._began_s = trio.current_time() - at_ms / 1000
            self._later_ms = self._clock.now().epoch_ms - at_ms - self._epoch_ms
        call.answer = self._register(fields) if kind == "register" else self._other(kind, call.request, fields)
        call.answered.set()

    def _register(self, fields: Mapping[str, Any]) -> Response:
        if "refused" in fields:
            return problem(403, "Extension.Refused", fields["refused"])
        document = {"functionName": "my-function", "functionVersion": "$LATEST", "handler": "app.handler"}
        account = {"accountId": fields["account_id"]} if fields.get("account_id", "none") != "none" else {}
        return as_json(200, document | account, ((b"Lambda-Extension-Identifier", IDENTIFIER.encode()),))

    def _other(self, kind: str, request: Request, fields: Mapping[str, Any]) -> Response:
        if kind == "next":
            if "failed" in fields:
                return problem(403 if fields.get("fatal") else 500, "Platform.Failed", fields["failed"])
            return as_json(200, fields["answer"])
        if "refused" in fields:
            return problem(500, "Telemetry.Refused", fields["refused"])
        try:
            managed = b"2025-01-29" in request.body
            self._subscription = parse_subscription("extension", request.body, managed=managed)
        except InvalidSubscription as error:
            return problem(400, "ValidationError", str(error))
        return as_json(200, "OK")

    # --- telemetry --------------------------------------------------------------------------------------------------------------

    async def _ask(self, request: Request) -> None:
        """A request of a library to the port that it is for, on a connection of its own."""
        port = CALL_PORT if request.path.startswith(CALL_PREFIX) else TRACE_PORT
        http = ClientConnection()
        try:
            with trio.fail_after(5):
                async with await self._place.connect(port) as stream:
                    headers = (*(pair for pair in request.headers if pair[0] != b"host"), (b"Host", f"127.0.0.1:{port}".encode()))
                    await stream.send_all(http.send(request.method, request.target, headers, request.body))
                    answer = None
                    while answer is None:
                        answer = http.receive(bytes(await stream.receive_some(65_536)))
            if answer.status >= 300:
                self._refused.append(f"{request.path}: {answer.status}")
        except (OSError, trio.BrokenResourceError, trio.TooSlowError, LocalProtocolError, RemoteProtocolError) as error:
            self._refused.append(f"{request.path}: {error!r}")

    async def _post(self, records: Sequence[Mapping[str, Any]]) -> None:
        """One batch on a connection of its own. The platform does not wait for ever, nor mind."""
        subscription = self._subscription
        if subscription is None:
            self._refused.append("no subscription")
            return
        http = ClientConnection()
        try:
            with trio.fail_after(5):
                async with await self._place.connect(subscription.port) as stream:
                    headers = ((b"Host", f"{subscription.host}:{subscription.port}".encode()), (b"Content-Type", b"application/json"))
                    body = as_json(200, records).body
                    await stream.send_all(http.send(subscription.method, subscription.target, headers, body))
                    answer = None
                    while answer is None:
                        answer = http.receive(bytes(await stream.receive_some(65_536)))
            if answer.status != 200:
                self._refused.append(f"status {answer.status}")
        except (OSError, trio.BrokenResourceError, RemoteProtocolError, trio.TooSlowError) as error:
            self._refused.append(f"{type(error).__name__}: {error}")


KINDS = {
    ("POST", "/2020-01-01/extension/register"): "register",
    ("PUT", "/2022-07-01/telemetry"): "subscribe",
    ("GET", "/2020-01-01/extension/event/next"): "next",
}


@attrs.define(eq=False)
class Call:
    """One call of the process that waits for its line."""

    request: Request
    answer: Response = attrs.field(factory=accepted)
    answered: trio.Event = attrs.field(factory=trio.Event)


def _misbehaviours(fields: Mapping[str, Any]) -> Iterator[Misbehaviour]:
    """What an `intake` line says, in the words of the local intake's script. An intake that answers well has none."""
    if "fails" in fields:
        yield Misbehaviour("drop")
    elif fields.get("after_ms", 0) >= HANGS_MS:
        yield Misbehaviour("hang")
    elif not 200 <= fields.get("status", 202) < 300:
        yield Misbehaviour("status", status=fields["status"])
    elif fields.get("after_ms"):
        yield Misbehaviour("delay", wait_ms=fields["after_ms"])
