"""What a warm invocation without telemetry of its own costs in CPU: `python -m bench.invocation`.

The real process in the local platform, with freezes, a scripted runtime and a local intake; the first invocations, in which the last of the
program is loaded, are left out. As in Lambda, the extension sees the processes of its sandbox only, as far as this machine permits that:
the cost of measuring grows with their number. The yardstick is what a function pays for asking for nothing: a bare process of the same
interpreter.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import trio

from bench.start import ROOT, cpu_ms_of, start_bare
from bench.table import Row, show
from cli.launch import ours
from emulator.fake_runtime import FakeRuntime, Step
from emulator.intake import Intake
from emulator.run import open_sandbox
from emulator.sandbox import Options
from emulator.values import FunctionConfig, Invocation

WARM_UP, INVOCATIONS = 25, 200  # after twenty the default strategy knows how often it is called
LIVES = 2
LONGEST_S = 50
INTAKE_PORT = 9080
INTAKE = f"http://127.0.0.1:{INTAKE_PORT}"
ENVIRONMENT = {"DD_API_KEY": "0" * 32, "DD_DD_URL": INTAKE, "DD_LOGS_CONFIG_LOGS_DD_URL": INTAKE}
CASES: dict[str, tuple[float, dict[str, str]]] = {  # milliseconds of the function, what is set
    "as shipped": (1.0, {}),
    "as shipped, with samples in between": (20.0, {}),
    "without /proc metrics": (20.0, {"DD_LAMBDA_PROC_ENHANCED_METRICS": "false"}),
    "flush at each end": (20.0, {"DD_SERVERLESS_FLUSH_STRATEGY": "end"}),
}
ALONE = ["unshare", "--pid", "--fork", "--mount-proc"]
ONE_CASE = "--case"


class Cost(NamedTuple):
    """Of the warm invocations of one life: CPU of the extension, and how many processes it saw."""

    cpu_ms: float
    processes: int


def rows() -> list[Row]:
    bare_ms = start_bare().cpu_ms
    return [_row(name, bare_ms) for name in CASES]


def _row(name: str, bare_ms: float) -> Row:
    cost = min(measured(name) for _ in range(LIVES))  # whatever else the machine does adds to it, and never takes from it
    each_ms = cost.cpu_ms / INVOCATIONS
    title = f"invocation of {CASES[name][0]:.0f} ms: CPU, {name}, {cost.processes} processes seen"
    return Row(title, each_ms, "ms", f"bare python {bare_ms:.1f} ms", each_ms / bare_ms, "at most 2 ms")


def measured(name: str) -> Cost:
    """One life, measured by a program of its own."""
    command = [sys.executable, "-m", "bench.invocation", ONE_CASE, name]
    may_be_alone = subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0
    done = subprocess.run([*(ALONE if may_be_alone else []), *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr.strip()}")
    return Cost(*json.loads(done.stdout))


async def live(handler_ms: float, environment: dict[str, str]) -> Cost:
    intake = Intake()
    with tempfile.TemporaryDirectory() as root, trio.fail_after(LONGEST_S):
        config = FunctionConfig(handler="app.handler", task_root=Path(root), environment=ENVIRONMENT | environment)
        options = Options(fake_runtime=FakeRuntime(steps=[Step(duration_ms=handler_ms)]))
        served = {INTAKE_PORT: intake.serve_connection}
        async with open_sandbox(config, ours(), options=options, inside=served) as sandbox:
            await sandbox.init()
            pid = sandbox.starting.processes.living("extension")[-1].pid
            for number in range(WARM_UP + INVOCATIONS):
                if number == WARM_UP:
                    before_ms = cpu_ms_of(pid)
                await sandbox.invoke(Invocation(b"{}"))
            cpu_ms = cpu_ms_of(pid) - before_ms
            processes = sum(name.isdigit() for name in os.listdir("/proc"))
            await sandbox.stop()
    counted = _counted(intake)
    if counted != WARM_UP + INVOCATIONS:
        raise RuntimeError(f"{counted} invocations were counted: the figure would be of another load")
    return Cost(cpu_ms, processes)


def _counted(intake: Intake) -> int:
    sketches = [item for each in intake.documents() if each["out"] == "sketches" for item in each["document"]["sketches"]]
    wanted = [item for item in sketches if item["metric"] == "aws.lambda.enhanced.invocations"]
    return sum(int(point["cnt"]) for item in wanted for point in item["dogsketches"])


if __name__ == "__main__":
    if sys.argv[1:2] == [ONE_CASE]:
        print(json.dumps(trio.run(live, *CASES[sys.argv[2]])))
    else:
        show(rows())
