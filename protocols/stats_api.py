"""The statistics that a tracer has computed itself: a body of `/v0.6/stats` made into values (specification, stats 1).

A body is taken whole or not at all: one that breaks the format anywhere is `Malformed`, and its tracer is told so. It never fills in,
shifts or normalises anything. What stands in a member that nobody knows is passed over without being built, and every other value is
built by itself, within a bound: so two megabytes of body never become a hundred megabytes of objects.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import msgpack  # type: ignore[import-untyped, unused-ignore]

BODY_BYTES_MAX = 2 * 1024 * 1024
VALUE_BYTES_MAX = 256 * 1024  # one group, or one member of the payload
GROUPS_MAX = 12_000  # a group with its names and two summaries takes 180 bytes at least, so no real body has more
BUCKETS_MAX = 1_000  # nearly three hours of them
MEMBERS_MAX = 1_000  # of one map

MAX_U32 = 2**32 - 1
MAX_U64 = 2**64 - 1
MAX_I64 = 2**63 - 1

Group = dict[str, Any]
"""One group: every member of GROUP_FIELDS, in that order."""
Reader = Callable[[Any], Any]


class Malformed(ValueError):
    """The body is not what `/v0.6/stats` takes. The message says where."""


@attrs.frozen
class ClientBucket:
    """What a tracer counted from `start_ns` on (epoch) for `duration_ns`; `shift_ns` is how far the start was moved on its way here."""

    start_ns: int
    duration_ns: int
    shift_ns: int
    groups: list[Group]


@attrs.frozen
class ClientStats:
    """One payload of a tracer: `fields` has every member of PAYLOAD_FIELDS, the buckets stand apart."""

    fields: dict[str, Any]
    buckets: list[ClientBucket]

    @property
    def is_empty(self) -> bool:
        """Nothing was counted: such a payload is accepted, and there is nothing to send."""
        return not any(bucket.groups for bucket in self.buckets)


# --- the members and their types --------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Malformed(f"{type(value).__name__} in place of text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if type(value) is not list:
        raise Malformed(f"{type(value).__name__} in place of a list of text")
    return tuple(map(_text, value))


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise Malformed(f"{type(value).__name__} in place of a boolean")
    return value


def _integer(low: int, high: int) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int:
            raise Malformed(f"{type(value).__name__} in place of an integer")
        if not low <= value <= high:
            raise Malformed(f"{value} is out of range")
        return value

    return read


def _summary(value: Any) -> bytes:
    """A sketch; a list of its bytes is taken as well."""
    if type(value) is bytes:
        return value
    if type(value) is not list:
        raise Malformed(f"{type(value).__name__} in place of bytes")
    if not all(type(byte) is int and 0 <= byte <= 255 for byte in value):
        raise Malformed("a summary is not a list of bytes")
    return bytes(value)


def _trace_root(value: Any) -> int:
    """0 not set, 1 true, 2 false. A number that nobody can read is as good as not set."""
    number: int = _i64(value)
    return number if number in (1, 2) else 0


_u32, _u64, _i64 = _integer(0, MAX_U32), _integer(0, MAX_U64), _integer(-MAX_I64 - 1, MAX_I64)

Fields = Mapping[str, tuple[Reader, Any]]
"""Name -> how its value is read, and what it is when it is missing. In the order in which they are sent."""

PAYLOAD_FIELDS: Fields = {
    **dict.fromkeys(("Hostname", "Env", "Version", "Lang", "TracerVersion", "RuntimeID"), (_text, "")),
    "Sequence": (_u64, 0),
    **dict.fromkeys(("AgentAggregation", "Service", "ContainerID"), (_text, "")),
    "Tags": (_texts, ()),
    **dict.fromkeys(("GitCommitSha", "ImageTag"), (_text, "")),
    "ProcessTagsHash": (_u64, 0),
    "ProcessTags": (_text, ""),
}
GROUP_FIELDS: Fields = {
    **dict.fromkeys(("Service", "Name", "Resource"), (_text, "")),
    "HTTPStatusCode": (_u32, 0),
    **dict.fromkeys(("Type", "DBType"), (_text, "")),
    **dict.fromkeys(("Hits", "Errors", "Duration"), (_u64, 0)),
    **dict.fromkeys(("OkSummary", "ErrorSummary"), (_summary, b"")),
    "Synthetics": (_flag, False),
    "TopLevelHits": (_u64, 0),
    "SpanKind": (_text, ""),
    "PeerTags": (_texts, ()),
    "IsTraceRoot": (_trace_root, 0),
    **dict.fromkeys(("GRPCStatusCode", "HTTPMethod", "HTTPEndpoint", "srv_src"), (_text, "")),
    **dict.fromkeys(("SpanDerivedPrimaryTags", "AdditionalMetricTags"), (_texts, ())),
}
BUCKET_FIELDS: Fields = {"Start": (_u64, 0), "Duration": (_u64, 0), "AgentTimeShift": (_i64, 0)}
STATS = "Stats"  # the buckets of a payload, and the groups of a bucket


# --- reading --------------------------------------------------------------------------------------------------------------------


def decode_client_stats(body: bytes) -> ClientStats:
    """The payload in a body; what follows its first value is passed over. A missing member is its zero value. Raises Malformed."""
    try:
        return _Payload(body).read()
    except Malformed:
        raise
    except msgpack.OutOfData as error:
        raise Malformed("the body is cut short") from error
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise Malformed(f"not msgpack, or not of the right shape: {error or type(error).__name__}") from error


class _Payload:
    """One body while it is read."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._buckets = self._groups = 0
        self._unpacker = msgpack.Unpacker(max_buffer_size=max(len(body), 1))
        self._unpacker.feed(body)

    def read(self) -> ClientStats:
        fields, buckets = self._members(PAYLOAD_FIELDS, self._bucket)
        return ClientStats(fields, buckets)

    def _bucket(self) -> ClientBucket:
        self._buckets += 1
        if self._buckets > BUCKETS_MAX:
            raise Malformed(f"more than {BUCKETS_MAX} buckets")
        fields, groups = self._members(BUCKET_FIELDS, self._group)
        return ClientBucket(fields["Start"], fields["Duration"], fields["AgentTimeShift"], groups)

    def _group(self) -> Group:
        self._groups += 1
        if self._groups > GROUPS_MAX:
            raise Malformed(f"more than {GROUPS_MAX} groups")
        raw = self._value()
        if type(raw) is not dict:
            raise Malformed(f"{type(raw).__name__} in place of a group")
        return {name: _read(name, raw[name], read) if name in raw else zero for name, (read, zero) in GROUP_FIELDS.items()}

    def _members(self, known: Fields, element: Callable[[], Any]) -> tuple[dict[str, Any], list[Any]]:
        """A map: the members that are known, and the elements of `Stats`."""
        fields = {name: zero for name, (_, zero) in known.items()}
        elements: list[Any] = []
        for name in self._names():
            if name == STATS:
                elements = [element() for _ in range(self._unpacker.read_array_header())]
            elif name in known:
                fields[name] = _read(name, self._value(), known[name][0])
            else:
                self._unpacker.skip()
        return fields, elements

    def _names(self) -> Iterator[str]:
        """The name of each member, with the reading stopped before its value. A name that is no text is nobody's."""
        members = self._unpacker.read_map_header()
        if members > MEMBERS_MAX:
            raise Malformed(f"a map of {members} members")
        for _ in range(members):
            name = self._value()
            yield name if type(name) is str else ""

    def _value(self) -> Any:
        """The next value, built. Bytes that are no UTF-8 cost a text nothing but themselves."""
        start = self._unpacker.tell()
        self._unpacker.skip()
        end = self._unpacker.tell()
        if end - start > VALUE_BYTES_MAX:
            raise Malformed(f"a value of {end - start} bytes")
        return msgpack.unpackb(self._body[start:end], unicode_errors="replace", strict_map_key=False)


def _read(name: str, value: Any, read: Reader) -> Any:
    try:
        return read(value)
    except Malformed as error:
        raise Malformed(f"{name}: {error}") from None
