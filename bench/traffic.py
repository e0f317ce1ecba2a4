"""Recorded-like traffic of any length: the lines of a fixture, made one after the other, so that length costs no memory."""

from collections.abc import Iterator
from random import Random

from protocols.fixture import Header, Told, header_line, told_line

EPOCH_MS = 1_767_225_600_000  # 2026-01-01
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "orders-api",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_REGION": "us-east-1",
    "DD_SERVICE": "orders",
    "DD_ENV": "lab",
    "DD_TAGS": "team:checkout,layer:one",
}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders-api"


def fixture(invocations: int, gap_ms: int, seed: int = 1, strategy: str = "", log_lines: int = 4) -> Iterator[str]:
    """A warm sandbox that is invoked every `gap_ms` or so; each invocation logs, counts and reports as a small web handler does.

    `log_lines` are those of one invocation; `strategy` is a flush strategy in the words of its setting.
    """
    random = Random(seed)
    environment = ENVIRONMENT | ({"DD_SERVERLESS_FLUSH_STRATEGY": strategy} if strategy else {})
    yield header_line(Header("generated", EPOCH_MS, environment))
    for kind, fields in (("register", {"account_id": "123456789012"}), ("subscribe", {})):
        yield told_line(Told(0, kind, fields))
    at_ms, report = 500, None
    for number in range(invocations):
        yield from _invocation(random, at_ms, number, report, log_lines)
        report = _report(random, at_ms + 40, _request_id(number))
        at_ms += gap_ms // 2 + random.randrange(gap_ms)
    yield told_line(
        Told(at_ms, "next", {"answer": {"eventType": "SHUTDOWN", "deadlineMs": EPOCH_MS + at_ms + 2000, "shutdownReason": "spindown"}})
    )
    yield told_line(Told(at_ms + 2, "telemetry", {"records": [report]}))


def _request_id(number: int) -> str:
    return f"{number:08x}-5b0d-4a52-9c0b-0d3c2f1e7a11"


def _time(at_ms: int) -> str:
    second, ms = divmod(EPOCH_MS + at_ms, 1000)
    minute, s = divmod(second, 60)
    hour, m = divmod(minute, 60)
    day, h = divmod(hour, 24)
    return f"2026-01-{day - 20453 + 1:02d}T{h:02d}:{m:02d}:{s:02d}.{ms:03d}Z"


def _record(at_ms: int, kind: str, record: object) -> dict[str, object]:
    return {"time": _time(at_ms), "type": kind, "record": record}


def _report(random: Random, at_ms: int, request_id: str) -> dict[str, object]:
    metrics = {"durationMs": 34.75, "billedDurationMs": 35, "memorySizeMB": 1024, "maxMemoryUsedMB": 91}
    return _record(at_ms, "platform.report", {"requestId": request_id, "status": "success", "metrics": metrics})


def _invocation(random: Random, at_ms: int, number: int, report: dict[str, object] | None, log_lines: int) -> Iterator[str]:
    request_id = _request_id(number)
    answer = {"eventType": "INVOKE", "deadlineMs": EPOCH_MS + at_ms + 3000, "requestId": request_id, "invokedFunctionArn": ARN}
    yield told_line(Told(at_ms, "next", {"answer": answer}))
    start = _record(at_ms, "platform.start", {"requestId": request_id, "version": "$LATEST"})
    yield told_line(Told(at_ms + 1, "telemetry", {"records": [report, start] if report else [start]}))
    lines = [
        f"[INFO]\t{_time(at_ms + 5)}\t{request_id}\torder {random.randrange(10**6)} accepted after {random.random():.3f} s"
        for _ in range(log_lines)
    ]
    yield told_line(Told(at_ms + 8, "telemetry", {"records": [_record(at_ms + 5, "function", line) for line in lines]}))
    datagrams = [
        f"orders.accepted:{random.randrange(9)}|c|#shop:eu",
        f"orders.value:{random.random() * 90:.2f}|d|#shop:eu",
        "orders.open:7|g",
    ]
    yield told_line(Told(at_ms + 9, "datagrams", {"lines": datagrams}))
    done = {"requestId": request_id, "status": "success", "metrics": {"durationMs": 23.5, "producedBytes": 41}}
    yield told_line(Told(at_ms + 12, "telemetry", {"records": [_record(at_ms + 11, "platform.runtimeDone", done)]}))
