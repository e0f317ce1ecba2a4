"""Which Runtime API call is allowed when, for a runtime with one invocation at a time (specification, lambda-platform 3)."""

from enum import Enum


class RuntimeState(Enum):
    STARTED = "Started"
    INIT_ERROR = "InitError"
    RESTORE_READY = "RestoreReady"  # SnapStart: waits to be restored
    RESTORING = "Restoring"
    RESTORE_ERROR = "RestoreError"
    READY = "Ready"
    RUNNING = "Running"
    RESPONDED = "ResponseSent"


class RuntimeStep(Enum):
    NEXT = "next"
    INIT_ERROR = "init/error"
    RESTORE_NEXT = "restore/next"
    RESTORE_ERROR = "restore/error"
    RESPONSE = "response"  # or error
    RESTORED = "restored"  # by the platform: restore/next was answered
    INVOKED = "invoked"  # by the platform: next was answered


S, C = RuntimeState, RuntimeStep

TRANSITIONS: dict[tuple[RuntimeState, RuntimeStep], RuntimeState] = {
    (S.STARTED, C.NEXT): S.READY,
    (S.STARTED, C.INIT_ERROR): S.INIT_ERROR,
    (S.STARTED, C.RESTORE_NEXT): S.RESTORE_READY,
    (S.RESTORE_READY, C.RESTORED): S.RESTORING,
    (S.RESTORING, C.NEXT): S.READY,
    (S.RESTORING, C.RESTORE_ERROR): S.RESTORE_ERROR,
    (S.READY, C.INVOKED): S.RUNNING,
    (S.RUNNING, C.RESPONSE): S.RESPONDED,
    (S.RESPONDED, C.NEXT): S.READY,
}


def after(state: RuntimeState, step: RuntimeStep) -> RuntimeState | None:
    """The next state; None: the step is not allowed."""
    return TRANSITIONS.get((state, step))
