"""What the spans that libraries send tell of invocations: the trace pipeline shows each of them here, once. (specification, traces 5)"""

from collections.abc import Callable
from typing import Any, NamedTuple

from pipelines.invocation.context import Contexts, Placeholder, cost_of
from pipelines.invocation.sandbox import SandboxSpans
from pipelines.invocation.settings import SPAN_NAME

Span = dict[str, Any]

PLACEHOLDER = "dd-tracer-serverless-span"
LOAD = "aws.lambda.load"
REQUEST_ID = "request_id"
SEEN_MAX = 500


class HookFacts(NamedTuple):
    """What was seen since it was asked last: invocations whose placeholder came; how many placeholders were of no live invocation, or
    of one whose tags there was no room for."""

    placeholders: list[str]
    strangers: int
    without_room: int


class SpanHooks:
    """`on_request` and `on_span` are the trace pipeline's hooks. The latter may change `parent_id`; nothing else of a span."""

    def __init__(self, contexts: Contexts, sandbox: SandboxSpans, reparent: Callable[[Span], None]) -> None:
        self.has_library = False
        """A library makes the invocations' spans itself."""
        self._contexts, self._sandbox, self._reparent = contexts, sandbox, reparent
        self._made: dict[str, None] = {}  # requests whose span a library has made, oldest first
        self._facts = HookFacts([], 0, 0)
        self._computed_stats = False

    def has_made(self, request_id: str) -> bool:
        """Whether a library has sent this invocation's span."""
        return request_id in self._made

    def take_facts(self) -> HookFacts:
        facts, self._facts = self._facts, HookFacts([], 0, 0)
        return facts

    def on_request(self, computed_stats: bool) -> None:
        """A request's spans come next; it said whether its library makes statistics itself."""
        self._computed_stats = computed_stats

    def on_span(self, span: Span) -> None:
        name = span["name"]
        if span["resource"] == PLACEHOLDER:
            self._take_placeholder(span)
            return
        if name == SPAN_NAME:
            self._take_made(span["meta"].get(REQUEST_ID, ""))
        elif name == LOAD:
            self.has_library = True
            self._sandbox.adopt(span)
        self._reparent(span)

    def _take_placeholder(self, span: Span) -> None:
        request_id = span["meta"].get(REQUEST_ID, "")
        context = self._contexts.get(request_id)
        if context is None:
            self._facts = self._facts._replace(strangers=self._facts.strangers + 1)
            return
        self._facts.placeholders.append(request_id)
        meta, metrics, structs = span["meta"], span["metrics"], span.get("meta_struct", {})
        if not self._contexts.charge(context, cost_of(meta, metrics, structs)):
            self._facts = self._facts._replace(without_room=self._facts.without_room + 1)
            meta, metrics, structs = {}, {}, {}
        context.placeholder = Placeholder(span["trace_id"], span["span_id"], dict(meta), dict(metrics), dict(structs), self._computed_stats)

    def _take_made(self, request_id: str) -> None:
        if not request_id:
            return
        self.has_library = True
        self._made[request_id] = None
        if len(self._made) > SEEN_MAX:
            del self._made[next(iter(self._made))]
