"""The hand-over record: what is written is read again, and what is anything else is refused whole."""

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor import hand_over
from reactor.stage0 import HandOver

KEYS = st.text(st.characters(codec="ascii", exclude_characters=" \n", exclude_categories=["Cc"]), min_size=1, max_size=20)
RAW = st.binary(max_size=300)


def made(errors, answers, times, identifier, began):
    done = HandOver()
    done.errors, done.answers, done.times_ns, done.identifier, done.began_ms = errors, answers, times, identifier, began
    return done


@given(
    st.dictionaries(KEYS, st.text(st.characters(exclude_categories=["Cs"]), max_size=50)),
    st.dictionaries(KEYS, RAW),
    st.dictionaries(KEYS, st.integers(0, 2**60)),
    st.text(st.characters(max_codepoint=255), max_size=40),
    st.none() | st.tuples(st.integers(0, 2**50), st.integers(0, 2**50)),
    st.dictionaries(KEYS.map(str.encode), RAW),
)
def test_what_is_written_is_read_again(errors, answers, times, identifier, began, variables):
    done = made(errors, answers, times, identifier, began)
    again, set_aside = hand_over.load(hand_over.dump(done, variables))
    assert vars(again) == vars(done)
    assert set_aside == variables


def test_sockets_come_with_their_descriptors_and_asked_follows_from_them():
    done = HandOver()
    done.sockets["platform"], done.sockets["dogstatsd"] = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    fds = {role: sock.fileno() for role, sock in done.sockets.items()}
    record = hand_over.dump(done)
    again, _ = hand_over.load(record)
    assert {role: sock.fileno() for role, sock in again.sockets.items()} == fds
    assert again.sockets["dogstatsd"].type == socket.SOCK_DGRAM
    assert again.asked
    for role, sock in done.sockets.items():
        again.sockets[role].detach()
        sock.close()


WHOLE = hand_over.dump(made({"a": "b"}, {"register": b"HTTP/1.1 200 OK\r\n\r\n"}, {"bound": 1}, "id", (1, 2)), {b"LD_X": b"y"})


@pytest.mark.parametrize("size", range(len(WHOLE) - 1))
def test_a_record_cut_anywhere_is_refused(size):
    with pytest.raises(hand_over.UnknownRecord):
        hand_over.load(WHOLE[:size])


@pytest.mark.parametrize(
    "record",
    [
        WHOLE.replace(b"hand-over 1", b"hand-over 2"),
        b"hand-over 1\nsocket telemetry 1\nx\nend record 0\n\n",
        b"hand-over 1\nsocket telemetry 5\n99999\nend record 0\n\n",
        b"hand-over 1\nnovelty key 1\nx\nend record 0\n\n",
        b"hand-over 1\ntime bound -1\nx\nend record 0\n\n",
        b"hand-over 1\nvalue telemetry_port 1\nx\nend record 0\n\n",
        b"\xff" * 100,
    ],
)
def test_another_version_or_nonsense_is_refused(record):
    with pytest.raises(hand_over.UnknownRecord):
        hand_over.load(record)


def test_it_is_adopted_from_a_descriptor_and_its_variables_are_in_the_environment(monkeypatch):
    monkeypatch.setattr(hand_over.posix, "environ", {b"A": b"1"})
    fd = os.memfd_create("hand-over")
    os.write(fd, WHOLE)
    done = hand_over.adopt(fd)
    assert done.identifier == "id"
    assert hand_over.posix.environ == {b"A": b"1", b"LD_X": b"y"}
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def test_nothing_is_adopted_where_nothing_was_written():
    assert hand_over.adopt(-1) is None


def test_the_sockets_of_a_record_that_cannot_be_read_are_closed_and_nothing_else(monkeypatch):
    listener, (read, write) = socket.create_server(("127.0.0.1", 0)), os.pipe()
    low = os.dup(listener.fileno())
    monkeypatch.setattr(hand_over, "range", lambda *bounds: [low, read, 9_999], raising=False)
    hand_over.forsake()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(low)
    for fd in (read, write):
        os.close(fd)
    listener.close()


def test_a_record_that_is_refused_leaves_no_socket_open():
    listener = socket.create_server(("127.0.0.1", 0))
    fd = os.dup(listener.fileno())
    with pytest.raises(hand_over.UnknownRecord):
        hand_over.load(b"hand-over 1\nsocket telemetry %d\n%d\nnovelty key 1\nx\nend record 0\n\n" % (len(str(fd)), fd))
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)
    listener.close()
