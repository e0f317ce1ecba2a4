"""What the platform does when, and what ends what: the rows between the phases of one sandbox.

Specification, lambda-platform 6, 8, 9 and 10. The machine knows no process, socket or clock: `emulator.sandbox` performs its
effects. Which invocation belongs to which worker is not its business (`emulator.invoking`): on demand one runs at a time.
"""

from typing import Any

import attrs

from emulator.phases import (
    AllReady,
    AllRegistered,
    AnswerRestore,
    Arrived,
    Begin,
    Deadline,
    ExtensionsDone,
    ExtensionsGone,
    FailAll,
    Failed,
    FinishInvocation,
    Freeze,
    GiveInvoke,
    GiveShutdown,
    InitLate,
    KillAll,
    KillRuntime,
    Phase,
    ReportInit,
    ReportRestore,
    ReportRuntimeDone,
    Restore,
    RuntimeDone,
    RuntimeGone,
    RuntimeLate,
    ShutdownOver,
    StartExtensions,
    StartRuntime,
    Stop,
    TermRuntime,
    Thaw,
)
from fsm.engine import Arm, Effects, Row, Table, nothing, rows_for
from fsm.time import Now

SHUTDOWN_MS = 2_000
RUNTIME_SHARE = 0.3  # of the shutdown time, between the runtime's SIGTERM and its SIGKILL
MANAGED_RUNTIME_MS = 600
RESTORE_MS = 10_000


@attrs.frozen
class Data:
    """What the phases alone do not say."""

    init_type: str
    init_limit_ms: int
    phase: str = "init"  # of the init in hand: init, or invoke when it is repeated inside an invocation
    extensions_done: bool = False
    final: bool = False  # this shutdown is the last
    reason: str = "spindown"
    deadline_epoch_ms: int = 0


# Guards.


def is_managed(data: Data, event: object) -> bool:
    return data.init_type == "lambda-managed-instances"


def is_snapshot(data: Data, event: object) -> bool:
    return data.init_type == "snap-start" and data.phase == "init"


def is_final(data: Data, event: object) -> bool:
    return data.final


def extensions_are_done(data: Data, event: object) -> bool:
    return data.extensions_done


# Actions.


def begin(data: Data, event: Begin) -> tuple[Data, Effects]:
    new = attrs.evolve(data, phase=event.phase, extensions_done=False, reason="spindown")
    return new, (Thaw(), Arm(InitLate, event.now.mono_ms + event.limit_ms), StartExtensions(event.phase))


def start_runtime(data: Data, event: AllRegistered) -> tuple[Data, Effects]:
    return data, (StartRuntime(),)


def finish_init(data: Data, event: AllReady) -> tuple[Data, Effects]:
    # An init inside an invocation is followed by that invocation at once: nothing freezes in between.
    freeze = (Freeze(),) if data.phase == "init" else ()
    return data, (ReportInit("success"), *freeze)


def finish_managed_init(data: Data, event: AllReady) -> tuple[Data, Effects]:
    return data, (ReportInit("success"),)


def restore(data: Data, event: Restore) -> tuple[Data, Effects]:
    return data, (Thaw(), AnswerRestore(), Arm(InitLate, event.now.mono_ms + RESTORE_MS))


def finish_restore(data: Data, event: AllReady) -> tuple[Data, Effects]:
    return data, (ReportRestore("success"),)


def give_invoke(data: Data, event: Arrived) -> tuple[Data, Effects]:
    deadline = event.now.epoch_ms + event.limit_ms
    new = attrs.evolve(data, extensions_done=False, deadline_epoch_ms=deadline)
    return new, (Thaw(), Arm(Deadline, event.now.mono_ms + event.limit_ms), GiveInvoke(event.request_id, deadline))


def give_managed_invoke(data: Data, event: Arrived) -> tuple[Data, Effects]:
    return data, (GiveInvoke(event.request_id, event.now.epoch_ms + event.limit_ms),)


def note_extensions_done(data: Data, event: ExtensionsDone) -> tuple[Data, Effects]:
    return attrs.evolve(data, extensions_done=True), ()


def report_runtime_done(data: Data, event: RuntimeDone) -> tuple[Data, Effects]:
    return data, (ReportRuntimeDone(),)


def report_and_finish(data: Data, event: RuntimeDone) -> tuple[Data, Effects]:
    return data, (ReportRuntimeDone(), FinishInvocation(), Freeze())


def finish(data: Data, event: ExtensionsDone) -> tuple[Data, Effects]:
    return data, (FinishInvocation(), Freeze())


def _stop(data: Data, now: Now, reason: str, *, final: bool) -> tuple[Data, Effects]:
    deadline = now.epoch_ms + SHUTDOWN_MS
    new = attrs.evolve(data, reason=reason, final=final, deadline_epoch_ms=deadline)
    runtime_ms = MANAGED_RUNTIME_MS if is_managed(data, now) else int(SHUTDOWN_MS * RUNTIME_SHARE)
    arms = Arm(RuntimeLate, now.mono_ms + runtime_ms), Arm(ShutdownOver, now.mono_ms + SHUTDOWN_MS)
    return new, (Thaw(), *arms, TermRuntime())


def _reset(data: Data, now: Now, reason: str, *before: Any) -> tuple[Data, Effects]:
    new, effects = _stop(data, now, reason, final=False)
    return new, (*before, *effects)


def init_failed(data: Data, event: Failed) -> tuple[Data, Effects]:
    return _reset(data, event.now, "failure", ReportInit("error", event.error_type))


def init_late(data: Data, event: InitLate) -> tuple[Data, Effects]:
    return _reset(data, event.now, "timeout", ReportInit("timeout"))


def restore_failed(data: Data, event: Failed) -> tuple[Data, Effects]:
    return _reset(data, event.now, "failure", ReportRestore("failure", event.error_type))


def restore_late(data: Data, event: InitLate) -> tuple[Data, Effects]:
    return _reset(data, event.now, "timeout", ReportRestore("failure", "RestoreTimeout"))


def invoke_late(data: Data, event: Deadline) -> tuple[Data, Effects]:
    return _reset(data, event.now, "timeout", ReportRuntimeDone("timeout"), FinishInvocation("timeout"))


def post_runtime_late(data: Data, event: Deadline) -> tuple[Data, Effects]:
    return _reset(data, event.now, "timeout", FinishInvocation("timeout"))


def invoke_failed(data: Data, event: Failed) -> tuple[Data, Effects]:
    done, over = ReportRuntimeDone("error", event.error_type), FinishInvocation("error", event.error_type)
    return _reset(data, event.now, "failure", done, over)


def post_runtime_failed(data: Data, event: Failed) -> tuple[Data, Effects]:
    return _reset(data, event.now, "failure", FinishInvocation("error", event.error_type))


def idle_failed(data: Data, event: Failed) -> tuple[Data, Effects]:
    return _reset(data, event.now, "failure")


def managed_failed(data: Data, event: Failed) -> tuple[Data, Effects]:
    return _reset(data, event.now, "failure", FailAll(event.error_type))


def stop(data: Data, event: Stop) -> tuple[Data, Effects]:
    return _stop(data, event.now, "spindown", final=True)


def stop_active(data: Data, event: Stop) -> tuple[Data, Effects]:
    new, effects = stop(data, event)
    return new, (FailAll("Sandbox.Failure"), *effects)


def stop_invoke(data: Data, event: Stop) -> tuple[Data, Effects]:
    new, effects = stop(data, event)
    return new, (FinishInvocation("error", "Sandbox.Failure"), *effects)


def give_shutdown(data: Data, event: RuntimeGone) -> tuple[Data, Effects]:
    return data, (GiveShutdown(data.reason, data.deadline_epoch_ms),)


def kill_runtime(data: Data, event: RuntimeLate) -> tuple[Data, Effects]:
    return data, (KillRuntime(), GiveShutdown(data.reason, data.deadline_epoch_ms))


def kill_all(data: Data, event: object) -> tuple[Data, Effects]:
    return data, (KillAll(),)


OVER = (Row(Phase.ENDED, kill_all, is_final), Row(Phase.OFF, kill_all))
TO_RESET = Phase.STOPPING_RUNTIME

ROWS: dict[tuple[Phase, type], tuple[Row[Phase, Data], ...]] = {
    (Phase.OFF, Begin): (Row(Phase.STARTING, begin),),
    (Phase.OFF, Stop): (Row(Phase.ENDED, nothing),),
    (Phase.STARTING, AllRegistered): (Row(Phase.INIT, start_runtime),),
    **rows_for(
        (Phase.STARTING, Phase.INIT),
        {
            Failed: (Row(TO_RESET, init_failed),),
            InitLate: (Row(TO_RESET, init_late),),
            Stop: (Row(TO_RESET, stop),),
        },
    ),
    (Phase.INIT, AllReady): (
        Row(Phase.ACTIVE, finish_managed_init, is_managed),
        Row(Phase.SNAPSHOT, finish_init, is_snapshot),
        Row(Phase.IDLE, finish_init),
    ),
    (Phase.SNAPSHOT, Restore): (Row(Phase.RESTORE, restore),),
    (Phase.SNAPSHOT, Failed): (Row(TO_RESET, idle_failed),),
    (Phase.SNAPSHOT, Stop): (Row(TO_RESET, stop),),
    (Phase.RESTORE, AllReady): (Row(Phase.IDLE, finish_restore),),
    (Phase.RESTORE, Failed): (Row(TO_RESET, restore_failed),),
    (Phase.RESTORE, InitLate): (Row(TO_RESET, restore_late),),
    (Phase.RESTORE, Stop): (Row(TO_RESET, stop),),
    (Phase.IDLE, Arrived): (Row(Phase.INVOKE, give_invoke),),
    (Phase.IDLE, Failed): (Row(TO_RESET, idle_failed),),
    (Phase.IDLE, Stop): (Row(TO_RESET, stop),),
    # The extensions may be done before the runtime is: then the runtime's end is the end of the phase.
    (Phase.INVOKE, ExtensionsDone): (Row(Phase.INVOKE, note_extensions_done),),
    (Phase.INVOKE, RuntimeDone): (
        Row(Phase.IDLE, report_and_finish, extensions_are_done),
        Row(Phase.POST_RUNTIME, report_runtime_done),
    ),
    (Phase.INVOKE, Deadline): (Row(TO_RESET, invoke_late),),
    (Phase.INVOKE, Failed): (Row(TO_RESET, invoke_failed),),
    (Phase.INVOKE, Stop): (Row(TO_RESET, stop_invoke),),
    (Phase.POST_RUNTIME, ExtensionsDone): (Row(Phase.IDLE, finish),),
    (Phase.POST_RUNTIME, Deadline): (Row(TO_RESET, post_runtime_late),),
    # The invocation fails even if the function was fine (8).
    (Phase.POST_RUNTIME, Failed): (Row(TO_RESET, post_runtime_failed),),
    (Phase.POST_RUNTIME, Stop): (Row(TO_RESET, stop_invoke),),
    (Phase.ACTIVE, Arrived): (Row(Phase.ACTIVE, give_managed_invoke),),
    (Phase.ACTIVE, Failed): (Row(TO_RESET, managed_failed),),
    (Phase.ACTIVE, Stop): (Row(TO_RESET, stop_active),),
    (Phase.STOPPING_RUNTIME, RuntimeGone): (Row(Phase.STOPPING_EXTENSIONS, give_shutdown),),
    (Phase.STOPPING_RUNTIME, RuntimeLate): (Row(Phase.STOPPING_EXTENSIONS, kill_runtime),),
    # Stays armed through both stopping phases; here it can only come first if the runtime's share were the whole.
    (Phase.STOPPING_RUNTIME, ShutdownOver): OVER,
    (Phase.STOPPING_EXTENSIONS, ExtensionsGone): OVER,
    (Phase.STOPPING_EXTENSIONS, ShutdownOver): OVER,
}

STOPPING = (Phase.STOPPING_RUNTIME, Phase.STOPPING_EXTENSIONS)
IGNORED: dict[tuple[Phase, type], str] = {
    **{(phase, Failed): "processes end while they are stopped" for phase in (*STOPPING, Phase.OFF, Phase.ENDED)},
    **{(phase, kind): "a last call crossed the stop" for phase in STOPPING for kind in (RuntimeDone, ExtensionsDone, AllReady)},
    **{(phase, AllRegistered): "a last call crossed the stop" for phase in STOPPING},
    (Phase.STOPPING_EXTENSIONS, RuntimeGone): "killed at the end of its share",
    (Phase.OFF, RuntimeGone): "killed",
    (Phase.ENDED, RuntimeGone): "killed",
    (Phase.OFF, ExtensionsGone): "killed",
    (Phase.ENDED, ExtensionsGone): "killed",
    (Phase.STOPPING_RUNTIME, ExtensionsGone): "a crash ended them before the stop",
    (Phase.STOPPING_RUNTIME, Stop): "stopping already",
    (Phase.STOPPING_EXTENSIONS, Stop): "stopping already",
    (Phase.ENDED, Stop): "over",
}

TABLE: Table[Phase, Data] = Table("platform", Phase.OFF, frozenset({Phase.ENDED}), ROWS, IGNORED)
