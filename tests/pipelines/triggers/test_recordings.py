"""What the reference made of four events, held against what is made here. Skipped where the recordings are not at hand."""

import json
from itertools import count
from pathlib import Path

import pytest

from pipelines.triggers.infer import infer
from pipelines.triggers.model import TriggerSettings
from pipelines.triggers.response import set_status
from pipelines.triggers.spans import complete, connect

RECORDINGS = Path(__file__).parents[4] / "shared" / "recordings"
PATHS = sorted(RECORDINGS.glob("trigger-*.json")) if RECORDINGS.is_dir() else []

if not PATHS:
    pytest.skip("recordings are not at hand", allow_module_level=True)


def spans_and_payload(path):
    recording = json.loads(path.read_text(encoding="utf-8"))
    starts = [each for each in recording["inputs"] if each.get("path", "") == "/lambda/start-invocation"]
    sent = [each["document"]["tracer_payloads"] for each in recording["outputs"] if each["out"] == "traces"]
    spans = [span for payloads in sent for payload in payloads for chunk in payload["chunks"] for span in chunk["spans"]]
    return starts[0]["body"], spans


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_spans_and_tags_are_the_references(path):
    body, sent = spans_and_payload(path)
    ids = count(1)
    found = infer(json.loads(body) if isinstance(body, str) else body, TriggerSettings(region="us-east-1"), lambda: next(ids))
    function = next(span for span in sent if span["name"] == "aws.lambda")
    assert dict(found.tags).items() <= function["meta"].items()
    upstream = [span for span in sent if span["name"] in {"aws.apigateway", "aws.sqs", "aws.sns"}]
    connect(found, 7, {})
    set_status(found, 200)
    complete(found, {"error": 0, "metrics": {}} | function)
    assert [span["name"] for span in found.spans] == [span["name"] for span in upstream]
    for ours, theirs in zip(found.spans, upstream, strict=True):
        assert (ours["service"].lower(), ours["resource"]) == (theirs["service"], theirs["resource"])
        assert (ours["type"], ours["start"], ours["trace_id"]) == (theirs["type"], theirs["start"], theirs["trace_id"])
        assert ours["meta"].items() <= theirs["meta"].items()
    if found.spans:
        assert found.spans[0]["duration"] == upstream[0]["duration"]
