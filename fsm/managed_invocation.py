"""What is known of one request id on a managed instance, where many run at once.

It begins with `platform.start` and ends with `platform.report`; there is no record of the runtime's end, so the report stands for both.
Specification, lifecycle 15, platform 10.
"""

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm.change import change
from fsm.engine import Effects, Row, States, Table


class State(States):
    """How far the invocation is."""

    EXPECTED = "EXPECTED"  # heard of before its beginning
    INVOKED = "INVOKED"
    CLOSED = "CLOSED"


@attrs.frozen(slots=False)
class Data:
    """A report that came before the beginning waits here for it. `owed` counts reports of earlier tries of the same request."""

    request_id: str
    owed: int = 0
    report: ev.Report | None = None


Change = tuple[Data, Effects]


def was_reported(data: Data, event: object) -> bool:
    return data.report is not None


def is_owed(data: Data, event: object) -> bool:
    return data.owed > 0


def begin(data: Data, event: ev.Opened) -> Change:
    return data, (do.CountInvocation(data.request_id, event.now),)


def begin_reported(data: Data, event: ev.Opened) -> Change:
    assert data.report is not None
    return data, (
        do.CountInvocation(data.request_id, event.now),
        do.CountReport(data.report),
        do.CloseInvocation(data.request_id, "reported"),
    )


def begin_again(data: Data, event: ev.Opened) -> Change:
    return change(data, owed=data.owed + 1), (do.CountInvocation(data.request_id, event.now),)


def keep_report(data: Data, event: ev.Report) -> Change:
    return change(data, report=event), ()


def count_owed_report(data: Data, event: ev.Report) -> Change:
    return change(data, owed=data.owed - 1), (do.CountReport(event),)


def count_report_and_close(data: Data, event: ev.Report) -> Change:
    return data, (do.CountReport(event), do.CloseInvocation(data.request_id, "reported"))


def close_stopped(data: Data, event: object) -> Change:
    return data, (do.CloseInvocation(data.request_id, "stopped"),)


def close_evicted(data: Data, event: object) -> Change:
    return data, (do.CloseInvocation(data.request_id, "evicted"),)


def count_and_close_stopped(data: Data, event: object) -> Change:
    return data, (*_kept(data), do.CloseInvocation(data.request_id, "stopped"))


def count_and_close_evicted(data: Data, event: object) -> Change:
    return data, (*_kept(data), do.CloseInvocation(data.request_id, "evicted"))


def _kept(data: Data) -> Effects:
    """The record of the start was lost on the way, and the function ran all the same: what its report says of it is true."""
    return () if data.report is None else (do.CountReport(data.report),)


TABLE: Table[State, Data] = Table(
    name="managed_invocation",
    initial=State.EXPECTED,
    final=frozenset({State.CLOSED}),
    rows={
        (State.EXPECTED, ev.Opened): (
            # Records of different requests travel on several connections.
            Row(State.CLOSED, begin_reported, was_reported),
            Row(State.INVOKED, begin),
        ),
        (State.EXPECTED, ev.Report): (Row(State.EXPECTED, keep_report),),
        # The platform refuses the same id twice at once; so the first has ended, and its report is late.
        (State.INVOKED, ev.Opened): (Row(State.INVOKED, begin_again),),
        (State.INVOKED, ev.Report): (
            Row(State.INVOKED, count_owed_report, is_owed),
            Row(State.CLOSED, count_report_and_close),
        ),
        (State.EXPECTED, ev.Stopped): (Row(State.CLOSED, count_and_close_stopped),),
        (State.INVOKED, ev.Stopped): (Row(State.CLOSED, close_stopped),),
        (State.EXPECTED, ev.Evicted): (Row(State.CLOSED, count_and_close_evicted),),
        (State.INVOKED, ev.Evicted): (Row(State.CLOSED, close_evicted),),
    },
    ignored={
        (State.EXPECTED, ev.RuntimeDone): "there is none on managed instances",
        (State.INVOKED, ev.RuntimeDone): "there is none on managed instances",
    },
)
