"""Batches by count, size and age; losses behind a slow consumer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.batching import SLOW_CONSUMER, Batcher, encode
from emulator.subscription import Subscription


def subscription(**changes):
    base = {"name": "a", "schema": "2022-12-13", "types": ("platform", "function"), "protocol": "HTTP", "port": 1}
    return Subscription(**{**base, "max_items": 3, "max_bytes": 500, "timeout_ms": 25, **changes})


def line(text):
    return {"time": "t", "type": "function", "record": text}


def texts(batch):
    return [json.loads(item)["record"] for item in batch]


def test_a_batch_goes_when_its_first_record_is_old_enough():
    batcher = Batcher(subscription())
    assert batcher.due_ms() is None
    batcher.add(line("a"), 100.0)
    batcher.add(line("b"), 120.0)
    assert (batcher.due_ms(), batcher.take(124.9)) == (125.0, None)
    assert texts(batcher.take(125.0)) == ["a", "b"]


def test_a_full_batch_goes_at_once():
    batcher = Batcher(subscription())
    for text in "abc":
        batcher.add(line(text), 100.0)
    assert (batcher.due_ms(), texts(batcher.take(100.0))) == (0.0, ["a", "b", "c"])


def test_size_closes_a_batch_too():
    batcher = Batcher(subscription(max_items=100))
    batcher.add(line("x" * 300), 0.0)
    batcher.add(line("y" * 300), 0.0)
    assert texts(batcher.take(0.0)) == ["x" * 300]
    assert batcher.take(24.0) is None


def test_nothing_is_taken_while_one_is_under_way():
    batcher = Batcher(subscription())
    batcher.add(line("a"), 0.0)
    batcher.take(25.0)
    batcher.add(line("b"), 30.0)
    assert batcher.take(1_000.0) is None
    batcher.settle()
    assert texts(batcher.take(1_000.0)) == ["b"]


def test_a_second_full_batch_behind_a_slow_consumer_is_lost_as_a_whole():
    batcher = Batcher(subscription())
    batcher.add(line("first"), 0.0)
    batcher.take(25.0)
    losses = [batcher.add(line(text), 30.0) for text in "abcd"]
    assert [loss and (loss.reason, loss.records) for loss in losses] == [None, None, (SLOW_CONSUMER, 3), None]
    batcher.settle()
    assert texts(batcher.take(1_000.0)) == ["d"]


def test_other_types_are_not_taken():
    batcher = Batcher(subscription())
    batcher.add({"time": "t", "type": "extension", "record": "x"}, 0.0)
    assert batcher.empty


def test_hurry_takes_what_is_not_due():
    batcher = Batcher(subscription())
    batcher.add(line("a"), 0.0)
    assert texts(batcher.take(0.0, hurry=True)) == ["a"]


@pytest.mark.parametrize(("schema", "expected"), [("2022-07-01", '{"level":"INFO"}'), ("2022-12-13", {"level": "INFO"})])
def test_the_first_schema_has_structured_lines_as_text(schema, expected):
    record = {"time": "t", "type": "function", "record": {"level": "INFO"}}
    assert json.loads(encode(record, schema))["record"] == expected


@given(st.lists(st.text(max_size=700), max_size=40))
def test_a_replay_keeps_every_record_in_order_within_the_limits(lines):
    batcher, found = Batcher(subscription()), []
    batcher.replay([line(text) for text in lines], 0.0)
    while (batch := batcher.take(0.0, hurry=True)) is not None:
        assert len(batch) <= 3
        assert len(batch) == 1 or sum(map(len, batch)) <= 500
        found += texts(batch)
        batcher.settle()
    assert (found, batcher.empty) == (lines, True)


@given(st.lists(st.booleans(), max_size=60))
def test_every_record_is_delivered_or_counted_as_lost(slow):
    batcher, delivered, lost = Batcher(subscription()), 0, 0
    for at, keep_waiting in enumerate(slow):
        loss = batcher.add(line(str(at)), float(at))
        lost += loss.records if loss else 0
        if not keep_waiting:
            batcher.settle()
            delivered += len(batcher.take(float(at), hurry=True) or [])
    batcher.settle()
    while (batch := batcher.take(0.0, hurry=True)) is not None:
        delivered += len(batch)
        batcher.settle()
    assert delivered + lost == len(slow)
