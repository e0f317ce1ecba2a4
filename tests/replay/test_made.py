"""Recordings that are made: from a recorded run with time put in, by hand, and by the search for rows."""

import pytest

from fixtures import made, made_rows, record
from fixtures.story import EPOCH_MS, Story
from protocols.fixture import Told


def answer(at_ms, deadline_ms, kind="INVOKE"):
    return Told(at_ms, "next", {"answer": {"eventType": kind, "deadlineMs": deadline_ms}})


def batch(at_ms, *times):
    return Told(at_ms, "telemetry", {"records": [{"time": time, "type": "function", "record": "x"} for time in times]})


def test_time_is_put_in_before_each_invocation_and_everything_after_it_moves():
    told = [
        answer(10, 1_000),
        batch(20, "2026-01-01T00:00:00.020Z"),
        answer(30, 1_020),
        batch(40, "2026-01-01T00:00:00.040Z"),
        answer(50, 1_040, "SHUTDOWN"),
    ]
    assert list(made.stretched(told, lambda number: 60_000 * number)) == [
        answer(60_010, 61_000),
        batch(60_020, "2026-01-01T00:01:00.020Z"),
        answer(180_030, 181_020),
        batch(180_040, "2026-01-01T00:03:00.040Z"),
        answer(180_050, 181_040, "SHUTDOWN"),
    ]


def test_a_run_with_no_time_put_in_stays_as_it_was():
    ((_, told),) = record.read("cold-and-warm")
    assert list(made.stretched(told, lambda number: 0)) == told


def test_a_story_tells_one_time_by_every_clock():
    story = Story("x", "").ready().wait(100).jump(5_000).invoke("a", 3_000)
    assert [(each.at_ms, each.kind) for each in story.told] == [(0, "register"), (0, "subscribe"), (100, "clock"), (100, "next")]
    assert story.told[-1].fields["answer"]["deadlineMs"] == EPOCH_MS + 100 + 5_000 + 3_000
    assert story.line("x")["time"] == "2024-01-01T00:00:05.100Z"


@pytest.mark.parametrize("situations", [made_rows.ON_DEMAND, made_rows.ON_MANAGED], ids=["on demand", "managed"])
def test_every_situation_can_be_told(situations):
    """One that no platform could bring about would give nothing, whatever happened in it."""
    assert [title for title, begin in situations.items() if not made_rows._walk(begin())] == []


def test_what_is_made_is_what_lies_there():
    """If this fails: `python -m fixtures.record --made`."""
    for name, lives in made._stretched_ones():
        assert record.read(name) == lives
