import json

import attrs

from cli.emulate_text import as_document, render


def test_each_invocation_has_a_line_with_what_it_cost(an_outcome, a_result):
    outcome = an_outcome(results=(a_result(init_ms=300.04), a_result(request_id="r-2", status="error", error_type="Boom")))
    lines = render(outcome, []).splitlines()
    assert lines[1].split() == ["request", "status", "init", "ms", "duration", "ms", "post-runtime", "ms", "billed", "ms", "error"]
    assert lines[2].split() == ["1", "r-1", "success", "300.0", "40.0", "30.0", "41"]
    assert lines[3].split() == ["2", "r-2", "error", "-", "40.0", "30.0", "41", "Boom"]


def test_the_processes_and_the_start_are_told(an_outcome):
    text = render(an_outcome(notes=("two\nlines",)), [])
    assert "datadog-agent     1     0      12     30.0       500" in text
    assert "registered after 20.0 ms, subscribed after 30.0 ms, asked for the first event after 31.0 ms" in text
    assert "  note: two\n  lines\n" in text


def test_the_last_lines_say_how_it_went(an_outcome):
    assert render(an_outcome(), []).endswith("\nnothing failed\n")
    assert render(an_outcome(), [], lines_compared=True).endswith("\nnothing failed; every line that the function printed arrived, once\n")
    assert render(an_outcome(), ["one", "two"]).endswith("\nFAILED: one\nFAILED: two\n")


def test_what_the_intake_answered_otherwise_is_told(an_outcome):
    outcome = an_outcome()
    arrived = {**outcome.arrived, "not_kept": [{"at_ms": 1, "path": "/api/v2/logs", "answer": "status:500*1"}]}
    assert "answered otherwise\n  /api/v2/logs: status:500*1\n" in render(attrs.evolve(outcome, arrived=arrived), [])


def test_without_the_local_intake_there_is_no_account(an_outcome):
    outcome = attrs.evolve(an_outcome(), account=None, arrived=None)
    assert "metrics" not in render(outcome, [])
    assert "account" not in as_document(outcome, [])


def test_the_document_is_json_and_says_the_same(an_outcome, a_result):
    document = json.loads(json.dumps(as_document(an_outcome(results=(a_result(response=b"\xff"),)), ["it failed"])))
    assert (document["good"], document["failures"]) == (False, ["it failed"])
    assert document["invocations"][0]["post_runtime_ms"] == 30.0
    assert document["invocations"][0]["response"] == "\ufffd"
    assert document["account"]["metrics"] == []
    assert document["intake"]["requests"] == 0
