"""What a log line costs the real process, from the telemetry port to the intake: `python -m bench.log_port`.

An invocation says 50,000 lines of 200 bytes, in batches as the platform sends them; the flush at its end delivers them. Counted is all CPU
from the first batch to the end of the flush: HTTP both ways, the copy on disk before each answer, entries, compression. The yardstick is
reading and writing each of these records once with `json`, right before its batch is posted: so both meet the same caches and the same
neighbours. Beside it stands a stricter one, reading and writing each batch of a thousand as a whole.
"""

import json
import tempfile
import time
from pathlib import Path
from random import Random
from typing import NamedTuple

import trio

from bench.start import cpu_ms_of
from bench.table import Row, show
from cli.launch import ours
from emulator.fake_runtime import Call, FakeRuntime, Step
from emulator.intake import Intake
from emulator.run import open_sandbox
from emulator.sandbox import Options, Sandbox
from emulator.values import FunctionConfig, Invocation
from protocols.http_client import ClientConnection

LINES, BATCH_LINES, LINE_BYTES = 50_000, 1_000, 200
WORDS = ("order", "customer", "charged", "items", "shipment", "took_ms", "retries", "stock", "cache", "region", "queue", "page")
GOAL = 2.5
LIVES = 3
LONGEST_S = 60
LOADED_S, SUBSIDED_S = 1.0, 0.2  # the first invocation loads what it needs; in the second, START is read before the first line
INTAKE_PORT, TELEMETRY_PORT = 9080, 8999
INTAKE = f"http://127.0.0.1:{INTAKE_PORT}"
ENVIRONMENT = {
    "DD_API_KEY": "0" * 32,
    "DD_DD_URL": INTAKE,
    "DD_LOGS_CONFIG_LOGS_DD_URL": INTAKE,
    "DD_SERVERLESS_FLUSH_STRATEGY": "end",
    "DD_LAMBDA_PROC_ENHANCED_METRICS": "false",  # reading /proc costs by the second, not by the line
}


class Burst(NamedTuple):
    """One life: CPU of the extension for the burst, of `json` for its records one by one and for its batches; the lines that were said;
    those of each request.
    """

    cpu_ms: float
    json_ms: float
    json_batches_ms: float
    said: list[str]
    arrived: list[list[str]]


def rows() -> list[Row]:
    bursts = [trio.run(burst) for _ in range(LIVES)]
    if not all(is_whole(each) for each in bursts):
        raise RuntimeError("not all lines arrived once and in their order: the figures would be of another load")
    best = min(bursts, key=lambda each: each.cpu_ms / each.json_ms)
    cpu_us, json_us, batches_us = (cost_ms * 1_000 / LINES for cost_ms in (best.cpu_ms, best.json_ms, best.json_batches_ms))
    name = f"logs: port to intake, {LINE_BYTES} bytes"
    return [
        Row(name, cpu_us, "us", f"json of a record, both ways {json_us:.2f} us", cpu_us / json_us, f"at most {GOAL} x"),
        Row(f"{name}, strictly", cpu_us, "us", f"json of whole batches {batches_us:.2f} us", cpu_us / batches_us, "none"),
    ]


def is_whole(burst: Burst) -> bool:
    """Whether every line arrived once, and in order within each request. Several are under way at once: their first lines order them."""
    return [line for request in sorted(burst.arrived) for line in request] == burst.said


def said_lines(request_id: str, count: int = LINES, seed: int = 1) -> list[str]:
    """Lines such as a function says, no two alike, in ASCII."""
    random = Random(seed)
    found = []
    for number in range(count):
        line = f"[INFO]\t2026-11-23T14:00:17.764Z\t{request_id}\t{number:06d}"
        while len(line) < LINE_BYTES:
            line += f" {random.choice(WORDS)}={random.randrange(10_000)}"
        found.append(line[:LINE_BYTES])
    return found


def batches_of(lines: list[str], batch_lines: int = BATCH_LINES) -> list[bytes]:
    """Request bodies as the platform makes them; every second has a thousand lines."""
    found = []
    for start in range(0, len(lines), batch_lines):
        second = start // 1_000 % 60
        batch = [
            {"time": f"2026-11-23T14:00:{second:02d}.{place % 1000:03d}Z", "type": "function", "record": line}
            for place, line in enumerate(lines[start : start + batch_lines])
        ]
        found.append(json.dumps(batch, separators=(",", ":")).encode())
    return found


def cpu_ns_of_json(texts: list[bytes]) -> int:
    """Reading each text and writing it again."""
    began_ns = time.process_time_ns()
    for text in texts:
        json.dumps(json.loads(text))
    return time.process_time_ns() - began_ns


async def post(stream: trio.abc.Stream, http: ClientConnection, body: bytes) -> int:
    """One batch over a kept connection; the status of its answer."""
    await stream.send_all(http.send("POST", "/", ((b"Host", b"sandbox:8999"), (b"Content-Type", b"application/json")), body))
    while (answer := http.receive(bytes(await stream.receive_some(65_536)))) is None:
        pass
    return answer.status


async def burst() -> Burst:
    """Raises RuntimeError for a batch that is not answered 200."""
    intake, box = Intake(), list[Sandbox]()
    said, batches, statuses = list[str](), list[bytes](), set[int]()
    began_ms, json_ns, json_batches_ns = 0.0, 0, 0

    async def during(call: Call) -> None:
        nonlocal began_ms, json_ns, json_batches_ns
        said.extend(said_lines(call.request_id))
        batches.extend(batches_of(said))
        await trio.sleep(SUBSIDED_S)
        began_ms = cpu_ms_of(box[0].starting.processes.living("extension")[-1].pid)
        async with await call.connect(TELEMETRY_PORT) as stream:
            http = ClientConnection()
            for body in batches:
                json_batches_ns += cpu_ns_of_json([body])
                json_ns += cpu_ns_of_json([json.dumps(record).encode() for record in json.loads(body)])
                statuses.add(await post(stream, http, body))

    with tempfile.TemporaryDirectory() as root, trio.fail_after(LONGEST_S):
        options = Options(fake_runtime=FakeRuntime(steps=[Step(duration_ms=LOADED_S * 1_000), Step(during=during)]))
        config = FunctionConfig(handler="app.handler", task_root=Path(root), timeout_ms=30_000, environment=ENVIRONMENT)
        served = {INTAKE_PORT: intake.serve_connection}
        async with open_sandbox(config, ours(), options=options, inside=served) as sandbox:
            box.append(sandbox)
            await sandbox.init()
            for _ in range(2):
                await sandbox.invoke(Invocation(b"{}"))
            cpu_ms = cpu_ms_of(sandbox.starting.processes.living("extension")[-1].pid) - began_ms
            await sandbox.stop()
    if statuses != {200}:
        raise RuntimeError(f"batches were answered {statuses}")
    requests = [[entry["message"]["message"] for entry in each["document"]] for each in intake.documents() if each["out"] == "logs"]
    arrived = [[text for text in texts if text.startswith("[INFO]")] for texts in requests]
    return Burst(cpu_ms, json_ns / 1e6, json_batches_ns / 1e6, said, [texts for texts in arrived if texts])


if __name__ == "__main__":
    show(rows())
