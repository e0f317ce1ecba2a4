"""Real sockets, on loopback, in real time: few, and each within a bound."""

import socket

import pytest
import trio

from protocols.http_server import HttpLimits, Response
from reactor.net.clock import SystemClock
from reactor.net.datagram import DatagramPump
from reactor.net.origin import Origin
from reactor.net.pool import Pool
from reactor.net.serve import HttpListener
from reactor.net.settle import settle
from reactor.net.system import SystemNetwork

SECONDS_MAX = 20


@pytest.fixture
async def network():
    with trio.fail_after(SECONDS_MAX):
        yield SystemNetwork()


async def echo(request):
    return Response(200, (), request.body)


async def test_a_request_goes_over_tcp_and_its_connection_is_used_again(network, nursery):
    listener = HttpListener(await network.listen("sandbox.localdomain", 0), HttpLimits(1_000_000), echo)
    await nursery.start(listener.run)
    pool = Pool(network)
    for body in (b"", b"abc", b"x" * 1_000_000):
        response = await pool.request(Origin("http", "localhost", listener.port), "POST", "/", (), body)
        assert response.body == body
    assert listener.statistics().accepted == 1
    await pool.drop_idle()
    nursery.cancel_scope.cancel()


async def test_an_answer_to_a_refused_body_arrives_before_the_close(network, nursery):
    async def too_large(request):
        return Response(413, (), b"too large")

    listener = HttpListener(await network.listen("localhost", 0), HttpLimits(1_000), too_large)
    await nursery.start(listener.run)
    response = await Pool(network).request(Origin("http", "localhost", listener.port), "POST", "/", (), b"x" * 900_000)
    assert (response.status, response.body) == (413, b"too large")
    nursery.cancel_scope.cancel()


async def test_unread_bytes_and_waiting_connections_are_seen(network, nursery):
    bound = await network.listen("localhost", 0)
    client = await network.connect("localhost", bound.port)
    assert bound.readable_now()
    server = await bound.accept()
    assert not bound.readable_now()
    assert not server.readable_now()
    await client.send_all(b"x")
    assert server.readable_now()
    assert await server.receive_some(10) == b"x"
    await client.aclose()
    assert server.readable_now()
    await server.aclose()
    assert not server.readable_now()
    await bound.aclose()
    with pytest.raises(ConnectionRefusedError):
        await network.connect("localhost", bound.port)


async def test_sockets_bound_at_start_up_are_adopted(network):
    tcp = socket.create_server(("127.0.0.1", 0))
    port = tcp.getsockname()[1]
    bound = network.adopt_listener(tcp.detach())
    client = await network.connect("127.0.0.1", port)
    assert bound.readable_now()
    await client.aclose()
    await bound.aclose()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    port = udp.getsockname()[1]
    adopted = network.adopt_datagram(udp.detach(), 100_000)
    assert adopted.port == port
    adopted.close()


async def test_datagrams_are_pumped_and_settled(network, nursery):
    got = []
    sock = await network.datagram("127.0.0.1", 0, 1_000_000)
    assert sock.receive_buffer_bytes > 0
    pump = DatagramPump(sock, got.extend)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", sock.port))
        sender.send(b"before the pump runs")
        assert pump.has_work()
        assert await settle([], [pump], 1_000, 0, SystemClock())
        assert got == [b"before the pump runs"]
        await nursery.start(pump.run)
        sender.send(b"x" * 60_000)
        while len(got) < 2:
            await trio.lowlevel.checkpoint()
        assert got[1] == b"x" * 60_000
    nursery.cancel_scope.cancel()


async def test_the_kernels_drops_are_counted_even_after_the_close(network):
    sock = await network.datagram("127.0.0.1", 0, 4_096)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(200):
            sender.sendto(b"x" * 500, ("127.0.0.1", sock.port))
    received = len(sock.receive_now(1_000))
    drops = sock.kernel_drops()
    sock.close()
    if drops is None:
        pytest.skip("this kernel does not tell")
    assert 0 < received < 200
    assert received + drops == 200
    assert sock.kernel_drops() == drops
    assert sock.receive_now(1) == []


class Resolver(trio.abc.HostnameResolver):
    def __init__(self):
        self.asked = []

    async def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        self.asked.append(host)
        if host == b"nowhere.example":
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0)),  # nobody listens there
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]

    async def getnameinfo(self, sockaddr, flags):
        raise NotImplementedError


async def test_names_are_asked_for_once_ipv4_first_until_they_are_forgotten(network):
    resolver = Resolver()
    trio.socket.set_custom_hostname_resolver(resolver)
    bound = await network.listen("sandbox", 0)
    for _ in range(2):
        await (await network.connect("intake.example", bound.port)).aclose()
    assert len(resolver.asked) == 1
    network.forget_names()
    await (await network.connect("intake.example", bound.port)).aclose()
    assert len(resolver.asked) == 2
    with pytest.raises(OSError, match="unknown"):
        await network.connect("nowhere.example", 443)
    await bound.aclose()


async def test_a_name_whose_addresses_all_fail_is_asked_for_again(network):
    resolver = Resolver()
    trio.socket.set_custom_hostname_resolver(resolver)
    bound = await network.listen("sandbox", 0)
    port = bound.port
    await bound.aclose()
    for _ in range(2):
        with pytest.raises(OSError, match=r"\w"):
            await network.connect("intake.example", port)
    assert len(resolver.asked) == 2
