"""Runs of the reference extension, told to our agent: what it would send is held against what the reference sent.

Skipped where the recordings are not at hand. Logs, metrics, the spans of tracers and those that the extension makes itself, and what a
library is answered.
"""

import json
from pathlib import Path
from random import Random

import attrs
import msgpack
import pytest

from emulator.compare import DEFAULT, MACHINE_METRICS, compare_with_recording
from emulator.decode import decode
from protocols.fixture import Header, Told, header_line, parse, request_fields, told_line
from protocols.http_server import Request
from protocols.telemetry_records import parse_time_ms
from reactor.agent.outputs import Answer
from reactor.agent.replay import Replay, Watcher, settings_of

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
PATHS = sorted(RECORDINGS.glob("*.json")) if RECORDINGS.is_dir() else []

if not PATHS:
    pytest.skip("recordings are not at hand", allow_module_level=True)


class Bodies(Watcher):
    """What arrived, decoded by descriptors that are not ours."""

    def __init__(self):
        self.documents = []
        self.problems = []

    def sent(self, sent):
        body = sent.payload.body
        headers = [(b"dd-api-key", b"k"), (b"content-type", body.content_type.encode())]
        headers += [(b"dd-protocol", b"agent-json")] if body.kind == "logs" else []
        headers += [*body.headers, (b"user-agent", b"ours")] if body.kind == "traces" else []
        decoded = decode(body.path, headers, body.raw)
        self.problems += decoded.problems
        self.documents.append({"out": decoded.kind, "path": body.path, "bytes": len(body.raw), "document": decoded.document})


def told_of(happening):
    """One input of a recording as a line of a fixture; None for what a replay is not told of."""
    at_ms = round(happening["at_ms"])
    match happening["in"]:
        case "telemetry":
            return Told(at_ms, "telemetry", {"records": happening["body"]})
        case "next":
            answer = happening["answer"]
            return Told(at_ms, "next", {"answer": {"deadlineMs": 0, **answer}})
        case "udp" if happening["port"] == 8125:
            return Told(at_ms, "datagrams", {"lines": happening["datagrams"]})
        case "http" if happening["port"] == 8126 and happening["path"].endswith("/traces"):
            headers = tuple((name.lower().encode(), value.encode()) for name, value in happening["headers"].items())
            request = Request(happening["method"], happening["path"], headers, msgpack.packb(happening["body"]))
            return Told(at_ms, "request", request_fields(request))
        case "http" if happening["port"] == 8124:
            headers = tuple((name.lower().encode(), value.encode()) for name, value in happening["headers"].items())
            body = happening["body"] if isinstance(happening["body"], str) else json.dumps(happening["body"])
            return Told(at_ms, "request", request_fields(Request(happening["method"], happening["path"], headers, body.encode())))
    return None


def fixture_of(recording):
    """The recording as the text of a fixture: so its format is checked on the way."""
    inputs = sorted(recording["inputs"], key=lambda happening: happening["at_ms"])
    first = next(happening for happening in inputs if happening["in"] == "telemetry")
    epoch_ms = parse_time_ms(first["body"][0]["time"]) - round(first["at_ms"])
    environment = {name: value for name, value in recording["environment"].items() if "KEY" not in name and "TOKEN" not in name}
    told = [Told(0, "register", {"account_id": "123456789012"}), Told(0, "subscribe", {}), *filter(None, map(told_of, inputs))]
    return header_line(Header("recording", epoch_ms, environment)) + "".join(map(told_line, told))


def replayed(recording, answered=None):
    """The documents that are sent. `answered` gets the headers of each answer to a library."""
    header, told = parse(fixture_of(recording).split("\n"), "recording")
    bodies = Bodies()
    replay = Replay(header, settings_of(header)[0], Random(0).random, bodies)
    if answered is not None:
        replay._performers[Answer] = lambda answer: answered.append({name.decode(): value.decode() for name, value in answer.headers})
    replay.run(told)
    assert bodies.problems == []
    return bodies.documents


# --- what may differ -------------------------------------------------------------------------------------------------------------

# Read from /proc and /tmp by the reference; a replay has neither.
# Made from the spans of the records; the reference makes none.
MORE_METRICS = ("aws.lambda.enhanced.response_latency", "aws.lambda.enhanced.response_duration")
LEEWAY = attrs.evolve(DEFAULT, ignored_metrics=(*MACHINE_METRICS, *MORE_METRICS))

# By recording: what says more, or is said once where the reference says it twice.
MORE = {
    "custom_metrics": {
        "sketch hist",  # h and ms are distributions, s is a set
        "sketch timer",
        "gauge users",
        "sketch multi",  # every packed value counts, not the first alone
        "sketch sampled",  # and stands for as many as its sample rate says
        "count orders.count",
        "count ts",  # a timestamp of years ago: no intake would take it
    },
    "universal_error": {"sketch aws.lambda.enhanced.errors"},  # one failure, seen by the tracer and by the platform, is one
}


def alike(documents, runtime):
    """Either side without what differs on purpose: the words for the runtime."""
    changed = json.loads(json.dumps(documents).replace("runtime:AWS_Lambda_", "runtime:"))
    for output in changed:
        for sketch in output["document"]["sketches"] if output["out"] == "sketches" else ():
            # Theirs carry what was found in the function's process besides: on that machine, where nothing is as on Lambda.
            sketch["tags"] = [tag for tag in sketch["tags"] if not tag.startswith("runtime:") or tag == runtime]
    return changed


def as_the_reference_says_it(output):
    """Undo what our log lines say more: how an invocation ended on REPORT, and `failure` treated like `error`."""
    for entry in output["document"] if output["out"] == "logs" else ():
        message = entry["message"]
        if message["message"].startswith("REPORT"):
            for status in ("timeout", "error", "failure"):
                message["message"] = message["message"].removesuffix(f" Status: {status}")
        if message["message"].startswith("END") and message["message"].endswith(' Task failed: "Runtime.Unknown"'):
            message |= {"message": message["message"].removesuffix(' Task failed: "Runtime.Unknown"'), "status": "info"}
    return output


def differences(path):
    recording = json.loads(path.read_text(encoding="utf-8"))
    runtime = f"runtime:{recording['environment']['AWS_EXECUTION_ENV'].removeprefix('AWS_Lambda_')}"
    theirs, ours = (
        alike([output for output in outputs if output["out"] in ("series", "sketches", "logs")], runtime)
        for outputs in (recording["outputs"], replayed(recording))
    )
    return compare_with_recording(theirs, map(as_the_reference_says_it, ours), LEEWAY)


@pytest.mark.parametrize("path", PATHS, ids=[path.stem for path in PATHS])
def test_what_is_sent_is_what_the_reference_sent(path):
    """But for what is listed above, and all of that does differ: an entry that is not needed any more must go."""
    found = differences(path)
    allowed = MORE.get(path.stem, set())
    assert [difference for difference in found if difference.partition(":")[0] not in allowed] == []
    assert {difference.partition(":")[0] for difference in found} == allowed


def test_there_is_something_to_compare():
    assert {path.stem for path in PATHS} > set(MORE)
    documents = replayed(json.loads((RECORDINGS / "basic.json").read_text(encoding="utf-8")))
    assert {document["out"] for document in documents} == {"sketches", "logs"}


# --- spans -----------------------------------------------------------------------------------------------------------------------


PLACEHOLDER = "dd-tracer-serverless-span"
OF_THE_EXTENSION = ("dd_extension_version", "runtime")  # tags that are its own, or worded in its own way


def spans_of(documents):
    """(chunk's priority and origin, span) by span id; spans without the tags that differ on purpose."""
    return {
        span["span_id"]: (
            {name: chunk.get(name) for name in ("priority", "origin")},
            span | {"meta": {key: value for key, value in span["meta"].items() if key not in OF_THE_EXTENSION}},
        )
        for output in documents
        if output["out"] == "traces"
        for payload in output["document"]["tracer_payloads"]
        for chunk in payload["chunks"]
        for span in chunk["spans"]
    }


TRACED = [path for path in PATHS if '"path": "/v0.4/traces"' in path.read_text(encoding="utf-8")]


def sent_by_the_tracer(recording):
    """The ids of its spans, but for what stands for the invocation: that span is the extension's own."""
    requests = [each["body"] for each in recording["inputs"] if each["in"] == "http" and each["path"] == "/v0.4/traces"]
    spans = [span for traces in requests for trace in traces for span in trace]
    return {span["span_id"] for span in spans if span["resource"] != PLACEHOLDER}


@pytest.mark.parametrize("path", TRACED, ids=[path.stem for path in TRACED])
def test_spans_of_a_tracer_are_sent_as_the_reference_sent_them(path):
    recording = json.loads(path.read_text(encoding="utf-8"))
    ids = sent_by_the_tracer(recording)
    theirs, ours = (
        {span_id: found for span_id, found in spans_of(documents).items() if span_id in ids}
        for documents in (recording["outputs"], replayed(recording))
    )
    assert theirs
    assert ours == theirs


CALLING = [path for path in PATHS if '"/lambda/start-invocation"' in path.read_text(encoding="utf-8")]
OWN_SPANS = ("aws.lambda.cold_start", "aws.apigateway", "aws.sqs", "aws.sns")  # with ids that each side draws for itself
PRIORITY = "_sampling_priority_v1"


def with_named_ids(spans):
    """The ids that an extension has drawn are replaced by the names of their spans."""
    names = {span["span_id"]: span["name"] for _, _, span in spans if span["name"] in OWN_SPANS}
    for *_, span in spans:
        span |= {kind: names.get(span.get(kind), span.get(kind)) for kind in ("span_id", "parent_id")}
    return spans


def everything_of(documents):
    """(payload, chunk, span) of each span, in the order of their starts and names."""
    found = [
        (
            {**payload, "chunks": None, "tags": {name: sorted(text.split(",")) for name, text in payload["tags"].items()}},
            {**chunk, "spans": len(chunk["spans"])},
            dict(span, meta=dict(span["meta"]), metrics=dict(span.get("metrics", {}))),
        )
        for output in json.loads(json.dumps(documents))
        if output["out"] == "traces"
        for payload in output["document"]["tracer_payloads"]
        for chunk in payload["chunks"]
        for span in chunk["spans"]
    ]
    return with_named_ids(sorted(found, key=lambda each: (each[2]["start"], each[2]["name"], each[2]["resource"])))


def worded_alike(theirs, ours):
    """Undo what is done on purpose: our version, the runtime's name, and three things that the specification calls better."""
    for (their_payload, their_chunk, their_span), (payload, chunk, span) in zip(theirs, ours, strict=True):
        for each in (their_payload, payload):
            tags = each["tags"]["_dd.tags.function"]
            each["tags"]["_dd.tags.function"] = [tag for tag in tags if not tag.startswith(("runtime:", "dd_extension_version:"))]
        for each in (their_span, span):
            for name in OF_THE_EXTENSION:
                del each["meta"][name]
        # traces 7.4: the payload of spans that name no environment and no version has the function's.
        assert (payload.pop("env"), payload.pop("app_version")) == ("lab", "7")
        assert "env" not in their_payload
        assert "app_version" not in their_payload
        # invocation 4.2: the priority of the context that was extracted is the trace's.
        if their_chunk["priority"] == -128:
            their_chunk["priority"] = chunk["priority"]
            assert chunk["priority"] > 0
            if their_span["name"] == "aws.lambda":
                their_span["metrics"][PRIORITY] = float(chunk["priority"])
        # triggers 4.3: what is wrapped lasts until what wraps it begins.
        if span["name"] == "aws.sns":
            their_span["duration"] = span["duration"]
            assert span["duration"] > 0


@pytest.mark.parametrize("path", CALLING, ids=[path.stem for path in CALLING])
def test_every_span_of_an_invocation_that_a_library_tells_of_is_the_references(path):
    recording = json.loads(path.read_text(encoding="utf-8"))
    theirs, ours = everything_of(recording["outputs"]), everything_of(replayed(recording))
    worded_alike(theirs, ours)
    assert theirs
    assert ours == theirs


def pairs_of(headers):
    """Each as a text of its own, those of x-datadog-tags one by one."""
    return {f"{name}: {value}" for name, values in headers.items() for value in values.split(",") if name.startswith("x-datadog")}


@pytest.mark.parametrize("path", CALLING, ids=[path.stem for path in CALLING])
def test_a_library_is_answered_as_the_reference_answered_it(path):
    """Better, where there is a context (invocation 2.2): its origin and all of its tags besides."""
    recording, answered = json.loads(path.read_text(encoding="utf-8")), []
    replayed(recording, answered)
    calls = [each["answer"]["headers"] for each in recording["inputs"] if each["in"] == "http" and each["port"] == 8124]
    assert len(answered) == len(calls)
    for ours, theirs in zip(map(pairs_of, answered), map(pairs_of, calls), strict=True):
        assert ours >= theirs
        assert all(more.startswith(("x-datadog-origin: ", "x-datadog-tags: _dd.p.")) for more in ours - theirs)
        assert theirs or not ours
