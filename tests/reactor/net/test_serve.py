import logging

import pytest
import trio

from protocols.http_server import HttpLimits, Refused, Response
from reactor.net.memory import MemoryNetwork, memory_stream_pair
from reactor.net.serve import REFUSAL_DRAIN_BYTES_MAX, STALLED_S, HttpListener, ListenerCounts, serve_connection

LIMITS = HttpLimits(body_bytes_max=100, head_ms=1_000, body_ms=3_000, idle_ms=10_000)
GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"


async def echo(request):
    if isinstance(request, Refused):
        return Response(request.status, (), request.reason.encode())
    return Response(200, (), (request.path + ":").encode() + request.body)


async def crash(request):
    raise ValueError("a bug of the handler")


async def never(request):
    await trio.sleep_forever()


async def read_all(stream) -> bytes:
    got = b""
    while data := await stream.receive_some():
        got += data
    return got


@pytest.fixture
async def served(nursery):
    """A client end, with `echo` on the other; the counts."""
    client, server = memory_stream_pair()
    counts = ListenerCounts()
    nursery.start_soon(serve_connection, server, LIMITS, echo, counts)
    return client, counts


async def test_requests_are_answered_in_order_on_one_connection(autojump_clock, served):
    client, counts = served
    await client.send_all(GET % b"one" + GET % b"two" + POST + b"abc")
    await client.send_eof()
    answers = await read_all(client)
    assert [answers.find(text) >= 0 for text in (b"/one:", b"/two:", b"/:abc")] == [True] * 3
    assert answers.find(b"/one:") < answers.find(b"/two:") < answers.find(b"/:abc")
    assert (counts.served, counts.refused, counts.lost) == (3, 0, 0)
    assert counts.bytes_in == len(GET % b"one" + GET % b"two" + POST + b"abc")


async def test_a_handler_that_never_awaits_does_not_keep_the_loop(autojump_clock, served):
    client, counts = served
    await client.send_all(GET % b"x" * 50)
    seen = set()
    for _ in range(400):
        seen.add(counts.served)
        await trio.lowlevel.checkpoint()
    assert {0, 50} < seen
    assert len(seen) > 10


@pytest.mark.parametrize(
    ("sent", "pause_s", "after_s", "answer"),
    [
        (b"G", 0.3, 1.0, b"HTTP/1.1 408"),  # a byte now and then buys no time
        (b"", 20.0, 10.0, b""),
        (POST[:-4] + b"\r\n\r\n", 20.0, 3.0, b"HTTP/1.1 408"),
    ],
)
async def test_slow_peers_are_cut_off_when_their_phase_is_over(autojump_clock, served, nursery, sent, pause_s, after_s, answer):
    client, _ = served

    async def trickle():
        try:
            if sent:
                await client.send_all(sent)
            for _ in range(30):
                await trio.sleep(pause_s)
                await client.send_all(b"E" if len(sent) < 2 else b"")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    nursery.start_soon(trickle)
    started = trio.current_time()
    got = await client.receive_some()
    assert got.startswith(answer)
    assert bool(got) == bool(answer)
    assert trio.current_time() - started == pytest.approx(after_s)
    await client.aclose()


async def test_every_request_has_its_own_time(autojump_clock, served):
    client, counts = served
    for _ in range(5):
        await client.send_all(POST)
        await trio.sleep(2.9)
        await client.send_all(b"abc")
        assert b"/:abc" in await client.receive_some()
    assert counts.served == 5


async def test_a_body_over_the_limit_is_answered_though_the_peer_writes_on(autojump_clock, served, nursery):
    client, counts = served
    await client.send_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + b"x" * 500_000)
    await client.send_eof()
    assert (await read_all(client)).startswith(b"HTTP/1.1 413")
    assert (counts.refused, counts.served) == (1, 0)


async def test_who_writes_on_for_ever_is_cut_off(autojump_clock, served):
    client, _ = served
    await client.send_all(b"\x00\r\n\r\n")
    with pytest.raises(trio.BrokenResourceError):
        await client.send_all(b"x" * (2 * REFUSAL_DRAIN_BYTES_MAX))


async def test_a_peer_that_takes_no_answer_is_given_up(nursery, autojump_clock):
    async def large(request):
        return Response(200, (), b"x" * 200_000)

    client, server = memory_stream_pair()
    counts = ListenerCounts()
    await client.send_all(GET % b"")
    await serve_connection(server, LIMITS, large, counts)
    assert trio.current_time() == pytest.approx(3.0)
    assert counts.served == 0
    await client.aclose()


async def test_a_reset_is_not_an_error(nursery, autojump_clock):
    for sent in (b"", b"GE", GET % b""):
        client, server = memory_stream_pair()
        counts = ListenerCounts()
        async with trio.open_nursery() as own:
            own.start_soon(serve_connection, server, LIMITS, never if sent == GET else echo, counts)
            await trio.testing.wait_all_tasks_blocked()
            if sent:
                await client.send_all(sent)
            client.reset()
        assert counts.crashed == 0


async def test_who_waits_to_be_told_to_continue_is_told(autojump_clock, served):
    client, _ = served
    await client.send_all(POST[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert (await client.receive_some()).startswith(b"HTTP/1.1 100 ")
    await client.send_all(b"abc")
    assert b"/:abc" in await client.receive_some()
    await client.aclose()


@pytest.fixture
async def listening(nursery):
    """Start listeners on a network of their own: `await listening(handle, connections_max)`."""
    network = MemoryNetwork()

    async def start(handle, connections_max=3):
        listener = HttpListener(await network.listen("sandbox", 0), LIMITS, handle, connections_max=connections_max)
        await nursery.start(listener.run)
        return network, listener

    return start


async def test_a_crashing_handler_costs_its_connection_only_and_is_logged_once(autojump_clock, listening, caplog):
    async def crash_on_bad(request):
        return await (crash if request.path == "/bad" else echo)(request)

    network, listener = await listening(crash_on_bad)
    neighbour = await network.connect("sandbox", listener.port)
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            client = await network.connect("sandbox", listener.port)
            await client.send_all(GET % b"bad")
            await client.send_eof()
            assert (await read_all(client)).startswith(b"HTTP/1.1 500")
    await neighbour.send_all(GET % b"good")
    assert b"/good:" in await neighbour.receive_some()
    statistics = listener.statistics()
    assert (statistics.crashed, statistics.served, statistics.accepted) == (2, 1, 3)
    assert len(caplog.records) == 1


async def test_an_answer_with_illegal_headers_is_a_crash(autojump_clock, listening):
    async def bad_header(request):
        return Response(200, ((b"X", b"a\nb"),))

    network, listener = await listening(bad_header)
    client = await network.connect("sandbox", listener.port)
    await client.send_all(GET % b"")
    assert (await client.receive_some()).startswith(b"HTTP/1.1 500")
    assert listener.statistics().crashed == 1
    await client.aclose()


async def test_connections_over_the_bound_are_turned_away_until_there_is_room(autojump_clock, listening):
    network, listener = await listening(echo, connections_max=2)
    kept = [await network.connect("sandbox", listener.port) for _ in range(2)]
    await trio.testing.wait_all_tasks_blocked()
    third = await network.connect("sandbox", listener.port)
    assert await third.receive_some() == b""
    assert (listener.statistics().open, listener.statistics().turned_away) == (2, 1)
    await kept[0].aclose()
    await trio.testing.wait_all_tasks_blocked()
    again = await network.connect("sandbox", listener.port)
    await again.send_all(GET % b"room")
    assert b"/room:" in await again.receive_some()


async def test_work_is_seen_from_the_first_unread_byte_to_the_answer(autojump_clock, listening):
    gate = trio.Event()

    async def wait_then_echo(request):
        await gate.wait()
        return await echo(request)

    network, listener = await listening(wait_then_echo)
    assert not listener.has_work()
    client = await network.connect("sandbox", listener.port)
    assert listener.has_work()  # to be accepted
    await trio.testing.wait_all_tasks_blocked()
    assert not listener.has_work()
    await client.send_all(POST)
    assert listener.has_work()
    await trio.testing.wait_all_tasks_blocked()
    assert listener.has_work()  # half a request
    await client.send_all(b"abc")
    await trio.testing.wait_all_tasks_blocked()
    assert listener.has_work()  # not answered
    gate.set()
    await trio.testing.wait_all_tasks_blocked()
    assert not listener.has_work()


async def test_accepting_goes_on_after_the_descriptors_ran_out(autojump_clock, nursery):
    network = MemoryNetwork()
    inner = await network.listen("sandbox", 0)

    class Failing:
        port, readable_now, aclose, failures = inner.port, inner.readable_now, inner.aclose, 3

        async def accept(self):
            if Failing.failures:
                Failing.failures -= 1
                raise OSError(24, "too many open files")
            return await inner.accept()

    listener = HttpListener(Failing(), LIMITS, echo)
    await nursery.start(listener.run)
    client = await network.connect("sandbox", inner.port)
    await client.send_all(GET % b"")
    assert b"200" in await client.receive_some()
    assert listener.statistics().accept_failed == 3


async def test_cancelling_closes_the_listener_and_its_connections(autojump_clock):
    network = MemoryNetwork()
    async with trio.open_nursery() as nursery:
        listener = HttpListener(await network.listen("sandbox", 0), LIMITS, never)
        await nursery.start(listener.run)
        client = await network.connect("sandbox", listener.port)
        await client.send_all(GET % b"")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert await client.receive_some() == b""
    assert listener.statistics().open == 0
    with pytest.raises(ConnectionRefusedError):
        await network.connect("sandbox", listener.port)


# --- room that connections share


BIG = HttpLimits(body_bytes_max=1_000, head_ms=60_000, body_ms=60_000)
HALF = b"POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 400


@pytest.fixture
async def sharing(nursery):
    """A listener whose connections share 1,000 bytes of bodies; a way to connect to it."""
    network = MemoryNetwork()
    listener = HttpListener(await network.listen("127.0.0.1", 80), BIG, echo, connections_max=8, body_bytes_max=1_000)
    await nursery.start(listener.run)

    async def connect(data=b""):
        stream = await network.connect("127.0.0.1", 80)
        await stream.send_all(data)
        await trio.testing.wait_all_tasks_blocked()
        return stream

    return listener, connect


async def test_what_is_only_announced_takes_no_room(autojump_clock, sharing):
    _, connect = sharing
    for _ in range(7):
        await connect(HALF[:-400])
    whole = await connect(HALF + b"x" * 600)
    assert (await whole.receive_some()).startswith(b"HTTP/1.1 200")


async def test_bodies_beyond_the_room_are_refused_and_the_others_go_on(autojump_clock, sharing):
    listener, connect = sharing
    first = await connect(HALF)
    second = await connect(HALF)
    third = await connect(HALF)
    assert (await third.receive_some()).startswith(b"HTTP/1.1 503")
    await first.send_all(b"x" * 200)
    await trio.testing.wait_all_tasks_blocked()
    await second.aclose()
    await trio.testing.wait_all_tasks_blocked()
    await first.send_all(b"x" * 400)
    assert (await first.receive_some()).startswith(b"HTTP/1.1 200")
    assert listener.statistics().refused == 2, "the third, and the half of the second"
    last = await connect(HALF + b"x" * 600)
    assert (await last.receive_some()).startswith(b"HTTP/1.1 200"), "all room has been given back"


async def test_a_body_that_has_stalled_makes_room_for_one_that_arrives(autojump_clock, sharing):
    listener, connect = sharing
    stalled = [await connect(HALF), await connect(HALF)]
    await trio.sleep(STALLED_S)
    whole = await connect(HALF + b"x" * 200)
    await trio.testing.wait_all_tasks_blocked()
    assert listener.statistics().closed_for_others == 1, "one was enough"
    await whole.send_all(b"x" * 400)
    assert (await whole.receive_some()).startswith(b"HTTP/1.1 200")
    assert listener.statistics().closed_for_others == 2
    for stream in stalled:
        assert await stream.receive_some() == b""


async def test_who_was_silent_for_longest_makes_place_for_a_new_connection(autojump_clock, sharing):
    listener, connect = sharing
    streams = []
    for _ in range(8):
        streams.append(await connect(b"POST /half"))
        await trio.sleep(0.01)
    await streams[0].send_all(b" HTTP/1.1\r\n")
    await trio.testing.wait_all_tasks_blocked()
    whole = await connect(GET % b"new")
    assert b"/new:" in await whole.receive_some()
    statistics = listener.statistics()
    assert (statistics.open, statistics.closed_for_others, statistics.turned_away) == (8, 1, 0)
    await streams[0].send_all(b"Host: x\r\nContent-Length: 0\r\n\r\n")
    assert b"/half:" in await streams[0].receive_some()


async def test_five_hundred_half_open_connections_hold_nobody_up(autojump_clock, sharing):
    listener, connect = sharing
    for number in range(500):
        await connect((b"P", HALF[:-400], HALF[:-390], GET[:-4] % b"x")[number % 4])
    for _ in range(3):
        whole = await connect(POST + b"abc")
        assert (await whole.receive_some()).startswith(b"HTTP/1.1 200")
    assert listener.statistics().open <= 8
