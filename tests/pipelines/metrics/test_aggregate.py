"""Contexts, limits and buckets (specification, metrics 2.4 and 3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.metrics import aggregate
from pipelines.metrics.aggregate import Aggregator, bucket_of_sample
from protocols.dogstatsd import COUNT, DISTRIBUTION, GAUGE, SET

NOW_S = 1_700_000_005
BUCKET_S = 1_700_000_000


def filled(*samples, **limits):
    aggregator = Aggregator(**limits)
    for name, kind, *values in samples:
        aggregator.add(name, (), BUCKET_S, kind, values)
    return aggregator


@pytest.mark.parametrize(
    ("kind", "timestamp_s", "bucket_s"),
    [
        (COUNT, None, BUCKET_S),
        (COUNT, NOW_S, BUCKET_S),
        (COUNT, NOW_S + 1, BUCKET_S),
        (COUNT, 10**30, BUCKET_S),
        (COUNT, NOW_S - 6, BUCKET_S - 10),
        (COUNT, NOW_S - 3600, BUCKET_S - 3600),
        (COUNT, NOW_S - 3601, None),
        (GAUGE, NOW_S - 3601, None),
        (SET, NOW_S - 3601, None),
        (DISTRIBUTION, NOW_S - 3601, BUCKET_S - 3600),
        (DISTRIBUTION, NOW_S - 14400, BUCKET_S - 14400),
        (DISTRIBUTION, NOW_S - 14401, None),
        (COUNT, 0, None),
        (COUNT, -1, None),
        (DISTRIBUTION, -100, None),
    ],
)
def test_a_sample_goes_to_the_bucket_of_its_time(kind, timestamp_s, bucket_s):
    assert bucket_of_sample(kind, timestamp_s, NOW_S) == bucket_s


def test_counts_add_up_gauges_keep_the_last_and_sets_count_members():
    series, sketches = filled(
        ("hits", COUNT, 3.0), ("hits", COUNT, 7.0, 5.0), ("cpu", GAUGE, 30.0, 55.0), ("cpu", GAUGE, 42.0), ("users", SET, "a", "b", "a")
    ).flush()
    assert series == [
        ("cpu", (), BUCKET_S, GAUGE, 42.0),
        ("hits", (), BUCKET_S, COUNT, 15.0),
        ("users", (), BUCKET_S, GAUGE, 2.0),
    ]
    assert sketches == []


def test_what_was_reserved_and_not_used_is_given_back():
    aggregator = filled(("latency", DISTRIBUTION, 10.0))
    before = aggregator.statistics().held_bytes
    assert aggregator.reserve(5) == 5
    assert aggregator.statistics().held_bytes == before + 5 * aggregate.BIN_BYTES
    aggregator.give_back(5)
    assert aggregator.statistics().held_bytes == before


def test_nothing_is_reserved_where_room_is_scarce():
    aggregator = filled(bytes_max=1000)
    assert aggregator.reserve(7) == 7
    assert aggregator.reserve(1) == 0
    assert aggregator.statistics().held_bytes == 7 * aggregate.BIN_BYTES


@pytest.mark.parametrize(("kind", "first", "second"), [(COUNT, 3.0, 4.0), (GAUGE, 3.0, 4.0), (SET, "a", "b")])
def test_a_cell_that_a_flush_has_closed_begins_anew(kind, first, second):
    aggregator = Aggregator()
    cell = aggregator.cell("x", (), BUCKET_S, kind)
    aggregator.update(cell, first)
    before = aggregator.flush()[0]
    again = aggregator.reopened(cell, BUCKET_S + 10)
    aggregator.update(again, second)
    assert again is cell
    assert [point[2:] for point in before] == [(BUCKET_S, COUNT if kind is COUNT else GAUGE, 1.0 if kind is SET else 3.0)]
    assert [point[2:] for point in aggregator.flush()[0]] == [
        (BUCKET_S + 10, COUNT if kind is COUNT else GAUGE, 1.0 if kind is SET else 4.0)
    ]


def test_a_closed_distribution_begins_anew_and_leaves_what_was_taken_alone():
    aggregator = Aggregator()
    cell = aggregator.cell("x", (), BUCKET_S, DISTRIBUTION)
    for value in (1.0, 2.0):
        aggregator.insert(cell, value, 1.0)
    _, [(*_, taken)] = aggregator.flush()
    aggregator.insert(aggregator.reopened(cell, BUCKET_S), 7.0, 1.0)
    _, [(*_, after)] = aggregator.flush()
    assert (taken.count, taken.max, after.count, after.max) == (2, 2.0, 1, 7.0)


def test_an_open_cell_stays_in_its_bucket_when_another_is_opened():
    aggregator = Aggregator()
    cell = aggregator.cell("x", (), BUCKET_S, COUNT)
    other = aggregator.reopened(cell, BUCKET_S + 10)
    assert other is not cell
    assert (cell.bucket_s, other.bucket_s) == (BUCKET_S, BUCKET_S + 10)
    assert aggregator.reopened(cell, BUCKET_S + 10) is other


def test_distributions_become_one_sketch():
    _, [(name, tags, bucket_s, sketch)] = filled(("latency", DISTRIBUTION, 10.0), ("latency", DISTRIBUTION, 20.0, 30.0)).flush()
    assert (name, tags, bucket_s) == ("latency", (), BUCKET_S)
    assert (sketch.min, sketch.max, sketch.sum, sketch.count) == (10, 30, 60, 3)
    assert sketch.bin_list() == [(1487, 1), (1531, 1), (1557, 1)]


def test_a_sampled_count_is_divided_and_a_sampled_distribution_weighs_more():
    aggregator = Aggregator()
    aggregator.add("c", (), BUCKET_S, COUNT, (10.0,), 0.5)
    aggregator.add("d", (), BUCKET_S, DISTRIBUTION, (10.0,), 0.1)
    aggregator.add("d", (), BUCKET_S, DISTRIBUTION, (10.0,))
    aggregator.add("g", (), BUCKET_S, GAUGE, (10.0,), 0.5)
    series, [(*_, sketch)] = aggregator.flush()
    assert [point[4] for point in series] == [20.0, 10.0]
    assert (sketch.count, sketch.sum, sketch.avg, sketch.bin_list()) == (11, 110, 10, [(1487, 11)])


def test_the_kind_is_part_of_the_context():
    series, sketches = filled(("m", COUNT, 1.0), ("m", GAUGE, 9.0), ("m", DISTRIBUTION, 5.0), ("m", COUNT, 1.0)).flush()
    assert [(point[3], point[4]) for point in series] == [(COUNT, 2.0), (GAUGE, 9.0)]
    assert sketches[0][3].count == 1


def test_a_flush_takes_everything_and_begins_anew():
    aggregator = filled(("m", COUNT, 1.0))
    assert len(aggregator.flush()[0]) == 1
    assert aggregator.flush() == ([], [])
    assert aggregator.statistics().held_bytes == 0


def test_points_leave_in_order():
    aggregator = Aggregator()
    for name, tags, bucket_s in [("b", (), 20), ("a", ("z",), 10), ("a", (), 20), ("a", (), 10)]:
        aggregator.add(name, tags, bucket_s, COUNT, (1.0,))
    assert [point[:3] for point in aggregator.flush()[0]] == [("a", (), 10), ("a", (), 20), ("a", ("z",), 10), ("b", (), 20)]


def test_beyond_the_limit_new_contexts_are_refused_and_old_ones_still_update():
    aggregator = filled(("test", COUNT, 1.0), ("foo", COUNT, 1.0), ("bar", COUNT, 1.0), ("foo", COUNT, 2.0), contexts_max=2)
    assert aggregator.statistics().refused_contexts == 1
    assert [(point[0], point[4]) for point in aggregator.flush()[0]] == [("foo", 3.0), ("test", 1.0)]
    assert aggregator.add("bar", (), BUCKET_S, COUNT, (1.0,))


def test_from_80_percent_on_it_asks_for_an_early_flush():
    aggregator = Aggregator(contexts_max=10)
    asked = []
    for number in range(10):
        aggregator.add(f"m{number}", (), BUCKET_S, COUNT, (1.0,))
        asked.append(aggregator.is_nearly_full)
    assert asked == [False] * 7 + [True] * 3
    aggregator.flush()
    assert not aggregator.is_nearly_full


def test_long_names_meet_the_byte_limit():
    aggregator = Aggregator(bytes_max=9_000)
    results = [aggregator.add("n" * 1000 + str(number), ("t" * 1000,), BUCKET_S, COUNT, (1.0,)) for number in range(6)]
    assert results == [True] * 3 + [False] * 3
    assert aggregator.is_nearly_full
    assert aggregator.statistics().refused_contexts == 3


def test_distribution_values_meet_the_byte_limit_only_after_folding():
    aggregator = Aggregator(bytes_max=4_000)
    for _ in range(10_000):
        aggregator.add("same", (), BUCKET_S, DISTRIBUTION, (1.0,))
    assert aggregator.statistics().refused_values == 0
    for number in range(1, 200):
        aggregator.add("spread", (), BUCKET_S, DISTRIBUTION, (float(2**number),))
    statistics = aggregator.statistics()
    assert statistics.refused_values > 100
    assert statistics.held_bytes <= 4_000
    _, sketches = aggregator.flush()
    assert sum(sketch.count for *_, sketch in sketches) == 10_199 - statistics.refused_values


def test_set_members_meet_the_byte_limit():
    aggregator = Aggregator(bytes_max=4_000)
    for number in range(100):
        aggregator.add("users", (), BUCKET_S, SET, (f"user-{number}",))
    refused = aggregator.statistics().refused_values
    assert 0 < refused < 100
    assert aggregator.flush()[0][0][4] == 100 - refused


def test_a_sum_beyond_a_float_is_counted_instead_of_spoiling_the_batch():
    aggregator = filled(("c", COUNT, 1e308, 1e308), ("d", DISTRIBUTION, 1e308, 1e308), ("fine", COUNT, 1.0))
    series, sketches = aggregator.flush()
    assert ([point[0] for point in series], sketches, aggregator.statistics().unsendable) == (["fine"], [], 2)


def test_a_taken_cell_is_closed():
    aggregator = Aggregator()
    cell = aggregator.cell("m", (), BUCKET_S, DISTRIBUTION)
    aggregator.flush()
    assert (cell.bucket_s, cell.sketch) == (aggregate.CLOSED, None)


KINDS = st.sampled_from([(COUNT, 2.0), (GAUGE, 3.0), (DISTRIBUTION, 4.0), (SET, "x")])


@given(st.lists(st.tuples(st.sampled_from("abcdef"), KINDS, st.integers(0, 3)), max_size=80), st.integers(1, 12))
def test_nothing_is_lost_without_being_counted(samples, contexts_max):
    aggregator = Aggregator(contexts_max=contexts_max)
    accepted = [aggregator.add(name, (), BUCKET_S + 10 * b, kind, (value,)) for name, (kind, value), b in samples]
    assert accepted.count(False) == aggregator.statistics().refused_contexts
    series, sketches = aggregator.flush()
    counted = sum(point[4] for point in series if point[3] is COUNT) / 2.0
    inserted = sum(sketch.count for *_, sketch in sketches)
    good = [kind for (_, (kind, _), _), is_in in zip(samples, accepted, strict=True) if is_in]
    assert (counted, inserted) == (good.count(COUNT), good.count(DISTRIBUTION))
    assert len(series) + len(sketches) <= contexts_max
