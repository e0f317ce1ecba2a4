import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.config.reading import ERROR, UNSET, BadValue, Reading
from reactor.config.structured import parse_endpoints, parse_log_endpoints, parse_names, parse_processing_rules, parse_replace_rules

TWO_URLS = {"https://app.datadoghq.com": ["key1", "key2"], "https://app.datadoghq.eu": ["key3"]}
LOG_ENDPOINT = {"api_key": "apiKey2", "Host": "agent-http-intake.logs.datadoghq.com", "Port": 443, "is_reliable": True}
EXCLUDE = {"type": "exclude_at_match", "name": "exclude", "pattern": "exclude"}
REPLACE = {"name": "*", "pattern": "foo", "repl": "REDACTED"}


def read(parser, value, native):
    reading = Reading(native)
    return parser(value if native else json.dumps(value), reading), [level for level, _ in reading.notes]


@pytest.mark.parametrize("native", [False, True])
def test_endpoints_with_their_keys(native):
    expected = (("https://app.datadoghq.com", ("key1", "key2")), ("https://app.datadoghq.eu", ("key3",)))
    assert read(parse_endpoints, TWO_URLS, native) == (expected, [])


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(
    ("value", "levels"),
    [
        ({}, []),
        ({"https://a": "text"}, [ERROR]),
        ({"https://a": []}, []),
        ({"https://a": [1, ""]}, ["WARN", "WARN"]),
        ({"https://a": ["k\ny"]}, ["WARN"]),
    ],
)
def test_endpoints_without_a_usable_key_are_none(value, levels, native):
    assert read(parse_endpoints, value, native) == (UNSET, levels)


@pytest.mark.parametrize("parser", [parse_endpoints, parse_log_endpoints, parse_processing_rules, parse_replace_rules])
@pytest.mark.parametrize("text", [r'["\ud800"]', r'{"\ud800": 1}', "invalid-json", "7", '"text"', "[" * 100_000, "9" * 10_000, "NaN"])
def test_what_is_not_the_right_json_is_an_error(parser, text):
    with pytest.raises(BadValue) as caught:
        parser(text, Reading(native=False))
    assert caught.value.level == ERROR
    assert text[:20] not in caught.value.reason


@pytest.mark.parametrize("parser", [parse_endpoints, parse_log_endpoints, parse_processing_rules])
def test_empty_text_counts_as_absent(parser):
    assert parser("", Reading(native=False)) is UNSET


def test_an_empty_list_of_replace_rules_is_a_value():
    assert parse_replace_rules("[]", Reading(native=False)) == ()


@pytest.mark.parametrize("native", [False, True])
def test_log_endpoints(native):
    expected = (("apiKey2", "agent-http-intake.logs.datadoghq.com", 443, True),)
    assert read(parse_log_endpoints, [LOG_ENDPOINT], native) == (expected, [])


@pytest.mark.parametrize("missing", ["api_key", "Host", "Port", "is_reliable"])
def test_a_log_endpoint_needs_all_four_and_costs_only_itself(missing):
    # Better: the reference drops the whole list.
    incomplete = {name: value for name, value in LOG_ENDPOINT.items() if name != missing}
    value, levels = read(parse_log_endpoints, [incomplete, LOG_ENDPOINT], native=True)
    assert [entry[0] for entry in value] == ["apiKey2"]
    assert ERROR in levels


@pytest.mark.parametrize("port", [0, 65536, -1, True, "443", 4.5])
def test_a_log_endpoint_with_a_port_that_is_none_is_left_out(port):
    assert read(parse_log_endpoints, [{**LOG_ENDPOINT, "Port": port}], native=True) == (UNSET, [ERROR])


@pytest.mark.parametrize("native", [False, True])
def test_processing_rules_in_their_order(native):
    mask = {"type": "mask_sequences", "name": "cards", "pattern": r"\d{16}", "replace_placeholder": "****"}
    value, levels = read(parse_processing_rules, [EXCLUDE, mask], native)
    assert value == (("exclude_at_match", "exclude", "exclude", ""), ("mask_sequences", "cards", r"\d{16}", "****"))
    assert levels == []


@pytest.mark.parametrize("bad", [7, {}, {**EXCLUDE, "type": "other"}, {**EXCLUDE, "pattern": 1}, {**EXCLUDE, "replace_placeholder": 1}])
def test_a_bad_processing_rule_costs_only_itself(bad):
    # Better for variables: the reference uses none of the rules, and what a mask should hide goes out.
    assert read(parse_processing_rules, [bad, EXCLUDE], native=False) == ((("exclude_at_match", "exclude", "exclude", ""),), [ERROR])


@pytest.mark.parametrize("native", [False, True])
def test_replace_rules(native):
    assert read(parse_replace_rules, [REPLACE, {"name": "x"}], native) == ((("*", "foo", "REDACTED"),), ["WARN"])


@given(st.text(max_size=200))
def test_any_text_is_rules_or_a_bad_value(text):
    for parser in (parse_endpoints, parse_log_endpoints, parse_processing_rules, parse_replace_rules):
        try:
            value = parser(text, Reading(native=False))
        except BadValue:
            continue
        assert value is UNSET or isinstance(value, tuple)


@pytest.mark.parametrize(
    ("value", "native", "expected"),
    [
        ('["a", "b,c"]', False, ("a", "b,c")),
        (' ["a"]', False, ("a",)),
        ("a, b", False, ("a", "b")),
        ("[a,b]", False, ("a", "b")),
        ("", False, UNSET),
        (["a", "b"], True, ("a", "b")),
        ('["a"]', True, ("a",)),
    ],
)
def test_names_as_json_or_between_commas(value, native, expected):
    assert parse_names(value, Reading(native)) == expected


def test_names_that_are_half_json_are_an_error():
    with pytest.raises(BadValue):
        parse_names('["a", "b"', Reading(native=False))
