"""Tags and levels in structured logs, row by row (specification, logs 5)."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.logs.structured import own_request_id, parse_object, read_status, split_tags, status_as_it_came, to_compact_json

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "plain", '"text"', "[{}]", "{", "{} x", "7", "null", '{"a":NaN}', '{"a":Infinity}', "{'a':1}", '\u00a0{"a":1}'),
        '{"a":' * 200_000 + "1" + "}" * 200_000,
        '{"a":' + "1" * 5000 + "}",
    ],
)
def test_only_an_object_is_structured(text):
    assert parse_object(text) is None


@pytest.mark.parametrize("text", ['{"a":1}', ' \t\r\n{"a":1}', '{"a":1} \n'])
def test_blanks_around_an_object_do_not_matter(text):
    assert parse_object(text) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "rest", "tags"),
    [
        (
            '{"message":{"custom_details": "my-structured-message","ddtags":"added_tag1:added_value1,added_tag2:added_value2"}}',
            '{"custom_details":"my-structured-message"}',
            "added_tag1:added_value1,added_tag2:added_value2",
        ),
        ('{"message":{"custom_details":"m"},"my_other_details":"included"}', None, ""),
        (
            '{"level":"WARN","message":"warning with tags","ddtags":"env:staging,team:backend"}',
            '{"level":"WARN","message":"warning with tags"}',
            "env:staging,team:backend",
        ),
        ('{"ddtags":"a:b","z":1,"y":2}', '{"z":1,"y":2}', "a:b"),
        ('{"a": 1, "message":{"ddtags":"t:u","b":"ü"}, "c": [2]}', '{"a":1,"message":{"b":"ü"},"c":[2]}', "t:u"),
        ('{"ddtags":"outer:x","message":{"ddtags":"inner:y"}}', '{"message":{"ddtags":"inner:y"}}', "outer:x"),
        ('{"ddtags":"","a":1}', '{"a":1}', ""),
        ('{"ddtags":7,"message":{"ddtags":"inner:y"}}', '{"ddtags":7,"message":{}}', "inner:y"),
        ('{"ddtags" : 7}', None, ""),
        ('{"message" : {"ddtags":["a"]}}', None, ""),
        ('{"message" : "text"}', None, ""),
    ],
)
def test_tags_leave_the_log_and_other_logs_stay_as_they_are(text, rest, tags):
    fields = parse_object(text)
    before = json.dumps(fields)
    left, found = split_tags(fields)
    assert found == tags
    assert left is fields if rest is None else to_compact_json(left) == rest
    assert json.dumps(fields) == before, "the record is somebody else's too"


@pytest.mark.parametrize(
    ("levels", "status"),
    [
        (("FATAL", "CRITICAL", "fatal"), "critical"),
        (("ERROR", "ERR", "error"), "error"),
        (("WARN", "WARNING", "Warn"), "warn"),
        (("INFO", "INFORMATION", "info"), "info"),
        (("DEBUG", "debug"), "debug"),
        (("TRACE", "trace"), "trace"),
        (("VERBOSE", "UNKNOWN", "", 42, None, True, [], {}), "info"),
    ],
)
@pytest.mark.parametrize("key", ["level", "status"])
def test_levels(key, levels, status):
    assert {read_status({key: level}) for level in levels} == {status}


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"level": "WARN", "status": "error"}, "warn"),
        ({"level": 42, "status": "error"}, "info"),
        ({"level": None, "status": "error"}, "info"),
        ({}, "info"),
    ],
)
def test_an_unusable_level_does_not_fall_back_to_the_status(fields, status):
    assert read_status(fields) == status


@pytest.mark.parametrize(
    ("fields", "request_id"),
    [
        ({"requestId": "a"}, "a"),
        ({"AWSRequestId": "b"}, "b"),
        ({"requestId": "a", "AWSRequestId": "b"}, "a"),
        ({"requestId": 7, "AWSRequestId": "b"}, None),
        ({"requestId": None, "AWSRequestId": "b"}, None),
        ({"AWSRequestId": 7}, None),
        ({"message": {"requestId": "a"}}, None),
    ],
)
def test_own_request_ids(fields, request_id):
    assert own_request_id(fields) == request_id


@given(ANY_JSON)
def test_compact_json_is_what_the_standard_encoder_writes(value):
    """But for numbers with an exponent, which are written otherwise and read alike."""
    standard = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    written = to_compact_json(value)
    assert json.loads(written) == value
    if not re.search(r"e[-+]\d", standard):
        assert written == standard


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *((1.0, "1.0"), (0.1, "0.1"), (0.0001, "0.0001"), (-0.0, "-0.0"), (1e15, "1000000000000000.0"), (1e-10, "1e-10")),
        *((1e-5, "0.00001"), (-1.25e-5, "-0.0000125"), (1e-6, "1e-6"), (-2.5e-7, "-2.5e-7")),
        *((1e16, "1e16"), (1.5e300, "1.5e300"), (1e400, "1e999"), (-1e400, "-1e999")),
    ],
)
def test_numbers_are_written_as_the_reference_writes_them(number, text):
    """The shortest digits, without a sign or zeros in the exponent; decimal from 0.00001 up to below 1e16."""
    assert to_compact_json({"a": [number, "1e-05", None]}) == f'{{"a":[{text},"1e-05",null]}}'


def test_a_deep_object_with_such_a_number_is_not_lost():
    deep = 1e-7
    for _ in range(700):
        deep = [deep]
    assert json.loads(to_compact_json(deep)) == deep


def test_what_is_nested_too_deep_is_not_written():
    value: list[object] = []
    for _ in range(200_000):
        value = [value]
    assert to_compact_json(value) is None
    while value:  # taken apart by hand: freeing it at once would be recursive too
        value = value.pop()


@given(st.dictionaries(st.sampled_from(["message", "ddtags", "level", "status"]), ANY_JSON | st.fixed_dictionaries({"ddtags": ANY_JSON})))
def test_no_object_raises(fields):
    text = json.dumps(fields)
    rest, tags = split_tags(parse_object(text))
    assert isinstance(rest, dict)
    assert isinstance(tags, str)
    assert read_status(fields) in ("critical", "error", "warn", "info", "debug", "trace")


FRAMED = st.tuples(st.sampled_from(["", " ", "\n", "{", "x"]), st.sampled_from(["", "\n", " \t", "}", "\u00a0"]))
LOGS = st.dictionaries(st.sampled_from(["message", "ddtags", "level", "status", "a"]), ANY_JSON | st.sampled_from(["warn", "ERROR"]))


@given(LOGS | ANY_JSON | st.fixed_dictionaries({"message": LOGS}), FRAMED)
def test_the_short_look_at_a_line_says_what_the_long_one_says(value, frame):
    """It is given lines that begin with a brace; what it says of others does not matter, as long as it says something."""
    text = frame[0] + json.dumps(value) + frame[1]
    fields = parse_object(text)
    if fields is None:
        assert status_as_it_came(text) == "info"
    elif text[0] == "{":
        rest, _ = split_tags(fields)
        carries_tags = "ddtags" in fields or (isinstance(fields.get("message"), dict) and "ddtags" in fields["message"])
        assert (status_as_it_came(text) is None) == carries_tags
        if rest is not fields:
            assert status_as_it_came(text) is None, "its text would not be the one that came"
        elif not carries_tags:
            assert status_as_it_came(text) == read_status(fields)


@pytest.mark.parametrize("text", ["{", '{"a":NaN}', '{"a":' * 200_000, '{"level":"ERROR"} and more', "{}{}", '{"a":' + "1" * 5000 + "}"])
def test_what_only_begins_like_an_object_is_plain_text(text):
    assert status_as_it_came(text) == "info"
