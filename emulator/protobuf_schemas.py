"""Protobuf messages of the intakes, built at run time from tables in the specification's own notation.

The encoders of the agent never meet this module: what they get wrong about a field number or a type shows up here. It never sends anything.
Field names are those of the recordings, so that a decoded request and a recorded one can be compared key by key.
"""

import functools
import math
from typing import Any

# Sources: specification, metrics 5.3; traces 10.1; stats 3. An enumeration is declared as int32: the wire is the same and the number is
# what one wants to see. Fields that must never be sent and whose type is unknown are left out on purpose: they come out as unknown fields.
SCHEMA = """
SketchPayload: 1 sketches repeated Sketch | 2 metadata CommonMetadata
Sketch: 1 metric string | 2 host string | 4 tags repeated string | 7 dogsketches repeated Dogsketch | 8 metadata Metadata
Dogsketch: 1 ts int64 | 2 cnt int64 | 3 min double | 4 max double | 5 avg double | 6 sum double | 7 k repeated sint32 | 8 n repeated uint32
Metadata: 1 origin Origin
Origin: 4 product uint32 | 5 category uint32 | 6 service uint32
CommonMetadata: 1 agent_version string | 2 timezone string | 3 current_epoch double | 4 internal_ip string | 5 public_ip string
CommonMetadata: 6 api_key string

AgentPayload: 1 host_name string | 2 env string | 5 tracer_payloads repeated TracerPayload | 6 tags map string
AgentPayload: 7 agent_version string | 8 target_tps double | 9 error_tps double | 10 rare_sampler_enabled bool
TracerPayload: 1 container_id string | 2 language string | 3 language_version string | 4 tracer_version string | 5 runtime_id string
TracerPayload: 6 chunks repeated TraceChunk | 7 tags map string | 8 env string | 9 hostname string | 10 app_version string
TraceChunk: 1 priority int32 | 2 origin string | 3 spans repeated Span | 4 tags map string | 5 dropped_trace bool
Span: 1 service string | 2 name string | 3 resource string | 4 trace_id uint64 | 5 span_id uint64 | 6 parent_id uint64
Span: 7 start int64 | 8 duration int64 | 9 error int32 | 10 meta map string | 11 metrics map double | 12 type string
Span: 13 meta_struct map bytes | 14 span_links repeated SpanLink | 15 span_events repeated SpanEvent
SpanLink: 1 trace_id uint64 | 2 trace_id_high uint64 | 3 span_id uint64 | 4 attributes map string | 5 tracestate string | 6 flags uint32
SpanEvent: 1 time_unix_nano fixed64 | 2 name string | 3 attributes map AttributeAnyValue
AttributeAnyValue: 1 type int32 | 2 string_value string | 3 bool_value bool | 4 int_value int64 | 5 double_value double
AttributeAnyValue: 6 array_value AttributeArray
AttributeArray: 1 values repeated AttributeArrayValue
AttributeArrayValue: 1 type int32 | 2 string_value string | 3 bool_value bool | 4 int_value int64 | 5 double_value double

DDSketch: 1 mapping IndexMapping | 2 positive_values Store | 3 negative_values Store | 4 zero_count double
IndexMapping: 1 gamma double | 2 index_offset double | 3 interpolation int32
Store: 2 contiguous_bin_counts repeated double | 3 contiguous_bin_index_offset sint32
"""

SCALARS = ("string", "bytes", "bool", "double", "int32", "int64", "uint32", "uint64", "sint32", "fixed64")
PACKAGE = "intake"

Field = tuple[int, str, str, str]  # number, name, "" or "repeated" or "map" (from string), type


class PayloadError(ValueError):
    """The body is not an encoding of the message that its path calls for."""


@functools.cache
def schema() -> dict[str, tuple[Field, ...]]:
    """The table above as values: message name to its fields, in the order of their numbers."""
    messages: dict[str, tuple[Field, ...]] = {}
    for line in filter(None, SCHEMA.splitlines()):
        name, fields = line.split(": ", 1)
        messages[name] = messages.get(name, ()) + tuple(_field(text) for text in fields.split(" | "))
    return messages


def _field(text: str) -> Field:
    number, name, *kind = text.split()
    return int(number), name, kind[0] if len(kind) > 1 else "", kind[-1]


@functools.cache
def message_class(name: str) -> Any:
    """The generated class of one message, for tests that need to make a body without our encoders."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))


@functools.cache
def _pool() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(name="intake.proto", package=PACKAGE, syntax="proto3")
    for name, fields in schema().items():
        message = file.message_type.add(name=name)
        for number, field_name, label, kind in fields:
            _declare(message, number, field_name, label, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)  # type: ignore[no-untyped-call, unused-ignore]
    return pool


def _declare(message: Any, number: int, name: str, label: str, kind: str) -> None:
    """Add one field; a map is a repeated entry message of (1 key, 2 value), as protobuf itself defines it."""
    if label == "map":
        entry_name = f"{name.title().replace('_', '')}Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        _declare(entry, 1, "key", "", "string")
        _declare(entry, 2, "value", "", kind)
        label, kind = "repeated", f"{message.name}.{entry_name}"
    field = message.field.add(name=name, number=number)
    field.label = field.LABEL_REPEATED if label == "repeated" else field.LABEL_OPTIONAL
    if kind in SCALARS:
        field.type = getattr(field, f"TYPE_{kind.upper()}")
    else:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"


def decode_message(name: str, data: bytes) -> tuple[dict[str, Any], list[str]]:
    """Decode `data` as the message `name`: its document and, as sentences, the fields that the specification does not know.

    Default values are absent from the document. Raises PayloadError.
    """
    from google.protobuf.message import DecodeError

    message = message_class(name)()
    try:
        message.ParseFromString(data)
    except (DecodeError, RuntimeError) as error:
        raise PayloadError(f"not a {name}: {error}") from error
    strangers: dict[str, set[int]] = {}
    document = _document(name, message, strangers)
    return document, [f"{owner}: unknown fields {', '.join(map(str, sorted(numbers)))}" for owner, numbers in sorted(strangers.items())]


def _document(name: str, message: Any, strangers: dict[str, set[int]]) -> dict[str, Any]:
    from google.protobuf.unknown_fields import UnknownFieldSet

    unknown = UnknownFieldSet(message)
    if count := len(unknown):
        strangers.setdefault(name, set()).update(unknown[position].field_number for position in range(count))
    kinds = _kinds(name)
    document = {}
    for descriptor, value in message.ListFields():
        label, kind = kinds[descriptor.name]
        document[descriptor.name] = _value(label, kind, value, strangers)
    return document


@functools.cache
def _kinds(name: str) -> dict[str, tuple[str, str]]:
    return {field_name: (label, kind) for _, field_name, label, kind in schema()[name]}


def _value(label: str, kind: str, value: Any, strangers: dict[str, set[int]]) -> Any:
    if label == "repeated":
        if kind in SCALARS:
            return [shown(item) for item in value]
        return [_value("", kind, item, strangers) for item in value]
    if label == "map":
        return {key: _value("", kind, value[key], strangers) for key in value}
    return shown(value) if kind in SCALARS else _document(kind, value, strangers)


def shown(value: Any) -> Any:
    """A scalar as documents show it: what JSON has no word for (bytes, a number that is not finite) becomes text."""
    if isinstance(value, bytes):
        return hexadecimal(value)
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def hexadecimal(data: bytes) -> str:
    """Bytes as documents show them, in the specification's notation: `<bin 0a12>`."""
    return f"<bin {data.hex()}>"


def from_hexadecimal(text: object) -> bytes | None:
    """The bytes behind `hexadecimal`, or None when `text` is not of that shape."""
    if not (isinstance(text, str) and text.startswith("<bin ") and text.endswith(">")):
        return None
    try:
        return bytes.fromhex(text[5:-1])
    except ValueError:
        return None
