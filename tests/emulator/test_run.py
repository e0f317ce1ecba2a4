"""Real processes in a real sandbox: a tiny extension, and Python's own runtime client or a scripted runtime."""

import json
import os
import select
import signal
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest
import trio

from emulator.fake_runtime import FakeRuntime, Step
from emulator.faults import parse_fault
from emulator.run import open_sandbox, run_sandbox
from emulator.values import FunctionConfig, Invocation, SandboxError
from emulator.wire import relay_to

pytestmark = pytest.mark.peers

TINY = Path(__file__).with_name("tiny_extension.py")
HANDLER = """
    import json, logging, os, time
    logging.getLogger().setLevel("INFO")
    def handler(event, context):
        logging.info("two\\nlines")
        print("hello")
        if event.get("exit"):
            os._exit(7)
        time.sleep(event.get("sleep", 0))
        if event.get("boom"):
            raise ValueError("boom")
        return {"cwd": os.getcwd(), "names": sorted(os.listdir("/opt/extensions")) if os.path.isdir("/opt/extensions") else []}
"""


def tiny(mode="good"):
    return (sys.executable, str(TINY), mode)


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def state_at_rest(pid):
    """A stop signal takes a moment on a busy machine; what runs on after a second was not stopped."""
    with trio.move_on_after(1):
        while state_of(pid) != "T":  # noqa: ASYNC110
            await trio.sleep(0.01)
    return state_of(pid)


def exists(pid):
    return os.path.exists(f"/proc/{pid}")


@pytest.fixture
def function(tmp_path):
    (tmp_path / "app.py").write_text(textwrap.dedent(HANDLER))

    def make(**changes):
        return FunctionConfig(**{"handler": "app.handler", "task_root": tmp_path, "timeout_ms": 2_000, **changes})

    return make


async def run(config, mode, events=({},), **options):
    invocations = [Invocation(json.dumps(event).encode()) for event in events]
    with trio.fail_after(30):
        return await run_sandbox(config, None if mode is None else tiny(mode), invocations, **options)


def heard(found):
    """What the extension's telemetry port got, as it said at its shutdown."""
    return next(line for line in found.extension_output if line.startswith("telemetry"))


async def test_pythons_own_runtime_client_serves_cold_and_warm(function):
    found = await run(function(), "good", [{}, {"boom": 1}])
    assert [result.status for result in found.results] == ["success", "error"]
    assert found.results[0].init_ms > found.timings.first_next_ms > found.timings.register_ms > 0
    exits = {(process.role, process.exit_code) for process in found.processes}
    assert exits == {("extension", 0), ("runtime", -signal.SIGTERM)}
    assert all(process.peak_rss_kb > 1_000 and process.cpu_user_ms > 0 for process in found.processes)
    assert "event SHUTDOWN spindown" in found.extension_output
    assert [record["record"] for record in found.of_type("function")].count("hello\n") == 2
    # One frame of the client's log pipe is one record, newline and all.
    assert any("two\nlines" in record["record"] for record in found.of_type("function"))
    assert [note for note in found.notes if note.startswith("emulator:")] == []


async def test_the_extension_hears_init_invocations_and_the_late_report(function):
    found = await run(function(), "good")
    words = heard(found).replace("|", "").split()
    for kind in ("platform.initStart", "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report", "function"):
        assert words.count(kind) >= 1, kind
    assert words.index("platform.initStart") < words.index("platform.start") < words.index("platform.report")


async def test_processes_stand_still_between_invocations(function):
    states = []
    async with open_sandbox(function(), tiny()) as sandbox:
        with trio.fail_after(20):
            await sandbox.init()
            await sandbox.invoke(Invocation(b"{}"))
            states += [await state_at_rest(process.pid) for process in sandbox.starting.processes.living()]
            await sandbox.invoke(Invocation(b"{}"))
            await sandbox.stop()
    assert states == ["T", "T"]
    assert [result.status for result in sandbox.results] == ["success", "success"]


async def test_a_timeout_resets_the_sandbox_and_keeps_tmp(function):
    found = await run(function(timeout_ms=700), "good", [{"sleep": 5}, {}])
    assert [result.status for result in found.results] == ["timeout", "success"]
    assert "event SHUTDOWN timeout" in found.extension_output
    if found.isolation == "namespaces":
        assert "tmp was kept" in found.extension_output
    assert [record["record"]["phase"] for record in found.of_type("platform.initStart")] == ["init", "invoke"]


async def test_a_runtime_that_exits_is_a_crash_and_a_failure_shutdown(function):
    found = await run(function(), "good", [{"exit": 1}])
    assert (found.results[0].status, found.results[0].error_type) == ("crash", "Runtime.ExitError")
    assert "event SHUTDOWN failure" in found.extension_output
    assert ("runtime", 7) in {(process.role, process.exit_code) for process in found.processes}


@pytest.mark.parametrize(
    ("mode", "status", "error_type"),
    [
        ("crash", "crash", "Extension.Crash"),
        ("exit-error", "crash", "Extension.ExitError"),
        ("init-error", "crash", "Extension.InitError"),
        ("no-subscription", "success", None),
    ],
)
async def test_an_extensions_end_decides_over_the_invocation(function, mode, status, error_type):
    found = await run(function(), mode, fake_runtime=FakeRuntime())
    assert (found.results[0].status, found.results[0].error_type) == (status, error_type)


async def test_an_extension_that_never_calls_next_is_killed_after_the_deadline(function):
    found = await run(function(timeout_ms=300), "stuck", fake_runtime=FakeRuntime())
    (extension,) = found.processes
    assert (found.results[0].status, extension.exit_code, extension.killed_by_platform) == ("timeout", -signal.SIGKILL, True)


async def test_an_extension_that_ignores_shutdown_is_killed_after_two_seconds(function):
    found = await run(function(), "ignore-shutdown", fake_runtime=FakeRuntime())
    (extension,) = found.processes
    assert (extension.exit_code, extension.killed_by_platform) == (-signal.SIGKILL, True)
    assert 1_900 < found.timings.shutdown_ms < 3_000


async def test_an_extension_that_does_not_register_is_named_with_its_last_words(function):
    found = await run(function(init_timeout_ms=400, timeout_ms=400), "no-register", fake_runtime=FakeRuntime())
    assert found.results[0].status == "crash"
    assert any("datadog-agent did not register" in note and "sulking" in note for note in found.notes)


async def test_an_extension_that_cannot_be_started_fails_init(function):
    with trio.fail_after(20):
        found = await run_sandbox(function(), ("/no/such/program",), [Invocation(b"{}")], fake_runtime=FakeRuntime())
    assert found.results[0].error_type == "Extension.LaunchError"


async def test_without_an_extension_the_function_runs_alone(function):
    found = await run(function(), None)
    (runtime,) = found.processes
    assert (found.results[0].status, runtime.exit_code) == ("success", -signal.SIGKILL)


async def test_managed_workers_serve_at_once(function):
    config = function(init_type="lambda-managed-instances", max_concurrency=3, log_format="JSON")
    found = await run(config, "good", [{"sleep": 0.2}] * 3)
    assert [result.status for result in found.results] == ["success"] * 3
    assert found.of_type("platform.runtimeDone") == []
    assert any(isinstance(record["record"], dict) and record["record"].get("requestId") for record in found.of_type("function"))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("register:403", "refused 403"),
        ("subscribe:202", "subscribed 202"),
        ("next:500@1", "event None"),
    ],
)
async def test_a_scripted_fault_reaches_the_extension(function, fault, expected):
    found = await run(function(init_timeout_ms=1_000), "good", fake_runtime=FakeRuntime(), faults=[parse_fault(fault)])
    assert any(line.startswith(expected) for line in found.extension_output)


async def test_runtime_done_can_come_before_the_invoke_answer(function):
    calls = []
    await run(function(), "good", fake_runtime=FakeRuntime(), faults=[parse_fault("runtime-done-first@1")], observer=calls.append)
    order = [
        "done" if b"platform.runtimeDone" in call.body else "invoke"
        for call in sorted(calls, key=lambda call: call.answered_ms)
        if b"platform.runtimeDone" in call.body or b'"INVOKE","deadlineMs"' in call.answer
    ]
    assert order[:2] == ["done", "invoke"]


async def test_a_fault_without_occasion_is_said(function):
    found = await run(function(), "good", fake_runtime=FakeRuntime(), faults=[parse_fault("drop:platform.end@9")])
    assert "fault drop:platform.end@9 never had its occasion" in found.notes


async def test_the_observer_sees_every_exchange_with_its_answer(function):
    calls = []
    await run(function(), "good", observer=calls.append)
    seen = {(call.kind, call.method, call.path, call.status) for call in calls}
    assert ("extensions", "POST", "/2020-01-01/extension/register", 200) in seen
    assert ("telemetry_api", "PUT", "/2022-07-01/telemetry", 200) in seen
    assert ("telemetry", "POST", "/", 200) in seen
    assert ("runtime", "GET", "/2018-06-01/runtime/invocation/next", 200) in seen


@pytest.mark.parametrize("isolation", ["network", "host"])
async def test_less_isolation_works_too(function, isolation):
    found = await run(function(), "good" if isolation == "network" else None, isolation=isolation)
    assert (found.results[0].status, found.isolation) == ("success", isolation)


async def test_a_place_outside_is_reached_through_a_relay(function):
    async def serve(stream):
        await stream.send_all(await stream.receive_some())
        await stream.send_eof()

    received = []

    async def ask(call):
        async with await call.connect(4321) as stream:
            await stream.send_all(b"ping")
            received.append(bytes(await stream.receive_some()))

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        script = FakeRuntime(steps=[Step(during=ask)])
        await run(function(), None, fake_runtime=script, inside={4321: relay_to("127.0.0.1", port)})
        nursery.cancel_scope.cancel()
    assert received == [b"ping"]


async def test_a_function_without_a_folder_is_refused_clearly(tmp_path):
    config = FunctionConfig(handler="a.b", task_root=tmp_path / "nowhere")
    with pytest.raises(SandboxError, match="nowhere is not there"):
        await run_sandbox(config, None, [])


async def test_a_cancelled_run_leaves_no_process(function):
    pids = []
    with trio.move_on_after(20) as scope:
        async with open_sandbox(function(), tiny()) as sandbox:
            await sandbox.init()
            pids = [process.pid for process in sandbox.starting.processes.living()]
            scope.cancel()
            await trio.sleep_forever()
    assert len(pids) == 2
    assert [pid for pid in pids if exists(pid)] == []


KILLED = """
    import sys, trio
    from pathlib import Path
    from emulator.run import open_sandbox
    from emulator.values import FunctionConfig
    async def main():
        async with open_sandbox(FunctionConfig(handler="app.handler", task_root=Path(sys.argv[1])), sys.argv[2:]) as sandbox:
            await sandbox.init()
            print(*[process.pid for process in sandbox.starting.processes.living()], flush=True)
            await trio.sleep_forever()
    trio.run(main)
"""


def test_a_killed_emulator_takes_its_processes_with_it(function):
    config = function()
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(config.task_root), *tiny()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as emulator:
        pids = emulator.stdout.readline().split()
        emulator.kill()
    assert len(pids) == 2
    assert not any(alive(pid.decode()) for pid in pids)


def alive(pid):
    """Whether the process still runs; its death is on its way when the emulator's is done, so it gets a moment."""
    try:
        descriptor = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return False
    try:
        return not select.select([descriptor], [], [], 5)[0]
    finally:
        os.close(descriptor)
