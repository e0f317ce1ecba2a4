"""The traces of one sandbox, from a decoded request to the bodies that leave. (specification, traces 5 to 8 and 10.2)

It sends and compresses nothing. Each span is encoded as soon as it is done with: as bytes it takes a quarter of its maps' memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

import attrs

from fsm.time import Now
from pipelines.tags import comma_list
from pipelines.traces.chunk import Trace, make_trace, mark_top_level, traces_of
from pipelines.traces.dedup import Seen
from pipelines.traces.durable import DurableFact, durable_fact
from pipelines.traces.enrich import ORIGINS, Common, Enricher, base_service
from pipelines.traces.facts import Hooks, KeepsTrace, StatsSink, TraceFacts, TracesSettings, TraceStatistics
from pipelines.traces.filter import OwnTraffic
from pipelines.traces.normalise import Normaliser, cut, tag_value
from pipelines.traces.oversize import SPAN_BYTES_MAX, fit
from pipelines.traces.payload import FIELD_BYTES_MAX, bounded_tags, find_fields, make_fields
from pipelines.traces.queue import QUEUE_BYTES_MAX, ChunkQueue
from pipelines.traces.sample import is_sampled_out, keep_what_counts
from protocols.intake_body import Body
from protocols.intake_span import encode_spans
from protocols.intake_traces import EncodedChunk, PayloadFields, chunk_frame
from protocols.trace_headers import TracerHeaders
from protocols.trace_values import Chunk, Decoded, Span

WARNINGS_MAX = 64


class TracesPipeline:
    """Takes decoded requests and the extension's own spans; gives bodies at `seal`.

    `obfuscate` changes a span in place; a span that it fails on is dropped, since it must not go out as it is. `keeps` is the filter on
    root spans. `stats` gets what is sent, before sampling, where the extension computes statistics. `function_tags` are those that
    registration has told: no tracer runs before that, so there is no order in which they could come too late.
    """

    def __init__(
        self,
        settings: TracesSettings,
        obfuscate: Callable[[Span], None] | None = None,
        keeps: KeepsTrace | None = None,
        hooks: Hooks | None = None,
        stats: StatsSink | None = None,
        bytes_max: int = QUEUE_BYTES_MAX,
        function_tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._settings, self._obfuscate, self._keeps, self._stats = settings, obfuscate, keeps, stats
        self._hooks = hooks or Hooks()
        self._seen = Seen()
        self._normaliser = Normaliser()
        self._own_traffic = OwnTraffic(settings.runtime_api, settings.otlp_ports)
        self._queue = ChunkQueue(bytes_max)
        self._fallback = {"env": tag_value(settings.env), "app_version": settings.version}
        self._taken = self._sealed = self._cut = 0
        self._refused: dict[str, int] = {}
        self._removed: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._said: set[str] = set()
        self._warnings: list[str] = []
        inferred = base_service(settings.service, settings.function_name, settings.representation_enabled)
        self._enricher = Enricher(function_tags, inferred, self._obfuscated)
        self._function_tags = comma_list(self._enricher.function_tags)

    @property
    def is_nearly_full(self) -> bool:
        """True when a flush should not wait for its time."""
        return self._queue.is_nearly_full

    def statistics(self) -> TraceStatistics:
        dropped = {**self._dropped, **({"overflow": self._queue.dropped} if self._queue.dropped else {})}
        counts = (dict(self._refused), dict(self._removed), dropped, dict(self._failures))
        return TraceStatistics(self._taken, self._sealed, self._cut, *counts, self._queue.spans, self._queue.bytes)

    # --- in -------------------------------------------------------------------------------------------------------------------

    def take(self, decoded: Decoded, headers: TracerHeaders, now: Now) -> TraceFacts:
        """A tracer's request."""
        for reason in decoded.refused:
            _count(self._refused, reason)
            self._warn(f"a trace was refused: {reason}")
        spans = sum(len(chunk.spans) for chunk in decoded.chunks)
        self._taken += spans
        durable: list[DurableFact] = []
        if self._hooks.on_request is not None:
            self._guard("hook", self._hooks.on_request, headers)
        for chunk in decoded.chunks:
            chunk.spans = self._admit(chunk.spans, durable)
        self._process(self._not_held(decoded.chunks, headers), decoded, headers, now)
        return self._facts(spans, tuple(durable))

    def take_own(self, spans: list[Span], computed_stats: bool, now: Now) -> TraceFacts:
        """A trace that the extension has made itself. `computed_stats`: whether the function's tracer computes statistics."""
        return self.take_held(Decoded([Chunk(spans)]), TracerHeaders(computed_stats=computed_stats), now)

    def take_held(self, decoded: Decoded, headers: TracerHeaders, now: Now) -> TraceFacts:
        """What is neither looked at for repetitions nor shown to hooks: spans from OTLP, traces that were held back."""
        spans = sum(len(chunk.spans) for chunk in decoded.chunks)
        self._taken += spans
        self._process(decoded.chunks, decoded, headers, now)
        return self._facts(spans, ())

    def _admit(self, spans: list[Span], durable: list[DurableFact]) -> list[Span]:
        """The spans that were not seen before, shown to the hooks one by one in the order of the wire."""
        fresh = list(filter(self._seen.is_new, spans))
        if len(fresh) < len(spans):
            _count(self._removed, "duplicate", len(spans) - len(fresh))
        on_span = self._hooks.on_span
        for span in fresh:
            if fact := durable_fact(span):
                durable.append(fact)
            if on_span is not None:
                self._guard("hook", on_span, span)
        return fresh

    def _not_held(self, chunks: list[Chunk], headers: TracerHeaders) -> Iterator[Chunk]:
        holds = self._hooks.holds
        for chunk in chunks:
            if holds is not None and chunk.spans and self._guard("hook", holds, chunk.spans, headers):
                _count(self._removed, "held_back", len(chunk.spans))
            else:
                yield chunk

    # --- the steps --------------------------------------------------------------------------------------------------------------

    def _process(self, chunks: Iterable[Chunk], decoded: Decoded, headers: TracerHeaders, now: Now) -> None:
        traces = [trace for chunk in chunks for trace in self._normalised(chunk, headers, now)]
        plain = headers
        if headers.dropped_p0_traces or headers.dropped_p0_spans:
            plain = attrs.evolve(headers, dropped_p0_traces=0, dropped_p0_spans=0)
            self._queue.count_dropped_p0(plain, headers.dropped_p0_traces, headers.dropped_p0_spans)
        if not traces:
            return
        fields = make_fields(decoded, headers, find_fields(traces), self._fallback, self._function_tags)
        common = self._enricher.common(not self._settings.compute_stats and not headers.computed_stats)
        for trace in traces:
            if self._passes(trace, common):
                self._finish(trace, common)
                self._sample(trace, fields, common, headers, now)
                self._keep(trace, plain, fields, common)

    def _normalised(self, chunk: Chunk, headers: TracerHeaders, now: Now) -> Iterator[Trace]:
        now_ns = now.epoch_ms * 1_000_000
        lost = sum(self._dropped.values())
        for place, spans in enumerate(traces_of(chunk, self._dropped)):
            for span in spans:
                self._normaliser.normalise(span, now_ns)
            trace = make_trace(spans, chunk)
            mark_top_level(spans, headers.computed_top_level)
            if place:
                self._warn("a trace held spans of other traces, which now go apart")
            yield trace
        if sum(self._dropped.values()) > lost:
            self._warn("spans without an id were dropped")

    def _passes(self, trace: Trace, common: Common) -> bool:
        """Whether the filter on root spans lets the trace pass."""
        if self._keeps is None or self._keeps(trace.root, common.tags):
            return True
        _count(self._removed, "filter_tags", len(trace.spans))
        return False

    def _finish(self, trace: Trace, common: Common) -> None:
        """Remove what nobody should see; enrich and obfuscate the rest."""
        kept = []
        reason_of, enrich, obfuscate = self._own_traffic.reason, self._enricher.enrich, self._obfuscate
        for span in trace.spans:
            if reason := reason_of(span):
                _count(self._removed, reason)
                continue
            enrich(span)
            if obfuscate is not None:
                try:
                    obfuscate(span)
                except Exception:  # whatever is wrong with it: what it left as it is may be secret
                    _count(self._dropped, "obfuscation_failed")
                    self._warn("a span was dropped because it could not be obfuscated")
                    continue
            kept.append(span)
        trace.spans = kept

    def _obfuscated(self, tags: dict[str, str]) -> dict[str, str]:
        """What all spans have in common, as if each span had it while it is obfuscated. Where that fails, spans do without."""
        if self._obfuscate is None:
            return tags
        try:
            self._obfuscate({**_NOTHING, "meta": tags, "metrics": {}})
        except Exception:
            self._warn("the function's tags were left out because they could not be obfuscated")
            return dict(ORIGINS)
        return tags

    def _sample(self, trace: Trace, fields: PayloadFields, common: Common, headers: TracerHeaders, now: Now) -> None:
        """Where statistics are computed here: count what there is, then leave out what the tracer's sampler was against."""
        if not self._settings.compute_stats:
            return
        if self._stats is not None and not headers.computed_stats and trace.spans:
            enriched = [{**span, "meta": {**span["meta"], **common.sent}} for span in trace.spans]
            self._guard("stats", self._stats, enriched, fields, now, trace.origin)
        if is_sampled_out(trace) and (lost := keep_what_counts(trace)):
            _count(self._removed, "sampled_out", lost)

    def _keep(self, trace: Trace, headers: TracerHeaders, fields: PayloadFields, common: Common) -> None:
        encoded = encode_spans(trace.spans)
        if max(map(len, encoded), default=0) > SPAN_BYTES_MAX:
            encoded = list(self._fitting(trace.spans, encoded))
        if encoded:
            frame = chunk_frame(trace.priority, cut(trace.origin, FIELD_BYTES_MAX), bounded_tags(trace.tags).items())
            self._queue.append(headers, fields, EncodedChunk(frame, encoded, common.encoded))

    def _fitting(self, spans: list[Span], encoded: list[bytes]) -> Iterator[bytes]:
        for span, own in zip(spans, encoded, strict=True):
            if len(own) <= SPAN_BYTES_MAX:
                yield own
            elif (short := fit(span)) is not None:
                self._cut += 1
                yield short
            else:
                _count(self._dropped, "span_too_large")

    # --- out --------------------------------------------------------------------------------------------------------------------

    def seal(self) -> list[Body]:
        """Everything that was collected, as bodies."""
        return list(self.bodies())

    def bodies(self) -> Iterator[Body]:
        """Like `seal`, made one by one: who compresses each before asking for the next never holds two."""
        for body in self._queue.bodies():
            self._sealed += body.items
            yield body

    # --- errors of ours and things to be said -------------------------------------------------------------------------------------

    def _guard(self, name: str, call: Callable[..., object], *arguments: object) -> object:
        """What somebody else does with a span must not cost it. (specification, traces 8)"""
        try:
            return call(*arguments)
        except Exception as error:
            _count(self._failures, name)
            self._warn(f"{name} of traces failed: {type(error).__name__}")
            return None

    def _warn(self, sentence: str) -> None:
        if sentence not in self._said and len(self._said) < WARNINGS_MAX:
            self._said.add(sentence)
            self._warnings.append(sentence)

    def _facts(self, spans: int, durable: tuple[DurableFact, ...]) -> TraceFacts:
        warnings, self._warnings = tuple(self._warnings), []
        return TraceFacts(spans, durable, warnings, self._queue.is_nearly_full)


_NOTHING: Span = {
    **dict.fromkeys(("service", "name", "resource", "type"), ""),
    **dict.fromkeys(("trace_id", "span_id", "parent_id", "start", "duration", "error"), 0),
}
"""The other fields of a span."""


def _count(counts: dict[str, int], reason: str, number: int = 1) -> None:
    counts[reason] = counts.get(reason, 0) + number
