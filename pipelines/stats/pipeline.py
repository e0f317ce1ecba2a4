"""The trace statistics of one sandbox (specification, stats): those that tracers have computed pass through, and those of tracers that
compute none are computed here when the setting is on. It sends nothing, and decides nothing about who computes.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import attrs

from fsm.time import Now
from pipelines.stats.client import ClientHeaders, StatsSettings, completed
from pipelines.stats.concentrate import BUCKET_NS, NEARLY_FULL, Concentrator, Room, aligned
from pipelines.stats.keys import Span
from protocols.intake_body import Body
from protocols.intake_stats import StatsBucket, StatsPayload, encode_stats
from protocols.stats_api import PAYLOAD_FIELDS, ClientStats

CLIENT_BYTES_MAX = 8 * 1024 * 1024
PAYLOAD_BYTES = 1024  # what a payload takes beside its groups and its own texts
SOURCES_MAX = 64
SOURCE_CHARS_MAX = 2048


@attrs.frozen
class Source:
    """Whose spans these are: the tracer's headers, and what its payload says. Our own spans and OTLP have no language."""

    lang: str = ""
    tracer_version: str = ""
    runtime_id: str = ""
    container_id: str = ""
    env: str = ""
    version: str = ""


class StatsStatistics(NamedTuple):
    """`dropped_groups` were a tracer's and found no room; `dropped_spans` are in no group, `blocked_spans` in one that stands for many.
    `failed_groups` were lost by an error while they were sealed.
    """

    held_bytes: int
    groups: int
    sources: int
    client_bytes: int
    client_payloads: int
    dropped_groups: int
    blocked_spans: int
    dropped_spans: int
    failed_groups: int


class StatsPipeline:
    """Takes tracers' statistics and spans; gives bodies at `seal`."""

    def __init__(self, settings: StatsSettings, now: Now, client_bytes_max: int = CLIENT_BYTES_MAX, room: Room | None = None) -> None:
        self._settings = settings
        self._client_bytes_max = client_bytes_max
        self._room = room or Room()
        self._oldest_ns = aligned(_ns(now))
        self._concentrators: dict[Source, Concentrator] = {}
        self._queue: deque[tuple[StatsPayload, int, int]] = deque()  # with its groups and its bytes
        self._client_bytes = 0
        self._dropped_groups = self._failed_groups = 0

    # --- in -------------------------------------------------------------------------------------------------------------------

    def take_client(self, stats: ClientStats, headers: ClientHeaders, now: Now, runtime_id: str = "") -> bool:
        """A tracer's own statistics. False: there is nothing in them to send. Beyond the bound the oldest are dropped and counted."""
        if stats.is_empty:
            return False
        payload = completed(stats, headers, self._settings, _ns(now), runtime_id)
        groups = [group for bucket in payload.buckets for group in bucket.groups]
        size = PAYLOAD_BYTES + sum(map(len, groups)) + sum(map(_weight, payload.fields.values()))
        self._queue.append((payload, len(groups), size))
        self._client_bytes += size
        while self._client_bytes > self._client_bytes_max:
            _, lost, size = self._queue.popleft()
            self._client_bytes -= size
            self._dropped_groups += lost
        return True

    def take_spans(self, spans: Iterable[Span], source: Source, now: Now, origin: str = "") -> None:
        """The spans of one chunk, sampled out or not, as they are after enrichment and obfuscation. `origin` is the chunk's as it was
        received: enrichment overwrites that of the spans.
        """
        self._concentrator(source).take(spans, origin, _ns(now))

    def _concentrator(self, source: Source) -> Concentrator:
        found = self._concentrators.get(source)
        if found is None:
            source = self._admitted(source)
            found = self._concentrators.get(source) or Concentrator(self._oldest_ns, self._room)
            self._concentrators[source] = found
        return found

    def _admitted(self, source: Source) -> Source:
        """The source itself, or the one of nobody in particular when there are too many, or its texts are too long to be kept."""
        if sum(map(len, attrs.astuple(source))) > SOURCE_CHARS_MAX:
            return NOBODY
        if len(self._concentrators) >= SOURCES_MAX:
            idle = next((each for each, concentrator in self._concentrators.items() if concentrator.is_idle), None)
            if idle is None:
                return NOBODY
            del self._concentrators[idle]
        return source

    # --- out ------------------------------------------------------------------------------------------------------------------

    @property
    def is_nearly_full(self) -> bool:
        """True when a flush should not wait for its time; it then takes everything."""
        return self._room.is_nearly_full or self._client_bytes >= self._client_bytes_max * NEARLY_FULL

    def seal(self, now: Now, final: bool = False, at_end: bool = False) -> list[Body]:
        """What is ready to leave: tracers' statistics, and the buckets that are complete.

        `final`: everything, there is no later. `at_end`: the flush is one at the end of an invocation, after which the sandbox may freeze
        and never wake up, so that what has been held for more than one bucket's time waits no longer.
        """
        held = self._groups
        try:
            return self._seal(_ns(now), final, at_end)
        except Exception:
            self._failed_groups += held - self._groups
            raise

    def _seal(self, now_ns: int, final: bool, at_end: bool) -> list[Body]:
        force = final or self._room.is_nearly_full or (at_end and self._age_ns(now_ns) > BUCKET_NS)
        flushed = [(source, each, each.flush(now_ns, force)) for source, each in self._concentrators.items()]
        self._oldest_ns = aligned(now_ns) - (0 if force else BUCKET_NS)
        return list(encode_stats([*self._take_clients(), *self._payloads(flushed)]))

    @property
    def _groups(self) -> int:
        """In hand: those that were computed here, and tracers' own."""
        return sum(each.groups for each in self._concentrators.values()) + sum(groups for _, groups, _ in self._queue)

    def statistics(self) -> StatsStatistics:
        return StatsStatistics(
            self._room.held_bytes,
            sum(each.groups for each in self._concentrators.values()),
            len(self._concentrators),
            self._client_bytes,
            len(self._queue),
            self._dropped_groups,
            self._room.blocked_spans,
            self._room.dropped_spans,
            self._failed_groups,
        )

    def _age_ns(self, now_ns: int) -> int:
        return max((each.age_ns(now_ns) for each in self._concentrators.values()), default=0)

    def _take_clients(self) -> list[StatsPayload]:
        payloads = [payload for payload, _, _ in self._queue]
        self._queue.clear()
        self._client_bytes = 0
        return payloads

    def _payloads(self, flushed: list[tuple[Source, Concentrator, list[StatsBucket]]]) -> Iterator[StatsPayload]:
        for source, concentrator, buckets in flushed:
            if buckets:
                yield StatsPayload(self._fields(source, concentrator), buckets)
                concentrator.payloads += 1

    def _fields(self, source: Source, concentrator: Concentrator) -> dict[str, object]:
        return {
            **{name: zero for name, (_, zero) in PAYLOAD_FIELDS.items()},
            **self._settings.fields(source.env, source.version),
            "Lang": source.lang,
            "TracerVersion": source.tracer_version,
            "RuntimeID": source.runtime_id,
            "ContainerID": source.container_id,
            "Sequence": concentrator.payloads,
            "GitCommitSha": concentrator.commit_sha,
        }


NOBODY = Source()


def _ns(now: Now) -> int:
    return now.epoch_ms * 1_000_000


def _weight(value: object) -> int:
    if isinstance(value, str):
        return value.__sizeof__()
    return sum(map(str.__sizeof__, value)) if isinstance(value, tuple) else 0
