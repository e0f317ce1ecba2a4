"""What is known of one request id, from the platform, in any order.

Flags only grow, and each join fires once, in whichever order its parts come: records may be read before the INVOKE they belong to, be
repeated, or never come. Specification, lifecycle 8 and 10; appendix A.3 of the architecture.
"""

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm.change import change
from fsm.engine import Effects, Row, States, Table, nothing


class State(States):
    """How far the invocation is."""

    EXPECTED = "EXPECTED"  # heard of before its beginning
    INVOKED = "INVOKED"
    DONE = "DONE"  # the runtime is over
    REPORTED = "REPORTED"  # the platform is done with it, but the record of the runtime's end is missing
    CLOSED = "CLOSED"


@attrs.frozen(slots=False)
class Data:
    """What has been seen; records that came before the beginning wait here for it.

    `owed` counts reports of earlier tries: a request that is tried again keeps its id.
    """

    request_id: str
    owed: int = 0
    done: ev.RuntimeDone | None = None
    report: ev.Report | None = None


Change = tuple[Data, Effects]


def was_all_seen(data: Data, event: object) -> bool:
    return data.report is not None and data.done is not None


def was_reported(data: Data, event: object) -> bool:
    return data.report is not None


def was_done(data: Data, event: object) -> bool:
    return data.done is not None


def begin(data: Data, event: ev.Opened) -> Change:
    return data, (do.CountInvocation(data.request_id, event.now),)


def begin_done(data: Data, event: ev.Opened) -> Change:
    assert data.done is not None
    return data, (do.CountInvocation(data.request_id, event.now), do.CountRuntime(data.done))


def begin_reported(data: Data, event: ev.Opened) -> Change:
    assert data.report is not None
    return data, (do.CountInvocation(data.request_id, event.now), do.CountReport(data.report))


def begin_all_seen(data: Data, event: ev.Opened) -> Change:
    assert data.report is not None
    assert data.done is not None
    counts = (do.CountInvocation(data.request_id, event.now), do.CountRuntime(data.done), do.CountReport(data.report))
    return data, (*counts, _closed(data, "reported"))


def begin_again(data: Data, event: ev.Opened) -> Change:
    return change(data, owed=data.owed + 1, done=None), (do.CountInvocation(data.request_id, event.now),)


def begin_after_report(data: Data, event: ev.Opened) -> Change:
    return change(data, done=None, report=None), (do.CountInvocation(data.request_id, event.now),)


def is_owed(data: Data, event: ev.Report) -> bool:
    return data.owed > 0


def count_owed_report(data: Data, event: ev.Report) -> Change:
    return change(data, owed=data.owed - 1), (do.CountReport(event),)


def count_report(data: Data, event: ev.Report) -> Change:
    return change(data, report=event), (do.CountReport(event),)


def count_runtime_and_close(data: Data, event: ev.RuntimeDone) -> Change:
    return change(data, done=event), (do.CountRuntime(event), _closed(data, "reported"))


def close_superseded(data: Data, event: object) -> Change:
    return data, (_closed(data, "reported"),)


def keep_done(data: Data, event: ev.RuntimeDone) -> Change:
    return change(data, done=event), ()


def keep_report(data: Data, event: ev.Report) -> Change:
    return change(data, report=event), ()


def count_runtime(data: Data, event: ev.RuntimeDone) -> Change:
    return change(data, done=event), (do.CountRuntime(event),)


def count_report_and_close(data: Data, event: ev.Report) -> Change:
    return change(data, report=event), (do.CountReport(event), _closed(data, "reported"))


def close_stopped(data: Data, event: object) -> Change:
    return data, (_closed(data, "stopped"),)


def close_evicted(data: Data, event: object) -> Change:
    return data, (_closed(data, "evicted"),)


def count_and_close_stopped(data: Data, event: object) -> Change:
    return data, (*_kept(data), _closed(data, "stopped"))


def count_and_close_evicted(data: Data, event: object) -> Change:
    return data, (*_kept(data), _closed(data, "evicted"))


def _kept(data: Data) -> Effects:
    """The INVOKE was lost on the way, and the function ran all the same: what its records say of it is true."""
    done = () if data.done is None else (do.CountRuntime(data.done),)
    return done if data.report is None else (*done, do.CountReport(data.report))


def _closed(data: Data, how: str) -> do.CloseInvocation:
    return do.CloseInvocation(data.request_id, how)


TABLE: Table[State, Data] = Table(
    name="invocation",
    initial=State.EXPECTED,
    final=frozenset({State.CLOSED}),
    rows={
        (State.EXPECTED, ev.Opened): (
            Row(State.CLOSED, begin_all_seen, was_all_seen),
            Row(State.REPORTED, begin_reported, was_reported),
            Row(State.DONE, begin_done, was_done),
            Row(State.INVOKED, begin),
        ),
        (State.EXPECTED, ev.RuntimeDone): (Row(State.EXPECTED, keep_done),),
        (State.EXPECTED, ev.Report): (Row(State.EXPECTED, keep_report),),
        # The platform's start record and the INVOKE come on two sockets; only the INVOKE counts on demand.
        (State.EXPECTED, ev.InvocationStarted): (Row(State.EXPECTED, nothing),),
        (State.INVOKED, ev.InvocationStarted): (Row(State.INVOKED, nothing),),
        (State.INVOKED, ev.RuntimeDone): (Row(State.DONE, count_runtime),),
        (State.INVOKED, ev.Report): (
            Row(State.INVOKED, count_owed_report, is_owed),
            # The record of the runtime's end is late, or was lost on the way.
            Row(State.REPORTED, count_report),
        ),
        (State.DONE, ev.Report): (
            Row(State.DONE, count_owed_report, is_owed),
            Row(State.CLOSED, count_report_and_close),
        ),
        (State.REPORTED, ev.RuntimeDone): (Row(State.CLOSED, count_runtime_and_close),),
        (State.REPORTED, ev.Superseded): (Row(State.CLOSED, close_superseded),),
        # The same request is tried again in this sandbox.
        (State.INVOKED, ev.Opened): (Row(State.INVOKED, begin_again),),
        (State.DONE, ev.Opened): (Row(State.INVOKED, begin_again),),
        (State.REPORTED, ev.Opened): (Row(State.INVOKED, begin_after_report),),
        (State.REPORTED, ev.Stopped): (Row(State.CLOSED, close_superseded),),
        (State.REPORTED, ev.Evicted): (Row(State.CLOSED, close_superseded),),
        (State.EXPECTED, ev.Stopped): (Row(State.CLOSED, count_and_close_stopped),),
        (State.INVOKED, ev.Stopped): (Row(State.CLOSED, close_stopped),),
        (State.DONE, ev.Stopped): (Row(State.CLOSED, close_stopped),),
        (State.EXPECTED, ev.Evicted): (Row(State.CLOSED, count_and_close_evicted),),
        (State.INVOKED, ev.Evicted): (Row(State.CLOSED, close_evicted),),
        (State.DONE, ev.Evicted): (Row(State.CLOSED, close_evicted),),
    },
    ignored={
        (State.DONE, ev.RuntimeDone): "over already: a record that came twice",
        (State.DONE, ev.InvocationStarted): "over already: records out of order",
        (State.REPORTED, ev.InvocationStarted): "over already: records out of order",
        (State.REPORTED, ev.Report): "reported already: a record that came twice",
        (State.EXPECTED, ev.Superseded): "its beginning is still to come",
        (State.INVOKED, ev.Superseded): "its records are still to come",
        (State.DONE, ev.Superseded): "its report is still to come",
    },
)
