"""One msgpack value out of bytes that nobody vouches for."""

import msgpack
import pytest

from protocols.msgpack_read import READ_BYTES, complete_elements, read_value
from protocols.trace_values import Malformed


def test_only_the_first_value_is_read():
    assert read_value(msgpack.packb([1, "a"]) + b"\xc1 rest") == [1, "a"]


@pytest.mark.parametrize("size", [0, 1, READ_BYTES - 5, READ_BYTES, 3 * READ_BYTES])
def test_a_value_may_be_larger_than_what_is_looked_at_in_one_go(size):
    assert read_value(msgpack.packb(["x" * size, b"y" * size, {"k": [7] * size}])) == ["x" * size, b"y" * size, {"k": [7] * size}]


def test_text_that_is_none_comes_with_replacement_characters():
    assert read_value(b"\xa3a\xffb") == "a\ufffdb"


def test_a_map_that_no_dict_can_hold_is_none():
    assert read_value(b"\x92\x81\x90\x01\x81\xa1k\x02") == [None, {"k": 2}]


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "breaks off"), (b"\x92\x01", "breaks off"), (b"\xc1", "FormatError"), (b"\x91" * 100_000 + b"\x01", "StackError")],
)
def test_what_is_not_msgpack_says_why_without_its_content(body, reason):
    with pytest.raises(Malformed, match=reason):
        read_value(body)


def test_elements_come_one_by_one_as_long_as_they_are_whole():
    body = msgpack.packb([[1], {"a": 2}, "xyz"])
    assert list(complete_elements(body)) == [[1], {"a": 2}, "xyz"]
    found = []
    with pytest.raises(Malformed):
        found.extend(each for each in complete_elements(body[:-1]))
    assert next(complete_elements(body[:-1])) == [1]


def test_elements_may_stand_within_an_array_of_a_given_length():
    body = msgpack.packb([["a"], [1, 2]])
    assert (list(complete_elements(body, 0)), list(complete_elements(body, 1, of=2))) == (["a"], [1, 2])
    for place, of in ((2, None), (1, 3)):
        with pytest.raises(Malformed):
            list(complete_elements(body, place, of))
    with pytest.raises(Malformed):
        list(complete_elements(msgpack.packb({"a": 1})))
