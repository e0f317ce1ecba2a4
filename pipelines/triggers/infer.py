"""From an event to all that it tells of what invoked the function, for one invocation. (specification, triggers 4 and 5)"""

from collections.abc import Callable, Iterable

import attrs

from pipelines.triggers.batches import RECORDS_MAX
from pipelines.triggers.budget import Budget
from pipelines.triggers.detect import identify, load
from pipelines.triggers.fields import as_carrier, dig, encodable_carrier, has_context, read
from pipelines.triggers.model import (
    FUNCTION_TRIGGER_ARN,
    Carrier,
    DerivedContext,
    Inferred,
    Pointer,
    Record,
    Source,
    Span,
    Trigger,
    TriggerSettings,
)
from pipelines.triggers.spans import build_span, nest
from pipelines.triggers.wrapped import find_inner

LEVELS_MAX = 3
"""Spans for one event: EventBridge in SNS in SQS."""


@attrs.frozen
class Layer:
    """One source's record: the event's own, or one that is wrapped in another. `beside` are records that came with it in one message."""

    source: Source
    record: Record
    beside: tuple[Record, ...] = ()


Chain = tuple[Layer, ...]
"""The event's own layer first, then what is wrapped in it."""


def infer(event: object, settings: TriggerSettings, make_id: Callable[[], int]) -> Inferred:
    """What `event`, a decoded JSON value, tells. `make_id` gives a span id that is not zero. Never raises, whatever the event."""
    trigger = identify(event)
    if trigger is None:
        return Inferred(contexts=tuple(generic_carriers(event)))
    budget = Budget()
    chains = [unwrap(Layer(trigger.source, record), budget) for record in trigger.records[:RECORDS_MAX]]
    carriers = [carrier_of(chain, budget) for chain in chains]
    # The first record with a context stands for the batch, else the first record.
    main = next((index for index, carrier in enumerate(carriers) if carrier), 0)
    own = chains[main][0]
    return Inferred(
        source=own.source.name,
        tags=read(own.source.tags, own.record) | {FUNCTION_TRIGGER_ARN: own.source.arn(own.record, settings)},
        is_async=is_async(own),
        spans=spans_of(chains[main], settings, make_id) if settings.managed_services else (),
        contexts=tuple(contexts_of(event, own, carriers[main])),
        links=distinct(carriers[main + 1 :], but=carriers[main]),
        pointers=pointers_of(chains),
        findings=findings_of(trigger, budget),
    )


def unwrap(layer: Layer, budget: Budget) -> Chain:
    """The layer and those within it, each found in the text of the one before."""
    chain = [layer]
    while len(chain) < LEVELS_MAX and (inner := chain[-1].source.inner) is not None:
        name, value = find_inner(inner(chain[-1].record), budget)
        if not name:
            break
        source = load(name)
        record, *beside = source.records(value) if name == "s3" else [value]
        chain.append(Layer(source, record, tuple(beside)))
    return tuple(chain)


def carrier_of(chain: Chain, budget: Budget) -> Carrier:
    """The outermost layer's carrier that has a context: what a sender puts on its message is nearer than what the message wraps."""
    for layer in chain:
        carrier = layer.source.carrier(layer.record, budget)
        if carrier and has_context(carrier):
            return encodable_carrier(carrier)
    return {}


def contexts_of(event: object, own: Layer, carrier: Carrier) -> Iterable[Carrier | DerivedContext]:
    """In the order in which they are tried. A carrier goes before what is derived: an X-Ray header is always there where X-Ray is on."""
    if carrier:
        yield carrier
    if (derived := own.source.derived(own.record)) is not None:
        yield derived
    yield from (each for each in generic_carriers(event) if each != carrier)
    if late := own.source.late_carrier(own.record):
        yield encodable_carrier(late)


def generic_carriers(event: object) -> Iterable[Carrier]:
    """Where any event may have headers: `request.headers` (AppSync and its like), then `headers`."""
    for found in (dig(event, "request", "headers"), dig(event, "headers")):
        if type(found) is dict and has_context(carrier := as_carrier(found)):
            yield encodable_carrier(carrier)


def is_async(layer: Layer) -> bool:
    return layer.source.is_async if isinstance(layer.source.is_async, bool) else layer.source.is_async(layer.record)


def spans_of(chain: Chain, settings: TriggerSettings, make_id: Callable[[], int]) -> tuple[Span, ...]:
    """A span for each layer that makes one, each the child of the next; the outer one has the tags of what it wraps."""
    making = [layer for layer in chain if layer.source.span is not None]
    spans = [build_span(layer.source, layer.record, settings, make_id(), is_async(layer)) for layer in making]
    for span, layer in zip(spans, chain[1:], strict=False):
        span["meta"].update(read(layer.source.tags, layer.record))
    nest(spans)
    return tuple(spans)


def distinct(carriers: Iterable[Carrier], but: Carrier) -> tuple[Carrier, ...]:
    """The carriers that are not empty, each once."""
    found: list[Carrier] = []
    seen = {frozenset(but.items())}
    for carrier in carriers:
        if carrier and (key := frozenset(carrier.items())) not in seen:
            seen.add(key)
            found.append(carrier)
    return tuple(found)


def pointers_of(chains: Iterable[Chain]) -> tuple[Pointer, ...]:
    """Of every record of the batch, and of every S3 record that a message wraps; each once, in order."""
    found: dict[Pointer, None] = {}
    for chain in chains:
        for layer in chain:
            if layer.source.pointer is not None:
                found |= dict.fromkeys(filter(None, map(layer.source.pointer, (layer.record, *layer.beside))))
    return tuple(found)


def findings_of(trigger: Trigger, budget: Budget) -> tuple[str, ...]:
    over = ("records_over_limit",) if len(trigger.records) > RECORDS_MAX else ()
    return (*over, "inner_text_over_limit") if budget.refused else over
