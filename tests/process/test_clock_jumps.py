"""A wall clock that jumps, either way and at any moment: the whole extension in virtual time, on a network in memory."""

import json
from typing import Any

import pytest
import trio

from emulator import records
from emulator.account import account_of
from emulator.intake import Intake
from emulator.values import FunctionConfig
from emulator.wire import Arrival, serve_stream
from protocols.http_client import ClientConnection
from protocols.http_server import Request, Response
from reactor.config.aws import read_sandbox
from reactor.config.load import load
from reactor.net.clock import SimulatedClock
from reactor.net.memory import MemoryNetwork
from reactor.process import Process
from reactor.say import Voice

HOUR_MS = 3_600_000
JUMPS_MS = (-40 * 24 * HOUR_MS, -HOUR_MS, -2_000, 2_000, HOUR_MS, 40 * 24 * HOUR_MS)
MOMENTS = ("before the invoke", "while the function runs", "while the flush waits", "while nothing runs")
TIMEOUT_MS = 3_000
ENVIRONMENT = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_FUNCTION_NAME": "my-function",
    "AWS_REGION": "us-east-1",
    "DD_API_KEY": "0" * 32,
    "DD_DD_URL": "http://intake:80",
    "DD_LOGS_CONFIG_LOGS_DD_URL": "http://intake:80",
}


class World:
    """The platform, the intake and one life of the extension, all in memory. Times are virtual."""

    def __init__(self, tmp_path: Any) -> None:
        self.network, self.clock, self.intake = MemoryNetwork(), SimulatedClock(), Intake()
        self.config = FunctionConfig(handler="app.handler", task_root=tmp_path, timeout_ms=TIMEOUT_MS)
        self.asked_at_s: list[float] = []
        self.code: int | None = None
        self.exited = trio.Event()
        self._events_in, self._events_out = trio.open_memory_channel[dict[str, Any]](10)
        self._changed = trio.Event()

    @property
    def epoch_ms(self) -> int:
        return self.clock.now().epoch_ms

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        settings, _ = load(ENVIRONMENT, None)
        voice = Voice("error")
        process = Process(settings, read_sandbox(ENVIRONMENT), "x86_64", self.network, self.clock, voice, lambda: 0.5)
        async with trio.open_nursery() as nursery:
            for port, serve in ((9001, self._serve_platform), (80, self.intake.serve_connection)):
                nursery.start_soon(self._listen, await self.network.listen("127.0.0.1", port), serve)
            task_status.started()
            self.code = await process.run()
            self.exited.set()
            nursery.cancel_scope.cancel()

    async def _listen(self, listener: Any, serve: Any) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(serve, await listener.accept())

    async def _serve_platform(self, stream: trio.abc.Stream) -> None:
        await serve_stream(stream, self._answer)

    async def _answer(self, request: Request, arrival: Arrival) -> Response:
        if request.path.endswith("/register"):
            return Response(200, ((b"Lambda-Extension-Identifier", b"id-1"),), b'{"accountId":"123456789012"}')
        if request.method == "PUT":
            return Response(200, body=b'"OK"')
        self.asked_at_s.append(trio.current_time())
        self._changed.set()
        return Response(200, body=json.dumps(await self._events_out.receive()).encode())

    async def asked(self, times: int) -> None:
        """Until the extension has asked for an event that often."""
        while len(self.asked_at_s) < times:
            self._changed = trio.Event()
            await self._changed.wait()

    def invoke(self, request_id: str, *, at_epoch_ms: int | None = None) -> None:
        deadline_ms = (self.epoch_ms if at_epoch_ms is None else at_epoch_ms) + TIMEOUT_MS
        arn = self.config.arn
        event = {"eventType": "INVOKE", "deadlineMs": deadline_ms, "requestId": request_id, "invokedFunctionArn": arn}
        self._events_in.send_nowait(event)

    def shut_down(self) -> None:
        self._events_in.send_nowait({"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": self.epoch_ms + 2_000})

    async def tell(self, *batch: dict[str, Any]) -> None:
        """A batch of telemetry."""
        connection, stream = ClientConnection(), await self.network.connect("127.0.0.1", 8999)
        async with stream:
            body = json.dumps(batch).encode()
            await stream.send_all(connection.send("POST", "/", ((b"Host", b"sandbox"),), body))
            while (answer := connection.receive(bytes(await stream.receive_some()))) is None:
                pass
        assert answer.status == 200

    def begun(self, request_id: str) -> tuple[dict[str, Any], ...]:
        start = records.start(self.config, self.epoch_ms, request_id, None, None, None)
        return start, records.log_line("function", self.epoch_ms, f"said by {request_id}")

    def over(self, request_id: str) -> dict[str, Any]:
        return records.runtime_done(self.epoch_ms, request_id, "success", 5.0, 8)

    def said(self) -> list[tuple[str | None, str]]:
        lines = account_of(self.intake.documents()).logs
        return sorted((line.request_id, line.message) for line in lines if line.message.startswith("said"))


@pytest.fixture
async def world(tmp_path, nursery):
    world = World(tmp_path)
    await nursery.start(world.run)
    return world


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("jump_ms", JUMPS_MS)
async def test_a_jump_at_any_moment_hangs_nothing_and_loses_nothing(autojump_clock, world, moment, jump_ms):
    def jump_at(this: str) -> None:
        if this == moment:
            world.clock.jump(jump_ms)

    with trio.fail_after(30):
        await world.asked(1)
        before_ms = world.epoch_ms
        jump_at("before the invoke")
        world.invoke("a", at_epoch_ms=before_ms)  # the platform's clock and ours need not be one
        await trio.sleep(0.1)
        jump_at("while the function runs")
        await world.tell(*world.begun("a"))
        over_at_s = trio.current_time()
        await world.tell(world.over("a"))
        jump_at("while the flush waits")
        await world.asked(2)
        assert world.asked_at_s[1] - over_at_s < 1.5
        await trio.sleep(0.5)
        jump_at("while nothing runs")
        world.invoke("b")
        await trio.sleep(0.05)
        await world.tell(*world.begun("b"), world.over("b"))
        await world.asked(3)
        world.shut_down()
        stopped_at_s = trio.current_time()
        await world.exited.wait()
    assert trio.current_time() - stopped_at_s < 1.9
    assert world.code == 0
    assert world.said() == [("a", "said by a"), ("b", "said by b")]


@pytest.mark.parametrize("jump_ms", JUMPS_MS)
async def test_a_jump_does_not_lengthen_the_wait_for_an_end_that_never_comes(autojump_clock, world, jump_ms):
    with trio.fail_after(60):
        await world.asked(1)
        world.invoke("a")
        began_at_s = trio.current_time()
        await trio.sleep(0.1)
        world.clock.jump(jump_ms)
        await world.tell(*world.begun("a"))
        await world.asked(2)
        assert trio.current_time() - began_at_s < TIMEOUT_MS / 1000 + 2.5
        world.shut_down()
        await world.exited.wait()
    assert world.said() == [("a", "said by a")]
