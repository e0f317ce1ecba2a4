"""When the spans of one invocation are sent: once, when the library has told all, or when nothing more will be heard of it.

It is fed by what `invocation` or `managed_invocation` of the same request id has put in order (begun, the runtime is over, closed), and
by what a library says of it. The library tells of the end by its end call and by a placeholder span; the latter brings the sampling
decision and tags, so it is waited for. A runtime that died tells nothing more: its spans leave at once. On managed instances there is
no record of the runtime's end, and the spans leave when the invocation is closed. (specification, invocation 4.3, 7.2, 11)
"""

from fsm import events as ev
from fsm import tracing_actions as act
from fsm.engine import Row, States, Table, nothing


class State(States):
    """How far the trace of the invocation is."""

    EXPECTED = "EXPECTED"  # a library's call came before the invocation's own beginning was read
    RUNNING = "RUNNING"
    DONE = "DONE"  # the runtime is over; the library has not told all yet
    SENT = "SENT"
    CLOSED = "CLOSED"


def _calls(state: State) -> dict[tuple[State, type], tuple[Row[State, act.Data], ...]]:
    """What a library says while the runtime is not over. The first call counts."""
    return {
        (state, act.TracerStarted): (
            Row(state, act.refuse_repeated, act.is_started),
            Row(state, act.take_start),
        ),
        (state, act.TracerEnded): (
            Row(state, act.refuse_repeated, act.is_ended),
            Row(state, act.take_end),
        ),
        (state, act.PlaceholderSeen): (Row(state, act.keep_placeholder),),
    }


TABLE: Table[State, act.Data] = Table(
    name="tracing",
    initial=State.EXPECTED,
    final=frozenset({State.CLOSED}),
    rows={
        (State.EXPECTED, ev.Opened): (Row(State.RUNNING, act.begin),),
        **_calls(State.EXPECTED),
        (State.EXPECTED, act.Closed): (
            # The runtime was given the invocation; only we have not heard of it.
            Row(State.CLOSED, act.send_and_drop, act.is_started),
            Row(State.CLOSED, act.drop),
        ),
        **_calls(State.RUNNING),
        (State.RUNNING, ev.Opened): (Row(State.RUNNING, act.send_and_begin),),
        (State.RUNNING, ev.RuntimeDone): (
            Row(State.SENT, act.send_dead, act.died),
            Row(State.SENT, act.send, act.has_told_all),
            Row(State.DONE, nothing),
        ),
        # Where no record of its end will come, another one's beginning is the end.
        (State.RUNNING, ev.Superseded): (Row(State.SENT, act.send),),
        (State.RUNNING, act.Closed): (Row(State.CLOSED, act.send_and_drop),),
        # A library that tells of the end only now: some send their spans after the end call.
        (State.DONE, act.TracerStarted): (
            Row(State.DONE, act.refuse_repeated, act.is_started),
            Row(State.DONE, act.take_start),
        ),
        (State.DONE, act.TracerEnded): (
            Row(State.DONE, act.refuse_repeated, act.is_ended),
            Row(State.SENT, act.take_end_and_send, act.has_placeholder),
            Row(State.DONE, act.take_end),
        ),
        (State.DONE, act.PlaceholderSeen): (
            Row(State.SENT, act.send, act.is_ended),
            Row(State.DONE, act.keep_placeholder),
        ),
        (State.DONE, ev.Opened): (Row(State.RUNNING, act.send_and_begin),),
        (State.DONE, act.Closed): (Row(State.CLOSED, act.send_and_drop),),
        (State.SENT, act.TracerStarted): (Row(State.SENT, act.refuse_late),),
        (State.SENT, act.TracerEnded): (Row(State.SENT, act.refuse_late),),
        (State.SENT, act.PlaceholderSeen): (Row(State.SENT, act.refuse_late),),
        (State.SENT, ev.Opened): (Row(State.RUNNING, act.begin_again),),
        (State.SENT, act.Closed): (Row(State.CLOSED, act.drop),),
    },
    ignored={
        (State.EXPECTED, ev.Superseded): "its beginning is still to come",
        (
            State.EXPECTED,
            ev.RuntimeDone,
        ): "without telemetry it was taken for over before a library first spoke; its record comes after all",
        (State.DONE, ev.Superseded): "its report is still to come",
        (State.SENT, ev.Superseded): "it is sent already",
        (State.SENT, ev.RuntimeDone): "the record comes after all: another one's beginning was taken for the end",
    },
)
