"""Bodies of the trace routes against specification, traces 4; what is broken costs itself alone, and no bytes do any harm."""

import contextlib
import copy
import tracemalloc

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.msgpack_traces import Chunk, Decoded, Malformed, decode

V04 = bytes.fromhex(
    "91918ca773657276696365a3737663a46e616d65a26f70a87265736f75726365a3726573a874726163655f696401a77370616e5f696402a9706172656e745f69"
    "6400a57374617274cf17979cfe362a0000a86475726174696f6e05a56572726f7200a46d65746181a3656e76a470726f64a76d65747269637381b55f73616d706c"
    "696e675f7072696f726974795f763101a474797065a3776562"
)
V05 = bytes.fromhex(
    "9298a0a3737663a26f70a3726573a3656e76a470726f64b55f73616d706c696e675f7072696f726974795f7631a377656291919c010203010200cf17979cfe362a"
    "000005008104058106cb3ff000000000000007"
)
EXAMPLE = {
    "service": "svc", "name": "op", "resource": "res", "trace_id": 1, "span_id": 2, "parent_id": 0, "start": 1700000000000000000,
    "duration": 5,
    "error": 0, "meta": {"env": "prod"}, "metrics": {"_sampling_priority_v1": 1.0}, "type": "web",
}  # fmt: skip
EMPTY = {
    "service": "", "name": "", "resource": "", "trace_id": 0, "span_id": 0, "parent_id": 0, "start": 0, "duration": 0, "error": 0,
    "meta": {},
    "metrics": {}, "type": "",
}  # fmt: skip
VERSIONS = ("v0.3", "v0.4", "v0.5", "v0.7", "v1.0")


def v04(*traces):
    return decode("v0.4", msgpack.packb(list(traces)))


# --- the examples -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "body", "size"), [("v0.3", V04, 154), ("v0.4", V04, 154), ("v0.5", V05, 84)])
def test_the_examples_of_the_specification_are_the_same_span(version, body, size):
    assert len(body) == size
    assert decode(version, body) == Decoded([Chunk([EXAMPLE])])


def test_v07_tells_of_the_tracer_and_of_each_trace():
    payload = {
        "container_id": "c", "language_name": "ruby", "language_version": "3.3", "tracer_version": "2.1", "runtime_id": "r", "env": "prod",
        "hostname": "", "app_version": "7", "tags": {"_dd.tags.process": "x"}, "unknown": [1, {}],
        "chunks": [
            {"priority": 2, "origin": "rum", "spans": [dict(EXAMPLE)], "tags": {"a": "b"}, "dropped_trace": True},
            {"spans": None},
            {"priority": "high", "spans": []},
            {"spans": [dict(EXAMPLE, meta=[])]},
            None,
        ],
    }  # fmt: skip
    assert decode("v0.7", msgpack.packb(payload)) == Decoded(
        [Chunk([EXAMPLE], 2, "rum", {"a": "b"}, True), Chunk([])],
        ["priority is not an integer of its range", "meta is not a map with text for keys", "a chunk is not a map"],
        {"container_id": "c", "language_name": "ruby", "language_version": "3.3", "tracer_version": "2.1", "runtime_id": "r", "env": "prod",
         "app_version": "7"},
        {"_dd.tags.process": "x"},
    )  # fmt: skip


@pytest.mark.parametrize("payload", [{"env": 1}, {"tags": []}, {"tags": {"a": 1}}, {"chunks": {}}, {"chunks": "x"}, [], 7])
def test_v07_without_a_sound_map_is_malformed(payload):
    with pytest.raises(Malformed):
        decode("v0.7", msgpack.packb(payload))


def test_v07_may_tell_of_a_tracer_without_traces():
    assert decode("v0.7", msgpack.packb({"env": "prod", "chunks": None})) == Decoded([], [], {"env": "prod"})


# --- what is broken -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\xc0", b"[]", b"\x01", b"\xa3abc", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x91" * 5000 + b"\xc0"]
)
def test_a_body_of_another_shape_is_malformed(version, body):
    if version in ("v0.3", "v0.4") and body == b"\xc0":
        body = b"\xc2"
    with pytest.raises(Malformed):
        decode(version, body)


def test_one_broken_trace_costs_only_itself():
    good = dict(EXAMPLE)
    found = v04([good], 7, [dict(good, meta={"a": 1})], [good, dict(good, trace_id=-1)], [good])
    assert [len(chunk.spans) for chunk in found.chunks] == [1, 1]
    assert found.refused == ["a trace is not an array", "a value of meta is not text", "trace_id is not an integer of its range"]


def test_a_map_that_no_dict_can_hold_costs_only_its_trace():
    body = b"\x92\x91\x81\x91\x01\x01" + V04[1:]
    found = decode("v0.4", body)
    assert (found.chunks, found.refused) == ([Chunk([EXAMPLE])], ["a span is not a map"])


@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
def test_of_a_body_that_breaks_off_the_whole_traces_count(version):
    strings, traces = msgpack.unpackb(V05, strict_map_key=False)
    body = b"\x92" + V04[1:] * 2 if version == "v0.4" else msgpack.packb([strings, traces * 2])
    found = decode(version, body[:-9])
    assert (found.chunks, found.refused) == ([Chunk([EXAMPLE])], ["the body breaks off"])


def test_what_follows_the_first_value_is_ignored():
    assert decode("v0.4", V04 + b"\x91\x91\x07rest") == Decoded([Chunk([EXAMPLE])])


def test_no_traces_are_no_error():
    assert decode("v0.4", b"\x90") == Decoded([])
    assert v04([], []) == Decoded([Chunk([]), Chunk([])])


def test_reasons_name_no_content():
    found = v04([{"service": 1, "meta": {"secret": "hunter2"}}], [{"meta": {"password": 4711}}])
    assert not any(word in " ".join(found.refused) for word in ("secret", "hunter2", "password", "4711"))


# --- bounds -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "claim", [b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff", b"\xdf\x7f\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"]
)
def test_a_small_body_that_claims_much_takes_no_memory(version, claim):
    for body in (claim, claim * 4, b"\x91\x91" + claim * 30, b"\x92\x81" + claim * 30):
        with pytest.raises(Malformed), memory() as peak:
            decode(version, body)
        assert peak() < 1_000_000


@pytest.mark.parametrize("version", VERSIONS)
def test_countless_empty_spans_are_refused_before_they_take_memory(version, monkeypatch):
    monkeypatch.setattr("protocols.trace_values.SPANS_MAX", 5)
    counts = (3, 6, 2, 1, 0)
    row = [0, 0, 0, 1, 1, 0, 1, 1, 0, {}, {}, 0]
    traces = [[row if version == "v0.5" else {}] * count for count in counts]
    payload = {
        "v0.5": [["s"], traces], "v0.7": {"chunks": [{"spans": trace} for trace in traces]}, "v1.0": {11: [{4: trace} for trace in traces]},
    }.get(version, traces)  # fmt: skip
    found = decode(version, msgpack.packb(payload))
    assert [len(chunk.spans) for chunk in found.chunks] == [3, 2, 0]
    assert found.refused == ["too many spans"] * 2


@contextlib.contextmanager
def memory():
    """Gives the most that was in use inside."""
    tracemalloc.start()
    found = 0
    try:
        yield lambda: found
    finally:
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


# --- any bytes --------------------------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=4) | st.binary(max_size=17),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(st.text(max_size=3) | st.integers(0, 17), children, max_size=5),
    max_leaves=25,
)
SPANS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys((*EXAMPLE, "meta_struct", "span_links", "span_events"), VALUES)
) | st.fixed_dictionaries({name: st.just(value) for name, value in EXAMPLE.items()})


def check(version, body):
    """Whatever comes, it is decoded into the documented shape or malformed."""
    try:
        found = decode(version, body)
    except Malformed:
        return None
    for chunk in found.chunks:
        assert type(chunk.tags) is dict
        for span in chunk.spans:
            assert all(type(span[name]) is str for name in ("service", "name", "resource", "type"))
            assert all(0 <= span[name] < 2**64 for name in ("trace_id", "span_id", "parent_id"))
            assert -(2**63) <= span["start"] < 2**63
            assert -(2**63) <= span["duration"] < 2**63
            assert -(2**31) <= span["error"] < 2**31
            assert all(type(name) is type(value) is str for name, value in span["meta"].items())
            assert all(type(name) is str and type(value) is float for name, value in span["metrics"].items())
            assert all(type(value) is bytes for value in span.get("meta_struct", {}).values())
            assert all(type(link["trace_id"]) is int for link in span.get("span_links", ()))
            assert all(type(event["attributes"]) is dict for event in span.get("span_events", ()))
    return found


@settings(deadline=None)
@given(st.sampled_from(VERSIONS), st.binary(max_size=200))
def test_any_bytes_are_decoded_or_malformed(version, body):
    check(version, body)


@settings(deadline=None)
@given(st.sampled_from(VERSIONS), VALUES)
def test_any_value_is_decoded_or_malformed(version, value):
    check(version, msgpack.packb(value))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(SPANS, max_size=3) | VALUES, max_size=4))
def test_any_spans_are_decoded_or_refused_one_by_one(traces):
    found = check("v0.4", msgpack.packb(traces))
    assert len(found.chunks) + len(found.refused) == len(traces)
    alone = [check("v0.4", msgpack.packb([trace])) for trace in traces]
    assert found.chunks == [chunk for each in alone for chunk in each.chunks]
    payload = check("v0.7", msgpack.packb({"chunks": [{"spans": trace} for trace in traces if type(trace) is list]}))
    assert [chunk.spans for chunk in payload.chunks] == [chunk.spans for chunk in found.chunks]


@st.composite
def mutated(draw):
    """A good body with bytes changed, taken out or put in."""
    body = bytearray(draw(st.sampled_from([V04, V05, V07, V10])))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(body) - 1))
        body[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        if not body:
            break
    return bytes(body)


V07 = msgpack.packb({"env": "prod", "chunks": [{"priority": 1, "spans": [EXAMPLE, EXAMPLE], "tags": {"a": "b"}}]})
V10 = msgpack.packb(
    {1: ["a"], 2: "container", 3: 1, 10: ["key", 1, "value"],
     11: [{1: 1, 2: "rum", 4: [{1: "svc", 2: "op", 4: 9, 9: ["k", 3, 1.5, "l", 6, [1, "x", 4, 2]], 11: [{1: b"1" * 16, 2: 3}]}],
     6: b"2" * 16}]}
)  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(VERSIONS), mutated())
def test_damaged_bodies_are_decoded_or_malformed(version, body):
    check(version, body)


@pytest.mark.long
@settings(max_examples=100_000, deadline=None)
@given(st.sampled_from(VERSIONS), mutated() | st.binary(max_size=300) | VALUES.map(msgpack.packb))
def test_minutes_of_damage_do_no_harm(version, body):
    check(version, body)


# --- there and back -----------------------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=8)
U64 = st.integers(0, 2**64 - 1)
WHOLE_SPANS = st.fixed_dictionaries(
    {
        "service": TEXT, "name": TEXT, "resource": TEXT, "type": TEXT, "trace_id": U64, "span_id": U64, "parent_id": U64,
        "start": st.integers(-(2**63), 2**63 - 1), "duration": st.integers(0, 2**63 - 1), "error": st.integers(-(2**31), 2**31 - 1),
        "meta": st.dictionaries(TEXT, TEXT, max_size=4), "metrics": st.dictionaries(TEXT, st.floats(allow_nan=False), max_size=4),
    },
    optional={"meta_struct": st.dictionaries(TEXT, st.binary(max_size=5), min_size=1, max_size=2)},
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(WHOLE_SPANS, max_size=3), max_size=3))
def test_whole_spans_come_through_every_version_alike(traces):
    expected = copy.deepcopy(traces)
    assert [chunk.spans for chunk in decode("v0.4", msgpack.packb(traces)).chunks] == expected
    chunks = {"chunks": [{"spans": trace} for trace in traces]}
    assert [chunk.spans for chunk in decode("v0.7", msgpack.packb(chunks)).chunks] == expected
    plain = [[{name: value for name, value in span.items() if name != "meta_struct"} for span in trace] for trace in expected]
    assert [chunk.spans for chunk in decode("v0.5", as_v05(plain)).chunks] == plain


def as_v05(traces):
    """The body of the v0.5 route for these spans, as the specification has it."""
    strings: dict[str, int] = {}

    def place(text):
        return strings.setdefault(text, len(strings))

    encoded = [
        [
            [
                place(span["service"]), place(span["name"]), place(span["resource"]), span["trace_id"], span["span_id"], span["parent_id"],
                span["start"], span["duration"], span["error"], {place(key): place(value) for key, value in span["meta"].items()},
                {place(key): value for key, value in span["metrics"].items()}, place(span["type"]),
            ]
            for span in trace
        ]
        for trace in traces
    ]  # fmt: skip
    return msgpack.packb([list(strings), encoded])
