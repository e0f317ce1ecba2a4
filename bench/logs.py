"""What a log line costs: microseconds from the telemetry body to the request body, against `json.loads` + `json.dumps` of the same records.

Run it as `python -m bench.logs`. Each figure is the best of several rounds; a round takes one body and seals what came of it.
"""

import json
import time
from collections.abc import Callable, Iterator

from bench.table import Row, show
from fsm.time import Now
from pipelines.logs.pipeline import LogsPipeline
from protocols.telemetry_records import parse_batch

LINES = 1000
ROUNDS = 30
REQUEST_ID = "459921b5-681c-4a96-beb0-81e0aa586026"
TEXT = f"[INFO]\t2026-11-23T14:00:17.764Z\t{REQUEST_ID}\tcharged card of customer 4711, order 0815, in 23.5 ms"
OBJECT = {"timestamp": "2026-11-23T14:00:17.764Z", "level": "INFO", "message": "charged card", "logger": "root", "requestId": REQUEST_ID}
TAGS = ",".join(f"{key}:value-of-{key}" for key in ("env", "functionname", "memorysize", "region", "service", "team", "version"))


def record(record_type: str, content: object, place: int) -> dict[str, object]:
    return {"time": f"2026-11-23T14:00:{17 + place // 500}.{place % 500 * 2:03d}Z", "type": record_type, "record": content}


def batches() -> Iterator[tuple[str, list[dict[str, object]]]]:
    yield "text lines", [record("function", TEXT, place) for place in range(LINES)]
    yield "text lines of 1 kB", [record("function", TEXT * 10, place) for place in range(LINES)]
    yield "text lines, not ASCII", [record("function", f"Gebühr für {TEXT}", place) for place in range(LINES)]
    yield "JSON in text lines", [record("function", json.dumps(OBJECT), place) for place in range(LINES)]
    yield "JSON objects", [record("function", OBJECT, place) for place in range(LINES)]
    yield (
        "objects with ddtags",
        [record("function", OBJECT | {"ddtags": "team:a,step:b"}, place) for place in range(LINES)],
    )


def best_us(work: Callable[[], object]) -> float:
    """The shortest round, in microseconds of CPU per line."""
    shortest = float("inf")
    for _ in range(ROUNDS):
        start_ns = time.process_time_ns()
        work()
        shortest = min(shortest, time.process_time_ns() - start_ns)
    return shortest / 1000 / LINES


def rows() -> list[Row]:
    now = Now(epoch_ms=1795442417764, mono_ms=0)
    pipeline = LogsPipeline(arn="arn:aws:lambda:us-east-1:123456789012:function:orders-api", function_name="orders-api", tags=TAGS)
    pipeline.take([{"time": "2026-11-23T14:00:17.000Z", "type": "platform.start", "record": {"requestId": REQUEST_ID}}], now)
    found = []
    for name, records in batches():
        body = json.dumps(records, separators=(",", ":")).encode()

        def bare(body: bytes = body) -> None:
            json.dumps(json.loads(body))

        def whole(body: bytes = body) -> None:
            pipeline.take(parse_batch(body)[0], now)
            pipeline.seal()

        json_us, whole_us = best_us(bare), best_us(whole)
        found.append(Row(f"logs: {name}", whole_us, "us", f"json both ways {json_us:.2f} us", whole_us / json_us))
    return found


if __name__ == "__main__":
    show(rows())
