"""Real sockets, on loopback, in real time: few, and each within a bound."""

import os
import socket
import stat

import pytest
import trio

from protocols.http_server import HttpLimits, Response
from reactor.net import system
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


async def test_looking_up_a_name_wants_no_encoding_loaded(network, monkeypatch):
    """A layer whose files are gone could not load one, and every start would pay for it."""
    trio.socket.set_custom_hostname_resolver(Resolver())
    ask, asked = socket.getaddrinfo, []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more: asked.append(host) or ask(host, *more))
    with pytest.raises(OSError, match="unknown"):
        await network.connect("nowhere.example", 443)
    assert asked == [b"nowhere.example"]


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


# --- datagrams by path


async def pumped(socket, sends):
    """The datagrams that arrive when `sends` has run."""
    received = []
    pump = DatagramPump(socket, received.extend)
    sends()
    pump.drain_now()
    return received


def is_there(path):
    return os.path.lexists(path)


def receive_buffer_bytes_max():
    """Where the kernel stops whoever has no right to more; it grants twice that, for its bookkeeping."""
    with open("/proc/sys/net/core/rmem_max") as file:
        return int(file.read())


def sender_to(path):
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(path)
    return sender


async def test_a_unix_socket_takes_datagrams_is_its_owners_alone_and_goes_with_its_reader(network, tmp_path):
    path = str(tmp_path / "dsd.socket")
    bound = await network.unix_datagram(path, 1_000_000)
    assert bound.port == 0
    assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600
    with sender_to(path) as sender:
        assert await pumped(bound, lambda: [sender.send(data) for data in (b"a:1|c", b"x" * 60_000)]) == [b"a:1|c", b"x" * 60_000]
    assert bound.kernel_drops() == 0
    bound.close()
    assert not is_there(path)
    assert bound.receive_now(10) == []


async def test_a_socket_that_a_killed_process_has_left_is_replaced(network, tmp_path):
    path = str(tmp_path / "dsd.socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as before:
        before.bind(path)
    bound = await network.unix_datagram(path, 1_000_000)
    with sender_to(path) as sender:
        assert await pumped(bound, lambda: sender.send(b"a:1|c")) == [b"a:1|c"]
    bound.close()


@pytest.mark.parametrize("what", ["a living reader", "a file", "no folder", "too long"])
async def test_a_path_that_cannot_be_had_is_refused_and_left_alone(network, tmp_path, what):
    path = str(tmp_path / "dsd.socket")
    living = None
    if what == "a living reader":
        living = await network.unix_datagram(path, 1_000_000)
    elif what == "a file":
        (tmp_path / "dsd.socket").write_text("mine")
    elif what == "no folder":
        path = str(tmp_path / "nowhere" / "dsd.socket")
    else:
        path = str(tmp_path / ("x" * 200))
    with pytest.raises(OSError):  # noqa: PT011 (each has another number)
        await network.unix_datagram(path, 1_000_000)
    if living is not None:
        with sender_to(path) as sender:
            assert await pumped(living, lambda: sender.send(b"a:1|c")) == [b"a:1|c"]
        living.close()
    assert what != "a file" or (tmp_path / "dsd.socket").read_text() == "mine"


async def test_a_path_that_is_gone_already_does_not_matter_at_the_end(network, tmp_path):
    path = str(tmp_path / "dsd.socket")
    bound = await network.unix_datagram(path, 1_000_000)
    os.unlink(path)
    bound.close()
    assert not is_there(path)


async def test_as_large_a_buffer_as_the_kernel_gives_is_asked_for(network, monkeypatch):
    allowed = receive_buffer_bytes_max()
    bound = await network.datagram("localhost", 0, 64 * 1024 * 1024)
    assert bound.receive_buffer_bytes >= 2 * min(allowed, 64 * 1024 * 1024)
    bound.close()
    monkeypatch.setattr(system, "_SO_RCVBUFFORCE", 0x7000)  # as where that is not permitted
    bound = await network.datagram("localhost", 0, 64 * 1024 * 1024)
    assert bound.receive_buffer_bytes == 2 * min(allowed, 64 * 1024 * 1024)
    bound.close()
