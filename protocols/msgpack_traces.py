"""Bodies of the trace routes of port 8126, in all versions that tracers send. Bytes in, spans out; no clock, no I/O.

One broken trace costs only itself; its reason names no content. (specification, traces 4)
"""

from collections.abc import Callable, Iterator
from typing import Any

from protocols.msgpack_read import complete_elements, read_value
from protocols.msgpack_spans import integer, mapping, read_trace, text
from protocols.trace_values import Broken, Chunk, Decoded, Malformed, Span, SpanBudget

__all__ = ["Broken", "Chunk", "Decoded", "Malformed", "decode"]

BREAKS_OFF = "the body breaks off"


def decode(version: str, body: bytes) -> Decoded:
    """What a body holds. `version` as in the route: "v0.3", "v0.4", "v0.5", "v0.7", "v1.0". Raises Malformed."""
    return _DECODERS[version](body)


def _decode_v04(body: bytes) -> Decoded:
    """`[[span, ...], ...]`; v0.3 is the same."""
    try:
        traces = read_value(body)
    except Malformed as error:
        return _only_complete(complete_elements(body), read_trace, error)
    if type(traces) is not list:
        raise Malformed("the body is not an array")
    return Decoded(*each_trace(traces, read_trace))


def each_trace(traces: list[Any], read: Callable[[Any], list[Span]]) -> tuple[list[Chunk], list[str]]:
    """The chunks that can be used, and reasons for the others."""
    chunks: list[Chunk] = []
    refused: list[str] = []
    budget = SpanBudget()
    for raw in traces:
        try:
            budget.take(raw)
            chunks.append(Chunk(read(raw)))
        except Broken as error:
            refused.append(str(error))
    return chunks, refused


def _only_complete(elements: Iterator[Any], read: Callable[[Any], list[Span]], error: Malformed) -> Decoded:
    """The traces that came whole, of a body that breaks off; `error` if there are none."""
    traces = list(_until_malformed(elements))
    if not traces:
        raise error
    chunks, refused = each_trace(traces, read)
    return Decoded(chunks, [*refused, BREAKS_OFF])


def _until_malformed(elements: Iterator[Any]) -> Iterator[Any]:
    try:
        yield from elements
    except Malformed:
        return


def _decode_v05(body: bytes) -> Decoded:
    """`[strings, [[span, ...], ...]]`, a span being an array of indices and numbers."""
    from protocols.msgpack_v05 import read_strings, trace_reader

    try:
        value = read_value(body)
    except Malformed as error:
        read = trace_reader(list(complete_elements(body, 0)))
        return _only_complete(complete_elements(body, 1, of=2), read, error)
    if type(value) is not list or len(value) != 2 or type(value[1]) is not list:
        raise Malformed("the body is not an array of strings and traces")
    return Decoded(*each_trace(value[1], trace_reader(read_strings(value[0]))))


def _decode_v07(body: bytes) -> Decoded:
    """A map about the tracer with `chunks`, a chunk being a map about a trace with `spans` as in v0.4."""
    payload = read_value(body)
    if type(payload) is not dict:
        raise Malformed("the body is not a map")
    try:
        told = {name: value for name in PAYLOAD_TEXTS if (value := text(payload, name))}
        tags = mapping(payload, "tags", _tag)
    except Broken as error:
        raise Malformed(str(error)) from error
    raw_chunks = payload.get("chunks")
    if raw_chunks is not None and type(raw_chunks) is not list:
        raise Malformed("chunks is not an array")
    chunks: list[Chunk] = []
    refused: list[str] = []
    budget = SpanBudget()
    for raw in raw_chunks or ():
        try:
            chunks.append(_read_chunk(raw, budget))
        except Broken as error:
            refused.append(str(error))
    return Decoded(chunks, refused, told, tags)


PAYLOAD_TEXTS = (
    "container_id", "language_name", "language_version", "tracer_version", "runtime_id", "env", "hostname", "app_version",
)  # fmt: skip


def _tag(value: Any) -> str | None:
    if value is not None and type(value) is not str:
        raise Broken("a tag is not text")
    return value


def _read_chunk(raw: Any, budget: SpanBudget) -> Chunk:
    if type(raw) is not dict:
        raise Broken("a chunk is not a map")
    budget.take(raw.get("spans"))
    priority = None if raw.get("priority") is None else integer(raw, "priority", -0x80000000, 0x7FFFFFFF)
    spans = read_trace([] if raw.get("spans") is None else raw["spans"])
    return Chunk(spans, priority, text(raw, "origin"), mapping(raw, "tags", _tag), raw.get("dropped_trace") is True)


def _decode_v10(body: bytes) -> Decoded:
    from protocols.msgpack_v1 import decode_v1

    return decode_v1(read_value(body))


_DECODERS: dict[str, Callable[[bytes], Decoded]] = {
    "v0.3": _decode_v04,
    "v0.4": _decode_v04,
    "v0.5": _decode_v05,
    "v0.7": _decode_v07,
    "v1.0": _decode_v10,
}
