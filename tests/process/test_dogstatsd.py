"""Metrics by datagram into the real process: what a real client sends, and floods. Nothing is lost that is not counted."""

import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import trio

from emulator.fake_runtime import Step
from reactor.stage0 import RECEIVE_BUFFER_BYTES

pytestmark = pytest.mark.peers

PATH = "/tmp/dsd.socket"
CLIENT_WAITS_S = "5"
DATAGRAM_COST_BYTES = 832  # what the kernel charges for a small one
BUFFER_BYTES = 2 * min(RECEIVE_BUFFER_BYTES, int(Path("/proc/sys/net/core/rmem_max").read_text()))
HOT_SHOTS = "hot-shots@17.1.1"
LOST = re.compile(r"(\d+) datagram: the kernel's buffer was full")

# Everything that Datadog's own client can send, as a program of its own inside the sandbox.
CLIENT = """
import sys
from datadog.dogstatsd import DogStatsd
# A Unix socket has room for some ten datagrams, whoever reads it: a client that does not wait drops what is beyond.
place = {"socket_path": sys.argv[1], "socket_timeout": float(sys.argv[2])} if sys.argv[1] else {"host": "127.0.0.1", "port": 8125}
with DogStatsd(disable_telemetry=True, disable_buffering=False, constant_tags=["team:shop"], **place) as client:
    for number in range(1, 1001):
        client.increment("c.increments", tags=["parity:%d" % (number % 2)])
        client.distribution("c.distribution", number)
        client.histogram("c.histogram", number / 10)
        client.timing("c.timing", number)
        client.gauge("c.gauge", number)
        client.set("c.set", number % 7)
    client.decrement("c.decrements", 3)
    client.increment("c.many", 5)
    client.distribution("c.sampled", 10, sample_rate=1)
client.event("a title", "a text\\nof two lines", alert_type="error", priority="low", tags=["e:1"])
client.service_check("c.check", 2, message="it is down", tags=["s:1"])
client.flush()
client.close_socket()
"""
FLOOD = """
import socket, sys, time
count, seconds = int(sys.argv[1]), float(sys.argv[2])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("127.0.0.1", 8125))
began = time.perf_counter()
for number in range(count):
    sock.send(b"flood.count:1|c|#kind:%d" % (number % 5))
    while seconds and number % 50 == 0 and time.perf_counter() - began < seconds * number / count:
        pass
print(time.perf_counter() - began)
"""


NODE_CLIENT = """
const { StatsD } = require("/var/task/node_modules/hot-shots");
const client = new StatsD({ host: "127.0.0.1", port: 8125, maxBufferSize: 8192, globalTags: { team: "shop" } });
for (let number = 1; number <= 1000; number++) {
  client.increment("n.increments", 2);
  client.distribution("n.distribution", number);
  client.histogram("n.histogram", number);
  client.timing("n.timing", number);
  client.gauge("n.gauge", number);
  client.unique("n.set", number % 7);
}
client.event("a title", "a text", { alert_type: "warning" });
client.check("n.check", client.CHECKS.WARNING, { message: "slow" });
client.close((error) => { if (error) { console.log(String(error)); process.exit(1); } });
"""


async def run_inside(scene, program, *arguments, interpreter=(sys.executable, "-c")):
    """A program in the sandbox; what it printed."""
    done = await trio.run_process(
        [*interpreter, program, *arguments],
        preexec_fn=scene.sandbox.isolation.enter("/"),
        capture_stdout=True,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


def step_of(scene, program, *arguments, **how):
    async def during(call):
        await run_inside(scene, program, *arguments, **how)

    return Step(during=during)


def documents(found, kind):
    return [each["document"] for each in found.intake.documents() if each["out"] == kind]


def lost_by_the_kernel(found):
    return sum(int(number) for line in found.own("WARN") for number in LOST.findall(line))


@pytest.mark.parametrize(("path", "held_up_s"), [("", 0), (PATH, 0), (PATH, 0.5)], ids=["udp", "unix", "unix-held-up"])
async def test_all_that_a_real_client_sends_arrives_with_its_values(scene_of, path, held_up_s):
    pytest.importorskip("datadog")
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end", "DD_DOGSTATSD_SOCKET": PATH}, timeout_ms=10_000)

    async def during(call):
        async with trio.open_nursery() as nursery:
            if held_up_s:  # as on a busy machine, where the extension has no turn for a while
                scene.extension.send_signal(signal.SIGSTOP)
            nursery.start_soon(run_inside, scene, CLIENT, path, CLIENT_WAITS_S)
            await trio.sleep(held_up_s)
            scene.extension.send_signal(signal.SIGCONT)

    found = await scene.play([Step(), Step(during=during)])  # the path is there once the extension is loaded whole
    assert found.account.problems == ()
    metrics = {(each.name, tuple(tag for tag in each.tags if tag.startswith("parity:"))): each for each in found.account.metrics}
    whole = {name: each for (name, _), each in metrics.items() if name.startswith("c.")}
    assert all("team:shop" in each.tags for each in whole.values())
    assert {tags: each.value for (name, tags), each in metrics.items() if name == "c.increments"} == {
        ("parity:0",): 500,
        ("parity:1",): 500,
    }
    assert (whole["c.decrements"].value, whole["c.many"].value) == (-3, 5)
    for name, scale in (("c.distribution", 1), ("c.histogram", 10), ("c.timing", 1)):
        assert (whole[name].count, whole[name].value * scale) == (1_000, pytest.approx(500_500))
        assert (whole[name].min * scale, whole[name].max * scale) == (pytest.approx(1), pytest.approx(1_000))
    assert (whole["c.gauge"].kind, whole["c.gauge"].value) == ("gauge", 1_000)
    assert (whole["c.set"].kind, whole["c.set"].value) == ("gauge", 7)
    assert (whole["c.sampled"].count, whole["c.sampled"].value) == (1, 10)
    [event] = documents(found, "events")
    assert (event["title"], event["text"], event["alert_type"], event["priority"]) == ("a title", "a text\nof two lines", "error", "low")
    assert {"e:1", "team:shop"} <= set(event["tags"])
    checks = [check for document in documents(found, "service_checks") for check in document]
    assert [(check["check"], check["status"], check["message"]) for check in checks] == [("c.check", 2, "it is down")]
    assert found.own("WARN") == []
    found.check_orderly()


@pytest.fixture
def node(tmp_path):
    """The path of node; its client is in the function's folder."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is not installed")
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional", HOT_SHOTS]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    if done.returncode:
        pytest.skip(f"npm cannot install {HOT_SHOTS}: {done.stderr[-200:]}")
    return node


async def test_all_that_a_client_of_node_sends_arrives_with_its_values(node, scene_of):
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=10_000)
    found = await scene.play([Step(), step_of(scene, NODE_CLIENT, interpreter=(node, "-e"))])
    metrics = {each.name: each for each in found.account.metrics if each.name.startswith("n.")}
    assert all("team:shop" in each.tags for each in metrics.values())
    assert (metrics["n.increments"].value, metrics["n.gauge"].value, metrics["n.set"].value) == (2_000, 1_000, 7)
    for name in ("n.distribution", "n.histogram", "n.timing"):
        assert (metrics[name].count, metrics[name].value) == (1_000, pytest.approx(500_500))
    [event] = documents(found, "events")
    assert (event["title"], event["text"], event["alert_type"]) == ("a title", "a text", "warning")
    [[check]] = documents(found, "service_checks")
    assert (check["check"], check["status"], check["message"]) == ("n.check", 1, "slow")
    assert found.own("WARN") == []
    found.check_orderly()


async def test_20_000_datagrams_in_the_last_tenth_of_a_second_are_all_in_that_flush(scene_of):
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=10_000)
    found = await scene.play([Step(), step_of(scene, FLOOD, "20000", "0.1"), Step()])
    counted = [each for each in found.account.metrics if each.name == "flood.count"]
    assert sum(each.value for each in counted) + lost_by_the_kernel(found) == 20_000
    assert lost_by_the_kernel(found) == 0
    at_ms = found.arrival_ms("flood.count")
    assert sum(each.answered_ms <= at_ms for each in found.nexts) == 2, "before the third invocation"
    assert not any(each.asked_ms <= at_ms < each.answered_ms for each in found.nexts), "and the second waited for it"
    assert [arrival.decoded.kind for arrival in found.intake.arrivals()].count("series") == 1, "all in one body"
    assert found.statuses == ["success"] * 3
    found.check_orderly()


async def test_what_comes_while_the_extension_is_still_being_loaded_waits_for_it_as_far_as_it_fits(scene_of):
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=10_000)
    found = await scene.play([step_of(scene, FLOOD, "2000", "0")])
    counted = sum(each.value for each in found.account.metrics if each.name == "flood.count")
    assert counted + lost_by_the_kernel(found) == 2_000
    assert counted >= min(2_000, BUFFER_BYTES // DATAGRAM_COST_BYTES)
    found.check_orderly()


@pytest.mark.parametrize("before", [[], [Step()]], ids=["while it is still being loaded", "once it is loaded"])
async def test_of_200_000_at_full_speed_every_loss_is_counted(scene_of, before):
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"}, timeout_ms=20_000)
    found = await scene.play([*before, step_of(scene, FLOOD, "200000", "0")])
    by_kind = Counter()
    for each in found.account.metrics:
        if each.name == "flood.count":
            by_kind[each.tags] += int(each.value)
    lost = lost_by_the_kernel(found)
    assert sum(by_kind.values()) + lost == 200_000, lost
    assert len(by_kind) == 5
    found.check_orderly()


async def test_measures_come_as_often_as_the_platform_reports(scene_of):
    """As in the recorded runs: those of the runtime's end once for each invocation, those of the report once for each report."""
    scene = scene_of({"DD_SERVERLESS_FLUSH_STRATEGY": "end"})
    found = await scene.play([Step(duration_ms=500), Step(duration_ms=60), Step(duration_ms=60)])  # at first it is still being loaded
    at_done = ("fd_max", "threads_max", "tmp_max", "tmp_free", "tmp_used", "fd_use", "threads_use", "num_cores")
    busy = ("cpu_total_utilization", "cpu_total_utilization_pct", "cpu_max_utilization", "cpu_min_utilization")
    at_report = ("cpu_user_time", "cpu_system_time", "cpu_total_time")
    assert {name: found.counted(name) for name in (*at_done, *busy, *at_report)} == dict.fromkeys((*at_done, *busy, *at_report), 3)
    found.check_orderly()
