"""The face of this package: what calls, records and spans tell of each invocation goes in, the spans of an invocation come out.

It never decides when they are sent (`fsm/tracing.py` does), reads no clock and rolls no dice. (specification, invocation)
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import attrs

from fsm.time import Now
from pipelines.invocation.calls import CallReader, EndFacts, StartFacts, is_failure
from pipelines.invocation.complete import SUCCESS, complete
from pipelines.invocation.context import Context, Contexts, Placeholder, cost_of
from pipelines.invocation.hooks import SpanHooks
from pipelines.invocation.propagation.inject import Headers, answer_headers
from pipelines.invocation.reparent import Reparenting
from pipelines.invocation.sandbox import SandboxSpans
from pipelines.invocation.settings import InvocationSettings
from pipelines.invocation.spans import Span

NS = 1_000_000  # in a millisecond


class Made(NamedTuple):
    """Spans to send as one chunk. `computed_stats`: the library makes its own statistics, so the backend should not."""

    spans: list[Span]
    computed_stats: bool


class InvocationStatistics(NamedTuple):
    contexts: int
    bytes: int
    reparenting: int


class InvocationPipeline:
    """All invocations of one sandbox. `make_id` gives random ids of 64 bits, never 0."""

    def __init__(self, settings: InvocationSettings, make_id: Callable[[], int]) -> None:
        self._settings, self._make_id = settings, make_id
        self._reader = CallReader(settings, make_id)
        self._contexts = Contexts()
        self._reparenting = Reparenting()
        self.sandbox = SandboxSpans(settings, make_id)
        self.hooks = SpanHooks(self._contexts, self.sandbox, self._reparenting.on_span)
        self._has_tracer = settings.is_traced

    def statistics(self) -> InvocationStatistics:
        return InvocationStatistics(len(self._contexts), self._contexts.bytes, len(self._reparenting))

    # --- calls ----------------------------------------------------------------------------------------------------------------

    def read_start(self, headers: Mapping[str, str], body: bytes) -> tuple[StartFacts, Headers]:
        """What a start call tells, and the headers of its answer."""
        self._has_tracer = True
        facts = self._reader.read_start(headers, body)
        return facts, answer_headers(facts.context)

    def read_end(self, headers: Mapping[str, str], body: bytes, now: Now) -> EndFacts:
        self._has_tracer = True
        return self._reader.read_end(headers, body, now.epoch_ms * NS)

    def take_start(self, request_id: str, facts: StartFacts) -> bool:
        """The call is this request's. False: there was no room for what it captured of the payload."""
        context = self._contexts.need(request_id)
        has_room = self._contexts.charge(context, cost_of(facts.tags, *(span["meta"] for span in facts.inferred.spans)))
        context.start = facts if has_room else attrs.evolve(facts, tags={})
        return has_room

    def take_end(self, request_id: str, facts: EndFacts) -> bool:
        context = self._contexts.need(request_id)
        has_room = self._contexts.charge(context, cost_of(facts.tags, facts.error or {}))
        context.end = facts if has_room else attrs.evolve(facts, tags={})
        return has_room

    def is_failure(self, request_id: str, facts: EndFacts) -> bool:
        """Whether an end call tells of an error of this request."""
        context = self._contexts.get(request_id)
        return is_failure(facts, context.start.inferred.source if context is not None and context.start is not None else "")

    # --- records ----------------------------------------------------------------------------------------------------------------

    def begin(self, request_id: str, at: Now, init_tags: Mapping[str, str]) -> None:
        """An invocation begins. `init_tags` are what enhanced metrics get at this moment: cold start, runtime."""
        self._contexts.begin(request_id, at.epoch_ms * NS, init_tags)

    def platform_start(self, request_id: str, at_ns: int) -> None:
        self._contexts.platform_start(request_id, at_ns)

    def over(self, request_id: str, duration_ms: float | None, status: str, error_type: str) -> None:
        """The runtime is over, or the platform reported; the first that tells a thing is believed."""
        context = self._contexts.get(request_id)
        if context is None:
            return
        if context.duration_ns is None and duration_ms is not None:
            context.duration_ns = max(0, round(duration_ms * NS))
        context.status, context.error_type = context.status or status, context.error_type or error_type

    # --- out --------------------------------------------------------------------------------------------------------------------

    def finish(self, request_id: str, now: Now) -> Made | None:
        """The spans of an invocation; None where a library makes its own, or none was ever heard of."""
        context = self._contexts.get(request_id)
        if context is None or not self._is_ours(context):
            return None
        self._place_in_app_trace(context)
        spans = complete(context, self._settings, self._make_id, now.epoch_ms * NS)
        invocation = spans[0]
        first = self.sandbox.take(invocation["trace_id"], invocation["parent_id"])
        computed_stats = context.placeholder is not None and context.placeholder.computed_stats
        return Made([*spans, first] if first is not None else spans, computed_stats)

    def adopted(self) -> Made | None:
        """The cold start of a trace that a library makes, once it is complete; it goes alone."""
        span = self.sandbox.take_adopted()
        return None if span is None else Made([span], computed_stats=False)

    def last(self) -> Made | None:
        """The same at the end of the sandbox, complete or not."""
        span = self.sandbox.take_adopted_anyway()
        return None if span is None else Made([span], computed_stats=False)

    def drop(self, request_id: str) -> None:
        """The invocation is over, or never came."""
        context = self._contexts.drop(request_id)
        if context is not None and context.is_begun:
            self.sandbox.grow_warm()
        self._reparenting.forget(request_id)

    def _is_ours(self, context: Context) -> bool:
        """A library with universal instrumentation leaves the span to us. Other libraries make it, unless the runtime died on them."""
        if context.start is not None or context.end is not None or context.placeholder is not None:
            return True
        is_dead = context.is_begun and context.status not in ("", SUCCESS)
        return is_dead and (self._has_tracer or (self.hooks.has_library and not self.hooks.has_made(context.request_id)))

    # --- applications behind the web adapter --------------------------------------------------------------------------------------

    def expect_app_spans(self, request_id: str) -> bool:
        """The application behind the Lambda Web Adapter answers this request; its tracer knows nothing of the invocation."""
        context = self._contexts.get(request_id)
        upstream = context.start.context if context is not None and context.start is not None else None
        trace_id, parent_id = (upstream.low_trace_id, upstream.span_id) if upstream is not None else (0, 0)
        return self._reparenting.expect(request_id, self._make_id(), parent_id, trace_id)

    def _place_in_app_trace(self, context: Context) -> None:
        """The span takes the id that the application's spans were given as parent."""
        trace_id, span_id = self._reparenting.trace_of(context.request_id)
        if not span_id:
            return
        if context.placeholder is None and not (context.end and context.end.span_id):
            context.placeholder = Placeholder(trace_id, span_id, {}, {}, {})
