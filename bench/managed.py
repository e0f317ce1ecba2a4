"""What the extension costs on a managed instance, per invocation, beside many others: `python -m bench.managed`.

The real process in the local platform, a scripted runtime with some workers, JSON log lines, a local intake, a flush every second. The cost
of starting and ending, measured by a life without invocations, is left out. The yardstick is what nobody can do without: reading the same
batches with `json.loads`.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgpack
import trio

from bench.table import Row, show
from cli.launch import ours
from emulator import records
from emulator.account import account_of
from emulator.fake_runtime import Call, FakeRuntime, Step
from emulator.intake import Intake
from emulator.run import open_sandbox, summary
from emulator.sandbox import Options, Sandbox
from emulator.values import ApiCall, FunctionConfig, Invocation

WORKERS, INVOCATIONS, LINES, SPANS = 40, 800, 5, 5
PLACEHOLDER = "dd-tracer-serverless-span"  # stands for the span that the extension makes
HANDLER_S = 0.05
ROUNDS = 3
LONGEST_S = 100
INTAKE_PORT = 9080
INTAKE = f"http://127.0.0.1:{INTAKE_PORT}"
ENVIRONMENT = {
    "DD_API_KEY": "0" * 32,
    "DD_DD_URL": INTAKE,
    "DD_LOGS_CONFIG_LOGS_DD_URL": INTAKE,
    "DD_APM_DD_URL": INTAKE,
    "DD_SERVERLESS_FLUSH_STRATEGY": "continuously,1000",
}


class Cost(NamedTuple):
    """Of one life: CPU of the extension, its largest size, the batches that it was sent, and how many log lines and spans arrived."""

    cpu_ms: float
    size_kb: int
    batches: list[bytes]
    lines: int
    spans: int


def rows() -> list[Row]:
    idle, busy, traced = trio.run(live, 0), trio.run(live, INVOCATIONS), trio.run(live, INVOCATIONS, True)
    expected = (LINES + 2) * INVOCATIONS  # START and REPORT beside the function's own
    if busy.lines < expected:
        raise RuntimeError(f"{busy.lines} log lines arrived, not {expected}: the figures would be of another load")
    if traced.spans != SPANS * INVOCATIONS:
        raise RuntimeError(f"{traced.spans} spans arrived, not {SPANS * INVOCATIONS}: the figures would be of another load")
    traced_us = (traced.cpu_ms - idle.cpu_ms) * 1_000 / INVOCATIONS
    cpu_us = (busy.cpu_ms - idle.cpu_ms) * 1_000 / INVOCATIONS
    read_us = best_us(busy.batches) / INVOCATIONS
    grown_mb = (busy.size_kb - idle.size_kb) / 1024
    return [
        Row(f"managed: CPU of an invocation, {LINES} lines", cpu_us, "us", f"json.loads of its records {read_us:.0f} us", cpu_us / read_us),
        Row(
            f"managed: the same, traced, {SPANS} spans",
            traced_us,
            "us",
            f"by requests {traced_us - cpu_us:.0f} us",
            traced_us / cpu_us,
        ),
        Row(f"managed: growth over {INVOCATIONS} invocations", grown_mb, "MB", f"idle {idle.size_kb / 1024:.1f} MB"),
    ]


def best_us(batches: list[bytes]) -> float:
    """Reading all batches once: the best of some rounds."""
    taken_ns = []
    for _ in range(ROUNDS):
        began_ns = time.perf_counter_ns()
        for body in batches:
            json.loads(body)
        taken_ns.append(time.perf_counter_ns() - began_ns)
    return min(taken_ns) / 1_000


async def live(invocations: int, is_traced: bool = False) -> Cost:
    """One life with so many invocations, as many at once as there are workers; a traced one tells of its start, its spans and its end."""
    intake, calls = Intake(), list[ApiCall]()
    box: list[Sandbox] = []

    async def during(call: Call) -> None:
        named = {"lambda-runtime-aws-request-id": call.request_id, "Content-Type": "application/json"}
        if is_traced:
            await ask(call, 8124, "POST /lambda/start-invocation", named, b"{}")
        for number in range(LINES):
            line = {
                "timestamp": "2025-09-19T19:36:50Z",
                "level": "INFO",
                "message": f"order {number} is paid",
                "requestId": call.request_id,
            }
            box[0].telemetry.emit(records.log_line("function", box[0].epoch_ms(), line))
            await trio.sleep(HANDLER_S / LINES)
        if is_traced:
            trace_id = int(call.request_id[:8], 16) + 1
            await ask(call, 8126, "PUT /v0.4/traces", {"Content-Type": "application/msgpack"}, trace(call.request_id, trace_id))
            ids = {"x-datadog-trace-id": str(trace_id), "x-datadog-span-id": "1", "x-datadog-sampling-priority": "1"}
            await ask(call, 8124, "POST /lambda/end-invocation", named | ids, b'{"statusCode":200}')

    with tempfile.TemporaryDirectory() as root, trio.fail_after(LONGEST_S):
        options = Options(fake_runtime=FakeRuntime(workers=WORKERS, steps=[Step(during=during)]), observer=calls.append)
        served = {INTAKE_PORT: intake.serve_connection}
        async with open_sandbox(config(Path(root)), ours(), options=options, inside=served) as sandbox:
            box.append(sandbox)
            await sandbox.init()
            await invoke(sandbox, invocations)
            await sandbox.stop()
            (process,) = [each for each in summary(sandbox).processes if each.role == "extension"]
    lines = sum(len(each["document"]) for each in intake.documents() if each["out"] == "logs")
    batches = [call.body for call in calls if call.kind == "telemetry"]
    spans = len(account_of(intake.documents()).spans)
    return Cost(process.cpu_user_ms + process.cpu_system_ms, process.peak_rss_kb, batches, lines, spans)


async def ask(call: Call, port: int, request: str, headers: dict[str, str], body: bytes) -> None:
    """One request on a connection of its own, which must be answered 200. Raises RuntimeError."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    async with await call.connect(port) as stream:
        await stream.send_all(f"{request} HTTP/1.1\r\nHost: x\r\n{told}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = await stream.receive_some()
            if not received:
                break
            answer += received
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{request} was answered {answer!r}")


def trace(request_id: str, trace_id: int) -> bytes:
    """The placeholder of the invocation's own span, and those below it."""
    common = {
        "service": "orders",
        "type": "web",
        "trace_id": trace_id,
        "start": 1_795_442_420_000_000_000,
        "duration": 1_000_000,
        "error": 0,
    }
    common |= {"meta": {"request_id": request_id}, "metrics": {"_sampling_priority_v1": 1.0}}
    names = [PLACEHOLDER, *["shop.query"] * (SPANS - 1)]
    spans = [
        {**common, "name": name, "resource": name, "span_id": place, "parent_id": int(place > 1)} for place, name in enumerate(names, 1)
    ]
    packed: bytes = msgpack.packb([spans])
    return packed


def config(root: Path) -> FunctionConfig:
    return FunctionConfig(
        handler="app.handler",
        task_root=root,
        init_type="lambda-managed-instances",
        log_format="JSON",
        max_concurrency=WORKERS,
        timeout_ms=20_000,
        memory_mb=2_048,
        environment=ENVIRONMENT,
    )


async def invoke(sandbox: Sandbox, invocations: int) -> None:
    async def lane(times: int) -> None:
        for _ in range(times):
            await sandbox.invoke(Invocation(b"{}"))

    async with trio.open_nursery() as nursery:
        for _ in range(WORKERS):
            nursery.start_soon(lane, invocations // WORKERS)


if __name__ == "__main__":
    show(rows())
