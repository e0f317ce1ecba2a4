"""Spans counted in groups, per ten seconds (specification, stats 2 and 4): the statistics of one tracer that computes none itself.

It keeps numbers and the texts of the keys, never a span. Too many groups, or too many bytes, and spans fall into one group per bucket that
stands for all of them; only when that has no room either is a span not counted, and that is counted.
"""

from collections.abc import Iterable, Iterator, Mapping

import attrs

from pipelines.stats.keys import BLOCKED, KEY_NAMES, NOT_COUNTED, SYNTHETICS, TOP_LEVEL, TRACE_ROOT, Key, Span, key_of, standing
from pipelines.stats.sketch import BIN_BYTES, EMPTY, Sketch
from protocols.intake_stats import StatsBucket, encode_group
from protocols.stats_api import MAX_U64

BUCKET_NS = 10_000_000_000
BUCKETS_HELD = 2  # at a flush that is not the last: spans of these are still coming
FUTURE_NS = 3600 * 1_000_000_000  # a span that ends later than this from now on has a clock that nobody should follow

GROUPS_MAX = 7000  # of one bucket
KEY_BYTES_MAX = 64 * 1024
BYTES_MAX = 8 * 1024 * 1024
BLOCKED_RESERVE_BYTES = 1024 * 1024
NEARLY_FULL = 0.8
GROUP_BYTES = 448  # a group without its texts and bins
BUCKET_BYTES = 512

COMMIT_SHA = "_dd.git.commit.sha"
COMMIT_SHA_CHARS_MAX = 128

SHARED = {"DBType": "", "SpanDerivedPrimaryTags": (), "AdditionalMetricTags": ()}
"""The members of a group that are never set here."""


def aligned(time_ns: int) -> int:
    """The start of the bucket of a moment."""
    return time_ns - time_ns % BUCKET_NS


@attrs.define
class Room:
    """The bytes of all concentrators together, and what had to be done without."""

    bytes_max: int = BYTES_MAX
    reserve_bytes: int = BLOCKED_RESERVE_BYTES
    held_bytes: int = 0
    blocked_spans: int = 0
    dropped_spans: int = 0

    def has(self, size: int) -> bool:
        return self.held_bytes + size <= self.bytes_max

    def has_in_reserve(self, size: int) -> bool:
        """For buckets and their groups that stand for all others."""
        return self.held_bytes + size <= self.bytes_max + self.reserve_bytes

    @property
    def is_nearly_full(self) -> bool:
        return self.held_bytes >= self.bytes_max * NEARLY_FULL


class Group:
    """What was counted of spans with one key."""

    __slots__ = ("duration_ns", "errors", "failed", "hits", "ok", "top_level_hits")

    def __init__(self) -> None:
        self.hits = 0
        self.errors = 0
        self.duration_ns = 0
        self.top_level_hits = 0
        self.ok: Sketch | None = None
        self.failed: Sketch | None = None

    def growth(self, duration_ns: int, is_error: bool) -> int:
        """The bytes that one more span would take."""
        sketch = self.failed if is_error else self.ok
        return (sketch or Sketch()).growth(duration_ns) * BIN_BYTES

    def add(self, duration_ns: int, is_error: bool, is_top_level: bool) -> int:
        """Count one span; the bytes that it took."""
        self.hits += 1
        self.duration_ns += duration_ns
        if is_top_level:
            self.top_level_hits += 1
        if is_error:
            self.errors += 1
            sketch = self.failed = self.failed or Sketch()
        else:
            sketch = self.ok = self.ok or Sketch()
        bins = len(sketch.bins)
        sketch.add(duration_ns)
        return (len(sketch.bins) - bins) * BIN_BYTES

    def encode(self, key: Key) -> bytes:
        """The group as the intake takes it; a sum beyond what its field holds is the largest that it does."""
        return encode_group(
            {
                **dict(zip(KEY_NAMES, key, strict=True)),
                **SHARED,
                "Hits": self.hits,
                "Errors": self.errors,
                "Duration": min(self.duration_ns, MAX_U64),
                "TopLevelHits": self.top_level_hits,
                "OkSummary": self.ok.encode() if self.ok else EMPTY,
                "ErrorSummary": self.failed.encode() if self.failed else EMPTY,
            }
        )


class Bucket:
    """Ten seconds."""

    __slots__ = ("blocked", "groups", "size", "start_ns")

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.groups: dict[Key, Group] = {}
        self.blocked: Group | None = None
        self.size = BUCKET_BYTES

    def sealed(self) -> StatsBucket:
        """As it is sent. The groups are encoded when they are asked for, once."""
        return StatsBucket(self.start_ns, BUCKET_NS, 0, self._encoded())

    def _encoded(self) -> Iterator[bytes]:
        groups: Mapping[Key, Group] = self.groups
        for key, group in groups.items():
            yield group.encode(key)
        if self.blocked is not None:
            yield self.blocked.encode(BLOCKED)


class Concentrator:
    """The spans of one tracer. `oldest_ns` is the start of the oldest bucket that may still be filled."""

    def __init__(self, oldest_ns: int, room: Room) -> None:
        self.oldest_ns = aligned(oldest_ns)
        self.commit_sha = ""
        self.payloads = 0  # how many were made of what was counted here
        self._room = room
        self._buckets: dict[int, Bucket] = {}

    @property
    def is_idle(self) -> bool:
        return not self._buckets

    @property
    def groups(self) -> int:
        return sum(len(bucket.groups) + (bucket.blocked is not None) for bucket in self._buckets.values())

    def take(self, spans: Iterable[Span], origin: str, now_ns: int) -> None:
        """Spans of one chunk, enriched and obfuscated; `origin` is the chunk's as it was received."""
        is_synthetic = origin.startswith(SYNTHETICS)
        for span in spans:
            rank = standing(span)
            if rank == NOT_COUNTED:
                continue
            key = key_of(span, is_synthetic)
            if key[10] == TRACE_ROOT and COMMIT_SHA in span["meta"]:
                self._remember_commit(span["meta"][COMMIT_SHA])
            duration_ns = span["duration"]
            bucket = self._bucket_of(span["start"] + duration_ns, now_ns)
            if bucket is not None:
                self._count(bucket, key, duration_ns, span["error"] != 0, rank == TOP_LEVEL)

    def flush(self, now_ns: int, force: bool) -> list[StatsBucket]:
        """Take out the buckets that are complete, or all of them, oldest first."""
        last_ns = None if force else now_ns - BUCKETS_HELD * BUCKET_NS
        ready = [self._buckets.pop(start) for start in sorted(self._buckets) if last_ns is None or start <= last_ns]
        self._room.held_bytes -= sum(bucket.size for bucket in ready)
        self.oldest_ns = aligned(now_ns) - (0 if force else (BUCKETS_HELD - 1) * BUCKET_NS)
        return [bucket.sealed() for bucket in ready]

    def age_ns(self, now_ns: int) -> int:
        """How long ago the oldest bucket that is held began; 0 when there is none."""
        return now_ns - min(self._buckets, default=now_ns)

    def _bucket_of(self, end_ns: int, now_ns: int) -> Bucket | None:
        """Where a span that ended then is counted. None: there is no room, and that is counted."""
        start_ns = max(aligned(end_ns if end_ns <= now_ns + FUTURE_NS else now_ns), self.oldest_ns)
        bucket = self._buckets.get(start_ns)
        if bucket is None:
            if not self._room.has_in_reserve(BUCKET_BYTES):
                self._room.dropped_spans += 1
                return None
            self._room.held_bytes += BUCKET_BYTES
            bucket = self._buckets[start_ns] = Bucket(start_ns)
        return bucket

    def _count(self, bucket: Bucket, key: Key, duration_ns: int, is_error: bool, is_top_level: bool) -> None:
        room = self._room
        group = bucket.groups.get(key) or self._open(bucket, key)
        if group is None or (room.held_bytes >= room.bytes_max and group.growth(duration_ns, is_error)):
            group = self._blocked(bucket, duration_ns, is_error)
        if group is None:
            room.dropped_spans += 1
            return
        if group is bucket.blocked:
            room.blocked_spans += 1
        if taken := group.add(duration_ns, is_error, is_top_level):
            room.held_bytes += taken
            bucket.size += taken

    def _open(self, bucket: Bucket, key: Key) -> Group | None:
        """A group of its own, if there may be one more."""
        size = GROUP_BYTES + sum([part.__sizeof__() for part in key if part and isinstance(part, str)]) + sum(map(str.__sizeof__, key[-1]))
        if len(bucket.groups) >= GROUPS_MAX or size > KEY_BYTES_MAX or not self._room.has(size):
            return None
        self._room.held_bytes += size
        bucket.size += size
        group = bucket.groups[key] = Group()
        return group

    def _blocked(self, bucket: Bucket, duration_ns: int, is_error: bool) -> Group | None:
        """The group that stands for all that have none, if it has room for this span."""
        group = bucket.blocked
        size = (group or Group()).growth(duration_ns, is_error) + (0 if group else GROUP_BYTES)
        if not self._room.has_in_reserve(size):
            return None
        if group is None:
            group = bucket.blocked = Group()
            self._room.held_bytes += GROUP_BYTES
            bucket.size += GROUP_BYTES
        return group

    def _remember_commit(self, sha: str) -> None:
        if sha and len(sha) <= COMMIT_SHA_CHARS_MAX:
            self.commit_sha = sha
