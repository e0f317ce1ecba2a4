"""Traces of the v1.0 route: a writer that sends each text once, as tracers do, and what is read of it."""

import json

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.msgpack_traces import Chunk, Malformed, decode
from protocols.msgpack_v1_values import DEPTH_MAX, Strings
from protocols.trace_values import REPEATED_CHARACTERS_MAX, Broken

HIGH, LOW = 0x66F0000000000000, 0x123456789ABCDEF0
TRACE_ID = HIGH.to_bytes(8, "big") + LOW.to_bytes(8, "big")
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


class Writer:
    """Texts as themselves the first time and as their place from then on."""

    def __init__(self):
        self.places = {"": 0}

    def text(self, text):
        if text in self.places:
            return self.places[text]
        self.places[text] = len(self.places)
        return text

    def attributes(self, values):
        out = []
        for key, value in values.items():
            out += [self.text(key), *self.value(value)]
        return out

    def value(self, value):
        if type(value) is str:
            return 1, self.text(value)
        if type(value) is bool:
            return 2, value
        if type(value) is float:
            return 3, value
        if type(value) is int:
            return 4, value
        if type(value) is bytes:
            return 5, value
        if type(value) is list:
            return 6, [part for each in value for part in self.value(each)]
        return 7, self.attributes(value)

    def span(self, span):
        """A span of v0.4, its tags as attributes and some of them as fields of their own. Keys in the order of writing."""
        meta = {key: value for key, value in span["meta"].items() if key not in ("env", "version", "component", "span.kind")}
        out = {1: self.text(span["service"]), 2: self.text(span["name"]), 3: self.text(span["resource"]), 4: span["span_id"]}
        out |= {5: span["parent_id"], 6: span["start"], 7: span["duration"], 8: bool(span["error"])}
        out[9] = self.attributes(meta | span["metrics"] | span.get("meta_struct", {}))
        out[10] = self.text(span["type"])
        for number, name in ((13, "env"), (14, "version"), (15, "component")):
            out[number] = self.text(span["meta"].get(name, ""))
        out[16] = KINDS.get(span["meta"].get("span.kind"), 0)
        return out


def chunk(writer, spans, **fields):
    out = {1: fields.get("priority", 1), 2: writer.text(fields.get("origin", ""))}
    out[3] = writer.attributes(fields.get("attributes", {}))
    return out | {4: [writer.span(span) for span in spans], 5: False, 6: fields.get("trace_id", TRACE_ID), 7: fields.get("mechanism", 0)}


def span(**fields):
    usual = {
        "service": "svc", "name": "op", "resource": "res", "type": "web", "trace_id": LOW, "span_id": 2, "parent_id": 1,
        "start": 1700000000000000000, "duration": 5, "error": 1, "meta": {"a": "b"}, "metrics": {"m": 1.5},
    }  # fmt: skip
    return usual | fields


def read(payload):
    return decode("v1.0", msgpack.packb(payload))


def test_a_payload_tells_of_the_tracer_the_trace_and_its_spans():
    writer = Writer()
    names = ("container", "ruby", "3.3", "2.1", "runtime", "prod", "host", "7")
    payload = {number: writer.text(text) for number, text in enumerate(names, 2)}
    payload[10] = writer.attributes({"_dd.tags.process": "svc", "count": 3})
    given = span(
        meta={"a": "b", "env": "prod", "version": "7", "component": "rack", "span.kind": "server"}, meta_struct={"appsec": b"\x80"}
    )
    payload[11] = [chunk(writer, [given, span()], priority=2, origin="rum", attributes={"shared": True}, mechanism=4)]
    found = read(payload)
    assert found.payload == {
        "container_id": "container", "language_name": "ruby", "language_version": "3.3", "tracer_version": "2.1", "runtime_id": "runtime",
        "env": "prod", "hostname": "host", "app_version": "7",
    }  # fmt: skip
    assert found.tags == {"_dd.tags.process": "svc", "count": "3"}
    first = given | {"meta": {**given["meta"], "_dd.p.tid": "66f0000000000000", "_dd.p.dm": "-4"}}
    second = span(meta={"a": "b", "_dd.p.tid": "66f0000000000000"})
    assert (found.chunks, found.refused) == ([Chunk([first, second], 2, "rum", {"shared": "true"})], [])


def test_texts_may_be_sent_ahead():
    found = read({1: ["svc", "op"], 11: [{4: [{1: 1, 2: 2, 3: "new", 10: 3}], 6: b"\x07"}]})
    assert [(each["service"], each["name"], each["resource"], each["type"]) for each in found.chunks[0].spans] == [
        ("svc", "op", "new", "new")
    ]


def test_texts_are_sent_ahead_or_not_at_all():
    with pytest.raises(Malformed):
        read({2: "c", 1: ["a"]})


def test_a_short_trace_id_lacks_its_zeros_and_has_no_high_half():
    assert read({11: [{4: [{4: 1}], 6: b"\x01\x02"}]}).chunks[0].spans[0] | {"meta": {}} == {
        "service": "", "name": "", "resource": "", "type": "", "trace_id": 0x102, "span_id": 1, "parent_id": 0, "start": 0, "duration": 0,
        "error": 0, "meta": {}, "metrics": {},
    }  # fmt: skip


@pytest.mark.parametrize(("mechanism", "decision"), [(0, None), (8, "-8"), ("-5", "-5"), ("", None)])
def test_the_decision_stands_in_the_first_span(mechanism, decision):
    found = read({11: [{4: [{4: 1}, {4: 2}], 7: mechanism}]}).chunks[0].spans
    assert [each["meta"].get("_dd.p.dm") for each in found] == [decision, None]


@pytest.mark.parametrize(
    ("kind", "word"),
    [(0, None), (1, "internal"), (2, "server"), (3, "client"), (4, "producer"), (5, "consumer"), (9, None), ("client", "client")],
)
def test_a_kind_is_a_number_or_early_senders_word(kind, word):
    assert read({11: [{4: [{16: kind}]}]}).chunks[0].spans[0]["meta"].get("span.kind") == word


@pytest.mark.parametrize(
    ("attributes", "where", "expected"),
    [
        (["k", 1, "v"], "meta", {"k": "v"}),
        (["k", 2, True], "meta", {"k": "true"}),
        (["k", 3, 1.5, "l", 4, -2, "m", 3, 7], "metrics", {"k": 1.5, "l": -2.0, "m": 7.0}),
        (["k", 5, b"\x01"], "meta_struct", {"k": b"\x01"}),
        (["k", 6, [1, "a", 4, 2, 5, b"\xff"]], "meta", {"k": '["a",2,"ff"]'}),
        (["k", 7, ["a", 1, "ü", "b", 6, [2, False]]], "meta", {"k": '{"a":"ü","b":[false]}'}),
        ([], "meta", {}),
        (None, "meta", {}),
    ],
)
def test_attributes_become_what_v04_has_for_them(attributes, where, expected):
    assert read({11: [{4: [{9: attributes}]}]}).chunks[0].spans[0][where] == expected


def test_links_and_events_are_those_of_v04():
    link = {1: TRACE_ID, 2: 9, 3: ["k", 4, 3], 4: "vendor=1", 5: 1}
    event = {
        1: 77,
        2: "boom",
        3: ["s", 1, "x", "b", 2, True, "d", 3, 0.5, "i", 4, 3, "a", 6, [1, "y", 4, 2], "bin", 5, b"\x01", "m", 7, ["q", 4, 1]],
    }
    found = read({11: [{4: [{11: [link], 12: [event]}]}]}).chunks[0].spans[0]
    assert found["span_links"] == [
        {"trace_id": LOW, "trace_id_high": HIGH, "span_id": 9, "attributes": {"k": "3"}, "tracestate": "vendor=1", "flags": 1}
    ]
    assert found["span_events"] == [
        {"time_unix_nano": 77, "name": "boom", "attributes": {
            "s": {"type": 0, "string_value": "x"}, "b": {"type": 1, "bool_value": True}, "d": {"type": 3, "double_value": 0.5},
            "i": {"type": 2, "int_value": 3}, "bin": {"type": 0, "string_value": '"01"'}, "m": {"type": 0, "string_value": '{"q":1}'},
            "a": {"type": 4, "array_value": {"values": [{"type": 0, "string_value": "y"}, {"type": 2, "int_value": 2}]}}}}
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        7, {1: "high"}, {2: 99}, {2: b"x"}, {3: ["k", 1]}, {3: ["k", 9, 1]}, {3: {}}, {4: {}}, {4: [7]}, {6: b"x" * 17}, {6: "text"},
        {7: []},
        *[{4: [each]} for each in ({1: 99}, {1: -1}, {1: 1.5}, {4: -1}, {4: "x"}, {6: 2**63}, {7: -1}, {8: 1}, {9: ["k"]}, {16: -1},
        {16: []})],
        *[{4: [{9: ["k", *each]}]} for each in ((1, 1.5), (2, 1), (3, "x"), (4, 1.5), (5, "x"), (6, [1]), (6, {}), (7, ["a", 1]), (0, 1),
        ([], 1))],
        *[{4: [{11: each}]} for each in ({}, [1], [{1: 7}], [{2: -1}], [{4: 99}], [{5: -1}])],
        *[{4: [{12: each}]} for each in ({}, [1], [{1: -1}], [{2: 99}], [{3: ["a"]}])],
    ],
)  # fmt: skip
def test_a_broken_chunk_costs_only_itself_and_later_texts_keep_their_places(broken):
    # The chunk brings texts of its own before and after what is wrong with it: "one" is place 1, "two" place 2.
    bad = broken if type(broken) is int else {2: "one", **broken, 99: ["two"]} if 2 not in broken else {**broken, 98: "one", 99: "two"}
    places = len(texts_of(bad))
    found = read({11: [bad, {4: [{1: "after", 2: places + 1}]}]})
    assert len(found.refused) == 1
    assert [(each["service"], each["name"]) for each in found.chunks[0].spans] == [("after", "after")]


def texts_of(value, found=None):
    """The different texts of a value, in the order of the wire."""
    found = {} if found is None else found
    if type(value) is str and value:
        found[value] = None
    for part in value if type(value) is list else [each for pair in value.items() for each in pair] if type(value) is dict else []:
        texts_of(part, found)
    return found


@pytest.mark.parametrize("payload", [[], 7, {11: 7}, {2: 99}, {1: 7}, {1: [7]}, {10: ["a"]}])
def test_without_a_map_and_its_texts_nothing_can_be_read(payload):
    with pytest.raises(Malformed):
        read(payload)


def test_unknown_numbers_are_skipped_with_the_texts_they_bring():
    found = read({50: {"first": ["second"]}, 11: [{51: "third", 4: [{52: [{"fourth": 1}], 1: 1, 2: 2, 3: 3, 10: 4}]}]})
    assert [found.chunks[0].spans[0][name] for name in ("service", "name", "resource", "type")] == ["first", "second", "third", "fourth"]


def test_unknown_numbers_of_links_and_events_are_skipped_alike():
    found = read({11: [{4: [{11: [{9: "first"}], 12: [{9: "second", 2: 2}], 1: 1}]}]}).chunks[0].spans[0]
    assert (found["service"], found["span_events"][0]["name"]) == ("first", "second")


def test_attributes_nest_only_so_deep():
    value = (1, "x")
    for _ in range(DEPTH_MAX + 1):
        value = (6, list(value))
    found = read({11: [{4: [{9: ["k", *value]}]}]})
    assert found.refused == ["attributes nest too deep"]
    assert read({11: [{4: [{9: ["k", 6, value[1][1]]}]}]}).chunks[0].spans[0]["meta"]["k"].count("[") == DEPTH_MAX


def test_a_text_sent_ahead_twice_keeps_both_places():
    strings = Strings()
    strings.begin_with(["a", "a", "", "b"])
    assert [strings.text(place) for place in range(4)] == ["", "a", "a", "b"]
    strings.shorten(3)
    assert (strings.text("a"), strings.size) == ("a", 3)
    with pytest.raises(Broken):
        strings.text(3)


def test_a_small_body_cannot_stand_for_any_number_of_long_texts():
    long = "x" * (REPEATED_CHARACTERS_MAX // 4)
    found = read({11: [{4: [{3: long}] + [{3: 1}] * 2}, {4: [{3: 1}] * 3}, {4: [{3: 1}]}]})
    assert [len(chunk.spans) for chunk in found.chunks] == [3]
    assert found.refused == ["the texts of the body are too much together"] * 2


TEXT = st.text(max_size=5)
VALUES = st.recursive(
    TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary(max_size=3),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
    max_leaves=5,
)
SPANS = st.builds(span, service=TEXT, name=TEXT, resource=TEXT, type=TEXT, meta=st.dictionaries(TEXT, TEXT, max_size=3),
                  metrics=st.just({}), error=st.just(0))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, st.lists(SPANS, max_size=3)), max_size=4))
def test_what_a_tracer_writes_is_read_back(chunks):
    writer = Writer()
    found = read({11: [chunk(writer, spans, origin=origin, trace_id=LOW.to_bytes(16, "big")) for origin, spans in chunks]})
    assert found.chunks == [Chunk(spans, 1, origin) for origin, spans in chunks]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_any_attribute_has_a_place(values):
    found = read({11: [{4: [{9: Writer().attributes(values)}]}]}).chunks[0].spans[0]
    for name, value in values.items():
        if type(value) is bytes:
            assert found["meta_struct"][name] == value
        elif type(value) in (int, float):
            assert found["metrics"][name] == float(value)
        else:
            assert found["meta"][name] == value or json.loads(found["meta"][name]) == plain(value)


def plain(value):
    if type(value) is bytes:
        return value.hex()
    if type(value) is dict:
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if type(value) is list else value
