"""What machines ask for. Imperatives; the agent or the reactor performs them, and some are joins between regions.

Timers are `fsm.engine.Arm` and `Disarm`.
"""

import attrs

from fsm.events import Report, RuntimeDone
from fsm.time import Now
from fsm.words import Word


@attrs.frozen(eq=False, repr=False)
class Bind(Word):
    """Open every listener."""


@attrs.frozen(eq=False, repr=False)
class Register(Word):
    """Register with the platform."""


@attrs.frozen(eq=False, repr=False)
class Subscribe(Word):
    """Ask the platform for telemetry."""


@attrs.frozen(eq=False, repr=False)
class AskNext(Word):
    """Ask the platform for the next event, and so tell it that the one before is dealt with."""


@attrs.frozen(eq=False, repr=False)
class WarmUp(Word):
    """Load, while the runtime boots, what later events will need."""


@attrs.frozen(eq=False, repr=False)
class OpenInvocation(Word):
    """An invocation begins."""

    request_id: str


@attrs.frozen(eq=False, repr=False)
class LeaveUnseen(Word):
    """The invocation's end was never seen; another one begins, so it is over."""

    request_id: str


@attrs.frozen(eq=False, repr=False)
class Settle(Word):
    """Read what has arrived: until all sockets were quiet for `quiet_ms`, at the longest `bound_ms`."""

    bound_ms: int
    quiet_ms: int


@attrs.frozen(eq=False, repr=False)
class Flush(Word):
    """Flush, and say when it is done. `final`: nothing is kept back."""

    until_mono_ms: int
    final: bool = False


@attrs.frozen(eq=False, repr=False)
class StartFlush(Word):
    """Flush beside everything else, unless one is under way."""

    until_mono_ms: int


@attrs.frozen(eq=False, repr=False)
class AbandonFlush(Word):
    """Nobody waits for the flush any more."""


@attrs.frozen(eq=False, repr=False)
class Seal(Word):
    """Turn what the pipelines have collected into numbered payloads and hand them to delivery."""

    until_mono_ms: int
    final: bool


@attrs.frozen(eq=False, repr=False)
class FlushDone(Word):
    """To the lifecycle: the flush it waits for is complete."""


@attrs.frozen(eq=False, repr=False)
class Checkpoint(Word):
    """The sandbox may freeze from here on: make sure of what is still in hand."""


@attrs.frozen(eq=False, repr=False)
class RefuseInput(Word):
    """Take nothing more: what arrives from here on could not be sent."""


@attrs.frozen(eq=False, repr=False)
class EndOpenInvocations(Word):
    """No more will be heard of any open invocation."""


@attrs.frozen(eq=False, repr=False)
class Spool(Word):
    """Put on disk what was not sent, or count it as lost."""


@attrs.frozen(eq=False, repr=False)
class GaveUpWaiting(Word):
    """Count: the end of the runtime was not seen before the deadline drew near."""

    request_id: str


@attrs.frozen(eq=False, repr=False)
class CountInvocation(Word):
    """One invocation more; `at` is when it began."""

    request_id: str
    at: Now


@attrs.frozen(eq=False, repr=False)
class CountRuntime(Word):
    """The runtime is over: count what its record says."""

    done: RuntimeDone


@attrs.frozen(eq=False, repr=False)
class CountReport(Word):
    """The platform reported: count what its record says."""

    report: Report


@attrs.frozen(eq=False, repr=False)
class CloseInvocation(Word):
    """Nothing more is expected of this request id. `how`: reported, stopped or evicted."""

    request_id: str
    how: str


@attrs.frozen(eq=False, repr=False)
class Send(Word):
    """Send this payload; its answer is of use until `until_mono_ms`."""

    until_mono_ms: int


@attrs.frozen(eq=False, repr=False)
class CancelSend(Word):
    """This payload is not wanted any more."""


@attrs.frozen(eq=False, repr=False)
class SplitInTwo(Word):
    """This payload is too large for its intake: two of half its size take its place. `begun`: it may have arrived whole, once."""

    begun: bool = False


@attrs.frozen(eq=False, repr=False)
class CountDelivered(Word):
    """The intake has it. `maybe_twice`: an earlier answer was lost, so it may have it twice."""

    maybe_twice: bool


@attrs.frozen(eq=False, repr=False)
class CountDropped(Word):
    """It is lost, and this is why."""

    reason: str


@attrs.frozen(eq=False, repr=False)
class RenewKey(Word):
    """The API key was refused: look whether there is another."""


@attrs.frozen(eq=False, repr=False)
class DropIdleConnections(Word):
    """Connections kept open from before a freeze are dead or will be."""


@attrs.frozen(eq=False, repr=False)
class Reseed(Word):
    """Take fresh randomness and forget credentials: this process was copied."""


@attrs.frozen(eq=False, repr=False)
class Restart(Word):
    """Start a crashed region again."""

    region: str


@attrs.frozen(eq=False, repr=False)
class Disable(Word):
    """Leave a region off: it crashed too often."""

    region: str


@attrs.frozen(eq=False, repr=False)
class Exit(Word):
    """End the process. `error_type` non-empty: tell the platform first."""

    code: int
    error_type: str = ""
    message: str = ""


@attrs.frozen(eq=False, repr=False)
class BeginAsking(Word):
    """To the region of the pending call: ask for the next event, once, for life."""


@attrs.frozen(eq=False, repr=False)
class StopLife(Word):
    """To the life: the platform wants an end, or is lost."""

    deadline_ms: int
    fatal: str = ""


@attrs.frozen(eq=False, repr=False)
class BeginFlushing(Word):
    """To the flusher: flush by interval from here on."""


@attrs.frozen(eq=False, repr=False)
class StopRegions(Word):
    """To the flusher and the pending call: the sandbox ends, and the rest is the life's own."""
