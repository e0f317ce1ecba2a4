"""Spans are counted in the right bucket and group, none twice, within bounds."""

import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stats.concentrate import BUCKET_NS, FUTURE_NS, GROUPS_MAX, KEY_BYTES_MAX, Concentrator, Room, aligned
from pipelines.stats.sketch import EMPTY, Sketch

NOW_NS = 1_700_000_000 * 10**9
MS = 10**6
BLOCKED = "tracer_blocked_value"


def span(meta=None, metrics=None, end_ns=NOW_NS, **members):
    made = {
        "service": "s",
        "name": "n",
        "resource": "r",
        "type": "",
        "trace_id": 1,
        "span_id": 2,
        "parent_id": 0,
        "duration": MS,
        "error": 0,
    }
    made |= {"meta": meta or {}, "metrics": {"_top_level": 1.0} if metrics is None else metrics, **members}
    return {**made, "start": end_ns - made["duration"]}


def concentrator(oldest_ns=NOW_NS, **bounds):
    return Concentrator(oldest_ns, Room(**bounds))


def counted(*spans, origin=""):
    made = concentrator()
    made.take(spans, origin, NOW_NS)
    return groups(made)


def groups(made, now_ns=NOW_NS, force=True):
    return [msgpack.unpackb(group) for bucket in made.flush(now_ns, force) for group in bucket.groups]


def buckets(made, now_ns, force=False):
    """(start, hits, duration) of each bucket that a flush gives."""
    found = []
    for bucket in made.flush(now_ns, force):
        decoded = [msgpack.unpackb(group) for group in bucket.groups]
        found.append((bucket.start_ns, sum(group["Hits"] for group in decoded), sum(group["Duration"] for group in decoded)))
    return found


def picked(group, *names):
    return {name: group[name] for name in names}


# --- groups -----------------------------------------------------------------------------------------------------------------------


def test_equal_spans_are_one_group():
    [group] = counted(span(), span(), span())
    assert picked(group, "Hits", "TopLevelHits", "Errors") == {"Hits": 3, "TopLevelHits": 3, "Errors": 0}


def test_errors_are_counted_and_have_a_sketch_of_their_own():
    [group] = counted(span(error=0, duration=5), span(error=1), span(error=-1))
    assert picked(group, "Hits", "Errors") == {"Hits": 3, "Errors": 2}
    ok, failed = Sketch(), Sketch()
    ok.add(5)
    failed.add(MS)
    failed.add(MS)
    assert (group["OkSummary"], group["ErrorSummary"]) == (ok.encode(), failed.encode())


def test_durations_are_summed():
    [group] = counted(*(span(duration=ms * MS) for ms in (1, 2, 3)))
    assert group["Duration"] == 6_000_000
    assert group["ErrorSummary"] == EMPTY


def test_a_sum_beyond_its_field_is_the_largest_that_the_field_holds():
    [group] = counted(*(span(duration=2**63 - 1, end_ns=2**63 - 1) for _ in range(3)))
    assert group["Duration"] == 2**64 - 1


def test_other_resources_kinds_and_statuses_are_other_groups():
    made = counted(span(resource="GET /a"), span(resource="GET /a"), span(resource="GET /b"))
    assert [(group["Resource"], group["Hits"]) for group in made] == [("GET /a", 2), ("GET /b", 1)]
    assert len(counted(span(), span({"span.kind": "client"}), span({"http.status_code": "200"}))) == 3


def test_roots_children_and_clients_are_told_apart():
    made = counted(
        span(duration=40),
        span(duration=10, parent_id=2),
        span(duration=5, parent_id=2, metrics={"_dd.measured": 1.0}),
        span({"span.kind": "client"}, {}, duration=20, parent_id=2),
        span(duration=7, parent_id=2, metrics={}),
    )
    names = ("IsTraceRoot", "SpanKind", "Hits", "Duration", "TopLevelHits")
    assert [tuple(group[name] for name in names) for group in made] == [(1, "", 1, 40, 1), (2, "", 2, 15, 1), (2, "client", 1, 20, 0)]


@pytest.mark.parametrize(("origin", "is_synthetic"), [("synthetics", True), ("synthetics-browser", True), ("lambda", False), ("", False)])
def test_tests_from_outside_are_known_by_the_origin_as_it_was_received(origin, is_synthetic):
    [group] = counted(span({"_dd.origin": "lambda"}), origin=origin)
    assert group["Synthetics"] is is_synthetic


@pytest.mark.parametrize(("sha", "kept"), [("abc", "abc"), ("", "before"), ("x" * 129, "before")])
def test_the_commit_is_that_of_the_last_root_that_named_one(sha, kept):
    made = concentrator()
    made.take([span({"_dd.git.commit.sha": "before"}), span({"_dd.git.commit.sha": "child"}, parent_id=2)], "", NOW_NS)
    made.take([span({"_dd.git.commit.sha": sha})], "", NOW_NS)
    assert made.commit_sha == kept


# --- buckets ----------------------------------------------------------------------------------------------------------------------

SIX = [(5, 50), (4, 40), (3, 30), (2, 20), (1, 10), (0, 1)]  # ended so many buckets ago, with this duration


def six_spans(made):
    made.take([span(end_ns=NOW_NS - ago * BUCKET_NS, duration=duration) for ago, duration in SIX], "", NOW_NS)
    return made


def test_what_ended_before_the_start_is_counted_in_the_first_bucket():
    made = six_spans(concentrator())
    assert buckets(made, NOW_NS) == []
    assert buckets(made, NOW_NS + BUCKET_NS) == []
    assert buckets(made, NOW_NS + 2 * BUCKET_NS) == [(NOW_NS, 6, 151)]
    assert made.is_idle


def test_with_the_oldest_one_back_the_last_span_has_a_bucket_of_its_own():
    made = six_spans(concentrator(NOW_NS - BUCKET_NS))
    assert buckets(made, NOW_NS + BUCKET_NS) == [(NOW_NS - BUCKET_NS, 5, 150)]
    assert buckets(made, NOW_NS + 2 * BUCKET_NS) == [(NOW_NS, 1, 1)]


def test_a_forced_flush_takes_everything_also_with_a_clock_in_the_past():
    made = six_spans(concentrator(NOW_NS - BUCKET_NS))
    assert buckets(made, NOW_NS - 3600 * 10**9, force=True) == [(NOW_NS - BUCKET_NS, 5, 150), (NOW_NS, 1, 1)]
    assert made.is_idle


@pytest.mark.parametrize(("force", "oldest_ns"), [(False, NOW_NS + 2 * BUCKET_NS), (True, NOW_NS + 3 * BUCKET_NS)])
def test_what_is_late_after_a_flush_is_counted_in_the_oldest_bucket_left(force, oldest_ns):
    made = concentrator()
    made.flush(NOW_NS + 3 * BUCKET_NS + 7, force)
    made.take([span()], "", NOW_NS)
    assert buckets(made, NOW_NS, force=True) == [(oldest_ns, 1, MS)]


@pytest.mark.parametrize(
    ("end_ns", "start_ns"),
    [
        (NOW_NS + 10**10 - 1, NOW_NS),
        (NOW_NS + 10**10, NOW_NS + 10**10),
        (NOW_NS + FUTURE_NS, NOW_NS + FUTURE_NS),
        (NOW_NS + FUTURE_NS + 1, NOW_NS),
        (2**63 - 1, NOW_NS),
    ],
)
def test_a_span_is_counted_where_it_ended_unless_that_is_far_in_the_future(end_ns, start_ns):
    made = concentrator()
    made.take([span(end_ns=end_ns)], "", NOW_NS)
    assert buckets(made, NOW_NS, force=True) == [(start_ns, 1, MS)]


def test_the_age_is_that_of_the_oldest_bucket():
    made = concentrator(NOW_NS - 5 * BUCKET_NS)
    assert made.age_ns(NOW_NS) == 0
    made.take([span(), span(end_ns=NOW_NS - 2 * BUCKET_NS)], "", NOW_NS)
    assert made.age_ns(NOW_NS + 3) == 2 * BUCKET_NS + 3


# --- bounds -----------------------------------------------------------------------------------------------------------------------


def test_beyond_the_number_of_groups_spans_are_counted_in_one_that_stands_for_all():
    made = concentrator()
    made.take((span(resource=str(number % (GROUPS_MAX + 5))) for number in range(GROUPS_MAX + 10)), "", NOW_NS)
    found = groups(made)
    assert len(found) == GROUPS_MAX + 1
    assert sum(group["Hits"] for group in found) == GROUPS_MAX + 10
    assert picked(found[-1], "Service", "Resource", "Hits", "IsTraceRoot") == {
        "Service": BLOCKED,
        "Resource": BLOCKED,
        "Hits": 5,
        "IsTraceRoot": 0,
    }
    assert made._room.blocked_spans == 5


def test_a_key_of_huge_texts_has_no_group_of_its_own():
    [group] = counted(span(resource="x" * KEY_BYTES_MAX))
    assert (group["Resource"], group["Hits"]) == (BLOCKED, 1)


def test_beyond_the_bytes_nothing_is_kept_but_the_group_for_all_and_then_nothing():
    made = concentrator(bytes_max=20_000, reserve_bytes=10_000)
    made.take((span(resource=str(number)) for number in range(100)), "", NOW_NS)
    room = made._room
    assert (room.blocked_spans, room.dropped_spans) == (100 - made.groups + 1, 0)
    # Existing groups go on without new bins; wide durations fill what the group for all may take.
    made.take([span(resource="0", duration=MS)] * 50, "", NOW_NS)
    assert room.blocked_spans == 100 - made.groups + 1
    made.take((span(resource="0", duration=2**bit) for bit in range(1, 63)), "", NOW_NS)
    made.take((span(end_ns=NOW_NS + number * BUCKET_NS, duration=1) for number in range(1, 60)), "", NOW_NS)
    assert room.dropped_spans > 0
    assert room.held_bytes <= 30_000
    assert sum(group["Hits"] for group in groups(made)) == 100 + 50 + 62 + 59 - room.dropped_spans
    assert room.held_bytes == 0


def fill(made, numbers):
    """Spans that differ in what a key keeps alive, made one by one, so that only what the concentrator keeps is alive afterwards."""
    for number in numbers:
        made.take([span({"http.route": f"/user/{number}"}, resource=f"GET /user/{number}", duration=number + 1)], "", NOW_NS)


def test_what_is_held_is_no_more_than_what_is_counted_as_held():
    made = concentrator()
    fill(made, range(5))  # what is made once for all is made
    tracemalloc.start()
    before = made._room.held_bytes
    fill(made, range(5, 1005))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    counted = made._room.held_bytes - before
    assert counted / 2 < held < counted


@pytest.mark.long
def test_a_million_resources_are_counted_within_the_bound():
    made = concentrator()
    fill(made, range(1_000_000))
    assert made.groups == GROUPS_MAX + 1
    assert made._room.held_bytes < made._room.bytes_max
    assert sum(group["Hits"] for group in groups(made)) == 1_000_000


SPANS = st.builds(
    lambda resource, ago, duration, error, kind: span(
        {"span.kind": kind}, resource=resource, end_ns=NOW_NS - ago, duration=duration, error=error
    ),
    st.sampled_from(["a", "b", "c", "d"]),
    st.integers(-3 * BUCKET_NS, 3 * BUCKET_NS),
    st.integers(0, 10**13),
    st.integers(0, 1),
    st.sampled_from(["", "client", "server"]),
)


@given(st.lists(SPANS, max_size=40), st.lists(st.booleans(), max_size=5), st.integers(0, 20_000), st.randoms(use_true_random=False))
def test_hits_errors_and_durations_are_conserved_whatever_the_order_the_flushes_and_the_room(spans, flushes, bytes_max, random):
    random.shuffle(spans)
    made = concentrator(NOW_NS - BUCKET_NS, bytes_max=bytes_max)
    found = []
    for step, force in enumerate([*flushes, True]):
        made.take(spans[step :: len(flushes) + 1], "", NOW_NS)
        assert made._room.held_bytes <= bytes_max + made._room.reserve_bytes
        found += groups(made, NOW_NS + step * BUCKET_NS, force)
    assert made._room.dropped_spans == 0
    assert made._room.held_bytes == 0
    assert sum(group["Hits"] for group in found) == len(spans)
    assert sum(group["Errors"] for group in found) == sum(made["error"] for made in spans)
    assert sum(group["Duration"] for group in found) == sum(made["duration"] for made in spans)


@given(st.lists(SPANS, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_spans_changes_nothing(spans, random):
    def flushed(spans):
        made = concentrator(NOW_NS - BUCKET_NS)
        made.take(spans, "", NOW_NS)
        return {bucket.start_ns: sorted(bucket.groups) for bucket in made.flush(NOW_NS, force=True)}

    before = flushed(spans)
    random.shuffle(spans)
    assert flushed(spans) == before
    assert all(start == aligned(start) for start in before)
