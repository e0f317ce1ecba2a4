"""The flush: a watermark that moves. Never two at once, and a flush that is waited for joins the one under way.

`Seal` numbers what was collected; the flush is done when every number up to the watermark is confirmed: delivered, set aside for
a later flush, or dropped with a reason. Whoever performs `Seal` tells `Sealed` before anything else: between the two no other event
may come. How long anybody waits is the lifecycle's business, not this machine's.
"""

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm.change import change
from fsm.engine import Effects, Row, States, Table, nothing


class State(States):
    """Where a flush is."""

    IDLE = "IDLE"
    BACKGROUND = "BACKGROUND"  # under way, nobody waits for it
    WAITED = "WAITED"  # under way, the lifecycle waits for it


@attrs.frozen(slots=False)
class Data:
    """`watermark`: the number to reach."""

    watermark: int = 0


def seal(data: Data, event: ev.FlushAsked) -> tuple[Data, Effects]:
    return data, (do.Seal(event.until_mono_ms, event.final),)


def seal_behind(data: Data, event: ev.BackgroundFlushAsked) -> tuple[Data, Effects]:
    return data, (do.Seal(event.until_mono_ms, final=False),)


def already_confirmed(data: Data, event: ev.Sealed) -> bool:
    return event.confirmed >= event.watermark


def set_watermark(data: Data, event: ev.Sealed) -> tuple[Data, Effects]:
    return change(data, watermark=event.watermark), ()


def reaches_watermark(data: Data, event: ev.Confirmed) -> bool:
    return event.watermark >= data.watermark


def tell(data: Data, event: object) -> tuple[Data, Effects]:
    return data, (do.FlushDone(),)


TABLE: Table[State, Data] = Table(
    name="flush",
    initial=State.IDLE,
    final=frozenset(),
    rows={
        (State.IDLE, ev.FlushAsked): (Row(State.WAITED, seal),),
        (State.IDLE, ev.BackgroundFlushAsked): (Row(State.BACKGROUND, seal_behind),),
        # What was collected since the first seal is sealed too, and the one who waits waits for both.
        (State.BACKGROUND, ev.FlushAsked): (Row(State.WAITED, seal),),
        # Two flushes never race: what came since joins the one under way, so that a request that hangs holds up nothing but itself.
        (State.BACKGROUND, ev.BackgroundFlushAsked): (Row(State.BACKGROUND, seal_behind),),
        (State.BACKGROUND, ev.Sealed): (
            Row(State.IDLE, nothing, already_confirmed),
            Row(State.BACKGROUND, set_watermark),
        ),
        (State.BACKGROUND, ev.Confirmed): (
            Row(State.IDLE, nothing, reaches_watermark),
            Row(State.BACKGROUND, nothing),
        ),
        (State.WAITED, ev.FlushAsked): (Row(State.WAITED, seal),),
        (State.WAITED, ev.BackgroundFlushAsked): (Row(State.WAITED, nothing),),
        (State.WAITED, ev.Sealed): (
            Row(State.IDLE, tell, already_confirmed),
            Row(State.WAITED, set_watermark),
        ),
        (State.WAITED, ev.Confirmed): (
            Row(State.IDLE, tell, reaches_watermark),
            Row(State.WAITED, nothing),
        ),
        # The payloads stay with delivery; only the waiting is over.
        (State.WAITED, ev.FlushAbandoned): (Row(State.BACKGROUND, nothing),),
    },
    ignored={
        (State.IDLE, ev.Confirmed): "nobody waits for it",
        (State.IDLE, ev.FlushAbandoned): "the flush was done in the moment it was given up",
        (State.BACKGROUND, ev.FlushAbandoned): "given up already",
    },
)
