"""What the decoders of trace bodies give: spans, chunks, and the two ways in which a body can be wrong. Values only.

A span is a plain dict with the keys of the v0.4 wire: service, name, resource, type (text); trace_id, span_id, parent_id (u64); start,
duration (ns); error; meta (text to text), metrics (text to float); where there are any also meta_struct (text to bytes), span_links and
span_events. Of a 128-bit trace id the low half is `trace_id`, the high half stands in hexadecimal in meta `_dd.p.tid`.
(specification, traces 4.1)
"""

from typing import Any

import attrs

Span = dict[str, Any]
PRIORITY_NONE = -128
HIGH_TRACE_ID = "_dd.p.tid"

SPANS_MAX = 100_000
"""Spans that are decoded together: as maps even empty ones take most of a kilobyte each. Tracers hold no trace that is larger."""

REPEATED_CHARACTERS_MAX = 64 * 1024 * 1024
"""What the texts of one body may come to where the wire only points at them: a few bytes could stand for any number of long ones."""

U64_LARGEST = 2**64 - 1
I64_LARGEST = 2**63 - 1


class Malformed(ValueError):
    """Nothing of the body can be read: it is refused as a whole."""


class Broken(ValueError):
    """One trace of the body cannot be used: it is refused alone, its neighbours live on."""


class SpanBudget:
    """How many spans there is room for: a trace that is too large is broken, as are those for which nothing is left."""

    def __init__(self) -> None:
        self._left = SPANS_MAX

    def take(self, raw: Any) -> None:
        """Make room for the spans of one trace, before they are read. Raises Broken."""
        if type(raw) is list:
            if len(raw) > self._left:
                raise Broken("too many spans")
            self._left -= len(raw)


@attrs.define
class Chunk:
    """The spans of one trace, in the order of the wire. The rest is what v0.7 and v1.0 say of the trace as a whole.

    `priority` is None where the wire carries none: then it is read from the spans. `is_dropped`: the tracer's sampler was against it.
    """

    spans: list[Span]
    priority: int | None = None
    origin: str = ""
    tags: dict[str, str] = attrs.field(factory=dict)
    is_dropped: bool = False


@attrs.frozen
class Decoded:
    """A body. `refused` has a reason for each trace that was left out.

    `payload` holds what v0.7 and v1.0 say of the tracer, where it is not empty: container_id, language_name, language_version,
    tracer_version, runtime_id, env, hostname, app_version. `tags` are the payload's own.
    """

    chunks: list[Chunk]
    refused: list[str] = attrs.field(factory=list)
    payload: dict[str, str] = attrs.field(factory=dict)
    tags: dict[str, str] = attrs.field(factory=dict)
