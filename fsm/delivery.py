"""The way of one payload to its intake: sent, tried again within the time there is, set aside for the next flush, or dropped with a reason.

Only an answer that says "try again" is tried again; one that refuses would refuse the same bytes for ever. What is too large goes on as two
payloads of half its size. A payload set aside waits in memory, where the outbox bounds it.
"""

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm.change import change
from fsm.engine import Arm, Effects, Row, States, Table, nothing

TRIES_MAX = 3  # in one flush
PAUSES_MS = (100, 200)
RETRYABLE = frozenset({408, 425, 429})
TOO_LARGE = 413


class State(States):
    """Where a payload is."""

    QUEUED = "QUEUED"
    IN_FLIGHT = "IN_FLIGHT"
    PAUSED = "PAUSED"
    ASIDE = "ASIDE"
    DELIVERED = "DELIVERED"
    SPLIT = "SPLIT"
    DROPPED = "DROPPED"


@attrs.frozen(slots=False)
class Data:
    """`tries` counts those of this flush; `jitter` in [0, 1) stretches this payload's pauses; `unknown`: an answer was lost once.

    `has_halves`: it holds several items, and could be two payloads.
    """

    jitter: float = 0.0
    has_halves: bool = False
    tries: int = 0
    until_mono_ms: int = 0
    unknown: bool = False


Change = tuple[Data, Effects]


def _pause_ms(data: Data, event: ev.Answered | ev.Unanswered) -> int:
    asked_ms = event.retry_after_ms if isinstance(event, ev.Answered) else 0
    return max(asked_ms, int(PAUSES_MS[min(data.tries, len(PAUSES_MS)) - 1] * (1 + data.jitter / 2)))


def accepted(data: Data, event: ev.Answered) -> bool:
    return 200 <= event.status < 300


def is_key_refused(data: Data, event: ev.Answered) -> bool:
    return event.status == 403


def is_too_large(data: Data, event: ev.Answered) -> bool:
    return event.status == TOO_LARGE and data.has_halves


def refused(data: Data, event: ev.Answered) -> bool:
    return event.status < 500 and event.status not in RETRYABLE


def may_try_again(data: Data, event: ev.Answered | ev.Unanswered) -> bool:
    return data.tries < TRIES_MAX and event.now.mono_ms + _pause_ms(data, event) < data.until_mono_ms


def send(data: Data, event: ev.SendBy) -> Change:
    return change(data, tries=1, until_mono_ms=event.until_mono_ms), (do.Send(event.until_mono_ms),)


def wait_longer(data: Data, event: ev.FlushBegan) -> Change:
    return change(data, until_mono_ms=max(data.until_mono_ms, event.until_mono_ms)), ()


def delivered(data: Data, event: ev.Answered) -> Change:
    return data, (do.CountDelivered(data.unknown or event.unknown),)


def split(data: Data, event: ev.Answered) -> Change:
    return data, (do.SplitInTwo(data.unknown or event.unknown),)


def drop_refused(data: Data, event: ev.Answered) -> Change:
    return data, (do.CountDropped(f"status {event.status}"),)


def pause(data: Data, event: ev.Answered | ev.Unanswered) -> Change:
    return _lost(data, event), (Arm(ev.PauseOver, event.now.mono_ms + _pause_ms(data, event)),)


def set_aside(data: Data, event: ev.Answered | ev.Unanswered) -> Change:
    return _lost(data, event), ()


def _lost(data: Data, event: ev.Answered | ev.Unanswered) -> Data:
    return change(data, unknown=data.unknown or event.unknown)


def send_again(data: Data, event: ev.PauseOver) -> Change:
    return change(data, tries=data.tries + 1), (do.Send(data.until_mono_ms),)


def discard(data: Data, event: ev.Discarded) -> Change:
    return data, (do.CountDropped(event.reason),)


def discard_and_cancel(data: Data, event: ev.Discarded) -> Change:
    return data, (do.CancelSend(), do.CountDropped(event.reason))


TABLE: Table[State, Data] = Table(
    name="delivery",
    initial=State.QUEUED,
    final=frozenset({State.DELIVERED, State.SPLIT, State.DROPPED}),
    rows={
        (State.QUEUED, ev.SendBy): (Row(State.IN_FLIGHT, send),),
        # It waits for a free slot already.
        (State.QUEUED, ev.FlushBegan): (Row(State.QUEUED, nothing),),
        # One of its neighbours has found out that nobody answers there.
        (State.QUEUED, ev.Barred): (Row(State.ASIDE, nothing),),
        (State.PAUSED, ev.Barred): (Row(State.ASIDE, nothing),),
        (State.QUEUED, ev.Discarded): (Row(State.DROPPED, discard),),
        (State.IN_FLIGHT, ev.Answered): (
            Row(State.DELIVERED, delivered, accepted),
            # Another key may be taken; the payload is not to blame.
            Row(State.ASIDE, set_aside, is_key_refused),
            # Its halves go on in its place.
            Row(State.SPLIT, split, is_too_large),
            # The same bytes would be refused again.
            Row(State.DROPPED, drop_refused, refused),
            Row(State.PAUSED, pause, may_try_again),
            Row(State.ASIDE, set_aside),
        ),
        (State.IN_FLIGHT, ev.Unanswered): (
            Row(State.PAUSED, pause, may_try_again),
            Row(State.ASIDE, set_aside),
        ),
        # A flush that joins the one under way may wait longer than that one did.
        (State.IN_FLIGHT, ev.FlushBegan): (Row(State.IN_FLIGHT, wait_longer),),
        (State.IN_FLIGHT, ev.Discarded): (Row(State.DROPPED, discard_and_cancel),),
        (State.PAUSED, ev.PauseOver): (Row(State.IN_FLIGHT, send_again),),
        (State.PAUSED, ev.FlushBegan): (Row(State.PAUSED, wait_longer),),
        (State.PAUSED, ev.Discarded): (Row(State.DROPPED, discard),),
        (State.ASIDE, ev.FlushBegan): (Row(State.QUEUED, nothing),),
        (State.ASIDE, ev.Discarded): (Row(State.DROPPED, discard),),
    },
    ignored={
        (State.IN_FLIGHT, ev.Barred): "it will find out itself",
        (State.ASIDE, ev.Barred): "set aside already",
        (State.PAUSED, ev.Answered): "an answer to a request that was given up",
        (State.ASIDE, ev.Answered): "an answer to a request that was given up",
        (State.PAUSED, ev.Unanswered): "the end of a request that was given up",
        (State.ASIDE, ev.Unanswered): "the end of a request that was given up",
    },
)
