"""Whatever is set, and whatever stands in the file: the process registers, asks for its first event, serves an invocation and ends with 0.

Each case is a whole life of the process in virtual time, on a network in memory. What its settings lead to (an intake or a proxy that
nobody serves, a certificate that is none, a secret that cannot be had) is part of the case.
"""

import gc
import json
import random
from typing import Any

import pytest
import trio
import trio.testing

from protocols.http_server import HttpLimits, Request, Response, ServerConnection
from reactor.config.aws import read_sandbox
from reactor.config.load import load
from reactor.config.settings import SETTINGS
from reactor.net.clock import SimulatedClock
from reactor.net.errors import PeerUnavailable
from reactor.net.memory import MemoryNetwork
from reactor.net.origin import Origin
from reactor.net.pool import Pool
from reactor.process import Process

TIMEOUT_MS, SHUTDOWN_MS = 3_000, 2_000
LIFE_S_MAX = 10.0 + (TIMEOUT_MS + SHUTDOWN_MS) / 1_000  # virtual: the bound of a registration, and both deadlines
SANDBOX = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_LAMBDA_FUNCTION_NAME": "my-function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_REGION": "us-east-1",
}
KINDS = ("on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances", "", "?")
NAMES = [f"{prefix}{name}" for row in SETTINGS for name in row.env for prefix in ("DD_", "DATADOG_")]
NAMES += [
    "HTTPS_PROXY",
    "NO_PROXY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
]
PATHS = sorted({part for row in SETTINGS for path in row.yaml for part in path.split(".")})
VALUES = [
    "true",
    "1",
    "0",
    "-1",
    "1.5",
    "9" * 30,
    "nan",
    "end",
    "periodically,60000",
    "periodically,1",
    "continuously,1",
    "continuously,60000",
]
VALUES += [
    "http://127.0.0.1:9",
    "https://proxy:3128",
    "https://[::1]:443/x",
    "a.b",
    "/tmp",
    "/proc/self/status",
    "unix:///nowhere/at/all",
    "\x00",
    "é",
]
VALUES += [
    '{"https://a.b": ["key"]}',
    '[{"type":"exclude_at_match","name":"n","pattern":"("}]',
    '{"a":',
    "[",
    "key:value,x",
    "~",
    "- a",
    "|",
    "x" * 5_000,
]
VALUES += [
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:x",
    "arn:aws:ssm:us-east-1:1:parameter/x",
    "QUJD" * 20,
    "",
    " ",
    "debug",
    "datadoghq.eu",
]


def case(random_: random.Random) -> tuple[dict[str, str], str | None]:
    env = {random_.choice(NAMES): random_.choice(VALUES) for _ in range(random_.randrange(8))}
    if random_.random() < 0.5:
        env["DD_API_KEY"] = "0" * 32
    env["AWS_LAMBDA_INITIALIZATION_TYPE"] = random_.choice(KINDS)
    lines = [f"{'  ' * random_.randrange(3)}{random_.choice(PATHS)}: {random_.choice(VALUES)}" for _ in range(random_.randrange(5))]
    return env, "\n".join(lines) if lines and random_.random() < 0.3 else None


class Platform:
    """Registers, subscribes, then answers the calls for the next event: one INVOKE (not on managed instances), and the SHUTDOWN."""

    def __init__(self, network: MemoryNetwork, clock: SimulatedClock, is_managed: bool) -> None:
        self.network, self.clock, self.is_managed = network, clock, is_managed
        self.called: list[str] = []

    async def run(self, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        listener = await self.network.listen("0.0.0.0", 9001)
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                nursery.start_soon(self._serve, await listener.accept())

    async def _serve(self, stream: Any) -> None:
        connection = ServerConnection(HttpLimits(1 << 20))
        async with stream:
            while data := bytes(await stream.receive_some(65_536)):
                connection.receive(data)
                while isinstance(request := connection.next_request(), Request):
                    await stream.send_all(connection.respond(await self._answer(request)))

    async def _answer(self, request: Request) -> Response:
        self.called.append(request.path.rpartition("/")[2])
        if self.called[-1] == "register":
            return Response(200, ((b"Lambda-Extension-Identifier", b"id-1"),), b'{"accountId":"123456789012"}')
        if self.called[-1] == "next":
            return Response(200, body=json.dumps(await self._event()).encode())
        return Response(200, body=b"{}")

    async def _event(self) -> dict[str, Any]:
        if self.is_managed or self.called.count("next") > 1:
            await trio.sleep(0.1)
            return {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": self.clock.now().epoch_ms + SHUTDOWN_MS}
        return {"eventType": "INVOKE", "requestId": "a", "deadlineMs": self.clock.now().epoch_ms + TIMEOUT_MS, "invokedFunctionArn": "arn"}


async def function(network: MemoryNetwork) -> None:
    """One invocation's telemetry, and things that nobody asked for."""
    await trio.sleep(0.05)
    time = "2023-11-14T22:13:20.000Z"
    batch: list[Any] = [{"time": time, "type": "function", "record": text} for text in ('{"message": "x"}', "[ERROR] y", {"level": 7})]
    batch += [{"time": time, "type": "platform.runtimeDone", "record": {"requestId": "a", "status": "success"}}]
    batch += [{"time": time, "type": "platform.report", "record": {"requestId": "a", "status": "success", "metrics": {"durationMs": 1.0}}}]
    pool = Pool(network)
    try:
        await pool.request(Origin("http", "sandbox", 8999), "POST", "/", (), json.dumps(batch).encode())
    except PeerUnavailable:
        pass  # nobody listens any more
    await pool.drop_idle()


class Voice:
    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def say(self, level: str, text: str) -> None:
        self.lines.append((level, text))


async def live(env: dict[str, str], yaml_text: str | None) -> tuple[int, list[str], float]:
    """The exit code of one life, what it called the platform for, and how long it took."""
    environment = SANDBOX | env
    settings, _ = load(environment, yaml_text)
    sandbox = read_sandbox(environment)
    network, clock = MemoryNetwork(), SimulatedClock()
    platform = Platform(network, clock, sandbox.is_managed)
    began_s = trio.current_time()
    async with trio.open_nursery() as nursery:
        await nursery.start(platform.run)
        nursery.start_soon(function, network)
        process = Process(settings, sandbox, "x86_64", network, clock, Voice(), lambda: 0.5, environment=environment)
        code = await process.run()
        took_s = trio.current_time() - began_s
        nursery.cancel_scope.cancel()
    return code, platform.called, took_s


def check(cases: int, seed: int) -> None:
    random_ = random.Random(seed)
    for number in range(cases):
        env, yaml_text = case(random_)
        try:
            code, called, took_s = trio.run(live, env, yaml_text, clock=trio.testing.MockClock(autojump_threshold=0))
            assert code == 0
            assert called.count("register") == 1
            assert called.count("next") == (1 if env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances" else 2)
            assert took_s < LIFE_S_MAX
        except BaseException as error:
            raise AssertionError(f"seed {seed}, case {number}: {env!r} {yaml_text!r}") from error
        if number % 1_000 == 0:
            gc.collect()


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    """Some values are names of files to be written. And without roots: to read the machine's takes longer than a whole life."""
    (tmp_path / "roots").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_two_hundred_configurations_harm_nothing():
    check(200, seed=1)


@pytest.mark.long
def test_a_hundred_thousand_configurations_harm_nothing():
    check(100_000, seed=2)
