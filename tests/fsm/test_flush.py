import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm import effects as do
from fsm import events as ev
from fsm.engine import Machine, Unexpected
from fsm.flush import TABLE, Data, State
from fsm.time import Now

NOW = Now(1_700_000_000_000, 10_000)
ASKED = ev.FlushAsked(NOW, 11_000, final=False)
ASKED_FINALLY = ev.FlushAsked(NOW, 12_000, final=True)
BEHIND = ev.BackgroundFlushAsked(NOW, 40_000)
ABANDONED = ev.FlushAbandoned(NOW)
SEAL, SEAL_FINALLY, SEAL_BEHIND = do.Seal(11_000, False), do.Seal(12_000, True), do.Seal(40_000, False)


def sealed(watermark, confirmed=0):
    return ev.Sealed(NOW, watermark, confirmed)


def confirmed(watermark):
    return ev.Confirmed(NOW, watermark)


# (state and watermark before, event, effects, state and watermark after)
ROWS = [
    (("IDLE", 0), ASKED, (SEAL,), ("WAITED", 0)),
    (("IDLE", 0), ASKED_FINALLY, (SEAL_FINALLY,), ("WAITED", 0)),
    (("IDLE", 0), BEHIND, (SEAL_BEHIND,), ("BACKGROUND", 0)),
    (("IDLE", 3), confirmed(4), (), ("IDLE", 3)),
    (("IDLE", 3), ABANDONED, (), ("IDLE", 3)),
    (("BACKGROUND", 3), ASKED, (SEAL,), ("WAITED", 3)),
    (("BACKGROUND", 3), BEHIND, (SEAL_BEHIND,), ("BACKGROUND", 3)),
    (("BACKGROUND", 3), sealed(5, 4), (), ("BACKGROUND", 5)),
    (("BACKGROUND", 3), sealed(5, 5), (), ("IDLE", 3)),
    (("BACKGROUND", 5), confirmed(4), (), ("BACKGROUND", 5)),
    (("BACKGROUND", 5), confirmed(5), (), ("IDLE", 5)),
    (("BACKGROUND", 5), ABANDONED, (), ("BACKGROUND", 5)),
    (("WAITED", 3), ASKED_FINALLY, (SEAL_FINALLY,), ("WAITED", 3)),
    (("WAITED", 3), BEHIND, (), ("WAITED", 3)),
    (("WAITED", 3), sealed(5, 4), (), ("WAITED", 5)),
    (("WAITED", 3), sealed(5, 5), (do.FlushDone(),), ("IDLE", 3)),
    (("WAITED", 0), sealed(0, 0), (do.FlushDone(),), ("IDLE", 0)),  # there was nothing to send
    (("WAITED", 5), confirmed(4), (), ("WAITED", 5)),
    (("WAITED", 5), confirmed(5), (do.FlushDone(),), ("IDLE", 5)),
    (("WAITED", 5), confirmed(7), (do.FlushDone(),), ("IDLE", 5)),
    (("WAITED", 5), ABANDONED, (), ("BACKGROUND", 5)),
]


@pytest.mark.parametrize(("before", "event", "effects", "after"), ROWS)
def test_every_row(before, event, effects, after):
    machine = Machine(TABLE, Data(before[1]))
    machine.state = State(before[0])
    assert machine.feed(event) == effects
    assert (machine.state.value, machine.data.watermark) == after


def test_the_rows_tried_are_all_there_are():
    tried = {(State(before[0]), type(event)) for before, event, *_ in ROWS}
    assert tried == {*TABLE.rows, *TABLE.ignored}


def test_a_seal_that_nobody_asked_for_is_unexpected():
    machine = Machine(TABLE, Data())
    assert (machine.feed(sealed(1)), machine.state) == ((Unexpected("flush", "IDLE", "Sealed"),), State.IDLE)


def test_one_who_joins_a_flush_waits_for_what_was_collected_since_too():
    machine = Machine(TABLE, Data())
    for event, effects in [
        (BEHIND, (SEAL_BEHIND,)),
        (sealed(3), ()),
        (ASKED, (SEAL,)),
        (sealed(5, confirmed=2), ()),
        (confirmed(3), ()),
        (confirmed(5), (do.FlushDone(),)),
    ]:
        assert machine.feed(event) == effects


def test_one_who_gave_up_is_not_told():
    machine = Machine(TABLE, Data())
    for event in (ASKED, sealed(3), ABANDONED):
        machine.feed(event)
    assert (machine.feed(confirmed(3)), machine.state) == ((), State.IDLE)


@given(st.lists(st.sampled_from(["ask", "behind", "abandon", "confirm"]), max_size=40), st.data())
def test_whoever_waits_is_told_once_and_only_when_all_that_was_collected_is_dealt_with(story, data):
    """The agent seals inside the same step, as the join does here."""
    machine = Machine(TABLE, Data())
    given_out, dealt_with, waits, told = 0, 0, False, 0
    for step in story:
        if step == "confirm":
            dealt_with = data.draw(st.integers(dealt_with, given_out))
            effects = machine.feed(confirmed(dealt_with))
        else:
            effects = machine.feed({"ask": ASKED, "behind": BEHIND, "abandon": ABANDONED}[step])
        waits = {"ask": True, "abandon": False}.get(step, waits)
        if any(isinstance(effect, do.Seal) for effect in effects):
            given_out += data.draw(st.integers(0, 3))
            effects = (*effects, *machine.feed(sealed(given_out, dealt_with)))
        assert not any(isinstance(effect, Unexpected) for effect in effects)
        if do.FlushDone() in effects:
            assert (waits, dealt_with) == (True, given_out)
            waits, told = False, told + 1
        assert (machine.state is State.WAITED) == waits
    assert told <= story.count("ask")
