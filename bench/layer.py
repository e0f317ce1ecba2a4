"""What starting the built layer costs, against a bare interpreter of the same build: `python -m bench.layer [RUNS]`.

The layer of this machine's architecture must be there (`make -f layer.mk layer`): it is mounted at /opt for this program alone, in a
network of its own, which needs root. Each run starts /opt/extensions/datadog-agent against a platform of a few lines, which holds the
first event until all is loaded; some runs then go through one invocation. Figures are medians.
"""

import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import start
from bench.table import Row, show
from reactor.process import WARM_UP_PAUSE_S

ROOT = Path(__file__).resolve().parent.parent
NAME = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
STAGE, ZIP = ROOT / "build" / f"layer-{NAME}", ROOT / "build" / f"layer-{NAME}.zip"
AGENT = "/opt/extensions/datadog-agent"
INSIDE = "--inside"
RUNS = 30
FEW = 5
MIB = 1024 * 1024
INTAKE_PORT = 9080
RECORDS = (
    b'[{"time":"2024-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"r-1","version":"$LATEST"}},'
    b'{"time":"2024-01-01T00:00:00.010Z","type":"function","record":"a line of the function"},'
    b'{"time":"2024-01-01T00:00:00.020Z","type":"platform.runtimeDone","record":{"requestId":"r-1","status":"success",'
    b'"metrics":{"durationMs":20.0,"producedBytes":2}}}]'
)


class Start(NamedTuple):
    """One start: times from exec, CPU and resident memory once all is loaded, and memory after one flushed invocation (0: none made)."""

    register_ms: float
    next_ms: float
    cpu_ms: float
    size_kb: float
    flushed_kb: float = 0.0
    loaded_ms: float = 0.0
    ready_cpu_ms: float = 0.0  # once what the first flush needs is loaded, too
    ready_kb: float = 0.0


def rows(runs: int = 9) -> list[Row]:
    """Of the built layer; none where there is none, or no right to mount it."""
    if not (STAGE / "extensions" / "datadog-agent").exists() or os.geteuid() != 0 or shutil.which("unshare") is None:
        return []
    done = subprocess.run(
        ["unshare", "--mount", "--net", sys.executable, "-m", "bench.layer", INSIDE, str(runs)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    sys.stderr.write(done.stderr)  # what the extension had to say
    import json

    return [Row(*row) for row in json.loads(done.stdout)]


def measured(runs: int) -> list[Row]:
    """In a mount and a network of our own."""
    subprocess.run(["mount", "--bind", str(STAGE), "/opt"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    [interpreter] = Path("/opt/lambda-reactor").glob("*/bin/python3.11")
    bare = (str(interpreter), "-I", "-S", "-c", "pass")
    starts, bares = [], []
    one_start()
    for _ in range(runs):  # in turn: whatever else the machine does meets both
        starts.append(one_start())
        bares.append(bare_cpu_ms(bare))
    plains = [one_start(plain=True) for _ in range(FEW)]
    intake = be_intake_in_a_process()
    flushed = [one_start(invoke=True) for _ in range(FEW)]
    os.kill(intake, signal.SIGKILL)
    os.waitpid(intake, 0)
    bare_ms, cpu_ms = statistics.median(bares), median(starts, "cpu_ms")
    words = f"bare python {bare_ms:.1f} ms"
    found = [
        Row("layer: exec to registered", median(starts, "register_ms"), "ms", "reference 5.8 ms", goal="at most 1 ms"),
        Row("layer: exec to first next", median(starts, "next_ms"), "ms", "reference 9.8 ms", goal="at most 2 ms"),
        Row("layer: CPU until loaded", cpu_ms, "ms", words, cpu_ms / bare_ms, "at most 5.5 x"),
        Row("layer: and ready to flush", ready_ms := median(starts, "ready_cpu_ms"), "ms", words, ready_ms / bare_ms),
        Row("layer: the same, DD_PLAIN_START", median(plains, "cpu_ms"), "ms", words, median(plains, "cpu_ms") / bare_ms),
        Row("layer: resident when loaded", median(starts, "size_kb") / 1024, "MB", "reference 20 MB", goal="at most 18 MB"),
        Row("layer: and ready to flush", median(starts, "ready_kb") / 1024, "MB", ""),
        Row("layer: the same, DD_PLAIN_START", median(plains, "size_kb") / 1024, "MB", "reference 20 MB"),
        Row("layer: resident after a flush", median(flushed, "flushed_kb") / 1024, "MB", "", goal="at most 28 MB"),
    ]
    small = [one_start(cgroup=cgroup) for _ in range(FEW)] if (cgroup := make_cgroup()) else []
    if small:
        found.append(
            Row(
                "layer: 1/14 core, first next",
                median(small, "next_ms"),
                "ms",
                "no quota",
                median(small, "next_ms") / median(starts, "next_ms"),
            )
        )
        found.append(
            Row(
                "layer: 1/14 core, all loaded",
                median(small, "loaded_ms"),
                "ms",
                "no quota",
                median(small, "loaded_ms") / median(starts, "loaded_ms"),
            )
        )
    if cgroup:
        os.rmdir(cgroup)
    unzipped = sum(path.stat().st_size for path in STAGE.rglob("*") if path.is_file()) / MIB
    zipped = ZIP.stat().st_size / MIB if ZIP.exists() else 0.0
    found.append(Row("layer: zip", zipped, "MiB", "reference 4.7 MB", goal="at most 12 MB"))
    found.append(Row("layer: unzipped", unzipped, "MiB", "", goal="at most 32 MB"))
    return found


def median(starts: Sequence[Start], field: str) -> float:
    return statistics.median(getattr(one, field) for one in starts)


def bare_cpu_ms(command: tuple[str, ...]) -> float:
    before = start.children_cpu_ms()
    subprocess.run(command, check=True)
    return start.children_cpu_ms() - before


def one_start(plain: bool = False, invoke: bool = False, cgroup: str = "") -> Start:
    """Raises RuntimeError with its output when the extension does not do what it should."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(start.PATIENCE_S)
        environment = start.environment(listener.getsockname()[1]) | {
            "DD_PLAIN_START": str(plain).lower(),
            "DD_URL": f"http://127.0.0.1:{INTAKE_PORT}",
        }
        environment["DD_LOGS_CONFIG_LOGS_DD_URL"] = environment["DD_URL"]
        del environment["PYTHONPATH"]
        command = [AGENT] if not cgroup else ["/bin/sh", "-c", f"echo $$ > {cgroup}/cgroup.procs; exec {AGENT}"]
        began = time.perf_counter()
        pid = os.posix_spawn(command[0], command, environment, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
        try:
            return converse(listener, pid, lambda: (time.perf_counter() - began) * 1000, invoke)
        finally:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if code:
                raise RuntimeError(f"the extension ended with exit code {code}")


def converse(listener: socket.socket, pid: int, elapsed_ms: Callable[[], float], invoke: bool) -> Start:
    times: dict[str, float] = {}
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(start.PATIENCE_S)
        while "next" not in times:
            step = start.step_of(start.read_request(connection))
            times[step] = elapsed_ms()
            if step == "register":
                connection.sendall(start.answer(start.REGISTERED, b"Lambda-Extension-Identifier: 1\r\n"))
            elif step == "subscribe":
                connection.sendall(start.answer(b'"OK"'))
        cpu_ms, size_kb = start.wait_loaded(pid)
        loaded_ms = elapsed_ms() - start.QUIET_S * 1000
        if not invoke:
            time.sleep(WARM_UP_PAUSE_S)
            ready_cpu_ms, ready_kb = start.wait_loaded(pid)
            connection.sendall(start.answer(shutdown()))
            return Start(
                times["register"], times["next"], cpu_ms, size_kb, loaded_ms=loaded_ms, ready_cpu_ms=ready_cpu_ms, ready_kb=ready_kb
            )
        connection.sendall(start.answer(invocation()))
        send_records()
    later, _ = listener.accept()
    with later:
        later.settimeout(start.PATIENCE_S)
        start.read_request(later)
        with open(f"/proc/{pid}/status") as file:
            flushed_kb = start.resident_kb(file.read())
        later.sendall(start.answer(shutdown()))
        return Start(times["register"], times["next"], cpu_ms, size_kb, flushed_kb, loaded_ms)


def shutdown() -> bytes:
    return b'{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":%d}' % (time.time_ns() // 1_000_000 + 2_000)


def invocation() -> bytes:
    return (
        b'{"eventType":"INVOKE","requestId":"r-1","invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:bench","deadlineMs":%d}'
        % (time.time_ns() // 1_000_000 + 10_000)
    )


def send_records() -> None:
    with socket.create_connection(("127.0.0.1", 8999)) as telemetry:
        telemetry.sendall(b"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Length: %d\r\n\r\n%s" % (len(RECORDS), RECORDS))
        telemetry.recv(1000)


def be_intake_in_a_process() -> int:
    """Takes everything that is sent to it. Returns the process's number."""
    listener = socket.create_server(("127.0.0.1", INTAKE_PORT))
    child = os.fork()
    if child:
        listener.close()
        return child
    while True:
        connection, _ = listener.accept()
        with connection:
            start.read_request(connection)
            connection.sendall(start.answer(b"{}", b"Connection: close\r\n").replace(b"200 OK", b"202 Accepted"))


CGROUPS = ("/sys/fs/cgroup/cpu/lambda-reactor-bench", "/sys/fs/cgroup/lambda-reactor-bench")  # of the first and of the second kind


def make_cgroup() -> str:
    """A group with 1/14 of a core; empty where the kernel gives us none."""
    for path, settings in zip(
        CGROUPS, ({"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "7143"}, {"cpu.max": "7143 100000"}), strict=True
    ):
        if not Path(path).parent.joinpath("cgroup.procs").exists():
            continue
        try:
            os.makedirs(path, exist_ok=True)
            for name, value in settings.items():
                Path(path, name).write_text(value)
        except OSError:
            continue
        return path
    return ""


if __name__ == "__main__":
    if sys.argv[1:2] == [INSIDE]:
        import json

        print(json.dumps(measured(int(sys.argv[2]))))
    else:
        found = rows(int(sys.argv[1]) if sys.argv[1:] else RUNS)
        if not found:
            sys.exit("there is no built layer of this architecture (make -f layer.mk layer), or no right to mount it (root, unshare)")
        show(found)
