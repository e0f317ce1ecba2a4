import pytest
import trio

from protocols.errors import LocalProtocolError
from protocols.http_server import HttpLimits, Refused, Response
from reactor.net.errors import AnswerInvalid, AnswerLost, ConnectFailed
from reactor.net.memory import MemoryNetwork
from reactor.net.origin import Origin
from reactor.net.pool import IDLE_PER_ORIGIN_MAX, IDLE_S_MAX, Pool
from reactor.net.serve import HttpListener

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Intake:
    """A peer that follows a script: for each connection, what it does with each request it reads."""

    def __init__(self, network, listener):
        self.listener, self.requests, self.connections = listener, [], 0
        self.origin = Origin("http", "sandbox", listener.port)
        self.scripts = []

    async def run(self):
        async with trio.open_nursery() as nursery:
            while True:
                stream = await self.listener.accept()
                script = self.scripts[min(self.connections, len(self.scripts) - 1)]
                self.connections += 1
                nursery.start_soon(self.serve, stream, script)

    async def serve(self, stream, script):
        for step in script:
            if not (request := await stream.receive_some()):
                return
            self.requests.append(request)
            if step == "reset":
                stream.reset()
                return
            if step == "close":
                await stream.aclose()
                return
            if step == "hang":
                await trio.sleep_forever()
            if isinstance(step, float):
                await trio.sleep(step)
                step = OK
            await stream.send_all(step)
        await trio.sleep_forever()


@pytest.fixture
async def peer(nursery):
    """`await peer([...steps of the first connection], [...of the second and later])` gives an intake and a pool."""
    network = MemoryNetwork()

    async def start(*scripts):
        intake = Intake(network, await network.listen("sandbox", 0))
        intake.scripts = scripts
        nursery.start_soon(intake.run)
        return intake, Pool(network)

    return start


async def test_a_connection_is_kept_and_used_again(autojump_clock, peer):
    intake, pool = await peer([OK] * 3)
    for _ in range(3):
        assert (await pool.request(intake.origin, "POST", "/v1", (), b"body")).body == b"OK"
    assert intake.connections == 1
    assert intake.requests[0] == b"POST /v1 HTTP/1.1\r\nHost: sandbox:%d\r\nContent-Length: 4\r\n\r\nbody" % intake.origin.port
    assert (pool.statistics().opened, pool.statistics().reused, pool.statistics().idle) == (1, 2, 1)


@pytest.mark.parametrize(("idle_s", "connections"), [(IDLE_S_MAX - 0.1, 1), (IDLE_S_MAX, 2)])
async def test_a_connection_idle_for_too_long_is_not_trusted(autojump_clock, peer, idle_s, connections):
    intake, pool = await peer([OK] * 2)
    await pool.request(intake.origin, "GET", "/")
    await trio.sleep(idle_s)
    await pool.request(intake.origin, "GET", "/")
    assert intake.connections == connections
    assert pool.statistics().stale == connections - 1


@pytest.mark.parametrize("left", [OK + b"more", b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"])
async def test_a_connection_that_is_not_clean_is_not_kept(autojump_clock, peer, left):
    intake, pool = await peer([left])
    await pool.request(intake.origin, "GET", "/")
    assert pool.statistics().idle == 0
    await pool.request(intake.origin, "GET", "/")
    assert intake.connections == 2


async def test_a_kept_connection_that_the_peer_closed_is_found_out_before_it_is_used(autojump_clock, nursery):
    async def ok(request):
        assert not isinstance(request, Refused)
        return Response(200)

    network = MemoryNetwork()
    listener = HttpListener(await network.listen("sandbox", 0), HttpLimits(100, idle_ms=1_000), ok)
    await nursery.start(listener.run)
    pool, origin = Pool(network), Origin("http", "sandbox", listener.port)
    await pool.request(origin, "GET", "/")
    await trio.sleep(2)
    await pool.request(origin, "GET", "/")
    statistics = pool.statistics()
    assert (statistics.opened, statistics.stale, statistics.resent) == (2, 1, 0)


@pytest.mark.parametrize("end", ["reset", "close"])
async def test_a_reused_connection_that_ends_unanswered_is_replaced_once_and_counted(autojump_clock, peer, end):
    intake, pool = await peer([OK, end], [OK])
    await pool.request(intake.origin, "GET", "/")
    assert (await pool.request(intake.origin, "POST", "/", (), b"x")).body == b"OK"
    assert len(intake.requests) == 3
    assert (pool.statistics().resent, pool.statistics().answers_unknown) == (1, 0)


async def test_the_second_failure_is_final(autojump_clock, peer):
    intake, pool = await peer([OK, "reset"], ["reset"])
    await pool.request(intake.origin, "GET", "/")
    with pytest.raises(AnswerLost) as caught:
        await pool.request(intake.origin, "GET", "/")
    assert caught.value.answer_unknown
    assert len(intake.requests) == 3
    assert (pool.statistics().resent, pool.statistics().answers_unknown, pool.statistics().idle) == (1, 1, 0)


async def test_nothing_is_sent_again_once_an_answer_has_begun(autojump_clock, peer):
    intake, pool = await peer([OK, b"HTTP/1.1 200 OK\r\nContent-Le", "close"])
    await pool.request(intake.origin, "GET", "/")
    with trio.move_on_after(1) as scope:
        await pool.request(intake.origin, "GET", "/")
    assert scope.cancelled_caught
    assert pool.statistics().answers_unknown == 1
    assert len(intake.requests) == 2


@pytest.mark.parametrize(("step", "kind"), [("close", AnswerLost), ("reset", AnswerLost), (b"not http\r\n\r\n", AnswerInvalid)])
async def test_a_fresh_connection_that_fails_is_an_unknown_answer(autojump_clock, peer, step, kind):
    intake, pool = await peer([step])
    with pytest.raises(kind) as caught:
        await pool.request(intake.origin, "POST", "/", (), b"x")
    assert caught.value.answer_unknown
    assert caught.value.origin == str(intake.origin)
    assert (pool.statistics().answers_unknown, len(intake.requests)) == (1, 1)


async def test_an_answer_over_the_bound_is_refused(autojump_clock, peer):
    intake, pool = await peer([OK])
    with pytest.raises(AnswerInvalid, match="over the limit of 1 bytes"):
        await pool.request(intake.origin, "GET", "/", answer_bytes_max=1)


async def test_an_answer_to_a_request_that_was_not_read_to_its_end_is_taken(autojump_clock, nursery):
    network = MemoryNetwork()

    async def too_large(request):
        assert isinstance(request, Refused)
        return Response(request.status)

    listener = HttpListener(await network.listen("sandbox", 0), HttpLimits(body_bytes_max=10), too_large)
    await nursery.start(listener.run)
    response = await Pool(network).request(Origin("http", "sandbox", listener.port), "POST", "/", (), b"x" * 300_000)
    assert response.status == 413


async def test_nobody_listening_is_a_failed_connect_and_nothing_is_unknown(autojump_clock):
    pool = Pool(MemoryNetwork())
    with pytest.raises(ConnectFailed) as caught:
        await pool.request(Origin("http", "sandbox", 9), "GET", "/")
    assert not caught.value.answer_unknown
    assert pool.statistics().answers_unknown == 0


async def test_cancelling_closes_the_connection_and_says_whether_anything_was_sent(autojump_clock, peer):
    intake, pool = await peer(["hang"], [OK])
    told = []
    with trio.move_on_after(2) as scope:
        await pool.request(intake.origin, "POST", "/", (), b"x", sending=lambda: told.append(True))
    assert scope.cancelled_caught
    assert told == [True]
    assert (pool.statistics().idle, pool.statistics().answers_unknown) == (0, 1)
    await pool.request(intake.origin, "GET", "/")
    assert intake.connections == 2


async def test_a_request_may_wait_for_ever_while_others_are_answered(autojump_clock, peer, nursery):
    intake, pool = await peer([80_000.0], [OK])
    answers = []

    async def ask_next():
        answers.append(await pool.request(intake.origin, "GET", "/next"))

    nursery.start_soon(ask_next)
    await trio.testing.wait_all_tasks_blocked()
    await pool.request(intake.origin, "GET", "/other")
    assert answers == []
    await trio.sleep(80_001)
    assert [answer.status for answer in answers] == [200]


async def test_no_more_than_a_few_idle_connections_are_kept_and_a_thaw_drops_them(autojump_clock, peer):
    intake, pool = await peer([0.1])
    async with trio.open_nursery() as own:
        for _ in range(IDLE_PER_ORIGIN_MAX + 3):
            own.start_soon(pool.request, intake.origin, "GET", "/")
    assert pool.statistics().idle == IDLE_PER_ORIGIN_MAX
    await pool.drop_idle()
    assert pool.statistics().idle == 0


async def test_what_cannot_be_sent_is_our_own_error_and_sends_nothing(autojump_clock, peer):
    intake, pool = await peer([OK])
    with pytest.raises(LocalProtocolError):
        await pool.request(intake.origin, "GET", "/", ((b"DD-API-KEY", b"a\nb"),))
    assert intake.requests == []
    assert pool.statistics().answers_unknown == 0
