"""One request to an intake, decoded and checked: bytes in, a document and its problems out. No I/O, no clock, never our own encoders.

The documents have the shape of the recordings' `outputs`, so that both can be compared key by key.
"""

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from emulator.bodies import RAW_BYTES_MAX, decompressed, digest, parse_json, parse_msgpack, shallow
from emulator.check_logs import check_logs
from emulator.check_metrics import check_event, check_series, check_service_checks, check_sketches
from emulator.check_stats import check_stats
from emulator.check_traces import check_traces
from emulator.problems import Problems
from emulator.protobuf_schemas import PayloadError, decode_message

MIB = 1024 * 1024

Headers = Iterable[tuple[bytes, bytes]]
FORWARDED = "x-datadog-additional-tags"  # the extension sets it on requests that it only passes on (specification, traces 11)
NEVER_FORWARDED = ("connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect", "proxy-authorization", "proxy-connection")


@attrs.frozen
class Decoded:
    """What one request said. `document` is None when the body could not be read; the reason is then among the problems."""

    kind: str  # series sketches logs traces stats proxy events service_checks intake_key unknown
    document: Any
    problems: tuple[str, ...]
    raw_bytes: int  # of the body once decompressed
    refusal: int | None = None  # the status with which a real intake refuses such a body: 400, 404 or 413


@attrs.frozen
class Wire:
    """What a body of one kind must look like on the wire."""

    content_type: str
    encodings: tuple[str, ...]
    compressed_bytes_max: int
    raw_bytes_max: int
    check: Callable[[Any, Problems], None]
    message: str = ""  # the protobuf message, when it is one


def _unchecked(document: Any, found: Problems) -> None:
    """A body that the extension passes on belongs to the tracer: its content is not ours to judge."""


JSON, PROTOBUF, MSGPACK = "application/json", "application/x-protobuf", "application/msgpack"

# Limits: specification, metrics 5.5 (series also have a public limit once compressed), logs 9.1, traces 10.3, stats 5.
WIRES = {
    "series": Wire(JSON, ("", "zstd"), 500 * 1024, 5 * MIB, check_series),
    "sketches": Wire(PROTOBUF, ("", "zstd"), 62 * MIB, 62 * MIB, check_sketches, "SketchPayload"),
    "logs": Wire(JSON, ("", "zstd"), 5 * MIB, 5 * MIB, check_logs),
    "traces": Wire(PROTOBUF, ("", "zstd"), 13_107_200, 13_107_200, check_traces, "AgentPayload"),
    "stats": Wire(MSGPACK, ("", "gzip"), 3 * MIB, 3 * MIB, check_stats),
    "events": Wire(JSON, ("", "zstd"), 5 * MIB, 5 * MIB, check_event),
    "service_checks": Wire(JSON, ("", "zstd"), 5 * MIB, 5 * MIB, check_service_checks),
    "proxy": Wire("", ("", "gzip", "zstd", "deflate"), 50 * MIB, RAW_BYTES_MAX, _unchecked),
    "intake_key": Wire("", ("",), 0, 0, _unchecked),
    "unknown": Wire("", ("", "gzip", "zstd", "deflate"), 50 * MIB, RAW_BYTES_MAX, _unchecked),
}

KINDS = {
    "/api/v2/series": "series",
    "/api/beta/sketches": "sketches",
    "/api/v2/logs": "logs",
    "/": "logs",  # an Observability Pipelines Worker's URL has no path of its own (specification, logs 9.3)
    "/api/v0.2/traces": "traces",
    "/api/v0.2/stats": "stats",
    "/api/v1/events": "events",
    "/api/v1/check_run": "service_checks",
    "/api/v2/intake-key": "intake_key",
    "/api/v0.1/pipeline_stats": "proxy",
    "/api/v2/profile": "proxy",
    "/api/intake/llm-obs/v1/eval-metric": "proxy",
    "/api/intake/llm-obs/v2/eval-metric": "proxy",
    "/api/v2/llmobs": "proxy",
    "/api/v2/debugger": "proxy",
    "/api/v2/apmtelemetry": "proxy",
}


def decode(path: str, headers: Headers, body: bytes) -> Decoded:
    """Decode and check one request. Never raises for what a sender did: all of that is in the problems."""
    found = Problems()
    headers = tuple(headers)
    named = headers_as_text(headers)
    found.expect(len(named) == len(headers), f"a header twice: {sorted(name.decode('latin-1').lower() for name, _ in headers)}")
    kind = kind_of(path, named)
    wire = WIRES[kind]
    _check_headers(kind, path, named, found)
    small = found.expect(len(body) <= wire.compressed_bytes_max, f"body of {len(body)} bytes, more than {wire.compressed_bytes_max}")
    raw = decompressed(named.get("content-encoding", ""), body, found)
    if raw is None:
        return Decoded(kind, None, found.sentences(), 0, 400 if small else 413)
    if not found.expect(len(raw) <= wire.raw_bytes_max, f"{len(raw)} bytes when decompressed, more than {wire.raw_bytes_max}"):
        small = False
    document = _parsed(kind, named.get("content-type", ""), raw, found)
    if document is not None:
        wire.check(document, found)
    refusal = 404 if kind == "unknown" else 413 if not small else 400 if document is None else None
    return Decoded(kind, document, found.sentences(), len(raw), refusal)


def headers_as_text(headers: Headers) -> dict[str, str]:
    """Names in lower case; the last of a repeated name wins."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def kind_of(path: str, headers: dict[str, str]) -> str:
    """Which intake a request is for. Only the tags of a forwarded request tell a tracer's own logs from ours."""
    if FORWARDED in headers:
        return "proxy"
    return KINDS.get(path.partition("?")[0], "unknown")


def _check_headers(kind: str, path: str, headers: dict[str, str], found: Problems) -> None:
    wire = WIRES[kind]
    if kind == "unknown":
        found.add(f"no such endpoint: {path}")
    if kind == "intake_key":
        proof = headers.get("authorization", "")
        found.expect(proof.startswith("Delegated ") and proof.count("|") == 3, "authorization is not a delegated proof of four parts")
        return
    found.expect(bool(headers.get("dd-api-key")), "no dd-api-key")
    given = headers.get("content-type", "")
    found.expect(wire.content_type in ("", given), f"content-type is {given!r}, not {wire.content_type!r}")
    encoding = headers.get("content-encoding", "")
    found.expect(encoding in wire.encodings, f"content-encoding {encoding!r} is not taken here")
    _check_special_headers(kind, path, headers, found)


def _check_special_headers(kind: str, path: str, headers: dict[str, str], found: Problems) -> None:
    if kind == "logs" and path == "/":
        found.expect("dd-protocol" not in headers, "dd-protocol on logs for a pipelines worker")
        found.expect("content-encoding" not in headers, "compressed logs for a pipelines worker")
    elif kind == "logs":
        found.expect(headers.get("dd-protocol") == "agent-json", f"dd-protocol is {headers.get('dd-protocol')!r}, not 'agent-json'")
    elif kind == "traces":
        found.expect(headers.get("datadog-send-real-http-status") == "1", "datadog-send-real-http-status is not 1")
        found.expect(bool(headers.get("user-agent")), "no user-agent")
    elif kind == "proxy":
        tags = headers.get(FORWARDED, "")
        found.expect(tags.startswith("_dd.origin:lambda;functionname:"), f"{FORWARDED} is {tags!r}")
        for name in NEVER_FORWARDED:
            found.expect(name not in headers, f"{name} was passed on")


def _parsed(kind: str, content_type: str, raw: bytes, found: Problems) -> Any:
    """The document of a plain body; of a forwarded body that is not JSON only its size and digest are kept."""
    wire = WIRES[kind]
    try:
        if wire.message:
            document, strangers = decode_message(wire.message, raw)
            for sentence in strangers:
                found.add(sentence)
            return document
        if wire.content_type == MSGPACK:
            return shallow(parse_msgpack(raw))
        if wire.content_type == JSON or content_type.partition(";")[0] == JSON:
            return shallow(parse_json(raw, found))
    except (PayloadError, RecursionError) as error:
        found.add(str(error) or "nested too deeply")
        return None if wire.content_type else digest(raw)
    return digest(raw)
