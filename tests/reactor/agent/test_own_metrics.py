"""What the extension tells of itself, when it is asked to."""

import json

import msgpack
import pytest

from emulator.protobuf_schemas import decode_message
from fsm.time import Now
from pipelines.proxy import ProxyPipeline
from protocols.http_server import Request
from protocols.intake_body import Body
from reactor.agent import requests
from reactor.agent.outputs import ForgetPayload, Payload, SendPayload
from reactor.agent.own_metrics import FLUSHES_MAX, OwnMetrics
from reactor.agent.tracing import Tracing

ON = {"DD_EXTENSION_METRICS": "true", "DD_SERVERLESS_FLUSH_STRATEGY": "end"}


def own(asked):
    """Own figures in what was sent: (name, tags) -> value."""
    found = {}
    for output in asked:
        if not isinstance(output, SendPayload):
            continue
        body = output.payload.body
        if body.kind == "series":
            for item in json.loads(body.raw)["series"]:
                tags = tuple(tag for tag in item["tags"] if tag.startswith(("what:", "reason:")))
                found[item["metric"], tags] = item["points"][0]["value"]
        elif body.kind == "sketches":
            for sketch in decode_message("SketchPayload", body.raw)[0]["sketches"]:
                found[sketch["metric"], ()] = sum(each.get("sum", 0) for each in sketch["dogsketches"])
    start = "datadog.lambda_reactor."
    return {(name.removeprefix(start), tags): value for (name, tags), value in found.items() if name.startswith(start)}


@pytest.fixture
def invoke(records):
    """One invocation with a datagram or more; what its flush sends."""

    def invoke(life, request_id, *datagrams):
        life.invoke(request_id)
        life.datagrams(*datagrams)
        life.telemetry(records.start(request_id), records.done(request_id))
        return life.settle()

    return invoke


def test_they_are_off_unless_asked_for(life_of, invoke):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY="end").ready()
    assert own(invoke(life, "a", b"m:1|c", b"bad")) == {}


def test_datagrams_and_losses_go_with_the_flush_and_what_a_flush_cost_with_the_next(life_of, invoke):
    life = life_of(**ON).ready()
    first = invoke(life, "a", b"m:1|c", b"bad", b"m:x|c")
    assert own(first) == {
        ("datagrams", ()): 3,
        ("lost", ("reason:format", "what:metric_line")): 1,
        ("lost", ("reason:value", "what:metric_line")): 1,
    }
    life.ms += 70
    life.answer(first)
    sizes = [len(output.payload.body.raw) for output in first if isinstance(output, SendPayload)]
    second = own(invoke(life, "b", b"m:1|c"))
    assert second == {("datagrams", ()): 1, ("flush_ms", ()): 70, ("bytes_sent", ()): sum(sizes), ("payloads_sent", ()): len(sizes)}


def test_losses_of_what_libraries_send_are_told_with_the_flush_and_in_the_account_once(life_of, invoke, monkeypatch):
    monkeypatch.setattr(Tracing, "_make_proxy", lambda self: ProxyPipeline("f", requests_max=1))
    life = life_of(**ON).ready()
    profile = Request("POST", "/profiling/v1/input", (), bytes(700))
    for request in (Request("PUT", "/v0.4/traces", (), msgpack.packb([[{"trace_id": 0, "span_id": 0}], [7]])), profile, profile):
        for item in requests.told(request):
            life.tell(item)
    invoke(life, "a", b"m:1|c")
    found = {key: value for key, value in own(life.told).items() if key[0] == "lost"}
    assert found == {
        ("lost", ("reason:a_span_is_not_a_map", "what:trace")): 1,
        ("lost", ("reason:no_room", "what:profiling")): 1,
        ("lost", ("reason:trace_id_zero", "what:span")): 1,
    }
    life.agent.account()
    assert life.counts.dropped == {"span: trace id zero": 1, "profiling: no room": 1}
    assert life.counts.refused == {"trace: a span is not a map": 1}


def test_a_payload_that_is_sent_again_is_a_redrive(life_of, invoke):
    life = life_of(**ON).ready()
    first = invoke(life, "a", b"m:1|c")
    again = life.answer(first, None, reason="refused") + life.pass_ms(1_000)
    resent = [output for output in again if isinstance(output, SendPayload)]
    life.answer(resent)
    assert own(invoke(life, "b", b"m:1|c"))["redrives", ()] == len(resent) > 0


def test_while_nothing_comes_in_nothing_is_told():
    metrics = OwnMetrics()
    assert metrics.take({"datagram": 1}, {})
    metrics.watch([SendPayload(Payload(1, "u", Body("series", "/", "", b"12345", 1)), 0)], 0, Now(0, 0))
    assert metrics.take({"datagram": 1}, {}) == []
    later = metrics.take({"datagram": 1, "telemetry record": 1}, {})
    assert [(name, value) for name, _, _, value in later] == [
        ("datadog.lambda_reactor.bytes_sent", 5.0),
        ("datadog.lambda_reactor.payloads_sent", 1.0),
    ]


def test_a_number_is_forgotten_with_its_payload():
    metrics, send = OwnMetrics(), SendPayload(Payload(1, "u", Body("series", "/", "", b"", 1)), 0)
    metrics.watch([send, ForgetPayload(1), send], 0, Now(0, 0))
    assert [name for name, *_ in metrics.take({"datagram": 1}, {})] == [
        "datadog.lambda_reactor.datagrams",
        "datadog.lambda_reactor.payloads_sent",
    ]


def test_flushes_in_hand_are_bounded():
    metrics = OwnMetrics()
    for number in range(FLUSHES_MAX + 10):
        metrics.sealed(number, Now(0, number))
    metrics.watch([], FLUSHES_MAX + 10, Now(0, 1_000))
    assert len(metrics.take({"datagram": 0, "x": 1}, {})) == FLUSHES_MAX


def test_a_reason_is_a_tag_without_spaces_or_commas():
    points = OwnMetrics().take({"x": 1}, {"log line: too many, too long": 2})
    assert points == [("datadog.lambda_reactor.lost", ("reason:too_many__too_long", "what:log_line"), "count", 2.0)]
