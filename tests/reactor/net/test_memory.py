import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from reactor.net.memory import BACKLOG, STREAM_BUFFER_BYTES_MAX, MemoryNetwork, memory_stream_pair


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(1, 50))
def test_bytes_come_out_as_they_went_in(pieces, size):
    async def main():
        sender, receiver = memory_stream_pair()
        for piece in pieces:
            await sender.send_all(piece)
        await sender.send_eof()
        got = b""
        while data := await receiver.receive_some(size):
            assert len(data) <= size
            got += data
        assert got == b"".join(pieces)

    trio.run(main)


async def test_a_sender_waits_while_nobody_reads(autojump_clock, nursery):
    sender, receiver = memory_stream_pair()
    with trio.move_on_after(1) as scope:
        await sender.send_all(b"x" * (STREAM_BUFFER_BYTES_MAX + 1))
    assert scope.cancelled_caught
    assert len(await receiver.receive_some(None)) == STREAM_BUFFER_BYTES_MAX
    await sender.send_all(b"y")
    assert await receiver.receive_some(1) == b"y"


async def test_a_close_is_an_end_and_an_unread_byte_makes_it_a_reset(autojump_clock):
    ours, theirs = memory_stream_pair()
    await ours.send_all(b"last words")
    await ours.aclose()
    assert theirs.readable_now()
    assert await theirs.receive_some(None) == b"last words"
    assert await theirs.receive_some(None) == b""
    with pytest.raises(trio.BrokenResourceError):
        await theirs.send_all(b"x")
    with pytest.raises(trio.ClosedResourceError):
        await ours.receive_some(None)

    ours, theirs = memory_stream_pair()
    await theirs.send_all(b"unread")
    await ours.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await theirs.receive_some(None)


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_waiting_receiver_learns_of_the_end(autojump_clock, nursery, ending):
    ours, theirs = memory_stream_pair()
    outcome = []

    async def wait():
        try:
            outcome.append(await theirs.receive_some(None))
        except trio.BrokenResourceError:
            outcome.append("broken")

    nursery.start_soon(wait)
    await trio.testing.wait_all_tasks_blocked()
    assert not theirs.readable_now()
    if ending == "close":
        await ours.aclose()
    else:
        ours.reset()
    await trio.testing.wait_all_tasks_blocked()
    assert outcome == [b"" if ending == "close" else "broken"]


async def test_ports_are_refused_taken_and_freed_like_a_kernels(autojump_clock):
    network = MemoryNetwork()
    with pytest.raises(ConnectionRefusedError):
        await network.connect("localhost", 8126)
    listener = await network.listen("sandbox", 8126)
    with pytest.raises(OSError, match="in use"):
        await network.listen("localhost", 8126)
    waiting = [await network.connect("localhost", 8126) for _ in range(BACKLOG)]
    with pytest.raises(ConnectionRefusedError):
        await network.connect("localhost", 8126)
    await listener.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await waiting[0].receive_some(None)
    assert (await network.listen("sandbox", 8126)).port == 8126
    assert (await network.listen("sandbox", 0)).port != (await network.listen("sandbox", 0)).port


async def test_bound_sockets_can_be_handed_over_and_adopted(autojump_clock):
    network = MemoryNetwork()
    listener, datagrams = await network.listen("sandbox", 0), await network.datagram("sandbox", 8125, 10_000)
    assert network.adopt_listener(network.hand_over(listener)) is listener
    fd = network.hand_over(datagrams)
    assert network.adopt_datagram(fd, 10_000) is datagrams
    with pytest.raises(OSError, match="descriptor"):
        network.adopt_listener(fd)


async def test_datagrams_wake_their_reader_and_go_nowhere_without_one(autojump_clock, nursery):
    network = MemoryNetwork()
    network.send_datagram(8125, b"lost")
    sock = await network.datagram("sandbox", 8125, 10_000)
    got = []

    async def read():
        await sock.wait_readable()
        got.extend(sock.receive_now(1))

    nursery.start_soon(read)
    await trio.testing.wait_all_tasks_blocked()
    network.send_datagram(8125, b"one")
    network.send_datagram(8125, b"two")
    await trio.testing.wait_all_tasks_blocked()
    assert got == [b"one"]
    assert sock.readable_now()
    sock.close()
    with pytest.raises(trio.ClosedResourceError):
        await sock.wait_readable()
