"""Sketches: the specification's tables, its bytes, and quantiles beside a brute force."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.protobuf_schemas import decode_message
from pipelines.stats.sketch import ACCURACY, BINS_MAX, EMPTY, GAMMA, MULTIPLIER, SMALLEST, Sketch, index_of, value_of


def sketch_of(values, bins_max=BINS_MAX):
    sketch = Sketch()
    for value in values:
        sketch.add(value, bins_max)
    return sketch


def counts(sketch):
    return [(sketch.offset + place, count) for place, count in enumerate(sketch.bins)]


def value_in(index):
    """A value that belongs to the bin of this index."""
    return math.exp((index + 0.5 - 1338.5) / MULTIPLIER)


@pytest.mark.parametrize(
    ("value", "index"),
    [
        (1, 1338),
        (5, 1442),
        (10, 1487),
        (42, 1579),
        (1000, 1784),
        (1_000_000, 2229),
        (2_000_000, 2274),
        (3_000_000, 2300),
        (5_000_000, 2333),
        (10_000_000, 2378),
        (1_000_000_000, 2675),
        (30_000_000_000, 2894),
        (2**63 - 1, 4155),
    ],
)
def test_the_bin_of_a_value(value, index):
    assert index_of(value) == index
    assert counts(sketch_of([value])) == [(index, 1)]


def test_the_constants_are_those_of_the_specification():
    assert GAMMA == (1 + ACCURACY) / (1 - ACCURACY) == 1.015625
    assert math.isclose(MULTIPLIER, 64.49870798963154, rel_tol=1e-15)
    assert math.floor(math.log(1e-9) / math.log(GAMMA)) == -1337  # 1 + 1337 + 0.5 is the offset
    assert SMALLEST == 2.2598406375463764e-308


@pytest.mark.parametrize(
    ("values", "encoded"),
    [
        ([], "0a1209000000000040f03f110000000000ea944012001a00"),
        ([0], "0a1209000000000040f03f110000000000ea944012001a0021000000000000f03f"),
        ([1_000_000], "0a1209000000000040f03f110000000000ea9440120d1208000000000000f03f18ea221a00"),
        (
            [1_000_000, 1_000_000, 1_010_000, 1_020_000],
            "0a1209000000000040f03f110000000000ea9440121512100000000000000040000000000000004018ea221a00",
        ),
    ],
)
def test_sketches_are_encoded_byte_for_byte(values, encoded):
    assert sketch_of(values).encode().hex() == encoded


def test_an_empty_sketch_is_ready_made():
    assert Sketch().encode() == EMPTY


@pytest.mark.parametrize(
    ("indexes", "bins_max", "bins"),
    [
        ([10, 11, 12, 13, 14, 0, 1, 2], 5, [(10, 4), (11, 1), (12, 1), (13, 1), (14, 1)]),
        ([10, 11, 12, 13, 14, 0, 1, 2, 15], 5, [(11, 5), (12, 1), (13, 1), (14, 1), (15, 1)]),
        ([1, 3], 3, [(1, 1), (2, 0), (3, 1)]),
        ([3, 1], 3, [(1, 1), (2, 0), (3, 1)]),
        ([10, 0], 5, [(6, 1), (7, 0), (8, 0), (9, 0), (10, 1)]),
        ([10, 11, 100], 5, [(96, 2), (97, 0), (98, 0), (99, 0), (100, 1)]),
        ([1, 2], 1, [(2, 2)]),
    ],
)
def test_the_lowest_bins_fall_together_beyond_the_limit(indexes, bins_max, bins):
    assert counts(sketch_of(map(value_in, indexes), bins_max)) == bins


@pytest.mark.parametrize("value", [-1, -0.5, math.nan, math.inf, -math.inf])
def test_what_is_no_duration_is_not_counted(value):
    assert sketch_of([value]).encode() == EMPTY
    assert Sketch().growth(value) == 0


@pytest.mark.parametrize("value", [0, 0.0, SMALLEST / 2])
def test_what_is_below_the_smallest_value_is_zero(value):
    sketch = sketch_of([value])
    assert (sketch.zeros, sketch.bins) == (1, [])
    assert repr(sketch) == "Sketch(count=1, bins=0)"


VALUES = st.integers(0, 2**63 - 1) | st.integers(0, 100) | st.floats(0, 1e15)
LIMITS = st.sampled_from([1, 2, 5, 40, BINS_MAX])


@given(st.lists(VALUES, max_size=60), LIMITS, st.randoms(use_true_random=False))
def test_bins_are_bounded_complete_and_the_same_in_any_order(values, bins_max, random):
    sketch = sketch_of(values, bins_max)
    random.shuffle(values)
    other = sketch_of(values, bins_max)
    assert (sketch.encode(), sketch.zeros) == (other.encode(), other.zeros)
    assert sum(sketch.bins) + sketch.zeros == len(values)
    assert len(sketch.bins) <= bins_max
    # By definition: every value in its own bin, or in the lowest one kept below the highest.
    indexes = [index_of(value) for value in values if value >= SMALLEST]
    lowest = max(indexes, default=0) - bins_max + 1
    expected = sorted(max(index, lowest) for index in indexes)
    assert [index for index, count in counts(sketch) for _ in range(count)] == expected


@given(st.lists(VALUES, max_size=40), VALUES, LIMITS)
def test_growth_says_how_many_bins_a_value_will_add(values, value, bins_max):
    sketch = sketch_of(values, bins_max)
    before, growth = len(sketch.bins), sketch.growth(value, bins_max)
    sketch.add(value, bins_max)
    assert growth == len(sketch.bins) - before


@settings(deadline=None)  # the first example loads protobuf
@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200), st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.99, 1.0]))
def test_quantiles_read_from_the_bytes_are_within_the_accuracy_of_a_brute_force(values, quantile):
    """Decoded with descriptors that our encoder never sees, and read as the format's definition says."""
    document, strangers = decode_message("DDSketch", sketch_of(values).encode())
    assert strangers == []
    assert document["mapping"] == {"gamma": 1.015625, "index_offset": 1338.5}
    assert document["negative_values"] == {}
    store = document["positive_values"]
    rank = quantile * (len(values) - 1)
    total = 0
    for place, count in enumerate(store["contiguous_bin_counts"]):
        total += count
        if total > rank:
            estimate = 1.015625 ** (store["contiguous_bin_index_offset"] + place - 1338.5) * (1 + ACCURACY)
            break
    exact = sorted(values)[math.floor(rank)]
    assert estimate == pytest.approx(exact, rel=ACCURACY * 1.0001)
    assert value_of(index_of(exact)) == pytest.approx(exact, rel=ACCURACY * 1.0001)


def test_a_full_sketch_is_encoded_whole():
    sketch = sketch_of(map(value_in, range(1, 3001)))
    document, _ = decode_message("DDSketch", sketch.encode())
    store = document["positive_values"]
    assert store["contiguous_bin_index_offset"] == 3000 - BINS_MAX + 1
    assert store["contiguous_bin_counts"] == [3000 - BINS_MAX + 1.0, *[1.0] * (BINS_MAX - 1)]
    assert struct.pack("<2d", *store["contiguous_bin_counts"][:2]) in sketch.encode()


@pytest.mark.parametrize("index", [-700, -1, 0, 1, 63, 64])
def test_the_offset_may_be_small_or_negative(index):
    document, _ = decode_message("DDSketch", sketch_of([value_in(index)]).encode())
    assert document["positive_values"].get("contiguous_bin_index_offset", 0) == index
