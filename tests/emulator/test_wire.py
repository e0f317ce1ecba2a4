"""The server pump that must also misbehave."""

import pytest
import trio
import trio.testing

from emulator.wire import Arrival, Broken, pump_both_ways, serve_stream
from protocols.http_client import ClientConnection
from protocols.http_server import Response

HEADERS = ((b"Host", b"x"),)


class Client:
    def __init__(self, stream):
        self.stream, self.http = stream, ClientConnection()

    async def call(self, target, body=b""):
        await self.stream.send_all(self.http.send("POST", target, HEADERS, body))
        while True:
            data = bytes(await self.stream.receive_some())
            if (answer := self.http.receive(data)) is not None:
                return answer


async def serving(nursery, handle):
    ours, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(serve_stream, theirs, handle)
    return Client(ours)


async def test_several_requests_go_over_one_connection(nursery):
    async def echo(request, arrival):
        return Response(200, body=request.path.encode() + request.body)

    client = await serving(nursery, echo)
    assert (await client.call("/a", b"1")).body == b"/a1"
    assert (await client.call("/b", b"2")).body == b"/b2"


async def test_a_caller_that_leaves_ends_its_pending_call(nursery):
    left = trio.Event()

    async def hang(request, arrival):
        try:
            await trio.sleep_forever()
        finally:
            left.set()

    client = await serving(nursery, hang)
    await client.stream.send_all(client.http.send("GET", "/next", HEADERS))
    await trio.testing.wait_all_tasks_blocked()
    assert not left.is_set()
    await client.stream.aclose()
    with trio.fail_after(1):
        await left.wait()


async def test_the_handler_learns_when_the_first_byte_came(nursery, autojump_clock):
    seen = []

    async def note(request, arrival):
        seen.append(arrival)
        return Response(200)

    client = await serving(nursery, note)
    wire = client.http.send("POST", "/", HEADERS, b"0123456789")
    await trio.sleep(1)
    await client.stream.send_all(wire[:-5])
    await trio.sleep(2)
    await client.stream.send_all(wire[-5:])
    await client.stream.receive_some()
    assert seen == [Arrival(pytest.approx(1_000.0), pytest.approx(3_000.0))]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(Broken("close"), b""), (Broken("half", Response(200, body=b"0123456789")), b"01234")],
)
async def test_an_answer_can_be_broken_on_purpose(nursery, answer, expected):
    async def misbehave(request, arrival):
        return answer

    client = await serving(nursery, misbehave)
    await client.stream.send_all(client.http.send("GET", "/", HEADERS))
    received = b""
    while data := await client.stream.receive_some():
        received += data
    assert received.rpartition(b"\r\n\r\n")[2] == expected


async def test_a_request_that_is_not_http_is_refused_and_the_connection_ends(nursery):
    async def never(request, arrival):
        raise AssertionError("not a request")

    client = await serving(nursery, never)
    await client.stream.send_all(b"\x00\x01garbage\r\n\r\n")
    received = b""
    while data := await client.stream.receive_some():
        received += data
    assert received.startswith(b"HTTP/1.1 400")


async def test_a_relay_passes_bytes_and_half_closes_both_ways(nursery):
    ours, inside = trio.testing.memory_stream_pair()
    outside, theirs = trio.testing.memory_stream_pair()
    nursery.start_soon(pump_both_ways, inside, outside)
    await ours.send_all(b"question")
    await ours.send_eof()
    assert await theirs.receive_some() == b"question"
    assert await theirs.receive_some() == b""
    await theirs.send_all(b"answer")
    assert await ours.receive_some() == b"answer"
    await theirs.aclose()
    assert await ours.receive_some() == b""
