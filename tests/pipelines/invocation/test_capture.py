"""The table of the specification (invocation 9), and what it does not redact there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.invocation.capture import BYTES_MAX, TAGS_MAX, TEXT_LENGTH_MAX, capture, capture_text, is_secret

LEVELS = json.loads(
    '{"hello":"world","empty":null,"level1":{"obj":{"level3":3},"arr":[null,true,"great",{"l3":"v3"}],"boolean":true,"number":2,'
    '"empty":null,"empty_obj":{},"empty_arr":[]},"arr":[{"a":"b"},{"c":"d"}]}'
)
ROWS = [
    ({"request": {"simple": "value"}}, 10, {"payload.request.simple": "value"}),
    (
        {
            "request": {
                "simple": "value",
                "obj": {"arr": ["a", "b", "c"], "boolean": True, "nested": {"value": "nested_value"}},
                "empty": None,
                "number": 1,
                "boolean": True,
            }
        },
        10,
        {
            "payload.request.simple": "value",
            "payload.request.obj.arr.0": "a",
            "payload.request.obj.arr.1": "b",
            "payload.request.obj.arr.2": "c",
            "payload.request.obj.boolean": "true",
            "payload.request.obj.nested.value": "nested_value",
            "payload.request.empty": "null",
            "payload.request.number": "1",
            "payload.request.boolean": "true",
        },
    ),
    ({"request": [{"simple": "value"}] * 3}, 10, {f"payload.request.{i}.simple": "value" for i in range(3)}),
    (
        LEVELS,
        2,
        {
            "payload.hello": "world",
            "payload.empty": "null",
            "payload.level1.obj": '{"level3":3}',
            "payload.level1.arr": '[null,true,"great",{"l3":"v3"}]',
            "payload.level1.boolean": "true",
            "payload.level1.number": "2",
            "payload.level1.empty": "null",
            "payload.level1.empty_obj": "{}",
            "payload.level1.empty_arr": "[]",
            "payload.arr.0": '{"a":"b"}',
            "payload.arr.1": '{"c":"d"}',
        },
    ),
    ({"request": {"headers": {"authorization": "secret token"}}}, 10, {"payload.request.headers.authorization": "redacted"}),
    ({}, 10, {}),
    ([], 10, {"payload": "[]"}),
    (None, 10, {"payload": "null"}),
    ("text", 10, {"payload": "text"}),
    ("text", 0, {"payload": '"text"'}),
    ({"body": '{"a":{"b":1}}'}, 10, {"payload.body.a.b": "1"}),
    ({"n": "007", "m": "1e5", "b": "true"}, 10, {"payload.n": "007", "payload.m": "1e5", "payload.b": "true"}),
    ({"é": {"ü": "ö"}}, 1, {"payload.é": '{"ü":"ö"}'}),
]


@pytest.mark.parametrize(("payload", "depth_max", "tags"), ROWS)
def test_rows(payload, depth_max, tags):
    captured = capture("payload", payload, depth_max)
    assert captured.tags == tags
    assert captured.is_whole


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "passwd",
        "pwd",
        "secret",
        "token",
        "authorization",
        "x-authorization",
        "api_key",
        "Password",
        "API-KEY",
        "apiKey",
        "x-api-key",
        "X-Authorization",
        "accessToken",
        "client_secret",
        "DB_PASSWORD",
        "api.key",
    ],
)
@pytest.mark.parametrize("value", ["hunter2", "12345", '{"a":"hunter2"}', 12345, True, {"a": "hunter2"}, ["hunter2"]])
@pytest.mark.parametrize("depth_max", [1, 2, 3, 4, 10])
def test_secrets_are_redacted_under_any_spelling_at_any_depth_and_of_any_type(name, value, depth_max):
    inner = {name: value}
    payload = {"body": json.dumps({"a": [inner, json.dumps(inner)]}), "a": {"b": [inner]}}
    tags = capture("payload", payload, depth_max).tags
    said = [text for text in tags.values() if "hunter2" in text or "12345" in text]
    assert said == []
    assert any("redacted" in text for text in tags.values())


@pytest.mark.parametrize("name", ["tokens", "secretary", "author", "key", "pass"])
def test_names_that_only_look_like_a_secret(name):
    assert not is_secret(name)


def test_a_text_is_cut():
    assert capture("p", "x" * 5000, 10).tags == {"p": "x" * TEXT_LENGTH_MAX}
    assert len(capture("p", {"a": ["x" * 100] * 100}, 1).tags["p.a"]) == TEXT_LENGTH_MAX


def test_the_number_of_tags_is_bounded():
    captured = capture("p", list(range(TAGS_MAX + 1)), 10)
    assert (len(captured.tags), captured.is_whole) == (TAGS_MAX, False)


def test_the_size_of_tags_is_bounded():
    captured = capture("p", ["x" * TEXT_LENGTH_MAX] * 200, 10)
    assert not captured.is_whole
    assert sum(len(key) + len(value) for key, value in captured.tags.items()) <= BYTES_MAX


def test_what_makes_no_tags_is_bounded_too():
    assert not capture("p", [{}] * 1_000_000, 10).is_whole


def test_a_body_that_is_no_json_is_text():
    assert capture_text("function.response", b"a\xff" + b"b" * 5000).tags == {
        "function.response": ("a\ufffd" + "b" * 5000)[:TEXT_LENGTH_MAX]
    }


def test_deep_nesting_ends():
    deep = "[" * 900 + "]" * 900
    payload = json.loads(deep)
    assert capture("p", payload, 2**32 - 1).tags
    assert capture("p", payload, 1).tags
    assert capture("p", "[" * 200_000, 10).tags == {"p": "[" * TEXT_LENGTH_MAX}


def test_texts_within_texts_end():
    text = "x"
    for _ in range(12):
        text = json.dumps(text)
    assert capture("p", text, 10).tags


@pytest.mark.parametrize("depth_max", [1, 10])
def test_a_text_that_is_too_long_to_look_into_is_not_shown(depth_max):
    text = json.dumps({"password": "hunter2", "more": "x" * 300_000})
    assert "hunter2" not in str(capture("p", {"a": text, "b": {"c": text}, "d": json.dumps(text)}, depth_max).tags)
    assert capture("p", "x" * 300_000, 10).tags == {"p": "x" * TEXT_LENGTH_MAX}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(['{"a":1}', '["x"]', '"{}"', "[", "{"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(JSON, st.integers(0, 12))
def test_any_payload_becomes_texts(payload, depth_max):
    for key, value in capture("p", payload, depth_max).tags.items():
        assert key.startswith("p")
        assert type(value) is str
        assert len(value) <= TEXT_LENGTH_MAX


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "é", 'a"b', "\n"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("uvwx"), inner, max_size=4),
    max_leaves=15,
)


@given(PLAIN)
def test_without_secrets_what_is_too_deep_is_the_json_that_it_was(payload):
    assert capture("p", {"a": payload}, 1).tags == {
        "p.a": json.dumps(payload, separators=(",", ":"), ensure_ascii=False) if payload is not None else "null"
    }


def test_numbers_are_spelt_as_the_reference_spells_them():
    payload = {"large": 1e21, "small": [1e-7, {"deep": 2.5e-9}]}
    assert capture("p", payload, 2).tags == {"p.large": "1e21", "p.small.0": "1e-7", "p.small.1": '{"deep":2.5e-9}'}
