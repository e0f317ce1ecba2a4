"""What counting a span costs when the extension computes the statistics: CPU per span of the concentrator, and of encoding what it holds.
Run it as `python -m bench.stats`.

The spans are as they leave enrichment: 17 tags each. The yardstick is what any loop over them must do, looking into both maps of each.
Figures are medians over the rounds, of CPU time.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import msgpack

from bench.table import Row, show
from fsm.time import Now
from pipelines.stats.client import StatsSettings
from pipelines.stats.pipeline import Source, StatsPipeline
from protocols.stats_api import decode_client_stats

GOAL = "at most 5 us"  # of the 30 us that a span of mixed traces may cost as a whole
NOW = Now(1_700_000_005_000, 0)
START_NS = 1_700_000_000_000_000_000
ROUNDS = 300
TRACES = 20  # in one round
ENRICHED = {f"custom.tag{number}": "value" for number in range(7)} | {
    **{"_dd.origin": "lambda", "origin": "lambda", "functionname": "my-function", "region": "us-east-1", "account_id": "123456789012"},
    **{"env": "prod", "service": "shop", "runtime": "python3.12", "architecture": "arm64", "memorysize": "512"},
}
Span = dict[str, Any]


def span(number: int, meta: dict[str, str], metrics: dict[str, float], **members: Any) -> Span:
    zero = {"service": "shop", "trace_id": 7, "span_id": number + 1, "parent_id": 1 if number else 0, "start": START_NS, "error": 0}
    return {**zero, "duration": 1_000_000 + number * 9_999, "meta": ENRICHED | meta, "metrics": metrics, **members}


def root(number: int) -> Span:
    return span(number, {}, {"_top_level": 1.0}, name="aws.lambda", resource="my-function", type="serverless", parent_id=0)


def query(number: int) -> Span:
    meta = {"span.kind": "client", "db.system": "postgres", "out.host": "10.0.0.12"}
    return span(number, meta, {"_dd.measured": 1.0}, name="postgres.query", resource="SELECT * FROM users WHERE id = ?", type="sql")


def inner(number: int) -> Span:
    return span(number, {"component": "app"}, {}, name="app.step", resource="step", type="")


def served(number: int) -> Span:
    meta = {"span.kind": "server", "http.method": "GET", "http.route": "/users/{id}", "http.status_code": "200"}
    return span(number, meta, {"_top_level": 1.0}, name="web.request", resource="GET /users/{id}", type="web")


def distinct(number: int) -> Span:
    return span(number, {}, {"_top_level": 1.0}, name="web.request", resource=f"GET /users/{number}", type="web")


def mixed(number: int) -> Span:
    """Traces of ten spans, half of them SQL."""
    place = number % 10
    return root(number) if place == 0 else query(number) if place % 2 else inner(number)


KINDS: dict[str, Callable[[int], Span]] = {
    "mixed, 10-span traces": mixed,
    "root": root,
    "SQL client": query,
    "web server": served,
    "not counted": inner,
    "each its own group": distinct,
}


def measure(make: Callable[[int], Span]) -> tuple[float, float, float]:
    """Microseconds per span: the bare loop; counting; encoding, per group."""
    spans = [make(number) for number in range(TRACES * 10)]
    pipeline = StatsPipeline(StatsSettings("prod", "1", "shop"), NOW)
    source = Source("python", "2.9.0", "f45568ad09d5480b99087d86ebda26e6")
    bare, counting, encoding = [], [], []
    clock = time.process_time_ns
    for _ in range(ROUNDS):
        start = clock()
        look_at(spans)
        looked = clock()
        for place in range(0, len(spans), 10):
            pipeline.take_spans(spans[place : place + 10], source, NOW)
        counted = clock()
        groups = pipeline.statistics().groups
        begun = clock()
        pipeline.seal(NOW, final=True)
        encoding.append((clock() - begun) / max(groups, 1))
        bare.append((looked - start) / len(spans))
        counting.append((counted - looked) / len(spans))
    return statistics.median(bare) / 1000, statistics.median(counting) / 1000, statistics.median(encoding) / 1000


def look_at(spans: list[Span]) -> None:
    for each in spans:
        each["metrics"].get("_top_level")
        each["meta"].get("span.kind")


GROUP = {
    **{"Service": "shop", "Name": "web.request", "HTTPStatusCode": 200, "Type": "web", "Hits": 9, "Errors": 0, "Duration": 90_000_000},
    **{"OkSummary": b"\x0a" * 120, "ErrorSummary": b"\x0a" * 24, "Synthetics": False, "TopLevelHits": 9, "SpanKind": "server"},
}


class Headers:
    lang, tracer_version, container_id = "go", "1.60", ""


def measure_client(groups: int = 500) -> float:
    """Microseconds per group of a tracer's own statistics: read, completed, made into a request."""
    bucket = {"Start": START_NS, "Duration": 10**10, "Stats": [GROUP | {"Resource": f"GET /{number}"} for number in range(groups)]}
    body = msgpack.packb({"Env": "prod", "Stats": [bucket]})
    pipeline = StatsPipeline(StatsSettings("prod", "1", "shop"), NOW)
    taken = []
    for _ in range(ROUNDS // 10):
        start = time.process_time_ns()
        pipeline.take_client(decode_client_stats(body), Headers(), NOW)
        pipeline.seal(NOW)
        taken.append((time.process_time_ns() - start) / groups)
    return statistics.median(taken) / 1000


def rows() -> list[Row]:
    found = [Row("stats: a tracer's own, per group", measure_client(), "us", "-")]
    for name, make in KINDS.items():
        bare, counting, encoding = measure(make)
        found.append(Row(f"stats: {name}", counting, "us", f"bare loop {bare:.2f} us", counting / bare, GOAL))
        if make is distinct:
            found.append(Row("stats: sealing, per group", encoding, "us", "-"))
    return found


if __name__ == "__main__":
    show(rows())
