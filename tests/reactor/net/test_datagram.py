import trio

from reactor.net.datagram import BATCH_DATAGRAMS_MAX, DRAIN_BATCHES_MAX, DatagramPump, DatagramStatistics
from reactor.net.memory import DATAGRAM_OVERHEAD_BYTES, MemoryNetwork

ROOMY = 100_000_000


async def test_datagrams_arrive_in_order_and_in_bounded_batches(autojump_clock, nursery):
    network, batches = MemoryNetwork(), []
    pump = DatagramPump(await network.datagram("sandbox", 8125, ROOMY), batches.append)
    sent = [b"%d" % i for i in range(2 * BATCH_DATAGRAMS_MAX + 1)]
    for datagram in sent:
        network.send_datagram(8125, datagram)
    await nursery.start(pump.run)
    await trio.testing.wait_all_tasks_blocked()
    assert [len(batch) for batch in batches] == [BATCH_DATAGRAMS_MAX, BATCH_DATAGRAMS_MAX, 1]
    assert [datagram for batch in batches for datagram in batch] == sent
    assert pump.statistics() == DatagramStatistics(len(sent), sum(map(len, sent)), 3, 0)


async def test_others_run_between_two_batches(autojump_clock, nursery):
    network, order = MemoryNetwork(), []
    pump = DatagramPump(await network.datagram("sandbox", 8125, ROOMY), lambda batch: order.append("batch"))
    for _ in range(3 * BATCH_DATAGRAMS_MAX):
        network.send_datagram(8125, b"")

    async def other():
        for _ in range(4):
            order.append("other")
            await trio.lowlevel.checkpoint()

    nursery.start_soon(pump.run)
    nursery.start_soon(other)
    await trio.testing.wait_all_tasks_blocked()
    assert "other" in order[order.index("batch") : len(order) - order[::-1].index("batch")]


async def test_a_drain_takes_what_is_there_without_waiting_and_has_an_end(autojump_clock):
    network, got = MemoryNetwork(), []
    sock = await network.datagram("sandbox", 8125, ROOMY)

    def deliver(batch):
        got.extend(batch)
        for _ in batch:
            network.send_datagram(8125, b"again")  # a sender that is always faster

    pump = DatagramPump(sock, deliver)
    assert pump.drain_now() == 0
    for _ in range(BATCH_DATAGRAMS_MAX):
        network.send_datagram(8125, b"first")
    assert pump.has_work()
    assert pump.drain_now() == DRAIN_BATCHES_MAX * BATCH_DATAGRAMS_MAX == len(got)


async def test_what_the_buffer_cannot_hold_is_dropped_and_counted(autojump_clock):
    network, got = MemoryNetwork(), []
    pump = DatagramPump(await network.datagram("sandbox", 8125, 2 * (DATAGRAM_OVERHEAD_BYTES + 10)), got.extend)
    for i in range(5):
        network.send_datagram(8125, b"%010d" % i)
    pump.drain_now()
    network.send_datagram(8125, b"room again")
    pump.drain_now()
    assert got == [b"%010d" % 0, b"%010d" % 1, b"room again"]
    assert pump.statistics().kernel_drops == 3


async def test_cancelling_closes_the_socket(autojump_clock):
    network = MemoryNetwork()
    pump = DatagramPump(await network.datagram("sandbox", 8125, ROOMY), lambda batch: None)
    async with trio.open_nursery() as nursery:
        await nursery.start(pump.run)
        nursery.cancel_scope.cancel()
    await network.datagram("sandbox", 8125, ROOMY)
    assert pump.drain_now() == 0
