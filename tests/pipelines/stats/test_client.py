"""A tracer's statistics are completed and put into the right time, and otherwise left alone."""

import attrs
import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stats.client import SKEW_NS_MAX, StatsSettings, completed, shift_of
from protocols.stats_api import ClientBucket, decode_client_stats

NOW_NS = 1_700_000_007 * 10**9
ALIGNED_NS = 1_700_000_000 * 10**9
BUCKET_NS = 10**10


@attrs.frozen
class Headers:
    lang: str = "python"
    tracer_version: str = "2.9.0"
    container_id: str = "c1"


def stats(*starts, shift=0, **fields):
    buckets = [{"Start": start, "Duration": BUCKET_NS, "AgentTimeShift": shift, "Stats": [{"Name": str(start)}]} for start in starts]
    return decode_client_stats(msgpack.packb({"Stats": buckets, **fields}))


def starts_of(*starts, shift=0):
    payload = completed(stats(*starts, shift=shift), Headers(), StatsSettings(), NOW_NS)
    return [(bucket.start_ns, bucket.shift_ns) for bucket in payload.buckets]


def test_what_a_tracer_left_empty_is_filled_from_settings_headers_and_what_else_is_known():
    fields = completed(stats(NOW_NS), Headers(), StatsSettings("prod", "1.2.3", "Shop"), NOW_NS, runtime_id="r1").fields
    filled = ("Env", "Version", "Service", "Lang", "TracerVersion", "ContainerID", "RuntimeID")
    assert [fields[name] for name in filled] == ["prod", "1.2.3", "shop", "python", "2.9.0", "c1", "r1"]


def test_without_any_settings_the_env_is_unknown():
    fields = completed(stats(NOW_NS), Headers("", "", ""), StatsSettings(), NOW_NS).fields
    assert [fields[name] for name in ("Env", "Version", "Service", "Lang", "RuntimeID")] == ["unknown-env", "", "", "", ""]


def test_what_a_tracer_says_stays_but_for_its_host():
    given = {
        "Hostname": "test-host",
        "Env": "Staging",
        "Version": "9",
        "Service": "Own",
        "Lang": "go",
        "TracerVersion": "1",
        "ContainerID": "own",
        "RuntimeID": "own-id",
        "Sequence": 7,
        "Tags": ("a:b",),
        "GitCommitSha": "abc",
        "ImageTag": "latest",
        "ProcessTags": "entrypoint:main",
        "ProcessTagsHash": 2**64 - 1,
        "AgentAggregation": "counts",
    }
    payload = completed(stats(NOW_NS, **given), Headers(), StatsSettings("prod", "1.2.3", "Shop"), NOW_NS, "r1")
    assert payload.fields == {**given, "Hostname": ""}


@pytest.mark.parametrize(
    ("starts", "sent"),
    [
        # Within an hour the start stays as it is, aligned or not.
        ([NOW_NS], [(NOW_NS, 0)]),
        ([NOW_NS - SKEW_NS_MAX, NOW_NS + SKEW_NS_MAX], [(NOW_NS - SKEW_NS_MAX, 0), (NOW_NS + SKEW_NS_MAX, 0)]),
        # Beyond it, the newest comes to now and the others keep their distance.
        ([0], [(ALIGNED_NS, ALIGNED_NS)]),
        ([0, BUCKET_NS], [(ALIGNED_NS - BUCKET_NS, ALIGNED_NS - BUCKET_NS), (ALIGNED_NS, ALIGNED_NS - BUCKET_NS)]),
        ([BUCKET_NS, 0], [(ALIGNED_NS, ALIGNED_NS - BUCKET_NS), (ALIGNED_NS - BUCKET_NS, ALIGNED_NS - BUCKET_NS)]),
        ([NOW_NS + SKEW_NS_MAX + 1], [(ALIGNED_NS, ALIGNED_NS - NOW_NS - SKEW_NS_MAX - 1)]),
        ([NOW_NS - SKEW_NS_MAX - 1], [(ALIGNED_NS, ALIGNED_NS - NOW_NS + SKEW_NS_MAX + 1)]),
        # What cannot be told any more is told as far as it can.
        ([2**64 - 1], [(ALIGNED_NS, -(2**63))]),
        ([0, 2**64 - 1], [(0, -(2**63)), (ALIGNED_NS, -(2**63))]),
    ],
)
def test_a_clock_that_is_wrong_is_put_right_for_all_buckets_alike(starts, sent):
    assert starts_of(*starts) == sent


def test_a_shift_that_was_made_before_is_added_to():
    assert starts_of(0, shift=5) == [(ALIGNED_NS, ALIGNED_NS + 5)]
    assert starts_of(NOW_NS, shift=5) == [(NOW_NS, 5)]


def test_buckets_without_groups_are_left_out_and_move_nothing():
    body = {"Stats": [{"Start": 0, "Stats": []}, {"Start": NOW_NS, "Stats": [{}]}]}
    payload = completed(decode_client_stats(msgpack.packb(body)), Headers(), StatsSettings(), NOW_NS)
    assert [bucket.start_ns for bucket in payload.buckets] == [NOW_NS]


@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=6), st.integers(10**18, 2 * 10**18))
def test_after_the_shift_the_newest_is_never_off_by_more_than_an_hour(starts, now_ns):
    buckets = [ClientBucket(start, BUCKET_NS, 0, [{}]) for start in starts]
    shift = shift_of(buckets, now_ns)
    assert abs(max(starts) + shift - now_ns) <= SKEW_NS_MAX
    assert shift == 0 or (max(starts) + shift) % BUCKET_NS == 0
