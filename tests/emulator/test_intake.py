"""The local intake as a raw client sees it: answers, misbehaviour, what is kept and what is forgotten."""

import json

import pytest
import trio
from backports import zstd
from trio.testing import memory_stream_pair, open_stream_to_socket_listener

from emulator.arrival import ARRIVAL_BYTES
from emulator.intake import Intake, running, serve
from emulator.misbehaviour import parse_script

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
LOG = {
    "message": {"message": "hi", "lambda": {"arn": ARN, "request_id": None}, "timestamp": 1673061827000, "status": "info"},
    "hostname": ARN,
    "service": "",
    "ddtags": "env:prod",
    "ddsource": "lambda",
}
LOGS = zstd.compress(json.dumps([LOG]).encode())
LOGS_PATH = "/api/v2/logs"


def request(path=LOGS_PATH, body=LOGS, method="POST", key="k", host="intake", **more):
    headers = {"host": host, "dd-api-key": key, "content-length": str(len(body))}
    if path == LOGS_PATH:
        headers |= {"dd-protocol": "agent-json", "content-type": "application/json", "content-encoding": "zstd"}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def answer(client):
    """The status, the headers' bytes and the body of the next answer on this stream, or None at its end."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := bytes(await client.receive_some(1))):
            return None if not data else ("cut short", data)
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        if not (more := bytes(await client.receive_some(1))):
            return ("cut short", data + body)
        body += more
    return int(head.split(b" ")[1]), head, body


@pytest.fixture
def connect(nursery):
    """Connect to an intake through memory; autojump-safe."""

    def connect(intake):
        client, server = memory_stream_pair()
        nursery.start_soon(intake.serve_connection, server)
        return client

    return connect


async def ask(client, *parts):
    for part in parts:
        await client.send_all(part)
    return await answer(client)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/api/v2/series", 202, b'{"status":"ok"}'),
        ("/api/beta/sketches", 202, b'{"status":"ok"}'),
        ("/api/v1/events", 202, b'{"status":"ok"}'),
        ("/api/v1/check_run", 202, b'{"status":"ok"}'),
        ("/api/v2/logs", 202, b"{}"),
        ("/api/v0.2/traces", 200, b"{}"),
        ("/api/v0.2/stats", 202, b"{}"),
        ("/api/v0.1/pipeline_stats", 202, b"{}"),
        ("/api/v2/profile", 202, b"{}"),
        ("/api/intake/llm-obs/v1/eval-metric", 202, b"{}"),
        ("/api/intake/llm-obs/v2/eval-metric", 202, b"{}"),
        ("/api/v2/llmobs", 202, b"{}"),
        ("/api/v2/debugger?ddtags=a:b", 202, b"{}"),
        ("/api/v2/apmtelemetry", 202, b"{}"),
        ("http://any.host/api/v2/profile", 202, b"{}"),
    ],
)
async def test_every_endpoint_answers_as_the_real_one(connect, path, status, body):
    plain = {"/api/v0.2/stats": b"\x80", "/api/beta/sketches": b"", "/api/v0.2/traces": b"", LOGS_PATH: LOGS}
    client = connect(intake := Intake())
    assert (await ask(client, request(path, plain.get(path, b"{}"))))[::2] == (status, body)
    assert [arrival.target for arrival in intake.arrivals()] == [path]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(method="GET", body=b""), 405),
        (request(key="wrong"), 403),
        (request("/nowhere"), 404),
        (request(body=b"no zstd"), 400),
        (request(body=zstd.compress(b" " * (5 * 1024 * 1024 + 1))), 413),
    ],
)
async def test_what_a_real_intake_refuses_is_refused_and_not_kept(connect, sent, status):
    client = connect(intake := Intake(api_keys=["k"]))
    assert (await ask(client, sent))[0] == status
    assert intake.documents() == []
    assert [(arrival.answer, arrival.kept) for arrival in intake.arrivals()] == [(str(status), False)]
    assert (await ask(client, request()))[0] == 202  # the neighbour lives on, on the same connection


async def test_what_is_not_http_ends_only_its_own_connection(connect):
    intake = Intake()
    client, other = connect(intake), connect(intake)
    assert (await ask(client, b"nonsense\r\n\r\n"))[0] == 400
    assert await answer(client) is None
    assert (await ask(other, request()))[0] == 202
    assert (intake.statistics.refused, intake.statistics.kept) == (1, 1)


async def test_documents_have_the_shape_of_a_recording(connect, autojump_clock):
    client = connect(intake := Intake())
    await trio.sleep(1)  # the times count from the first connection
    await ask(client, request(accept="*/*", connection="keep-alive"))
    assert intake.documents() == [
        {
            "at_ms": 1000.0,
            "out": "logs",
            "path": LOGS_PATH,
            "headers": {
                "dd-api-key": "k",
                "dd-protocol": "agent-json",
                "content-type": "application/json",
                "content-encoding": "zstd",
                "accept": "*/*",
            },
            "bytes": len(LOGS),
            "document": [LOG],
        }
    ]
    assert json.loads(json.dumps(intake.export()))["outputs"] == intake.documents()


async def test_a_mark_moves_the_origin_of_time(connect, autojump_clock):
    client = connect(intake := Intake())
    await trio.sleep(1)
    intake.mark()
    await trio.sleep(0.25)
    await ask(client, request())
    assert intake.arrivals()[0].at_ms == 250.0


async def test_documents_keep_their_order_over_connections(connect):
    intake = Intake()
    clients = [connect(intake) for _ in range(3)]
    for position in (2, 0, 1):
        await ask(clients[position], request(host=f"h{position}"))
    assert [arrival.host for arrival in intake.arrivals()] == ["h2", "h0", "h1"]


async def test_problems_and_refusals_stand_in_the_export(connect):
    client = connect(intake := Intake())
    await ask(client, request(body=zstd.compress(json.dumps([LOG | {"ddsource": "x"}]).encode())))
    await ask(client, request("/nowhere"))
    export = json.loads(json.dumps(intake.export()))
    assert [(each["path"], each["problem"]) for each in export["problems"]] == [
        (LOGS_PATH, "log 0.ddsource is not 'lambda': 'x'"),
        ("/nowhere", "no such endpoint: /nowhere"),
    ]
    assert [(each["path"], each["answer"]) for each in export["not_kept"]] == [("/nowhere", "404")]


async def test_beyond_its_bound_the_oldest_is_forgotten_and_counted(connect):
    body = b"x" * 500
    client = connect(intake := Intake(kept_bytes_max=2 * (ARRIVAL_BYTES + 500)))
    for number in range(5):
        await ask(client, request("/api/v2/profile", body, host=str(number)))
    assert [arrival.host for arrival in intake.arrivals()] == ["3", "4"]
    assert (intake.statistics.forgotten, intake.statistics.forgotten_bytes) == (3, 3 * (ARRIVAL_BYTES + 500))
    assert intake.statistics.requests == intake.statistics.kept == 5


async def test_a_request_may_come_byte_by_byte_or_two_at_once(connect):
    client = connect(intake := Intake())
    sent = request()
    assert (await ask(client, *(sent[position : position + 1] for position in range(len(sent)))))[0] == 202
    assert (await ask(client, sent + sent))[0] == 202
    assert (await answer(client))[0] == 202
    assert intake.statistics.kept == 3


async def test_a_sender_that_waits_for_100_continue_is_told_to_go_on(connect):
    client = connect(Intake())
    head, _, body = request(expect="100-continue").partition(b"\r\n\r\n")
    await client.send_all(head + b"\r\n\r\n")
    interim = b""
    while not interim.endswith(b"\r\n\r\n"):
        interim += await client.receive_some(1)
    assert interim.startswith(b"HTTP/1.1 100 ")
    assert (await ask(client, body))[0] == 202


async def test_a_silent_connection_is_closed_in_the_end(connect, autojump_clock):
    client = connect(Intake())
    assert await answer(client) is None
    assert trio.current_time() == pytest.approx(300)


async def test_the_delegated_exchange_hands_out_a_key(connect):
    client = connect(Intake(api_keys=["k"], delegated_api_key="e" * 32))
    status, _, body = await ask(client, request("/api/v2/intake-key", b"", authorization="Delegated a|b|POST|c"))
    assert (status, json.loads(body)["data"]["attributes"]["api_key"]) == (200, "e" * 32)
    assert (await ask(client, request("/api/v2/intake-key", b"")))[0] == 401


# Misbehaviour, each as a raw client sees it.


async def test_a_scripted_status_comes_so_often_with_its_headers_and_keeps_nothing(connect):
    client = connect(intake := Intake(misbehaviours=parse_script("status:429:retry-after=1*2")))
    for _ in range(2):
        status, head, _ = await ask(client, request())
        assert (status, b"\r\nretry-after: 1" in head) == (429, True)
    assert (await ask(client, request()))[0] == 202
    assert [(arrival.answer, arrival.kept) for arrival in intake.arrivals()] == [
        ("status:429:retry-after=1*2", False),
        ("status:429:retry-after=1*2", False),
        ("202", True),
    ]


async def test_a_scripted_success_keeps_the_data(connect):
    client = connect(intake := Intake(misbehaviours=parse_script("status:204")))
    await client.send_all(request())
    assert b"204" in await client.receive_some(64)
    assert len(intake.documents()) == 1


async def test_a_clause_for_one_path_spares_the_others(connect):
    client = connect(Intake(misbehaviours=parse_script("status:503@*/logs")))
    assert (await ask(client, request("/api/v2/profile", b"x")))[0] == 202
    assert (await ask(client, request()))[0] == 503


async def test_a_delayed_answer_comes_late_and_whole(connect, autojump_clock):
    client = connect(intake := Intake(misbehaviours=parse_script("delay:2000*1")))
    assert (await ask(client, request()))[0] == 202
    assert trio.current_time() == pytest.approx(2.0)
    assert len(intake.documents()) == 1
    assert (await ask(client, request()))[0] == 202
    assert trio.current_time() == pytest.approx(2.0)


async def test_a_slow_answer_comes_byte_by_byte(connect, autojump_clock):
    client = connect(Intake(misbehaviours=parse_script("slow:100")))
    await client.send_all(request())
    assert bytes(await client.receive_some(1000)) == b"H"
    assert trio.current_time() < 0.01
    assert bytes(await client.receive_some(1000)) == b"T"
    assert trio.current_time() == pytest.approx(0.1)
    data = b"HT"
    while not data.endswith(b"{}"):
        data += await client.receive_some(1000)
    assert trio.current_time() == pytest.approx((len(data) - 1) * 0.1)


async def test_a_hanging_intake_says_nothing_until_the_sender_gives_up(connect, autojump_clock):
    client = connect(intake := Intake(misbehaviours=parse_script("hang")))
    await client.send_all(request())
    with trio.move_on_after(60) as scope:
        await client.receive_some(1)
    assert scope.cancelled_caught
    assert [(arrival.answer, arrival.kept) for arrival in intake.arrivals()] == [("hang", False)]


async def test_a_hanging_connection_ends_when_the_sender_closes_it():
    client, server = memory_stream_pair()
    intake = Intake(misbehaviours=parse_script("hang"))
    async with trio.open_nursery() as serving:
        serving.start_soon(intake.serve_connection, server)
        await client.send_all(request())
        await client.send_all(b"more")
        await client.aclose()
    assert intake.statistics.kept == 0


async def test_a_sender_that_leaves_before_its_delayed_answer_ends_only_itself(autojump_clock):
    client, server = memory_stream_pair()
    intake = Intake(misbehaviours=parse_script("delay:5000"))
    async with trio.open_nursery() as serving:
        serving.start_soon(intake.serve_connection, server)
        await client.send_all(request())
        await client.aclose()
    assert (intake.statistics.requests, intake.statistics.kept) == (1, 1)  # taken: it is the answer that was lost


async def test_a_reset_in_memory_is_a_close(connect):
    assert await ask(connect(Intake(misbehaviours=parse_script("reset"))), request()) is None


async def test_a_dropped_request_is_not_even_read(connect):
    client = connect(intake := Intake(misbehaviours=parse_script("drop*1")))
    head = request().partition(b"\r\n\r\n")[0]
    assert await ask(client, head) is None
    assert (intake.arrivals(), intake.statistics.dropped) == ((), 1)


async def test_a_request_whose_first_line_comes_in_pieces_is_dropped_too(connect):
    client = connect(intake := Intake(misbehaviours=parse_script("drop@/api*")))
    sent = request()
    assert await ask(client, sent[:3], sent[3:]) is None
    assert (intake.arrivals(), intake.statistics.dropped) == ((), 1)


async def test_an_answer_dropped_after_reading_leaves_the_data_kept(connect):
    client = connect(intake := Intake(misbehaviours=parse_script("drop-after-read")))
    assert await ask(client, request()) is None
    assert len(intake.documents()) == 1


async def test_half_an_answer_is_cut_and_the_data_kept(connect):
    client = connect(intake := Intake(misbehaviours=parse_script("half")))
    words, data = await ask(client, request())
    assert (words, data[:9]) == ("cut short", b"HTTP/1.1 ")
    assert len(intake.documents()) == 1


async def test_a_script_can_be_replaced_while_the_connection_lives(connect):
    client = connect(intake := Intake())
    assert (await ask(client, request()))[0] == 202
    intake.misbehave(parse_script("status:500*1"))
    assert (await ask(client, request()))[0] == 500
    assert (await ask(client, request()))[0] == 202


async def test_chance_is_repeatable_by_its_seed(connect):
    async def run(seed):
        client = connect(Intake(misbehaviours=parse_script("status:500%50"), seed=seed))
        return [(await ask(client, request()))[0] for _ in range(20)]

    assert await run(7) == await run(7)
    assert set(await run(7)) == {500, 202}


# On real sockets.


@pytest.mark.peers
async def test_a_reset_is_seen_as_a_reset():
    intake = Intake(misbehaviours=parse_script("reset*1"))
    with trio.fail_after(5):
        async with running(intake) as port:
            async with await trio.open_tcp_stream("127.0.0.1", port) as client:
                with pytest.raises(trio.BrokenResourceError):
                    await ask(client, request())
            async with await trio.open_tcp_stream("127.0.0.1", port) as again:
                assert (await ask(again, request()))[0] == 202
    assert [arrival.kept for arrival in intake.arrivals()] == [False, True]


@pytest.mark.peers
async def test_it_stands_alone_and_says_where(nursery):
    with trio.fail_after(5):
        listeners = await nursery.start(serve, "127.0.0.1", 0)
        async with await open_stream_to_socket_listener(listeners[0]) as client:
            assert (await ask(client, request()))[0] == 202
