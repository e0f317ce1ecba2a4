import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm import effects as do
from fsm import events as ev
from fsm.delivery import TABLE, TRIES_MAX, Data, State
from fsm.engine import Arm, Disarm, Machine, Unexpected
from fsm.time import Now

UNTIL = 11_000


def now(mono_ms=10_000):
    return Now(1_700_000_000_000, mono_ms)


def send_by(until=UNTIL, mono_ms=10_000):
    return ev.SendBy(now(mono_ms), until)


def answered(status, mono_ms=10_010, retry_after_ms=0):
    return ev.Answered(now(mono_ms), status, retry_after_ms)


def lost(mono_ms=10_010, unknown=True):
    return ev.Unanswered(now(mono_ms), "reset", unknown)


def in_flight(**data):
    machine = Machine(TABLE, Data(**data))
    machine.feed(send_by())
    return machine


def feed(machine, event):
    """Effects with generations left out."""
    return [attrs.evolve(e, generation=0) if isinstance(e, Arm) else e for e in machine.feed(event)]


def pause_over(machine, mono_ms):
    return feed(machine, ev.PauseOver(now(mono_ms), machine.armed[ev.PauseOver]))


def test_a_payload_is_sent_when_its_turn_comes():
    machine = Machine(TABLE, Data())
    assert machine.feed(send_by()) == (do.Send(UNTIL),)
    assert (machine.state, machine.data.tries, machine.data.until_mono_ms) == (State.IN_FLIGHT, 1, UNTIL)


def test_a_payload_that_waits_for_its_turn_has_nothing_to_do_when_a_flush_begins():
    machine = Machine(TABLE, Data())
    assert (machine.feed(ev.FlushBegan(now(), UNTIL)), machine.state) == ((), State.QUEUED)


@pytest.mark.parametrize("status", [200, 202, 204, 299])
def test_an_answer_that_accepts_delivers(status):
    machine = in_flight()
    assert (machine.feed(answered(status)), machine.state) == ((do.CountDelivered(False),), State.DELIVERED)


@pytest.mark.parametrize("status", [100, 199, 301, 400, 401, 404, 413, 422, 499])
def test_an_answer_that_refuses_drops_with_its_status(status):
    machine = in_flight()
    assert (machine.feed(answered(status)), machine.state) == ((do.CountDropped(f"status {status}"),), State.DROPPED)


@pytest.mark.parametrize(
    ("has_halves", "effect", "state"),
    [(True, do.SplitInTwo(begun=False), State.SPLIT), (False, do.CountDropped("status 413"), State.DROPPED)],
)
def test_what_is_too_large_goes_on_as_its_halves_or_if_it_has_none_not_at_all(has_halves, effect, state):
    machine = in_flight(has_halves=has_halves)
    assert (machine.feed(answered(413)), machine.state) == ((effect,), state)


@pytest.mark.parametrize("status", [400, 404, 414, 422])
def test_no_other_refusal_is_a_matter_of_size(status):
    machine = in_flight(has_halves=True)
    machine.feed(answered(status))
    assert machine.state is State.DROPPED


def test_a_refused_key_is_not_the_payloads_fault():
    machine = in_flight()
    assert (machine.feed(answered(403)), machine.state) == ((), State.ASIDE)


@pytest.mark.parametrize("state", [State.QUEUED, State.PAUSED, State.IN_FLIGHT, State.ASIDE], ids=str)
def test_what_is_barred_is_set_aside_unless_it_is_under_way(state):
    machine = in_flight()
    machine.state = state
    assert machine.feed(ev.Barred(now())) == ()
    assert machine.state is (State.IN_FLIGHT if state is State.IN_FLIGHT else State.ASIDE)


@pytest.mark.parametrize("event", [*(answered(status) for status in (408, 425, 429, 500, 502, 503, 599)), lost()], ids=str)
def test_what_may_pass_is_tried_again_after_a_pause(event):
    machine = in_flight()
    assert (feed(machine, event), machine.state) == ([Arm(ev.PauseOver, 10_110)], State.PAUSED)
    assert pause_over(machine, 10_110) == [do.Send(UNTIL)]
    assert (machine.state, machine.data.tries) == (State.IN_FLIGHT, 2)


def test_pauses_grow_and_after_three_tries_the_payload_is_set_aside():
    machine = in_flight()
    assert feed(machine, answered(503, 10_010)) == [Arm(ev.PauseOver, 10_110)]
    pause_over(machine, 10_110)
    assert feed(machine, answered(503, 10_120)) == [Arm(ev.PauseOver, 10_320)]
    pause_over(machine, 10_320)
    assert machine.data.tries == TRIES_MAX
    assert (feed(machine, answered(503, 10_330)), machine.state) == ([], State.ASIDE)


@pytest.mark.parametrize(("jitter", "pause_ms"), [(0.0, 100), (0.5, 125), (0.999, 149)])
def test_jitter_stretches_a_pause_by_up_to_half(jitter, pause_ms):
    assert feed(in_flight(jitter=jitter), answered(500, 10_010)) == [Arm(ev.PauseOver, 10_010 + pause_ms)]


@pytest.mark.parametrize(("asked_ms", "pause_ms"), [(0, 100), (99, 100), (400, 400)])
def test_the_intake_may_ask_for_a_longer_pause_but_not_for_a_shorter(asked_ms, pause_ms):
    assert feed(in_flight(), answered(429, 10_010, asked_ms)) == [Arm(ev.PauseOver, 10_010 + pause_ms)]


@pytest.mark.parametrize("asked_ms", [990, 3_600_000])
def test_a_pause_longer_than_the_flush_sets_aside(asked_ms):
    machine = in_flight()
    assert (machine.feed(answered(429, 10_010, asked_ms)), machine.state) == ((), State.ASIDE)


@pytest.mark.parametrize(("mono_ms", "state"), [(10_899, State.PAUSED), (10_900, State.ASIDE), (12_000, State.ASIDE)])
@pytest.mark.parametrize("event", [lambda ms: answered(503, ms), lost], ids=["answered", "unanswered"])
def test_a_pause_must_end_before_the_flush_does(mono_ms, state, event):
    machine = in_flight()
    machine.feed(event(mono_ms))
    assert machine.state is state


def test_a_flush_that_joins_gives_the_payload_in_flight_more_time():
    machine = in_flight()
    assert (machine.feed(ev.FlushBegan(now(), 20_000)), machine.data.until_mono_ms) == ((), 20_000)
    machine.feed(ev.FlushBegan(now(), 15_000))
    assert machine.data.until_mono_ms == 20_000
    machine.feed(answered(503, 15_000))
    assert machine.state is State.PAUSED


def test_a_flush_that_joins_gives_the_paused_payload_more_time_and_leaves_its_pause():
    machine = in_flight()
    machine.feed(answered(503))
    assert (machine.feed(ev.FlushBegan(now(), 20_000)), machine.state) == ((), State.PAUSED)
    assert pause_over(machine, 10_110) == [do.Send(20_000)]


def test_what_was_set_aside_queues_again_at_the_next_flush_with_tries_of_its_own():
    machine = in_flight()
    machine.feed(answered(503, 10_950))
    assert (machine.feed(ev.FlushBegan(now(20_000), 21_000)), machine.state) == ((), State.QUEUED)
    assert machine.feed(send_by(21_000, 20_000)) == (do.Send(21_000),)
    assert machine.data.tries == 1


@pytest.mark.parametrize(("unknown", "maybe_twice"), [(True, True), (False, False)])
def test_a_lost_answer_is_remembered_until_delivery(unknown, maybe_twice):
    machine = in_flight()
    machine.feed(lost(unknown=unknown))
    pause_over(machine, 10_110)
    machine.feed(lost(10_120, unknown=False))
    pause_over(machine, 10_320)
    assert machine.feed(answered(202, 10_330)) == (do.CountDelivered(maybe_twice),)


def test_a_lost_answer_is_remembered_while_set_aside():
    machine = in_flight()
    machine.feed(lost(10_950))
    machine.feed(ev.FlushBegan(now(20_000), 21_000))
    machine.feed(send_by(21_000, 20_000))
    assert machine.feed(answered(202, 20_010)) == (do.CountDelivered(True),)


DISCARDED = ev.Discarded(now(), "outbox full")
LOST_TO_ROOM = do.CountDropped("outbox full")
STANDING = {
    State.QUEUED: ([], (LOST_TO_ROOM,)),
    State.IN_FLIGHT: ([send_by()], (do.CancelSend(), LOST_TO_ROOM)),
    State.PAUSED: ([send_by(), answered(503)], (Disarm(ev.PauseOver), LOST_TO_ROOM)),
    State.ASIDE: ([send_by(), answered(503, 10_950)], (LOST_TO_ROOM,)),
}


@pytest.mark.parametrize("state", STANDING, ids=str)
def test_a_payload_without_room_is_dropped_with_the_reason_wherever_it_is(state):
    so_far, effects = STANDING[state]
    machine = Machine(TABLE, Data())
    for event in so_far:
        machine.feed(event)
    assert machine.state is state
    assert (machine.feed(DISCARDED), machine.state) == (effects, State.DROPPED)


@pytest.mark.parametrize("state", [State.PAUSED, State.ASIDE], ids=str)
@pytest.mark.parametrize("event", [answered(202), lost()], ids=["answered", "unanswered"])
def test_what_comes_of_a_request_that_was_given_up_means_nothing(state, event):
    machine = Machine(TABLE, Data())
    for before in STANDING[state][0]:
        machine.feed(before)
    assert (machine.feed(event), machine.state) == ((), state)


ONE_OF_EACH = [send_by(), ev.FlushBegan(now(), UNTIL), answered(202), lost(), DISCARDED]
UNEXPECTED = {
    (State.QUEUED, ev.Answered),
    (State.QUEUED, ev.Unanswered),
    (State.IN_FLIGHT, ev.SendBy),
    (State.PAUSED, ev.SendBy),
    (State.ASIDE, ev.SendBy),
    *((state, type(event)) for state in (State.DELIVERED, State.SPLIT, State.DROPPED) for event in ONE_OF_EACH),
}


@pytest.mark.parametrize("state", State, ids=str)
@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_only_what_the_reactor_never_does_is_unexpected(state, event):
    machine = Machine(TABLE, Data(tries=1, until_mono_ms=UNTIL))
    machine.state = state
    unexpected = machine.feed(event) == (Unexpected("delivery", str(state), type(event).__name__),)
    assert unexpected == ((state, type(event)) in UNEXPECTED)


@given(st.lists(st.tuples(st.sampled_from([200, 403, 429, 503, None]), st.integers(0, 2_000)), min_size=TRIES_MAX))
def test_a_flush_never_sends_a_payload_more_than_three_times_and_never_past_its_end(answers):
    machine, mono_ms, sent = in_flight(), 10_000, 1
    for status, after_ms in answers:
        mono_ms += after_ms
        machine.feed(lost(mono_ms) if status is None else answered(status, mono_ms))
        if machine.state is not State.PAUSED:
            break
        mono_ms = max(mono_ms, 10_000) + 200
        effects = pause_over(machine, mono_ms)
        sent += effects.count(do.Send(UNTIL))
    assert sent <= TRIES_MAX
    assert machine.state in (State.DELIVERED, State.DROPPED, State.ASIDE)
