"""Recordings: for the owner alone, without secrets, bounded, never fatal, and readable by the fixture codec."""

import errno
import os
import stat

import msgpack
import pytest

from fsm.time import Now
from protocols.extensions_api import NextInvoke, NextShutdown, Refusal, Registration
from protocols.fixture import Told, parse, request_of
from protocols.http_server import Request
from reactor.agent import inputs as told
from reactor.agent import requests
from reactor.record import Recorder, shareable

EPOCH_MS = 1_700_000_000_000
SECRETS = {
    "DD_API_KEY": "k",
    "DATADOG_API_KEY": "k",
    "DD_APP_KEY": "k",
    "DD_KMS_API_KEY": "k",
    "DD_API_KEY_SECRET_ARN": "k",
    "DD_ADDITIONAL_ENDPOINTS": '{"https://x":["k"]}',
    "DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS": '[{"api_key":"k"}]',
    "DD_PROXY_HTTPS": "http://user:k@proxy",
    "AWS_LAMBDA_METADATA_TOKEN": "k",
    "DD_some_password": "k",
    "AWS_SECRET_ACCESS_KEY": "k",
    "AWS_SESSION_TOKEN": "k",
    "HTTPS_PROXY": "k",
    "DATABASE_URL": "k",
}
STEERING = {
    "DD_ENV": "test",
    "DD_SERVERLESS_FLUSH_STRATEGY": "end",
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_REGION": "us-east-1",
    "dd_site": "x",
}


class Clock:
    def __init__(self):
        self.ms, self.jump_ms = 0, 0

    def now(self):
        return Now(EPOCH_MS + self.ms + self.jump_ms, 5_000 + self.ms)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said():
    return []


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


@pytest.fixture
def recorder_of(path, clock, said, settings_of):
    made = []

    def recorder_of(environment=STEERING, **changes):
        settings = settings_of(**{"DD_RECORD_TELEMETRY_EVENTS": str(path), **changes})
        made.append(Recorder.open(settings, environment, clock, lambda *line: said.append(line)))
        return made[-1]

    yield recorder_of
    for recorder in made:
        recorder.close()


def read(path):
    header, rest = parse(path.read_bytes().splitlines(), path.name)
    return header, list(rest)


def test_what_is_told_is_read_back(recorder_of, path, clock):
    recorder = recorder_of()
    inputs = [
        told.Begin(),
        told.RegisterAnswered(Registration("id-1", "123456789012")),
        told.SubscribeAnswered(None),
        told.NextAnswered(NextInvoke("a", 1_700_000_003_000, "arn")),
        told.Telemetry([{"type": "function", "record": 'snow: ☃ "quoted" \ud800'}], ["not a record"]),
        told.Datagrams([b"m:1|c"]),
        told.Datagrams([b"\xff\xfe"]),
        told.SettleEnded(),
        told.NextAnswered(Refusal("no answer", fatal=False)),
        told.Crashed("telemetry", 1),
        told.Terminated(),
        told.NextAnswered(NextShutdown("spindown", 1_700_000_005_000)),
    ]
    for item in inputs:
        clock.ms += 10
        recorder.note(item, clock.now())
    recorder.close()
    header, rest = read(path)
    assert (header.name, header.epoch_ms, header.environment) == ("run.jsonl", EPOCH_MS, STEERING)
    assert rest == [
        Told(20, "register", {"account_id": "123456789012"}),
        Told(30, "subscribe", {}),
        Told(
            40, "next", {"answer": {"eventType": "INVOKE", "deadlineMs": 1_700_000_003_000, "requestId": "a", "invokedFunctionArn": "arn"}}
        ),
        Told(50, "telemetry", {"records": [{"type": "function", "record": 'snow: ☃ "quoted" ?'}], "refused": ["not a record"]}),
        Told(60, "datagrams", {"lines": ["m:1|c"]}),
        Told(70, "datagrams", {"base64": ["//4="]}),
        Told(90, "next", {"failed": "no answer", "fatal": False}),
        Told(100, "crashed", {"region": "telemetry", "times": 1}),
        Told(110, "sigterm", {}),
        Told(120, "next", {"answer": {"eventType": "SHUTDOWN", "deadlineMs": 1_700_000_005_000, "shutdownReason": "spindown"}}),
    ]


def test_requests_are_told_without_what_may_be_a_secret(recorder_of, path, clock):
    recorder = recorder_of()
    headers = ((b"content-type", b"x"), (b"dd-api-key", b"k"), (b"authorization", b"k"), (b"x-token", b"k"), (b"cookie", b"k"))
    for body in (b"{}", b"\xff"):
        item, _ = requests.read(Request("POST", "/profiling/v1/input?a=1", headers, body))
        recorder.note(item, clock.now())
    recorder.note(told.NotServed("request", "status 413"), clock.now())
    recorder.close()
    common = {"method": "POST", "target": "/profiling/v1/input?a=1", "headers": [["content-type", "x"]]}
    assert [(each.kind, each.fields) for each in read(path)[1]] == [
        ("request", common | {"text": "{}"}),
        ("request", common | {"base64": "/w=="}),
    ]


def test_a_request_that_is_taken_in_pieces_is_told_once(recorder_of, path, clock):
    recorder = recorder_of()
    span = {"service": "s", "name": "n", "resource": "r" * 3_000, "trace_id": 1, "span_id": 1, "start": 1, "duration": 1}
    request = Request("PUT", "/v0.4/traces", (), msgpack.packb([[span]] * 250))
    pieces = list(requests.told(request))
    for item in pieces:
        recorder.note(item, clock.now())
    recorder.close()
    assert len(pieces) == 3
    assert [request_of(each.fields) for each in read(path)[1]] == [request]


def test_refusals_are_told_with_their_reasons(recorder_of, path, clock):
    recorder = recorder_of()
    recorder.note(told.RegisterAnswered(Refusal("register answered 500: ")), clock.now())
    recorder.note(told.SubscribeAnswered(Refusal("answered 202")), clock.now())
    recorder.close()
    assert [(each.kind, each.fields) for each in read(path)[1]] == [
        ("register", {"refused": "register answered 500: "}),
        ("subscribe", {"refused": "answered 202"}),
    ]


def test_how_the_intake_behaves_is_told_when_it_changes(recorder_of, path, clock):
    recorder = recorder_of()
    for status, reason in ((202, ""), (202, ""), (500, ""), (500, ""), (None, "refused"), (202, "")):
        recorder.note(told.SendEnded(1, status, reason=reason), clock.now())
    recorder.close()
    assert [each.fields for each in read(path)[1]] == [{"status": 500}, {"fails": "refused"}, {"status": 202}]


def test_a_jump_of_the_wall_clock_is_told_once(recorder_of, path, clock):
    recorder = recorder_of()
    clock.ms, clock.jump_ms = 10, 3_600_000
    recorder.note(told.Terminated(), clock.now())
    clock.ms, clock.jump_ms = 20, 3_600_050
    recorder.note(told.Terminated(), clock.now())
    recorder.close()
    assert [(each.kind, each.fields) for each in read(path)[1]] == [("clock", {"jump_ms": 3_600_000}), ("sigterm", {}), ("sigterm", {})]


def test_secrets_stay_out_and_what_steers_stays_in():
    assert shareable(SECRETS | STEERING) == STEERING


def test_a_recording_holds_no_value_of_a_secret_variable(recorder_of, path):
    recorder_of(environment=dict.fromkeys(SECRETS, "hunter2") | STEERING).close()
    assert "hunter2" not in path.read_text()


def test_the_file_is_for_its_owner_alone(recorder_of, path):
    recorder_of().close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_file_nothing_is_done(recorder_of, path, clock, said):
    recorder = recorder_of(DD_RECORD_TELEMETRY_EVENTS=None)
    recorder.note(told.Terminated(), clock.now())
    recorder.flush()
    recorder.close()
    assert not path.exists()
    assert said == []


@pytest.mark.parametrize("where", ["/nonexistent/run.jsonl", "/", "/dev/null/x"])
def test_a_file_that_cannot_be_opened_is_said_and_survived(recorder_of, clock, said, where):
    recorder = recorder_of(DD_RECORD_TELEMETRY_EVENTS=where)
    recorder.note(told.Terminated(), clock.now())
    recorder.close()
    assert [level for level, _ in said] == ["ERROR"]


def test_at_its_bound_the_recording_ends_with_whole_lines(recorder_of, path, clock, said):
    recorder = recorder_of(DD_RECORD_TELEMETRY_BYTES_MAX="2000")
    for _ in range(100):
        recorder.note(told.Telemetry([{"type": "function", "record": "x" * 100}], []), clock.now())
    recorder.close()
    assert path.stat().st_size <= 2_000
    assert len(read(path)[1]) >= 5
    assert said == [("WARN", "the recording has reached its bound and ends here")]


def test_a_full_disk_ends_the_recording_and_nothing_else(recorder_of, clock, said, monkeypatch):
    recorder = recorder_of()

    def full(descriptor, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        recorder.note(told.Terminated(), clock.now())
        recorder.flush()
        recorder.note(told.Terminated(), clock.now())
        recorder.flush()
    assert [level for level, _ in said] == ["ERROR"]


def test_an_input_that_cannot_be_written_ends_the_recording_and_nothing_else(recorder_of, path, clock, said):
    recorder = recorder_of()
    recorder.note(told.Terminated(), clock.now())
    deep = record = {"type": "function"}
    for _ in range(100_000):
        record["record"] = {}
        record = record["record"]
    recorder.note(told.Telemetry([deep], []), clock.now())
    recorder.note(told.Terminated(), clock.now())
    assert [level for level, _ in said] == ["ERROR"]
    assert [each.kind for each in read(path)[1]] == ["sigterm"]
    while deep:  # taken apart from the top: the interpreter's own way down could be too deep
        deep = deep.pop("record", None)
