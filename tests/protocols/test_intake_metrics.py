"""Golden vectors and limits (specification, metrics 5), and the hand-written protobuf against the library's."""

import json
import zlib

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from protocols.dogstatsd import COUNT, GAUGE
from protocols.intake_body import Body
from protocols.intake_metrics import (
    SERIES_TYPES,
    batches,
    encode_checks,
    encode_dogsketch,
    encode_event,
    encode_series,
    encode_sketches,
    halve,
    varint,
    zigzag,
)

TS = 1656581400
ARN_TAG = "function_arn:arn:aws:lambda:us-east-1:123456789012:function:my-function"


class FlatSketch:
    """A sketch as an encoder sees it."""

    def __init__(self, count, low, high, avg, total, bins):
        self.count, self.min, self.max, self.avg, self.sum = count, low, high, avg, total
        self._bins = bins

    def bin_list(self):
        return self._bins


A = FlatSketch(5, -4.0, 3.5, 0.5, 2.5, [(-1427, 1), (0, 1), (1338, 1), (1383, 1), (1419, 1)])
ONE = FlatSketch(1, 1.0, 1.0, 1.0, 1.0, [(1338, 1)])
DOGSKETCH_A = "0898daf5950610051900000000000010c0210000000000000c4029000000000000e03f3100000000000004403a09a51600f414ce15961642050101010101"
PAYLOAD_A = (
    "0aa7010a076d792e646973742208656e763a70726f64224766756e6374696f6e5f61726e3a61726e3a6177733a6c616d6264613a75732d656173742d313a3132333435363738"
    "393031323a66756e6374696f6e3a6d792d66756e6374696f6e3a3e" + DOGSKETCH_A + "42090a072001282630d803"
)
PAYLOAD_INVOCATIONS = (
    "0a9d010a1f6177732e6c616d6264612e656e68616e6365642e696e766f636174696f6e73220f636f6c645f73746172743a74727565221566756e6374696f6e5f61726e3a7465"
    "73742d61726e221272756e74696d653a707974686f6e332e31323a330898daf59506100119000000000000f03f21000000000000f03f29000000000000f03f31000000000000"
    "f03f3a02f41442010142090a072001282630d903"
)


def test_the_golden_dogsketch():
    assert encode_dogsketch(TS, A).hex() == DOGSKETCH_A


@pytest.mark.parametrize(
    ("item", "payload"),
    [
        (("my.dist", ("env:prod", ARN_TAG), TS, A, (1, 38, 472)), PAYLOAD_A),
        (
            ("aws.lambda.enhanced.invocations", ("cold_start:true", "function_arn:test-arn", "runtime:python3.12"), TS, ONE, (1, 38, 473)),
            PAYLOAD_INVOCATIONS,
        ),
    ],
)
def test_the_golden_payloads(item, payload):
    assert encode_sketches([item]) == [
        Body("sketches", "/api/beta/sketches", "application/x-protobuf", bytes.fromhex(payload), 1),
    ]


def test_the_size_of_a_small_sketch_payload():
    tags = ("_dd.compute_stats:1", "architecture:x86_64", "dd_extension_version:63-next", "k:v")
    assert len(encode_sketches([("test1", tags, TS, ONE, None)])[0].raw) == 140


def message_classes():
    """The intake's messages, built from the specification's table (metrics 5.3) for the library."""
    kinds = {"string": 9, "int64": 3, "double": 1, "sint32": 17, "uint32": 13}
    tables = {
        "Origin": [("origin_product", 4, "uint32", 1), ("origin_category", 5, "uint32", 1), ("origin_service", 6, "uint32", 1)],
        "Metadata": [("origin", 1, "Origin", 1)],
        "Dogsketch": [
            ("ts", 1, "int64", 1),
            ("cnt", 2, "int64", 1),
            *((name, number, "double", 1) for name, number in (("min", 3), ("max", 4), ("avg", 5), ("sum", 6))),
            ("k", 7, "sint32", 3),
            ("n", 8, "uint32", 3),
        ],
        "Sketch": [
            ("metric", 1, "string", 1),
            ("host", 2, "string", 1),
            ("tags", 4, "string", 3),
            ("dogsketches", 7, "Dogsketch", 3),
            ("metadata", 8, "Metadata", 1),
        ],
        "SketchPayload": [("sketches", 1, "Sketch", 3)],
    }
    file = descriptor_pb2.FileDescriptorProto(name="sketches.proto", package="t", syntax="proto3")
    for name, fields in tables.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, label in fields:
            field = message.field.add(name=field_name, number=number, label=label, type=kinds.get(kind, 11))
            if kind not in kinds:
                field.type_name = f".t.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.SketchPayload"))


SketchPayload = message_classes()
DOUBLES = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
BINS = st.lists(st.tuples(st.integers(-32767, 32767), st.integers(1, 65535)), max_size=20)
SKETCHES = st.builds(FlatSketch, st.integers(0, 2**40), DOUBLES, DOUBLES, DOUBLES, DOUBLES, BINS)
ORIGINS = st.none() | st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 300), st.integers(0, 1000))
ITEMS = st.tuples(
    st.text(min_size=1, max_size=200), st.lists(st.text(max_size=150), max_size=4).map(tuple), st.integers(0, 2**40), SKETCHES, ORIGINS
)


@given(st.lists(ITEMS, max_size=4))
def test_the_library_reads_and_writes_the_same_bytes(items):
    items = [item for item in items if item[4] is None or any(item[4])]
    expected = SketchPayload()
    for name, tags, timestamp_s, sketch, origin in items:
        made = expected.sketches.add(metric=name, tags=tags)
        dog = made.dogsketches.add(
            ts=timestamp_s, cnt=sketch.count, min=sketch.min or 0, max=sketch.max or 0, avg=sketch.avg or 0, sum=sketch.sum or 0
        )
        dog.k.extend(key for key, _ in sketch.bin_list())
        dog.n.extend(n for _, n in sketch.bin_list())
        if origin is not None:
            fields = made.metadata.origin
            fields.origin_product, fields.origin_category, fields.origin_service = origin
    raw = b"".join(body.raw for body in encode_sketches(items))
    assert raw == expected.SerializeToString()
    assert SketchPayload.FromString(raw) == expected


@given(st.integers(0, 2**63))
def test_a_varint_is_read_back(number):
    value = sum((byte & 127) << (7 * at) for at, byte in enumerate(varint(number)))
    assert value == number


@pytest.mark.parametrize(("number", "code"), [(0, 0), (-1, 1), (1, 2), (-2, 3), (-32767, 65533), (32767, 65534)])
def test_zigzag(number, code):
    assert zigzag(number) == code


def series_item(name="test1", tags=("k:v",), kind=COUNT, value=1.0, own=(), origin=None):
    return name, tags, TS, kind, value, own, origin


def documents(bodies):
    return [json.loads(body.raw)["series"] for body in bodies]


def test_a_series_item_field_by_field():
    resource = "dd.internal.resource:aws_lambda:my-function"
    items = [
        series_item("my.count", ("env:prod", resource), own=(resource, "dd.internal.resource:none"), value=15, origin=(1, 38, 472)),
        series_item("my.gauge", (), GAUGE, 2.5),
    ]
    (body,) = encode_series(items)
    assert (body.kind, body.path, body.content_type, body.items) == ("series", "/api/v2/series", "application/json", 2)
    assert body.raw.decode() == (
        '{"series":[{"metric":"my.count","points":[{"timestamp":1656581400,"value":15.0}],'
        '"resources":[{"name":"my-function","type":"aws_lambda"}],"type":1,"interval":10,'
        '"tags":["env:prod","dd.internal.resource:aws_lambda:my-function"],'
        '"metadata":{"origin":{"origin_product":1,"origin_sub_product":38,"origin_product_detail":472}}},'
        '{"metric":"my.gauge","points":[{"timestamp":1656581400,"value":2.5}],"resources":[],"type":3,"tags":[],"metadata":null}]}'
    )
    assert SERIES_TYPES == {COUNT: 1, GAUGE: 3}


def test_the_sizes_of_small_bodies_are_the_known_ones_and_our_interval():
    tags = ("_dd.compute_stats:1", "architecture:x86_64", "dd_extension_version:63-next", "k:v")
    interval = len(',"interval":10')
    assert [len(encode_series([series_item(tags=tags)] * n)[0].raw) for n in (1, 2)] == [209 + interval, 406 + 2 * interval]


def test_text_that_is_no_utf8_does_not_cost_the_batch():
    assert documents(encode_series([series_item(tags=("a:\udcff", "ü:é"))]))[0][0]["tags"] == ["a:?", "ü:é"]
    assert b"a:?" in encode_sketches([("m", ("a:\udcff",), TS, ONE, None)])[0].raw


def test_nothing_makes_no_body():
    assert (encode_series([]), encode_sketches([]), encode_checks([], ())) == ([], [], [])


@pytest.mark.parametrize(("count", "sizes"), [(12, [5, 5, 2]), (13, [5, 5, 3]), (5, [5]), (1, [1])])
def test_batches_are_cut_by_items(count, sizes):
    assert [body.items for body in encode_series([series_item()] * count, items_max=5)] == sizes
    assert [body.items for body in encode_sketches([("m", (), TS, ONE, None)] * count, items_max=5)] == sizes


def test_batches_are_cut_by_bytes_and_a_giant_goes_alone():
    items = [b"x" * size for size in (40, 40, 19, 1, 500, 10, 90, 5)]
    assert [[len(item) for item in batch] for batch in batches(items, 1000, 100)] == [[40, 40, 19], [1], [500], [10], [90, 5]]


@given(st.lists(st.binary(max_size=30), max_size=30), st.integers(1, 6), st.integers(1, 60))
def test_batches_keep_every_item_in_order_within_the_limits(items, items_max, bytes_max):
    made = list(batches(items, items_max, bytes_max))
    assert [item for batch in made for item in batch] == items
    assert all(len(batch) == 1 or (len(batch) <= items_max and sum(map(len, batch)) < bytes_max) for batch in made)


def test_a_series_body_too_large_compressed_is_halved_until_it_fits():
    items = [series_item(f"m{zlib.crc32(str(n).encode()):08x}") for n in range(40)]
    measured = []

    def compressed_size(raw):
        measured.append(len(raw))
        return len(raw) // 2

    whole = encode_series(items)[0]
    bodies = encode_series(items, compressed_size, compressed_bytes_max=len(whole.raw) // 5)
    assert [item for document in documents(bodies) for item in document] == documents([whole])[0]
    assert len(bodies) == 4
    assert max(map(len, (body.raw for body in bodies))) // 2 <= len(whole.raw) // 5
    assert min(measured) > len(whole.raw) // 5


def test_a_single_item_is_never_halved():
    assert len(encode_series([series_item()], lambda raw: 10**9, compressed_bytes_max=1)) == 1
    assert halve(encode_series([series_item()])[0]) == ()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_halves_carry_what_the_whole_did(count):
    series = encode_series([series_item(f"m{n}") for n in range(count)])[0]
    sketches = encode_sketches([(f"m{n}" + "x" * 200 * n, (), TS, A, None) for n in range(count)])[0]
    checks = encode_checks([{"check": f"c{n}", "status": 0} for n in range(count)], ())[0]
    for body in (series, sketches, checks):
        first, second = halve(body)
        assert (first.items + second.items, first.kind, second.path) == (count, body.kind, body.path)
        assert abs(first.items - second.items) <= 1
    first, second = halve(sketches)
    assert first.raw + second.raw == sketches.raw
    assert len(SketchPayload.FromString(first.raw).sketches) == first.items
    first, second = halve(series)
    assert [*documents([first])[0], *documents([second])[0]] == documents([series])[0]
    first, second = halve(checks)
    assert json.loads(first.raw) + json.loads(second.raw) == json.loads(checks.raw)


def test_an_event_goes_alone_with_all_tags_once():
    body = encode_event({"title": "t", "text": "x", "tags": ["a:1", "b"]}, ("a:1", "env:prod"))
    assert (body.kind, body.path, body.content_type, body.items) == ("event", "/api/v1/events", "application/json", 1)
    assert json.loads(body.raw) == {"title": "t", "text": "x", "tags": ["a:1", "env:prod", "b"]}
    assert halve(Body("event", "/", "", b"", 2)) == ()


def test_service_checks_go_together():
    (body,) = encode_checks([{"check": "db", "status": 2, "host_name": "", "tags": ["b"]}, {"check": "x", "status": 0}], ("env:prod",))
    assert (body.kind, body.path, body.items) == ("checks", "/api/v1/check_run", 2)
    assert json.loads(body.raw) == [
        {"check": "db", "status": 2, "host_name": "", "tags": ["env:prod", "b"]},
        {"check": "x", "status": 0, "tags": ["env:prod"]},
    ]


@pytest.mark.parametrize("encode", [encode_series, encode_sketches])
def test_what_is_remembered_of_earlier_items_never_shows_in_later_ones(encode):
    """More contexts than are remembered, each alike in most of what it is remembered by."""

    def items(count):
        for number in range(count):
            tags = (f"env:{number % 3}", f"t:{'x' * 1000}", f"n:{number % 700}")
            origin = None if number % 5 else (1, 38, number % 2)
            if encode is encode_sketches:
                yield f"m{number % 2}", tags, TS + number, ONE, origin
            else:
                yield f"m{number % 2}", tags, TS + number, (COUNT, GAUGE)[number % 7 > 3], number / 4, tags[:1], origin

    together = b"".join(body.raw for body in encode(items(2000), items_max=1))
    alone = b"".join(encode([item])[0].raw for item in reversed(list(items(2000))))
    assert len(together) == len(alone)
    assert together == b"".join(encode([item])[0].raw for item in items(2000))
    if encode is encode_series:
        found = [json.loads(body.raw)["series"][0] for body in encode(items(2000), items_max=1)]
        for document, (name, tags, timestamp_s, kind, value, _, origin) in zip(found, items(2000), strict=True):
            assert (document["metric"], document["tags"], document["points"]) == (
                name,
                list(tags),
                [{"timestamp": timestamp_s, "value": value}],
            )
            assert (document.get("interval"), document["metadata"] is None) == ({COUNT: 10}.get(kind), origin is None)
    else:
        found = [SketchPayload.FromString(body.raw).sketches[0] for body in encode(items(2000), items_max=1)]
        for message, (name, tags, timestamp_s, _, origin) in zip(found, items(2000), strict=True):
            assert (message.metric, tuple(message.tags), message.dogsketches[0].ts) == (name, tags, timestamp_s)
            assert message.HasField("metadata") is (origin is not None)
