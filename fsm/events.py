"""What machines are told. Past facts, each with the moment it was learnt.

Control values only: log lines, datagrams and spans are items, and reach the pipelines without passing through a machine.
"""

from typing import Any

import attrs

from fsm.engine import Tick
from fsm.time import Now
from fsm.words import Word


@attrs.frozen(eq=False, repr=False)
class Started(Word):
    """The process runs and its settings are read."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class Registered(Word):
    """The platform took the registration."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class RegisterFailed(Word):
    """The platform refused the registration, or could not be reached."""

    now: Now
    reason: str


@attrs.frozen(eq=False, repr=False)
class Subscribed(Word):
    """The platform will send telemetry."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class SubscriptionRefused(Word):
    """The platform will not send telemetry (any answer but 200, or none at all)."""

    now: Now
    reason: str


@attrs.frozen(eq=False, repr=False)
class Invoke(Word):
    """`/event/next` was answered: an invocation begins."""

    now: Now
    request_id: str
    deadline_ms: int  # epoch


@attrs.frozen(eq=False, repr=False)
class Shutdown(Word):
    """`/event/next` was answered: the sandbox ends."""

    now: Now
    reason: str  # lower case: spindown, timeout, failure
    deadline_ms: int  # epoch


@attrs.frozen(eq=False, repr=False)
class Sigterm(Word):
    """Somebody else than the platform asks the process to end."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class NextFailed(Word):
    """`/event/next` was not answered as it should be. `fatal`: asking again cannot help."""

    now: Now
    reason: str
    fatal: bool


@attrs.frozen(eq=False, repr=False)
class InvocationStarted(Word):
    """Telemetry `platform.start`."""

    now: Now
    request_id: str


@attrs.frozen(eq=False, repr=False)
class RuntimeDone(Word):
    """Telemetry `platform.runtimeDone`: the handler returned, failed or timed out."""

    now: Now
    request_id: str
    status: str
    fields: Any = attrs.field(default=None, eq=False, repr=False)  # of the record; passed through, never looked at


@attrs.frozen(eq=False, repr=False)
class Report(Word):
    """Telemetry `platform.report`: the invocation is over for the platform too."""

    now: Now
    request_id: str
    status: str
    fields: Any = attrs.field(default=None, eq=False, repr=False)  # of the record; passed through, never looked at


@attrs.frozen(eq=False, repr=False)
class Opened(Word):
    """To one invocation: the platform began it (its INVOKE, or its `platform.start` where there is none)."""

    now: Now
    request_id: str


@attrs.frozen(eq=False, repr=False)
class Superseded(Word):
    """To one invocation: another one began, so its records are as complete as they will be."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class Stopped(Word):
    """To one invocation: the sandbox ends and no more will be heard of this request id."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class Evicted(Word):
    """To one invocation: too many are open, and this one is the oldest."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class Settled(Word):
    """Everything that had arrived at the sockets has been read. `open`: invocations whose report has not been seen."""

    now: Now
    open: int = 0


@attrs.frozen(eq=False, repr=False)
class NearlyFull(Word):
    """What was collected is close to a bound."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class FlushAsked(Word):
    """To the flush machine: a flush is wanted, and waited for until `until_mono_ms`."""

    now: Now
    until_mono_ms: int
    final: bool


@attrs.frozen(eq=False, repr=False)
class BackgroundFlushAsked(Word):
    """To the flush machine: a flush is wanted that nobody waits for."""

    now: Now
    until_mono_ms: int


@attrs.frozen(eq=False, repr=False)
class Sealed(Word):
    """What was collected is now payloads with numbers.

    `watermark` is the highest number given so far; all up to `confirmed` are dealt with already.
    """

    now: Now
    watermark: int
    confirmed: int


@attrs.frozen(eq=False, repr=False)
class Confirmed(Word):
    """Every payload numbered up to `watermark` is delivered, set aside for a later flush, or dropped with a reason."""

    now: Now
    watermark: int


@attrs.frozen(eq=False, repr=False)
class FlushAbandoned(Word):
    """To the flush machine: the one who waited for the flush has gone on without it."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class Flushed(Word):
    """To the lifecycle: the flush that it waits for is complete."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class Spooled(Word):
    """What could not be sent is on disk, or counted as lost."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class FlushBegan(Word):
    """To one payload: a flush begins, or is joined; answers are of use until `until_mono_ms`."""

    now: Now
    until_mono_ms: int


@attrs.frozen(eq=False, repr=False)
class Barred(Word):
    """To one payload: its destination takes nothing for now."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class SendBy(Word):
    """To one payload: it is its turn; the answer is of use until `until_mono_ms`."""

    now: Now
    until_mono_ms: int


@attrs.frozen(eq=False, repr=False)
class Answered(Word):
    """To one payload: the intake answered with this status. `unknown`: it may have taken it before, without an answer."""

    now: Now
    status: int
    retry_after_ms: int = 0  # 0: it did not say
    unknown: bool = False


@attrs.frozen(eq=False, repr=False)
class Unanswered(Word):
    """To one payload: no answer. `unknown`: the intake may have taken it all the same."""

    now: Now
    reason: str
    unknown: bool


@attrs.frozen(eq=False, repr=False)
class Discarded(Word):
    """To one payload: there is no room, or no time, to keep it."""

    now: Now
    reason: str


@attrs.frozen(eq=False, repr=False)
class DestinationAnswered(Word):
    """To one destination: it took a payload, or refused it for what it is. It is there."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class DestinationFailed(Word):
    """To one destination: a payload had to be set aside because it did not answer, or cannot take any for `after_ms`."""

    now: Now
    after_ms: int = 0


@attrs.frozen(eq=False, repr=False)
class ProbeSent(Word):
    """To one destination: one payload is under way to see if it has healed."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class LastChance(Word):
    """To one destination: the sandbox ends; what is not sent now is not sent by this process."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class KeyRefused(Word):
    """To one destination: it does not take the API key."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class KeyRenewed(Word):
    """To one destination: there is another API key."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class Thawed(Word):
    """The process did not run for `gap_ms`: a freeze, or a jump of the wall clock. `jump_ms`: how far it went ahead of the other."""

    now: Now
    gap_ms: int
    jump_ms: int = 0


@attrs.frozen(eq=False, repr=False)
class Restored(Word):
    """This sandbox was made from a snapshot: nothing that was random, fresh or connected before still is."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class RegionCrashed(Word):
    """A listener or a pump failed by an error of ours."""

    now: Now
    region: str
    times: int  # including this one


class RegisterBound(Tick):
    """No answer to the registration in time."""


class SubscribeBound(Tick):
    """No answer to the subscription in time."""


class SettleBound(Tick):
    """Settling took as long as it may."""


class FlushBound(Tick):
    """A flush that is waited for took as long as it may."""


class DeadlineNear(Tick):
    """The invocation's deadline, less a reserve, is here."""


class RaceDue(Tick):
    """The invocation has run for so long that what it collected should be flushed in the middle of it."""


class BackoffOver(Tick):
    """Time to ask for the next event again."""


class NextLasts(Tick):
    """The call for the next event has been pending for so long that what went wrong before it means nothing any more."""


class DrainBound(Tick):
    """Late records were waited for as long as they may be."""


class ExitBound(Tick):
    """The sandbox's own deadline, less a reserve, is here."""


class PauseOver(Tick):
    """Time to send a payload again."""


@attrs.frozen(eq=False, repr=False)
class Stop(Word):
    """To a region of a managed sandbox: it ends, by `deadline_ms` (epoch; 0 if nobody set one). `fatal`: why the platform is lost."""

    now: Now
    deadline_ms: int
    fatal: str = ""


@attrs.frozen(eq=False, repr=False)
class AskingBegan(Word):
    """To the region of the pending call: the life is ready for events."""

    now: Now


class FlushDue(Tick):
    """The flush interval has passed."""


@attrs.frozen(eq=False, repr=False)
class FlushingBegan(Word):
    """To the flusher: flush by interval from here on."""

    now: Now


class ProbeDue(Tick):
    """A destination that failed may be tried again, with one payload."""
