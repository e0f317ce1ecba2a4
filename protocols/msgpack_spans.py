"""Spans as msgpack maps: the form of v0.3, v0.4 and v0.7. (specification, traces 4.1)

A span of the usual shape is only looked at and taken as it is. The long way, field by field, is for the others. Keys that nobody knows stay
where they are: no encoder looks at them. Of a repeated key the last value counts (seeing the repetition would cost a call for each map).
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from protocols.trace_values import I64_LARGEST, U64_LARGEST, Broken, Span

TEXTS = ("service", "name", "resource", "type")
IDS = ("trace_id", "span_id", "parent_id")

_fields = itemgetter(*TEXTS, *IDS, "start", "duration", "error", "meta", "metrics")
_USUAL = (*[str] * 4, *[int] * 6, dict, dict)
_RARE = frozenset({"meta_struct", "span_links", "span_events"})
_TEXT = frozenset({str})
_NUMBERS = frozenset({float, int})


def read_trace(raw: Any) -> list[Span]:
    """The spans of one trace. Raises Broken."""
    if type(raw) is not list:
        raise Broken("a trace is not an array")
    return [read_span(span) for span in raw]


def read_span(raw: Any) -> Span:
    """A span with every field that is not optional, from its map, which it takes over. Raises Broken."""
    if type(raw) is not dict:
        raise Broken("a span is not a map")
    if "type" not in raw:
        raw["type"] = ""
    try:
        fields = _fields(raw)
    except KeyError:
        return _read_unusual(raw)
    if tuple(map(type, fields)) != _USUAL or not _RARE.isdisjoint(raw):
        return _read_unusual(raw)
    _, _, _, _, trace_id, span_id, parent_id, start, duration, error, meta, metrics = fields
    if (
        trace_id < 0 or span_id < 0 or parent_id < 0
        or not -I64_LARGEST <= start <= I64_LARGEST or not 0 <= duration <= I64_LARGEST or not -0x80000000 <= error <= 0x7FFFFFFF
        or not _TEXT.issuperset(map(type, meta.values())) or not _TEXT.issuperset(map(type, meta))
    ):  # fmt: skip
        return _read_unusual(raw)
    if metrics:
        kinds = set(map(type, metrics.values()))
        if not kinds <= _NUMBERS or not _TEXT.issuperset(map(type, metrics)):
            return _read_unusual(raw)
        if int in kinds:
            raw["metrics"] = {key: float(value) for key, value in metrics.items()}
    return raw


def _read_unusual(raw: dict[Any, Any]) -> Span:
    span: Span = {name: text(raw, name) for name in TEXTS}
    span |= {name: integer(raw, name, 0, U64_LARGEST) for name in IDS}
    span["start"] = integer(raw, "start", -I64_LARGEST - 1, I64_LARGEST)
    span["duration"] = _duration(raw.get("duration"))
    span["error"] = integer(raw, "error", -0x80000000, 0x7FFFFFFF)
    span["meta"] = mapping(raw, "meta", _meta_value)
    span["metrics"] = mapping(raw, "metrics", number)
    for name, read in _OPTIONAL.items():
        if value := read(raw):
            span[name] = value
    return span


def _duration(value: Any) -> int:
    """A duration that cannot be is 0, not an error. (specification, traces 4.1)"""
    return value if type(value) is int and 0 <= value <= I64_LARGEST else 0


# --- one field: its default when it is absent or nil, Broken when it is of another kind ----------------------------------------------


def text(raw: dict[Any, Any], name: str) -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise Broken(f"{name} is not text")
    return value


def integer(raw: dict[Any, Any], name: str, low: int, high: int) -> int:
    value = raw.get(name)
    if value is None:
        return 0
    if type(value) is not int or not low <= value <= high:
        raise Broken(f"{name} is not an integer of its range")
    return value


def number(value: Any) -> float:
    if type(value) not in _NUMBERS:
        raise Broken("a metric is not a number")
    return float(value)


def mapping(raw: dict[Any, Any], name: str, read: Callable[[Any], Any]) -> dict[str, Any]:
    """A map with text for keys. An entry whose value reads as None is left out."""
    value = raw.get(name)
    if value is None:
        return {}
    if type(value) is not dict or not _TEXT.issuperset(map(type, value)):
        raise Broken(f"{name} is not a map with text for keys")
    read_entries = ((key, read(entry)) for key, entry in value.items())
    return {key: entry for key, entry in read_entries if entry is not None}


def _meta_value(value: Any) -> str | None:
    if value is not None and type(value) is not str:
        raise Broken("a value of meta is not text")
    return value


def _attribute_text(value: Any) -> str:
    if type(value) is not str:
        raise Broken("an attribute of a link is not text")
    return value


def _binary(value: Any) -> bytes:
    if type(value) is not bytes:
        raise Broken("a value of meta_struct is not binary")
    return value


def _elements(raw: dict[Any, Any], name: str, read: Callable[[dict[Any, Any]], Span]) -> list[Span]:
    value = raw.get(name)
    if value is None:
        return []
    if type(value) is not list or any(type(element) is not dict for element in value):
        raise Broken(f"{name} is not an array of maps")
    return [read(element) for element in value]


def _link(raw: dict[Any, Any]) -> Span:
    if raw.get("trace_id") is None or raw.get("span_id") is None:
        raise Broken("a link without the ids of what it leads to")
    return {
        "trace_id": integer(raw, "trace_id", 0, U64_LARGEST),
        "span_id": integer(raw, "span_id", 0, U64_LARGEST),
        "trace_id_high": integer(raw, "trace_id_high", 0, U64_LARGEST),
        "attributes": mapping(raw, "attributes", _attribute_text),
        "tracestate": text(raw, "tracestate"),
        "flags": integer(raw, "flags", 0, 0xFFFFFFFF),
    }


def _event(raw: dict[Any, Any]) -> Span:
    return {
        "time_unix_nano": integer(raw, "time_unix_nano", 0, U64_LARGEST),
        "name": text(raw, "name"),
        "attributes": mapping(raw, "attributes", _any_value),
    }


STRING, BOOL, INT, DOUBLE, ARRAY = range(5)
"""Types of an event's attribute."""


def _any_value(raw: Any) -> Span:
    """One attribute of an event: only the fields that are set, and its type."""
    value = _array_value(raw, ARRAY)
    if (array := raw.get("array_value")) is not None:
        if type(array) is not dict:
            raise Broken("an array of an event is not a map")
        values = array.get("values")
        if values is not None and type(values) is not list:
            raise Broken("values of an event's array are not an array")
        value["array_value"] = {"values": [_array_value(each, DOUBLE) for each in values or ()]}
    return value


def _array_value(raw: Any, type_max: int) -> Span:
    if type(raw) is not dict:
        raise Broken("an attribute of an event is not a map")
    value: Span = {"type": integer(raw, "type", STRING, type_max)}
    if (string := text(raw, "string_value")) != "":
        value["string_value"] = string
    if (flag := raw.get("bool_value")) is not None:
        if type(flag) is not bool:
            raise Broken("bool_value is not a boolean")
        value["bool_value"] = flag
    if (whole := integer(raw, "int_value", -I64_LARGEST - 1, I64_LARGEST)) != 0:
        value["int_value"] = whole
    if (real := raw.get("double_value")) is not None:
        value["double_value"] = number(real)
    return value


_OPTIONAL: dict[str, Callable[[dict[Any, Any]], Any]] = {
    "meta_struct": lambda raw: mapping(raw, "meta_struct", _binary),
    "span_links": lambda raw: _elements(raw, "span_links", _link),
    "span_events": lambda raw: _elements(raw, "span_events", _event),
}
