"""Spans in protobuf, written by hand, against the library with descriptors made from the specification (traces 10.1)."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.protobuf_schemas import message_class
from protocols.intake_span import constant_fields, encode_event, encode_link, encode_spans

TEXT = st.text(max_size=200)
U64, I64, I32 = st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1)
DOUBLE = st.floats(allow_nan=False)
SCALARS = {"string_value": TEXT, "bool_value": st.booleans(), "int_value": I64, "double_value": DOUBLE}
ARRAY_VALUES = st.fixed_dictionaries({"type": st.integers(0, 3)}, optional=SCALARS)
ANY_VALUES = st.fixed_dictionaries(
    {"type": st.integers(0, 4)}, optional=SCALARS | {"array_value": st.fixed_dictionaries({"values": st.lists(ARRAY_VALUES, max_size=3)})}
)
LINKS = st.fixed_dictionaries(
    {"trace_id": U64, "span_id": U64},
    optional={
        "trace_id_high": U64, "attributes": st.dictionaries(TEXT, TEXT, max_size=2), "tracestate": TEXT, "flags": st.integers(0, 2**32 - 1),
    },
)  # fmt: skip
EVENTS = st.fixed_dictionaries({"time_unix_nano": U64, "name": TEXT, "attributes": st.dictionaries(TEXT, ANY_VALUES, max_size=3)})
SPANS = st.fixed_dictionaries(
    {
        "service": TEXT, "name": TEXT, "resource": st.text(max_size=1100), "type": TEXT, "trace_id": U64, "span_id": U64, "parent_id": U64,
        "start": I64, "duration": I64, "error": I32, "meta": st.dictionaries(TEXT, TEXT, max_size=5),
        "metrics": st.dictionaries(TEXT, DOUBLE, max_size=3),
    },
    optional={
        "meta_struct": st.dictionaries(TEXT, st.binary(max_size=200), max_size=2), "span_links": st.lists(LINKS, max_size=2),
        "span_events": st.lists(EVENTS, max_size=2),
    },
)  # fmt: skip


def built(name, values):
    """The library's message of these values."""
    message = message_class(name)()
    for key, value in values.items():
        field = getattr(message, key)
        if name == "SpanEvent" and key == "attributes":
            for attribute, given_value in value.items():
                field[attribute].CopyFrom(built("AttributeAnyValue", given_value))
        elif isinstance(value, dict) and key == "array_value":
            field.CopyFrom(message_class("AttributeArray")(values=[built("AttributeArrayValue", each) for each in value["values"]]))
        elif isinstance(value, dict):
            for entry, content in value.items():
                field[entry] = content
        elif isinstance(value, list):
            field.extend([built({"span_links": "SpanLink", "span_events": "SpanEvent"}[key], each) for each in value])
        else:
            setattr(message, key, value)
    return message


def parsed(name, data):
    return message_class(name).FromString(data)


@settings(deadline=None)
@given(st.lists(SPANS, max_size=3))
def test_spans_are_what_the_library_would_write(spans):
    assert [parsed("Span", data) for data in encode_spans(spans)] == [built("Span", span) for span in spans]


@settings(deadline=None)
@given(SPANS)
def test_no_byte_is_spent_on_what_is_empty(span):
    # A map's order is the writer's own choice, its size is not.
    assert len(encode_spans([span])[0]) == built("Span", span).ByteSize()


@settings(deadline=None)
@given(LINKS)
def test_links_are_what_the_library_would_write(link):
    assert parsed("SpanLink", encode_link(link)) == built("SpanLink", link)


@settings(deadline=None)
@given(EVENTS)
def test_events_are_what_the_library_would_write(event):
    assert parsed("SpanEvent", encode_event(event)) == built("SpanEvent", event)
    assert len(encode_event(event)) == built("SpanEvent", event).ByteSize()


@settings(deadline=None)
@given(st.dictionaries(TEXT, TEXT, max_size=4), SPANS)
def test_common_tags_join_those_of_the_span_and_win(tags, span):
    expected = built("Span", span | {"meta": span["meta"] | tags})
    assert parsed("Span", encode_spans([span])[0] + constant_fields(tags)) == expected


SPAN = {
    "service": "", "name": "", "resource": "", "type": "", "trace_id": 1, "span_id": 2, "parent_id": 0, "start": 0, "duration": 0,
    "error": 0,
    "meta": {}, "metrics": {},
}  # fmt: skip


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, -0.0, 5e-324])
def test_a_metric_is_any_double(value):
    found = parsed("Span", encode_spans([SPAN | {"metrics": {"m": value}}])[0]).metrics["m"]
    assert math.isnan(found) if math.isnan(value) else (found, math.copysign(1, found)) == (value, math.copysign(1, value))


def test_half_a_character_does_not_cost_the_span():
    found = parsed("Span", encode_spans([SPAN | {"resource": "a\udcff", "service": "\ud800", "meta": {"k\udc00": "v\udc00"}}])[0])
    assert (found.resource, found.service, dict(found.meta)) == ("a?", "?", {"k?": "v?"})


def test_ids_of_one_trace_do_not_mix():
    spans = [SPAN | {"trace_id": trace, "span_id": own, "parent_id": parent} for trace, own, parent in [(7, 8, 7), (8, 7, 8), (7, 9, 8)]]
    found = [parsed("Span", data) for data in encode_spans(spans)]
    assert [(each.trace_id, each.span_id, each.parent_id) for each in found] == [(7, 8, 7), (8, 7, 8), (7, 9, 8)]
