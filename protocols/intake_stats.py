"""What the statistics intake takes: payloads of several tracers in one msgpack map, gzipped (specification, stats 5).

A request is filled with whole payloads while they fit. One that is too large by itself is sent in several requests, cut between groups,
each marked as a part (`SplitPayload`). Groups may come from a generator: no more than two requests' worth of them are alive at once,
and a finished request is kept compressed.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import attrs
import msgpack  # type: ignore[import-untyped, unused-ignore]

from protocols.intake_body import Body
from protocols.stats_api import GROUP_FIELDS, PAYLOAD_FIELDS

KIND = "stats"
PATH = "/api/v0.2/stats"
CONTENT_TYPE = "application/msgpack"
GZIP = "gzip"
BODY_BYTES_MAX = 3 * 1024 * 1024  # before compression; a real intake takes no more
GZIP_LEVEL = 1
GZIP_WINDOW = zlib.MAX_WBITS | 16

HEAD_FIELDS = ("Hostname", "Env", "Version")  # the members of a payload that stand before its buckets
TAIL_FIELDS = tuple(name for name in PAYLOAD_FIELDS if name not in HEAD_FIELDS)


@attrs.frozen
class StatsBucket:
    """A stretch of time and the groups counted in it, each as `encode_group` makes it."""

    start_ns: int
    duration_ns: int
    shift_ns: int
    groups: Iterable[bytes]


@attrs.frozen
class StatsPayload:
    """What one tracer, or we for one, have counted: `fields` as `protocols.stats_api.PAYLOAD_FIELDS` names them."""

    fields: Mapping[str, Any]
    buckets: Iterable[StatsBucket]


# Text of settings and spans may hold half a surrogate pair, which no UTF-8 can: it becomes "?", the batch lives on.
_packer = msgpack.Packer(unicode_errors="replace")
_pack = _packer.pack


def encode_group(group: Mapping[str, Any]) -> bytes:
    """One group; it has every member of GROUP_FIELDS."""
    return bytes(_pack({name: group[name] for name in GROUP_FIELDS}))


def encode_stats(payloads: Iterable[StatsPayload], bytes_max: int = BODY_BYTES_MAX) -> Iterator[Body]:
    """The requests for these payloads, in their order. A payload without groups is left out."""
    waiting = _Request()
    for payload in payloads:
        parts = _parts(payload, bytes_max - FRAME_BYTES)
        part, following = next(parts), next(parts, None)
        if following is not None:
            yield from waiting.take_body()
            for each in chain((part, following), parts):
                yield from _Request([each]).take_body(is_part=True)
        elif part.groups:
            if waiting.size + part.size > bytes_max:
                yield from waiting.take_body()
            waiting.add(part)
    yield from waiting.take_body()


def halve(body: Body) -> tuple[Body, ...]:
    """Two requests, plain or compressed, that carry what this one does (after a 413); empty when it is a single group. Raises ValueError
    for a body not made by us.
    """
    if body.items < 2:
        return ()
    try:
        raw = zlib.decompress(body.raw, GZIP_WINDOW) if body.encoding == GZIP else body.raw
        payloads = msgpack.unpackb(raw)["Stats"]
        middle = body.items // 2
        halves = (_cut(payloads, 0, middle), _cut(payloads, middle, body.items))
    except (zlib.error, msgpack.UnpackException, LookupError, TypeError) as error:
        raise ValueError(f"not a request of statistics: {error!r}") from error
    return tuple(made for half in halves for made in _Request(half).take_body(is_part=True))


# --- one payload ----------------------------------------------------------------------------------------------------------------


class _Part:
    """A payload, or as much of it as a request can take, while it is put together."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        head = {name: fields[name] for name in HEAD_FIELDS}
        self._head = _map_head(len(PAYLOAD_FIELDS) + 1) + _members(head) + _pack("Stats")
        self._tail = _members({name: fields[name] for name in TAIL_FIELDS})
        self._buckets: list[tuple[bytes, list[bytes], bytes]] = []
        self.groups = 0
        self.size = len(self._head) + len(self._tail) + ARRAY_HEAD_BYTES

    def begin(self, bucket: StatsBucket) -> None:
        head = _map_head(4) + _members({"Start": bucket.start_ns, "Duration": bucket.duration_ns}) + _pack("Stats")
        tail = _members({"AgentTimeShift": bucket.shift_ns})
        self._buckets.append((head, [], tail))
        self.size += len(head) + len(tail) + ARRAY_HEAD_BYTES

    def add(self, group: bytes) -> None:
        self._buckets[-1][1].append(group)
        self.groups += 1
        self.size += len(group)

    def encoded(self) -> bytes:
        filled = [each for each in self._buckets if each[1]]
        buckets = [piece for head, groups, tail in filled for piece in (head, _array_head(len(groups)), *groups, tail)]
        return b"".join([self._head, _array_head(len(filled)), *buckets, self._tail])


def _parts(payload: StatsPayload, bytes_max: int) -> Iterator[_Part]:
    """The payload whole if it fits, else in parts. A group that is larger than a request goes alone."""
    part = _Part(payload.fields)
    for bucket in payload.buckets:
        part.begin(bucket)
        for group in bucket.groups:
            if part.groups and part.size + len(group) > bytes_max:
                yield part
                part = _Part(payload.fields)
                part.begin(bucket)
            part.add(group)
    yield part


def _cut(payloads: Sequence[Mapping[str, Any]], start: int, end: int) -> list[_Part]:
    """The groups number `start` to `end` of decoded payloads, each with the payload and the bucket that it belongs to."""
    parts = []
    number = 0
    for payload in payloads:
        part = _Part(payload)
        for bucket in payload["Stats"]:
            part.begin(StatsBucket(bucket["Start"], bucket["Duration"], bucket["AgentTimeShift"], ()))
            for group in bucket["Stats"]:
                if start <= number < end:
                    part.add(encode_group(group))
                number += 1
        if part.groups:
            parts.append(part)
    return parts


# --- one request ----------------------------------------------------------------------------------------------------------------


class _Request:
    """Payloads that will travel together."""

    def __init__(self, parts: Iterable[_Part] = ()) -> None:
        self._parts = list(parts)
        self.size = FRAME_BYTES + sum(part.size for part in self._parts)

    def add(self, part: _Part) -> None:
        self._parts.append(part)
        self.size += part.size

    def take_body(self, is_part: bool = False) -> Iterator[Body]:
        """The request, unless it is empty; after that it is."""
        if not self._parts:
            return
        raw = _frame(len(self._parts), b"".join([part.encoded() for part in self._parts]), is_part)
        items = sum(part.groups for part in self._parts)
        self._parts.clear()
        self.size = FRAME_BYTES
        yield Body(KIND, PATH, CONTENT_TYPE, zlib.compress(raw, GZIP_LEVEL, GZIP_WINDOW), items, GZIP)


def _frame(count: int, payloads: bytes, is_part: bool) -> bytes:
    head = _map_head(6) + _members({"AgentHostname": "", "AgentEnv": ""}) + _pack("Stats") + _array_head(count)
    return b"".join([head, payloads, _members({"AgentVersion": "", "ClientComputed": True, "SplitPayload": is_part})])


def _members(members: Mapping[str, Any]) -> bytes:
    """Names and values of a map without the head that says how many they are."""
    return b"".join([_pack(name) + _pack(value) for name, value in members.items()])


def _map_head(count: int) -> bytes:
    return bytes(_packer.pack_map_header(count))


def _array_head(count: int) -> bytes:
    return bytes(_packer.pack_array_header(count))


ARRAY_HEAD_BYTES = 5  # of the longest
FRAME_BYTES = len(_frame(0xFFFF + 1, b"", False))
