"""Room that several bodies share."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.body_room import BodyRoom


@given(st.lists(st.integers(0, 12)), st.integers(0, 30))
def test_no_more_is_taken_than_there_is(sizes, bytes_max):
    room = BodyRoom(bytes_max)
    taken = [size for size in sizes if room.take(size)]
    assert room.bytes == sum(taken) <= bytes_max
    assert room.fits(bytes_max - room.bytes)
    assert not room.fits(bytes_max - room.bytes + 1)
    for size in taken:
        room.give_back(size)
    assert room.bytes == 0


def test_others_are_asked_for_theirs_only_where_a_piece_finds_none():
    asked = []

    def make_room(size):
        asked.append(size)
        room.give_back(6)

    room = BodyRoom(10, make_room)
    assert room.take(8)
    assert asked == []
    assert room.take(5)
    assert (asked, room.bytes) == ([5], 7)
    assert repr(room) == "<BodyRoom 7 of 10 bytes taken>"
