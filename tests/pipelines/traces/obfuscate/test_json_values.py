"""JSON without its values (specification, traces 9.6)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.traces.obfuscate.json_values import JSON_CHARACTERS_MAX, obfuscate_json
from pipelines.traces.obfuscate.sql import obfuscate_sql


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"query":{"fields":["_all",{"key":1}],"x":null}}', '{"query":{"fields":["?",{"key":"?"}],"x":"?"}}'),
        ('{"first json": "valid"} {"second json": "unfinished', '{"first json":"?"} {"second json":"?"...'),
        ("INVALID", "..."),
        ("", ""),
        ("{}", "{}"),
        ("[ ]", "[]"),
        (' [1, 2.5e-3,\n true , "a\\"b" ] ', ' ["?","?","?","?"] '),
        ("1 2", '"?" "?"'),
        ('{"a": 1', '{"a":"?"...'),
        ('{"a" 1}', '{"a"...'),
        ('{"a":1,}', '{"a":"?",...'),
        ("[1,]", '["?",...'),
        ("[1}", '["?"...'),
        ("[,1]", "[..."),
        ('{"a":tru}', '{"a":...'),
        ("12a", "..."),
        ("[1] ]", '["?"] ...'),
        ('{"unfinished ke', "{..."),
        ('"a\tb"', "..."),
        (":", "..."),
        ("{[", "{..."),
        ("[[]{", "[[]..."),
    ],
)
def test_values_are_hidden(text, result):
    assert obfuscate_json(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"key":"value","other":["1",{"k":"v"}]}', '{"key":"?","other":["1",{"k":"v"}]}'),
        ('{"other": 1, "b": [{"other": "x"}, "y"]}', '{"other":1,"b":[{"other":"x"},"?"]}'),
        ('{"other":{"a":{}},"b":1}', '{"other":{"a":{}},"b":"?"}'),
        ('["other"]', '["?"]'),
        ('{"a":["x"],"other":"cut', '{"a":["?"],"other":"cut...'),
        ('{"other":[1],"a":["x"]}', '{"other":[1],"a":["?"]}'),
    ],
)
def test_values_under_a_kept_key_stay(text, result):
    assert obfuscate_json(text, {"other"}) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"sql": "SELECT \'é\', \\"a\\"", "b": "x"}', '{"sql":"SELECT ? a","b":"?"}'),
        ('{"sql": ["SELECT 1"], "b": {"sql": 7}}', '{"sql":["?"],"b":{"sql":"?"}}'),
        ('{"sql": "\\q"}', '{"sql":"?"}'),
        ('{"sql": "SELECT 1', '{"sql":"?"...'),
    ],
)
def test_texts_under_a_key_with_sql_are_obfuscated(text, result):
    assert obfuscate_json(text, transformed={"sql"}, transform=obfuscate_sql) == result


def test_a_long_or_deep_text_is_read_as_far_as_the_bound():
    assert obfuscate_json("[" * 10 * JSON_CHARACTERS_MAX) == "[" * JSON_CHARACTERS_MAX + "..."
    assert obfuscate_json('["' + "secret" * JSON_CHARACTERS_MAX + '"]') == '["?"...'


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats().filter(lambda number: number - number == 0) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=4), children, max_size=4),
)


def hidden(value):
    if isinstance(value, dict):
        return {key: hidden(item) for key, item in value.items()}
    return [hidden(item) for item in value] if isinstance(value, list) else "?"


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_valid_json_keeps_its_shape_and_nothing_else(value, is_ascii, indent):
    assert json.loads(obfuscate_json(json.dumps(value, ensure_ascii=is_ascii, indent=indent))) == hidden(value)


@given(VALUES, st.integers(0, 200))
def test_whatever_is_cut_off_no_value_survives(value, length):
    text = json.dumps({"a": ["SECRET", value]})[:length]
    assert "SECRET" not in obfuscate_json(text)


@given(st.text() | st.text('{}[]",:\\1tnull e-', max_size=20))
def test_every_text_gives_a_text(text):
    assert isinstance(obfuscate_json(text, {"n"}, {"u"}, obfuscate_sql), str)
