"""The words and actions of `fsm/tracing.py`, which is read first."""

import attrs

from fsm import events as ev
from fsm.change import change
from fsm.engine import Effects
from fsm.time import Now
from fsm.words import Word

SUCCESS = "success"


# --- events: besides Opened and RuntimeDone ---------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class TracerStarted(Word):
    """The library's start call for this request came in."""

    now: Now
    request_id: str


@attrs.frozen(eq=False, repr=False)
class TracerEnded(Word):
    """The library's end call for this request came in: it tells the ids of the span, the result and any error."""

    now: Now
    request_id: str


@attrs.frozen(eq=False, repr=False)
class PlaceholderSeen(Word):
    """Among the library's spans was the one that stands for this request's own."""

    now: Now
    request_id: str


@attrs.frozen(eq=False, repr=False)
class Closed(Word):
    """No more will be heard of this request: it was reported, superseded, stopped or evicted."""

    now: Now


# --- effects ------------------------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class BeginSpans(Word):
    """Keep what is known of this request from here on; it began at `at`."""

    request_id: str
    at: Now


@attrs.frozen(eq=False, repr=False)
class TakeStart(Word):
    """The start call in hand is this request's."""

    request_id: str


@attrs.frozen(eq=False, repr=False)
class TakeEnd(Word):
    """The end call in hand is this request's."""

    request_id: str


@attrs.frozen(eq=False, repr=False)
class RefuseTracer(Word):
    """Count: a call, or a placeholder, that changes nothing any more."""

    request_id: str
    reason: str


@attrs.frozen(eq=False, repr=False)
class SendSpans(Word):
    """Put together what is known of this request and send it. `is_dead`: the runtime ended without the library's end call."""

    request_id: str
    is_dead: bool = False


@attrs.frozen(eq=False, repr=False)
class DropSpans(Word):
    """Forget this request."""

    request_id: str


# --- data -------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=False)
class Data:
    """What the library has told of the try that runs; it may be told before the request begins."""

    request_id: str
    is_started: bool = False
    is_ended: bool = False
    has_placeholder: bool = False


Change = tuple[Data, Effects]


# --- guards -----------------------------------------------------------------------------------------------------------------


def is_started(data: Data, event: object) -> bool:
    return data.is_started


def is_ended(data: Data, event: object) -> bool:
    return data.is_ended


def has_placeholder(data: Data, event: object) -> bool:
    return data.has_placeholder


def died(data: Data, event: ev.RuntimeDone) -> bool:
    """A library tells of the end before the runtime does, and waits for the answer; so what has not come by now will not come."""
    return event.status != SUCCESS and not data.is_ended


def has_told_all(data: Data, event: ev.RuntimeDone) -> bool:
    return data.is_ended and data.has_placeholder


# --- actions ----------------------------------------------------------------------------------------------------------------


def begin(data: Data, event: ev.Opened) -> Change:
    return data, (BeginSpans(data.request_id, event.now),)


def send_and_begin(data: Data, event: ev.Opened) -> Change:
    """The same request is tried again: what its first try has left is sent first."""
    return Data(data.request_id), (_send(data), BeginSpans(data.request_id, event.now))


def begin_again(data: Data, event: ev.Opened) -> Change:
    return Data(data.request_id), (BeginSpans(data.request_id, event.now),)


def take_start(data: Data, event: TracerStarted) -> Change:
    return change(data, is_started=True), (TakeStart(data.request_id),)


def take_end(data: Data, event: TracerEnded) -> Change:
    return change(data, is_ended=True), (TakeEnd(data.request_id),)


def take_end_and_send(data: Data, event: TracerEnded) -> Change:
    return data, (TakeEnd(data.request_id), _send(data))


def keep_placeholder(data: Data, event: PlaceholderSeen) -> Change:
    return change(data, has_placeholder=True), ()


def send_dead(data: Data, event: ev.RuntimeDone) -> Change:
    return data, (SendSpans(data.request_id, is_dead=True),)


def send(data: Data, event: object) -> Change:
    return data, (_send(data),)


def send_and_drop(data: Data, event: Closed) -> Change:
    return data, (_send(data), DropSpans(data.request_id))


def drop(data: Data, event: Closed) -> Change:
    return data, (DropSpans(data.request_id),)


def refuse_repeated(data: Data, event: object) -> Change:
    return data, (RefuseTracer(data.request_id, "repeated"),)


def refuse_late(data: Data, event: object) -> Change:
    return data, (RefuseTracer(data.request_id, "after the spans were sent"),)


def _send(data: Data) -> SendSpans:
    return SendSpans(data.request_id)
