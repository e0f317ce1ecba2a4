"""The real extension process in the local platform, with the local intake beside it: what a test sets up, does meanwhile, and finds."""

import gc
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from cli.launch import ROOT, ours
from emulator import records
from emulator.account import Account, LogLine, account_of
from emulator.fake_runtime import Call, FakeRuntime, Step
from emulator.faults import parse_fault
from emulator.intake import Intake
from emulator.misbehaviour import parse_script
from emulator.run import open_sandbox, summary
from emulator.sandbox import Options, Sandbox
from emulator.values import ApiCall, FunctionConfig, Invocation, SandboxRun
from layer.build import NOT_HERE

INTAKE_PORT = 9080
INTAKE = f"http://127.0.0.1:{INTAKE_PORT}"
ENVIRONMENT = {"DD_API_KEY": "0" * 32, "DD_DD_URL": INTAKE, "DD_LOGS_CONFIG_LOGS_DD_URL": INTAKE, "DD_APM_DD_URL": INTAKE}
NEXT_PATH, REGISTER_PATH, TELEMETRY_PATH = "/2020-01-01/extension/event/next", "/2020-01-01/extension/register", "/2022-07-01/telemetry"
WHOLE_S = 60.0  # no case takes longer, whatever else the machine does
START_APART_S = 0.4
OWN_WORD = "said "  # what the function's own lines begin with
GIVE_SOCKET = "import socket as s; made = s.socket(s.AF_INET, s.SOCK_DGRAM); s.send_fds(s.socket(fileno=0), [b'.'], [made.fileno()])"


@attrs.frozen
class Next:
    """One call of `/event/next`, on trio's clock in milliseconds: asked, and answered with `event` (None: with none)."""

    asked_ms: float
    answered_ms: float
    status: int | None
    event: Mapping[str, Any] | None

    @property
    def kind(self) -> str:
        return "" if self.event is None else str(self.event["eventType"])


@attrs.frozen
class Life:
    """One extension process. Times on trio's clock."""

    exit_code: int
    killed: bool
    began_ms: float
    ended_ms: float
    cpu_ms: float


class Scene:
    """A sandbox in which the real extension lives. `sandbox` is there once it plays."""

    def __init__(self, config: FunctionConfig) -> None:
        self.config = config
        self.intake, self.calls = Intake(), list[ApiCall]()
        self.sandbox: Sandbox
        self._datagrams: socket.socket | None = None

    async def play(
        self,
        steps: Sequence[Step] = (Step(),),
        *,
        runtime: FakeRuntime | None = None,
        invocations: Sequence[Invocation] | None = None,
        act: Callable[["Scene"], Awaitable[None]] | None = None,
        faults: Iterable[str] = (),
        tamper: Callable[["Scene", dict[str, Any]], Iterable[dict[str, Any]]] | None = None,
        intake: str = "",
        extension: Sequence[str] | None = None,
        inside: Mapping[int, Callable[[trio.SocketStream], Awaitable[None]]] | None = None,
        freeze: bool = True,
    ) -> "Found":
        """Init, the invocations (as many as steps, or as given, or whatever `act` does), spindown; what was found then.

        The steps are a script's, in place of a runtime; a function whose `runtime` is configured runs by itself. `tamper` makes of each
        record what the platform sends in its place; `faults` are the platform's, `intake` the intake's script.
        """
        self.intake.misbehave(parse_script(intake))
        script = None if self.config.runtime is not None else attrs.evolve(runtime or FakeRuntime(), steps=steps)
        options = Options(fake_runtime=script, freeze=freeze, observer=self.calls.append)
        book = [parse_fault(text) for text in faults]
        served = {INTAKE_PORT: self.intake.serve_connection, **(inside or {})}
        with trio.fail_after(WHOLE_S):
            async with open_sandbox(self.config, extension or ours(), faults=book, options=options, inside=served) as self.sandbox:
                self.intake.mark()
                marked_ms = trio.current_time() * 1000
                if tamper is not None:
                    self._tamper_with(tamper)
                try:
                    await self._act(invocations or [Invocation(b"{}")] * len(steps), act)
                    await self.sandbox.stop()
                finally:
                    if self._datagrams is not None:
                        self._datagrams.close()
                return Found(self, summary(self.sandbox), marked_ms)

    async def _act(self, invocations: Sequence[Invocation], act: Callable[["Scene"], Awaitable[None]] | None) -> None:
        waits = self.config.init_type == "on-demand" and act is None
        self.sandbox.waiting += waits
        await self.sandbox.init()
        self.sandbox.waiting -= waits
        if act is not None:
            await act(self)
            return
        for invocation in invocations:
            await self.sandbox.invoke(invocation)

    def _tamper_with(self, tamper: Callable[["Scene", dict[str, Any]], Iterable[dict[str, Any]]]) -> None:
        emit = self.sandbox.telemetry.emit

        def emit_instead(record: dict[str, Any]) -> None:
            for made in tamper(self, record):
                emit(made)

        self.sandbox.telemetry.emit = emit_instead  # type: ignore[method-assign]

    # What a test, or a step of its runtime, does meanwhile.

    def say(self, line: str | dict[str, Any]) -> None:
        """A line of the function."""
        self.sandbox.telemetry.emit(records.log_line("function", self.sandbox.epoch_ms(), line))

    def measure(self, datagram: str) -> None:
        """A DogStatsD datagram from inside the sandbox."""
        if self._datagrams is None:
            self._datagrams = socket_inside(self.sandbox)
        self._datagrams.sendto(datagram.encode(), ("127.0.0.1", 8125))

    async def count(self, call: Call) -> None:
        """A step's `during`: the function counts one order, with its request id for a tag."""
        self.measure(f"orders:1|c|#request:{call.request_id}")

    async def post_telemetry(self, body: bytes, port: int = 8999) -> bytes:
        """A batch as the platform sends one; its answer."""
        head = f"POST / HTTP/1.1\r\nHost: sandbox:{port}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        async with await self.sandbox.isolation.connect(port) as stream:
            await stream.send_all(head.encode() + body)
            return b"".join([bytes(data) async for data in stream])

    @property
    def extension(self) -> Any:
        """The process that runs now."""
        return self.sandbox.starting.processes.living("extension")[-1]


def socket_inside(sandbox: Sandbox) -> socket.socket:
    """A datagram socket of the sandbox's network: made by a child that joins it, and handed out."""
    here, there = socket.socketpair()
    with here, there:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", GIVE_SOCKET], stdin=there.fileno(), check=True, preexec_fn=sandbox.isolation.enter("/")
        )
        _, descriptors, _, _ = socket.recv_fds(here, 1, 1)
    return socket.socket(fileno=descriptors[0])


class Found:
    """What a scene showed: from the platform's side, from the intake's, and from the extension's own lines."""

    def __init__(self, scene: Scene, run: SandboxRun, marked_ms: float) -> None:
        self.run, self.results, self.calls, self.intake, self.config = run, run.results, scene.calls, scene.intake, scene.config
        self.account: Account = account_of(
            scene.intake.documents(), [text for each in scene.intake.arrivals() for text in each.decoded.problems]
        )
        self._marked_ms = marked_ms
        processes = [each for each in scene.sandbox.starting.processes.all if each.command.role == "extension"]
        self.lives = [
            Life(
                each.report.exit_code,
                each.report.killed_by_platform,
                each.spawned_ms,
                each.spawned_ms + each.report.lifetime_ms,
                each.report.cpu_user_ms + each.report.cpu_system_ms,
            )
            for each in processes
            if each.report is not None
        ]

    # From the platform's side.

    @property
    def nexts(self) -> list[Next]:
        calls = [call for call in self.calls if call.path == NEXT_PATH]
        return [Next(call.at_ms, call.answered_ms, call.status, json.loads(call.answer) if call.status == 200 else None) for call in calls]

    def calls_to(self, path: str) -> list[ApiCall]:
        return [call for call in self.calls if call.path == path]

    @property
    def waits_ms(self) -> list[float]:
        """How long each invocation waited for the extension once the function was over."""
        return [result.post_runtime_ms for result in self.results]

    @property
    def statuses(self) -> list[str]:
        return [result.status for result in self.results]

    @property
    def last_stretches_ms(self) -> list[float]:
        """Of each life that saw a SHUTDOWN: from that event to the end of the process."""
        answered = [each.answered_ms for each in self.nexts if each.kind == "SHUTDOWN"]
        return [min(life.ended_ms for life in self.lives if life.ended_ms >= at) - at for at in answered]

    # From the intake's side.

    @property
    def said(self) -> dict[str | None, Counter[str]]:
        """The function's own lines as they arrived, by request id."""
        found: dict[str | None, Counter[str]] = {}
        for line in self.account.logs:
            if line.message.startswith(OWN_WORD):
                found.setdefault(line.request_id, Counter())[line.message] += 1
        return found

    @property
    def orders(self) -> dict[str, float]:
        """The orders that were counted, by request id."""
        found: dict[str, float] = {}
        for metric in self.account.metrics:
            if metric.name == "orders":
                request_id = next(tag.partition(":")[2] for tag in metric.tags if tag.startswith("request:"))
                found[request_id] = found.get(request_id, 0) + metric.value
        return found

    def counted(self, name: str, *tags: str) -> int:
        """How many points of an enhanced metric arrived with these tags."""
        wanted = [each for each in self.account.metrics if each.name == f"aws.lambda.enhanced.{name}" and set(tags) <= set(each.tags)]
        return sum(each.count for each in wanted)

    def lines(self, start: str) -> list[LogLine]:
        return [line for line in self.account.logs if line.message.startswith(start)]

    def arrival_ms(self, text: str) -> float:
        """When the first request that holds this text arrived, on trio's clock."""
        return min(each.at_ms for each in self.intake.arrivals() if text in json.dumps(each.decoded.document)) + self._marked_ms

    # From the extension's own lines.

    def own(self, level: str) -> list[str]:
        """What the extension said at this level."""
        start = f'{{"status":"{level}","message":"DD_EXTENSION | {level} | '
        return [line.removeprefix(start).removesuffix('"}') for line in self.run.extension_output if line.startswith(start)]

    @property
    def story(self) -> str:
        """What passed on all wires in the order of time, and what the extension said: for a failure that does not come twice."""
        found = [
            *(
                (call.at_ms, f"{call.kind} {call.path} {call.status}, answered {call.answered_ms:.0f}: {call.body[:2_000]!r}")
                for call in self.calls
            ),
            *(
                (each.at_ms + self._marked_ms, f"intake {each.path} {each.answer}: {json.dumps(each.decoded.document)[:4_000]}")
                for each in self.intake.arrivals()
            ),
        ]
        told = [f"{at_ms:.0f} {text}" for at_ms, text in sorted(found)]
        return "\n".join([*told, *self.run.extension_output])

    # What holds nearly always.

    def check_delivered(
        self, lines: Mapping[str | None, Sequence[str]], orders: Mapping[str, float] | None = None, *, perhaps_twice: Sequence[str] = ()
    ) -> None:
        """The function's lines, each once under its own request id, and its counts; nothing else of the kind.

        `perhaps_twice`: invocations whose last flush had a tenth of a second, which a busy machine may need for the intake's answer alone.
        What is not confirmed then is rightly sent again.
        """
        said, counts = dict(self.said), dict(self.orders)
        for request_id in perhaps_twice:
            said[request_id] = Counter(dict.fromkeys(said.get(request_id, ()), 1))
            counts |= {request_id: 1.0} if counts.get(request_id) == 2.0 else {}
        assert said == {request_id: Counter(texts) for request_id, texts in lines.items() if texts}, self.story
        assert counts == ({} if orders is None else orders)
        assert self.account.problems == ()

    def check_orderly(self, *, lives: int = 1, within_ms: float = 1_900.0, errors: Sequence[str] = ()) -> None:
        """Every process ended by itself with 0, inside the deadline less the reserve, and said no errors but those beginning like these."""
        assert [(life.exit_code, life.killed) for life in self.lives] == [(0, False)] * lives, self.run.extension_output
        assert len(self.last_stretches_ms) == lives
        assert max(self.last_stretches_ms) < within_ms
        said = self.own("ERROR")
        assert len(said) == len(errors), said
        assert all(text.startswith(start) for text, start in zip(sorted(said), sorted(errors), strict=True)), said
        assert [note for note in self.run.notes if "emulator:" in note or "never had its occasion" in note] == []


@pytest.fixture(autouse=True, scope="module")
def _short_collections() -> None:
    """What thousands of tests have left behind is not looked through again in the middle of a scene: that takes a second, and an intake
    which answers a second late has its payload sent twice, rightly."""
    gc.collect()
    gc.freeze()


def make_scene(task_root: Path, environment: Mapping[str, str] | None = None, **changes: Any) -> Scene:
    """A scene for a function; keywords are FunctionConfig's, `environment` is added to what points at the intake."""
    given = {"handler": "app.handler", "task_root": task_root, **changes}
    return Scene(FunctionConfig(**given, environment={**ENVIRONMENT, **(environment or {})}))


@pytest.fixture
def scene_of(tmp_path: Path) -> Callable[..., Scene]:
    """Makes scenes for functions in a folder of the test's own."""
    return partial(make_scene, tmp_path)


@pytest.fixture(scope="session")
def scene_in() -> Callable[..., Scene]:
    """Makes scenes for functions in a folder that is given."""
    return make_scene


@pytest.fixture
def at_once() -> Callable[..., Awaitable[None]]:
    """Several scenes side by side: most of their time is waiting. They begin one after the other, as each start wants the processor."""

    async def at_once(*jobs: Callable[[], Awaitable[Any]]) -> None:
        async with trio.open_nursery() as nursery:
            for job in jobs:
                nursery.start_soon(job)
                await trio.sleep(START_APART_S)

    return at_once


@pytest.fixture
def found_of() -> Callable[[Scene, SandboxRun], Found]:
    """What a sandbox showed that a test has played by itself; marked times are trio's."""
    return lambda scene, run: Found(scene, run, 0.0)


# --- https


@pytest.fixture(scope="session")
def layer_of() -> Callable[[str], Path]:
    """The folder that is /opt, by architecture; built where it is not there, or not of these sources."""

    def built(architecture: str) -> Path:
        if os.geteuid() != 0:
            pytest.skip("only root may change the root file system")
        build = [sys.executable, "-m", "layer.build", architecture, "if-new"]
        done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == NOT_HERE:
            pytest.skip(f"the layer cannot be built here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        return ROOT / "build" / f"layer-{architecture}"

    return built


@pytest.fixture(scope="module")
def roots(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where a file's tests lay out roots: not below /tmp, which a sandbox has its own of."""
    folder = ROOT / "build" / "roots" / Path(request.module.__file__).stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """(certificate, key) of a server that nobody trusts."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("certificate")
    made = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run([*command, "-subj", "/CN=anyone", "-out", made[0], "-keyout", made[1]], check=True, capture_output=True)
    return made


@pytest.fixture
def front_of(certificate: tuple[str, str]) -> Callable[[Intake], Callable[[trio.SocketStream], Awaitable[None]]]:
    """A proxy in front of every https intake: it opens each tunnel to the one intake that there is."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    def front_of(intake: Intake) -> Callable[[trio.SocketStream], Awaitable[None]]:
        async def serve(stream: trio.SocketStream) -> None:
            head = b""
            while b"\r\n\r\n" not in head:
                head += bytes(await stream.receive_some(1_024))
            await stream.send_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await intake.serve_connection(trio.SSLStream(stream, context, server_side=True, https_compatible=True))

        return serve

    return front_of
