"""Bounds of the queue and of request bodies (specification, logs 9.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.logs import batch
from pipelines.logs.batch import EntryQueue, split_batches
from protocols.intake_logs import BATCH_BYTES_MAX, BATCH_ENTRIES_MAX

SIZE_CHECK = b"x" * 189


@pytest.mark.parametrize(
    ("entries", "entries_max", "bytes_max", "bodies"),
    [
        ([], 2, 99, []),
        ([b"a", b"b", b"c"], 2, 99, [(b"[a,b]", 2), (b"[c]", 1)]),
        ([SIZE_CHECK, SIZE_CHECK], 1000, 256, [(b"[" + SIZE_CHECK + b"]", 1)] * 2),
        ([b"aa", b"bb"], 1000, 7, [(b"[aa,bb]", 2)]),
        ([b"aa", b"bb"], 1000, 6, [(b"[aa]", 1), (b"[bb]", 1)]),
        ([b"a", b"too large", b"c"], 1000, 5, [(b"[a]", 1), (b"[too large]", 1), (b"[c]", 1)]),
    ],
)
def test_batches(entries, entries_max, bytes_max, bodies):
    assert list(split_batches(entries, entries_max, bytes_max)) == bodies


@given(st.lists(st.integers(1, 40).map(lambda size: b"x" * size), max_size=60), st.integers(1, 8), st.integers(42, 90))
def test_batches_keep_every_entry_in_order_within_both_limits(entries, entries_max, bytes_max):
    bodies = list(split_batches(entries, entries_max, bytes_max))
    assert [entry for raw, _ in bodies for entry in raw[1:-1].split(b",")] == entries
    assert all(len(raw) <= bytes_max and count <= entries_max for raw, count in bodies)
    assert sum(count for _, count in bodies) == len(entries)


def test_the_limits_are_those_of_the_intake():
    assert (BATCH_ENTRIES_MAX, BATCH_BYTES_MAX) == (1000, 5 * 1024 * 1024)
    assert batch.QUEUE_BYTES_MAX == 32 * 1024 * 1024


def test_the_oldest_lines_of_functions_go_first_and_platform_lines_stay():
    queue = EntryQueue(bytes_max=10)
    queue.append_platform(b"START")
    queue.entries.append(b"aaa")
    queue.entries.append(b"bb")
    queue.settle()
    assert (queue.bytes, queue.dropped) == (10, 0)
    queue.append_platform(b"END")
    queue.settle()
    assert (queue.bytes, queue.dropped, len(queue)) == (10, 1, 3)
    assert queue.take_all() == [b"START", b"bb", b"END"]
    assert (queue.bytes, len(queue), queue.take_all()) == (0, 0, [])


def test_platform_lines_go_only_beyond_their_own_reserve():
    queue = EntryQueue(bytes_max=4, platform_reserve_bytes=4)
    for entry in (b"aaaa", b"bbbb"):
        queue.append_platform(entry)
    queue.settle()
    assert (queue.platform_dropped, len(queue)) == (0, 2)
    queue.entries.append(b"line")
    queue.append_platform(b"cccc")
    queue.settle()
    assert (queue.dropped, queue.platform_dropped) == (1, 1)
    assert queue.take_all() == [b"bbbb", b"cccc"]


@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=20), max_size=12), st.integers(0, 3))
def test_the_queue_is_bounded_keeps_its_order_and_counts_what_it_drops(rounds, take_every):
    queue, given_entries, taken = EntryQueue(bytes_max=60, platform_reserve_bytes=30), [], []
    for number, entries in enumerate(rounds):
        for is_platform, size in entries:
            entry = (b"%05d" % len(given_entries)) + b"x" * size
            given_entries.append(entry)
            (queue.append_platform if is_platform else queue.entries.append)(entry)
        queue.settle()
        assert queue.bytes == sum(map(len, queue.entries)) <= 90
        if take_every and number % take_every == 0:
            taken += queue.take_all()
    taken += queue.take_all()
    assert taken == sorted(taken)
    assert set(taken) <= set(given_entries)
    assert len(taken) + queue.dropped + queue.platform_dropped == len(given_entries)


def test_a_queue_that_is_never_taken_does_not_grow():
    queue = EntryQueue(bytes_max=1000, platform_reserve_bytes=1000)
    for number in range(200):
        if number % 2:
            queue.append_platform(b"START")
        queue.entries += [b"%05d" % number] * 100
        queue.settle()
        assert queue.bytes == sum(map(len, queue.entries)) <= 2000
    assert len(queue.entries) <= 3 * batch.COMPACT_AT
    entries = queue.take_all()
    assert (entries.count(b"START"), entries[-1]) == (100, b"00199")
    assert queue.platform_dropped == 0
