"""The phases of a local sandbox, the events that end them, and the effects that the platform asks for. Values, no rules."""

from enum import Enum

import attrs

from fsm.engine import Tick
from fsm.time import Now


class Phase(Enum):
    OFF = "off"  # nothing runs: before the first init, and after a reset
    STARTING = "starting"  # extensions run, not all have registered
    INIT = "init"  # the runtime runs too; not everyone has called next
    SNAPSHOT = "snapshot"  # SnapStart: frozen after init, waiting to be restored
    RESTORE = "restore"
    IDLE = "idle"  # frozen, where the sandbox freezes
    INVOKE = "invoke"
    POST_RUNTIME = "post_runtime"  # the runtime is done, an extension still owes its next call
    ACTIVE = "active"  # managed instances: any number of invocations
    STOPPING_RUNTIME = "stopping_runtime"
    STOPPING_EXTENSIONS = "stopping_extensions"
    ENDED = "ended"


# Events.


@attrs.frozen
class Begin:
    """Event: bring the environment up. `phase` is `init`, or `invoke` for the init that is repeated inside an invocation."""

    now: Now
    phase: str
    limit_ms: int


@attrs.frozen
class AllRegistered:
    now: Now


@attrs.frozen
class AllReady:
    """Event: the runtime and every extension have called next (SnapStart: the runtime restore/next)."""

    now: Now


@attrs.frozen
class Restore:
    """Event: a snapshot is wanted back for an invocation."""

    now: Now


@attrs.frozen
class Arrived:
    """Event: an invocation may start. On demand its deadline ends the phase; managed instances time each one for itself."""

    now: Now
    request_id: str
    limit_ms: int


@attrs.frozen
class RuntimeDone:
    """Event: the runtime answered and asked for its next invocation."""

    now: Now


@attrs.frozen
class ExtensionsDone:
    """Event: every extension that gets INVOKE has called next again."""

    now: Now


@attrs.frozen
class Failed:
    """Event: something that the environment cannot survive. `error_type` is AWS's word for it."""

    now: Now
    error_type: str


@attrs.frozen
class RuntimeGone:
    now: Now


@attrs.frozen
class ExtensionsGone:
    now: Now


@attrs.frozen
class Stop:
    """Event: the environment is no longer wanted (`spindown`)."""

    now: Now


class InitLate(Tick):
    """Init, or the restore, took too long."""


class Deadline(Tick):
    """The function's timeout has passed."""


class RuntimeLate(Tick):
    """The runtime's share of the shutdown time has passed."""


class ShutdownOver(Tick):
    """The shutdown deadline has passed."""


# Effects.


@attrs.frozen
class StartExtensions:
    phase: str


@attrs.frozen
class StartRuntime:
    pass


@attrs.frozen
class ReportInit:
    """Make the records of a finished or failed init."""

    status: str
    error_type: str | None = None


@attrs.frozen
class AnswerRestore:
    """Thawed from the snapshot: say so, and answer the runtime's restore/next."""


@attrs.frozen
class ReportRestore:
    status: str
    error_type: str | None = None


@attrs.frozen
class GiveInvoke:
    request_id: str
    deadline_epoch_ms: int


@attrs.frozen
class ReportRuntimeDone:
    """The runtime's part of the invocation is over. `status` None: what the runtime itself answered decides."""

    status: str | None = None
    error_type: str | None = None


@attrs.frozen
class FinishInvocation:
    """The invocation is over for everyone: make its report and its result."""

    status: str | None = None
    error_type: str | None = None


@attrs.frozen
class FailAll:
    """Managed instances: every invocation that runs fails with this."""

    error_type: str


@attrs.frozen
class Freeze:
    pass


@attrs.frozen
class Thaw:
    pass


@attrs.frozen
class TermRuntime:
    """SIGTERM to the runtime; SIGKILL if no extension is registered."""


@attrs.frozen
class KillRuntime:
    pass


@attrs.frozen
class GiveShutdown:
    """SHUTDOWN to the extensions that asked for it; the others are killed at once."""

    reason: str
    deadline_epoch_ms: int


@attrs.frozen
class KillAll:
    pass
