"""One sandbox in virtual time: a scripted runtime over memory streams, no process, no socket."""

from pathlib import Path

import pytest
import trio
import trio.testing

from emulator.fake_runtime import FakeRuntime, Step
from emulator.faults import FaultBook
from emulator.sandbox import Options, Sandbox
from emulator.values import FunctionConfig, Invocation
from emulator.wire import now_ms
from fsm.time import Now


class MemoryPlace:
    """Stands for `emulator.namespace.Isolation`: connections inside are memory streams to the sandbox itself."""

    kind, has_task = "memory", False

    def __init__(self, nursery):
        self.nursery, self.sandbox = nursery, None

    async def connect(self, port):
        ours, theirs = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.sandbox.serve, theirs)
        return ours

    def enter(self, folder):
        return lambda: None


class VirtualClock:
    def now(self):
        return Now(epoch_ms=1_700_000_000_000 + int(now_ms()), mono_ms=int(now_ms()))


def make(nursery, script, **changes):
    options = {key: changes.pop(key) for key in ("freeze", "report_mode") if key in changes}
    config = FunctionConfig(**{"handler": "a.b", "task_root": Path("/"), "timeout_ms": 3_000, **changes})
    place, ids = MemoryPlace(nursery), iter(range(10_000))
    sandbox = Sandbox(
        config,
        {},
        isolation=place,
        runtime_api="127.0.0.1:9001",
        nursery=nursery,
        faults=FaultBook(),
        options=Options(fake_runtime=script, clock=VirtualClock(), new_id=lambda: f"00000000-0000-4000-8000-{next(ids):012d}", **options),
    )
    place.sandbox = sandbox
    return sandbox


def first_of(sandbox):
    return next(iter(sandbox.results))


async def live(sandbox, count=1, pause_ms=0):
    await sandbox.init()
    for _ in range(count):
        await sandbox.invoke(Invocation(b"{}", pause_before_ms=pause_ms))
    await sandbox.stop()


def outline(sandbox):
    """The platform records in short: type, status or phase, error type."""
    rows = []
    for record in sandbox.telemetry.records:
        body = record["record"]
        if record["type"].startswith("platform."):
            rows.append(" ".join(filter(None, (record["type"][9:], body.get("status"), body.get("errorType"), body.get("phase")))))
    return rows


INIT = ["initStart init", "initRuntimeDone success init", "initReport success init"]
AGAIN = ["initStart invoke", "initRuntimeDone success invoke", "initReport success invoke"]
GOOD = ["start", "runtimeDone success", "report success"]


async def test_a_cold_and_a_warm_invocation(nursery, autojump_clock):
    sandbox = make(nursery, FakeRuntime(init_ms=400, steps=[Step(duration_ms=100, lines=["hi {request_id}\n"])]))
    await live(sandbox, 2)
    assert outline(sandbox) == INIT + GOOD + GOOD
    first, second = sandbox.results
    assert (first.status, first.duration_ms, first.init_ms, first.billed_ms) == ("success", pytest.approx(100), pytest.approx(400), 500)
    assert (second.init_ms, second.billed_ms) == (None, 100)
    lines = [record["record"] for record in sandbox.telemetry.records if record["type"] == "function"]
    assert lines == [f"hi {first.request_id}\n", f"hi {second.request_id}\n"]


@pytest.mark.parametrize(
    ("end", "status", "error_type", "rows"),
    [
        ("error", "error", "Function.Failed", ["runtimeDone error Function.Failed", "report error Function.Failed"]),
        ("hang", "timeout", None, ["runtimeDone timeout", "report timeout"]),
        ("crash", "crash", "Runtime.ExitError", ["runtimeDone error Runtime.ExitError", "report error Runtime.ExitError"]),
        ("oom", "crash", "Runtime.ExitError", ["runtimeDone error Runtime.ExitError", "report error Runtime.ExitError"]),
    ],
)
async def test_each_bad_end_has_its_records_and_the_next_invocation_works(nursery, autojump_clock, end, status, error_type, rows):
    sandbox = make(nursery, FakeRuntime(steps=[Step(end=end), Step()]))
    await live(sandbox, 2)
    assert (first_of(sandbox).status, first_of(sandbox).error_type, list(sandbox.results)[1].status) == (status, error_type, "success")
    assert outline(sandbox) == INIT + ["start", *rows] + ([] if end == "error" else AGAIN) + GOOD


async def test_a_timeout_lasts_as_long_as_the_function_may(nursery, autojump_clock):
    sandbox = make(nursery, FakeRuntime(steps=[Step(end="hang")]))
    await live(sandbox)
    assert first_of(sandbox).duration_ms == pytest.approx(3_000, abs=2)


@pytest.mark.parametrize(
    ("ending", "rows"),
    [
        ("error", ["initRuntimeDone error Runtime.InitError init", "initReport error Runtime.InitError init"]),
        ("crash", ["initRuntimeDone error Runtime.ExitError init", "initReport error Runtime.ExitError init"]),
        ("hang", ["initRuntimeDone timeout init", "initReport timeout init"]),
    ],
)
async def test_a_failed_init_is_repeated_inside_the_first_invocation(nursery, autojump_clock, ending, rows):
    sandbox = make(nursery, FakeRuntime(init_ends=[ending, "ready"], init_ms=50, steps=[Step(duration_ms=10)]))
    await live(sandbox)
    assert outline(sandbox) == ["initStart init", *rows, *AGAIN, *GOOD]
    assert (first_of(sandbox).status, first_of(sandbox).init_ms) == ("success", pytest.approx(50, abs=1))
    assert any(note.startswith("init failed after") for note in sandbox.notes)


async def test_an_init_that_always_fails_fails_the_invocation(nursery, autojump_clock):
    sandbox = make(nursery, FakeRuntime(init_end="crash"))
    await live(sandbox)
    assert (first_of(sandbox).status, first_of(sandbox).error_type) == ("crash", "Runtime.ExitError")


async def test_init_over_its_limit_takes_ten_seconds(nursery, autojump_clock):
    sandbox = make(nursery, FakeRuntime(init_end="hang"))
    await sandbox.init()
    assert trio.current_time() == pytest.approx(10.0, abs=0.1)


async def test_late_mode_holds_the_report_until_the_next_invocation(nursery, autojump_clock):
    sandbox = make(nursery, FakeRuntime())
    await sandbox.init()
    await sandbox.invoke(Invocation(b"{}"))
    assert outline(sandbox)[-1] == "runtimeDone success"
    await sandbox.invoke(Invocation(b"{}"))
    assert outline(sandbox)[-3:] == ["report success", "start", "runtimeDone success"]
    await sandbox.stop()
    assert outline(sandbox)[-1] == "report success"


async def test_prompt_mode_has_the_report_at_once(nursery, autojump_clock):
    sandbox = make(nursery, FakeRuntime(), report_mode="prompt")
    await sandbox.init()
    await sandbox.invoke(Invocation(b"{}"))
    assert outline(sandbox)[-1] == "report success"
    await sandbox.stop()


async def test_the_sandbox_stands_still_between_invocations_only(nursery, autojump_clock):
    sandbox, seen = make(nursery, FakeRuntime(steps=[Step(during=None, duration_ms=50)])), []
    await sandbox.init()
    seen.append(sandbox.telemetry.gate.is_open)
    nursery.start_soon(sandbox.invoke, Invocation(b"{}"))
    await trio.sleep(0.02)
    seen.append(sandbox.telemetry.gate.is_open)
    await trio.sleep(1)
    seen.append(sandbox.telemetry.gate.is_open)
    await sandbox.stop()
    seen.append(sandbox.telemetry.gate.is_open)
    assert seen == [False, True, False, True]


async def test_a_restored_snapshot_has_its_own_records(nursery, autojump_clock):
    sandbox = make(nursery, FakeRuntime(init_ms=100, restore_ms=150), init_type="snap-start")
    await live(sandbox, pause_ms=3_600_000)
    assert outline(sandbox) == [*INIT, "restoreStart", "restoreRuntimeDone success", "restoreReport success", *GOOD]
    metrics = next(record["record"]["metrics"] for record in sandbox.telemetry.records if record["type"] == "platform.report")
    assert (metrics["restoreDurationMs"], "initDurationMs" in metrics) == (pytest.approx(150, abs=1), False)


async def test_provisioned_concurrency_does_not_bill_its_init(nursery, autojump_clock):
    sandbox = make(nursery, FakeRuntime(init_ms=500), init_type="provisioned-concurrency")
    await live(sandbox)
    assert (first_of(sandbox).init_ms, first_of(sandbox).billed_ms) == (None, 1)


def managed(nursery, script, **changes):
    return make(nursery, script, **{"init_type": "lambda-managed-instances", "max_concurrency": 3, **changes})


async def test_managed_instances_run_invocations_at_once_without_runtime_done(nursery, autojump_clock):
    sandbox = managed(nursery, FakeRuntime(workers=3, steps=[Step(duration_ms=100)]))
    await sandbox.init()
    began = trio.current_time()
    async with trio.open_nursery() as callers:
        for _ in range(3):
            callers.start_soon(sandbox.invoke, Invocation(b"{}"))
    assert trio.current_time() - began == pytest.approx(0.1, abs=0.01)
    await sandbox.stop()
    assert outline(sandbox) == [*INIT, "start", "start", "start", "report success", "report success", "report success"]
    assert {tuple(record["record"]["metrics"]) for record in sandbox.telemetry.records if record["type"] == "platform.report"} == {
        ("durationMs",)
    }


async def test_a_managed_timeout_ends_that_invocation_alone(nursery, autojump_clock):
    sandbox = managed(nursery, FakeRuntime(workers=2, steps=[Step(duration_ms=5_000), Step(duration_ms=10)]))
    await sandbox.init()
    async with trio.open_nursery() as callers:
        callers.start_soon(sandbox.invoke, Invocation(b"{}", request_id="slow"))
        await trio.sleep(0.001)
        callers.start_soon(sandbox.invoke, Invocation(b"{}", request_id="quick"))
    found = {result.request_id: (result.status, result.error_type) for result in sandbox.results}
    assert found == {"slow": ("timeout", "Sandbox.Timedout"), "quick": ("success", None)}
    assert sandbox.life.number == 0
    assert sandbox.expired("slow")
    await sandbox.stop()


async def test_a_managed_crash_fails_all_that_run(nursery, autojump_clock):
    sandbox = managed(nursery, FakeRuntime(workers=2, steps=[Step(duration_ms=900), Step(duration_ms=100, end="oom")]))
    await sandbox.init()
    async with trio.open_nursery() as callers:
        for _ in range(2):
            callers.start_soon(sandbox.invoke, Invocation(b"{}"))
    assert [(result.status, result.error_type) for result in sandbox.results] == [("crash", "Runtime.OutOfMemory")] * 2
    await sandbox.stop()


async def test_a_managed_invocation_without_a_worker_is_refused_in_the_end(nursery, autojump_clock):
    sandbox = managed(nursery, FakeRuntime(workers=1, steps=[Step(duration_ms=60_000)]), timeout_ms=1_000)
    await sandbox.init()
    async with trio.open_nursery() as callers:
        callers.start_soon(sandbox.invoke, Invocation(b"{}"))
        await trio.sleep(0.01)
        refused = await sandbox.invoke(Invocation(b"{}"))
    assert (refused.status, refused.error_type) == ("refused", "Runtime.Unavailable")
    await sandbox.stop()


async def test_the_same_request_twice_at_once_is_refused(nursery, autojump_clock):
    sandbox = managed(nursery, FakeRuntime(workers=2, steps=[Step(duration_ms=100)]))
    await sandbox.init()
    async with trio.open_nursery() as callers:
        callers.start_soon(sandbox.invoke, Invocation(b"{}", request_id="same"))
        await trio.sleep(0.01)
        refused = await sandbox.invoke(Invocation(b"{}", request_id="same"))
    assert (refused.status, refused.error_type) == ("refused", "Client.DuplicatedInvokeId")
    await sandbox.stop()


async def test_nothing_unexpected_happens_in_any_ordinary_life(nursery, autojump_clock):
    for script in (FakeRuntime(), FakeRuntime(steps=[Step(end="hang"), Step()]), FakeRuntime(steps=[Step(end="crash"), Step()])):
        sandbox = make(nursery, script)
        await live(sandbox, 2)
        assert [note for note in sandbox.notes if note.startswith("emulator:")] == []
