"""Which call an extension may make in which state, and where it leads (specification, lambda-platform 2.2). A table, nothing else."""

from enum import Enum


class ExtensionState(Enum):
    """The names are those that AWS shows, in errors and in `platform.extension`."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    LAUNCH_ERROR = "LaunchError"
    SHUTDOWN_FAILED = "ShutdownFailed"
    EXITED = "Exited"


class ExtensionStep(Enum):
    """What moves an extension: its own calls, and what the platform does with it."""

    REGISTER = "Registered"  # the value is what error messages call the wanted state
    NEXT = "Ready"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    EVENT = "Running"  # an event was given to it
    LAUNCH_FAILED = "LaunchError"
    EXITED = "Exited"
    KILLED = "ShutdownFailed"


S, C = ExtensionState, ExtensionStep

TRANSITIONS: dict[tuple[ExtensionState, ExtensionStep], ExtensionState] = {
    (S.STARTED, C.REGISTER): S.REGISTERED,
    (S.STARTED, C.LAUNCH_FAILED): S.LAUNCH_ERROR,
    (S.REGISTERED, C.NEXT): S.READY,
    (S.REGISTERED, C.INIT_ERROR): S.INIT_ERROR,
    (S.REGISTERED, C.EXIT_ERROR): S.EXIT_ERROR,
    (S.READY, C.EVENT): S.RUNNING,
    (S.READY, C.EXIT_ERROR): S.EXIT_ERROR,
    (S.RUNNING, C.NEXT): S.READY,
    (S.RUNNING, C.EXIT_ERROR): S.EXIT_ERROR,
    (S.RUNNING, C.EXITED): S.EXITED,
    (S.RUNNING, C.KILLED): S.SHUTDOWN_FAILED,
    # Repeating an announcement is accepted.
    (S.INIT_ERROR, C.INIT_ERROR): S.INIT_ERROR,
    (S.EXIT_ERROR, C.EXIT_ERROR): S.EXIT_ERROR,
}


def after(state: ExtensionState, step: ExtensionStep) -> ExtensionState | None:
    """The next state; None: the step is not allowed."""
    return TRANSITIONS.get((state, step))
