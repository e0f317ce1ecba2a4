"""What the reactor's tests share: settings, records as the platform sends them, an agent on a clock that the test turns."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from fsm.time import Now
from protocols.extensions_api import NextInvoke, NextShutdown, Registration
from protocols.http_server import HttpLimits, Request, Response, ServerConnection
from protocols.intake_body import Body
from reactor.agent import inputs as given
from reactor.agent.agent import Agent
from reactor.agent.outputs import ClearTimer, ForgetPayload, KeepPayloads, Say, SendPayload, SetTimer
from reactor.agent.timers import Timers
from reactor.config.aws import read_sandbox
from reactor.config.load import load

EPOCH_MS = 1_700_000_000_000
ENVIRONMENT = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LAMBDA_FUNCTION_NAME": "my-function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
    "AWS_REGION": "us-east-1",
    "DD_API_KEY": "0" * 32,
    "DD_URL": "http://intake:8080",
    "DD_LOGS_CONFIG_LOGS_DD_URL": "http://intake:8080",
}


class Records:
    """Telemetry records of the kinds that the tests need."""

    time = "2023-11-14T22:13:20.000Z"

    def line(self, text: str) -> dict[str, Any]:
        return {"time": self.time, "type": "function", "record": text}

    def platform(self, kind: str, **record: Any) -> dict[str, Any]:
        return {"time": self.time, "type": f"platform.{kind}", "record": record}

    def init_start(self) -> dict[str, Any]:
        return self.platform("initStart", initializationType="on-demand", phase="init", runtimeVersion="python:3.12.v21")

    def start(self, request_id: str) -> dict[str, Any]:
        return self.platform("start", requestId=request_id, version="$LATEST")

    def done(self, request_id: str, status: str = "success", duration_ms: float = 3.0) -> dict[str, Any]:
        return self.platform("runtimeDone", requestId=request_id, status=status, metrics={"durationMs": duration_ms, "producedBytes": 8})

    def report(self, request_id: str, status: str = "success") -> dict[str, Any]:
        metrics = {"durationMs": 4.0, "billedDurationMs": 5, "memorySizeMB": 128, "maxMemoryUsedMB": 50}
        return self.platform("report", requestId=request_id, status=status, metrics=metrics)


class AgentLife:
    """An agent, its timers and a clock. Times are milliseconds since the process began; `told` holds all outputs but timers, in order."""

    def __init__(self, settings: Any, sandbox: Any, random: Callable[[], float] = lambda: 0.0, probe: Any = None) -> None:
        self.ms, self.jump_ms = 0, 0
        self.agent = Agent(settings, sandbox, "x86_64", random, self.now, probe=probe)
        self.timers = Timers()
        self.told: list[Any] = []

    @property
    def now(self) -> Now:
        return Now(EPOCH_MS + self.ms + self.jump_ms, 10_000 + self.ms)

    @property
    def state(self) -> str:
        return str(self.agent.lifecycle.state)

    @property
    def counts(self) -> Any:
        return self.agent.ledger.statistics()

    def tell(self, item: Any) -> list[Any]:
        """Tell the agent one thing; what it asks for, timers left out."""
        asked = []
        for output in self.agent.receive(item, self.now):
            if isinstance(output, SetTimer):
                self.timers.set(output)
            elif isinstance(output, ClearTimer):
                self.timers.clear(output)
            else:
                asked.append(output)
        self.told += asked
        return asked

    def pass_ms(self, length_ms: int) -> list[Any]:
        """Let time pass; timers come due on the way, each at its own moment."""
        end, asked = self.ms + length_ms, []
        while (at := self.timers.next_at()) is not None and at - 10_000 <= end:
            self.ms = max(self.ms, at - 10_000)
            due = self.timers.pop_due(self.now.mono_ms)
            assert due is not None
            asked += self.tell(due)
        self.ms = end
        return asked

    # --- what the outside does

    def ready(self) -> "AgentLife":
        """Registered, subscribed, and asking for the first event."""
        self.tell(given.Begin())
        self.tell(given.RegisterAnswered(Registration("id-1", "123456789012")))
        self.tell(given.SubscribeAnswered(None))
        return self

    def invoke(self, request_id: str, timeout_ms: int = 3_000) -> list[Any]:
        return self.tell(given.NextAnswered(NextInvoke(request_id, self.now.epoch_ms + timeout_ms, "arn")))

    def shut_down(self, reason: str = "spindown", left_ms: int = 2_000) -> list[Any]:
        return self.tell(given.NextAnswered(NextShutdown(reason, self.now.epoch_ms + left_ms)))

    def telemetry(self, *records: dict[str, Any]) -> list[Any]:
        return self.tell(given.Telemetry(list(records), []))

    def datagrams(self, *datagrams: bytes) -> list[Any]:
        return self.tell(given.Datagrams(list(datagrams)))

    def settle(self) -> list[Any]:
        return self.tell(given.SettleEnded())

    def answer(self, asked: list[Any], status: int | None = 202, **fields: Any) -> list[Any]:
        """Every send of `asked` is answered."""
        found = []
        for output in asked:
            if isinstance(output, SendPayload):
                found += self.tell(given.SendEnded(output.payload.number, status, **fields))
        return found


class MemoryServer:
    """A server on a memory network that does as its script says, one word per request, then always the last one said.

    A word is a Response, a status, `hang`, `close` (no answer), `half` (of an answer, then a close) or a function of the request.
    """

    def __init__(self, network: Any, port: int, *script: Any) -> None:
        self.network, self.port, self.script = network, port, list(script) or [202]
        self.requests: list[Request] = []
        self.at_s: list[float] = []
        self.connections = 0

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        listener = await self.network.listen("0.0.0.0", self.port)
        try:
            async with trio.open_nursery() as nursery:
                task_status.started()
                while True:
                    nursery.start_soon(self._serve, await listener.accept())
        finally:
            with trio.CancelScope(shield=True):
                await listener.aclose()

    async def _serve(self, stream: Any) -> None:
        self.connections += 1
        connection = ServerConnection(HttpLimits(64 * 1024 * 1024))
        async with stream:
            try:
                while data := bytes(await stream.receive_some(65_536)):
                    connection.receive(data)
                    while isinstance(request := connection.next_request(), Request):
                        self.requests.append(request)
                        self.at_s.append(trio.current_time())
                        if not await self._act(stream, connection, request):
                            return
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass

    async def _act(self, stream: Any, connection: ServerConnection, request: Request) -> bool:
        word = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        while callable(word):
            word = await word(request)
        if word == "hang":
            await trio.sleep_forever()
        if word == "close":
            return False
        data = connection.respond(word if isinstance(word, Response) else Response(200 if word == "half" else word, body=b"{}"))
        await stream.send_all(data[: len(data) // 2] if word == "half" else data)
        return word != "half"


@pytest.fixture
def server_of(nursery):
    """A running MemoryServer on a network."""

    async def server_of(network: Any, port: int, *script: Any) -> MemoryServer:
        server = MemoryServer(network, port, *script)
        await nursery.start(server.run)
        return server

    return server_of


def names(asked: list[Any]) -> list[str]:
    """What was asked for, by name; lines of our own log, and what is only said to the spool, left out."""
    return [type(output).__name__ for output in asked if not isinstance(output, Say | KeepPayloads | ForgetPayload)]


@pytest.fixture
def names_of() -> Callable[[list[Any]], list[str]]:
    return names


@pytest.fixture
def sandbox():
    return read_sandbox(ENVIRONMENT)


@pytest.fixture
def settings_of():
    """Settings of the ordinary test environment, with changes as keywords; None takes a variable out."""

    def settings_of(**changes: str | None):
        return load({name: value for name, value in (ENVIRONMENT | changes).items() if value is not None}, None)[0]

    return settings_of


@pytest.fixture
def life_of(settings_of, sandbox):
    """An agent in a life of its own, with changed variables as keywords."""

    def life_of(**changes: str | None) -> AgentLife:
        return AgentLife(settings_of(**changes), sandbox)

    return life_of


@pytest.fixture
def life_class() -> type[AgentLife]:
    return AgentLife


@pytest.fixture
def life(life_of) -> AgentLife:
    return life_of(DD_SERVERLESS_FLUSH_STRATEGY="end")


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def body_of():
    """A request body of so many bytes."""

    def body_of(size: int = 10, kind: str = "logs", items: int = 1) -> Body:
        return Body(kind, "/api/v2/logs", "application/json", b"x" * size, items)

    return body_of
