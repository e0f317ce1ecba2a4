"""What the agent is told from outside. Control values; bulk items ride inside them as plain lists."""

from typing import TYPE_CHECKING, Any

import attrs

from fsm.engine import Tick
from fsm.words import Word
from protocols.extensions_api import NextInvoke, NextShutdown, Refusal, Registration
from protocols.http_server import Request
from protocols.lifecycle_api import Call
from protocols.spool_format import Contents

if TYPE_CHECKING:
    from protocols.stats_api import ClientStats
    from protocols.trace_api import Proxied
    from protocols.trace_headers import TracerHeaders
    from protocols.trace_values import Decoded


@attrs.frozen(eq=False, repr=False)
class Begin(Word):
    """The process runs."""


@attrs.frozen(eq=False, repr=False)
class RegisterAnswered(Word):
    """The platform answered the registration."""

    answer: Registration | Refusal


@attrs.frozen(eq=False, repr=False)
class SubscribeAnswered(Word):
    """The platform answered the subscription; None: subscribed."""

    refusal: Refusal | None


@attrs.frozen(eq=False, repr=False)
class NextAnswered(Word):
    """The platform answered `/event/next`."""

    answer: NextInvoke | NextShutdown | Refusal


@attrs.frozen(eq=False, repr=False)
class Telemetry(Word):
    """One batch of records as AWS sends them, and why others of the batch could not be read."""

    records: list[dict[str, Any]]
    refused: list[str]


@attrs.frozen(eq=False, repr=False)
class Datagrams(Word):
    """DogStatsD datagrams, in the order they came."""

    datagrams: list[bytes]


@attrs.frozen(eq=False, repr=False)
class Traces(Word):
    """What a tracer sent, decoded, and what it says of itself. `request`: as it came, for a recording.

    A large request comes in several pieces, counted from 0. Its first one tells what the tracer has dropped itself.
    """

    request: Request
    decoded: "Decoded"
    headers: "TracerHeaders"
    piece: int = 0


@attrs.frozen(eq=False, repr=False)
class ClientTraceStats(Word):
    """Statistics that a tracer has computed, and what it says of itself. `request`: as it came, for a recording."""

    request: Request
    stats: "ClientStats"
    headers: "TracerHeaders"


@attrs.frozen(eq=False, repr=False)
class PassedOn(Word):
    """What a library sends through the extension to another product. `request`: as it came, for a recording."""

    request: Request
    proxied: "Proxied"


@attrs.frozen(eq=False, repr=False)
class NotServed(Word):
    """A request to a port of ours that was not taken: `what` it was, and why not, in our words."""

    what: str
    reason: str


@attrs.frozen(eq=False, repr=False)
class Called(Word):
    """A library's start or end call for an invocation; the agent gives an `Answer`. `request`: as it came, for a recording."""

    request: Request
    call: Call


@attrs.frozen(eq=False, repr=False)
class FlushCalled(Word):
    """A library wants everything flushed (only where there is no platform that does: local tests)."""


@attrs.frozen(eq=False, repr=False)
class TimerDue(Word):
    """A timer that was set came due."""

    owner: str
    tick: type[Tick]
    generation: int


@attrs.frozen(eq=False, repr=False)
class SettleEnded(Word):
    """All sockets were quiet, or the bound passed."""


@attrs.frozen(eq=False, repr=False)
class SendEnded(Word):
    """One payload's request is over. `status` is None without an answer; `unknown`: it may have been taken without one."""

    number: int
    status: int | None
    retry_after_ms: int = 0
    reason: str = ""
    unknown: bool = False


@attrs.frozen(eq=False, repr=False)
class KeyFound(Word):
    """There is an API key that was not refused yet."""


@attrs.frozen(eq=False, repr=False)
class Recovered(Word):
    """What an earlier process in this sandbox had accepted and not dealt with."""

    contents: Contents


@attrs.frozen(eq=False, repr=False)
class Terminated(Word):
    """SIGTERM."""


@attrs.frozen(eq=False, repr=False)
class Crashed(Word):
    """A listener or a pump failed by an error of ours, for the nth time."""

    region: str
    times: int


Input = (
    Begin
    | RegisterAnswered
    | SubscribeAnswered
    | NextAnswered
    | Telemetry
    | Datagrams
    | Traces
    | ClientTraceStats
    | PassedOn
    | NotServed
    | Called
    | FlushCalled
    | TimerDue
    | SettleEnded
    | SendEnded
    | KeyFound
    | Recovered
    | Terminated
    | Crashed
)
