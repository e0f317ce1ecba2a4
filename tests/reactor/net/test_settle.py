import pytest
import trio

from protocols.http_server import HttpLimits, Response
from reactor.net.clock import SimulatedClock
from reactor.net.datagram import DatagramPump
from reactor.net.memory import MemoryNetwork
from reactor.net.serve import HttpListener
from reactor.net.settle import settle

WIRE = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


class World:
    """A listener and a datagram port on one network; what they were given."""

    def __init__(self):
        self.network, self.clock, self.seen, self.pause_s = MemoryNetwork(), SimulatedClock(), [], 0.0

    async def start(self, nursery):
        self.listener = HttpListener(await self.network.listen("sandbox", 0), HttpLimits(1_000), self.handle)
        await nursery.start(self.listener.run)
        self.pump = DatagramPump(await self.network.datagram("sandbox", 8125, 100_000), self.seen.extend)
        return self

    async def handle(self, request):
        await trio.sleep(self.pause_s)
        self.seen.append(request.body)
        return Response(200)

    async def settle(self, bound_ms=5, quiet_ms=0):
        return await settle([self.listener], [self.pump], bound_ms, quiet_ms, self.clock)

    async def connect(self):
        client = await self.network.connect("sandbox", self.listener.port)
        await trio.testing.wait_all_tasks_blocked()
        return client


@pytest.fixture
async def world(nursery):
    return await World().start(nursery)


async def test_nothing_to_wait_for_takes_no_time(autojump_clock, world):
    started = trio.current_time()
    assert await world.settle()
    assert trio.current_time() == started


async def test_what_was_sent_before_is_in_when_it_returns(autojump_clock, world):
    client = await world.connect()
    late = await world.network.connect("sandbox", world.listener.port)
    await client.send_all(WIRE)
    await late.send_all(WIRE)
    world.network.send_datagram(8125, b"page.views:1|c")
    started = trio.current_time()
    assert await world.settle()
    assert sorted(world.seen) == [b"abc", b"abc", b"page.views:1|c"]
    assert trio.current_time() - started <= 0.002


async def test_a_slow_answer_is_waited_for_within_the_bound(autojump_clock, world):
    world.pause_s = 0.1
    client = await world.connect()
    await client.send_all(WIRE)
    started = trio.current_time()
    assert await world.settle(bound_ms=300)
    assert world.seen == [b"abc"]
    assert 0.1 <= trio.current_time() - started < 0.105


@pytest.mark.parametrize("bound_ms", [0, 5, 300])
async def test_an_unfinished_request_holds_it_up_to_the_bound_and_no_longer(autojump_clock, world, bound_ms):
    client = await world.connect()
    await client.send_all(WIRE[:-1])
    started = trio.current_time()
    assert not await world.settle(bound_ms=bound_ms)
    assert bound_ms / 1000 - 0.002 <= trio.current_time() - started <= bound_ms / 1000 + 0.002


async def test_quiet_must_last_when_it_is_asked_to(autojump_clock, world, nursery):
    async def send_late():
        for _ in range(3):
            await trio.sleep(0.004)
            world.network.send_datagram(8125, b"late")

    nursery.start_soon(send_late)
    started = trio.current_time()
    assert await world.settle(bound_ms=300, quiet_ms=10)
    assert world.seen == [b"late"] * 3
    assert trio.current_time() - started == pytest.approx(0.022, abs=0.003)
