"""A runtime in the emulator's own process that answers by script, over the real Runtime API: for tests that need no function process."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import attrs
import trio

from protocols.errors import RemoteProtocolError
from protocols.http_client import ClientConnection
from protocols.http_server import Headers, Response

Connect = Callable[[int], Awaitable[trio.abc.Stream]]


@attrs.frozen(kw_only=True)
class Step:
    """What the function does with one invocation. `end`: respond, error, hang (until it is killed), crash (exit code 1), oom (SIGKILL)."""

    duration_ms: float = 1.0
    lines: Sequence[str | Mapping[str, Any]] = ()
    response: bytes = b'{"statusCode":200}'
    end: Literal["respond", "error", "hang", "crash", "oom"] = "respond"
    error_type: str = "Function.Failed"
    response_mode: str | None = None
    during: Callable[["Call"], Awaitable[None]] | None = None  # may speak to the extension's ports


@attrs.frozen
class Call:
    """One invocation as the function sees it; `connect` reaches 127.0.0.1 inside the sandbox."""

    request_id: str
    deadline_epoch_ms: int
    headers: Mapping[str, str]
    payload: bytes
    connect: Connect


@attrs.frozen(kw_only=True)
class FakeRuntime:
    """The script: one step per invocation, the last one repeated. `init_ms` and `init_end` shape init."""

    steps: Sequence[Step] = (Step(),)
    init_ms: float = 0.0
    init_end: Literal["ready", "error", "hang", "crash"] = "ready"
    init_ends: Sequence[str] | None = None  # one per life instead, the last repeated
    workers: int = 1
    restore_ms: float = 0.0
    port: int | None = None  # None: the platform's; else a proxy's

    def ending_of_init(self, life: int) -> str:
        return self.init_end if not self.init_ends else self.init_ends[min(life, len(self.init_ends) - 1)]


class Crash(Exception):
    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class FakeProcess:
    """A running script, with the handle of a process: the sandbox terminates, kills and freezes it like one."""

    def __init__(
        self,
        script: FakeRuntime,
        *,
        connect: Connect,
        port: int,
        life: int,
        snap_start: bool,
        say: Callable[[str | Mapping[str, Any]], None],
        next_step: Callable[[], int],
        running: Callable[[], Awaitable[None]],
    ) -> None:
        self._script, self._connect, self._life, self._snap_start = script, connect, life, snap_start
        self._port = script.port or port
        self._say, self._next_step, self._running = say, next_step, running
        self._scope = trio.CancelScope()
        self.gone = False
        self.exit_code: int | None = None
        self.exited = trio.Event()

    def kill(self) -> None:
        self.exit_code = -9 if self.exit_code is None else self.exit_code
        self._scope.cancel()

    def terminate(self) -> None:
        self.exit_code = -15 if self.exit_code is None else self.exit_code
        self._scope.cancel()

    async def run(self, on_exit: Callable[[], None]) -> None:
        """Until it crashes, is killed, or its connections end."""
        try:
            with self._scope:
                await self._live()
        except* Crash as group:
            self.exit_code = _first_code(group)
        except* (OSError, RemoteProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            self.exit_code = 1
        finally:
            self.gone = True
            self.exit_code = 0 if self.exit_code is None else self.exit_code
            self.exited.set()
            on_exit()

    async def _live(self) -> None:
        await trio.sleep(self._script.init_ms / 1000)
        ending = self._script.ending_of_init(self._life)
        if ending == "hang":
            await trio.sleep_forever()
        if ending == "crash":
            raise Crash(1)
        async with trio.open_nursery() as nursery:
            if ending == "error":
                await self._fail_init()
            if self._snap_start and self._life == 0:
                await self._request_once("GET", "/2018-06-01/runtime/restore/next", (), b"")
                await trio.sleep(self._script.restore_ms / 1000)
            for _ in range(self._script.workers):
                nursery.start_soon(self._work)

    async def _fail_init(self) -> None:
        headers = ((b"Lambda-Runtime-Function-Error-Type", b"Runtime.InitError"),)
        body = json.dumps({"errorMessage": "scripted", "errorType": "Runtime.InitError", "stackTrace": []}).encode()
        await self._request_once("POST", "/2018-06-01/runtime/init/error", headers, body)
        raise Crash(1)

    async def _work(self) -> None:
        slot = Slot(self)
        try:
            while True:
                event = await self._request("GET", "/2018-06-01/runtime/invocation/next", (), b"", slot)
                if event.status != 200:
                    raise Crash(1)
                await self._running()
                await self._handle(event, slot)
        finally:
            await slot.close()

    async def _handle(self, event: Response, slot: "Slot") -> None:
        step = self._script.steps[min(self._next_step(), len(self._script.steps) - 1)]
        headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
        request_id = headers["lambda-runtime-aws-request-id"]
        call = Call(request_id, int(headers["lambda-runtime-deadline-ms"]), headers, event.body, self._connect)
        for line in step.lines:
            self._say(line.replace("{request_id}", request_id) if isinstance(line, str) else line)
        if step.during is not None:
            await step.during(call)
        await trio.sleep(step.duration_ms / 1000)
        await self._running()
        await self._end(step, request_id, slot)

    async def _end(self, step: Step, request_id: str, slot: "Slot") -> None:
        if step.end == "hang":
            await trio.sleep_forever()
        if step.end in ("crash", "oom"):
            raise Crash(1 if step.end == "crash" else -9)
        target = f"/2018-06-01/runtime/invocation/{request_id}"
        if step.end == "error":
            headers: Headers = ((b"Lambda-Runtime-Function-Error-Type", step.error_type.encode()),)
            body = json.dumps({"errorMessage": "scripted", "errorType": step.error_type, "stackTrace": []}).encode()
            await self._request("POST", f"{target}/error", headers, body, slot)
        else:
            mode = () if step.response_mode is None else ((b"Lambda-Runtime-Function-Response-Mode", step.response_mode.encode()),)
            await self._request("POST", f"{target}/response", mode, step.response, slot)

    async def _request(self, method: str, target: str, headers: Headers, body: bytes, slot: "Slot") -> Response:
        return await slot.request(method, target, ((b"Host", b"127.0.0.1"), *headers), body)

    async def _request_once(self, method: str, target: str, headers: Headers, body: bytes) -> Response:
        """Over a connection of its own, closed whatever happens."""
        slot = Slot(self)
        try:
            return await self._request(method, target, headers, body, slot)
        finally:
            await slot.close()

    async def open(self) -> trio.abc.Stream:
        return await self._connect(self._port)


class Slot:
    """One kept connection."""

    def __init__(self, process: FakeProcess) -> None:
        self._process, self._http = process, ClientConnection(body_bytes_max=16 * 1024 * 1024)
        self._stream: trio.abc.Stream | None = None

    async def request(self, method: str, target: str, headers: Headers, body: bytes) -> Response:
        if self._stream is None or not self._http.reusable:
            await self.close()
            self._stream, self._http = await self._process.open(), ClientConnection(body_bytes_max=16 * 1024 * 1024)
        await self._stream.send_all(self._http.send(method, target, headers, body))
        while True:
            data = bytes(await self._stream.receive_some(65_536))
            if (answer := self._http.receive(data)) is not None:
                return answer
            if not data:
                raise RemoteProtocolError("closed without an answer")

    async def close(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await trio.aclose_forcefully(stream)


def _first_code(group: BaseExceptionGroup[Crash]) -> int:
    inner = group.exceptions[0]
    return inner.exit_code if isinstance(inner, Crash) else _first_code(inner)
