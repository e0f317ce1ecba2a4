"""What machines ask for. Imperatives; the agent or the reactor performs them, and some are joins between regions.

Timers are `fsm.engine.Arm` and `Disarm`.
"""

import attrs

from fsm.events import Report, RuntimeDone
from fsm.time import Now


@attrs.frozen
class Bind:
    """Open every listener."""


@attrs.frozen
class Register:
    """Register with the platform."""


@attrs.frozen
class Subscribe:
    """Ask the platform for telemetry."""


@attrs.frozen
class AskNext:
    """Ask the platform for the next event, and so tell it that the one before is dealt with."""


@attrs.frozen
class WarmUp:
    """Load, while the runtime boots, what later events will need."""


@attrs.frozen
class OpenInvocation:
    """An invocation begins."""

    request_id: str


@attrs.frozen
class LeaveUnseen:
    """The invocation's end was never seen; another one begins, so it is over."""

    request_id: str


@attrs.frozen
class Settle:
    """Read what has arrived: until all sockets were quiet for `quiet_ms`, at the longest `bound_ms`."""

    bound_ms: int
    quiet_ms: int


@attrs.frozen
class Flush:
    """Flush, and say when it is done. `final`: nothing is kept back."""

    until_mono_ms: int
    final: bool = False


@attrs.frozen
class StartFlush:
    """Flush beside everything else, unless one is under way."""

    until_mono_ms: int


@attrs.frozen
class AbandonFlush:
    """Nobody waits for the flush any more."""


@attrs.frozen
class Seal:
    """Turn what the pipelines have collected into numbered payloads and hand them to delivery."""

    until_mono_ms: int
    final: bool


@attrs.frozen
class FlushDone:
    """To the lifecycle: the flush it waits for is complete."""


@attrs.frozen
class Checkpoint:
    """The sandbox may freeze from here on: make sure of what is still in hand."""


@attrs.frozen
class RefuseInput:
    """Take nothing more: what arrives from here on could not be sent."""


@attrs.frozen
class EndOpenInvocations:
    """No more will be heard of any open invocation."""


@attrs.frozen
class Spool:
    """Put on disk what was not sent, or count it as lost."""


@attrs.frozen
class GaveUpWaiting:
    """Count: the end of the runtime was not seen before the deadline drew near."""

    request_id: str


@attrs.frozen
class CountInvocation:
    """One invocation more; `at` is when it began."""

    request_id: str
    at: Now


@attrs.frozen
class CountRuntime:
    """The runtime is over: count what its record says."""

    done: RuntimeDone


@attrs.frozen
class CountReport:
    """The platform reported: count what its record says."""

    report: Report


@attrs.frozen
class CloseInvocation:
    """Nothing more is expected of this request id. `how`: reported, stopped or evicted."""

    request_id: str
    how: str


@attrs.frozen
class Send:
    """Send this payload; its answer is of use until `until_mono_ms`."""

    until_mono_ms: int


@attrs.frozen
class CancelSend:
    """This payload is not wanted any more."""


@attrs.frozen
class CountDelivered:
    """The intake has it. `maybe_twice`: an earlier answer was lost, so it may have it twice."""

    maybe_twice: bool


@attrs.frozen
class CountDropped:
    """It is lost, and this is why."""

    reason: str


@attrs.frozen
class DropIdleConnections:
    """Connections kept open from before a freeze are dead or will be."""


@attrs.frozen
class Reseed:
    """Take fresh randomness and forget credentials: this process was copied."""


@attrs.frozen
class Restart:
    """Start a crashed region again."""

    region: str


@attrs.frozen
class Disable:
    """Leave a region off: it crashed too often."""

    region: str


@attrs.frozen
class Exit:
    """End the process. `error_type` non-empty: tell the platform first."""

    code: int
    error_type: str = ""
    message: str = ""


@attrs.frozen
class BeginAsking:
    """To the region of the pending call: ask for the next event, once, for life."""


@attrs.frozen
class StopLife:
    """To the life: the platform wants an end, or is lost."""

    deadline_ms: int
    fatal: str = ""


@attrs.frozen
class BeginFlushing:
    """To the flusher: flush by interval from here on."""


@attrs.frozen
class StopFlushing:
    """To the flusher: the last flush is the life's own."""
