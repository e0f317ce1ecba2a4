"""What of a recording is changed for a real process, and what cannot be played to one. The playing is in tests/replay/test_real.py."""

import copy
from typing import Any

import attrs
import pytest

from emulator.misbehaviour import Misbehaviour
from emulator.player import UNPLAYABLE, _misbehaviours, cannot_play, moved


@attrs.frozen
class Line:
    kind: str
    at_ms: int = 0
    fields: dict[str, Any] = attrs.field(factory=dict)


RECORD = {
    "time": "2026-01-01T23:59:59.500Z",
    "type": "platform.runtimeDone",
    "record": {"requestId": "r", "spans": [{"name": "responseLatency", "start": "2026-01-01T00:00:00.000Z", "durationMs": 1}]},
}


def test_the_times_of_records_and_of_their_spans_are_moved():
    (record,) = moved({"records": [RECORD]}, 86_400_750)["records"]
    assert record["time"] == "2026-01-03T00:00:00.250Z"
    assert record["record"]["spans"] == [{"name": "responseLatency", "start": "2026-01-02T00:00:00.750Z", "durationMs": 1}]


def test_a_deadline_is_moved():
    assert moved({"answer": {"eventType": "INVOKE", "deadlineMs": 5}}, 7) == {"answer": {"eventType": "INVOKE", "deadlineMs": 12}}


@pytest.mark.parametrize("record", [{"type": "function", "record": "text"}, {"time": 7}, {"time": "2026-01-01T00:00:00.000Z"}])
def test_a_record_of_another_shape_is_let_be(record):
    assert moved({"records": [record]}, 0) == {"records": [record]}


def test_what_was_recorded_stays_as_it_is():
    fields = {"records": [copy.deepcopy(RECORD)], "answer": {"deadlineMs": 1}}
    before = copy.deepcopy(fields)
    moved(fields, 1_000)
    assert fields == before


@pytest.mark.parametrize("kind", UNPLAYABLE)
def test_what_no_real_process_can_be_told_is_refused_with_the_reason(kind):
    assert cannot_play([Line("register"), Line(kind)]) == UNPLAYABLE[kind]


@pytest.mark.parametrize("kind", ["register", "subscribe", "next", "telemetry", "datagrams", "intake", "sigterm"])
def test_everything_else_can_be_played(kind):
    assert cannot_play([Line(kind)]) == ""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": 202}, []),
        ({}, []),
        ({"status": 503}, [Misbehaviour("status", status=503)]),
        ({"fails": "closed without an answer"}, [Misbehaviour("drop")]),
        ({"after_ms": 250}, [Misbehaviour("delay", wait_ms=250)]),
        ({"after_ms": 900_000}, [Misbehaviour("hang")]),
        ({"after_ms": 900_000, "status": 500}, [Misbehaviour("hang")]),
    ],
)
def test_what_an_intake_did_is_what_the_local_one_does(fields, expected):
    assert list(_misbehaviours(fields)) == expected
