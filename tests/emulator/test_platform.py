"""The phases of the local platform: walks through the table, and every pair of state and event."""

import itertools

import attrs
import pytest

from emulator import phases as p
from emulator.platform import TABLE, Data
from fsm.engine import Arm, Machine, Tick, Unexpected
from fsm.time import Now

NOW = Now(epoch_ms=1_000_000, mono_ms=5_000)
EVENTS = {
    "begin": p.Begin(NOW, "init", 10_000),
    "rebegin": p.Begin(NOW, "invoke", 3_000),
    "registered": p.AllRegistered(NOW),
    "ready": p.AllReady(NOW),
    "restore": p.Restore(NOW),
    "arrived": p.Arrived(NOW, "r", 3_000),
    "done": p.RuntimeDone(NOW),
    "extensions": p.ExtensionsDone(NOW),
    "failed": p.Failed(NOW, "Extension.Crash"),
    "runtime_gone": p.RuntimeGone(NOW),
    "extensions_gone": p.ExtensionsGone(NOW),
    "stop": p.Stop(NOW),
}
TICKS = {"init_late": p.InitLate, "deadline": p.Deadline, "runtime_late": p.RuntimeLate, "shutdown_over": p.ShutdownOver}


def machine(init_type="on-demand"):
    return Machine(TABLE, Data(init_type, 10_000))


def walk(subject, text):
    """Feed the events named in `text`; the effects of the last one, timers left out."""
    effects = ()
    for word in text.split():
        event = EVENTS.get(word) or TICKS[word](NOW, subject.armed.get(TICKS[word], -1))
        effects = subject.feed(event)
    return [effect for effect in effects if type(effect).__name__ not in ("Arm", "Disarm")]


UP = "begin registered ready"
STOP = [p.Thaw(), p.TermRuntime()]


@pytest.mark.parametrize(
    ("init_type", "words", "phase", "effects"),
    [
        ("on-demand", "begin", p.Phase.STARTING, [p.Thaw(), p.StartExtensions("init")]),
        ("on-demand", "begin registered", p.Phase.INIT, [p.StartRuntime()]),
        ("on-demand", UP, p.Phase.IDLE, [p.ReportInit("success"), p.Freeze()]),
        ("on-demand", f"{UP} arrived", p.Phase.INVOKE, [p.Thaw(), p.GiveInvoke("r", 1_003_000)]),
        ("on-demand", f"{UP} arrived done", p.Phase.POST_RUNTIME, [p.ReportRuntimeDone()]),
        ("on-demand", f"{UP} arrived done extensions", p.Phase.IDLE, [p.FinishInvocation(), p.Freeze()]),
        # An extension that is done first waits for the runtime; then all of it happens at once.
        ("on-demand", f"{UP} arrived extensions", p.Phase.INVOKE, []),
        ("on-demand", f"{UP} arrived extensions done", p.Phase.IDLE, [p.ReportRuntimeDone(), p.FinishInvocation(), p.Freeze()]),
        (
            "on-demand",
            f"{UP} arrived deadline",
            p.Phase.STOPPING_RUNTIME,
            [p.ReportRuntimeDone("timeout"), p.FinishInvocation("timeout"), *STOP],
        ),
        # An extension that never calls next after the runtime is done costs the invocation.
        ("on-demand", f"{UP} arrived done deadline", p.Phase.STOPPING_RUNTIME, [p.FinishInvocation("timeout"), *STOP]),
        (
            "on-demand",
            f"{UP} arrived failed",
            p.Phase.STOPPING_RUNTIME,
            [p.ReportRuntimeDone("error", "Extension.Crash"), p.FinishInvocation("error", "Extension.Crash"), *STOP],
        ),
        ("on-demand", f"{UP} arrived done failed", p.Phase.STOPPING_RUNTIME, [p.FinishInvocation("error", "Extension.Crash"), *STOP]),
        ("on-demand", f"{UP} failed", p.Phase.STOPPING_RUNTIME, STOP),
        ("on-demand", "begin init_late", p.Phase.STOPPING_RUNTIME, [p.ReportInit("timeout"), *STOP]),
        ("on-demand", "begin registered failed", p.Phase.STOPPING_RUNTIME, [p.ReportInit("error", "Extension.Crash"), *STOP]),
        ("on-demand", f"{UP} arrived deadline runtime_gone", p.Phase.STOPPING_EXTENSIONS, [p.GiveShutdown("timeout", 1_002_000)]),
        (
            "on-demand",
            f"{UP} arrived failed runtime_late",
            p.Phase.STOPPING_EXTENSIONS,
            [p.KillRuntime(), p.GiveShutdown("failure", 1_002_000)],
        ),
        ("on-demand", f"{UP} arrived deadline runtime_gone extensions_gone", p.Phase.OFF, [p.KillAll()]),
        ("on-demand", f"{UP} arrived deadline runtime_gone shutdown_over", p.Phase.OFF, [p.KillAll()]),
        ("on-demand", f"{UP} stop runtime_gone", p.Phase.STOPPING_EXTENSIONS, [p.GiveShutdown("spindown", 1_002_000)]),
        ("on-demand", f"{UP} stop runtime_gone extensions_gone", p.Phase.ENDED, [p.KillAll()]),
        ("on-demand", f"{UP} stop runtime_gone shutdown_over", p.Phase.ENDED, [p.KillAll()]),
        # The second init belongs to an invocation that waits: nothing freezes in between.
        ("on-demand", "begin init_late runtime_gone extensions_gone rebegin registered ready", p.Phase.IDLE, [p.ReportInit("success")]),
        ("snap-start", UP, p.Phase.SNAPSHOT, [p.ReportInit("success"), p.Freeze()]),
        ("snap-start", f"{UP} restore", p.Phase.RESTORE, [p.Thaw(), p.AnswerRestore()]),
        ("snap-start", f"{UP} restore ready", p.Phase.IDLE, [p.ReportRestore("success")]),
        ("snap-start", f"{UP} restore failed", p.Phase.STOPPING_RUNTIME, [p.ReportRestore("failure", "Extension.Crash"), *STOP]),
        ("snap-start", f"{UP} restore init_late", p.Phase.STOPPING_RUNTIME, [p.ReportRestore("failure", "RestoreTimeout"), *STOP]),
        ("lambda-managed-instances", UP, p.Phase.ACTIVE, [p.ReportInit("success")]),
        ("lambda-managed-instances", f"{UP} arrived arrived", p.Phase.ACTIVE, [p.GiveInvoke("r", 1_003_000)]),
        ("lambda-managed-instances", f"{UP} failed", p.Phase.STOPPING_RUNTIME, [p.FailAll("Extension.Crash"), *STOP]),
    ],
)
def test_a_walk_ends_in_its_phase_and_asks_for_its_effects(init_type, words, phase, effects):
    subject = machine(init_type)
    assert (walk(subject, words), subject.state) == (effects, phase)


def test_the_runtime_gets_its_share_of_the_shutdown_time():
    subject = machine()
    walk(subject, UP)
    arms = {effect.tick: effect.at_mono_ms - NOW.mono_ms for effect in subject.feed(EVENTS["stop"]) if isinstance(effect, Arm)}
    assert arms == {p.RuntimeLate: 600, p.ShutdownOver: 2_000}


def reach(phase):
    """A machine in `phase`, by the shortest of the walks above."""
    ways = {
        p.Phase.OFF: "",
        p.Phase.STARTING: "begin",
        p.Phase.INIT: "begin registered",
        p.Phase.IDLE: UP,
        p.Phase.INVOKE: f"{UP} arrived",
        p.Phase.POST_RUNTIME: f"{UP} arrived done",
        p.Phase.STOPPING_RUNTIME: f"{UP} stop",
        p.Phase.STOPPING_EXTENSIONS: f"{UP} stop runtime_gone",
        p.Phase.ENDED: f"{UP} stop runtime_gone extensions_gone",
    }
    special = {p.Phase.SNAPSHOT: ("snap-start", UP), p.Phase.RESTORE: ("snap-start", f"{UP} restore")}
    special[p.Phase.ACTIVE] = ("lambda-managed-instances", UP)
    init_type, words = special.get(phase, ("on-demand", ways.get(phase, "")))
    subject = machine(init_type)
    walk(subject, words)
    assert subject.state is phase
    return subject


@pytest.mark.parametrize(("phase", "name"), list(itertools.product(p.Phase, EVENTS)))
def test_every_event_is_a_row_or_ignored_or_leaves_the_phase(phase, name):
    subject, event = reach(phase), EVENTS[name]
    effects = subject.feed(event)
    if (phase, type(event)) not in TABLE.rows:
        expected = () if (phase, type(event)) in TABLE.ignored else (Unexpected("platform", str(phase), type(event).__name__),)
        assert (subject.state, effects) == (phase, expected)


@pytest.mark.parametrize("phase", [phase for phase in p.Phase if phase not in (p.Phase.OFF, p.Phase.ENDED)])
def test_from_everywhere_a_stop_or_a_failure_leads_to_the_end_of_the_life(phase):
    subject = reach(phase)
    subject.feed(EVENTS["stop"])
    walk(subject, "runtime_gone extensions_gone")
    assert subject.state is p.Phase.ENDED


@pytest.mark.parametrize("kind", TICKS.values())
def test_a_tick_of_an_earlier_life_changes_nothing(kind):
    subject = reach(p.Phase.INVOKE)
    assert issubclass(kind, Tick)
    assert subject.feed(kind(NOW, generation=999)) == ()
    assert subject.state is p.Phase.INVOKE
    assert attrs.asdict(subject.data)["reason"] == "spindown"
