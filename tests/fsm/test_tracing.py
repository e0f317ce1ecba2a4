"""When the spans of one invocation are sent. (specification, invocation 4.3, 11, 16)"""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm import events as ev
from fsm.engine import Machine, Unexpected
from fsm.time import Now
from fsm.tracing import TABLE, State
from fsm.tracing_actions import (
    BeginSpans,
    Closed,
    Data,
    DropSpans,
    PlaceholderSeen,
    RefuseTracer,
    SendSpans,
    TakeEnd,
    TakeStart,
    TracerEnded,
    TracerStarted,
)

NOW = Now(1_700_000_000_000, 10_000)
OPENED, STARTED, ENDED, PLACED = ev.Opened(NOW, "a"), TracerStarted(NOW, "a"), TracerEnded(NOW, "a"), PlaceholderSeen(NOW, "a")
DONE, CRASHED, TIMED_OUT = (ev.RuntimeDone(NOW, "a", status) for status in ("success", "error", "timeout"))
SUPERSEDED, CLOSED = ev.Superseded(NOW), Closed(NOW)
BEGIN, START, END, SEND, DEAD, DROP = (
    BeginSpans("a", NOW),
    TakeStart("a"),
    TakeEnd("a"),
    SendSpans("a"),
    SendSpans("a", True),
    DropSpans("a"),
)


def told(*events):
    machine = Machine(TABLE, Data("a"))
    return machine, [effect for event in events for effect in machine.feed(event)]


@pytest.mark.parametrize(
    ("events", "effects"),
    [
        # Java: the placeholder comes before the end call.
        ([OPENED, STARTED, PLACED, ENDED, DONE, CLOSED], [BEGIN, START, END, SEND, DROP]),
        # Go: it comes after the end call, and may be read after the record.
        ([OPENED, STARTED, ENDED, DONE, PLACED, CLOSED], [BEGIN, START, END, SEND, DROP]),
        ([OPENED, STARTED, DONE, PLACED, ENDED, CLOSED], [BEGIN, START, END, SEND, DROP]),
        # It never comes.
        ([OPENED, STARTED, ENDED, DONE, CLOSED], [BEGIN, START, END, SEND, DROP]),
        # The start call is read before the INVOKE.
        ([STARTED, OPENED, PLACED, ENDED, DONE, CLOSED], [START, BEGIN, END, SEND, DROP]),
        ([STARTED, ENDED, PLACED, OPENED, DONE, CLOSED], [START, END, BEGIN, SEND, DROP]),
        # The end call never comes.
        ([OPENED, STARTED, DONE, CLOSED], [BEGIN, START, SEND, DROP]),
        ([OPENED, DONE, CLOSED], [BEGIN, SEND, DROP]),
        # The runtime died.
        ([OPENED, STARTED, TIMED_OUT, CLOSED], [BEGIN, START, DEAD, DROP]),
        ([OPENED, STARTED, PLACED, CRASHED, CLOSED], [BEGIN, START, DEAD, DROP]),
        # The handler failed, and the library said so.
        ([OPENED, STARTED, PLACED, ENDED, CRASHED, CLOSED], [BEGIN, START, END, SEND, DROP]),
        ([OPENED, STARTED, ENDED, CRASHED, PLACED, CLOSED], [BEGIN, START, END, SEND, DROP]),
        # Managed instances have no record of the runtime's end.
        ([OPENED, STARTED, PLACED, ENDED, CLOSED], [BEGIN, START, END, SEND, DROP]),
        # Without telemetry the next invocation is the end.
        ([OPENED, STARTED, PLACED, ENDED, SUPERSEDED, CLOSED], [BEGIN, START, END, SEND, DROP]),
        # It never began.
        ([STARTED, CLOSED], [START, SEND, DROP]),
        ([ENDED, CLOSED], [END, DROP]),
        # The same request again, before and after its spans were sent.
        ([OPENED, STARTED, OPENED, STARTED, CLOSED], [BEGIN, START, SEND, BEGIN, START, SEND, DROP]),
        ([OPENED, DONE, OPENED, CLOSED], [BEGIN, SEND, BEGIN, SEND, DROP]),
        ([OPENED, TIMED_OUT, OPENED, TIMED_OUT, CLOSED], [BEGIN, DEAD, BEGIN, DEAD, DROP]),
    ],
)
def test_orders_of_events(events, effects):
    machine, found = told(*events)
    assert found == effects
    assert machine.state is State.CLOSED


@pytest.mark.parametrize("before", [[], [OPENED], [OPENED, DONE]], ids=["EXPECTED", "RUNNING", "DONE"])
@pytest.mark.parametrize(("call", "taken"), [(STARTED, START), (ENDED, END)])
def test_the_first_call_counts(before, call, taken):
    assert told(*before, call, call)[1][-2:] == [taken, RefuseTracer("a", "repeated")]


@pytest.mark.parametrize("event", [STARTED, ENDED, PLACED])
def test_what_comes_after_the_spans_were_sent_is_counted(event):
    machine, effects = told(OPENED, TIMED_OUT, event)
    assert (machine.state, effects[-1]) == (State.SENT, RefuseTracer("a", "after the spans were sent"))


@pytest.mark.parametrize("order", list(permutations([STARTED, ENDED, PLACED, OPENED])))
def test_in_any_order_a_whole_story_is_sent_when_the_runtime_is_over(order):
    machine, effects = told(*order, DONE)
    assert effects[-1] == SEND
    assert machine.state is State.SENT


@given(
    st.lists(st.sampled_from([STARTED, ENDED, PLACED, SUPERSEDED]), max_size=8),
    st.sampled_from([DONE, CRASHED, TIMED_OUT, None]),
    st.data(),
)
def test_whatever_is_said_spans_are_sent_once_and_nothing_is_unexpected(said, done, data):
    """The platform's own part comes in order: that is the business of the machine of the invocation."""
    platform = [OPENED, *([done] if done else []), CLOSED]
    places = sorted(data.draw(st.lists(st.integers(0, len(said)), min_size=len(platform), max_size=len(platform))))
    events = list(said)
    for event, place in reversed(list(zip(platform, places, strict=True))):
        events.insert(place, event)
    events = events[: events.index(CLOSED) + 1]
    effects = told(*events)[1]
    assert sum(isinstance(effect, SendSpans) for effect in effects) == 1
    assert [effect for effect in effects if isinstance(effect, Unexpected)] == []
    assert effects[-1] == DROP
