"""A recording told to a replay: what an intake did stands where the replay needs it, before the line that set the requests off."""

import inspect

import msgpack
import pytest

from fsm.time import Now
from protocols.extensions_api import Registration
from protocols.fixture import parse
from protocols.http_server import Request
from reactor import deliver
from reactor.agent import inputs as told
from reactor.agent import requests
from reactor.agent.replay import Replay, Watcher
from reactor.config.load import load
from reactor.record import NEVER_MS, NO_ANSWER, Recorder


class Clock:
    ms = 0

    def now(self):
        return Now(1_700_000_000_000 + self.ms, self.ms)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def record(tmp_path, clock):
    """Notes inputs a millisecond apart; gives what was written, as pairs of time and kind or fields."""
    path = tmp_path / "run.jsonl"
    settings, _ = load({"DD_RECORD_TELEMETRY_EVENTS": str(path), "DD_API_KEY": "k"}, None)

    def record(*items):
        recorder = Recorder.open(settings, {}, clock, lambda *line: None)
        for item in items:
            clock.ms += 1
            recorder.flush() if item is None else recorder.note(item, clock.now())
        recorder.close()
        _, rest = parse(path.read_bytes().splitlines(), path.name)
        return [(each.at_ms, each.fields if each.kind == "intake" else each.kind) for each in rest]

    return record


BATCH = told.Telemetry([], [])


def answered(status):
    return told.SendEnded(1, status)


def test_a_failing_intake_is_told_of_before_the_line_that_set_the_request_off(record):
    assert record(BATCH, BATCH, answered(500)) == [(1, "telemetry"), (2, {"status": 500}), (2, "telemetry")]


def test_what_it_does_afterwards_stands_at_its_own_time(record):
    assert record(BATCH, answered(500), answered(202), BATCH) == [
        (1, {"status": 500}),
        (1, "telemetry"),
        (3, {"status": 202}),
        (4, "telemetry"),
    ]


def test_a_change_before_anything_was_told_stands_at_its_own_time(record):
    assert record(answered(503), BATCH) == [(1, {"status": 503}), (2, "telemetry")]


def test_a_line_that_is_written_already_stays_where_it_is(record):
    assert record(BATCH, None, answered(500)) == [(1, "telemetry"), (3, {"status": 500})]


def test_no_answer_in_time_is_an_intake_that_takes_for_ever(record):
    assert record(BATCH, told.SendEnded(1, None, reason=NO_ANSWER, unknown=True)) == [(1, {"after_ms": NEVER_MS}), (1, "telemetry")]


def test_the_sender_says_it_in_these_words():
    assert f'late = "{NO_ANSWER}"' in inspect.getsource(deliver)


def test_no_answer_for_another_reason_is_a_failure(record):
    ended = told.SendEnded(1, None, reason="closed without an answer", unknown=True)
    assert record(BATCH, ended) == [(1, {"fails": "closed without an answer"}), (1, "telemetry")]


def test_a_crashed_listener_is_told_of(record):
    assert record(told.Crashed("datagrams", 2)) == [(1, "crashed")]


def test_a_large_request_stands_in_a_recording_once_and_is_replayed_in_pieces(tmp_path, clock):
    made = {"service": "s", "name": "n", "resource": "r" * 2_400, "trace_id": 1, "start": 1_700_000_000 * 10**9, "duration": 5}
    body = msgpack.packb([[made | {"span_id": number}] for number in range(1, 251)])
    request = Request("PUT", "/v0.4/traces", ((b"datadog-meta-lang", b"go"),), body)
    path = tmp_path / "run.jsonl"
    settings, _ = load({"DD_RECORD_TELEMETRY_EVENTS": str(path), "DD_API_KEY": "k"}, None)
    recorder = Recorder.open(settings, {}, clock, lambda *line: None)
    for item in (told.Begin(), told.RegisterAnswered(Registration("f", "1")), told.SubscribeAnswered(None), *requests.told(request)):
        recorder.note(item, clock.now())
    recorder.close()
    header, rest = parse(path.read_bytes().splitlines(), path.name)
    rest = list(rest)
    assert [each.kind for each in rest] == ["register", "subscribe", "request"]
    replay = Replay(header, settings, lambda: 0.5, Watcher())
    replay.run(rest)
    assert replay.agent.ledger.statistics().accepted["span"] == 250
