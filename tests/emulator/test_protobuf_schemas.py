"""The intake's own protobuf descriptors against the specification's bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.protobuf_schemas import PayloadError, decode_message, from_hexadecimal, hexadecimal, message_class, schema

DOGSKETCH = "0898daf5950610051900000000000010c0210000000000000c4029000000000000e03f3100000000000004403a09a51600f414ce15961642050101010101"
MY_DIST = (
    "0aa7010a076d792e646973742208656e763a70726f64224766756e6374696f6e5f61726e3a61726e3a6177733a6c616d6264613a75732d656173742d313a31323334"
    "35363738393031323a66756e6374696f6e3a6d792d66756e6374696f6e3a3e0898daf5950610051900000000000010c0210000000000000c4029000000000000e03f"
    "3100000000000004403a09a51600f414ce1596164205010101010142090a072001282630d803"
)
INVOCATIONS = (
    "0a9d010a1f6177732e6c616d6264612e656e68616e6365642e696e766f636174696f6e73220f636f6c645f73746172743a74727565221566756e6374696f6e5f6172"
    "6e3a746573742d61726e221272756e74696d653a707974686f6e332e31323a330898daf59506100119000000000000f03f21000000000000f03f29000000000000f0"
    "3f31000000000000f03f3a02f41442010142090a072001282630d903"
)
AGENT_PAYLOAD = (
    "2a661206707974686f6e325608011a520a0373766312026f701a0372657320012802388080a8b1e39fe7cb174005520b0a03656e76120470726f645a200a155f7361"
    "6d706c696e675f7072696f726974795f763111000000000000f03f6203776562420470726f64410000000000004e40490000000000004e40"
)
SKETCH_OF_A = {
    "ts": 1656581400,
    "cnt": 5,
    "min": -4.0,
    "max": 3.5,
    "avg": 0.5,
    "sum": 2.5,
    "k": [-1427, 0, 1338, 1383, 1419],
    "n": [1, 1, 1, 1, 1],
}


@pytest.mark.parametrize(
    ("message", "data", "document"),
    [
        ("Dogsketch", DOGSKETCH, SKETCH_OF_A),
        (
            "SketchPayload",
            MY_DIST,
            {
                "sketches": [
                    {
                        "metric": "my.dist",
                        "tags": ["env:prod", "function_arn:arn:aws:lambda:us-east-1:123456789012:function:my-function"],
                        "dogsketches": [SKETCH_OF_A],
                        "metadata": {"origin": {"product": 1, "category": 38, "service": 472}},
                    }
                ]
            },
        ),
        (
            "SketchPayload",
            INVOCATIONS,
            {
                "sketches": [
                    {
                        "metric": "aws.lambda.enhanced.invocations",
                        "tags": ["cold_start:true", "function_arn:test-arn", "runtime:python3.12"],
                        "dogsketches": [
                            {"ts": 1656581400, "cnt": 1, "min": 1.0, "max": 1.0, "avg": 1.0, "sum": 1.0, "k": [1338], "n": [1]}
                        ],
                        "metadata": {"origin": {"product": 1, "category": 38, "service": 473}},
                    }
                ]
            },
        ),
        (
            "AgentPayload",
            AGENT_PAYLOAD,
            {
                "tracer_payloads": [
                    {
                        "language": "python",
                        "env": "prod",
                        "chunks": [
                            {
                                "priority": 1,
                                "spans": [
                                    {
                                        "service": "svc",
                                        "name": "op",
                                        "resource": "res",
                                        "trace_id": 1,
                                        "span_id": 2,
                                        "start": 1700000000000000000,
                                        "duration": 5,
                                        "meta": {"env": "prod"},
                                        "metrics": {"_sampling_priority_v1": 1.0},
                                        "type": "web",
                                    }
                                ],
                            }
                        ],
                    }
                ],
                "target_tps": 60.0,
                "error_tps": 60.0,
            },
        ),
        (
            "DDSketch",
            "0a1209000000000040f03f110000000000ea9440121512100000000000000040000000000000004018ea221a00",
            {
                "mapping": {"gamma": 1.015625, "index_offset": 1338.5},
                "positive_values": {"contiguous_bin_counts": [2.0, 2.0], "contiguous_bin_index_offset": 2229},
                "negative_values": {},
            },
        ),
    ],
)
def test_the_specifications_bytes_decode_to_the_specifications_values(message, data, document):
    assert decode_message(message, bytes.fromhex(data)) == (document, [])


def test_a_negative_priority_is_a_long_varint():
    assert decode_message("TraceChunk", bytes.fromhex("0880ffffffffffffffff01")) == ({"priority": -128}, [])


@pytest.mark.parametrize(
    ("message", "data", "sentence"),
    [
        ("SketchPayload", b"\x2a\x01a", "SketchPayload: unknown fields 5"),
        ("SketchPayload", b"\x0a\x05\x2a\x00\x32\x01a", "Sketch: unknown fields 5, 6"),
        ("AgentPayload", b"\x5a\x00", "AgentPayload: unknown fields 11"),
        ("Dogsketch", b"\x0a\x01a", "Dogsketch: unknown fields 1"),  # the right number with the wrong wire type
    ],
)
def test_a_field_that_the_specification_does_not_know_is_named(message, data, sentence):
    assert decode_message(message, data)[1] == [sentence]


def test_bytes_and_numbers_that_json_lacks_are_shown_as_text():
    span = message_class("Span")(meta_struct={"appsec": b"\x81\xa1a\x01"}, metrics={"nan": float("nan"), "one": 1.0})
    document, _ = decode_message("Span", span.SerializeToString())
    assert document == {"meta_struct": {"appsec": "<bin 81a16101>"}, "metrics": {"nan": "nan", "one": 1.0}}


@pytest.mark.parametrize("data", [b"\xff\xff", b"\x0a\x05abc", b"\x0a\x02\x0a\xff"])
def test_what_is_no_protobuf_is_said_and_raises_nothing_else(data):
    with pytest.raises(PayloadError, match="not a SketchPayload"):
        decode_message("SketchPayload", data)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(data):
    for message in schema():
        try:
            document, strangers = decode_message(message, data)
        except PayloadError:
            continue
        assert isinstance(document, dict)
        assert all("unknown fields" in sentence for sentence in strangers)


@given(st.binary())
def test_bytes_survive_being_shown(data):
    assert from_hexadecimal(hexadecimal(data)) == data


@pytest.mark.parametrize("text", [None, 7, "", "0a", "<bin 0a", "<bin 0x>", "<bin a>"])
def test_other_text_is_no_bytes(text):
    assert from_hexadecimal(text) is None
