"""What a span costs: microseconds of CPU from the tracer's request to the request for the intake, and the memory that 20,000 spans take.

Run it as `python -m bench.traces`. The spans are those of a small web function: traces of ten, seven tags each, half of them queries. A
round takes a hundred requests of one trace and seals what came of it; compression is apart, as it is in the process. No query and nearly no
URL of a round repeats; the first row has them remembered from the round before.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack

from bench.table import Row, show
from fsm.time import Now
from pipelines.traces.facts import TracesSettings
from pipelines.traces.obfuscate.obfuscator import ObfuscationSettings, make_obfuscator
from pipelines.traces.pipeline import TracesPipeline
from protocols.intake_span import encode_spans
from protocols.msgpack_traces import decode
from protocols.trace_headers import TracerHeaders

SPANS_PER_TRACE = 10
TRACES = 100
ROUNDS = 15
MEMORY_SPANS = 20_000
MEMORY_OPTION = "--memory"
ROOT = Path(__file__).resolve().parent.parent

NOW = Now(epoch_ms=1_795_442_417_764, mono_ms=0)
HEADERS = TracerHeaders("python", "3.12.1", "CPython", "", "2.17.0", "", computed_top_level=True)
KEYS = (
    "region", "account_id", "aws_account", "functionname", "resource", "function_arn", "version", "env", "service", "init_type",
    "memorysize", "runtime", "architecture", "dd_extension_version",
)  # fmt: skip
FUNCTION_TAGS = {key: f"value-of-{key}" for key in KEYS}
TABLES = ("users", "orders", "items", "payments", "stock")


def make_span(trace: int, place: int) -> dict[str, object]:
    """The root first; after it queries and calls in turn. Ids are as long as real ones, values of queries never repeat."""
    span_id = 0x1234_5678_9ABC_0000 + trace * SPANS_PER_TRACE + place
    span: dict[str, object] = {
        "service": "orders", "name": "aws.lambda", "resource": "orders-api", "type": "serverless", "trace_id": 0x6FED_CBA9_8765_0000 +
        trace, "span_id": span_id, "parent_id": 0 if place == 0 else span_id - place, "start": 1_795_442_417_000_000_000 + place *
        1_000_000, "duration": 1_500_000 + place, "error": 0, "meta": tags(trace, place), "metrics": {"_dd.measured": 1, "process_id": 17},
    }  # fmt: skip
    if place == 0:
        span["metrics"] = {"_sampling_priority_v1": 1, "_dd.top_level": 1}
    elif place % 2:
        query = f"SELECT id, name FROM {TABLES[place // 2]} WHERE customer = {trace * 31 + place} AND state IN ('open', 'paid') LIMIT 10"
        span |= {"name": "postgres.query", "resource": query, "type": "sql", "service": "orders-db"}
    else:
        span |= {"name": "requests.request", "resource": "GET /v1/stock", "type": "http"}
    return span


def tags(trace: int, place: int) -> dict[str, str]:
    common = {"component": "psycopg", "span.kind": "client", "language": "python", "runtime-id": "f45568ad09d5480b99087d86ebda26e6"}
    if place % 2:
        return common | {"db.type": "postgresql", "out.host": "db.internal", "db.row_count": str(trace)}
    url = f"https://stock.example.com/v1/stock/{trace % 50}?warehouse={place}"
    return common | {"http.method": "GET", "http.status_code": "200", "http.url": url}


def requests(traces: int) -> Iterator[bytes]:
    for trace in range(1, traces + 1):
        yield msgpack.packb([[make_span(trace, place) for place in range(SPANS_PER_TRACE)]])


def make_pipeline() -> TracesPipeline:
    return TracesPipeline(TracesSettings(env="prod"), make_obfuscator(ObfuscationSettings()), function_tags=FUNCTION_TAGS)


def best_us(work: Callable[[], object]) -> float:
    """The shortest round, in microseconds of CPU per span."""
    shortest = float("inf")
    for _ in range(ROUNDS):
        start_ns = time.process_time_ns()
        work()
        shortest = min(shortest, time.process_time_ns() - start_ns)
    return shortest / 1000 / (TRACES * SPANS_PER_TRACE)


def rows() -> list[Row]:
    bodies = list(requests(TRACES))
    texts = [json.dumps(msgpack.unpackb(body)) for body in bodies]
    warm = make_pipeline()
    traces = [chunk.spans for body in bodies for chunk in decode("v0.4", body).chunks]

    def whole(pipeline: TracesPipeline) -> None:
        for body in bodies:
            pipeline.take(decode("v0.4", body), HEADERS, NOW)
        pipeline.seal()

    json_us = best_us(lambda: [json.dumps(json.loads(text)) for text in texts])
    yardstick = f"json both ways {json_us:.2f} us"
    figures = {
        "a span, its query or URL seen before": (best_us(lambda: whole(warm)), "at most 30 us"),
        "a span, its query or URL new": (best_us(lambda: whole(make_pipeline())), "at most 30 us"),
        "of it decoding": (best_us(lambda: [decode("v0.4", body) for body in bodies]), ""),
        "of it encoding": (best_us(lambda: [encode_spans(spans) for spans in traces]), ""),
    }
    found = [Row(f"traces: {name}", figure, "us", yardstick, figure / json_us, goal) for name, (figure, goal) in figures.items()]
    held, sealed = memory_mb()
    bare = f"bare interpreter {memory_mb(0)[0]:.0f} MB"
    found.append(Row(f"traces: {MEMORY_SPANS:,} spans held", held, "MB", bare, goal="at most 60 MB"))
    found.append(Row("traces: and sealed, one body at a time", sealed, "MB", bare, goal="at most 60 MB"))
    return found


# --- memory, in a process of its own ---------------------------------------------------------------------------------------------------


def memory_mb(spans: int = MEMORY_SPANS) -> tuple[float, float]:
    """The peak of a process that takes so many spans, before it seals them and after. 0 spans: of an interpreter that does nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.traces", MEMORY_OPTION, str(spans)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    held, sealed = map(float, done.stdout.split())
    return held, sealed


def report_memory(spans: int) -> None:
    pipeline = make_pipeline()
    for body in requests(spans // SPANS_PER_TRACE):
        pipeline.take(decode("v0.4", body), HEADERS, NOW)
    held = peak_mb()
    for body in pipeline.bodies():
        compressed(body.raw)
    print(held, peak_mb())


def compressed(raw: bytes) -> bytes:
    """As the process does it: a body is compressed before the next is asked for."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return bytes(zstd.compress(raw, 3))


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == [MEMORY_OPTION]:
        report_memory(int(sys.argv[2]))
    else:
        show(rows())
