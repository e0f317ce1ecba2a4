"""Real functions with real libraries, from the ordinary registries, beside the real extension: how they are made, and how they run.

What takes long to install or to build is made once and kept in the user's cache folder, under a name that says all versions in it.
Without the tools, or without a registry, there is nothing to test.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from emulator.values import Invocation

FUNCTIONS = Path(__file__).with_name("functions")
PAYLOADS = Path(__file__).parents[3] / "fixtures" / "trigger_events"
INSTALL_S = 900
LIBRARY_ENVIRONMENT = {
    "DD_SERVERLESS_FLUSH_STRATEGY": "end",
    "DD_SERVICE": "orders",
    "DD_ENV": "lab",
    "DD_VERSION": "7",
    "DD_TRACE_ENABLED": "true",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
}

Span = dict[str, Any]
Make = Callable[[Path], None]


# --- what is installed


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lambda-reactor" / "clients"


def made_once(name: str, made_of: Iterable[str], make: Make) -> Path:
    """The folder that `make` fills: once for each of what it is `made_of`, by one process at a time. A half one is made anew."""
    folder = cache() / f"{name}-{sha256('|'.join(made_of).encode()).hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / ".made").touch()
    return folder


def tools(*names: str) -> None:
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def install(*command: str, cwd: Path) -> None:
    """Whatever needs a registry."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]} cannot install: {(done.stderr + done.stdout)[-500:]}")


def build(*command: str, cwd: Path) -> None:
    """Whatever needs none: that it fails is an error."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def python_with(*packages: str) -> Path:
    """The interpreter of an environment with these packages and what they need."""

    def make(folder: Path) -> None:
        build(sys.executable, "-m", "venv", str(folder), cwd=folder)
        install(str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *packages, cwd=folder)

    return made_once("python", [sys.version, *packages], make) / "bin" / "python"


def copy(folder: Path, *names: str) -> list[str]:
    """Put sources of functions there; their texts."""
    return [Path(shutil.copy(FUNCTIONS / name, folder)).read_text() for name in names]


# --- the functions

PYTHON_PACKAGES = ("datadog-lambda==8.130.0", "ddtrace==4.16.0", "awslambdaric==4.2.2")
NODE_PACKAGES = ("datadog-lambda-js@12.143.0", "dd-trace@5.132.0", "aws-lambda-ric@4.0.2")
JAVA_CLIENT = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"


@attrs.frozen
class Function:
    """A function in its folder: its runtime's command, the variables without which it is not traced, what else is its own."""

    folder: Path
    command: Sequence[str]
    environment: Mapping[str, str]
    about: Mapping[str, Any]


def python(folder: Path) -> Function:
    """`datadog-lambda` around a handler, under Lambda's own runtime client."""
    environment = python_with(*PYTHON_PACKAGES).parent.parent  # named as a whole: what a command names is visible in the sandbox
    copy(folder, "app.py")
    command = ("/bin/sh", "-c", 'exec "$0/bin/python" -m awslambdaric datadog_lambda.handler.handler', str(environment))
    return Function(folder, command, {"DD_LAMBDA_HANDLER": "app.handler"}, {})


def node(folder: Path) -> Function:
    """`datadog-lambda-js` around a handler, under Lambda's own runtime client."""
    tools("node", "npm")

    def make(folder: Path) -> None:
        install("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *NODE_PACKAGES, cwd=folder)

    modules = made_once("node", NODE_PACKAGES, make) / "node_modules"
    copy(folder, "app.js", "native.cjs")
    (folder / "node_modules").symlink_to(modules)
    # The last argument is for the sandbox alone: what a command names is visible in it.
    command = ("node", "--require", "/var/task/native.cjs", "/var/task/node_modules/aws-lambda-ric/index.mjs", str(modules))
    about = {
        "handler": "node_modules/datadog-lambda-js/dist/handler.handler",
        "execution_env": "AWS_Lambda_nodejs20.x",
        "runtime_version": "nodejs:20.v1",
    }
    return Function(folder, command, {"DD_LAMBDA_HANDLER": "app.handler"}, about)


def java(folder: Path) -> Function:
    """dd-java-agent under Lambda's own runtime client."""
    tools("mvn", "java", "javac")
    sources = copy(folder, "App.java", "pom.xml")

    def make(folder: Path) -> None:
        copy(folder, "App.java", "pom.xml")
        install("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", cwd=folder)
        build("javac", "-cp", "lib/*", "-d", "classes", "App.java", cwd=folder)

    made = made_once("java", sources, make)
    [agent] = (made / "lib").glob("dd-java-agent-*.jar")
    jars = [str(jar) for jar in (made / "lib").glob("*.jar") if jar != agent]
    command = ("java", f"-javaagent:{agent}", "-XX:TieredStopAtLevel=1", "-cp", ":".join([*jars, str(made / "classes")]), JAVA_CLIENT)
    about = {"handler": "app.App", "execution_env": "AWS_Lambda_java17", "runtime_version": "java:17.v1"}
    return Function(folder, (*command, "app.App"), {"DD_TRACE_METHODS": "app.App[order,query]"}, about)


def go(folder: Path) -> Function:
    """`datadog-lambda-go` over dd-trace-go."""
    tools("go")
    sources = copy(folder, "main.go", "go.mod")

    def make(folder: Path) -> None:
        copy(folder, "main.go", "go.mod")
        install("go", "mod", "tidy", cwd=folder)
        build("go", "build", "-o", "bootstrap", ".", cwd=folder)

    made = made_once("go", sources, make)
    about = {"handler": "bootstrap", "execution_env": "AWS_Lambda_go", "runtime_version": "provided:al2023.v1"}
    return Function(folder, (str(made / "bootstrap"),), {"DD_LOGGING_RATE": "0"}, about)


# --- what arrived


@attrs.frozen
class Spans:
    """Every span that arrived, as the intake reads it: values of 0 and empty ones are not there."""

    all: Sequence[Span]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.all if span["name"] == name]

    def only(self, name: str) -> Span:
        [span] = self.named(name)
        return span

    @property
    def names(self) -> dict[str, int]:
        return dict(Counter(span["name"] for span in self.all))

    def of_requests(self, ids: Iterable[str]) -> list[Span]:
        """The span `aws.lambda` of each of these requests, which must have one, and there must be no other."""
        ids = list(ids)
        found = self.named("aws.lambda")
        assert sorted(span["meta"].get("request_id", "") for span in found) == sorted(ids), self.names
        return sorted(found, key=lambda span: ids.index(span["meta"]["request_id"]))

    def roots_of(self, trace_id: int) -> list[Span]:
        """The spans of a trace whose parent did not arrive, or that have none."""
        spans = [span for span in self.all if span["trace_id"] == trace_id]
        known = {span["span_id"] for span in spans}
        return [span for span in spans if span.get("parent_id", 0) not in known]

    def children_of(self, parent: Span) -> list[str]:
        """The names, sorted, of the spans right under it."""
        spans = [span for span in self.all if span["trace_id"] == parent["trace_id"]]
        return sorted(span["name"] for span in spans if span.get("parent_id") == parent["span_id"])


def spans_of(found: Any) -> Spans:
    """Each once, and all of a shape that the intake takes. (Lines and counts may rightly come twice.)"""
    assert found.account.problems == ()
    assert [text for text in found.account.duplicates if text.startswith("span ")] == []
    documents = [each["document"] for each in found.intake.documents() if each["out"] == "traces"]
    payloads = [payload for document in documents for payload in document["tracer_payloads"]]
    return Spans([span for payload in payloads for chunk in payload["chunks"] for span in chunk["spans"]])


def groups_of(found: Any) -> Counter[str]:
    """How many hits of statistics arrived under each span name."""
    hits: Counter[str] = Counter()
    for document in (each["document"] for each in found.intake.documents() if each["out"] == "stats"):
        groups = [group for payload in document["Stats"] for bucket in payload["Stats"] for group in bucket["Stats"]]
        for group in groups:
            hits[group["Name"]] += group["Hits"]
    return hits


def values_of(found: Any, name: str) -> tuple[int, float, float | None, float | None]:
    """(how many, their sum, least, greatest) of a distribution."""
    metrics = [each for each in found.account.metrics if each.name == name]
    assert {each.kind for each in metrics} == {"sketch"}
    [metric] = metrics
    return metric.count, metric.value, metric.min, metric.max


# --- what is invoked

TRACE_ID, PARENT_ID = 2684756524522091840, 7431398482019833808  # of the queue's message
X_RAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / name).read_text())


def http_event() -> Any:
    """Without a context of its own."""
    event = payload("api_gateway_http_event.json")
    event["headers"] = {name: value for name, value in event["headers"].items() if not name.lower().startswith("x-datadog")}
    return event


def queue_event() -> Any:
    event = payload("sqs_event.json")
    carrier = {"x-datadog-trace-id": str(TRACE_ID), "x-datadog-parent-id": str(PARENT_ID), "x-datadog-sampling-priority": "1"}
    event["Records"][0]["messageAttributes"]["_datadog"]["stringValue"] = json.dumps(carrier)
    return event


def invocations() -> list[Invocation]:
    """A cold one through an HTTP API, one from a queue whose message has a context, a plain one, and one that fails."""
    return [Invocation(json.dumps(event).encode(), trace_id=X_RAY) for event in (http_event(), queue_event(), {}, {"fail": True})]


class Clients:
    """The functions above, as tests reach them, and `run`."""

    python_with = staticmethod(python_with)
    spans_of, groups_of, values_of = map(staticmethod, (spans_of, groups_of, values_of))
    python, node, java, go = map(staticmethod, (python, node, java, go))
    trace_id, parent_id = TRACE_ID, PARENT_ID

    def __init__(self, scene_in: Callable[..., Any]) -> None:
        self._scene_in = scene_in

    def run(
        self,
        function: Function,
        environment: Mapping[str, str] | None = None,
        invoked: Sequence[Invocation] | None = None,
        **changes: Any,
    ) -> Any:
        """The function through all invocations; what was found. Outside of any test."""
        variables = {**LIBRARY_ENVIRONMENT, **function.environment, **(environment or {})}
        given = {"memory_mb": 1_024, "timeout_ms": 20_000, "runtime": tuple(function.command), **function.about, **changes}
        scene = self._scene_in(function.folder, variables, **given)
        return trio.run(partial(scene.play, invocations=invoked or invocations()))


@pytest.fixture(scope="session")
def clients(scene_in: Callable[..., Any]) -> Clients:
    return Clients(scene_in)


# --- Datadog's test agent

TEST_AGENT = "ddapm-test-agent==1.69.1"
TEST_AGENT_START_S = 30


@pytest.fixture(scope="session")
def test_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a test agent that runs."""
    command = python_with(TEST_AGENT).parent / "ddapm-test-agent"
    port, *others = free_ports(3)
    log = tmp_path_factory.mktemp("agent") / "log"
    ports = [f"--{name}-port={number}" for name, number in zip(("otlp-http", "otlp-grpc"), others, strict=True)]
    with log.open("w") as out:
        process = subprocess.Popen([str(command), f"--port={port}", *ports], cwd=log.parent, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def free_ports(count: int) -> list[int]:
    """They may be taken by somebody else meanwhile, which would show."""
    with ExitStack() as stack:
        socks = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in socks]


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(TEST_AGENT_START_S * 10):
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{url}/info", timeout=10).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())
