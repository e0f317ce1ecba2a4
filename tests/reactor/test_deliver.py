"""Sending payloads over a network in memory: how each kind of answer is told, and how long an answer is waited for."""

import pytest
import trio

from protocols.http_server import Response
from protocols.intake_body import Body
from reactor import deliver
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


def payload(number=1, raw=b'[{"message":"hello"}]' * 100, kind="logs", url=URL):
    return Payload(number, url, Body(kind, "/api/v2/logs", "application/json", raw, 100))


async def test_a_payload_arrives_compressed_with_key_and_type(autojump_clock, sender, server_of, network, ended):
    intake = await server_of(network, 8080)
    await sender.send(SendPayload(payload(), 1_000))
    [request] = intake.requests
    assert (request.method, request.target) == ("POST", "/api/v2/logs")
    assert dict(request.headers) == {
        b"host": b"intake:8080",
        b"dd-api-key": b"0" * 32,
        b"dd-protocol": b"agent-json",
        b"content-type": b"application/json",
        b"content-encoding": b"zstd",
        b"content-length": str(len(request.body)).encode(),
    }
    assert len(request.body) < 200
    assert ended == [SendEnded(1, 202)]
    assert sender.bytes_sent == len(request.body)


async def test_logs_go_plain_when_the_settings_say_so_and_metrics_do_not(autojump_clock, sender_of, server_of, network):
    intake = await server_of(network, 8080)
    sender = sender_of(DD_LOGS_CONFIG_USE_COMPRESSION="false")
    await sender.send(SendPayload(payload(1), 1_000))
    await sender.send(SendPayload(payload(2, kind="series"), 1_000))
    assert intake.requests[0].body == payload().body.raw
    assert intake.requests[0].header(b"content-encoding") is None
    assert intake.requests[1].header(b"content-encoding") == b"zstd"
    assert intake.requests[1].header(b"dd-protocol") is None


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


def test_cancelling_what_was_never_sent_is_no_error(settings_of, network):
    Sender(settings_of(), Pool(network), None, print).cancel(CancelPayload(7))


@pytest.mark.parametrize("status", [500, 429, 408])
async def test_a_payload_that_is_tried_again_is_compressed_once(autojump_clock, sender, server_of, network, monkeypatch, status):
    calls = []
    encode = deliver.encode_body
    monkeypatch.setattr(deliver, "encode_body", lambda *a: [calls.append(1), encode(*a)][1])
    await server_of(network, 8080, status, status, 202)
    for _ in range(3):
        await sender.send(SendPayload(payload(), 10_000))
    assert len(calls) == 1
    assert sender._encoded == {}
    assert sender._encoded_bytes == 0


async def test_what_is_remembered_for_another_try_is_bounded_in_bytes(autojump_clock, sender, server_of, network, monkeypatch):
    monkeypatch.setattr(deliver, "COMPRESSED_BYTES_MAX", 150)
    await server_of(network, 8080, 500)
    for number in range(10):
        await sender.send(SendPayload(payload(number), 10_000))
    assert 0 < sender._encoded_bytes <= 150
    assert sender._encoded_bytes == sum(len(data) for data, _ in sender._encoded.values())
    assert max(sender._encoded) == 9


@pytest.mark.parametrize("how", ["key", "address", "tls"])
async def test_what_cannot_be_sent_costs_one_try_and_never_shows_the_key(
    autojump_clock, sender_of, server_of, network, ended, how, settings_of, monkeypatch
):
    intake = await server_of(network, 8080)
    sender = sender_of()
    url = URL
    if how == "key":
        sender._settings = settings_of().evolve(api_key="secret\nkey")
    elif how == "address":
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
