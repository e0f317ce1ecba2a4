"""What the calls of a library cost: CPU until the answer, and until the spans of the invocation. Run it as `python -m bench.lifecycle`.

A REST API event of 10 KB stands for the usual one. Three events of 6 MB are the largest that Lambda gives: their bulk is one text, one
text that is JSON itself, or a tree; each is measured beside one `json.loads` of it, which cannot be divided. The first call of a process
is apart: with it comes whatever has not been loaded before (`reactor.warm_up`).
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.table import Row, show
from fsm import events as ev
from fsm.time import Now
from pipelines.invocation.settings import InvocationSettings
from protocols.lifecycle_api import Call
from reactor import warm_up
from reactor.agent.invocation_door import InvocationDoor

if TYPE_CHECKING:
    from reactor.agent.invocation_traces import InvocationTraces

ROOT = Path(__file__).resolve().parent.parent
NOW = Now(epoch_ms=1_795_442_417_764, mono_ms=0)
ROUNDS, BATCH = 15, 100
LARGE_ROUNDS = 5
EVENT_BYTES, LARGE_BYTES = 10 * 1024, 6_000_000
REQUEST_ID = "lambda-runtime-aws-request-id"
HEADERS = {f"x-custom-{number}": "v" * 20 for number in range(20)} | {
    "x-datadog-trace-id": "1234567890123456789",
    "x-datadog-parent-id": "987654321",
    "x-datadog-sampling-priority": "1",
    "x-datadog-tags": "_dd.p.tid=663212a000000000,_dd.p.dm=-1",
}


def rest_event(**more: Any) -> dict[str, Any]:
    context = {
        "apiId": "a1b2",
        "domainName": "a1b2.execute-api.us-east-1.amazonaws.com",
        "stage": "prod",
        "path": "/prod/orders/42",
        "resourcePath": "/orders/{id}",
        "httpMethod": "GET",
        "requestTimeEpoch": 1_795_442_417_700,
        "requestId": "r-1",
        "protocol": "HTTP/1.1",
        "identity": {"sourceIp": "1.2.3.4", "userAgent": "curl/8"},
    }
    return {"resource": "/orders/{id}", "httpMethod": "GET", "headers": HEADERS, "requestContext": context, **more}


def make_traces(captures_payload: bool) -> InvocationDoor:
    ids = count(1)
    settings = InvocationSettings(function_name="orders-api", service="orders", captures_payload=captures_payload)
    nothing: Callable[..., None] = lambda *arguments: None  # noqa: E731

    def make() -> "InvocationTraces":
        from reactor.agent.invocation_traces import InvocationTraces  # as the agent does: with the first call
        from reactor.agent.ledger import Ledger

        return InvocationTraces(settings, lambda: next(ids), Ledger(), nothing, nothing, nothing)

    return InvocationDoor(make)


def invocation_us(captures_payload: bool) -> tuple[float, float]:
    """Microseconds of one start call, and of one whole invocation: both calls, its records, its spans."""
    event = rest_event()
    event["body"] = "x" * (EVENT_BYTES - len(json.dumps(event)))
    body, door, numbers = json.dumps(event).encode(), make_traces(captures_payload), count(1)
    start_us = whole_us = float("inf")
    for _ in range(ROUNDS):
        names = [str(next(numbers)) for _ in range(BATCH)]
        starts = 0.0
        began = time.process_time()
        for name in names:
            door.opened(name, NOW, {"cold_start": "false"}, NOW)
            at = time.process_time()
            door.call(Call("start", {REQUEST_ID: name}, body), NOW)
            starts += time.process_time() - at
            door.call(Call("end", {REQUEST_ID: name, "x-datadog-span-id": "5"}, b'{"statusCode":200}'), NOW)
            record = {"type": "platform.runtimeDone", "record": {"requestId": name, "metrics": {"durationMs": 5.0}}}
            door.runtime_done(ev.RuntimeDone(NOW, name, "success", record), NOW)
            door.closed(name, NOW)
        whole_us = min(whole_us, (time.process_time() - began) / BATCH * 1e6)
        start_us = min(start_us, starts / BATCH * 1e6)
    return start_us, whole_us


def large_events() -> dict[str, bytes]:
    tree = [{"id": number, "name": "n" * 20, "tags": ["a", "b"]} for number in range(95_000)]
    inner = json.dumps(tree[:80_000])
    events = {"one text": rest_event(body="x" * LARGE_BYTES), "a text of JSON": rest_event(body=inner), "a tree": rest_event(items=tree)}
    return {name: json.dumps(event).encode() for name, event in events.items()}


def large_ms(body: bytes, captures_payload: bool) -> tuple[float, float]:
    """Milliseconds of one start call, and of one `json.loads` of its body; the best of several, taken in turn."""
    door, found = make_traces(captures_payload), (float("inf"), float("inf"))
    for number in range(LARGE_ROUNDS):
        began = time.process_time()
        door.call(Call("start", {REQUEST_ID: str(number)}, body), NOW)
        called = time.process_time()
        json.loads(body)
        ended = time.process_time()
        found = min(found[0], (called - began) * 1e3), min(found[1], (ended - called) * 1e3)
    return found


# --- the first call of a process -------------------------------------------------------------------------------------------------------

FIRST_OPTION = "--first"
LOADED: dict[str, Callable[[], tuple[str, ...]]] = {
    "nothing loaded": lambda: (),
    "a tracer has asked /info": lambda: warm_up.TRACING,
    "a wrapper is there": lambda: warm_up.TRACING + warm_up.EVENTS,
}
FIRST_EVENTS = ("api_gateway_proxy_event", "sqs_event", "s3_sns_sqs_event")


def report_first(loaded: str, event: str) -> None:
    """Microseconds of the first start call, and of the second."""
    for name in LOADED[loaded]():
        import_module(name)
    body, door = (ROOT / "fixtures" / "trigger_events" / f"{event}.json").read_bytes(), make_traces(False)
    for number in range(2):
        began = time.process_time_ns()
        door.call(Call("start", {REQUEST_ID: str(number)}, body), NOW)
        print((time.process_time_ns() - began) / 1_000)


def first_us(loaded: str, event: str) -> tuple[float, float]:
    """The least of some processes."""
    command = [sys.executable, "-m", "bench.lifecycle", FIRST_OPTION, loaded, event]
    said = [subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split() for _ in range(LARGE_ROUNDS)]
    first, second = min((float(first), float(second)) for first, second in said)
    return first, second


def first_rows() -> list[Row]:
    found = []
    for loaded in LOADED:
        for event in FIRST_EVENTS:
            first, second = first_us(loaded, event)
            goal = "under 1 ms" if loaded == "a wrapper is there" else ""
            found.append(Row(f"first start call, {event}, {loaded}", first, "us", f"the second {second:.0f} us", first / second, goal))
    return found


def rows() -> list[Row]:
    made = first_rows()
    for captures, what in ((False, ""), (True, ", payload captured")):
        start_us, whole_us = invocation_us(captures)
        made.append(Row(f"start call, REST event of 10 KB{what}", start_us, "us", "-", None, "under 1 ms"))
        made.append(Row(f"whole invocation{what}", whole_us, "us", "-"))
        for name, body in large_events().items():
            call_ms, loads_ms = large_ms(body, captures)
            goal = "at most 20 ms" if name == "one text" else "at most 1.3 x"
            row = Row(
                f"start call, {len(body) / 1e6:.1f} MB, {name}{what}",
                call_ms,
                "ms",
                f"json.loads {loads_ms:.1f} ms",
                call_ms / loads_ms,
                goal,
            )
            made.append(row)
    return made


if __name__ == "__main__":
    if sys.argv[1:2] == [FIRST_OPTION]:
        report_first(*sys.argv[2:4])
    else:
        show(rows())
