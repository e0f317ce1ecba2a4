"""A real tracer and the real process: what it sends arrives whole and once, whatever the intake does, and it takes us for an agent."""

import json
import os
import sys
from collections import Counter
from hashlib import sha256
from importlib.util import find_spec

import msgpack
import pytest
import trio

from emulator.account import account_of
from emulator.fake_runtime import Step
from emulator.intake import Intake
from emulator.values import Invocation
from protocols import trace_api
from protocols.http_client import ClientConnection

pytestmark = [pytest.mark.peers, pytest.mark.skipif(find_spec("ddtrace") is None, reason="the real tracer is not installed")]

SECOND_PORT, PROXY_PORT = 9081, 9082
SECOND_KEY = "5ec0" * 8
FINDING_OUT_MAX = 12  # invocations, a second apart: a probe is due at most so long after the intake has healed
HALF_OPEN = 500
MEMORY_MB_MAX = 150  # 64 for bodies that arrive, what the traces of a flush take, and the program itself
WAIT_S_MAX = 1.5  # for a small answer beside a large request, which takes some seconds: on a machine that is busy with the emulator, too
BIG = {
    "service": "big", "name": "big.span", "resource": "r" * 2_000, "type": "web", "trace_id": 77, "parent_id": 0,
    "start": 1_700_000_000 * 10**9, "duration": 1_000,
}  # fmt: skip
END = {"DD_SERVERLESS_FLUSH_STRATEGY": "end"}
TRACER_S = 25.0

# Makes so many traces, each of three spans, sends them, and says what it has sent and logged. Lambda is told to it by the variables.
TRACER = """
import json, logging, sys
seen = []
class Seen(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            seen.append(f"{record.name}: {record.getMessage()}")
logging.getLogger().addHandler(Seen())
logging.getLogger("ddtrace").setLevel(logging.DEBUG)
from ddtrace.trace import tracer
made = []
for number in range(int(sys.argv[2])):
    with tracer.trace("shop.order", service="shop", resource=f"order {sys.argv[1]} {number}", span_type="web") as root:
        root.set_tag("http.url", "http://user:secret@shop.test/orders?id=7")
        with tracer.trace("shop.query", service="shop-db", resource="SELECT * FROM orders WHERE id = 42", span_type="sql") as query:
            query.set_tag("db.type", "postgresql")
        with tracer.trace("shop.pay", service="shop", resource="pay") as pay:
            pay.set_metric("shop.price", 12.5)
            pay.error = 1
    made += [[root.trace_id % 2**64, each.span_id, each.name] for each in (root, query, pay)]
tracer.flush()
tracer.shutdown()
print(json.dumps({"made": made, "seen": seen}))
"""


# Asks what is served, again and again, and says how long each answer took in seconds.
ASK = """
import json, time, urllib.request
waits_s = []
for _ in range(50):
    began = time.monotonic()
    urllib.request.urlopen("http://127.0.0.1:8126/info").read()
    waits_s.append(time.monotonic() - began)
    time.sleep(0.05)
print(json.dumps(waits_s))
"""


class Tracer:
    """A process inside the sandbox with ddtrace in it, as often as it is asked to; `made` are the spans that it has sent."""

    def __init__(self, **environment):
        self.environment = environment
        self.made, self.seen = [], []

    async def trace(self, scene, name, count=1):
        environment = {"PATH": os.environ["PATH"], "DD_REMOTE_CONFIGURATION_ENABLED": "true", "DD_TRACE_AGENT_URL": "http://127.0.0.1:8126"}
        environment |= {"AWS_LAMBDA_FUNCTION_NAME": "orders", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"} | self.environment
        with trio.fail_after(TRACER_S):
            done = await trio.run_process(
                [sys.executable, "-c", TRACER, name, str(count)],
                env=environment,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                preexec_fn=scene.sandbox.isolation.enter("/"),
            )
        assert done.returncode == 0, done.stderr.decode()
        told = json.loads(done.stdout.splitlines()[-1])
        self.made += [tuple(span) for span in told["made"]]
        self.seen += told["seen"]


def check_spans(found, tracer):
    """All that was sent arrived, each span once, and nothing was wrong with it."""
    arrived = Counter((span.trace_id, span.span_id, span.name) for span in found.account.spans)
    assert arrived == Counter(tracer.made)
    assert (found.account.problems, found.account.duplicates) == ((), ())


def steps_of(scene, tracer, count, traces=3, **first):
    def step(number):
        async def trace(call):
            await tracer.trace(scene, str(number), traces)

        return Step(lines=[f"said {number}"], during=trace, **(first if not number else {}))

    return [step(number) for number in range(count)]


async def request(call, method, target, body=b"", headers=()):
    """One request from inside the sandbox to port 8126: its answer."""
    http = ClientConnection()
    async with await call.connect(8126) as stream:
        await stream.send_all(http.send(method, target, ((b"Host", b"127.0.0.1:8126"), *headers), body))
        answer = None
        while answer is None:
            answer = http.receive(bytes(await stream.receive_some(65_536)))
    return answer


# --- a tracer


async def test_spans_of_a_real_tracer_arrive_whole_and_it_has_nothing_to_complain_of(scene_of):
    scene, tracer = scene_of(END, timeout_ms=30_000), Tracer()
    found = await scene.play(steps_of(scene, tracer, 2))
    check_spans(found, tracer)
    assert tracer.seen == []
    assert len(tracer.made) == 18
    spans = {span.name: span for span in found.account.spans}
    order = dict(spans["shop.order"].meta)
    assert order["http.url"] == "http://shop.test/orders?id=7"
    assert (order["functionname"], order["_dd.compute_stats"]) == (scene.config.name, "1")
    assert spans["shop.query"].resource == dict(spans["shop.query"].meta)["sql.query"] == "SELECT * FROM orders WHERE id = ?"
    assert spans["shop.pay"].error == 1
    roots = {span.trace_id: span.span_id for span in found.account.spans if span.name == "shop.order"}
    assert all(span.parent_id == (0 if span.name == "shop.order" else roots[span.trace_id]) for span in found.account.spans)
    [arrival, *_] = [each for each in found.intake.arrivals() if each.decoded.kind == "traces"]
    assert arrival.headers["datadog-meta-lang"] == "python"
    assert arrival.headers["user-agent"].startswith("lambda-reactor/")
    found.check_orderly()


async def test_a_function_with_statistics_computed_here_sends_them_before_it_ends(scene_of):
    scene, tracer = scene_of({**END, "DD_COMPUTE_TRACE_STATS_ON_EXTENSION": "true"}, timeout_ms=30_000), Tracer()
    found = await scene.play(steps_of(scene, tracer, 1))
    check_spans(found, tracer)
    assert not any("_dd.compute_stats" in dict(span.meta) for span in found.account.spans)
    groups = [
        group
        for arrival in found.intake.arrivals()
        if arrival.decoded.kind == "stats"
        for payload in arrival.decoded.document["Stats"]
        for bucket in payload["Stats"]
        for group in bucket["Stats"]
    ]
    assert sum(group["Hits"] for group in groups if group["Name"] == "shop.order") == 3
    found.check_orderly()


async def test_traces_go_to_additional_intakes_with_their_own_keys(scene_of):
    more = {"DD_APM_ADDITIONAL_ENDPOINTS": json.dumps({f"http://127.0.0.1:{SECOND_PORT}/": [SECOND_KEY]})}
    scene, tracer, second = scene_of({**END, **more}, timeout_ms=30_000), Tracer(), Intake(api_keys=[SECOND_KEY])
    found = await scene.play(steps_of(scene, tracer, 1), inside={SECOND_PORT: second.serve_connection})
    check_spans(found, tracer)
    mine, theirs = (
        [each.decoded.document for each in intake.arrivals() if each.decoded.kind == "traces"] for intake in (found.intake, second)
    )
    assert mine == theirs != []
    found.check_orderly()


# --- an intake that is ill, and a process that is killed


async def outlast(scene, tracer, script, flushes):
    """So many flushes while the intake is ill, a trace in each; then it heals, and the invocations that follow find that out."""

    async def act(scene):
        for number in range(flushes + FINDING_OUT_MAX):
            if number == flushes:
                scene.intake.misbehave(())
            if number >= flushes:
                if len(account_of(scene.intake.documents()).spans) >= len(tracer.made):
                    return
                await trio.sleep(1)
            await scene.sandbox.invoke(Invocation(b"{}"))

    traced = steps_of(scene, tracer, flushes, traces=1)
    return await scene.play([*traced, Step(duration_ms=200.0)], act=act, intake=script)


@pytest.mark.parametrize(
    ("script", "flushes"),
    [("status:500", 3), *(pytest.param(script, 20, marks=pytest.mark.long) for script in ("status:500", "drop", "hang"))],
)
async def test_spans_outlast_an_intake_that_is_ill(scene_of, script, flushes):
    scene, tracer = scene_of(END, timeout_ms=30_000), Tracer()
    found = await outlast(scene, tracer, script, flushes)
    assert len(tracer.made) == 3 * flushes
    check_spans(found, tracer)
    assert len(found.results) < flushes + FINDING_OUT_MAX, "not before the sandbox's end"
    found.check_orderly()


async def test_what_was_answered_before_a_kill_is_sent_by_the_next_process_once(scene_of):
    scene, tracer = scene_of(END, timeout_ms=30_000), Tracer()

    async def trace_and_kill(call):
        await tracer.trace(scene, "killed", 5)
        scene.extension.kill()

    async def act(scene):
        for _ in range(3):
            await scene.sandbox.invoke(Invocation(b"{}"))

    found = await scene.play([Step(during=trace_and_kill, duration_ms=500.0), Step(duration_ms=300.0)], act=act)
    assert len(tracer.made) == 15
    check_spans(found, tracer)


# --- what is passed on


async def test_what_libraries_send_to_other_products_goes_to_their_hosts_byte_for_byte(scene_of, front_of):
    through = {"DD_PROXY_HTTPS": f"http://127.0.0.1:{PROXY_PORT}", "DD_SKIP_SSL_VALIDATION": "true"}
    scene = scene_of({**END, **through}, timeout_ms=30_000)
    tracer = Tracer(DD_INSTRUMENTATION_TELEMETRY_ENABLED="true")
    answers = []

    async def during(call):
        await tracer.trace(scene, "one")
        profile = ((b"Content-Type", b"multipart/form-data; boundary=xyz"), (b"Connection", b"close"))
        evp = ((b"X-Datadog-EVP-Subdomain", b"event-platform-intake"), (b"DD-API-KEY", b"not ours"))
        answers.append(await request(call, "POST", "/profiling/v1/input", b"\x00\xff" * 500, profile))
        answers.append(await request(call, "POST", "/evp_proxy/v4/api/v2/x?a=1&b=%2F", b'{"evp":1}', evp))
        answers.append(await request(call, "POST", "/evp_proxy/v4/api/v2/x", b"{}", ((b"X-Datadog-EVP-Subdomain", b"evil.test/"),)))

    found = await scene.play([Step(during=during)], inside={PROXY_PORT: front_of(scene.intake)})
    assert [answer.status for answer in answers] == [200, 200, 400]
    passed = {each.host: each for each in found.intake.arrivals() if each.decoded.kind == "proxy"}
    assert passed.keys() == {
        "intake.profile.datadoghq.com",
        "event-platform-intake.datadoghq.com",
        "instrumentation-telemetry-intake.datadoghq.com",
    }
    profile, evp = passed["intake.profile.datadoghq.com"], passed["event-platform-intake.datadoghq.com"]
    assert (profile.target, profile.headers["content-type"]) == ("/api/v2/profile", "multipart/form-data; boundary=xyz")
    assert profile.decoded.document == {"bytes": 1_000, "sha256": sha256(b"\x00\xff" * 500).hexdigest()}
    assert (evp.target, evp.headers["dd-api-key"]) == ("/api/v2/x?a=1&b=%2F", "0" * 32)
    assert evp.headers["x-datadog-additional-tags"] == f"_dd.origin:lambda;functionname:{scene.config.name}"
    assert not {"connection", "x-datadog-evp-subdomain"} & profile.headers.keys() & evp.headers.keys()
    check_spans(found, tracer)
    assert any("1 evp: status 400" in line for line in found.own("WARN"))


# --- clients that behave badly


def large_body(size):
    """Exactly so many bytes of v0.4 traces, each of one span; and how many spans they are."""
    head, first = 5, 2**40  # ids of one length
    each = len(msgpack.packb([BIG | {"span_id": first}]))
    count = (size - head) // each
    made = [msgpack.packb([BIG | {"span_id": first + number}]) for number in range(count - 1)]
    left = size - head - (count - 1) * each - each
    made.append(msgpack.packb([BIG | {"span_id": first + count, "resource": BIG["resource"] + "r" * left}]))
    body = b"\xdd" + count.to_bytes(4, "big") + b"".join(made)
    assert len(body) == size
    return body, count


async def test_half_open_connections_and_large_bodies_cost_nobody_else_anything(scene_of):
    """Five hundred requests that never end, one of exactly 50 MB that does, and one whose answer is never read, beside a tracer."""
    scene, tracer = scene_of(END, timeout_ms=50_000), Tracer()
    sizes, statuses, waits_s = [], [], []
    body, count = large_body(trace_api.BODY_BYTES_MAX)

    async def during(call):
        half = b"POST /v0.4/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n" + bytes(5_000)
        for _ in range(HALF_OPEN):
            stream = await call.connect(8126)
            opened.append(stream)
            await stream.send_all(half)
        slow = await call.connect(8126)
        opened.append(slow)
        await slow.send_all(b"GET /info HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000)  # and reads none of the answers
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(send_large, call)
            await tracer.trace(scene, "beside", 2)
        sizes.append(peak_mb(scene.extension.pid))
        for stream in opened:
            await trio.aclose_forcefully(stream)

    async def send_large(call):
        statuses.append((await request(call, "PUT", "/v0.4/traces", body)).status)

    async def ask():
        """From a process of its own, that no work of ours holds up."""
        done = await trio.run_process([sys.executable, "-c", ASK], capture_stdout=True, preexec_fn=scene.sandbox.isolation.enter("/"))
        waits_s.extend(json.loads(done.stdout))

    opened = []
    found = await scene.play([Step(during=during)])
    arrived = Counter((span.trace_id, span.span_id, span.name) for span in found.account.spans)
    assert statuses == [200]
    assert len([key for key in arrived if key[2] == BIG["name"]]) == count
    assert {key: times for key, times in arrived.items() if key[2] != BIG["name"]} == Counter(tracer.made)
    assert max(arrived.values()) == 1
    assert sizes[0] < MEMORY_MB_MAX
    assert max(waits_s) < WAIT_S_MAX
    found.check_orderly()


def peak_mb(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) // 1024
