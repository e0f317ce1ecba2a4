"""The native launcher, compiled for tests: any free ports, short waits, and an interpreter that tells what was handed over to it."""

import json
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import trio

from reactor import stage0

PROJECT = Path(__file__).parent.parent.parent
SOURCE = PROJECT / "launcher" / "launcher.c"
REGISTER_MS_MAX, SUBSCRIBE_MS_MAX = 400, 200
STRICT = ("-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
PORTS = tuple(f"-D{name}_PORT=0" for name in ("TELEMETRY", "LIFECYCLE", "TRACE", "DOGSTATSD"))

# In place of the layer's start.pyc: the reactor's own reading of the record, told as JSON.
START = """
import sys
sys.path.insert(0, {project!r})
from reactor import hand_over
done = hand_over.adopt(int(sys.argv[1]))
import json, os
print(json.dumps({{
    "version": done.version, "began_ms": done.began_ms, "errors": done.errors, "times_ns": done.times_ns, "identifier": done.identifier,
    "answers": {{step: raw.decode("latin-1") for step, raw in done.answers.items()}},
    "sockets": {{role: [sock.type, *sock.getsockname()] for role, sock in done.sockets.items()}},
    "inheritable": [role for role, sock in done.sockets.items() if os.get_inheritable(sock.fileno())],
    "telemetry_port": done.telemetry_port, "asked": done.asked,
    "environment": dict(os.environ),
    "in_force": open("/proc/self/environ", errors="replace").read().split("\\0"),
    "descriptors": sorted(os.readlink(f"/proc/self/fd/{{fd}}").split(":")[0] for fd in os.listdir("/proc/self/fd")
                          if os.path.exists(f"/proc/self/fd/{{fd}}") and int(fd) > 2),
    "arguments": sys.orig_argv[1:],
}}))
"""


@attrs.frozen
class Told:
    """What one run of the launcher led to. `record` is None when the interpreter was not reached."""

    code: int
    output: str
    requests: list[bytes]
    connections: int
    record: dict | None


class Platform:
    """Answers each request with the next word of its script: bytes, a list of bytes with pauses between, `hang`, or `close`."""

    def __init__(self, *script):
        self.script, self.requests, self.connections, self.port = list(script), [], 0, 0
        self.at_rest = trio.Event()  # the last connection has been read to its end

    async def run(self, task_status=trio.TASK_STATUS_IGNORED):
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        await trio.serve_listeners(self._serve, [listener], task_status=task_status)

    async def _serve(self, stream):
        self.connections += 1
        self.at_rest = at_rest = trio.Event()
        try:
            await self._converse(stream)
        finally:
            at_rest.set()

    async def _converse(self, stream):
        data = b""
        try:
            while piece := await stream.receive_some():
                data += piece
                while (request := whole_request(data)) is not None:
                    data = data[len(request) :]
                    self.requests.append(request)
                    word = self.script.pop(0) if self.script else "hang"
                    if word == "close":
                        return
                    for part in [] if word == "hang" else [word] if isinstance(word, bytes) else word:
                        await stream.send_all(part)
                        await trio.sleep(0.03 if word is not part else 0)
        except trio.BrokenResourceError:
            pass


def whole_request(data):
    head, blank, _ = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    lengths = [int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    size = len(head) + 4 + (lengths[0] if lengths else 0)
    return data[:size] if len(data) >= size else None


def compile_launcher(folder, *options):
    """The compiler's own account of it. Skips where there is none."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler")
    waits = (f"-DREGISTER_MS_MAX={REGISTER_MS_MAX}", f"-DSUBSCRIBE_MS_MAX={SUBSCRIBE_MS_MAX}") if options else ()
    command = [compiler, *STRICT, *options, *waits, f'-DLAYER_ROOT="{folder}"', "-o", str(folder / "datadog-agent"), str(SOURCE)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def layer(tmp_path_factory):
    """A folder with the launcher, and beside it what it becomes."""
    folder = tmp_path_factory.mktemp("layer")
    if compile_launcher(folder, *PORTS, *SANITIZED).returncode:  # perhaps without the sanitizers' libraries
        made = compile_launcher(folder, *PORTS)
        assert made.returncode == 0, made.stderr
    furnish(folder)
    return folder


def furnish(folder):
    (folder / "bin").mkdir()
    (folder / "bin" / "python3.11").symlink_to(os.path.realpath(sys.executable))
    source = folder / "start.py"
    source.write_text(START.format(project=str(PROJECT)))
    py_compile.compile(str(source), cfile=str(folder / "start.pyc"), doraise=True)


@pytest.fixture
def compile_with(tmp_path_factory):
    """Another folder of the kind, compiled with these options; `whole`: with an interpreter in it."""

    def compile_with(*options, whole=True):
        folder = tmp_path_factory.mktemp("layer")
        made = compile_launcher(folder, *options)
        assert made.returncode == 0, made.stderr
        if whole:
            furnish(folder)
        return folder

    return compile_with


@pytest.fixture
async def launch(nursery, layer, tmp_path):
    """Run the launcher against a platform with this script."""

    async def launch(*script, folder=layer, **more):
        platform = Platform(*script)
        await nursery.start(platform.run)
        environment = {
            "LAMBDA_TASK_ROOT": str(tmp_path),
            "DD_API_KEY": "0" * 32,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{platform.port}",
        } | more
        with trio.fail_after(20):
            done = await trio.run_process(
                [str(folder / "datadog-agent")], env=environment, capture_stdout=True, capture_stderr=True, check=False
            )
            if platform.connections:
                await platform.at_rest.wait()
        output = done.stdout.decode() + done.stderr.decode()
        try:
            record = json.loads(done.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            record = None
        return Told(done.returncode, output, platform.requests, platform.connections, record if record and "version" in record else None)

    return launch


@pytest.fixture
async def begin(nursery, tmp_path, monkeypatch):
    """Run stage 0 in Python, likewise."""
    monkeypatch.setattr(stage0, "LISTENERS", tuple((role, host, 0) for role, host, _ in stage0.LISTENERS))
    monkeypatch.setattr(stage0, "DOGSTATSD_PORT", 0)
    monkeypatch.setattr(stage0, "REGISTER_S_MAX", REGISTER_MS_MAX / 1000)
    monkeypatch.setattr(stage0, "SUBSCRIBE_S_MAX", SUBSCRIBE_MS_MAX / 1000)
    handed_over = []

    async def begin(*script, **more):
        platform = Platform(*script)
        await nursery.start(platform.run)
        given = {"LAMBDA_TASK_ROOT": str(tmp_path), "DD_API_KEY": "0" * 32, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{platform.port}"} | more
        environment = {name.encode(): value.encode() for name, value in given.items()}
        done = await trio.to_thread.run_sync(stage0.run, environment)
        handed_over.append(done)
        await trio.sleep(0.01)  # what it sent last is on its way
        return done, platform

    yield begin
    for done in handed_over:
        for sock in done.sockets.values():
            sock.close()
