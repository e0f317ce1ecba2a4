"""Reading what nobody promised (specification, triggers 2.3 and 5.2)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.triggers.fields import (
    NAMES_MAX,
    TEXT_CHARS_MAX,
    as_carrier,
    as_text,
    constant,
    decode_base64,
    dig,
    has_context,
    mapping,
    ms_to_ns,
    read,
    rules,
    s_to_ns,
    text,
    time_to_ns,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ({"a": {"b": 1}}, ("a", "b"), 1),
        ({"a": {"b": 1}}, (), {"a": {"b": 1}}),
        ({"a": None}, ("a", "b"), None),
        ({"a": [1]}, ("a", "0"), None),
        ("text", ("a",), None),
        ({"a": 1}, ("a", "b"), None),
    ],
)
def test_a_path_that_breaks_off_leads_to_nothing(value, path, expected):
    assert dig(value, *path) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        ("", ""),
        (7, "7"),
        (-7, "-7"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (None, None),
        ([], None),
        ({}, None),
        (1 << 64, None),
        ("x" * (TEXT_CHARS_MAX + 1), "x" * TEXT_CHARS_MAX),
        ("grün", "grün"),
        ("a\ud800b", "a?b"),
    ],
)
def test_texts_numbers_and_booleans_are_texts(value, expected):
    assert as_text(value) == expected


def test_a_missing_text_is_empty_and_a_missing_object_too():
    assert text({"a": None}, "a") == ""
    assert mapping({"a": 1}, "a") == {}
    assert mapping({"a": {"b": 1}}, "a") == {"b": 1}


def test_rules_set_what_is_there_even_if_empty():
    table = rules({"one": "a.b", "two": "a.c", "three": "a.d", "four": constant("4"), "five": lambda record: None})
    assert read(table, {"a": {"b": 1, "c": "", "d": None}}) == {"one": "1", "two": "", "four": "4"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1631212283738, 1631212283737999872),
        (1523232000000, 1523232000000000000),
        ("1523232000000", 1523232000000000000),
        (1745846213022.0, 1745846213022000128),
        ("1731183820135", 1731183820135000064),
        (0, 0),
        (-1, 0),
        (True, 0),
        (None, 0),
        ("", 0),
        ("soon", 0),
        ("nan", 0),
        ("inf", 0),
        (float("nan"), 0),
        (float("inf"), 0),
        (10**400, 0),
        (10**15, 0),
        ("1" * 50, 0),
        ([], 0),
    ],
)
def test_milliseconds_become_nanoseconds_as_doubles_have_them(value, expected):
    assert ms_to_ns(value) == expected


def test_seconds_become_nanoseconds():
    assert s_to_ns(1643638425.163) == 1643638425163000064
    assert s_to_ns(1428537600) == 1428537600000000000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2022-01-31T14:13:41.637Z", 1643638421637000000),
        ("2023-01-07T00:00:00.000Z", 1673049600000000000),
        ("2024-11-09T08:22:15Z", 1731140535000000000),
        ("2024-02-17T11:53:08.431+0000", 1708170788431000000),
        ("2024-11-09T09:22:15+01:00", 1731140535000000000),
        ("2022-01-31T14:13:41.637000001Z", 1643638421637000001),
        ("2022-01-31T14:13:41.6371234567Z", 1643638421637123456),
        ("2022-01-31T15:13:41.63712+01:00", 1643638421637120000),
        ("2022-01-31T14:13:41.6Z", 1643638421600000000),
        ("1969-12-31T23:59:59Z", 0),
        ("yesterday", 0),
        ("", 0),
        ("2024-11-09T08:22:15Z" * 10, 0),
        (None, 0),
        (7, 0),
    ],
)
def test_times_become_nanoseconds(value, expected):
    assert time_to_ns(value) == expected


def test_a_carrier_keeps_texts_and_numbers_under_lower_case_names():
    value = {
        "X-Datadog-Trace-Id": "1",
        "x-datadog-parent-id": 2,
        "x-datadog-sampling-priority": 1.0,
        "a": None,
        "b": [],
        "c": {},
        "d": True,
    }
    assert as_carrier(value) == {"x-datadog-trace-id": "1", "x-datadog-parent-id": "2", "x-datadog-sampling-priority": "1.0"}


def test_a_carrier_has_so_many_names_and_no_more():
    assert len(as_carrier({str(number): "x" for number in range(NAMES_MAX + 1)})) == NAMES_MAX


@pytest.mark.parametrize(
    ("carrier", "expected"),
    [
        ({"x-datadog-trace-id": "1"}, True),
        ({"traceparent": ""}, True),
        ({"b3": "0"}, True),
        ({"x-b3-traceid": "1"}, True),
        ({"x-datadog-parent-id": "1", "tracestate": ""}, False),
        ({}, False),
    ],
)
def test_a_carrier_has_a_context_if_a_style_begins_in_it(carrier, expected):
    assert has_context(carrier) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("aGk=", b"hi"), ("aGk", b""), ("a!Gk=", b""), ("ü", b""), ("", b""), (None, b""), (7, b"")]
)
def test_base64_that_is_none_is_nothing(value, expected):
    assert decode_base64(value) == expected


@settings(deadline=None)
@given(JSON)
def test_no_value_is_refused_with_an_exception(value):
    for function in (as_text, as_carrier, ms_to_ns, s_to_ns, time_to_ns, decode_base64):
        function(value)
    assert all(type(each) is str for each in as_carrier(value).values())
