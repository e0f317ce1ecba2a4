"""What the start-up path loads: nothing before the platform has been asked, and little more than its libraries before it serves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

PROJECT = Path(__file__).parent.parent
OURS = ("fsm", "protocols", "pipelines", "reactor")

# What one configuration in ten needs, what only tests and tools need, and what would be a second way to do the same thing.
# fmt: off
FORBIDDEN = (
    "asyncio", "backports", "cli", "compression", "concurrent", "csv", "decimal", "difflib", "email", "emulator", "google", "hypothesis",
    "http", "html", "importlib.metadata", "multiprocessing", "msgpack", "optparse", "argparse", "pdb", "pickle", "pkg_resources",
    "pydoc", "pytest", "re2", "requests", "sqlite3", "statistics", "trio.testing", "unittest", "urllib.request", "urllib3", "uuid",
    "xml", "yaml", "zipfile", "zoneinfo",
)
# fmt: on

# What only the requests of a tracer need.
OF_TRACERS = ("pipelines.proxy", "pipelines.stats", "pipelines.traces", "protocols.trace_api", "protocols.trace_headers")

# What trio 0.30 and its own libraries load, so that it costs us nothing more: no reason to avoid these, none to add to them either.
# ssl (trio.SSLStream), subprocess (trio.run_process), logging and threading (trio's core), inspect and dataclasses (attrs, trio),
# urllib.parse (pathlib), hashlib, hmac, random and tempfile (ssl, trio's scheduler, subprocess).
BESIDE_THE_LIBRARIES = {"_json", "json", "json.decoder", "json.encoder", "json.scanner"}
LOOKING_UP_AN_ADDRESS = {"encodings.idna", "stringprep"}  # the reactor binds by itself when there was no stage 0

# The same steps as `reactor.__main__.begin`, with free ports in place of the well-known ones and a look at what is loaded in between.
PROBE = """
import sys
seen, bare = {}, set(sys.modules)
import posix
from reactor import stage0
stage0.LISTENERS = tuple((role, host, 0) for role, host, _ in stage0.LISTENERS)
stage0.DOGSTATSD_PORT = 0
def look(name):
    seen.setdefault(name, sorted(set(sys.modules) - bare))
def looking(name, function):
    def looks(*arguments):
        look(name)
        return function(*arguments)
    return looks
stage0.register_bytes = looking("register", stage0.register_bytes)
stage0.next_bytes = looking("next", stage0.next_bytes)
plain = posix.environ.get(b"DD_PLAIN_START") == b"1"
done = None if plain else stage0.run(posix.environ)
import reactor.run
look("loaded")
from reactor.platform_api import PlatformApi
PlatformApi.next = looking("asked by the reactor", PlatformApi.next)
code = reactor.run.main(done)
look("ended")
import json
print(json.dumps(seen))
sys.exit(code)
"""


def run_python(code, **environment):
    """In an interpreter of its own, with nothing of ours in the environment but what is given."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "AWS_", "PYTHON", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=env | environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def answer(stream):
    """A platform that takes everything and ends the sandbox a moment after it is asked for an event."""
    data = b""
    while b"\r\n\r\n" not in data or (b"content-length:" in data.lower() and not data.endswith(b"}")):
        piece = await stream.receive_some()
        if not piece:
            return False
        data += piece
    headers, body = b"", b"OK"
    if b"/register " in data:
        headers, body = b"Lambda-Extension-Identifier: id-1\r\n", b'{"accountId":"123456789012"}'
    elif b"/next " in data:
        await trio.sleep(0.3)
        body = b'{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":0}'
    await stream.send_all(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (headers, len(body), body))
    return True


async def serve(stream):
    while await answer(stream):
        pass


@pytest.fixture(scope="module")
def of_the_libraries():
    """What is loaded when the libraries are, and nothing of ours."""
    code = "import sys; bare = set(sys.modules); import trio, h11, attrs; print(*sorted(set(sys.modules) - bare))"
    return set(run_python(code).split())


@pytest.fixture(params=["stage 0", "plain"])
async def seen(request, tmp_path):
    """The modules that were loaded at each step of one short life."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{listener.socket.getsockname()[1]}",
            "LAMBDA_TASK_ROOT": str(tmp_path),
            "DD_API_KEY": "0" * 32,
            "DD_URL": "http://127.0.0.1:9",
            "DD_LOGS_CONFIG_LOGS_DD_URL": "http://127.0.0.1:9",
            "DD_PLAIN_START": "1" if request.param == "plain" else "0",
        }
        with trio.fail_after(60):
            output = await trio.to_thread.run_sync(lambda: run_python(PROBE, **environment))
        nursery.cancel_scope.cancel()
    steps = {step: set(modules) for step, modules in json.loads(output.splitlines()[-1]).items()}
    return request.param, steps


def named(modules, names):
    return sorted(module for module in modules if any(module == name or module.startswith(f"{name}.") for name in names))


async def test_what_is_loaded_at_each_step_of_a_start(seen, of_the_libraries):
    how, steps = seen
    if how == "stage 0":
        # Built-in modules of the interpreter, and stage 0 itself: its first event is asked for before anything else is imported.
        assert steps["register"] == {"reactor", "reactor.stage0", "_socket"}
        assert steps["next"] == steps["register"]
        assert "asked by the reactor" in steps, "it waits for the answer to what stage 0 asked"
    else:
        assert "register" not in steps
    for step in ("loaded", "asked by the reactor"):
        assert named(steps[step], FORBIDDEN) == [], step
        assert named(steps[step], OF_TRACERS) == [], step
        ours = set(named(steps[step], OURS))
        allowed = BESIDE_THE_LIBRARIES | (LOOKING_UP_AN_ADDRESS if how == "plain" else set())
        assert steps[step] - ours - of_the_libraries - {"_socket"} <= allowed, step
    assert "reactor.process" in steps["loaded"]


def test_no_pattern_of_ours_is_compiled_while_the_program_is_loaded():
    code = """
import sys, trio, h11, attrs, re
ours = []
def watched(compile):
    def compiles(pattern, *arguments, **keywords):
        frame = sys._getframe(1)
        name = frame.f_globals.get("__name__", "")
        if name.partition(".")[0] in ("fsm", "protocols", "pipelines", "reactor"):
            ours.append((name, frame.f_lineno))
        return compile(pattern, *arguments, **keywords)
    return compiles
for name in ("compile", "match", "search", "sub", "split", "fullmatch", "findall", "finditer"):
    setattr(re, name, watched(getattr(re, name)))
import reactor.run
print(ours)
"""
    assert run_python(code).strip() == "[]"


def test_stage_0_itself_imports_built_in_modules_alone():
    """So it works, and is quick, whatever the state of the installation."""
    code = "import sys; bare = set(sys.modules); import reactor.stage0; print(*sorted(set(sys.modules) - bare))"
    assert set(run_python(code).split()) <= {"reactor", "reactor.stage0", "_socket"}
