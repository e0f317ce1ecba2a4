"""The arithmetic of protobuf's wire, against the library's."""

import pytest
from google.protobuf.internal import decoder, encoder
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocols.protobuf_fields import entry, field, number_field, read_fields, read_varint, signed, text_entry, text_field, utf8, varint


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1))
@example(0)
@example(127)
@example(1023)
@example(1024)
@example(2**14)
@example(2**21)
@example(2**28)
@example(2**56 - 1)
@example(2**56)
@example(2**63 - 1)
@example(2**63)
def test_a_varint_is_the_librarys(number):
    assert varint(number) == encoder._VarintBytes(number)
    assert read_varint(b"x" + varint(number) + b"y", 1) == (number, 1 + len(varint(number)))


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
def test_a_negative_number_takes_ten_bytes(number):
    assert decoder._DecodeSignedVarint(signed(number), 0) == (number, len(signed(number)))
    assert number_field(b"\x08", number) == (b"\x08" + signed(number) if number else b"")


def test_no_priority_is_the_negative_number_of_the_specification():
    assert number_field(b"\x08", -128).hex() == "0880ffffffffffffffff01"


def test_what_is_empty_is_left_out_of_messages_but_not_of_entries():
    assert (text_field(b"\x0a", ""), field(b"\x0a", b""), text_entry(b"\x52", "", "")) == (b"", b"\x0a\x00", b"\x52\x04\x0a\x00\x12\x00")
    assert entry(b"\x52", "a", b"\x11") == b"\x52\x04\x0a\x01a\x11"


def test_half_a_character_becomes_a_question_mark():
    assert utf8("a\ud800b") == b"a?b"


@settings(deadline=None)
@given(st.lists(st.binary(max_size=2000) | st.integers(0, 2**64 - 1) | st.just(None), max_size=6))
def test_fields_are_found_again(values):
    parts = [
        b"\x0a" + varint(len(value)) + value if type(value) is bytes else b"\x19" + bytes(8) if value is None else b"\x10" + varint(value)
        for value in values
    ]
    data = b"".join(parts)
    found = list(read_fields(b"\xff" + data + b"\xff", 1, 1 + len(data)))
    assert [key for key, *_ in found] == [part[0] for part in parts]
    assert [data[start - 1 : after - 1] for _, start, _, after in found] == parts
    contents = [data[content - 1 : after - 1] for key, _, content, after in found if key == 0x0A]
    assert contents == [value for value in values if type(value) is bytes]


@pytest.mark.parametrize("size", [0, 5, 127, 128, 20_000])
def test_a_field_says_how_long_it_is(size):
    assert field(b"\x0a", b"x" * size) == b"\x0a" + varint(size) + b"x" * size
