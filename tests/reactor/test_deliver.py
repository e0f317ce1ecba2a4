"""Sending payloads over a network in memory: how each kind of answer is told, and how long an answer is waited for."""

import json

import pytest
import trio

from protocols.http_server import Response
from protocols.intake_body import Body
from reactor import deliver as module
from reactor.agent.inputs import SendEnded
from reactor.agent.outputs import CancelPayload, Payload, SendPayload
from reactor.deliver import Sender, retry_after_ms
from reactor.net.clock import SimulatedClock
from reactor.net.memory import MemoryNetwork
from reactor.net.pool import Pool

URL = "http://intake:8080/api/v2/logs"


@pytest.fixture
def network():
    return MemoryNetwork()


@pytest.fixture
def ended():
    return []


@pytest.fixture
async def sender_of(network, settings_of, ended):
    def sender_of(**changes):
        return Sender(settings_of(**changes), Pool(network), SimulatedClock(), ended.append)

    return sender_of


@pytest.fixture
async def sender(sender_of):
    return sender_of()


def payload(number=1, raw=b'[{"message":"hello"}]' * 100, kind="logs", url=URL, key=0, encoding=""):
    return Payload(number, url, Body(kind, "/api/v2/logs", "application/json", raw, 100, encoding), key)


async def test_a_payload_arrives_as_it_was_sealed_with_key_and_type(autojump_clock, sender, server_of, network, ended):
    intake = await server_of(network, 8080)
    await sender.send(SendPayload(payload(encoding="zstd"), 1_000))
    [request] = intake.requests
    assert (request.method, request.target, request.body) == ("POST", "/api/v2/logs", payload().body.raw)
    assert dict(request.headers) == {
        b"host": b"intake:8080",
        b"dd-api-key": b"0" * 32,
        b"dd-protocol": b"agent-json",
        b"content-type": b"application/json",
        b"content-encoding": b"zstd",
        b"content-length": str(len(request.body)).encode(),
    }
    assert ended == [SendEnded(1, 202)]
    assert sender.bytes_sent == len(request.body)


async def test_what_is_plain_says_nothing_of_an_encoding_and_only_logs_name_their_protocol(autojump_clock, sender, server_of, network):
    intake = await server_of(network, 8080)
    await sender.send(SendPayload(payload(1), 1_000))
    await sender.send(SendPayload(payload(2, kind="series"), 1_000))
    assert [request.header(b"content-encoding") for request in intake.requests] == [None, None]
    assert [request.header(b"dd-protocol") for request in intake.requests] == [b"agent-json", None]


async def test_each_additional_intake_gets_its_own_key(autojump_clock, sender_of, server_of, network):
    intake = await server_of(network, 8080)
    sender = sender_of(DD_ADDITIONAL_ENDPOINTS=json.dumps({"http://intake:8080": ["second", "third"]}))
    for key in (0, 1, 2):
        await sender.send(SendPayload(payload(key + 1, kind="series", key=key), 1_000))
    assert [request.header(b"dd-api-key") for request in intake.requests] == [b"0" * 32, b"second", b"third"]
    assert "second" not in repr(sender)


async def test_additional_intakes_need_no_key_of_the_extensions_own(autojump_clock, sender_of, server_of, network, ended):
    await server_of(network, 8080)
    sender = sender_of(DD_API_KEY=None, DD_ADDITIONAL_ENDPOINTS=json.dumps({"http://intake:8080": ["second"]}))
    await sender.send(SendPayload(payload(1, kind="series", key=1), 1_000))
    assert ended == [SendEnded(1, 202)]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://intake:8080", "/"),
        ("http://intake:8080/", "/"),
        ("http://intake:8080/in/", "/in/"),
        ("http://intake:8080/in?tag=a/b", "/in?tag=a/b"),
        ("http://intake:8080?tag=a", "/?tag=a"),
    ],
)
async def test_a_workers_url_is_used_as_it_stands(autojump_clock, sender_of, server_of, network, url, target):
    intake = await server_of(network, 8080)
    worker = {"DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_ENABLED": "true", "DD_OBSERVABILITY_PIPELINES_WORKER_LOGS_URL": url}
    sender = sender_of(**worker)
    await sender.send(SendPayload(payload(url=url), 1_000))
    await sender.send(SendPayload(payload(2, url=url, kind="series"), 1_000))
    assert intake.requests[0].target == target
    assert intake.requests[0].header(b"dd-protocol") is None
    assert intake.requests[0].header(b"dd-api-key") == b"0" * 32


@pytest.mark.parametrize("status", [200, 202, 400, 403, 413, 429, 500, 503])
async def test_every_status_is_told_as_it_is(autojump_clock, sender, server_of, network, ended, status):
    await server_of(network, 8080, status)
    await sender.send(SendPayload(payload(), 1_000))
    assert ended == [SendEnded(1, status)]


async def test_retry_after_is_told_in_milliseconds(autojump_clock, sender, server_of, network, ended):
    await server_of(network, 8080, Response(429, ((b"Retry-After", b"2"),)))
    await sender.send(SendPayload(payload(), 1_000))
    assert ended == [SendEnded(1, 429, retry_after_ms=2_000)]


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (b"0", 0),
        (b"7", 7_000),
        (b"99999", 3_600_000),
        (b"9" * 5_000, 3_600_000),
        (b"-1", 0),
        (b"1.5", 0),
        (b"soon", 0),
        (b"", 0),
        (b"Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_retry_after_values(value, ms):
    assert retry_after_ms(((b"x", b"1"), (b"retry-after", value))) == ms


def test_without_retry_after_there_is_no_wait():
    assert retry_after_ms(()) == 0


async def test_a_hanging_intake_is_left_at_the_bound_and_may_have_the_payload(autojump_clock, sender, server_of, network, ended):
    await server_of(network, 8080, "hang")
    await sender.send(SendPayload(payload(), 1_000))
    assert trio.current_time() == pytest.approx(1.0)
    assert ended == [SendEnded(1, None, reason="no answer in time", unknown=True)]


@pytest.mark.parametrize("word", ["close", "half"])
async def test_an_answer_that_is_lost_on_the_way_leaves_the_payload_unknown(autojump_clock, sender, server_of, network, ended, word):
    await server_of(network, 8080, word)
    await sender.send(SendPayload(payload(), 1_000))
    [end] = ended
    assert (end.number, end.status, end.unknown) == (1, None, True)
    assert end.reason


async def test_an_intake_that_is_not_there_never_had_the_payload(autojump_clock, sender, ended):
    await sender.send(SendPayload(payload(), 1_000))
    [end] = ended
    assert (end.status, end.unknown) == (None, False)
    assert "refused" in end.reason


async def test_a_bound_that_has_passed_already_is_kept(autojump_clock, sender, server_of, network, ended):
    intake = await server_of(network, 8080)
    await trio.sleep(2)
    await sender.send(SendPayload(payload(), 1_000))
    assert intake.requests == []
    assert ended == [SendEnded(1, None, reason="no answer in time", unknown=False)]


async def test_without_a_key_nothing_is_sent(autojump_clock, sender_of, server_of, network, ended):
    intake = await server_of(network, 8080)
    await sender_of(DD_API_KEY=None).send(SendPayload(payload(), 1_000))
    assert ended == [SendEnded(1, None, reason="no API key")]
    assert intake.requests == []


async def test_a_cancelled_payload_is_not_told_about_and_its_connection_closes(autojump_clock, sender, server_of, network, ended, nursery):
    await server_of(network, 8080, "hang")
    nursery.start_soon(sender.send, SendPayload(payload(), 10_000))
    await trio.testing.wait_all_tasks_blocked()
    sender.cancel(CancelPayload(1))
    await trio.testing.wait_all_tasks_blocked()
    assert ended == []
    assert trio.current_time() < 1


async def test_a_key_that_no_header_can_hold_is_no_key(autojump_clock, sender_of, ended, settings_of, network):
    clock = SimulatedClock()
    sender = Sender(settings_of().evolve(api_key="secret\nkey"), Pool(network), clock, ended.append)
    await sender.send(SendPayload(payload(), clock.now().mono_ms + 1_000))
    assert ended == [SendEnded(1, None, reason="no API key")]


def test_cancelling_what_was_never_sent_is_no_error(settings_of, network):
    Sender(settings_of(), Pool(network), None, print).cancel(CancelPayload(7))


@pytest.mark.parametrize("how", ["address", "tls"])
async def test_what_cannot_be_sent_costs_one_try_and_never_shows_the_key(
    autojump_clock, sender_of, server_of, network, ended, how, monkeypatch
):
    intake = await server_of(network, 8080)
    sender = sender_of()
    url = URL
    if how == "address":
        url = "nowhere"
    else:
        url = "https://intake:8080/x"
        monkeypatch.setattr("ssl.create_default_context", lambda: (_ for _ in ()).throw(FileNotFoundError("no authorities")))
    await sender.send(SendPayload(payload(url=url), 1_000))
    [end] = ended
    assert end.status is None
    assert end.reason.startswith("cannot be sent: ")
    assert "secret" not in repr(end)
    await sender_of().send(SendPayload(payload(2), 2_000))
    assert ended[-1] == SendEnded(2, 202)
    assert len(intake.requests) == 1


async def test_payloads_share_a_kept_connection_when_sent_one_after_the_other(autojump_clock, sender, server_of, network):
    intake = await server_of(network, 8080)
    for number in range(3):
        await sender.send(SendPayload(payload(number), 5_000))
    assert (len(intake.requests), intake.connections) == (3, 1)


async def test_headers_of_a_body_go_with_it_and_an_absent_type_is_not_made_up(autojump_clock, sender, server_of, network):
    intake = await server_of(network, 8080)
    body = Body("profiling", "/x", "", b"profile", 1, "gzip", ((b"X-Datadog-Additional-Tags", b"_dd.origin:lambda"), (b"via", b"me")))
    await sender.send(SendPayload(Payload(1, "http://intake:8080/x?a=1&b=%2F", body), 1_000))
    [request] = intake.requests
    assert request.target == "/x?a=1&b=%2F"
    assert dict(request.headers) == {
        b"host": b"intake:8080",
        b"dd-api-key": b"0" * 32,
        b"content-encoding": b"gzip",
        b"x-datadog-additional-tags": b"_dd.origin:lambda",
        b"via": b"me",
        b"content-length": b"7",
    }


async def test_addresses_are_remembered_within_a_bound(autojump_clock, sender, server_of, network, monkeypatch):
    monkeypatch.setattr(module, "URLS_MAX", 3)
    intake = await server_of(network, 8080)
    for number in range(10):
        await sender.send(SendPayload(payload(number, url=f"http://intake:8080/x?{number}"), 1_000))
    assert [request.target for request in intake.requests] == [f"/x?{number}" for number in range(10)]
