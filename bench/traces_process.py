"""What 20,000 spans cost the real process, and how much memory it takes meanwhile: `python -m bench.traces_process`.

The real process in the local platform with a local intake, the spans of `bench.traces`, sent by the function in one invocation: in requests
of ten traces, one after the other, and all in one. CPU is that of reading, decoding, all that is done with a span, compressing and sending;
the life of a process that gets no spans is left out.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgpack
import trio

from bench.table import Row, show
from bench.traces import SPANS_PER_TRACE, make_span, memory_mb
from cli.launch import ours
from emulator.fake_runtime import Call, FakeRuntime, Step
from emulator.intake import Intake
from emulator.run import open_sandbox, summary
from emulator.sandbox import Options
from emulator.values import FunctionConfig, Invocation
from protocols.http_client import ClientConnection

SPANS = 20_000
TRACES_PER_REQUEST = 10
LIVES = 2
LONGEST_S = 100
INTAKE_PORT, TRACE_PORT = 9080, 8126
INTAKE = f"http://127.0.0.1:{INTAKE_PORT}"
ENVIRONMENT = {
    "DD_API_KEY": "0" * 32,
    "DD_DD_URL": INTAKE,
    "DD_APM_DD_URL": INTAKE,
    "DD_LOGS_CONFIG_LOGS_DD_URL": INTAKE,
    "DD_SERVERLESS_FLUSH_STRATEGY": "end",
}
HEADERS = ((b"Host", b"127.0.0.1:8126"), (b"Content-Type", b"application/msgpack"), (b"Datadog-Meta-Lang", b"python"))


class Cost(NamedTuple):
    """Of one life of the extension."""

    cpu_ms: float
    peak_mb: float


def requests(spans: int, traces_per_request: int) -> list[bytes]:
    """Bodies of the v0.4 route."""
    made = [[make_span(trace, place) for place in range(SPANS_PER_TRACE)] for trace in range(1, spans // SPANS_PER_TRACE + 1)]
    return [msgpack.packb(made[at : at + traces_per_request]) for at in range(0, len(made), traces_per_request)]


def rows() -> list[Row]:
    idle = best([])
    many, one = best(requests(SPANS, TRACES_PER_REQUEST)), best(requests(SPANS, SPANS))
    bare, without = f"bare interpreter {memory_mb(0)[0]:.0f} MB", f"without spans {idle.peak_mb:.0f} MB"
    found = []
    for name, cost in (("in 200 requests", many), ("in one request", one)):
        cpu_us = (cost.cpu_ms - idle.cpu_ms) * 1_000 / SPANS
        found.append(Row(f"process: a span, {SPANS:,} {name}", cpu_us, "us", "reference 31 us", goal="at most 30 us"))
        found.append(Row(f"process: peak, {SPANS:,} {name}", cost.peak_mb, "MB", f"{without}, {bare}", goal="at most 60 MB"))
    return found


def best(bodies: Sequence[bytes]) -> Cost:
    """The least of some lives: whatever else the machine does only ever adds to it."""
    return min(trio.run(live, bodies) for _ in range(LIVES))


async def live(bodies: Sequence[bytes]) -> Cost:
    """One life with one invocation in which these are sent. Raises RuntimeError where not all of it arrives."""
    intake = Intake()

    async def during(call: Call) -> None:
        if bodies:
            async with await call.connect(TRACE_PORT) as stream:
                for body in bodies:
                    await send(stream, body)

    with tempfile.TemporaryDirectory() as root, trio.fail_after(LONGEST_S):
        options = Options(fake_runtime=FakeRuntime(steps=[Step(during=during)]))
        config = FunctionConfig(handler="app.handler", task_root=Path(root), timeout_ms=60_000, memory_mb=1_024, environment=ENVIRONMENT)
        async with open_sandbox(config, ours(), options=options, inside={INTAKE_PORT: intake.serve_connection}) as sandbox:
            await sandbox.init()
            await sandbox.invoke(Invocation(b"{}"))
            await sandbox.stop()
            (process,) = [each for each in summary(sandbox).processes if each.role == "extension"]
    arrived = sum(
        len(chunk["spans"])
        for each in intake.documents()
        if each["out"] == "traces"
        for payload in each["document"]["tracer_payloads"]
        for chunk in payload["chunks"]
    )
    if bodies and arrived < SPANS:
        raise RuntimeError(f"{arrived} spans arrived, not {SPANS}: the figures would be of another load")
    return Cost(process.cpu_user_ms + process.cpu_system_ms, process.peak_rss_kb / 1024)


async def send(stream: trio.abc.Stream, body: bytes) -> None:
    http = ClientConnection()
    await stream.send_all(http.send("PUT", "/v0.4/traces", HEADERS, body))
    answer = None
    while answer is None:
        answer = http.receive(bytes(await stream.receive_some(65_536)))
    if answer.status != 200:
        raise RuntimeError(f"a request was answered {answer.status}")


if __name__ == "__main__":
    show(rows())
