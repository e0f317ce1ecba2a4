"""Trust: whose certificates are taken, what a wrong setting costs, and which way leads to an intake through a proxy."""

import shutil
import ssl
import subprocess

import pytest
import trio

from protocols.http_server import HttpLimits, Response
from reactor import tls as module
from reactor.net.errors import ConnectFailed
from reactor.net.memory import MemoryNetwork
from reactor.net.origin import Origin
from reactor.net.serve import serve_connection
from reactor.tls import Trust, hashed_folder, intake_pool, proxies

HOST = "intake.example"
HTTPS = Origin("https", HOST, 443)
LIMITS = HttpLimits(1_000)
CA_CONFIG = """
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""
NOW = ("-days", "2")
LONG_AGO = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")


class Authority:
    """A private authority in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.file = folder, folder / "ca.pem"
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01")
        (folder / "ca.cnf").write_text(CA_CONFIG)
        extensions = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        self._run("req", "-x509", *self._key("ca"), *NOW, "-subj", "/CN=A private authority", *extensions, "-out", "ca.pem")

    def certificate(self, name, host=HOST, dates=NOW):
        """(certificate, key) for a host, valid between these dates."""
        self._run("req", "-new", *self._key(name), "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-out", f"{name}.csr")
        self._run(
            "ca",
            "-batch",
            "-config",
            "ca.cnf",
            "-cert",
            "ca.pem",
            "-keyfile",
            "ca.key",
            *dates,
            "-in",
            f"{name}.csr",
            "-out",
            f"{name}.pem",
        )
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    @staticmethod
    def _key(name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")

    def _run(self, *command):
        subprocess.run(["openssl", *command], cwd=self.folder, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    if not shutil.which("openssl"):
        pytest.skip("needs openssl to make certificates")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificates(authority):
    return {
        "good": authority.certificate("good"),
        "expired": authority.certificate("expired", dates=LONG_AGO),
        "of another host": authority.certificate("other", host="other.example"),
    }


@pytest.fixture
def said():
    return []


@pytest.fixture
def network():
    return MemoryNetwork()


@pytest.fixture
def intake_of(certificates, network, nursery):
    """An intake with one of the certificates, which answers 202."""

    async def accept(request):
        return Response(202)

    async def serve(listener, context):
        async with trio.open_nursery() as inner:
            while True:
                stream = trio.SSLStream(await listener.accept(), context, server_side=True, https_compatible=True)
                inner.start_soon(serve_connection, stream, LIMITS, accept)

    async def intake_of(which, **limits):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificates[which])
        for name, value in limits.items():
            setattr(context, name, value)
        nursery.start_soon(serve, await network.listen("0.0.0.0", 443), context)

    return intake_of


@pytest.fixture
def pool_of(settings_of, network, said):
    def pool_of(**changes):
        settings = settings_of(**changes)
        return intake_pool(settings, network, Trust(settings, lambda *line: said.append(line)))

    return pool_of


async def post(pool):
    return (await pool.request(HTTPS, "POST", "/", (), b"x")).status


# --- certificates


async def test_a_private_authority_is_refused_without_the_setting(autojump_clock, intake_of, pool_of):
    await intake_of("good")
    with pytest.raises(ConnectFailed, match="certificate verify failed"):
        await post(pool_of())


async def test_it_is_accepted_with_the_setting(autojump_clock, intake_of, pool_of, authority, said):
    await intake_of("good")
    assert await post(pool_of(DD_TLS_CERT_FILE=str(authority.file))) == 202
    assert said == []


@pytest.mark.parametrize("which", ["expired", "of another host"])
async def test_a_certificate_that_does_not_hold_is_refused_with_the_setting_too(autojump_clock, intake_of, pool_of, authority, which):
    await intake_of(which)
    with pytest.raises(ConnectFailed, match={"expired": "expired", "of another host": "not valid for"}[which]):
        await post(pool_of(DD_TLS_CERT_FILE=str(authority.file)))


@pytest.mark.parametrize("which", ["good", "expired", "of another host"])
async def test_whoever_wants_no_validation_gets_none(autojump_clock, intake_of, pool_of, which):
    await intake_of(which)
    assert await post(pool_of(DD_SKIP_SSL_VALIDATION="true", DD_TLS_CERT_FILE="/nowhere")) == 202


async def test_nothing_older_than_tls_1_2_is_spoken(settings_of):
    assert Trust(settings_of(), print)().minimum_version is ssl.TLSVersion.TLSv1_2


async def test_tls_1_2_is_enough(autojump_clock, intake_of, pool_of, authority):
    await intake_of("good", maximum_version=ssl.TLSVersion.TLSv1_2)
    assert await post(pool_of(DD_TLS_CERT_FILE=str(authority.file))) == 202


@pytest.mark.parametrize("kind", ["missing", "empty", "no PEM", "a folder", "unreadable"])
async def test_a_file_without_certificates_costs_one_line_and_nothing_else(settings_of, tmp_path, said, kind, monkeypatch):
    path = tmp_path / "ca.pem"
    if kind == "a folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text({"empty": "", "no PEM": "hello", "unreadable": "x"}[kind])
    if kind == "unreadable":
        path.chmod(0)
    trust = Trust(settings_of(DD_TLS_CERT_FILE=str(path)), lambda *line: said.append(line))
    assert trust() is trust()
    assert trust().verify_mode is ssl.CERT_REQUIRED
    [(level, text)] = said
    assert level == "ERROR"
    assert text.startswith(f"DD_TLS_CERT_FILE is left out, no certificates can be read from {path}: ")


async def test_the_default_authorities_stay_beside_it(settings_of, authority, monkeypatch):
    monkeypatch.setattr(module, "hashed_folder", lambda paths: None)
    default = len(Trust(settings_of(), print)().get_ca_certs())
    assert len(Trust(settings_of(DD_TLS_CERT_FILE=str(authority.file)), print)().get_ca_certs()) == default + 1


async def test_a_file_with_several_certificates_counts_with_all(settings_of, authority, tmp_path, said):
    second = tmp_path / "second"
    second.mkdir()
    path = tmp_path / "both.pem"
    path.write_text(authority.file.read_text() + Authority(second).file.read_text())
    context = Trust(settings_of(DD_TLS_CERT_FILE=str(path)), lambda *line: said.append(line))()
    assert str(context.get_ca_certs()).count("'subject': ((('commonName', 'A private authority'),),)") == 2
    assert said == []


async def test_no_context_is_made_before_the_first_connection_wants_it(autojump_clock, pool_of, monkeypatch, server_of, network):
    monkeypatch.setattr(Trust, "_make", lambda self: pytest.fail("made"))
    await server_of(network, 8080)
    answer = await pool_of().request(Origin("http", "intake", 8080), "POST", "/", (), b"x")
    assert answer.status == 202


# --- where the default ones are


def paths(folder, environment="NO_SUCH_VARIABLE"):
    return ssl.DefaultVerifyPaths(None, folder, environment, "", "NO_SUCH_VARIABLE", "")


def hashed(folder, count):
    for number in range(count):
        (folder / f"{number:08x}.0").touch()
    for name in ("ca.pem", "README", "0123456g.0", "01234567.x", "012345678.0"):
        (folder / name).touch()
    return str(folder)


@pytest.mark.parametrize(("count", "taken"), [(0, False), (module.HASHED_MIN - 1, False), (module.HASHED_MIN, True)])
def test_a_folder_of_hashes_is_preferred_if_it_can_stand_for_the_bundle(tmp_path, count, taken):
    folder = hashed(tmp_path, count)
    assert hashed_folder(paths(folder)) == (folder if taken else None)


@pytest.mark.parametrize("folder", [None, "/no/such/folder"])
def test_without_a_folder_there_is_none(folder):
    assert hashed_folder(paths(folder)) is None


def test_a_file_that_the_environment_names_goes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/my/bundle.pem")
    assert hashed_folder(paths(hashed(tmp_path, 200), "SSL_CERT_FILE")) is None


async def test_without_a_folder_the_bundle_is_loaded(settings_of, monkeypatch):
    monkeypatch.setattr(module, "hashed_folder", lambda paths: None)
    if not ssl.create_default_context().get_ca_certs():
        pytest.skip("this system has no authorities")
    assert Trust(settings_of(), print)().get_ca_certs()


# --- through a proxy


class ProxyServer:
    """A proxy that opens tunnels to a network, or does as its word says."""

    def __init__(self, network, word="200"):
        self.network, self.word, self.heads = network, word, []

    async def run(self, task_status=trio.TASK_STATUS_IGNORED):
        listener = await self.network.listen("0.0.0.0", 3128)
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                nursery.start_soon(self._serve, await listener.accept())

    async def _serve(self, stream):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await stream.receive_some(1_000)
        self.heads.append(head)
        if self.word == "hang":
            await trio.sleep_forever()
        wants = b"\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n"
        status = self.word if self.word != "auth" else "200" if wants.lower() in head.lower() else "407"
        await stream.send_all(f"HTTP/1.1 {status} whatever\r\n\r\n".encode())
        if status != "200":
            return await stream.aclose()
        async with trio.open_nursery() as nursery:
            there = await self.network.connect(HOST, 443)
            nursery.start_soon(self._pass_on, stream, there)
            nursery.start_soon(self._pass_on, there, stream)

    async def _pass_on(self, source, target):
        try:
            while data := await source.receive_some(1_000):
                await target.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass


@pytest.fixture
def proxy_of(network, nursery):
    async def proxy_of(word="200"):
        proxy = ProxyServer(network, word)
        await nursery.start(proxy.run)
        return proxy

    return proxy_of


@pytest.fixture
def proxied_pool(pool_of, authority):
    return lambda **changes: pool_of(DD_TLS_CERT_FILE=str(authority.file), **{"DD_PROXY_HTTPS": "http://proxy:3128", **changes})


async def test_https_goes_through_the_proxys_tunnel(autojump_clock, intake_of, proxy_of, proxied_pool):
    await intake_of("good")
    proxy = await proxy_of()
    assert await post(proxied_pool()) == 202
    [head] = proxy.heads
    assert head.startswith(b"CONNECT intake.example:443 HTTP/1.1\r\n")


async def test_plain_http_never_does(autojump_clock, server_of, network, proxy_of, proxied_pool):
    await server_of(network, 8080)
    proxy = await proxy_of()
    assert (await proxied_pool().request(Origin("http", "intake", 8080), "POST", "/", (), b"x")).status == 202
    assert proxy.heads == []


@pytest.mark.parametrize(("url", "passes"), [("http://user:pass@proxy:3128", True), ("http://proxy:3128", False)])
async def test_a_proxy_that_wants_a_password_gets_the_one_of_its_url(autojump_clock, intake_of, proxy_of, proxied_pool, url, passes):
    await intake_of("good")
    await proxy_of("auth")
    if passes:
        assert await post(proxied_pool(DD_PROXY_HTTPS=url)) == 202
    else:
        with pytest.raises(ConnectFailed, match="407"):
            await post(proxied_pool(DD_PROXY_HTTPS=url))


@pytest.mark.parametrize("word", ["403", "502"])
async def test_a_proxy_that_refuses_costs_a_try(autojump_clock, proxy_of, proxied_pool, word):
    await proxy_of(word)
    with pytest.raises(ConnectFailed, match=word) as raised:
        await post(proxied_pool())
    assert not raised.value.answer_unknown


async def test_a_proxy_that_is_not_there_costs_a_try(autojump_clock, proxied_pool):
    with pytest.raises(ConnectFailed, match="refused"):
        await post(proxied_pool())


async def test_a_proxy_that_hangs_is_left_at_the_bound(autojump_clock, proxy_of, proxied_pool):
    proxy = await proxy_of("hang")
    with trio.move_on_after(1) as scope:
        await post(proxied_pool())
    assert scope.cancelled_caught
    assert len(proxy.heads) == 1


@pytest.mark.parametrize(("around", "direct"), [(HOST, True), (".example", True), ("other.example", False), ("intake.example:8443", False)])
async def test_each_host_goes_around_the_proxy_or_not_by_itself(autojump_clock, intake_of, proxy_of, proxied_pool, around, direct):
    await intake_of("good")
    proxy = await proxy_of()
    assert await post(proxied_pool(DD_PROXY_NO_PROXY=around)) == 202
    assert (proxy.heads == []) == direct


def test_a_password_of_the_proxy_is_not_shown(settings_of):
    proxy = proxies(settings_of(DD_PROXY_HTTPS="http://user:pass@proxy:3128"))(HTTPS)
    assert proxy is not None
    assert "pass" not in repr(proxy)
    assert "dXNlcjpwYXNz" not in repr(proxy)
