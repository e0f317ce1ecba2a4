"""Spans of the v0.5 route (specification, traces 4.2)."""

import msgpack
import pytest

from protocols.msgpack_traces import Malformed, decode
from protocols.msgpack_v05 import trace_reader
from protocols.trace_values import REPEATED_CHARACTERS_MAX, Broken

STRINGS = [
    "baggage", "item", "elasticsearch.version", "7.0", "my-name", "X", "my-service", "my-resource", "_dd.sampling_rate_whatever",
    "value whatever", "sql",
]  # fmt: skip
SPAN = [6, 4, 7, 1, 2, 3, 123, 456, 1, {8: 9, 0: 1, 2: 3}, {5: 1.2}, 10]


def test_the_row_of_the_specification():
    assert trace_reader(STRINGS)([SPAN]) == [
        {
            "service": "my-service", "name": "my-name", "resource": "my-resource", "trace_id": 1, "span_id": 2, "parent_id": 3,
            "start": 123,
            "duration": 456, "error": 1, "type": "sql", "metrics": {"X": 1.2},
            "meta": {"_dd.sampling_rate_whatever": "value whatever", "baggage": "item", "elasticsearch.version": "7.0"},
        }
    ]  # fmt: skip


def changed(place, value):
    return [*SPAN[:place], value, *SPAN[place + 1 :]]


@pytest.mark.parametrize(
    ("place", "value", "name", "read"),
    [
        (7, -456, "duration", -456),  # normalisation makes it 0
        (8, 2**32 + 7, "error", 7),
        (8, -1, "error", -1),
        (8, 2**31, "error", -(2**31)),
        (6, -(2**63), "start", -(2**63)),
        (10, {5: 3}, "metrics", {"X": 3.0}),
        (3, 2**64 - 1, "trace_id", 2**64 - 1),
    ],
)
def test_numbers_are_read_as_the_table_says(place, value, name, read):
    assert trace_reader(STRINGS)([changed(place, value)])[0][name] == read


def test_a_metric_of_four_bytes_is_taken():
    body = msgpack.packb([STRINGS, [[changed(10, {5: 0.5})]]], use_single_float=True)
    assert decode("v0.5", body).chunks[0].spans[0]["metrics"] == {"X": 0.5}


@pytest.mark.parametrize(
    "span",
    [
        None, {}, SPAN[:11], [*SPAN, 0],
        *[changed(place, value) for place in (0, 1, 2, 11) for value in (-1, 11, None, "x", 1.0, True)],
        *[changed(place, value) for place in (3, 4, 5) for value in (-1, None, "x", 1.0)],
        *[changed(place, value) for place in (6, 7, 8) for value in (2**63, None, "x", 1.0)],
        *[changed(9, value) for value in (None, [], {0: 11}, {11: 0}, {-1: 0}, {0: -1}, {0: None}, {None: 0}, {"x": 0}, {0: 1.0})],
        *[changed(10, value) for value in (None, [], {11: 1.0}, {-1: 1.0}, {0: None}, {0: "1"}, {0: True}, {"x": 1.0})],
    ],
)  # fmt: skip
def test_a_span_of_another_shape_breaks_its_trace_alone(span):
    with pytest.raises(Broken):
        trace_reader(STRINGS)([SPAN, span])
    body = msgpack.packb([STRINGS, [[SPAN], [SPAN, span], [SPAN]]])
    assert [len(chunk.spans) for chunk in decode("v0.5", body).chunks] == [1, 1]
    assert len(decode("v0.5", body).refused) == 1


def test_a_small_body_cannot_stand_for_any_number_of_long_texts():
    row = [0, 0, 1, 1, 1, 0, 1, 1, 0, {}, {}, 0]
    body = msgpack.packb([["s", "x" * (REPEATED_CHARACTERS_MAX // 4)], [[row], [row, row], [row, row], [row]]])
    found = decode("v0.5", body)
    assert [len(chunk.spans) for chunk in found.chunks] == [1, 2]
    assert found.refused == ["the texts of the body are too much together"] * 2


@pytest.mark.parametrize(
    "body", [[], [STRINGS], [STRINGS, [], []], [["a", 1], []], [["a", None], []], [[b"a"], []], [{}, []], [STRINGS, {}], {}]
)
def test_without_texts_and_traces_nothing_can_be_read(body):
    with pytest.raises(Malformed):
        decode("v0.5", msgpack.packb(body))
