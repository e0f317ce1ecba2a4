"""Lines and frames out of what processes write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.lines import FrameSplitter, LineSplitter, as_record


def feed(splitter, data, cuts):
    out, start = [], 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        out += splitter.feed(data[start:cut])
        start = cut
    return out + splitter.end()


@given(st.lists(st.binary(max_size=6).map(lambda x: x.replace(b"\n", b"")), max_size=8), st.lists(st.integers(0, 60), max_size=5))
def test_any_split_gives_the_same_lines(lines, cuts):
    data = b"".join(line + b"\n" for line in lines)
    assert feed(LineSplitter(), data, cuts) == [line + b"\n" for line in lines]


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_no_byte_is_lost_and_no_piece_is_over_the_limit(data, cuts):
    found = feed(LineSplitter(line_bytes_max=7), data, cuts)
    assert b"".join(found) == data
    assert all(len(piece) <= 7 for piece in found)


def test_what_has_no_newline_comes_at_the_end():
    splitter = LineSplitter()
    assert (splitter.feed(b"half"), splitter.end(), splitter.end()) == ([], [b"half"], [])


def frame(message, magic=b"\xa5\x5a\x00\x03"):
    return magic + len(message).to_bytes(4, "big") + (17).to_bytes(8, "big") + message


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=5), st.lists(st.integers(0, 120), max_size=6))
def test_a_frame_is_one_record_whatever_newlines_it_has(messages, cuts):
    data = b"".join(frame(message) for message in messages)
    assert feed(FrameSplitter(), data, cuts) == messages


def test_what_is_not_a_frame_comes_out_as_it_is():
    splitter = FrameSplitter()
    assert splitter.feed(frame(b"good") + b"this is not a frame at all") == [b"good", b"this is not a frame at all"]
    assert splitter.feed(b"nor this") == [b"nor this"]


@pytest.mark.parametrize(
    ("line", "log_format", "expected"),
    [
        (b'{"a":1}\n', "JSON", {"a": 1}),
        (b'{"a":1}\n', "Text", '{"a":1}\n'),
        (b"plain\n", "JSON", "plain\n"),
        (b"{broken\n", "JSON", "{broken\n"),
        (b"[1]\n", "JSON", "[1]\n"),
        (b"\xff\n", "Text", "\ufffd\n"),
    ],
)
def test_a_line_becomes_an_object_only_where_the_format_says_so(line, log_format, expected):
    assert as_record(line, log_format) == expected


def test_an_empty_frame_is_no_record():
    assert FrameSplitter().feed(frame(b"") + frame(b"x")) == [b"x"]
