"""One span as a protobuf message, written by hand and without what all spans of a payload have in common. (specification, traces 10.1)

What is common (function tags, origin) is encoded once, as `constant_fields`, and stands behind each span's own fields: a message may have
its fields in any order. The message's own length is written when both are joined (`protocols.intake_traces`).
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from protocols.memo import Memo
from protocols.protobuf_fields import LENGTHS, entry, field, number_field, text_entry, text_field, utf8, varint
from protocols.trace_values import Span

TEXTS_BYTES_MAX = 512 * 1024  # remembered encodings, of each of three kinds

ZERO = bytes(8)
_pack_double = struct.Struct("<d").pack
_pack_fixed64 = struct.Struct("<Q").pack


def _head_of_tag(name: str) -> bytes:
    return field(b"\x0a", utf8(name)) + b"\x12"


def _head_of_metric(name: str) -> bytes:
    """All of an entry but its eight bytes of number."""
    inner = field(b"\x0a", utf8(name)) + b"\x11"
    return b"\x5a" + varint(len(inner) + 8) + inner


def _weigh(text: Any, encoded: bytes) -> int:
    return len(encoded) * 3


# A program has few names of tags, services and operations: each is encoded once.
_tag_heads = Memo(_head_of_tag, _weigh, TEXTS_BYTES_MAX)
_metric_heads = Memo(_head_of_metric, _weigh, TEXTS_BYTES_MAX)
_services = Memo(lambda text: text_field(b"\x0a", text), _weigh, TEXTS_BYTES_MAX)
_names = Memo(lambda text: text_field(b"\x12", text), _weigh, TEXTS_BYTES_MAX)
_types = Memo(lambda text: text_field(b"\x62", text), _weigh, TEXTS_BYTES_MAX)


def encode_spans(spans: Iterable[Span]) -> list[bytes]:
    """The fields of each span of a trace."""
    # A parent's id is mostly another span's own, and the trace's id is everyone's: each is made into bytes once.
    trace_ids, ids = Ids(), Ids()
    return [_encode_span(span, trace_ids, ids) for span in spans]


class Ids(dict[int, bytes]):
    """Numbers to their varints, worked out at the first look."""

    def __missing__(self, number: int) -> bytes:
        encoded = self[number] = varint(number)
        return encoded


def _encode_span(span: Span, trace_ids: Ids, ids: Ids) -> bytes:
    resource = span["resource"].encode("utf-8", "replace")
    size = len(resource)
    trace_id, span_id, parent_id, error = span["trace_id"], span["span_id"], span["parent_id"], span["error"]
    parts = [
        _services[span["service"]],
        _names[span["name"]],
        b"\x1a" + (LENGTHS[size] if size < 1024 else varint(size)) if size else b"",
        resource,
    ]
    if trace_id:
        parts += (b"\x20", trace_ids[trace_id])
    if span_id:
        parts += (b"\x28", ids[span_id])
    if parent_id:
        parts += (b"\x30", ids[parent_id])
    parts += (number_field(b"\x38", span["start"]), number_field(b"\x40", span["duration"]))
    if error:
        parts.append(number_field(b"\x48", error))
    for name, value in span["meta"].items():
        head, text = _tag_heads[name], value.encode("utf-8", "replace")
        size = len(text)
        length = LENGTHS[size] if size < 1024 else varint(size)
        size += len(head) + len(length)
        parts += (b"\x52", LENGTHS[size] if size < 1024 else varint(size), head, length, text)
    for name, number in span["metrics"].items():
        parts += (_metric_heads[name], _pack_double(number))
    parts.append(_types[span["type"]])
    if "meta_struct" in span:
        parts += [entry(b"\x6a", name, field(b"\x12", value)) for name, value in span["meta_struct"].items()]
    if "span_links" in span:
        parts += [field(b"\x72", encode_link(link)) for link in span["span_links"]]
    if "span_events" in span:
        parts += [field(b"\x7a", encode_event(event)) for event in span["span_events"]]
    return b"".join(parts)


def constant_fields(tags: Mapping[str, str]) -> bytes:
    """Entries of `meta` that stand in every span."""
    return b"".join([text_entry(b"\x52", name, value) for name, value in tags.items()])


def encode_link(link: Mapping[str, Any]) -> bytes:
    return b"".join(
        (
            number_field(b"\x08", link["trace_id"]),
            number_field(b"\x10", link.get("trace_id_high", 0)),
            number_field(b"\x18", link["span_id"]),
            *[text_entry(b"\x22", name, value) for name, value in link.get("attributes", {}).items()],
            text_field(b"\x2a", link.get("tracestate", "")),
            number_field(b"\x30", link.get("flags", 0)),
        )
    )


def encode_event(event: Mapping[str, Any]) -> bytes:
    time_ns = event.get("time_unix_nano", 0)
    return b"".join(
        (
            b"\x09" + _pack_fixed64(time_ns) if time_ns else b"",
            text_field(b"\x12", event.get("name", "")),
            *[entry(b"\x1a", name, field(b"\x12", _any_value(value))) for name, value in event.get("attributes", {}).items()],
        )
    )


def _any_value(value: Mapping[str, Any]) -> bytes:
    scalar = _array_value(value)
    if "array_value" not in value:
        return scalar
    values = value["array_value"].get("values", ())
    return scalar + field(b"\x32", b"".join([field(b"\x0a", _array_value(each)) for each in values]))


def _array_value(value: Mapping[str, Any]) -> bytes:
    double = _pack_double(value.get("double_value", 0.0))
    return b"".join(
        (
            number_field(b"\x08", value.get("type", 0)),
            text_field(b"\x12", value.get("string_value", "")),
            b"\x18\x01" if value.get("bool_value") else b"",
            number_field(b"\x20", value.get("int_value", 0)),
            b"" if double == ZERO else b"\x29" + double,
        )
    )
