"""Another version of the layer put in the place of the one that runs: what runs goes on as the old one, and the next start is the new one.

What was loaded before serves as ever. What would be loaded later, and is not there any more, costs itself: it is said in one line and
counted, and the function never notices. Nothing is ever loaded from the other version, as each lies in a folder of its own name.
"""

import os
import platform
import shutil
import stat
import subprocess
import zipfile
from pathlib import Path

import msgpack
import pytest
import trio

from emulator.fake_runtime import Step
from emulator.values import Invocation
from emulator.wire import serve_stream
from layer.pack import make_zip
from protocols.http_client import ClientConnection
from protocols.http_server import Response
from reactor.process import WARM_UP_PAUSE_S

pytestmark = [pytest.mark.peers, pytest.mark.long]

PROJECT = Path(__file__).parent.parent.parent
BUILD = PROJECT / "build"
HERE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
AGENT = "/opt/extensions/datadog-agent"
NEW_BUILD = b"5eccead0"  # eight digits, as of every build
INTAKE_PORT, PROXY_PORT, AWS_PORT = 9080, 9082, 9090
CANNOT_LOAD = "a part of the extension cannot be loaded"
# Run within mounts of its own: /opt is a folder of the root like any other, and may be moved. /tmp is the sandbox's.
ENTER = """
set -e
root=$1
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind /tmp "$root/tmp"
exec /usr/sbin/chroot "$root" "$2"
"""
SPAN = {
    "service": "orders", "name": "shop.order", "resource": "GET /orders", "type": "web", "trace_id": 7, "span_id": 8, "parent_id": 0,
    "start": 1_795_442_420_000_000_000, "duration": 1_000_000, "error": 0, "meta": {}, "metrics": {"_sampling_priority_v1": 1},
}  # fmt: skip


# --- two versions, and a sandbox that has one of them


@pytest.fixture(scope="module")
def old(layer_of):
    """The folder that is /opt, as it was built."""
    return layer_of(HERE)


@pytest.fixture(scope="module")
def new(old, roots):
    """The same of another build: its folder has another name, which its machine code knows; and its zip beside it."""
    made, name = roots / "new", build_of(old)
    shutil.copytree(old, made)
    other = f"{name.rpartition('-')[0]}-{NEW_BUILD.decode()}"
    (made / "lambda-reactor" / name).rename(made / "lambda-reactor" / other)
    for file in made.rglob("*"):
        if file.is_file() and name.encode() in (data := file.read_bytes()):
            file.write_bytes(data.replace(name.encode(), other.encode()))
    make_zip(made, made.with_suffix(".zip"))
    return made


def build_of(layer):
    [inside] = (layer / "lambda-reactor").iterdir()
    return inside.name


def write_over(folder, archive, stop=None):
    """Each file is emptied and written, as `cp` does it; the first so many of them."""
    for entry in archive.infolist()[:stop]:
        Path(archive.extract(entry, folder)).chmod(entry.external_attr >> 16 & 0o777)


class Place:
    """A root with a layer at /opt, which can be exchanged."""

    def __init__(self, root, old, new):
        self.root, self.opt, self.old, self.new = root, root / "opt", old, new
        for name in ("proc", "dev", "tmp", "etc"):
            (root / name).mkdir(parents=True)
        (root / "etc" / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (root / "etc" / "nsswitch.conf").write_text("hosts: files\n")
        (root / "etc" / "hosts").write_text("127.0.0.1 intake.test\n")
        shutil.copytree(old, self.opt)
        self._script = root.with_suffix(".sh")
        self._script.write_text(f"#!/bin/sh\nexec unshare -m /bin/sh -c '{ENTER}' enter {root} {AGENT}\n")
        self._script.chmod(self._script.stat().st_mode | stat.S_IXUSR)

    @property
    def command(self):
        """Of an extension that lives here."""
        return ("/bin/sh", str(self._script), str(self.root))

    # The ways in which the files are exchanged.

    def moved_away(self):
        """The old folder lives on under another name."""
        self.opt.rename(self.root / "opt-before")
        shutil.copytree(self.new, self.opt)

    def replaced(self):
        self.moved_away()
        shutil.rmtree(self.root / "opt-before")

    def removed(self):
        shutil.rmtree(self.opt)
        self.opt.mkdir()

    def unzipped_over(self):
        subprocess.run(["unzip", "-o", "-q", self.new.with_suffix(".zip"), "-d", self.opt], check=True)

    def written_over(self):
        """Every file that is there is emptied and written again, as `cp` and `zipfile` do it."""
        with zipfile.ZipFile(self.new.with_suffix(".zip")) as archive:
            write_over(self.opt, archive)


GONE = ["moved_away", "replaced", "removed"]
BOTH_THERE = ["unzipped_over", "written_over"]


@pytest.fixture
def place(roots, old, new, request):
    name = "".join(sign if sign.isalnum() else "-" for sign in request.node.name)
    made = Place(roots / name[-60:], old, new)
    yield made
    shutil.rmtree(made.root)


def running(scene):
    """The interpreter's path as the kernel knows it: which version runs. "" where none does."""
    living = scene.sandbox.starting.processes.living("extension")
    return os.readlink(f"/proc/{living[-1].pid}/exe") if living else ""


class Life:
    """One sandbox: an invocation, the exchange, and two invocations more, the first of which does `use`."""

    def __init__(self, scene, place, way, use=None, before=None, early=False):
        """`early`: the exchange comes before the first invocation, as soon as all that serves is loaded."""
        self.scene, self.place, self.way, self.early = scene, place, way, early
        self._use = {0: before, 1: use}
        self.ran, self.pause_s = [], 0.0

    def _step(self, number):
        async def during(call):
            await self.scene.count(call)
            if (use := self._use.get(number)) is not None:
                await use(call)

        return Step(lines=(f"said {number}",), during=during, duration_ms=100.0)

    async def _act(self, scene):
        if self.early:
            assert (await scene.post_telemetry(b"[]")).startswith(b"HTTP/1.1 200 ")
            await trio.sleep(self.pause_s)
        else:
            await self._invoke(scene)
        self.ran.append(running(scene))
        getattr(self.place, self.way)()
        for _ in range(2 + self.early):
            await self._invoke(scene)
        self.ran.append(running(scene))

    async def _invoke(self, scene):
        await scene.sandbox.invoke(Invocation(b'{"a":1}', pause_before_ms=300))

    async def play(self, **more):
        steps = [self._step(number) for number in range(3)]
        found = await self.scene.play(steps, act=self._act, extension=self.place.command, freeze=not self.early, **more)
        assert found.statuses == ["success"] * 3, found.run.extension_output
        assert not any("Traceback" in line for line in found.run.extension_output)
        assert all(build_of(self.place.old) in path for path in self.ran), self.ran
        return found


def check_all_arrived(found):
    ids = [result.request_id for result in found.results]
    found.check_delivered({key: [f"said {number}"] for number, key in enumerate(ids)}, dict.fromkeys(ids, 1.0))


async def check_next_start(scene_of, place):
    """It is the new version, and works."""
    scene, ran = scene_of({}, timeout_ms=10_000), []

    async def during(call):
        await scene.count(call)
        ran.append(running(scene))

    found = await scene.play([Step(lines=("said new",), during=during)], extension=place.command)
    [result] = found.results
    found.check_delivered({result.request_id: ["said new"]}, {result.request_id: 1.0})
    found.check_orderly()
    assert NEW_BUILD.decode() in ran[0]


async def ask(call, port, method, target, body=b"", headers=()):
    """One request from inside the sandbox: its answer."""
    http = ClientConnection()
    async with await call.connect(port) as stream:
        await stream.send_all(http.send(method, target, ((b"Host", b"127.0.0.1"), *headers), body))
        answer = None
        while answer is None:
            answer = http.receive(bytes(await stream.receive_some(65_536)))
    return answer


class Library:
    """Sends a trace to port 8126, and calls port 8124, as real libraries do; keeps what it was answered."""

    def __init__(self):
        self.traces, self.calls = [], []

    async def trace(self, call):
        span = SPAN | {"trace_id": len(self.traces) + 7, "meta": {"request_id": call.request_id}}
        sent = (b"Content-Type", b"application/msgpack"), (b"X-Datadog-Trace-Count", b"1")
        answer = await ask(call, 8126, "PUT", "/v0.4/traces", msgpack.packb([[span]]), sent)
        self.traces.append(answer.status)

    async def call(self, call):
        named = ((b"Lambda-Runtime-Aws-Request-Id", call.request_id.encode()),)
        for path in ("/lambda/start-invocation", "/lambda/end-invocation"):
            self.calls.append((await ask(call, 8124, "POST", path, b"{}", named)).status)


# --- what goes on


@pytest.mark.parametrize("way", [*GONE, *BOTH_THERE])
async def test_what_runs_goes_on_as_it_was_and_the_next_start_is_the_new_version(scene_of, place, way):
    if way == "unzipped_over" and shutil.which("unzip") is None:
        pytest.skip("there is no unzip")
    found = await Life(scene_of({}, timeout_ms=10_000), place, way).play()
    check_all_arrived(found)
    found.check_orderly()
    if way != "removed":
        await check_next_start(scene_of, place)


@pytest.mark.parametrize("way", GONE)
async def test_nothing_is_lost_where_the_files_vanish_before_the_first_event(scene_of, place, way):
    """Compression, and all that the first flush needs, is loaded before it or done without."""
    found = await Life(scene_of({}, timeout_ms=10_000), place, way, early=True).play()
    check_all_arrived(found)
    found.check_orderly()


@pytest.mark.parametrize("way", GONE)
async def test_a_name_is_looked_up_where_the_files_are_gone(scene_of, place, way):
    """Nothing is loaded for that: neither by us nor by the C library."""
    named = dict.fromkeys(("DD_DD_URL", "DD_LOGS_CONFIG_LOGS_DD_URL", "DD_APM_DD_URL"), f"http://intake.test:{INTAKE_PORT}")
    found = await Life(scene_of(named, timeout_ms=10_000), place, way, early=True).play()
    check_all_arrived(found)
    found.check_orderly()


@pytest.mark.parametrize("way", GONE)
async def test_the_first_flush_over_tls_needs_no_file(scene_of, place, way, front_of):
    """What it needs has been loaded a moment after the start; each connection is made anew."""
    through = {"DD_DD_URL": "", "DD_LOGS_CONFIG_LOGS_DD_URL": "", "DD_APM_DD_URL": "", "DD_SKIP_SSL_VALIDATION": "true"}
    scene = scene_of({**through, "DD_PROXY_HTTPS": f"http://127.0.0.1:{PROXY_PORT}"}, timeout_ms=10_000)
    life = Life(scene, place, way, early=True)
    life.pause_s = 3 * WARM_UP_PAUSE_S
    found = await life.play(inside={PROXY_PORT: front_of(scene.intake)})
    check_all_arrived(found)
    found.check_orderly()


@pytest.mark.parametrize("way", [*GONE, "written_over"])
async def test_a_tracer_that_was_served_before_is_served_on(scene_of, place, way):
    """Everything that its requests need until the end of the sandbox has come with the first of them."""
    library = Library()

    async def all_of_it(call):
        await library.call(call)
        await library.trace(call)

    found = await Life(scene_of({}, timeout_ms=10_000), place, way, use=all_of_it, before=all_of_it).play()
    assert (library.traces, library.calls) == ([200, 200], [200] * 4)
    assert sorted(span.trace_id for span in found.account.spans if span.name == "shop.order") == [7, 8]
    check_all_arrived(found)
    found.check_orderly()


# --- what cannot be loaded any more


@pytest.mark.parametrize("way", GONE)
async def test_a_first_trace_that_nothing_can_be_loaded_for_is_refused_and_counted(scene_of, place, way):
    library = Library()

    async def twice(call):
        await library.trace(call)
        await library.trace(call)

    found = await Life(scene_of({}, timeout_ms=10_000), place, way, use=twice).play()
    assert library.traces == [503, 503]
    assert found.account.spans == ()
    check_all_arrived(found)
    found.check_orderly(errors=[CANNOT_LOAD])
    assert any("2 request: cannot be loaded" in line for line in found.own("WARN"))


@pytest.mark.parametrize("way", GONE)
async def test_a_first_call_that_nothing_can_be_loaded_for_is_answered_and_counted(scene_of, place, way):
    library = Library()
    found = await Life(scene_of({}, timeout_ms=10_000), place, way, use=library.call).play()
    assert library.calls == [200, 200]
    check_all_arrived(found)
    found.check_orderly(errors=[CANNOT_LOAD])
    assert any("2 call of a library: cannot be loaded" in line for line in found.own("WARN"))


@pytest.mark.parametrize("way", GONE)
async def test_a_key_that_nothing_can_be_loaded_for_costs_the_telemetry_and_says_so(scene_of, place, way):
    async def nobody(stream):
        await serve_stream(stream, lambda request, arrival: Response(500))

    environment = {"DD_API_KEY": "", "DD_API_KEY_SECRET_ARN": "dd-key", "AWS_ENDPOINT_URL_SECRETS_MANAGER": f"http://127.0.0.1:{AWS_PORT}"}
    found = await Life(scene_of(environment, timeout_ms=10_000), place, way, early=True).play(inside={AWS_PORT: nobody})
    assert found.intake.arrivals() == ()
    found.check_orderly(errors=["no API key, so telemetry waits: DD_API_KEY_SECRET_ARN gave no API key: cannot be asked"])
    assert any("lost or refused" in line for line in found.own("WARN"))


# --- half of a version


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
async def test_while_another_version_is_still_being_unzipped_the_one_before_starts(scene_of, place, share):
    """What Lambda starts is the last of the zip."""
    with zipfile.ZipFile(place.new.with_suffix(".zip")) as archive:
        names = archive.namelist()
        write_over(place.opt, archive, round(share * len(names)))
    assert names[-1] == "extensions/datadog-agent"
    found = await Life(scene_of({}, timeout_ms=10_000), place, "unzipped_over").play()
    check_all_arrived(found)
    found.check_orderly()
    await check_next_start(scene_of, place)


# --- the same build again


async def test_the_same_build_unzipped_over_itself_changes_nothing(scene_of, place):
    """`unzip` makes new files; what is loaded later is read from them."""
    if shutil.which("unzip") is None:
        pytest.skip("there is no unzip")
    make_zip(place.old, place.root / "again.zip")
    place.again = lambda: subprocess.run(["unzip", "-o", "-q", place.root / "again.zip", "-d", place.opt], check=True)
    library = Library()
    found = await Life(scene_of({}, timeout_ms=10_000), place, "again", use=library.trace).play()
    assert library.traces == [200]
    check_all_arrived(found)
    found.check_orderly()


async def test_the_same_build_cannot_be_written_into_itself_while_it_runs(scene_of, place):
    """What empties files would end whoever has mapped them: the interpreter, which runs, comes before all of these and refuses."""
    make_zip(place.old, place.root / "again.zip")
    refused = []

    def again():
        with zipfile.ZipFile(place.root / "again.zip") as archive:
            try:
                write_over(place.opt, archive)
            except OSError as error:
                refused.append(error.strerror)

    place.again, library = again, Library()
    found = await Life(scene_of({}, timeout_ms=10_000), place, "again", use=library.trace).play()
    assert refused == ["Text file busy"]
    assert library.traces == [200]
    check_all_arrived(found)
    found.check_orderly()
