"""Encoded chunks until they are sealed: in the order of arrival, bounded in bytes, counted when they do not fit.

Over the bound the oldest go first. What spans have in common is not part of them yet, so it takes no memory here.
"""

from collections import deque
from collections.abc import Iterator
from itertools import chain, repeat
from operator import itemgetter
from typing import NamedTuple

import attrs

from protocols.intake_body import Body
from protocols.intake_traces import REAL_STATUS, EncodedChunk, PayloadFields, encode_bodies
from protocols.trace_headers import TracerHeaders

QUEUE_BYTES_MAX = 32 * 1024 * 1024
FLUSH_EARLY_BYTES = 4 * 1024 * 1024
BODY_BYTES = 4_000_000  # of one body: a third of what the intake takes, since while it is compressed all of it stands in memory
TRACERS_MAX = 64  # whose own drops are remembered between two bodies
SPAN_BYTES, CHUNK_BYTES = 64, 512
"""What the memory of a span and of a chunk takes beside their bytes."""


class Held(NamedTuple):
    """A chunk, and with whom it may share a body and a payload."""

    headers: TracerHeaders
    fields: PayloadFields
    chunk: EncodedChunk
    size: int


class ChunkQueue:
    """Takes chunks, gives bodies."""

    def __init__(self, bytes_max: int = QUEUE_BYTES_MAX) -> None:
        self.bytes = self.spans = 0
        self.dropped = 0
        """Spans that went because there was no room."""
        self._held: deque[Held] = deque()
        self._bytes_max = bytes_max
        self._dropped_p0: dict[TracerHeaders, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def is_nearly_full(self) -> bool:
        return self.bytes >= min(FLUSH_EARLY_BYTES, self._bytes_max)

    def append(self, headers: TracerHeaders, fields: PayloadFields, chunk: EncodedChunk) -> None:
        """`headers` without counts: those are given to `count_dropped_p0` once for each request."""
        size = CHUNK_BYTES + len(chunk.frame) + sum(map(len, chunk.spans)) + SPAN_BYTES * len(chunk.spans)
        self._held.append(Held(headers, fields, chunk, size))
        self.bytes += size
        self.spans += len(chunk.spans)
        while self.bytes > self._bytes_max:
            self.dropped += len(self._take_oldest().chunk.spans)

    def count_dropped_p0(self, headers: TracerHeaders, traces: int, spans: int) -> None:
        """What a tracer says it has dropped itself: sums, sent with the next body of that tracer."""
        if (traces or spans) and (headers in self._dropped_p0 or len(self._dropped_p0) < TRACERS_MAX):
            before = self._dropped_p0.get(headers, (0, 0))
            self._dropped_p0[headers] = (before[0] + traces, before[1] + spans)

    def _take_oldest(self) -> Held:
        oldest = self._held.popleft()
        self.bytes -= oldest.size
        self.spans -= len(oldest.chunk.spans)
        return oldest

    def bodies(self, bytes_max: int = BODY_BYTES) -> Iterator[Body]:
        """All that is held, as bodies made one by one, so that what has become a body need not be held twice.

        Only payloads of tracers with equal headers share a body; within it they are joined where all that they say is equal.
        """
        groups: dict[TracerHeaders, dict[PayloadFields, deque[EncodedChunk]]] = {}
        while self._held:
            held = self._take_oldest()
            groups.setdefault(held.headers, {}).setdefault(held.fields, deque()).append(held.chunk)
        while groups:
            headers = next(iter(groups))
            payloads = groups.pop(headers)
            yield from self._bodies_of(headers, sorted(payloads.items(), key=itemgetter(0)), bytes_max)

    def _bodies_of(
        self, headers: TracerHeaders, payloads: list[tuple[PayloadFields, deque[EncodedChunk]]], bytes_max: int
    ) -> Iterator[Body]:
        """The first of them tells what the tracer has dropped."""
        traces, spans = self._dropped_p0.pop(headers, (0, 0))
        first = attrs.evolve(headers, dropped_p0_traces=traces, dropped_p0_spans=spans)
        bodies = encode_bodies([(fields, _consumed(chunks)) for fields, chunks in payloads], bytes_max=bytes_max)
        for told, body in zip(chain((first,), repeat(headers)), bodies, strict=False):
            yield attrs.evolve(body, headers=told.as_headers() + REAL_STATUS)


def _consumed(chunks: deque[EncodedChunk]) -> Iterator[EncodedChunk]:
    while chunks:
        yield chunks.popleft()
