"""What the agent is told from outside. Control values; bulk items ride inside them as plain lists."""

from typing import Any

import attrs

from fsm.engine import Tick
from protocols.extensions_api import NextInvoke, NextShutdown, Refusal, Registration


@attrs.frozen
class Begin:
    """The process runs."""


@attrs.frozen
class RegisterAnswered:
    """The platform answered the registration."""

    answer: Registration | Refusal


@attrs.frozen
class SubscribeAnswered:
    """The platform answered the subscription; None: subscribed."""

    refusal: Refusal | None


@attrs.frozen
class NextAnswered:
    """The platform answered `/event/next`."""

    answer: NextInvoke | NextShutdown | Refusal


@attrs.frozen
class Telemetry:
    """One batch of records as AWS sends them, and why others of the batch could not be read."""

    records: list[dict[str, Any]]
    refused: list[str]


@attrs.frozen
class Datagrams:
    """DogStatsD datagrams, in the order they came."""

    datagrams: list[bytes]


@attrs.frozen
class TimerDue:
    """A timer that was set came due."""

    owner: str
    tick: type[Tick]
    generation: int


@attrs.frozen
class SettleEnded:
    """All sockets were quiet, or the bound passed."""


@attrs.frozen
class SendEnded:
    """One payload's request is over. `status` is None without an answer; `unknown`: the intake may have it all the same."""

    number: int
    status: int | None
    retry_after_ms: int = 0
    reason: str = ""
    unknown: bool = False


@attrs.frozen
class Terminated:
    """SIGTERM."""


@attrs.frozen
class Crashed:
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
    | TimerDue
    | SettleEnded
    | SendEnded
    | Terminated
    | Crashed
)
