"""The tracers of other languages, as their registries have them, against the real process: spans arrive, and no warning is said."""

import json
import os
import shutil
import subprocess
from collections import Counter

import attrs
import pytest
import trio

from emulator.fake_runtime import Step

pytestmark = [pytest.mark.peers, pytest.mark.long]

END = {"DD_SERVERLESS_FLUSH_STRATEGY": "end"}
TASK_ROOT = "/var/task"
INSTALL_S, RUN_S = 240, 30.0
TRACES = 5
JAVA_VERSION = "1.68.1"
NAMES = {"shop.order": TRACES, "shop.query": TRACES}

NODE = """
const seen = []
const note = text => seen.push(String(text))
const logger = { debug () {}, info () {}, warn: note, error: note }
const tracer = require('dd-trace').init({ startupLogs: false, flushInterval: 100, logger, debug: true })
const order = { service: 'shop', resource: 'order', type: 'web' }
const query = { service: 'shop-db', resource: 'SELECT * FROM orders WHERE id = 42', type: 'sql' }
for (let number = 0; number < TRACES; number++) {
  tracer.trace('shop.order', order, () => tracer.trace('shop.query', query, () => {}))
}
setTimeout(() => { console.log(JSON.stringify({ seen })); process.exit() }, 1500)
""".replace("TRACES", str(TRACES))

GO = """package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"
)

type seen struct{ lines []string }

func (s *seen) Log(line string) {
	if strings.Contains(line, "WARN") || strings.Contains(line, "ERROR") {
		s.lines = append(s.lines, line)
	}
}

func main() {
	s := &seen{lines: []string{}}
	tracer.Start(tracer.WithLogger(s), tracer.WithLogStartup(false), tracer.WithDebugMode(true))
	for i := 0; i < TRACES; i++ {
		order := tracer.StartSpan("shop.order", tracer.ServiceName("shop"), tracer.ResourceName("order"))
		query := tracer.StartSpan("shop.query", tracer.ChildOf(order.Context()), tracer.SpanType("sql"),
			tracer.ResourceName("SELECT * FROM orders WHERE id = 42"))
		query.Finish()
		order.Finish()
	}
	tracer.Flush()
	tracer.Stop()
	out, _ := json.Marshal(map[string]any{"seen": s.lines})
	fmt.Println(string(out))
}
""".replace("TRACES", str(TRACES))

JAVA = """
public class Shop {
    static void order() { query(); }

    static void query() { }

    public static void main(String[] arguments) throws Exception {
        for (int number = 0; number < TRACES; number++) order();
        Thread.sleep(3000);
        System.out.println("{\\"seen\\":[]}");
    }
}
""".replace("TRACES", str(TRACES))


@attrs.frozen
class Client:
    """A program that makes TRACES traces, with all that it needs in the function's own folder; `names` of the spans that must arrive."""

    command: list[str]
    names: dict[str, int] = attrs.field(factory=lambda: dict(NAMES))
    environment: dict[str, str] = attrs.field(factory=dict)


def install(folder, *commands, **environment):
    """Run what fetches a client from its registry; skip if that cannot be done here."""
    for command in commands:
        if shutil.which(command[0]) is None:
            pytest.skip(f"there is no {command[0]}")
        try:
            done = subprocess.run(
                command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=INSTALL_S, check=False
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"{command[0]} took too long to fetch the tracer")
        if done.returncode:
            pytest.skip(f"the tracer cannot be fetched: {(done.stderr or done.stdout)[-500:]}")


def node(folder):
    (folder / "package.json").write_text("{}")
    (folder / "shop.js").write_text(NODE)
    install(folder, ["npm", "install", "--no-audit", "--no-fund", "--silent", "dd-trace@5"])
    return Client(["node", "shop.js"])


def go(folder):
    (folder / "main.go").write_text(GO)
    (folder / "go.mod").write_text("module shop\n\ngo 1.23\n")
    modules = {"GOFLAGS": "-mod=mod"}
    install(folder, ["go", "get", "github.com/DataDog/dd-trace-go/v2/ddtrace/tracer@latest"], ["go", "build", "-o", "shop", "."], **modules)
    return Client([f"{TASK_ROOT}/shop"])


def java(folder):
    (folder / "Shop.java").write_text(JAVA)
    fetch = ["mvn", "-B", "-q", "dependency:copy", f"-DoutputDirectory={folder}", "-Dmdep.stripVersion=true"]
    install(folder, [*fetch, f"-Dartifact=com.datadoghq:dd-java-agent:{JAVA_VERSION}"], ["javac", "Shop.java"])
    options = ["-javaagent:dd-java-agent.jar", "-Ddd.service=shop", "-Ddd.trace.methods=Shop[order,query]", "-cp", "."]
    return Client(["java", *options, "Shop"], {"trace.annotation": 2 * TRACES})


@pytest.mark.parametrize("prepare", [node, go, java])
async def test_spans_arrive_and_the_tracer_has_nothing_to_complain_of(scene_of, tmp_path, prepare):
    client = prepare(tmp_path)
    scene = scene_of(END, timeout_ms=60_000)
    said = []

    async def trace(call):
        environment = {
            "PATH": os.environ["PATH"],
            "DD_TRACE_AGENT_URL": "http://127.0.0.1:8126",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        }
        with trio.fail_after(RUN_S):
            done = await trio.run_process(
                client.command,
                env=environment | client.environment,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                preexec_fn=scene.sandbox.isolation.enter(TASK_ROOT),
            )
        assert done.returncode == 0, done.stderr.decode()
        said.extend(json.loads(done.stdout.splitlines()[-1])["seen"])
        said.extend(line for line in done.stderr.decode().splitlines() if " WARN " in line or " ERROR " in line)

    found = await scene.play([Step(during=trace)])
    assert said == []
    assert Counter(span.name for span in found.account.spans) == client.names
    assert len({(span.trace_id, span.span_id) for span in found.account.spans}) == 2 * TRACES
    assert (found.account.problems, found.account.duplicates) == ((), ())
    assert found.own("ERROR") == []
