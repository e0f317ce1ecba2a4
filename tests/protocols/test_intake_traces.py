"""Payloads and bodies (specification, traces 10): the example to the byte, limits, and halves after a 413."""

import contextlib

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.protobuf_schemas import decode_message
from protocols.intake_span import constant_fields, encode_spans
from protocols.intake_traces import EncodedChunk, PayloadFields, chunk_frame, encode_bodies, halve, split_chunk

EXAMPLE = (
    "2a661206707974686f6e325608011a520a0373766312026f701a0372657320012802388080a8b1e39fe7cb174005520b0a03656e76120470726f645a200a155f7361"
    "6d706c696e675f7072696f726974795f763111000000000000f03f6203776562420470726f64410000000000004e40490000000000004e40"
)
SPAN = {
    "service": "svc", "name": "op", "resource": "res", "trace_id": 1, "span_id": 2, "parent_id": 0, "start": 1700000000000000000,
    "duration": 5,
    "error": 0, "meta": {"env": "prod"}, "metrics": {"_sampling_priority_v1": 1.0}, "type": "web",
}  # fmt: skip
PYTHON = PayloadFields(language_name="python", env="prod")


def chunk(*spans, priority=1, origin="", tags=(), common=b""):
    return EncodedChunk(chunk_frame(priority, origin, tags), encode_spans(spans), common)


def numbered(count, size=0, first=1):
    return [SPAN | {"span_id": number, "meta": {"pad": "x" * size}} for number in range(first, first + count)]


def bodies(*payloads, **arguments):
    return list(encode_bodies(payloads, **arguments))


def document(body):
    found, strangers = decode_message("AgentPayload", body.raw)
    assert not strangers
    assert (found.pop("target_tps"), found.pop("error_tps")) == (60.0, 60.0)
    return found.pop("tracer_payloads"), found


def span_ids(made):
    """Of all spans of some bodies, in the order of the wire."""
    payloads = [payload for body in made for payload in document(body)[0]]
    return [span["span_id"] for payload in payloads for each in payload["chunks"] for span in each["spans"]]


def test_the_example_of_the_specification_to_the_byte():
    [body] = bodies((PYTHON, [chunk(SPAN)]))
    assert body.raw.hex() == EXAMPLE
    assert len(body.raw) == 122
    assert (body.kind, body.path, body.content_type, body.items) == ("traces", "/api/v0.2/traces", "application/x-protobuf", 1)


def test_every_field_of_payload_and_chunk_is_where_the_intake_looks_for_it():
    fields = PayloadFields(
        tracer_version="2.1", language_version="3.3", language_name="ruby", hostname="host", container_id="cid", runtime_id="rid",
        env="prod",
        app_version="7", tags=(("_dd.tags.function", "a:b"), ("x", "")),
    )  # fmt: skip
    [body] = bodies((fields, [chunk(SPAN, priority=-128, origin="rum", tags=[("t", "u")], common=constant_fields({"origin": "lambda"}))]))
    [payload], rest = document(body)
    assert rest == {}
    [one] = payload.pop("chunks")
    assert payload == {
        "container_id": "cid", "language": "ruby", "language_version": "3.3", "tracer_version": "2.1", "runtime_id": "rid", "env": "prod",
        "hostname": "host", "app_version": "7", "tags": {"_dd.tags.function": "a:b", "x": ""},
    }  # fmt: skip
    [span] = one.pop("spans")
    assert one == {"priority": -128, "origin": "rum", "tags": {"t": "u"}}
    assert span["meta"] == {"env": "prod", "origin": "lambda"}


def test_headers_go_with_every_body():
    headers = ((b"datadog-meta-lang", b"go"),)
    made = bodies((PYTHON, [chunk(*numbered(4, 500))]), headers=headers, bytes_max=1500)
    assert len(made) > 1
    assert {body.headers for body in made} == {headers}


def test_nothing_makes_no_body():
    assert bodies() == []
    assert bodies((PYTHON, []), (PYTHON, [chunk()])) == []


def test_what_fits_into_one_body_goes_in_one():
    # Section 12 of the specification: some 10 MB in 400 spans go out at once.
    [body] = bodies((PYTHON, [chunk(*numbered(400, 24_000))]))
    assert body.items == 400
    assert len(body.raw) < 12_000_000


def test_one_giant_trace_goes_in_several_bodies():
    made = bodies((PYTHON, [chunk(*numbered(1000, 24_000), priority=2, origin="rum")]))
    assert [body.items for body in made] == [498, 498, 4]
    assert all(len(body.raw) <= 12_000_000 for body in made)
    assert span_ids(made) == list(range(1, 1001))
    assert all((each["priority"], each["origin"]) == (2, "rum") for body in made for each in document(body)[0][0]["chunks"])


def test_a_span_above_the_limit_goes_alone():
    made = bodies((PYTHON, [chunk(*numbered(1), *numbered(1, 5000, first=2), *numbered(1, first=3))]), bytes_max=1000)
    assert [body.items for body in made] == [1, 1, 1]
    assert span_ids(made) == [1, 2, 3]


def test_bodies_are_made_as_they_are_asked_for():
    asked = []

    def chunks():
        for number in range(1, 5):
            asked.append(number)
            yield chunk(*numbered(1, 800, number))

    made = encode_bodies([(PYTHON, chunks())], bytes_max=1500)
    assert next(made).items == 1
    assert asked == [1, 2]


PAYLOADS = st.lists(
    st.tuples(
        st.builds(PayloadFields, env=st.text(max_size=3), language_name=st.text(max_size=100)),
        st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=4),
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(PAYLOADS, st.integers(300, 3000), st.sampled_from([b"", constant_fields({"region": "us-east-1"})]))
def test_every_span_goes_once_in_order_and_no_body_is_above_the_limit(payloads, bytes_max, common):
    number = 0
    given_payloads = []
    for fields, sizes in payloads:
        chunks = []
        for count, size in sizes:
            chunks.append(chunk(*numbered(count, size, number + 1), common=common))
            number += count
        given_payloads.append((fields, chunks))
    made = list(encode_bodies(given_payloads, bytes_max=bytes_max))
    assert span_ids(made) == list(range(1, number + 1))
    assert sum(body.items for body in made) == number
    assert all(len(body.raw) <= bytes_max or body.items == 1 for body in made)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(0, 300), st.integers(50, 2000))
def test_the_size_of_a_record_is_that_of_its_pieces(count, size, bytes_max):
    records = list(split_chunk(chunk(*numbered(count, size)), bytes_max))
    assert [record.size for record in records] == [len(b"".join(record.pieces)) for record in records]
    assert all(record.size <= bytes_max or record.spans == 1 for record in records)


# --- halves -----------------------------------------------------------------------------------------------------------------------

GO = PayloadFields(language_name="go", tags=(("a", "b"),))


@pytest.mark.parametrize(
    ("payloads", "items"),
    [
        ([(GO, [chunk(*numbered(3))]), (PYTHON, [chunk(*numbered(3, first=4))])], [3, 3]),
        ([(GO, [chunk(*numbered(1)), chunk(*numbered(1, first=2)), chunk(*numbered(2, first=3))])], [2, 2]),
        ([(GO, [chunk(*numbered(7), priority=-1, tags=[("t", "u")])])], [3, 4]),
        ([(GO, [chunk(*numbered(2))])], [1, 1]),
    ],
)
def test_a_body_that_was_too_large_becomes_two(payloads, items):
    [body] = bodies(*payloads, headers=((b"a", b"b"),))
    halves = halve(body)
    assert sorted(half.items for half in halves) == items
    assert span_ids(halves) == span_ids([body])
    for half in halves:
        assert attrs.evolve(half, raw=b"", items=0) == attrs.evolve(body, raw=b"", items=0)
        for payload in document(half)[0]:
            whole = next(each for each in document(body)[0] if each.get("language") == payload["language"])
            assert {**payload, "chunks": 0} == {**whole, "chunks": 0}
            for each in payload["chunks"]:
                assert {**each, "spans": 0} in [{**other, "spans": 0} for other in whole["chunks"]]


def test_a_single_span_has_no_halves():
    assert halve(bodies((GO, [chunk(*numbered(1))]))[0]) == ()


def test_a_body_without_payloads_has_no_halves():
    [body] = bodies((GO, [chunk(*numbered(1))]))
    assert halve(attrs.evolve(body, raw=body.raw[-18:])) == ()


@settings(deadline=None)
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"\x2a\x7f\x32\x7f" + data))
def test_a_body_that_is_not_ours_is_a_value_error_at_worst(raw):
    [body] = bodies((GO, [chunk(*numbered(1))]))
    with contextlib.suppress(ValueError):
        assert len(halve(attrs.evolve(body, raw=raw, items=9))) in (0, 2)


@settings(max_examples=40, deadline=None)
@given(PAYLOADS)
def test_halving_on_and_on_ends_with_single_spans(payloads):
    given_payloads = [(fields, [chunk(*numbered(count, size)) for count, size in sizes]) for fields, sizes in payloads]
    waiting = list(encode_bodies(given_payloads))
    total, single = sum(body.items for body in waiting), []
    while waiting:
        body = waiting.pop()
        halves = halve(body)
        assert sum(half.items for half in halves) in (0, body.items)
        (waiting if halves else single).extend(halves or [body])
    assert [body.items for body in single] == [1] * total
