"""Spellings of numbers that are compared with the reference's as text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.json_numbers import spelt


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e16"),
        (1.2345678901234568e17, "1.2345678901234568e17"),
        (1e-5, "0.00001"),
        (-1.25e-5, "-0.0000125"),
        (1e-6, "1e-6"),
        (-1.5e-7, "-1.5e-7"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
        (5e-324, "5e-324"),
    ],
)
def test_it_is_spelt_like_this(number, text):
    assert spelt(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_it_is_the_same_number_and_no_ornament_is_left(number):
    assert json.loads(spelt(number)) == number
    assert "+" not in spelt(number)
    assert "e0" not in spelt(number)
    assert "e-0" not in spelt(number)
