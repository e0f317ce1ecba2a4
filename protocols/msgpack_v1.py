"""Traces of the v1.0 route: maps with numbers for keys, texts that are sent once and then only pointed at.

A text stands either as itself, and then joins the table as its next entry if it is new, or as its place in the table; place 0 is the empty
text. So what a place means depends on everything that came before. A chunk that is broken is still walked through for its texts, or the
chunks after it would get the wrong ones.

    payload  1 strings | 2 container id | 3 language | 4 its version | 5 tracer version | 6 runtime id | 7 env | 8 hostname | 9 app version
             10 attributes | 11 chunks
    chunk    1 priority | 2 origin | 3 attributes | 4 spans | 5 dropped | 6 trace id (16 bytes) | 7 sampling mechanism (once: decision maker)
    span     1 service | 2 name | 3 resource | 4 id | 5 parent id | 6 start | 7 duration | 8 error (bool) | 9 attributes | 10 type
             11 links | 12 events | 13 env | 14 version | 15 component | 16 kind (number)
    link     1 trace id (16 bytes) | 2 span id | 3 attributes | 4 tracestate | 5 flags
    event    1 time (ns) | 2 name | 3 attributes
    attributes   an array of threes: key, type, value; type 1 text, 2 bool, 3 double, 4 int, 5 bytes, 6 array of (type, value),
                 7 attributes again

Numbers that are not listed are skipped.
"""

import json
from typing import Any

from protocols.msgpack_spans import ARRAY, BOOL, DOUBLE, INT, STRING
from protocols.trace_values import HIGH_TRACE_ID, I64_MAX, U64_MAX, Broken, Chunk, Decoded, Malformed, Span

PAYLOAD_TEXTS = {
    2: "container_id", 3: "language_name", 4: "language_version", 5: "tracer_version", 6: "runtime_id", 7: "env", 8: "hostname",
    9: "app_version",
}  # fmt: skip
SPAN_TEXTS = {1: "service", 2: "name", 3: "resource", 10: "type"}
SPAN_META = {13: "env", 14: "version", 15: "component"}
SPAN_NUMBERS = {4: ("span_id", U64_MAX), 5: ("parent_id", U64_MAX), 6: ("start", I64_MAX), 7: ("duration", I64_MAX)}
KINDS = ("", "internal", "server", "client", "producer", "consumer")
DEPTH_MAX = 16  # of attributes within attributes
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
                tags = {tag: as_text(kind, entry) for tag, (kind, entry) in _attributes(value, strings).items()}
            elif key == 11:
                _read_chunks(value, strings, chunks, refused)
            else:
                strings.learn(value)
    except Broken as error:
        raise Malformed(str(error)) from error
    return Decoded(chunks, refused, {name: value for name, value in told.items() if value}, tags)


class Strings:
    """The table of texts, in the order in which the wire brings them."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {"": 0}
        self._texts = [""]

    def begin_with(self, value: Any) -> None:
        """A table that was sent ahead: only possible before any other text."""
        if type(value) is not list or len(self._texts) > 1:
            raise Broken("texts sent ahead are not the first")
        for text in value:
            if type(text) is not str:
                raise Broken("a text sent ahead is not text")
            if text:
                self._places.setdefault(text, len(self._texts))
                self._texts.append(text)

    def text(self, value: Any) -> str:
        """The text that stands here, itself or as a place."""
        if type(value) is str:
            if value not in self._places:
                self._places[value] = len(self._texts)
                self._texts.append(value)
            return value
        if type(value) is not int or not 0 <= value < len(self._texts):
            raise Broken("a text is neither text nor a place in the table")
        return self._texts[value]

    def learn(self, value: Any) -> None:
        """Only the texts that stand in here, however deep."""
        waiting = [value]
        while waiting:
            current = waiting.pop()
            if type(current) is str:
                self.text(current)
            elif type(current) is list:
                waiting += reversed(current)
            elif type(current) is dict:
                for key, entry in reversed(current.items()):
                    waiting += (entry, key)

    @property
    def size(self) -> int:
        return len(self._texts)

    def shorten(self, size: int) -> None:
        """Forget all but the first `size` texts."""
        for text in self._texts[size:]:
            if self._places.get(text, 0) >= size:
                del self._places[text]
        del self._texts[size:]


def _read_chunks(raw: Any, strings: Strings, chunks: list[Chunk], refused: list[str]) -> None:
    if type(raw) is not list:
        raise Broken("chunks is not an array")
    for element in raw:
        size = strings.size
        try:
            chunks.append(_read_chunk(element, strings))
        except Broken as error:
            refused.append(str(error))
            strings.shorten(size)
            strings.learn(element)


def _read_chunk(raw: Any, strings: Strings) -> Chunk:
    if type(raw) is not dict:
        raise Broken("a chunk is not a map")
    chunk = Chunk([])
    trace_id, decision = b"", ""
    for key, value in raw.items():
        if key == 1:
            chunk.priority = _integer(value, -0x80000000, 0x7FFFFFFF)
        elif key == 2:
            chunk.origin = strings.text(value)
        elif key == 3:
            chunk.tags = {tag: as_text(kind, entry) for tag, (kind, entry) in _attributes(value, strings).items()}
        elif key == 4:
            chunk.spans = [_read_span(span, strings) for span in _array(value)]
        elif key == 5:
            chunk.is_dropped = value is True
        elif key == 6:
            trace_id = _trace_id(value)
        elif key == 7:
            # Mechanism 0 is the default; as a decision maker it is written with a dash.
            decision = (f"-{value}" if value else "") if type(value) is int and value >= 0 else strings.text(value)
        else:
            strings.learn(value)
    _tell_trace(chunk.spans, trace_id, decision)
    return chunk


def _tell_trace(spans: list[Span], trace_id: bytes, decision: str) -> None:
    """Write into the spans what v0.4 has in them and v1.0 in the chunk."""
    low = int.from_bytes(trace_id[8:], "big")
    high = trace_id[:8].hex() if any(trace_id[:8]) else ""
    for span in spans:
        span["trace_id"] = low
        if high:
            span["meta"].setdefault(HIGH_TRACE_ID, high)
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
            span[name] = _integer(value, 0, high)
        elif key == 8:
            span["error"] = int(_flag(value))
        elif key == 9:
            _sort_attributes(_attributes(value, strings), span)
        elif key == 11:
            _set(span, "span_links", [_read_link(link, strings) for link in _array(value)])
        elif key == 12:
            _set(span, "span_events", [_read_event(event, strings) for event in _array(value)])
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
    place = _integer(value, 0, 0xFFFFFFFF)
    return KINDS[place] if place < len(KINDS) else ""


def _read_link(raw: Any, strings: Strings) -> Span:
    if type(raw) is not dict:
        raise Broken("a link is not a map")
    link: Span = {"trace_id": 0, "span_id": 0, "trace_id_high": 0, "attributes": {}, "tracestate": "", "flags": 0}
    for key, value in raw.items():
        if key == 1:
            trace_id = _trace_id(value)
            link["trace_id_high"], link["trace_id"] = int.from_bytes(trace_id[:8], "big"), int.from_bytes(trace_id[8:], "big")
        elif key == 2:
            link["span_id"] = _integer(value, 0, U64_MAX)
        elif key == 3:
            link["attributes"] = {name: as_text(kind, entry) for name, (kind, entry) in _attributes(value, strings).items()}
        elif key == 4:
            link["tracestate"] = strings.text(value)
        elif key == 5:
            link["flags"] = _integer(value, 0, 0xFFFFFFFF)
        else:
            strings.learn(value)
    return link


def _read_event(raw: Any, strings: Strings) -> Span:
    if type(raw) is not dict:
        raise Broken("an event is not a map")
    event: Span = {"time_unix_nano": 0, "name": "", "attributes": {}}
    for key, value in raw.items():
        if key == 1:
            event["time_unix_nano"] = _integer(value, 0, U64_MAX)
        elif key == 2:
            event["name"] = strings.text(value)
        elif key == 3:
            event["attributes"] = {name: _event_value(*entry) for name, entry in _attributes(value, strings).items()}
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


# --- attributes ---------------------------------------------------------------------------------------------------------------


def _attributes(raw: Any, strings: Strings, depth: int = 0) -> dict[str, tuple[int, Any]]:
    """Key to (type, value); arrays are lists of such pairs."""
    elements = _array(raw)
    if len(elements) % 3:
        raise Broken("attributes are not threes")
    found = {}
    for place in range(0, len(elements), 3):
        key = strings.text(elements[place])
        found[key] = _attribute(elements[place + 1], elements[place + 2], strings, depth)
    return found


def _attribute(kind: Any, value: Any, strings: Strings, depth: int) -> tuple[int, Any]:
    if depth > DEPTH_MAX:
        raise Broken("attributes nest too deep")
    if kind == 1:
        return 1, strings.text(value)
    if kind == 2:
        return 2, _flag(value)
    if kind == 3:
        if type(value) is not float and type(value) is not int:
            raise Broken("an attribute is not a number")
        return 3, float(value)
    if kind == 4:
        return 4, _integer(value, -I64_MAX - 1, I64_MAX)
    if kind == 5 and type(value) is bytes:
        return 5, value
    if kind == 6:
        elements = _array(value)
        if len(elements) % 2:
            raise Broken("an array is not pairs")
        places = range(0, len(elements), 2)
        return 6, [_attribute(elements[place], elements[place + 1], strings, depth + 1) for place in places]
    if kind == 7:
        return 7, _attributes(value, strings, depth + 1)
    raise Broken("an attribute of an unknown type")


def as_text(kind: int, value: Any) -> str:
    """An attribute as a tag: text as it is, everything else as JSON, bytes in hexadecimal."""
    return value if kind == 1 else json.dumps(_plain(kind, value), ensure_ascii=False, separators=(",", ":"))


def _plain(kind: int, value: Any) -> Any:
    if kind == 5:
        return value.hex()
    if kind == 6:
        return [_plain(*each) for each in value]
    return {name: _plain(*each) for name, each in value.items()} if kind == 7 else value


def _array(value: Any) -> list[Any]:
    if value is None:
        return []
    if type(value) is not list:
        raise Broken("an array is expected")
    return value


def _integer(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise Broken("a number is not an integer of its range")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise Broken("a flag is not a boolean")
    return value


def _trace_id(value: Any) -> bytes:
    """Sixteen bytes, the high half first; shorter ids lack their leading zeros."""
    if type(value) is not bytes or len(value) > 16:
        raise Broken("a trace id is not sixteen bytes")
    return value.rjust(16, b"\0")


def _set(span: Span, name: str, values: list[Span]) -> None:
    if values:
        span[name] = values
