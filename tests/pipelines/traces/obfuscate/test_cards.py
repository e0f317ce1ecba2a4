"""Card numbers (specification, traces 9.7). The numbers are the networks' own test numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.traces.obfuscate.cards import hide_in_span, is_card


@pytest.mark.parametrize(
    "text",
    [
        "5105-1051-0510-5100",
        "4111 1111 1111 1111",
        "4242424242424242",
        "378282246310005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "2221000000000009",
        "6304000000000000",
        "5019717010103742",
        "6759649826438453",
    ],
)
def test_numbers_of_cards(text):
    assert is_card(text)
    assert is_card(text, luhn=True)


def test_without_a_right_check_digit_it_is_a_card_only_where_nobody_asks():
    assert is_card("4111111111111112")
    assert not is_card("4111111111111112", luhn=True)


@pytest.mark.parametrize(
    "text",
    [
        "7712378231899",
        "41111111111",
        "41111111111111111",
        "4111 1111 1111 111x",
        "٤١١١١١١١١١١١١١١١",
        "9111111111111111",
        "2220999999999999",
        "2721000000000000",
        "3100000000000000",
        "",
        "- - - - - - - - -",
        "4" + " " * 300 + "111111111111111",
    ],
)
def test_other_numbers(text):
    assert not is_card(text)


@given(st.integers(10**11, 10**16 - 1).map(str))
def test_a_wrong_check_digit_is_no_card_where_it_is_looked_at(digits):
    others = [digits[:-1] + last for last in "0123456789"]
    assert sum(is_card(text, luhn=True) for text in others) == (1 if is_card(digits) else 0)


def attribute(kind, **value):
    return {"type": kind, **value}


def span(attributes, **meta):
    return {"meta": meta, "span_events": [{"time_unix_nano": 1, "name": "paid", "attributes": attributes}]}


def test_attributes_of_events_of_every_type():
    found = span(
        {
            "text": attribute(0, string_value="4111111111111111"),
            "flag": attribute(1, bool_value=True),
            "number": attribute(2, int_value=4111111111111111),
            "float": attribute(3, double_value=4111111111111111.0),
            "half": attribute(3, double_value=0.5),
            "list": attribute(
                4, array_value={"values": [attribute(0, string_value="x"), attribute(2, int_value=4111111111111111), attribute(1)]}
            ),
            "default": {"string_value": "4111111111111111"},
        }
    )
    hide_in_span(found, luhn=True, keep=frozenset())
    hidden = {"type": 0, "string_value": "?"}
    assert found["span_events"][0]["attributes"] == {
        "text": hidden,
        "flag": attribute(1, bool_value=True),
        "number": hidden,
        "float": hidden,
        "half": attribute(3, double_value=0.5),
        "list": attribute(4, array_value={"values": [attribute(0, string_value="x"), hidden, attribute(1)]}),
        "default": hidden,
    }


@pytest.mark.parametrize("key", ["_private", "http.status_code", "databricks_job_id", "mine"])
def test_attributes_that_are_left_alone(key):
    found = span({key: attribute(0, string_value="4111111111111111")})
    hide_in_span(found, luhn=False, keep=frozenset({"mine"}))
    assert found["span_events"][0]["attributes"][key]["string_value"] == "4111111111111111"


@pytest.mark.parametrize(("keep", "result"), [((), "?"), (("card.number",), "4111111111111111")])
def test_the_tag(keep, result):
    found = {"meta": {"card.number": "4111111111111111", "other": "4111111111111111"}}
    hide_in_span(found, luhn=False, keep=frozenset(keep))
    assert found["meta"] == {"card.number": result, "other": "4111111111111111"}
