"""The two calls of a library, read into facts. Whatever they hold, nothing raises: what cannot be read is not there.

(specification, invocation 2.1 and 4.2)
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from pipelines.invocation import capture
from pipelines.invocation.errors import read_error
from pipelines.invocation.propagation import datadog
from pipelines.invocation.propagation.carrier import fold
from pipelines.invocation.propagation.context import Link, TraceContext, with_high_bits
from pipelines.invocation.propagation.extract import Propagator
from pipelines.invocation.propagation.numbers import read_u64
from pipelines.invocation.settings import InvocationSettings
from pipelines.triggers.infer import infer
from pipelines.triggers.model import DerivedContext, Inferred
from pipelines.triggers.response import is_server_error, read_status

SPAN_ID = "x-datadog-span-id"
LINKS_MAX = 100  # of the records of a batch
CUT = "payload_over_capture_limit"
NOT_JSON = "payload_is_no_json"


@attrs.frozen
class StartFacts:
    """`tags` are captured from the request. `findings`: what was left out or could not be read, to be counted."""

    inferred: Inferred
    context: TraceContext | None = None
    links: tuple[Link, ...] = ()
    tags: Mapping[str, str] = attrs.field(factory=dict)
    findings: tuple[str, ...] = ()


@attrs.frozen
class EndFacts:
    """Ids are 0 where the call named none; `span_id` None where it had no such header. `error` are tags; None: no error.

    `answer` is what the function gave, as far as its status can be asked of it; `at_ns` when the call came.
    """

    at_ns: int
    trace_id: int = 0
    span_id: int | None = None
    parent_id: int = 0
    priority: float | None = None
    propagated: Mapping[str, str] = attrs.field(factory=dict)
    error: Mapping[str, str] | None = None
    status_of: Mapping[str, int] = attrs.field(factory=dict)
    tags: Mapping[str, str] = attrs.field(factory=dict)
    findings: tuple[str, ...] = ()


class CallReader:
    """Reads calls by the settings. `make_id` gives a random id of 64 bits that is not 0."""

    def __init__(self, settings: InvocationSettings, make_id: Callable[[], int]) -> None:
        self._settings, self._make_id = settings, make_id
        self._propagator = Propagator(settings.propagation)

    def read_start(self, headers: Mapping[str, str], body: bytes) -> StartFacts:
        """`headers` have lower-case names: they carry context last."""
        event, found = read_payload(body)
        inferred = infer(event, self._settings.triggers, self._make_id)
        context = self._context(inferred, headers)
        tags, cut = self._captured(capture.REQUEST, event, body)
        links = (*(context.links if context else ()), *self._links(inferred, context))
        return StartFacts(inferred, context, links, tags, (*found, *cut, *inferred.findings))

    def read_end(self, headers: Mapping[str, str], body: bytes, at_ns: int) -> EndFacts:
        answer, found = read_payload(body)
        tags, cut = self._captured(capture.RESPONSE, answer, body)
        return EndFacts(
            at_ns=at_ns,
            trace_id=read_u64(headers.get(datadog.TRACE_ID)) or 0,
            span_id=(read_u64(headers[SPAN_ID]) or 0) if SPAN_ID in headers else None,
            parent_id=read_u64(headers.get(datadog.PARENT_ID)) or 0,
            priority=read_float(headers.get(datadog.PRIORITY)),
            propagated=datadog.filter_tags(headers.get(datadog.TAGS, "")),
            error=read_error(headers),
            status_of=statuses(answer),
            tags=tags,
            findings=(*found, *cut),
        )

    def _context(self, inferred: Inferred, headers: Mapping[str, str]) -> TraceContext | None:
        """The first source in the event that has a context, else the headers of the call itself (specification, triggers 5.1)."""
        for source in (*inferred.contexts, headers):
            if isinstance(source, DerivedContext):
                return with_high_bits(
                    TraceContext(source.trace_id, source.span_id, source.sampling_priority, source.origin or "", dict(source.tags))
                )
            if (context := self._propagator.extract(fold(source))) is not None:
                return context
        return None

    def _links(self, inferred: Inferred, context: TraceContext | None) -> Iterable[Link]:
        """The other records of a batch come from traces of their own."""
        for carrier in inferred.links[:LINKS_MAX]:
            other = self._propagator.extract(carrier)
            if other is not None and other.is_traced and (context is None or other.trace_id != context.trace_id):
                yield Link(other.trace_id, other.span_id, other.tags.get("tracestate", ""))

    def _captured(self, root: str, payload: object, body: bytes) -> tuple[dict[str, str], tuple[str, ...]]:
        if not self._settings.captures_payload or not body:
            return {}, ()
        if payload is MISSING:
            captured = capture.capture_text(root, body)
        else:
            captured = capture.capture(root, payload, self._settings.capture_depth_max)
        return captured.tags, () if captured.is_whole else (CUT,)


class _Missing:
    """Stands for a payload that there is none of."""


MISSING = _Missing()


def read_payload(body: bytes) -> tuple[Any, tuple[str, ...]]:
    """The JSON value of a body and findings; MISSING where there is none."""
    if not body:
        return MISSING, ()
    try:
        return json.loads(body), ()
    except (ValueError, RecursionError):
        return MISSING, (NOT_JSON,)


def read_float(text: str | None) -> float | None:
    """A priority as the end call has it; it becomes a metric, so it must be finite."""
    try:
        value = float(text) if text and len(text) <= 32 and "_" not in text else None
    except ValueError:
        return None
    return value if value is not None and value - value == 0 else None


def statuses(answer: object) -> dict[str, int]:
    """The HTTP status by event source: which one counts is known when the call has met its invocation. "" stands for most sources."""
    if not isinstance(answer, dict):
        return {}
    found = {source: read_status(source, answer) for source in ("", "bedrock_agent", "cloudfront")}
    return {source: status for source, status in found.items() if status is not None}


def is_failure(facts: EndFacts, source: str) -> bool:
    """Whether the call tells of an error, or its answer is one (5xx)."""
    status = status_for(facts, source)
    return facts.error is not None or (status is not None and is_server_error(status))


def status_for(facts: EndFacts, source: str) -> int | None:
    return facts.status_of.get(source, facts.status_of.get(""))
