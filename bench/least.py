"""What is left of a replay when all that the agent is for is left out: a straight line from the same text to bodies of the same kinds.

Nothing is decided, bounded, checked, combined over time, counted or told; every tag, and what else is the same in each log entry,
is serialised already. The lines are read, each record and each value is taken once, written, and compressed.
"""

import json
from json.encoder import encode_basestring_ascii as quoted
from math import ceil, log
from struct import pack
from typing import Any

from backports import zstd

ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders-api"
TAGS = (
    "account_id:123456789012",
    "architecture:x86_64",
    "aws_account:123456789012",
    "dd_extension_version:0.1.0",
    "env:lab",
    f"function_arn:{ARN}",
    "functionname:orders-api",
    "init_type:on-demand",
    "memorysize:1024",
    "region:us-east-1",
    "runtime:provided.al2023",
    "service:orders",
)
TAGS_OF_SERIES = json.dumps(TAGS)
REST_OF_LOG = (
    f'"lambda":{{"arn":"{ARN}","request_id":""}},"status":"info"}},"hostname":"{ARN}","service":"orders",'
    f'"ddsource":"lambda","ddtags":"{",".join(TAGS)}"}}'
)
TAGS_OF_SKETCHES = b"".join(b'"' + bytes([len(tag)]) + tag.encode() for tag in TAGS)
OF_REPORT = ("duration", "billed_duration", "memorysize", "max_memory_used", "estimated_cost", "post_runtime_duration", "init_duration")
NAMES = ("invocations", "runtime_duration", *OF_REPORT)
HEADS = {name: b"\n" + bytes([len(name) + 20]) + b"aws.lambda.enhanced." + name.encode() + TAGS_OF_SKETCHES for name in NAMES}


def bodies(lines: list[str]) -> int:
    """Bytes of them all."""
    compressor, size = zstd.ZstdCompressor(), 0
    logs: list[str] = []
    sketches: list[bytes] = []
    series: list[str] = []
    for line in lines[1:]:
        told = json.loads(line)
        if (kind := told["in"]) == "telemetry":
            for record in told["records"]:
                take(record, told["at_ms"], logs, sketches)
        elif kind == "datagrams":
            for datagram in told["lines"]:
                measure(datagram, told["at_ms"], series, sketches)
        elif logs:
            for body in (f"[{','.join(logs)}]".encode(), f'{{"series":[{",".join(series)}]}}'.encode(), b"".join(sketches)):
                compressor.set_pledged_input_size(len(body))
                size += len(compressor.compress(body, compressor.FLUSH_FRAME))
            logs, sketches, series = [], [], []
    return size


def take(record: dict[str, Any], at_ms: int, logs: list[str], sketches: list[bytes]) -> None:
    kind, said = record["type"], record["record"]
    if kind == "function":
        logs.append(log_of(said, record["time"]))
    elif kind == "platform.start":
        logs.append(log_of("START RequestId: " + said["requestId"], record["time"]))
        sketches.append(sketch("invocations", 1.0, at_ms))
    elif kind == "platform.runtimeDone":
        sketches.append(sketch("runtime_duration", said["metrics"]["durationMs"], at_ms))
    else:
        metrics = said["metrics"]
        logs.append(log_of(f"REPORT RequestId: {said['requestId']} Duration: {metrics['durationMs']} ms", record["time"]))
        sketches += [sketch(name, value, at_ms) for name, value in zip(OF_REPORT, (*metrics.values(), 0.1, 0.2, 0.3), strict=True)]


def log_of(line: str, time: str) -> str:
    return f'{{"message":{{"message":{quoted(line)},"timestamp":"{time}",{REST_OF_LOG}'


def measure(datagram: str, at_ms: int, series: list[str], sketches: list[bytes]) -> None:
    name, _, rest = datagram.partition(":")
    value, kind, *_ = rest.split("|")
    if kind == "d":
        sketches.append(sketch("duration", float(value), at_ms))
    else:
        series.append(f'{{"metric":"{name}","points":[{{"timestamp":{at_ms},"value":{float(value)}}}],"tags":{TAGS_OF_SERIES}}}')


def sketch(name: str, value: float, at_ms: int) -> bytes:
    return HEADS[name] + pack("<qddddqH", at_ms, value, value, value, value, ceil(log(value) / 0.0155) + 1338, 1)
