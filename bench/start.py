"""What starting the extension costs, against a bare interpreter of the same build: `python -m bench.start`.

Each run starts `python -m reactor` against a platform of a few lines in this process, which notes when the extension registers and
when it first asks for an event, waits until it has loaded all that it wants, and shuts it down. Figures are medians.
"""

import os
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.table import Row, show

ROOT = Path(__file__).resolve().parent.parent
RUNS = 9
PATIENCE_S = 15.0
QUIET_S = 0.1  # no CPU used for so long: everything is loaded
LOOK_S = 0.01
BARE = [sys.executable, "-I", "-S", "-c", "pass"]
BARE_SIZE = [sys.executable, "-I", "-S", "-c", "print(open('/proc/self/status').read())"]
# As in a layer: no site directories to scan, nothing installed but what the extension needs.
REACTOR = [sys.executable, "-S", "-m", "reactor"]
REGISTERED = b'{"functionName":"bench","functionVersion":"$LATEST","handler":"app.handler","accountId":"123456789012"}'


class Start(NamedTuple):
    """One start. Times from the moment the process was asked for; `size_kb` is what is resident once all is loaded."""

    register_ms: float
    next_ms: float
    cpu_ms: float
    size_kb: float


class BareStart(NamedTuple):
    wall_ms: float
    cpu_ms: float
    size_kb: float


def rows() -> list[Row]:
    start_reactor()  # once for the bytecode and the page cache
    starts, bares = [], []
    for _ in range(RUNS):  # in turn: whatever else the machine does meets both
        starts.append(start_reactor())
        bares.append(start_bare())
    wall_ms, cpu_ms, size_kb = (statistics.median(figures) for figures in zip(*bares, strict=True))
    register_ms, next_ms, loaded_ms, loaded_kb = (statistics.median(figures) for figures in zip(*starts, strict=True))
    return [
        Row("start: exec to register", register_ms, "ms", f"bare python {wall_ms:.1f} ms", register_ms / wall_ms, "at most 2 x"),
        Row("start: exec to first next", next_ms, "ms", f"bare python {wall_ms:.1f} ms", next_ms / wall_ms, "at most 3 x"),
        Row("start: CPU until loaded", loaded_ms, "ms", f"bare python {cpu_ms:.1f} ms", loaded_ms / cpu_ms),
        Row("start: resident memory", loaded_kb / 1024, "MB", f"bare python {size_kb / 1024:.1f} MB", loaded_kb / size_kb),
    ]


def start_bare() -> BareStart:
    before, began = children_cpu_ms(), time.perf_counter()
    subprocess.run(BARE, check=True)
    wall_ms, cpu_ms = (time.perf_counter() - began) * 1000, children_cpu_ms() - before
    return BareStart(wall_ms, cpu_ms, resident_kb(subprocess.run(BARE_SIZE, check=True, capture_output=True, text=True).stdout))


def children_cpu_ms() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1000


def start_reactor() -> Start:
    """Raises RuntimeError with its output when the extension does not do what it should."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_S)
        began = time.perf_counter()
        process = subprocess.Popen(
            REACTOR, env=environment(listener.getsockname()[1]), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            start = serve(listener, process, lambda: (time.perf_counter() - began) * 1000)
            process.wait(PATIENCE_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            process.kill()
            output = process.communicate()[0].decode(errors="replace")
            raise RuntimeError(f"the extension did not start and end as it should: {error!r}; its output: {output}") from error
        process.communicate()
        if process.returncode:
            raise RuntimeError(f"the extension ended with exit code {process.returncode}")
        return start


def environment(port: int) -> dict[str, str]:
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "DD_API_KEY": "0" * 32,
        "DD_LOG_LEVEL": "error",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *(path for path in sys.path if path.endswith("site-packages"))]),
    }


def serve(listener: socket.socket, process: "subprocess.Popen[bytes]", elapsed_ms: Callable[[], float]) -> Start:
    """Be the platform for one life: register, subscribe, hold the first next until all is loaded, answer it with SHUTDOWN."""
    times: dict[str, float] = {}
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(PATIENCE_S)
        while "next" not in times:
            step = step_of(read_request(connection))
            times[step] = elapsed_ms()
            if step == "register":
                connection.sendall(answer(REGISTERED, b"Lambda-Extension-Identifier: 1\r\n"))
            elif step == "subscribe":
                connection.sendall(answer(b'"OK"'))
        cpu_ms, size_kb = wait_loaded(process.pid)
        deadline_ms = int(time.time_ns() // 1_000_000) + 2_000
        connection.sendall(answer(b'{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":%d}' % deadline_ms))
    return Start(times["register"], times["next"], cpu_ms, size_kb)


def step_of(request: bytes) -> str:
    line = request.partition(b"\r\n")[0]
    return "register" if b"/register" in line else "subscribe" if b"/telemetry" in line else "next"


def read_request(connection: socket.socket) -> bytes:
    """One request, its body included. Raises ConnectionError when the extension hangs up."""
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0 or len(data) < end + 4 + content_length(data[:end]):
        if not (more := connection.recv(65_536)):
            raise ConnectionError("the extension closed its connection")
        data += more
    return data


def content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def answer(body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s" % (headers, len(body), body)


def wait_loaded(pid: int) -> tuple[float, float]:
    """CPU milliseconds and resident kilobytes once the process has been quiet for a while."""
    used_ms, quiet_s, end = cpu_ms_of(pid), 0.0, time.perf_counter() + PATIENCE_S
    while quiet_s < QUIET_S and time.perf_counter() < end:
        time.sleep(LOOK_S)
        now_ms = cpu_ms_of(pid)
        quiet_s = quiet_s + LOOK_S if now_ms - used_ms < 0.2 else 0.0
        used_ms = now_ms
    with open(f"/proc/{pid}/status") as file:
        return used_ms, resident_kb(file.read())


def cpu_ms_of(pid: int) -> float:
    """By the scheduler's own clock, in nanoseconds; the times of /proc/PID/stat come in ticks of 10 ms."""
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e6


def resident_kb(status: str) -> float:
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


if __name__ == "__main__":
    show(rows())
