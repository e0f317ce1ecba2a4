"""The platform's Extensions and Telemetry API for one life of one extension: it answers as the scenario says, and sees who asks when."""

import json
from collections.abc import Callable
from typing import Any

import trio

from emulator.world.history import History
from emulator.world.scenario import Life, Scenario
from emulator.world.wire import Conversation
from protocols.http_server import Refused, Request, Response

REGISTER = "/2020-01-01/extension/register"
NEXT = "/2020-01-01/extension/event/next"
TELEMETRY = "/2022-07-01/telemetry"
ERRORS = ("/2020-01-01/extension/init/error", "/2020-01-01/extension/exit/error")
IDENTIFIER = b"00000000-0000-4000-8000-%012d"
NOT_SUPPORTED = b'{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}'
SERVER_FAULT = b'{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}'
FORBIDDEN = b'{"errorMessage":"State transition is not allowed","errorType":"Extension.InvalidExtensionState"}'


class Waiting:
    """One call for the next event, until it is answered."""

    def __init__(self) -> None:
        self.answered, self.sent = trio.Event(), trio.Event()
        self.response, self.manner = Response(200), ""
        self.was_whole = False


class Api:
    """`subscribed(port)` is called when telemetry is granted; `changed()` whenever something is worth another look."""

    def __init__(
        self,
        number: int,
        life: Life,
        scenario: Scenario,
        history: History,
        subscribed: Callable[[int], None],
        changed: Callable[[], None],
    ) -> None:
        self._number, self._life, self._latency_ms, self._pieces = number, life, scenario.latency_ms, scenario.pieces
        self._is_managed = scenario.is_managed
        self._history, self._subscribed, self._changed = history, subscribed, changed
        self._identifier = IDENTIFIER % number
        self._streams: list[trio.abc.Stream] = []
        self.waiting: Waiting | None = None
        self.asked_at_ms = 0
        self.errors: list[str] = []

    async def serve(self, stream: trio.abc.Stream) -> None:
        self._streams.append(stream)
        conversation = Conversation(stream, self._latency_ms, self._pieces)
        async with stream:
            while isinstance(request := await conversation.next_request(), Request):
                if not await self._answer(conversation, request):
                    return
            if isinstance(request, Refused):
                self._history.violate("bad request", self._number, f"the platform got no HTTP: {request.reason}")

    async def vanish(self) -> None:
        """Everything breaks, and nobody is here any more who could answer."""
        self.waiting = None
        for stream in self._streams:
            await trio.aclose_forcefully(stream)

    # --- answering

    async def _answer(self, conversation: Conversation, request: Request) -> bool:
        path = request.path
        if path == REGISTER:
            return await self._register(conversation, request)
        if request.header(b"lambda-extension-identifier") != self._identifier:
            self._history.violate("wrong identifier", self._number, path)
        if path == NEXT:
            return await self._next(conversation)
        if path == TELEMETRY:
            return await self._subscribe(conversation, request)
        if path in ERRORS:
            self.errors.append((request.header(b"lambda-extension-function-error-type") or b"").decode())
            return await conversation.answer(Response(202, body=b'{"status":"OK"}'))
        self._history.violate("bad request", self._number, f"the platform knows no {path}")
        return await conversation.answer(Response(404))

    async def _register(self, conversation: Conversation, request: Request) -> bool:
        if json.loads(request.body) != {"events": ["SHUTDOWN"] if self._is_managed else ["INVOKE", "SHUTDOWN"]}:
            self._history.violate("bad request", self._number, f"register: {request.body!r}")
        await trio.sleep(self._life.register_ms / 1000)
        manner = self._life.register
        self._history.note("register is answered: %s", manner)
        if manner == "silent":
            await trio.sleep_forever()
        headers = ((b"Lambda-Extension-Identifier", self._identifier),)
        body = json.dumps({"functionName": "my-function", "accountId": "123456789012"}).encode()
        status = int(manner) if manner.isdecimal() else 200
        return await conversation.answer(Response(status, headers if status == 200 else (), body), manner)

    async def _subscribe(self, conversation: Conversation, request: Request) -> bool:
        subscription = json.loads(request.body)
        uri = subscription["destination"]["URI"]
        if subscription["schemaVersion"] != ("2025-01-29" if self._is_managed else "2022-12-13"):
            self._history.violate("bad request", self._number, f"the subscription wants schema {subscription['schemaVersion']}")
        await trio.sleep(self._life.subscribe_ms / 1000)
        manner = self._life.subscribe
        self._history.note("the subscription is answered: %s", manner)
        if manner == "silent":
            await trio.sleep_forever()
        status = int(manner) if manner.isdecimal() else 200
        if status == 200 and manner == "200":
            self._subscribed(int(uri.rpartition(":")[2].strip("/")))
        return await conversation.answer(Response(status, body=b'"OK"' if status == 200 else NOT_SUPPORTED), manner)

    async def _next(self, conversation: Conversation) -> bool:
        if self.waiting is not None:
            self._history.violate("two next calls", self._number, "a second call for the next event is pending")
        self.waiting = waiting = Waiting()
        self.asked_at_ms = self._history.now_ms
        self._history.note("next is asked for")
        self._changed()
        await waiting.answered.wait()
        waiting.was_whole = await conversation.answer(waiting.response, waiting.manner)
        waiting.sent.set()
        return waiting.was_whole

    # --- what the life gives to the one who waits

    async def give(self, event: dict[str, Any], manner: str = "") -> bool:
        """Answer the pending call with an event; says whether the answer went out whole."""
        body = b"[7]" if manner == "nonsense" else json.dumps(event).encode()
        return await self._give(Response(200, ((b"Content-Type", b"application/json"),), body), manner)

    async def give_fault(self, fault: str, event: dict[str, Any]) -> None:
        """Answer the pending call badly."""
        if fault.isdecimal():
            await self._give(Response(int(fault), body=SERVER_FAULT if int(fault) >= 500 else FORBIDDEN), "")
        else:
            await self.give(event, fault)

    async def _give(self, response: Response, manner: str) -> bool:
        waiting, self.waiting = self.waiting, None
        assert waiting is not None
        waiting.response, waiting.manner = response, manner
        waiting.answered.set()
        await waiting.sent.wait()
        return waiting.was_whole
