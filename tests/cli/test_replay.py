"""`lambda-reactor replay`: each life by an agent of its own, the same bytes every time, the exit code by the worst of them."""

import json
from base64 import b64encode

import msgpack
import pytest

from cli.main import main

HEAD = '{"fixture":"lambda-reactor/1","name":"x","epoch_ms":1700000000000,"environment":{"AWS_LAMBDA_FUNCTION_NAME":"f"}}\n'
READY = '{"at_ms":0,"in":"register","account_id":"1"}\n{"at_ms":1,"in":"subscribe"}\n'
END = '{"at_ms":9,"in":"next","answer":{"eventType":"SHUTDOWN","deadlineMs":1700000002009,"shutdownReason":"timeout"}}\n'


@pytest.fixture
def fixture(tmp_path):
    def write(text):
        path = tmp_path / "run.jsonl"
        path.write_text(text)
        return str(path)

    return write


def test_each_life_is_replayed_by_an_agent_of_its_own(fixture, capsys):
    assert main(["replay", fixture(HEAD + READY + END + HEAD + READY)]) == 0
    first, _, second = capsys.readouterr().out.partition("  life 2\n")
    assert "states   INIT.start at 0" in first
    assert "exit code 0" in first
    assert "states   INIT.start at 0" in second
    assert "still running" in second


def test_one_life_is_not_numbered(fixture, capsys):
    assert main(["replay", fixture(HEAD + READY + END)]) == 0
    assert "  life " not in capsys.readouterr().out


def test_documents_say_which_life_they_are_of(fixture, capsys):
    assert main(["replay", "--json", "-", fixture(HEAD + READY + END + HEAD + READY)]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(document["life"], "summary" in document) for document in documents] == [(1, False), (1, True), (2, False), (2, True)]
    assert [document["summary"]["exit_code"] for document in documents if "summary" in document] == [0, None]


def test_what_is_left_of_a_life_after_its_exit_is_passed_over(fixture, capsys):
    refused = '{"at_ms":0,"in":"register","refused":"status 403"}\n{"at_ms":5,"in":"sigterm"}\n'
    assert main(["replay", "--summary", fixture(HEAD + refused + HEAD + READY + END)]) == 0
    assert [line.rpartition(", ")[2] for line in capsys.readouterr().out.splitlines() if "in all" in line] == ["exit code 1", "exit code 0"]


def test_a_call_that_the_agent_does_not_make_ends_that_life_alone(fixture, capsys):
    stuck = '{"at_ms":0,"in":"register","refused":"status 403"}\n'
    early = '{"at_ms":0,"in":"next","failed":"x"}\n'
    assert main(["replay", fixture(HEAD + early + HEAD + READY + END + HEAD + stuck)]) == 1
    out = capsys.readouterr().out
    assert "STUCK        the next event was not asked for" in out
    assert "  life 3\n" in out


def test_a_line_that_cannot_be_read_in_a_later_life_is_said_where_it_stands(fixture, capsys):
    assert main(["replay", "--summary", fixture(HEAD + READY + END + HEAD + '{"at_ms":0,"in":"nap"}\n')]) == 2
    assert "run.jsonl:6: in must be one of" in capsys.readouterr().err


@pytest.mark.parametrize("wire", [(), ("--wire",)])
def test_spans_are_counted_by_service_and_name(fixture, capsys, wire):
    span = {"service": "s", "name": "n", "resource": "r", "trace_id": 1, "span_id": 1, "start": 1_700_000_000_000_000_000, "duration": 1}
    spans = [span, {**span, "span_id": 2}, {**span, "span_id": 3, "name": "o"}]
    body = b64encode(msgpack.packb([spans])).decode()
    request = {"method": "PUT", "target": "/v0.4/traces", "headers": [["content-type", "application/msgpack"]], "base64": body}
    line = json.dumps({"at_ms": 2, "in": "request", **request}) + "\n"
    assert main(["replay", *wire, fixture(HEAD + READY + line + END)]) == 0
    assert "spans    2 s/n\n            spans    1 s/o\n" in capsys.readouterr().out
    assert main(["replay", *wire, "--json", "-", fixture(HEAD + READY + line + END)]) == 0
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [traces] = [sent for each in documents[:-1] for sent in each["invocation"]["sent"] if sent["kind"] == "traces"]
    assert traces["spans"] == [{"service": "s", "name": "n", "spans": 2}, {"service": "s", "name": "o", "spans": 1}]


def test_a_crashed_listener_is_replayed(fixture, capsys):
    crashes = "".join(f'{{"at_ms":{times},"in":"crashed","region":"datagrams","times":{times}}}\n' for times in (2, 3))
    assert main(["replay", fixture(HEAD + READY + crashes + END)]) == 0


def test_busy_sockets_hold_the_flush_up_to_its_bound(fixture, capsys):
    invoke = '{"at_ms":3,"in":"next","answer":{"eventType":"INVOKE","deadlineMs":1700000003003,"requestId":"a","invokedFunctionArn":"x"}}\n'
    record = '{"time":"2023-11-14T22:13:20.004Z","type":"platform.runtimeDone","record":{"requestId":"a"}}'
    done = f'{{"at_ms":4,"in":"telemetry","records":[{record}]}}\n'
    for busy, at_ms in ("", 4), ('{"at_ms":2,"in":"settle","after_ms":3}\n', 7), ('{"at_ms":2,"in":"settle","after_ms":50}\n', 9):
        assert main(["replay", fixture(HEAD + READY + busy + invoke + done)]) == 0
        assert f"RUNTIME_DONE.flush at {at_ms}," in capsys.readouterr().out
