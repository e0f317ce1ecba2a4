"""What the reference extension sent of tracers' requests, made again from them. Skipped where the recordings are not at hand."""

import json
import pathlib

import msgpack
import pytest

from emulator.protobuf_schemas import decode_message
from fsm.time import Now
from pipelines.traces.facts import TracesSettings
from pipelines.traces.obfuscate.obfuscator import ObfuscationSettings, make_obfuscator
from pipelines.traces.pipeline import TracesPipeline
from protocols.msgpack_traces import decode
from protocols.trace_headers import read_headers

RECORDINGS = pathlib.Path(__file__).parents[4] / "shared" / "recordings"
PATHS = sorted(RECORDINGS.glob("*.json")) if RECORDINGS.is_dir() else []

if not PATHS:
    pytest.skip("recordings are not at hand", allow_module_level=True)


def requests_of(recording):
    inputs = (each for each in recording["inputs"] if each["in"] == "http" and each["port"] == 8126)
    return [each for each in inputs if each["path"] == "/v0.4/traces"]


def chunks_of(documents):
    return [chunk for document in documents for payload in document["tracer_payloads"] for chunk in payload["chunks"]]


def ours_and_theirs(path):
    """Chunks of the tracer's spans: those of ours and those of theirs that hold a span of these."""
    recording = json.loads(path.read_text())
    documents = [output["document"] for output in recording["outputs"] if output["out"] == "traces"]
    requests = requests_of(recording)
    if not requests:
        return [], []
    environment = recording["environment"]
    settings = TracesSettings(
        environment["DD_ENV"], environment["DD_SERVICE"], environment["DD_VERSION"], environment["AWS_LAMBDA_FUNCTION_NAME"]
    )
    text = documents[0]["tracer_payloads"][0]["tags"]["_dd.tags.function"]
    tags = dict(tag.split(":", 1) for tag in text.split(","))
    pipeline = TracesPipeline(settings, make_obfuscator(ObfuscationSettings()), function_tags=tags)
    for request in requests:
        headers = read_headers((name.encode(), value.encode()) for name, value in request["headers"].items())
        pipeline.take(decode("v0.4", msgpack.packb(request["body"])), headers, Now(epoch_ms=0, mono_ms=0))
    ours = chunks_of([decode_message("AgentPayload", body.raw)[0] for body in pipeline.seal()])
    known = {span["span_id"] for chunk in ours for span in chunk["spans"]}
    theirs = [chunk for chunk in chunks_of(documents) if any(span["span_id"] in known for span in chunk["spans"])]
    return sorted(ours, key=first_id), sorted(theirs, key=first_id)


def first_id(chunk):
    return chunk["spans"][0]["span_id"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_chunks_of_a_recorded_run_are_made_again(path):
    ours, theirs = ours_and_theirs(path)
    assert ours == theirs


def test_the_recordings_hold_chunks_at_all():
    assert sum(len(ours_and_theirs(path)[0]) for path in PATHS) > 3
