"""Traces of the v1.0 route: maps with numbers for keys, texts that are sent once and then only pointed at.

A text stands either as itself, and then joins the table as its next entry if it is new, or as its place in the table; place 0 is the empty
text. So what a place means depends on everything that came before. A chunk that is broken is still walked through for its texts, or the
chunks after it would get the wrong ones.

    payload  1 strings | 2 container id | 3 language | 4 its version | 5 tracer version | 6 runtime id | 7 env | 8 hostname | 9 app version
             10 attributes | 11 chunks
    chunk    1 priority | 2 origin | 3 attributes | 4 spans | 5 dropped | 6 trace id (16 bytes) | 7 sampling mechanism (or decision maker)
    span     1 service | 2 name | 3 resource | 4 id | 5 parent id | 6 start | 7 duration | 8 error (bool) | 9 attributes | 10 type
             11 links | 12 events | 13 env | 14 version | 15 component | 16 kind (number)
    link     1 trace id (16 bytes) | 2 span id | 3 attributes | 4 tracestate | 5 flags
    event    1 time (ns) | 2 name | 3 attributes
    attributes   an array of threes: key, type, value; type 1 text, 2 bool, 3 double, 4 int, 5 bytes, 6 array of (type, value),
                 7 attributes again

Numbers that are not listed are skipped.
"""

from typing import Any

from protocols.msgpack_spans import ARRAY, BOOL, DOUBLE, INT, STRING
from protocols.msgpack_v1_values import Strings, array, as_text, attributes, flag, integer, wide_id
from protocols.trace_values import HIGH_TRACE_ID, I64_LARGEST, U64_LARGEST, Broken, Chunk, Decoded, Malformed, Span, SpanBudget

PAYLOAD_TEXTS = {
    2: "container_id", 3: "language_name", 4: "language_version", 5: "tracer_version", 6: "runtime_id", 7: "env", 8: "hostname",
    9: "app_version",
}  # fmt: skip
SPAN_TEXTS = {1: "service", 2: "name", 3: "resource", 10: "type"}
SPAN_META = {13: "env", 14: "version", 15: "component"}
SPAN_NUMBERS = {4: ("span_id", U64_LARGEST), 5: ("parent_id", U64_LARGEST), 6: ("start", I64_LARGEST), 7: ("duration", I64_LARGEST)}
KINDS = ("", "internal", "server", "client", "producer", "consumer")
DECISION_MAKER = "_dd.p.dm"


def decode_v1(payload: Any) -> Decoded:
    """A payload that msgpack has read. Raises Malformed."""
    if type(payload) is not dict:
        raise Malformed("the body is not a map")
    strings = Strings()
    told: dict[str, str] = {}
    tags: dict[str, str] = {}
    chunks: list[Chunk] = []
    refused: list[str] = []
    try:
        for key, value in payload.items():
            if key == 1:
                strings.begin_with(value)
            elif name := PAYLOAD_TEXTS.get(key):
                told[name] = strings.text(value)
            elif key == 10:
                tags = {tag: as_text(kind, entry) for tag, (kind, entry) in attributes(value, strings).items()}
            elif key == 11:
                _read_chunks(value, strings, chunks, refused)
            else:
                strings.learn(value)
    except Broken as error:
        raise Malformed(str(error)) from error
    return Decoded(chunks, refused, {name: value for name, value in told.items() if value}, tags)


def _read_chunks(raw: Any, strings: Strings, chunks: list[Chunk], refused: list[str]) -> None:
    if type(raw) is not list:
        raise Broken("chunks is not an array")
    budget = SpanBudget()
    for element in raw:
        size = strings.size
        try:
            chunks.append(_read_chunk(element, strings, budget))
        except Broken as error:
            refused.append(str(error))
            strings.shorten(size)
            strings.learn(element)


def _read_chunk(raw: Any, strings: Strings, budget: SpanBudget) -> Chunk:
    if type(raw) is not dict:
        raise Broken("a chunk is not a map")
    budget.take(raw.get(4))
    chunk = Chunk([])
    ids, decision = (0, 0), ""
    for key, value in raw.items():
        if key == 1:
            chunk.priority = integer(value, -0x80000000, 0x7FFFFFFF)
        elif key == 2:
            chunk.origin = strings.text(value)
        elif key == 3:
            chunk.tags = {tag: as_text(kind, entry) for tag, (kind, entry) in attributes(value, strings).items()}
        elif key == 4:
            chunk.spans = [_read_span(span, strings) for span in array(value)]
        elif key == 5:
            chunk.is_dropped = value is True
        elif key == 6:
            ids = wide_id(value)
        elif key == 7:
            # Mechanism 0 is the default; as a decision maker it is written with a dash.
            decision = (f"-{value}" if value else "") if type(value) is int and value >= 0 else strings.text(value)
        else:
            strings.learn(value)
    _tell_trace(chunk.spans, *ids, decision)
    return chunk


def _tell_trace(spans: list[Span], high: int, low: int, decision: str) -> None:
    """Write into the spans what v0.4 has in them and v1.0 in the chunk."""
    for span in spans:
        span["trace_id"] = low
        if high:
            span["meta"].setdefault(HIGH_TRACE_ID, f"{high:016x}")
    if decision and spans:
        spans[0]["meta"].setdefault(DECISION_MAKER, decision)


def _read_span(raw: Any, strings: Strings) -> Span:
    if type(raw) is not dict:
        raise Broken("a span is not a map")
    meta: dict[str, str] = {}
    metrics: dict[str, float] = {}
    span: Span = {
        "service": "", "name": "", "resource": "", "type": "", "trace_id": 0, "span_id": 0, "parent_id": 0, "start": 0, "duration": 0,
        "error": 0, "meta": meta, "metrics": metrics,
    }  # fmt: skip
    promoted: dict[str, str] = {}
    for key, value in raw.items():
        if key in SPAN_TEXTS:
            span[SPAN_TEXTS[key]] = strings.text(value)
        elif key in SPAN_NUMBERS:
            name, high = SPAN_NUMBERS[key]
            span[name] = integer(value, 0, high)
        elif key == 8:
            span["error"] = int(flag(value))
        elif key == 9:
            _sort_attributes(attributes(value, strings), span)
        elif key == 11:
            _set(span, "span_links", [_read_link(link, strings) for link in array(value)])
        elif key == 12:
            _set(span, "span_events", [_read_event(event, strings) for event in array(value)])
        elif key in SPAN_META:
            promoted[SPAN_META[key]] = strings.text(value)
        elif key == 16:
            promoted["span.kind"] = _kind(value, strings)
        else:
            strings.learn(value)
    meta |= {name: value for name, value in promoted.items() if value}
    return span


def _sort_attributes(attributes: dict[str, tuple[int, Any]], span: Span) -> None:
    """Attributes into the maps of v0.4: numbers are metrics, bytes are meta_struct, all else is text."""
    for name, (kind, value) in attributes.items():
        if kind in (3, 4):
            span["metrics"][name] = float(value)
        elif kind == 5:
            span.setdefault("meta_struct", {})[name] = value
        else:
            span["meta"][name] = as_text(kind, value)


def _kind(value: Any, strings: Strings) -> str:
    """The kind of a span as v0.4 writes it. Early senders wrote the word itself."""
    if type(value) is str:
        return strings.text(value)
    place = integer(value, 0, 0xFFFFFFFF)
    return KINDS[place] if place < len(KINDS) else ""


def _read_link(raw: Any, strings: Strings) -> Span:
    if type(raw) is not dict:
        raise Broken("a link is not a map")
    link: Span = {"trace_id": 0, "span_id": 0, "trace_id_high": 0, "attributes": {}, "tracestate": "", "flags": 0}
    for key, value in raw.items():
        if key == 1:
            link["trace_id_high"], link["trace_id"] = wide_id(value)
        elif key == 2:
            link["span_id"] = integer(value, 0, U64_LARGEST)
        elif key == 3:
            link["attributes"] = {name: as_text(kind, entry) for name, (kind, entry) in attributes(value, strings).items()}
        elif key == 4:
            link["tracestate"] = strings.text(value)
        elif key == 5:
            link["flags"] = integer(value, 0, 0xFFFFFFFF)
        else:
            strings.learn(value)
    return link


def _read_event(raw: Any, strings: Strings) -> Span:
    if type(raw) is not dict:
        raise Broken("an event is not a map")
    event: Span = {"time_unix_nano": 0, "name": "", "attributes": {}}
    for key, value in raw.items():
        if key == 1:
            event["time_unix_nano"] = integer(value, 0, U64_LARGEST)
        elif key == 2:
            event["name"] = strings.text(value)
        elif key == 3:
            event["attributes"] = {name: _event_value(*entry) for name, entry in attributes(value, strings).items()}
        else:
            strings.learn(value)
    return event


def _event_value(kind: int, value: Any) -> Span:
    if kind == 6:
        values = [_event_scalar(*each) if each[0] < 5 else {"type": STRING, "string_value": as_text(*each)} for each in value]
        return {"type": ARRAY, "array_value": {"values": values}}
    return _event_scalar(kind, value) if kind < 5 else {"type": STRING, "string_value": as_text(kind, value)}


def _event_scalar(kind: int, value: Any) -> Span:
    number, field = ((STRING, "string_value"), (BOOL, "bool_value"), (DOUBLE, "double_value"), (INT, "int_value"))[kind - 1]
    return {"type": number, field: value}


def _set(span: Span, name: str, values: list[Span]) -> None:
    if values:
        span[name] = values
