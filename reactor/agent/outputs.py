"""What the agent asks a performer to do, besides the effects of `fsm.effects` that it passes on:
Bind, Register, Subscribe, AskNext, WarmUp, Settle, Checkpoint, RefuseInput, RenewKey, DropIdleConnections, Reseed, Restart,
Disable, Exit.
"""

from typing import Any

import attrs

from fsm.engine import Tick
from fsm.words import Word
from protocols.http_server import Headers
from protocols.intake_body import Body


@attrs.frozen(eq=False, repr=False)
class SetTimer(Word):
    """Let `tick` come due for `owner` at `at_mono_ms`; replaces an earlier one of the same owner and kind."""

    owner: str
    tick: type[Tick]
    generation: int
    at_mono_ms: int


@attrs.frozen(eq=False, repr=False)
class ClearTimer(Word):
    """`owner` does not want `tick` any more."""

    owner: str
    tick: type[Tick]


@attrs.frozen(eq=False, repr=False)
class Payload(Word):
    """One numbered request body on its way to one URL. API keys are not part of it: `key` says which one is added when it is sent."""

    number: int
    url: str
    body: Body
    key: int = 0


@attrs.frozen(eq=False, repr=False)
class KeepPayloads(Word):
    """Everything that was taken so far is in these payloads, and in those before them: they are what must outlive the process.

    `waiting`: but for these lines, of which it is not known yet whose they are; `request_id`: whose the next lines will be.
    """

    payloads: tuple[Payload, ...]
    waiting: list[Any] = attrs.field(factory=list)
    request_id: str | None = None


@attrs.frozen(eq=False, repr=False)
class ReplacePayload(Word):
    """This payload goes on as these: what must outlive the process is in them now. `begun`: the intake may have it already."""

    number: int
    payloads: tuple[Payload, ...]
    begun: bool = False


@attrs.frozen(eq=False, repr=False)
class ForgetPayload(Word):
    """This payload is delivered, or dropped."""

    number: int


@attrs.frozen(eq=False, repr=False)
class SendPayload(Word):
    """Send `payload`; the answer is of use until `until_mono_ms`."""

    payload: Payload
    until_mono_ms: int


@attrs.frozen(eq=False, repr=False)
class CancelPayload(Word):
    """The request of this payload is not wanted any more."""

    number: int


@attrs.frozen(eq=False, repr=False)
class Answer(Word):
    """To the call in hand: the headers of its answer. It comes out of the very `receive` that took the call."""

    headers: Headers


@attrs.frozen(eq=False, repr=False)
class Say(Word):
    """One line for the log, in the extension's format. Levels: ERROR, WARN, INFO, DEBUG."""

    level: str
    text: str
