"""The sketch against the specification's vectors (metrics 4) and against a plain model of the original's bin lists."""

import bisect
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.metrics import sketch as sketch_module
from pipelines.metrics.sketch import GAMMA, OneValue, Sketch, key_of, split_count, trim, value_of


def sketch_of(*values):
    made = Sketch()
    made.insert_many(values)
    return made


def facts(made):
    return made.count, made.min, made.max, made.sum, made.avg


A = (1, 2, 3.5, 0, -4)
B = (10, 20, 30)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        *((0, 0), (1e-10, 0), (9.9e-10, 0), (1, 1338), (100, 1635), (1e-9, 1), (-1, -1338)),
        *((99.5, 1635), (2e-7, 343), (1.5, 1364), (128, 1651), (1e-6, 447), (2, 1383), (256, 1696)),
        *((0.001, 892), (3, 1409), (1000, 1784), (0.01, 1041), (3.5, 1419), (1024, 1785), (0.1, 1189)),
        *((-4, -1427), (1e6, 2229), (0.5, 1293), (5, 1442), (269942, 2145), (10, 1487), (42, 1579)),
        *((1426.90870216, 1806), (20, 1531), (30, 1557), (1e9, 2675), (20000, 1977), (74746, 2062), (94746, 2077)),
        *((1e12, 3120), (1e100, 16189), (1e200, 31041), (1e211, 32674), (1e212, 32767), (1e308, 32767), (-1e308, -32767)),
    ],
)
def test_a_value_has_its_key_alone_and_in_a_batch(value, key):
    assert key_of(value) == key
    assert sketch_of(value).bin_list() == [(key, 1)]


def test_the_key_of_the_value_of_a_key_is_that_key():
    assert [key for key in range(-32766, 32767) if key_of(value_of(key)) != key] == []
    assert (value_of(32767), value_of(-32767)) == (math.inf, -math.inf)


def test_the_constants_are_those_of_the_original():
    assert repr(sketch_module.LN_GAMMA) == "0.015504186535965254"
    assert math.isclose(sketch_module.NORM_MIN, 9.941854089121368e-10, rel_tol=1e-13)


@pytest.mark.parametrize(
    ("values", "expected", "bins"),
    [
        (A, (5, -4, 3.5, 2.5, 0.5), [(-1427, 1), (0, 1), (1338, 1), (1383, 1), (1419, 1)]),
        (B, (3, 10, 30, 60, 20), [(1487, 1), (1531, 1), (1557, 1)]),
        ((1, 1, 1), (3, 1, 1, 3, 1), [(1338, 3)]),
        ((1,) * 70000, (70000, 1, 1, 70000, 1), [(1338, 4465), (1338, 65535)]),
        ((0.1,), (1, 0.1, 0.1, 0.1, 0.1), [(1189, 1)]),
        ((269942,), (1, 269942, 269942, 269942, 269942), [(2145, 1)]),
        ((), (0, 0, 0, 0, 0), []),
    ],
)
def test_worked_sketches(values, expected, bins):
    made = sketch_of(*values)
    assert (facts(made), made.bin_list()) == (expected, bins)


def test_1_to_100():
    made = sketch_of(*range(1, 101))
    bins = made.bin_list()
    assert facts(made) == (100, 1, 100, 5050, 50.5)
    assert (len(bins), bins[0][0], bins[-1][0], [n for _, n in bins if n != 1]) == (93, 1338, 1635, [2] * 7)


def test_merge_of_two():
    made = sketch_of(*A)
    made.merge(sketch_of(*B))
    assert facts(made) == (8, -4, 30, 62.5, 7.8125)
    assert made.bin_list() == [(key, 1) for key in (-1427, 0, 1338, 1383, 1419, 1487, 1531, 1557)]


def test_merging_into_an_empty_sketch_copies_and_merging_an_empty_one_changes_nothing():
    made, before = Sketch(), sketch_of(*A)
    made.merge(before)
    assert (facts(made), made.bin_list()) == (facts(before), before.bin_list())
    made.merge(Sketch())
    assert (facts(made), made.bin_list()) == (facts(before), before.bin_list())


@pytest.mark.parametrize(
    ("bins", "trimmed"),
    [
        ([(1, 10), (2, 20), (3, 30), (4, 40)], [(3, 60), (4, 40)]),
        ([(1, 65535), (2, 10), (3, 30), (4, 40)], [(2, 65535), (3, 40), (4, 40)]),
        ([(1, 60000), (2, 10000), (4, 40)], [(2, 4465), (2, 65535), (4, 40)]),
        ([(1, 10), (2, 20)], [(1, 10), (2, 20)]),
    ],
)
def test_trim_collapses_the_lowest_bins(bins, trimmed):
    assert trim(bins, 2) == trimmed


def test_trim_of_5000_bins():
    trimmed = trim([(key, 1) for key in range(1, 5001)])
    assert (len(trimmed), trimmed[0], trimmed[1], trimmed[-1]) == (4096, (905, 905), (906, 1), (5000, 1))


def test_a_sketch_never_holds_more_bins_than_the_limit():
    made = sketch_of(*(value_of(key) for key in range(1, 5001)))
    bins = made.bin_list()
    assert (len(bins), bins[0], bins[-1], len(made.bins)) == (4096, (905, 905), (5000, 1), 4096)


@pytest.mark.parametrize(
    ("inserts", "expected", "bins"),
    [
        ([(10, 0.1), (10, 1.0)], (11, 10, 10, 110, 10), [(1487, 11)]),
        ([(5, 0.3)], (3, 5, 5, 16.666666666666668, 5), [(1442, 3)]),
        ([(10, 0.25)], (4, 10, 10, 40, 10), [(1487, 4)]),
        ([(1, 1e-300)], (100_000, 1, 1, 100_000, 1), [(1338, 34465), (1338, 65535)]),
    ],
)
def test_weighted_inserts(inserts, expected, bins):
    made = Sketch()
    for value, rate in inserts:
        made.insert_weighted(value, rate)
    assert (facts(made), made.bin_list()) == (expected, bins)


@pytest.mark.parametrize(("count", "bins"), [(1, [1]), (65535, [65535]), (65536, [1, 65535]), (131070, [65535, 65535])])
def test_a_large_count_is_split(count, bins):
    assert split_count(7, count) == [(7, n) for n in bins]


class ModelBins:
    """The original's list of bins, inserted one by one as specification 4.3 says."""

    def __init__(self):
        self.bins = []

    def insert(self, value):
        key = key_of(value)
        at = bisect.bisect_left(self.bins, (key, 0))
        if at < len(self.bins) and self.bins[at][0] == key and self.bins[at][1] < 65535:
            self.bins[at] = (key, self.bins[at][1] + 1)
        else:
            self.bins.insert(at, (key, 1))


VALUES = st.floats(-1e12, 1e12) | st.sampled_from([0.0, 1.0, 2.0, 1e-9, -0.0, 1e300])


@given(st.lists(VALUES, max_size=200), st.randoms(use_true_random=False), st.integers(0, 200))
def test_any_order_and_any_batches_give_the_bins_of_the_model(values, random, cut):
    model = ModelBins()
    for value in values:
        model.insert(value)
    shuffled = list(values)
    random.shuffle(shuffled)
    made = Sketch()
    made.insert_many(shuffled[:cut])
    made.insert_many(shuffled[cut:])
    assert made.bin_list() == model.bins
    if values:
        assert (made.count, made.min, made.max) == (len(values), min(values), max(values))


@given(st.lists(VALUES, max_size=50), st.lists(VALUES, max_size=50), st.lists(VALUES, max_size=50))
def test_merging_is_associative_in_its_counts(first, second, third):
    left = sketch_of(*first)
    left.merge(sketch_of(*second))
    left.merge(sketch_of(*third))
    inner = sketch_of(*second)
    inner.merge(sketch_of(*third))
    right = sketch_of(*first)
    right.merge(inner)
    assert left.bin_list() == right.bin_list() == sketch_of(*first, *second, *third).bin_list()
    assert (left.count, left.min, left.max) == (right.count, right.min, right.max)


@given(st.lists(VALUES, min_size=1, max_size=50))
def test_a_merge_of_single_values_is_an_insert_to_the_last_digit(values):
    merged = Sketch()
    for value in values:
        merged.merge(sketch_of(value))
    assert facts(merged) == facts(sketch_of(*values))


def quantile(made, q):
    bins = made.bin_list()
    if q <= 0 or q >= 1:
        return made.min if q <= 0 else made.max
    rank = round(q * (made.count - 1))
    seen = 0
    for index, (key, n) in enumerate(bins):
        seen += n
        if seen > rank:
            weight = (seen - rank) / n
            low = made.min if index == 0 else value_of(key)
            high = GAMMA * value_of(key)
            return min(max(low * weight + high * (1 - weight), made.min), made.max)
    raise AssertionError("no bin has the rank")


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [(A, 0.5, 1), (A, 0.75, 2.0091030809902812), (A, 0.99, 3.5), (B, 0.5, 19.93163168041633), (B, 0.95, 29.82708434500839)]
    + [(range(1, 101), q, v) for q, v in ((0.5, 51.31911937625443), (0.95, 95.41452700754033), (0.99, 99.18842808205542))],
)
def test_quantiles_are_those_of_the_backend(values, q, expected):
    assert quantile(sketch_of(*values), q) == pytest.approx(expected, rel=1e-12)


def test_sums_beyond_a_float_are_noticed():
    assert not sketch_of(1e308, 1e308).is_finite()
    assert sketch_of(1e307, -1e307).is_finite()


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(0.0)
@example(-0.0)
@example(5e-324)
@example(-1.7e308)
def test_the_sketch_of_one_value_reads_as_a_sketch_that_got_one_value(value):
    one, sketch = OneValue(value), sketch_of(value)
    for name in ("count", "min", "max", "sum", "avg"):
        assert getattr(one, name) == getattr(sketch, name)
    assert one.bin_list() == sketch.bin_list()
    assert one.is_finite()
    assert repr(one) == f"OneValue({value})"
