"""What a trigger is, as values: the rules of one event source, and what they make of one event. Nothing here looks at an event.

A record is the part of an event that the rules of its source look at: the event itself, one element of `Records`, one Kafka record.
Records, carriers and spans are plain dicts; the control values around them are frozen. (specification, triggers)
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from pipelines.triggers.budget import Budget

Record = dict[str, Any]
Carrier = dict[str, str]
"""A text map that may hold trace context: lower-case names, as HTTP headers have them."""
Span = dict[str, Any]
"""The keys of the v0.4 trace format: service, name, resource, type, trace_id, span_id, parent_id, start, duration, error, meta, metrics."""
Getter = Callable[[Record], str | None]
Rules = tuple[tuple[str, tuple[str, ...] | Getter], ...]
"""Tags to set: the name, and where the text is (a path of keys) or how it is made. A text that is missing sets no tag."""

FUNCTION_TRIGGER = "function_trigger.event_source"
FUNCTION_TRIGGER_ARN = "function_trigger.event_source_arn"


@attrs.frozen
class TriggerSettings:
    """What the rules need to know beside the event. `region` and `account_id` are the function's own."""

    service_mapping: Mapping[str, str] = attrs.field(factory=dict)
    representation: bool = True
    """Spans are named after the queue, the topic, the bucket; otherwise after the service (`sqs`)."""
    managed_services: bool = True
    """False: no inferred spans, but trigger tags, trace context and span pointers all the same."""
    region: str = "us-east-1"
    account_id: str = ""
    function_name: str = ""


@attrs.frozen
class DerivedContext:
    """A trace context that the event does not carry but lets one compute. `trace_id` is the low half; the high half is a tag."""

    trace_id: int
    span_id: int
    sampling_priority: int
    origin: str | None = None
    tags: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Pointer:
    """A span pointer: `kind` is such as `aws.s3.object`, `hash` 32 hexadecimal digits."""

    kind: str
    hash: str


@attrs.frozen
class SpanRule:
    """How the span of a source is made. Getters return "" for what is missing; a start of 0 means that of the invocation."""

    name: str
    type: str
    resource: Callable[[Record], str]
    start_ns: Callable[[Record], int]
    meta: Rules
    specific: Callable[[Record], str]
    """The key of the service mapping that names this one queue, topic, API."""
    generic: str
    """The key of the service mapping for all of the kind."""
    instance: Callable[[Record], str]
    fallback: str | Callable[[Record], str]


@attrs.frozen(kw_only=True)
class Source:
    """The rules of one event source. What ends in `_is` says the rule in words, for docs/triggers.md."""

    name: str
    title: str
    event_source: str
    is_addition: bool = False
    """Unknown to Datadog's extension."""
    recognised_is: str
    tags: Rules = ()
    arn: Callable[[Record, TriggerSettings], str]
    arn_is: str
    is_async: bool | Callable[[Record], bool]
    span: SpanRule | None = None
    resource_key: Callable[[Record, TriggerSettings], str] | None = None
    """What the span's `dd_resource_key` is; "" sets none."""
    carrier: Callable[[Record, Budget], Carrier | None] = lambda record, budget: None
    carrier_is: str = "none"
    late_carrier: Callable[[Record], Carrier | None] = lambda record: None
    """A carrier that counts only when nothing else in the event has a context."""
    derived: Callable[[Record], DerivedContext | None] = lambda record: None
    inner: Callable[[Record], str] | None = None
    """The text in which another source's event may be wrapped."""
    pointer: Callable[[Record], Pointer | None] | None = None
    records: Callable[[Any], list[Record]] = lambda event: [event]


@attrs.frozen
class Trigger:
    """An event whose source is known. `records` has at least one element and holds references into the event."""

    source: Source
    records: list[Record]


@attrs.frozen
class Inferred:
    """All that an event tells about what invoked the function. Belongs to one invocation; the spans are its to change."""

    source: str = ""
    """The name of the source (`sqs`, `http_api`), "" when it is unknown."""
    tags: Mapping[str, str] = attrs.field(factory=dict)
    """For the `aws.lambda` span."""
    is_async: bool = False
    spans: tuple[Span, ...] = ()
    """The parent of `aws.lambda` first, then what is wrapped in it, outwards. Empty for sources without a span."""
    contexts: tuple[Carrier | DerivedContext, ...] = ()
    """Where the upstream trace context may be: the first that yields one wins. None is empty. The request's own headers come after them."""
    links: tuple[Carrier, ...] = ()
    """The carriers of the other records of a batch, without repetition: contexts to link to."""
    pointers: tuple[Pointer, ...] = ()
    findings: tuple[str, ...] = ()
    """Reasons why something was not looked at, such as `records_over_limit`: to be counted."""
