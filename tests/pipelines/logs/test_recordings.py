"""The logs of recorded runs of the reference extension, made again from their telemetry. Skipped where the recordings are not at hand."""

import json
import pathlib

import pytest

from fsm.time import Now
from pipelines.logs.pipeline import LogsPipeline
from pipelines.logs.rules import Rule, compile_rules

RECORDINGS = pathlib.Path(__file__).parents[4] / "shared" / "recordings"
PATHS = sorted(RECORDINGS.glob("*.json")) if RECORDINGS.is_dir() else []

if not PATHS:
    pytest.skip("recordings are not at hand", allow_module_level=True)


def rules_of(environment):
    text = environment.get("DD_LOGS_CONFIG_PROCESSING_RULES")
    if text is None:
        return None
    fields = ("type", "name", "pattern", "replace_placeholder")
    compiled, errors = compile_rules(tuple(Rule(*(rule[key] for key in fields if key in rule)) for rule in json.loads(text)))
    assert errors == []
    return compiled.apply


def ours_and_theirs(path):
    recording = json.loads(path.read_text())
    environment = recording["environment"]
    theirs = [entry for output in recording["outputs"] if output["out"] == "logs" for entry in output["document"]]
    base_tags = theirs[0]["ddtags"]
    pipeline = LogsPipeline(
        arn=theirs[0]["hostname"],
        function_name=environment["AWS_LAMBDA_FUNCTION_NAME"],
        service=environment["DD_SERVICE"],
        tags=base_tags,
        managed=environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances",
        apply_rules=rules_of(environment),
    )
    now = Now(epoch_ms=0, mono_ms=0)
    for happening in recording["inputs"]:
        if happening["in"] == "telemetry":
            pipeline.take(happening["body"], now)
    pipeline.shutdown(now)
    ours = [entry for body in pipeline.seal() for entry in json.loads(body.raw)]
    return ours, theirs


def as_the_reference_says_it(entry):
    """Undo, in one of our entries, what we say better on purpose: the status on REPORT, and `failure` treated like `error`."""
    message = entry["message"]
    text = message["message"]
    if text.startswith("REPORT"):
        for status in ("timeout", "error", "failure"):
            text = text.removesuffix(f" Status: {status}")
    if text.startswith("END") and text.endswith(' Task failed: "Runtime.Unknown"'):
        text, message = text.removesuffix(' Task failed: "Runtime.Unknown"'), message | {"status": "info"}
    return entry | {"message": message | {"message": text}}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_logs_of_a_recorded_run_are_made_again(path):
    ours, theirs = ours_and_theirs(path)
    if path.stem == "managed":  # there the records came from several connections at once, and their order was left to chance

        def order(entry):
            return json.dumps(entry, sort_keys=True)

        ours, theirs = sorted(ours, key=order), sorted(theirs, key=order)
    assert [as_the_reference_says_it(entry) for entry in ours] == theirs
    assert [json.dumps(as_the_reference_says_it(entry)) for entry in ours] == [json.dumps(entry) for entry in theirs], "order of keys"


@pytest.mark.skipif(not (RECORDINGS / "failures.json").exists(), reason="recording is not at hand")
def test_where_we_say_more_than_the_reference():
    ours, theirs = ours_and_theirs(RECORDINGS / "failures.json")
    differing = [entry["message"]["message"] for entry, other in zip(ours, theirs, strict=True) if entry != other]
    endings = [text.rsplit(" ", 2)[-2:] for text in differing if text.startswith("REPORT")]
    assert endings == [["Status:", "error"], ["Status:", "timeout"], ["Status:", "error"], ["Status:", "failure"]]
    ends = [text for text in differing if text.startswith("END")]
    assert len(ends) == 1
    assert "Task failed:" in ends[0]
    assert len(differing) == 5
