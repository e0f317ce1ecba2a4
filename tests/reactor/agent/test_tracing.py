"""What libraries send to port 8126, through the agent: counted, sealed, sent, and lost only with a reason."""

import gzip
import importlib
import sys

import msgpack
import pytest

from emulator.protobuf_schemas import decode_message
from fsm import effects as do
from pipelines.proxy import ProxyPipeline
from pipelines.stats.pipeline import StatsPipeline
from pipelines.traces.pipeline import TracesPipeline
from protocols.http_server import Request
from protocols.spool_format import REQUEST, Contents, Taken, request_bytes
from reactor.agent import inputs as given
from reactor.agent import requests
from reactor.agent.outputs import KeepPayloads, SendPayload

START_NS = 1_700_000_000 * 10**9
GROUP = {"Service": "s", "Name": "n", "Resource": "r", "Hits": 3}
STATS = {"Env": "e", "Stats": [{"Start": START_NS, "Duration": 10**10, "Stats": [GROUP]}]}


def span(number, **fields):
    made = {
        "service": "s",
        "name": "n",
        "resource": "r",
        "trace_id": 1,
        "span_id": number,
        "parent_id": 0,
        "start": START_NS,
        "duration": 5,
    }
    return made | {"meta": {}, "metrics": {}, "type": "web"} | fields


def traces(*spans, **headers):
    pairs = tuple((name.replace("_", "-").encode(), value) for name, value in headers.items())
    return Request("PUT", "/v0.4/traces", pairs, msgpack.packb([[each] for each in spans]))


def client_stats():
    return Request("POST", "/v0.6/stats", (), msgpack.packb(STATS))


def profile(body=b"profile"):
    return Request("POST", "/profiling/v1/input?a=1", ((b"content-type", b"x"),), body)


def item_of(request):
    item, _ = requests.read(request)
    return item


def sent(asked):
    return [output.payload for output in asked if isinstance(output, SendPayload)]


def flush(life, records, name="a"):
    """One invocation to its flush: what is sent at once."""
    life.telemetry(records.start(name), records.done(name))
    return sent(life.settle())


def deliver(life, payloads):
    """These are taken, and those that waited for a slot: all of them."""
    delivered = []
    while payloads:
        delivered += payloads
        payloads = [each for payload in payloads for each in sent(life.tell(given.SendEnded(payload.number, 202)))]
    return delivered


def spans_of(payload):
    document, strangers = decode_message("AgentPayload", payload.body.raw)
    assert strangers == []
    return [each for tracer in document["tracer_payloads"] for chunk in tracer["chunks"] for each in chunk["spans"]]


def of_kind(payloads, kind):
    return [payload for payload in payloads if payload.body.kind == kind]


def test_everything_is_accepted_sealed_sent_and_delivered(life, records):
    life.ready()
    life.invoke("a")
    for request in (traces(span(1), span(2), datadog_meta_lang=b"go"), client_stats(), profile()):
        life.tell(item_of(request))
    payloads = deliver(life, flush(life, records))
    [made] = of_kind(payloads, "traces")
    assert [each["span_id"] for each in spans_of(made)] == [1, 2]
    assert made.url == "https://trace.agent.datadoghq.com/api/v0.2/traces"
    assert dict(made.body.headers) == {b"datadog-send-real-http-status": b"1", b"datadog-meta-lang": b"go"}
    [made] = of_kind(payloads, "stats")
    assert msgpack.unpackb(gzip.decompress(made.body.raw))["Stats"][0]["Env"] == "e"
    [made] = of_kind(payloads, "profiling")
    assert (made.url, made.body.raw) == ("https://intake.profile.datadoghq.com/api/v2/profile?a=1", b"profile")
    accepted, delivered = life.counts.accepted, life.counts.delivered
    assert (accepted["span"], accepted["statistics"], accepted["profiling"]) == (2, 1, 1)
    assert (delivered["traces"], delivered["stats"], delivered["profiling"]) == (2, 1, 1)
    assert life.counts.dropped == life.counts.refused == {}


def test_what_is_too_large_for_the_intake_goes_in_halves(life, records):
    life.ready()
    life.invoke("a")
    life.tell(item_of(traces(*(span(number) for number in range(1, 6)))))
    waiting, arrived = of_kind(flush(life, records), "traces"), []
    while waiting:
        payload = waiting.pop()
        found = [each["span_id"] for each in spans_of(payload)]
        asked = life.tell(given.SendEnded(payload.number, 202 if len(found) < 2 else 413))
        arrived += found if len(found) < 2 else []
        waiting += sent(asked)
    assert sorted(arrived) == [1, 2, 3, 4, 5]
    assert life.counts.delivered["traces"] == 5


@pytest.mark.parametrize("request_of", [lambda: traces(span(1)), client_stats, profile])
def test_what_comes_before_the_registration_or_after_the_end_is_refused_and_counted(life, request_of):
    item = item_of(request_of())
    life.tell(given.Begin())
    life.tell(item)
    assert [what.partition(": ")[2] for what in life.counts.refused] == ["before the registration"]
    life.ready()
    life.shut_down()
    life.settle()
    life.tell(item)
    assert "before the registration" in " ".join(life.counts.refused)
    assert life.counts.accepted == {}


def test_a_request_that_was_not_taken_is_counted_with_its_reason(life):
    life.tell(given.NotServed("traces", "not readable"))
    assert life.counts.refused == {"traces: not readable": 1}


def test_a_broken_trace_a_duplicate_and_a_removed_span_are_in_the_account(life, records):
    life.ready()
    life.invoke("a")
    own = span(3, meta={"http.url": "http://127.0.0.1:8124/lambda/flush"})
    request = Request("PUT", "/v0.4/traces", (), msgpack.packb([[span(1)], [span(1)], [own], [{"trace_id": "x"}]]))
    life.tell(item_of(request))
    assert len(spans_of(*of_kind(flush(life, records), "traces"))) == 1
    account = life.agent.account()
    assert "trace" in account
    assert sum(count for what, count in life.counts.refused.items() if what.startswith("trace: ")) == 1
    removed = {what: count for what, count in life.counts.noted.items() if what.startswith("spans removed")}
    assert sum(removed.values()) == 2
    assert "spans removed: duplicate" in removed


def test_many_bytes_ask_for_a_flush(life):
    life.ready()
    life.invoke("a")
    assert sent(life.tell(item_of(profile()))) == []
    asked = life.tell(item_of(profile(bytes(9_000_000))))
    assert [len(payload.body.raw) for payload in of_kind(deliver(life, sent(asked)), "profiling")] == [7, 9_000_000]
    assert sent(life.tell(item_of(profile()))) == []


def test_statistics_computed_here_leave_at_the_latest_with_the_last_flush(life_of, records):
    life = life_of(DD_COMPUTE_TRACE_STATS_ON_EXTENSION="true", DD_SERVERLESS_FLUSH_STRATEGY="end").ready()
    life.invoke("a")
    life.tell(item_of(traces(span(1, metrics={"_top_level": 1.0}))))
    assert {payload.body.kind for payload in deliver(life, flush(life, records))} >= {"traces"}
    assert "stats" not in life.counts.delivered, "its ten seconds are not over"
    life.telemetry(records.report("a"))
    life.shut_down()
    assert len(of_kind(deliver(life, sent([*life.settle(), *life.pass_ms(2_000)])), "stats")) == 1


# --- what an earlier process had taken


def recovered(life, *requests_):
    taken = [
        Taken(REQUEST, 1_700_000_000_000, b"".join(request_bytes(each.method, each.target, each.headers, each.body))) for each in requests_
    ]
    asked = life.tell(given.Recovered(Contents("f", taken, [], 0)))
    return [payload for output in asked if isinstance(output, KeepPayloads) for payload in output.payloads]


def test_requests_of_an_earlier_process_become_payloads_at_once(life):
    life.ready()
    payloads = recovered(life, traces(span(7)), client_stats(), profile())
    assert [each["span_id"] for each in spans_of(*of_kind(payloads, "traces"))] == [7]
    assert sorted(payload.body.kind for payload in payloads) == ["profiling", "stats", "traces"]
    assert life.counts.noted["requests of an earlier process"] == 3


def test_a_record_that_holds_no_request_costs_itself(life):
    life.ready()
    taken = [Taken(REQUEST, 5, b""), Taken(REQUEST, 5, b"\x02\x00\x00\x00{}"), Taken(REQUEST, 5, b"\x00\x00\x00\x00{}")]
    whole = Taken(REQUEST, 5, b"".join(request_bytes("PUT", "/v0.4/traces", (), traces(span(7)).body)))
    asked = life.tell(given.Recovered(Contents("f", [*taken, whole], [], 0)))
    [kept] = [output for output in asked if isinstance(output, KeepPayloads)]
    assert [payload.body.kind for payload in kept.payloads] == ["traces"]
    assert life.counts.refused == {"request of an earlier process: not readable": 3}


# --- what comes in pieces


def large(count=250, twice=()):
    """A request of three pieces; some of its spans stand in it twice."""
    return traces(*(span(number, resource="r" * 2_400) for number in [*range(1, count + 1), *twice]), datadog_client_dropped_p0_spans=b"5")


def test_pieces_of_one_request_are_counted_like_the_whole(life_of, records):
    found = []
    for items_of in (lambda request: [item_of(request)], lambda request: list(requests.told(request))):
        life = life_of().ready()
        life.invoke("a")
        items = items_of(large(twice=(249, 250)))
        for item in items:
            life.tell(item)
        [made] = of_kind(flush(life, records), "traces")
        found.append((spans_of(made), made.body.headers, life.counts.accepted, life.counts.noted.get("spans removed: duplicate")))
        assert len(items) in (1, 3)
    assert found[0] == found[1]
    assert [each["span_id"] for each in found[0][0]] == list(range(1, 251)), "each once, in the order of the wire"


def test_a_flush_between_two_pieces_takes_what_was_read_and_the_next_one_the_rest(life, records):
    life.ready()
    life.invoke("a")
    first, *rest = requests.told(large())
    life.tell(first)
    [made] = of_kind(deliver(life, flush(life, records)), "traces")
    assert [each["span_id"] for each in spans_of(made)] == list(range(1, 101))
    for item in rest:
        life.tell(item)
    life.telemetry(records.report("a"))
    life.invoke("b")
    [made] = of_kind(deliver(life, flush(life, records, "b")), "traces")
    assert [each["span_id"] for each in spans_of(made)] == list(range(101, 251))


@pytest.mark.parametrize(("sealed", "first"), [(0, 1), (1, 101), (2, 201), (3, None)])
def test_of_a_large_request_an_earlier_process_had_taken_only_what_it_had_not_sealed_is_taken(life, sealed, first):
    life.ready()
    request = large()
    data = b"".join(request_bytes(request.method, request.target, request.headers, request.body, sealed))
    asked = life.tell(given.Recovered(Contents("f", [Taken(REQUEST, 1_700_000_000_000, data)], [], 0)))
    payloads = [payload for output in asked if isinstance(output, KeepPayloads) for payload in output.payloads]
    found = [each["span_id"] for payload in of_kind(payloads, "traces") for each in spans_of(payload)]
    assert found == ([] if first is None else list(range(first, 251)))


# --- errors of ours

PLACES = [
    *((TracesPipeline, name) for name in ("take", "bodies", "is_nearly_full", "statistics")),
    *((StatsPipeline, name) for name in ("take_client", "seal", "is_nearly_full", "statistics")),
    *((ProxyPipeline, name) for name in ("take", "seal", "is_nearly_full", "statistics")),
]


class Injected(Exception):
    pass


def live(life, records):
    """Three invocations with all that libraries send, and the end: what was sent."""
    life.ready()
    payloads = []
    for number, name in enumerate("abc"):
        life.invoke(name)
        for request in (traces(span(number + 1)), client_stats(), profile()):
            life.tell(item_of(request))
        life.telemetry(records.start(name), records.line("hello"), records.done(name))
        payloads += deliver(life, sent(life.settle()))
        life.answer(life.pass_ms(2_000))
        life.telemetry(records.report(name))
    life.shut_down()
    life.answer(life.settle())
    life.answer(life.pass_ms(2_000))
    life.agent.account()
    return payloads


def test_the_life_of_these_tests_uses_every_place(life, records, monkeypatch):
    used = set()
    for kind, name in PLACES:
        original = vars(kind)[name]
        if not isinstance(original, property):

            def seen(self, *arguments, place=(kind, name), original=original):
                used.add(place)
                return original(self, *arguments)

            monkeypatch.setattr(kind, name, seen)
    assert {payload.body.kind for payload in live(life, records)} >= {"traces", "stats", "profiling", "logs"}
    assert used == {(kind, name) for kind, name in PLACES if name != "is_nearly_full"}


@pytest.mark.parametrize(("kind", "name"), PLACES)
def test_an_error_of_ours_in_one_pipeline_costs_the_others_nothing(life, records, monkeypatch, kind, name):
    def fail(self, *arguments):
        raise Injected(name)

    monkeypatch.setattr(kind, name, property(fail) if name == "is_nearly_full" else fail)
    kinds = {payload.body.kind for payload in live(life, records)}
    of = {TracesPipeline: "traces", StatsPipeline: "stats", ProxyPipeline: "profiling"}
    assert kinds >= {"logs", "traces", "stats", "profiling"} - {of[kind]}
    assert life.told[-1] == do.Exit(0)
    assert any(what.startswith("errors in the ") for what in life.counts.noted)


@pytest.mark.parametrize("request_of", [lambda: traces(span(1)), client_stats, profile])
def test_what_tells_the_losses_at_the_end_is_loaded_with_the_first_pipeline(life, request_of, monkeypatch):
    """By then the files of the layer may be gone."""
    life.ready()
    life.invoke("a")
    importlib.import_module("reactor.agent.tracing_losses")
    monkeypatch.delitem(sys.modules, "reactor.agent.tracing_losses")
    monkeypatch.delattr("reactor.agent.tracing_losses")
    life.tell(item_of(request_of()))
    assert "reactor.agent.tracing_losses" in sys.modules
