"""The fields of a v0.4 span one by one (specification, traces 4.1)."""

import pytest

from protocols.msgpack_spans import read_span, read_trace
from protocols.trace_values import Broken

DEFAULTS = {
    "service": "", "name": "", "resource": "", "type": "", "trace_id": 0, "span_id": 0, "parent_id": 0, "start": 0, "duration": 0,
    "error": 0,
    "meta": {}, "metrics": {},
}  # fmt: skip
WHOLE = {
    "service": "test-service", "name": "test-service-name", "resource": "test-service-resource", "trace_id": 111, "span_id": 222,
    "parent_id": 333, "start": 1, "duration": 5, "error": 0, "meta": {}, "metrics": {},
}  # fmt: skip


def test_a_whole_span_is_taken_as_it_is():
    assert read_span(dict(WHOLE)) == WHOLE | {"type": ""}


def test_without_service_parent_error_metrics_and_type_they_have_their_defaults():
    given = {name: WHOLE[name] for name in ("name", "resource", "trace_id", "span_id", "start", "duration", "meta")}
    assert read_span(given) == WHOLE | {"service": "", "parent_id": 0, "type": ""}


def test_a_span_without_anything_has_every_default():
    assert read_span({}) == DEFAULTS
    assert read_span(dict.fromkeys(DEFAULTS)) == DEFAULTS


LINK = {"trace_id": 999, "span_id": 888, "trace_id_high": 777, "attributes": {"key": "value"}, "tracestate": "vendor=value", "flags": 0}
STRING, BOOL, INT, DOUBLE = (
    {"type": 0, "string_value": "x"}, {"type": 1, "bool_value": True}, {"type": 2, "int_value": -3}, {"type": 3, "double_value": 1.5},
)  # fmt: skip
ARRAY = {"type": 4, "array_value": {"values": [STRING, BOOL, INT, DOUBLE]}}
EVENT = {"time_unix_nano": 5, "name": "e", "attributes": {"a": STRING, "b": ARRAY}}


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("meta", {"env": "test-env", "problematic_key": None}, {"env": "test-env"}),
        ("metrics", {"a": 1, "b": 2.5, "c": 2**64 - 1}, {"a": 1.0, "b": 2.5, "c": float(2**64 - 1)}),
        ("duration", -50, 0),
        ("duration", 1.5, 0),
        ("duration", 2**63, 0),
        ("duration", 2**63 - 1, 2**63 - 1),
        ("duration", "long", 0),
        ("start", -(2**63), -(2**63)),
        ("error", -1, -1),
        ("trace_id", 2**64 - 1, 2**64 - 1),
        ("span_links", [{"trace_id": 999, "span_id": 888, "trace_id_high": 777, "attributes": {"key": "value"},
        "tracestate": "vendor=value"}], [LINK]),
        ("span_links", [{"trace_id": 1, "span_id": 0}],
         [{"trace_id": 1, "span_id": 0, "trace_id_high": 0, "attributes": {}, "tracestate": "", "flags": 0}]),
        ("span_events", [EVENT], [EVENT]),
        ("span_events", [{}], [{"time_unix_nano": 0, "name": "", "attributes": {}}]),
        ("span_events", [{"attributes": {"a": {}, "b": {"type": 4, "array_value": {"values": None}}, "c": {"type": 3, "double_value": 2}}}],
         [{"time_unix_nano": 0, "name": "", "attributes": {
             "a": {"type": 0}, "b": {"type": 4, "array_value": {"values": []}}, "c": {"type": 3, "double_value": 2.0}}}]),
        ("meta_struct", {"appsec": b"\x80"}, {"appsec": b"\x80"}),
    ],
)  # fmt: skip
def test_a_field_is_read_as_the_table_says(name, value, read):
    assert read_span(WHOLE | {name: value}) == WHOLE | {"type": ""} | {name: read}


@pytest.mark.parametrize("name", ["meta_struct", "span_links", "span_events"])
@pytest.mark.parametrize("nothing", [None, "empty"])
def test_an_optional_field_that_holds_nothing_is_absent(name, nothing):
    value = None if nothing is None else {} if name == "meta_struct" else []
    assert name not in read_span(WHOLE | {name: value})


def test_keys_that_nobody_knows_do_no_harm():
    assert read_span(WHOLE | {"new_field": [1], 5: 6}).items() >= WHOLE.items()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(name, value) for name in ("service", "name", "resource", "type") for value in (1, b"x", [], {}, True, 1.5)],
        *[(name, value) for name in ("trace_id", "span_id", "parent_id") for value in (-1, "1", 1.0, True, [])],
        ("start", 2**63), ("start", 1.0), ("start", "1"), ("error", 2**31), ("error", True), ("error", "1"),
        ("meta", []), ("meta", "x"), ("meta", {1: "a"}), ("meta", {"a": 1}), ("meta", {"a": b"x"}), ("meta", {"a": {}}), ("meta",
        {b"a": "x"}),
        ("metrics", []), ("metrics", {"a": None}), ("metrics", {"a": "1"}), ("metrics", {"a": True}), ("metrics", {1: 1.0}),
        ("meta_struct", []), ("meta_struct", {"a": "text"}), ("meta_struct", {1: b""}), ("meta_struct", {"a": None}),
        ("span_links", {}), ("span_links", [1]), ("span_links", [{}]), ("span_links", [{"trace_id": 1}]), ("span_links", [{"span_id": 1}]),
        ("span_links", [LINK | {"flags": 2**32}]), ("span_links", [LINK | {"flags": -1}]), ("span_links",
        [LINK | {"attributes": {"a": 1}}]),
        ("span_links", [LINK | {"tracestate": 1}]), ("span_links", [LINK | {"trace_id": -1}]),
        ("span_events", {}), ("span_events", [1]), ("span_events", [{"name": 1}]), ("span_events", [{"time_unix_nano": -1}]),
        ("span_events", [{"attributes": {"a": 1}}]), ("span_events", [{"attributes": {"a": {"type": 5}}}]),
        ("span_events", [{"attributes": {"a": {"type": 4, "array_value": []}}}]),
        ("span_events", [{"attributes": {"a": {"type": 4, "array_value": {"values": {}}}}}]),
        ("span_events", [{"attributes": {"a": {"type": 4, "array_value": {"values": [{"type": 4}]}}}}]),
        ("span_events", [{"attributes": {"a": {"type": 1, "bool_value": 1}}}]),
        ("span_events", [{"attributes": {"a": {"type": 2, "int_value": 2**63}}}]),
        ("span_events", [{"attributes": {"a": {"type": 3, "double_value": "1"}}}]),
    ],
)  # fmt: skip
def test_a_field_of_another_kind_breaks_the_trace(name, value):
    with pytest.raises(Broken):
        read_trace([dict(WHOLE), WHOLE | {name: value}])


@pytest.mark.parametrize("raw", [None, {}, "x", [None], [[]], ["x"]])
def test_a_trace_is_an_array_of_maps(raw):
    with pytest.raises(Broken):
        read_trace(raw)
