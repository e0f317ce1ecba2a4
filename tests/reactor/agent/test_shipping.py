"""What the agent makes of sealed bodies: encoded once, to each place as it wants it; and of what an earlier process left."""

import json

import attrs
import pytest

from protocols.spool_format import DATAGRAMS, TELEMETRY, Contents, Kept, Taken
from reactor.agent import inputs as given
from reactor.agent.agent import Agent
from reactor.agent.encode import Compressor, decode_body
from reactor.agent.outputs import ForgetPayload, KeepPayloads, SendPayload

SECOND = "https://second.test"
MORE = {
    "DD_ADDITIONAL_ENDPOINTS": json.dumps({SECOND: ["second-key"]}),
    "DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS": json.dumps([{"api_key": "logs-key", "Host": "second.test", "Port": 443, "is_reliable": True}]),
}


class Counting(Compressor):
    """Notes what it encodes."""

    def __init__(self, settings, calls):
        super().__init__(settings)
        self._calls = calls

    def encode(self, body):
        self._calls.append(body.kind)
        return super().encode(body)


@pytest.fixture
def shipping_of(life_of, settings_of, sandbox):
    """A ready agent that encodes, with changed variables; `calls` lists the kinds of what was encoded."""

    def shipping_of(**changes):
        settings = settings_of(**({"DD_SERVERLESS_FLUSH_STRATEGY": "end"} | changes))
        life = life_of(**({"DD_SERVERLESS_FLUSH_STRATEGY": "end"} | changes))
        life.calls = []
        life.agent = Agent(settings, sandbox, "x86_64", lambda: 0.0, life.now, codec=Counting(settings, life.calls))
        return life.ready()

    return shipping_of


def flush(life, records):
    """One invocation with a line and its end; what is sent then."""
    life.invoke("a")
    life.telemetry(records.start("a"), records.line("hello"), records.done("a"))
    return [output.payload for output in life.settle() if isinstance(output, SendPayload)]


def test_every_body_is_compressed_once_whoever_gets_it(shipping_of, records):
    life = shipping_of(**MORE)
    sent = flush(life, records)
    assert sorted((payload.body.kind, payload.key) for payload in sent) == [
        *[("logs", key) for key in (0, 2)],
        *[("sketches", key) for key in (0, 1)],
    ]
    assert sorted(life.calls) == ["logs", "sketches"]
    assert {payload.body.encoding for payload in sent} == {"zstd"}
    logs = [payload for payload in sent if payload.body.kind == "logs"]
    assert logs[0].body is logs[1].body
    assert b"hello" in decode_body(logs[0].body).raw
    assert [payload.number for payload in sent if not payload.key] == [1, 2], "the main intakes come first"
    assert "second-key" not in repr(life.told)


def test_a_worker_gets_its_logs_plain_and_the_additional_intake_compressed(shipping_of, records):
    worker = {
        "DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_ENABLED": "true",
        "DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_URL": "http://worker:8282/in",
    }
    sent = [payload for payload in flush(shipping_of(**MORE, **worker), records) if payload.body.kind == "logs"]
    assert [(payload.url, payload.body.encoding) for payload in sent] == [
        ("http://worker:8282/in", ""),
        ("https://second.test:443/api/v2/logs", "zstd"),
    ]
    assert b"hello" in sent[0].body.raw


@pytest.mark.parametrize("compression", ["true", "false"])
def test_a_body_that_is_too_large_is_halved_and_encoded_as_it_was(shipping_of, records, compression):
    life = shipping_of(DD_LOGS_CONFIG_USE_COMPRESSION=compression)
    [logs] = [payload for payload in flush(life, records) if payload.body.kind == "logs"]
    halves = [output.payload for output in life.tell(given.SendEnded(logs.number, 413)) if isinstance(output, SendPayload)]
    assert {half.body.encoding for half in halves} == {"zstd" if compression == "true" else ""}
    entries = [entry for half in halves for entry in json.loads(decode_body(half.body).raw)]
    assert entries == json.loads(decode_body(logs.body).raw)
    assert len(halves) == 2


def test_without_a_codec_bodies_stay_plain(life, records):
    sent = flush(life.ready(), records)
    assert {payload.body.encoding for payload in sent} == {""}


# --- what an earlier process left


def batch(*records):
    return Taken(TELEMETRY, 1_700_000_000_000, json.dumps(records).encode())


def recovered(life, *, taken=(), kept=(), waiting=(), request_id=None):
    """What the agent keeps of it, by kind, plain."""
    out = life.tell(given.Recovered(Contents("my-function:$LATEST", list(taken), list(kept), 0, list(waiting), request_id)))
    bodies = {}
    for output in out:
        for payload in output.payloads if isinstance(output, KeepPayloads) else ():
            bodies.setdefault(payload.body.kind, b"")
            bodies[payload.body.kind] += decode_body(payload.body).raw
    return bodies


def test_what_was_taken_is_counted_again(shipping_of, records):
    taken = [
        batch(records.start("a"), records.line("hello")),
        batch(records.done("a"), records.report("a")),
        Taken(DATAGRAMS, 5, b"m:1|c\nn:2|d"),
    ]
    bodies = recovered(shipping_of(), taken=taken)
    assert b"hello" in bodies["logs"]
    assert b"REPORT RequestId: a" in bodies["logs"]
    assert b'"m"' in bodies["series"]
    for name in (b"runtime_duration", b"billed_duration", b"max_memory_used"):
        assert b"aws.lambda.enhanced." + name in bodies["sketches"]
    assert b"enhanced.invocations" not in bodies["sketches"], "its INVOKE counted it"


def test_a_line_that_was_waiting_is_sent_and_the_next_ones_have_the_owner_they_had(shipping_of, records):
    line = ["waited", 1_700_000_000_000, "info", None, "", False, None]
    bodies = recovered(shipping_of(), taken=[batch(records.line("after the seal"))], waiting=[line], request_id="r1")
    waited, after = json.loads(bodies["logs"])
    assert (waited["message"]["message"], waited["message"]["lambda"]["request_id"]) == ("waited", None)
    assert (after["message"]["message"], after["message"]["lambda"]["request_id"]) == ("after the seal", "r1")


@pytest.mark.parametrize("has_spool", [True, False])
def test_a_flush_says_what_it_leaves_behind_if_there_is_a_spool(shipping_of, records, has_spool):
    life = shipping_of()
    if has_spool:
        recovered(life)
    life.invoke("a")
    life.telemetry(records.line("nobody's yet"), records.done("a"))
    [kept] = [output for output in life.settle() if isinstance(output, KeepPayloads)]
    assert [line[0] for line in kept.waiting] == (["nobody's yet"] if has_spool else [])


def kept_of(sent, **changes):
    payload = attrs.evolve(sent, **changes)
    return Kept(payload.number, payload.url, payload.body, False, payload.key)


def test_a_payload_goes_on_only_to_a_place_that_the_settings_name(shipping_of, records):
    sent = {payload.body.kind: payload for payload in flush(shipping_of(**MORE), records) if payload.key == 0}
    life = shipping_of(**MORE)
    ours = kept_of(sent["logs"], number=7)
    strangers = [
        kept_of(sent["logs"], number=8, url="http://evil.test/api/v2/logs"),
        kept_of(sent["logs"], number=9, key=9),
    ]
    out = life.tell(given.Recovered(Contents("my-function:$LATEST", [], [ours, *strangers], 0)))
    assert [output.number for output in out if isinstance(output, ForgetPayload)] == [8, 9]
    assert len(life.agent.outbox) == 1
    assert life.counts.dropped == {"logs: for an intake that the settings do not name": 2 * ours.body.items}
    assert life.agent.outbox.number == 7
