import shutil
import ssl
import subprocess

import pytest
import trio

from protocols.http_server import HttpLimits, Response
from reactor.net.client import open_client
from reactor.net.errors import ConnectFailed
from reactor.net.memory import MemoryNetwork
from reactor.net.origin import Origin, Proxy
from reactor.net.pool import Pool
from reactor.net.serve import serve_connection

HTTPS = Origin("https", "intake.example", 443)
LIMITS = HttpLimits(1_000)


async def echo(request):
    return Response(200, (), request.body)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of intake.example that is its own authority, and its key, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=intake.example", "-addext", "subjectAltName=DNS:intake.example", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return cert, key


@pytest.fixture
def server_tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def client_tls(certificate):
    return lambda: ssl.create_default_context(cafile=str(certificate[0]))


async def serve_tls(listener, context):
    async with trio.open_nursery() as nursery:
        while True:
            stream = trio.SSLStream(await listener.accept(), context, server_side=True, https_compatible=True)
            nursery.start_soon(serve_connection, stream, LIMITS, echo)


async def test_https_is_spoken_and_its_connection_kept(autojump_clock, nursery, server_tls, client_tls):
    network = MemoryNetwork()
    nursery.start_soon(serve_tls, await network.listen("sandbox", 443), server_tls)
    pool = Pool(network, client_tls)
    for body in (b"one", b"two"):
        assert (await pool.request(HTTPS, "POST", "/", (), body)).body == body
    assert (pool.statistics().opened, pool.statistics().reused) == (1, 1)


async def test_an_unknown_authority_is_a_failed_connect(autojump_clock, nursery, server_tls):
    network = MemoryNetwork()

    async def serve_one():
        stream = trio.SSLStream(await listener.accept(), server_tls, server_side=True)
        with pytest.raises(trio.BrokenResourceError):
            await stream.do_handshake()

    listener = await network.listen("sandbox", 443)
    nursery.start_soon(serve_one)
    with pytest.raises(ConnectFailed, match="certificate"):
        await open_client(network, HTTPS, ssl.create_default_context)


async def test_a_server_without_tls_is_a_failed_connect(autojump_clock, nursery, client_tls):
    network = MemoryNetwork()
    listener = await network.listen("sandbox", 443)
    nursery.start_soon(lambda: serve_plain(listener))
    with pytest.raises(ConnectFailed, match="TLS"):
        await open_client(network, HTTPS, client_tls)


async def serve_plain(listener):
    await serve_connection(await listener.accept(), LIMITS, echo)


async def tunnel(network, listener, heads):
    """A proxy that opens one tunnel to port 443."""
    client = await listener.accept()
    heads.append(await client.receive_some(None))
    server = await network.connect("sandbox", 443)
    await client.send_all(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def copy(source, sink):
        try:
            while data := await source.receive_some(None):
                await sink.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(copy, client, server)
        nursery.start_soon(copy, server, client)


async def test_https_goes_through_the_proxys_tunnel_and_http_does_not(autojump_clock, nursery, server_tls, client_tls):
    network, heads = MemoryNetwork(), []
    nursery.start_soon(serve_tls, await network.listen("sandbox", 443), server_tls)
    nursery.start_soon(tunnel, network, await network.listen("sandbox", 3128), heads)
    plain = await network.listen("sandbox", 80)
    nursery.start_soon(lambda: serve_plain(plain))
    pool = Pool(network, client_tls, lambda origin: Proxy(Origin("http", "proxy", 3128), b"Basic dTpw"))
    assert (await pool.request(HTTPS, "POST", "/", (), b"secret")).body == b"secret"
    assert heads == [b"CONNECT intake.example:443 HTTP/1.1\r\nHost: intake.example:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"]
    assert (await pool.request(Origin("http", "sandbox", 80), "POST", "/", (), b"plain")).body == b"plain"
    assert len(heads) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "407"),
        (b"garbage\r\n\r\n", "illegal status line"),
        (b"", "opened no tunnel"),
        (b"HTTP/1.1 200 OK\r\n\r\nearly bytes", "200"),
    ],
)
async def test_a_proxy_that_opens_no_tunnel_is_a_failed_connect(autojump_clock, nursery, answer, reason):
    network = MemoryNetwork()
    listener = await network.listen("sandbox", 3128)

    async def refuse():
        client = await listener.accept()
        await client.receive_some(None)
        await client.send_all(answer)
        await client.send_eof()

    nursery.start_soon(refuse)
    with pytest.raises(ConnectFailed, match=reason):
        await open_client(network, HTTPS, None, Proxy(Origin("http", "proxy", 3128)))
