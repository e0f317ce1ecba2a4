"""Encoders of what the metrics intakes take: series JSON, sketches protobuf, events and service checks (specification, metrics 5).

The protobuf is written by hand, because importing the library would cost more than all of our metrics do; a test compares the two.
Nothing here compresses: where the limit is one of compressed bytes, the measure is passed in.
"""

import json
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from protocols.dogstatsd import COUNT, GAUGE
from protocols.intake_body import Body
from protocols.memo import Memo

SERIES, SKETCHES, EVENT, CHECKS = "series", "sketches", "event", "checks"
SERIES_PATH = "/api/v2/series"
SKETCHES_PATH = "/api/beta/sketches"
EVENT_PATH = "/api/v1/events"
CHECKS_PATH = "/api/v1/check_run"
JSON_TYPE = "application/json"
PROTOBUF_TYPE = "application/x-protobuf"

BATCH_ITEMS_MAX = 1000
SERIES_BYTES_MAX = 5 * 1024 * 1024
SERIES_COMPRESSED_BYTES_MAX = 500_000
SKETCHES_BYTES_MAX = 62 * 1024 * 1024

# The intake's enumeration (0 unspecified, 1 count, 2 rate, 3 gauge). A count says over how many seconds it was taken.
SERIES_TYPES = {COUNT: 1, GAUGE: 3}
COUNT_INTERVAL_S = 10

RESOURCE_TAG = "dd.internal.resource:"

# A program sends the same few metrics again and again: what stands around their figures is encoded once.
FRAMES_BYTES_MAX = 1024 * 1024  # of each of the two kinds

Origin = tuple[int, int, int]
"""(product, category, service) of specification, metrics 5.4."""
SeriesItem = tuple[str, tuple[str, ...], int, str, float, tuple[str, ...], Origin | None]
"""(name, all tags, timestamp_s, COUNT or GAUGE, finite value, the metric's own tags, origin)."""
SketchItem = tuple[str, tuple[str, ...], int, Any, Origin | None]
"""(name, all tags, timestamp_s, sketch, origin); a sketch has count, min, max, avg, sum and bin_list()."""

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _json_bytes(value: Any) -> bytes:
    # A setting may carry bytes that are no UTF-8 (as lone surrogates): they become "?", the batch lives on.
    return _json(value).encode("utf-8", "replace")


def encode_series(
    items: Iterable[SeriesItem],
    compressed_size: Callable[[bytes], int] | None = None,
    items_max: int = BATCH_ITEMS_MAX,
    bytes_max: int = SERIES_BYTES_MAX,
    compressed_bytes_max: int = SERIES_COMPRESSED_BYTES_MAX,
) -> list[Body]:
    """The bodies for counts and gauges.

    With `compressed_size`, a body that is too large compressed is halved until it fits or is one item.
    """
    bodies = [_series_body(batch) for batch in batches(map(encode_series_item, items), items_max, bytes_max)]
    if compressed_size is None:
        return bodies
    return [fitting for body in bodies for fitting in _fit(body, compressed_size, compressed_bytes_max)]


def encode_series_item(item: SeriesItem) -> bytes:
    name, tags, timestamp_s, kind, value, own_tags, origin = item
    head, tail = _series_frames[name, tags, kind, own_tags, origin]
    return b'%b%d,"value":%b%b' % (head, timestamp_s, repr(float(value)).encode(), tail)


def _series_frame(key: tuple[str, tuple[str, ...], str, tuple[str, ...], Origin | None]) -> tuple[bytes, bytes]:
    """What stands before the timestamp and behind the value."""
    name, tags, kind, own_tags, origin = key
    rest: dict[str, Any] = {"resources": _resources(own_tags), "type": SERIES_TYPES[kind]}
    if kind is COUNT:
        rest["interval"] = COUNT_INTERVAL_S
    rest["tags"] = tags
    rest["metadata"] = _series_metadata(origin)
    return b'{"metric":%b,"points":[{"timestamp":' % _json_bytes(name), b"}],%b" % _json_bytes(rest)[1:]


def _resources(own_tags: Iterable[str]) -> list[dict[str, str]]:
    """Each `dd.internal.resource:<type>:<name>` among the metric's own tags. (The reference has the two the wrong way round.)"""
    pairs = [tag.removeprefix(RESOURCE_TAG).partition(":") for tag in own_tags if tag.startswith(RESOURCE_TAG)]
    return [{"name": name, "type": kind} for kind, colon, name in pairs if colon]


def _series_metadata(origin: Origin | None) -> dict[str, Any] | None:
    if origin is None:
        return None
    product, category, service = origin
    return {"origin": {"origin_product": product, "origin_sub_product": category, "origin_product_detail": service}}


def _series_body(encoded: Sequence[bytes]) -> Body:
    return Body(SERIES, SERIES_PATH, JSON_TYPE, b'{"series":[%s]}' % b",".join(encoded), len(encoded))


def batches(encoded: Iterable[bytes], items_max: int, bytes_max: int) -> Iterable[list[bytes]]:
    """Consecutive runs of encoded items: at most `items_max` each, together below `bytes_max`. A larger item goes alone."""
    batch: list[bytes] = []
    size = 0
    for item in encoded:
        if batch and (len(batch) >= items_max or size + len(item) >= bytes_max):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item)
    if batch:
        yield batch


def _fit(body: Body, compressed_size: Callable[[bytes], int], bytes_max: int) -> list[Body]:
    # What is small enough as it is need not be compressed to know.
    if body.items == 1 or len(body.raw) <= bytes_max or compressed_size(body.raw) <= bytes_max:
        return [body]
    return [fitting for half in halve(body) for fitting in _fit(half, compressed_size, bytes_max)]


def halve(body: Body) -> tuple[Body, Body] | tuple[()]:
    """Two bodies that carry what this one does (after a 413); empty when it is a single item or of a kind that has no halves."""
    if body.items < 2:
        return ()
    middle = body.items // 2
    if body.kind == SERIES:
        items = [_json_bytes(item) for item in json.loads(body.raw)["series"]]
        return _series_body(items[:middle]), _series_body(items[middle:])
    if body.kind == SKETCHES:
        records = list(_split_records(body.raw))
        return _sketches_body(records[:middle]), _sketches_body(records[middle:])
    if body.kind == CHECKS:
        checks = json.loads(body.raw)
        return _checks_body(checks[:middle]), _checks_body(checks[middle:])
    return ()


def encode_sketches(items: Iterable[SketchItem], items_max: int = BATCH_ITEMS_MAX, bytes_max: int = SKETCHES_BYTES_MAX) -> list[Body]:
    """The bodies for distributions."""
    return [_sketches_body(batch) for batch in batches(map(encode_sketch_item, items), items_max, bytes_max)]


def _sketches_body(records: Sequence[bytes]) -> Body:
    return Body(SKETCHES, SKETCHES_PATH, PROTOBUF_TYPE, b"".join(records), len(records))


def encode_sketch_item(item: SketchItem) -> bytes:
    """One Sketch message as field 1 of SketchPayload, its key and length included: a payload is just these, one after the other."""
    name, tags, timestamp_s, sketch, origin = item
    head, tail = _sketch_frames[name, tags, origin]
    dogsketch = encode_dogsketch(timestamp_s, sketch)
    size = varint(len(dogsketch))
    length = varint(len(head) + len(size) + len(dogsketch) + len(tail))
    return b"".join((b"\x0a", length, head, size, dogsketch, tail))


def _sketch_frame(key: tuple[str, tuple[str, ...], Origin | None]) -> tuple[bytes, bytes]:
    """What stands before the Dogsketch's length and behind the Dogsketch."""
    name, tags, origin = key
    head = [_text(b"\x0a", name), *[_text(b"\x22", tag) for tag in tags], b"\x3a"]
    return b"".join(head), b"" if origin is None else _field(b"\x42", _field(b"\x0a", _origin(origin)))


def _weigh_frame(key: tuple[Any, ...], frame: tuple[bytes, bytes]) -> int:
    """Twice its text: the key holds as much again."""
    return 2 * (len(frame[0]) + len(frame[1]))


_series_frames = Memo(_series_frame, _weigh_frame, FRAMES_BYTES_MAX)
_sketch_frames = Memo(_sketch_frame, _weigh_frame, FRAMES_BYTES_MAX)

_pack_doubles = struct.Struct("<BdBdBdBd").pack


def encode_dogsketch(timestamp_s: int, sketch: Any) -> bytes:
    """A Dogsketch message. As proto3 has it, what is zero is left out."""
    low, high, avg, total, bins = sketch.min, sketch.max, sketch.avg, sketch.sum, sketch.bin_list()
    if low and high and avg and total:
        doubles = _pack_doubles(0x19, low, 0x21, high, 0x29, avg, 0x31, total)
    else:
        fields = ((b"\x19", low), (b"\x21", high), (b"\x29", avg), (b"\x31", total))
        doubles = b"".join([key + struct.pack("<d", value) for key, value in fields if value != 0])
    count = sketch.count
    parts = (_timestamp(timestamp_s), b"\x10\x01" if count == 1 else _number(b"\x10", count), doubles)
    if not bins:
        return b"".join(parts)
    if len(bins) == 1 and bins[0][1] == 1:
        return b"".join((*parts, _one_key(bins[0][0]), b"\x42\x01\x01"))
    keys = b"".join([varint(zigzag(key)) for key, _ in bins])
    counts = b"".join([varint(count) for _, count in bins])
    return b"".join((*parts, b"\x3a", varint(len(keys)), keys, b"\x42", varint(len(counts)), counts))


@lru_cache(maxsize=512)
def _one_key(key: int) -> bytes:
    """The keys of a sketch that has a single bin."""
    return _field(b"\x3a", varint(zigzag(key)))


@lru_cache(maxsize=64)
def _timestamp(timestamp_s: int) -> bytes:
    """A flush spans few buckets."""
    return _number(b"\x08", timestamp_s)


def _origin(origin: Origin) -> bytes:
    product, category, service = origin
    return _number(b"\x20", product) + _number(b"\x28", category) + _number(b"\x30", service)


_BYTES = tuple(bytes((number,)) for number in range(128))


def varint(number: int) -> bytes:
    """A base-128 varint of a non-negative number."""
    if number < 128:
        return _BYTES[number]
    if number < 16384:  # nearly every key of a bin
        return bytes((number & 127 | 128, number >> 7))
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number: int) -> int:
    return number * 2 if number >= 0 else -number * 2 - 1


def _number(key: bytes, number: int) -> bytes:
    return key + varint(number) if number else b""


def _field(key: bytes, content: bytes) -> bytes:
    return key + varint(len(content)) + content


def _text(key: bytes, text: str) -> bytes:
    return _field(key, text.encode("utf-8", "replace"))


def _split_records(payload: bytes) -> Iterable[bytes]:
    """The Sketch records of a payload of ours: each is a one-byte key, a varint length and that many bytes."""
    start = 0
    while start < len(payload):
        end, size, shift = start + 1, 0, 0
        while True:
            byte = payload[end]
            size |= (byte & 127) << shift
            end, shift = end + 1, shift + 7
            if byte < 128:
                break
        yield payload[start : end + size]
        start = end + size


def encode_event(event: dict[str, Any], base_tags: Sequence[str]) -> Body:
    """One event; that intake takes one at a time."""
    return Body(EVENT, EVENT_PATH, JSON_TYPE, _json_bytes({**event, "tags": _joined(base_tags, event.get("tags", ()))}), 1)


def encode_checks(checks: Sequence[dict[str, Any]], base_tags: Sequence[str], items_max: int = BATCH_ITEMS_MAX) -> list[Body]:
    """The bodies for service checks."""
    tagged = [{**check, "tags": _joined(base_tags, check.get("tags", ()))} for check in checks]
    return [_checks_body(tagged[start : start + items_max]) for start in range(0, len(tagged), items_max)]


def _checks_body(checks: Sequence[dict[str, Any]]) -> Body:
    return Body(CHECKS, CHECKS_PATH, JSON_TYPE, _json_bytes(checks), len(checks))


def _joined(base_tags: Sequence[str], own_tags: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*base_tags, *own_tags]))
