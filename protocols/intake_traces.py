"""Encoder of what the traces intake takes: AgentPayload in protobuf, in bodies below its limit. (specification, traces 10)

A body is put together from spans that are encoded already (`protocols.intake_span`); what all spans of a chunk have in common is appended
to each as bytes. One giant trace becomes several chunks, in several bodies if need be. Nothing here compresses or sends.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import attrs

from protocols.intake_body import Body
from protocols.protobuf_fields import field, number_field, read_fields, text_entry, text_field, varint

TRACES = "traces"
PATH = "/api/v0.2/traces"
PROTOBUF_TYPE = "application/x-protobuf"
BODY_BYTES_MAX = 12_000_000  # of a body before it is compressed; the intake takes 13,107,200

REAL_STATUS = ((b"datadog-send-real-http-status", b"1"),)

# targetTPS and errorTPS, always 60.
_END = b"\x41" + struct.pack("<d", 60.0) + b"\x49" + struct.pack("<d", 60.0)
_KEY_AND_LENGTH_BYTES = 11  # a key and a length, at most

PAYLOAD, CHUNK, SPAN = 0x2A, 0x32, 0x1A


class PayloadFields(NamedTuple):
    """What a payload says beside its chunks. The order is that in which payloads come out. `tags` are pairs, sorted."""

    tracer_version: str = ""
    language_version: str = ""
    language_name: str = ""
    hostname: str = ""
    container_id: str = ""
    runtime_id: str = ""
    env: str = ""
    app_version: str = ""
    tags: tuple[tuple[str, str], ...] = ()


class EncodedChunk(NamedTuple):
    """A trace whose spans are encoded but for `common`, which stands behind each of them. `frame`: what the chunk says beside them."""

    frame: bytes
    spans: Sequence[bytes]
    common: bytes


def chunk_frame(priority: int, origin: str, tags: Iterable[tuple[str, str]] = ()) -> bytes:
    fields = (number_field(b"\x08", priority), text_field(b"\x12", origin), *(text_entry(b"\x22", name, value) for name, value in tags))
    return b"".join(fields)


def _payload_frame(fields: PayloadFields) -> tuple[bytes, bytes]:
    """What stands before a payload's chunks and behind them."""
    before = (
        text_field(b"\x0a", fields.container_id),
        text_field(b"\x12", fields.language_name),
        text_field(b"\x1a", fields.language_version),
        text_field(b"\x22", fields.tracer_version),
        text_field(b"\x2a", fields.runtime_id),
    )
    behind = (
        *(text_entry(b"\x3a", name, value) for name, value in fields.tags),
        text_field(b"\x42", fields.env),
        text_field(b"\x4a", fields.hostname),
        text_field(b"\x52", fields.app_version),
    )
    return b"".join(before), b"".join(behind)


class Record(NamedTuple):
    """A chunk's record in a payload, in pieces: they are joined once, when the body is."""

    pieces: list[bytes]
    size: int
    spans: int


def encode_bodies(
    payloads: Iterable[tuple[PayloadFields, Iterable[EncodedChunk]]],
    headers: tuple[tuple[bytes, bytes], ...] = (),
    bytes_max: int = BODY_BYTES_MAX,
) -> Iterator[Body]:
    """The bodies that carry these payloads, none above `bytes_max` unless a single span is. Made one by one, as they are asked for."""
    body = _BodyInProgress(headers, bytes_max)
    for fields, chunks in payloads:
        body.begin_payload(fields)
        for chunk in chunks:
            for record in split_chunk(chunk, body.room):
                yield from body.add(record)
        body.end_payload()
    yield from body.finish()


def split_chunk(chunk: EncodedChunk, bytes_max: int) -> Iterator[Record]:
    """A chunk as one record of a payload, or as several where it would be larger than `bytes_max`."""
    common, frame = chunk.common, chunk.frame
    extra, room = len(common), bytes_max - _KEY_AND_LENGTH_BYTES
    pieces, size, spans = [frame], len(frame), 0
    for own in chunk.spans:
        content = len(own) + extra
        length = varint(content)
        content += 1 + len(length)
        if spans and size + content > room:
            yield _record(pieces, size, spans)
            pieces, size, spans = [frame], len(frame), 0
        pieces += (b"\x1a", length, own, common)
        size += content
        spans += 1
    if spans:
        yield _record(pieces, size, spans)


def _record(pieces: list[bytes], size: int, spans: int) -> Record:
    start = b"\x32" + varint(size)
    return Record([start, *pieces], len(start) + size, spans)


class _BodyInProgress:
    """Records of chunks on their way into bodies."""

    def __init__(self, headers: tuple[tuple[bytes, bytes], ...], bytes_max: int) -> None:
        self._headers, self._bytes_max = headers, bytes_max
        self._pieces: list[bytes] = []  # of the body: payloads that have ended
        self._size = len(_END)  # of the body, with the payload begun
        self._spans = 0
        self._before = self._behind = b""
        self._records: list[Record] = []  # of the payload begun

    @property
    def room(self) -> int:
        """The largest record that the payload begun here can take in a body of its own."""
        return self._bytes_max - len(_END) - self._frame_bytes

    @property
    def _frame_bytes(self) -> int:
        return len(self._before) + len(self._behind) + _KEY_AND_LENGTH_BYTES

    def begin_payload(self, fields: PayloadFields) -> None:
        self._before, self._behind = _payload_frame(fields)

    def add(self, record: Record) -> Iterator[Body]:
        """One more record; the body that it does not fit into any more comes out."""
        size = record.size + (0 if self._records else self._frame_bytes)
        if self._spans and self._size + size > self._bytes_max:
            self.end_payload()
            yield from self.finish()
            size = record.size + self._frame_bytes
        self._records.append(record)
        self._size += size
        self._spans += record.spans

    def end_payload(self) -> None:
        if not self._records:
            return
        size = len(self._before) + len(self._behind) + sum(record.size for record in self._records)
        self._pieces += (b"\x2a", varint(size), self._before)
        for record in self._records:
            self._pieces += record.pieces
        self._pieces.append(self._behind)
        self._records.clear()

    def finish(self) -> Iterator[Body]:
        if self._pieces:
            raw, spans = b"".join((*self._pieces, _END)), self._spans
            self._pieces.clear()
            self._size, self._spans = len(_END), 0
            yield Body(TRACES, PATH, PROTOBUF_TYPE, raw, spans, headers=self._headers)


# --- after a 413 ----------------------------------------------------------------------------------------------------------------


def halve(body: Body) -> tuple[Body, ...]:
    """Two bodies that together carry what this plain one does; empty when it is a single span. Raises ValueError for one not made by us."""
    try:
        halves = _split(body.raw, 0, len(body.raw), (PAYLOAD, CHUNK, SPAN))
        return tuple(attrs.evolve(body, raw=raw, items=_count(raw, 0, len(raw), (PAYLOAD, CHUNK, SPAN))) for raw in halves)
    except IndexError as error:
        raise ValueError("not a payload of traces") from error


def _split(data: bytes, start: int, end: int, keys: tuple[int, ...]) -> tuple[bytes, ...]:
    """A message in two: at its repeated field `keys[0]` or, where that stands only once, within it."""
    units = [found[1:] for found in read_fields(data, start, end) if found[0] == keys[0]]
    if not units:
        return ()
    before, behind = data[start : units[0][0]], data[units[-1][2] : end]
    if len(units) > 1:
        middle = _middle(units)
        return before + data[units[0][0] : middle] + behind, before + data[middle : units[-1][2]] + behind
    if len(keys) == 1:
        return ()
    return tuple(before + field(bytes(keys[:1]), half) + behind for half in _split(data, *units[0][1:], keys[1:]))


def _middle(units: list[tuple[int, int, int]]) -> int:
    """The boundary between two units that divides their bytes most evenly."""
    middle = (units[0][0] + units[-1][2]) / 2
    return min((begin for begin, _, _ in units[1:]), key=lambda begin: abs(begin - middle))


def _count(data: bytes, start: int, end: int, keys: tuple[int, ...]) -> int:
    """How many of the innermost field a message holds."""
    found = (each for each in read_fields(data, start, end) if each[0] == keys[0])
    if len(keys) == 1:
        return sum(1 for _ in found)
    return sum(_count(data, content, after, keys[1:]) for _, _, content, after in found)
