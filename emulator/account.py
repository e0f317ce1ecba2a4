"""The account of what arrived: metrics, log lines, spans, requests, duplicates and problems as values.

Pure functions over documents in the shape of a recording's `outputs`. `verdict` holds the account against an expectation, `account_text`
writes it for a person, `compare` holds documents against a recording.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

# What reading a document of the wrong shape raises: an intake keeps such a document, with its problems.
WRONG_SHAPE = (KeyError, TypeError, AttributeError, ValueError, IndexError)


@attrs.frozen
class Metric:
    """One context over all requests. Counts are summed, of gauges the last point stays, sketches are merged."""

    kind: str  # count, gauge, rate or sketch
    name: str
    tags: tuple[str, ...]  # sorted, each once
    value: float  # of a sketch: the sum of its values
    count: int  # points; of a sketch: its values
    min: float | None = None
    max: float | None = None
    last_s: int = 0  # the latest bucket


@attrs.frozen
class LogLine:
    message: str
    status: str
    request_id: str | None
    tags: tuple[str, ...]  # sorted
    timestamp_ms: int


@attrs.frozen
class Span:
    service: str
    name: str
    resource: str
    type: str
    trace_id: int
    span_id: int
    parent_id: int
    duration_ns: int
    error: int
    meta: tuple[tuple[str, str], ...]  # sorted


@attrs.frozen
class Endpoint:
    path: str
    requests: int
    body_bytes: int


@attrs.frozen
class Account:
    """Everything that arrived. `duplicates` and `problems` are sentences."""

    metrics: tuple[Metric, ...] = ()
    logs: tuple[LogLine, ...] = ()
    spans: tuple[Span, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    duplicates: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def account_of(outputs: Iterable[Mapping[str, Any]], problems: Iterable[str] = ()) -> Account:
    """The account of these documents. To `problems`, which decoding found, come the items that cannot be read."""
    outputs = list(outputs)
    unreadable: list[str] = []
    points = list(_read(outputs, "series", _series_items, _series_points, unreadable))
    points += _read(outputs, "sketches", _sketch_items, _sketch_points, unreadable)
    logs = tuple(_read(outputs, "logs", _log_items, _log_line, unreadable))
    spans = tuple(_read(outputs, "traces", _span_items, _span, unreadable))
    duplicates = tuple(_repeated(outputs, logs, spans))
    return Account(_merged(points), logs, spans, _endpoints(outputs), duplicates, (*problems, *unreadable))


def _read(
    outputs: Iterable[Mapping[str, Any]],
    kind: str,
    items: Callable[[Any], Iterable[Any]],
    values: Callable[[Any], Iterable[Any]],
    unreadable: list[str],
) -> Iterator[Any]:
    """The values of every item of every document of one kind; what has the wrong shape costs only itself."""
    for output in outputs:
        if output["out"] != kind or output["document"] is None:
            continue
        try:
            found = list(items(output["document"]))
        except WRONG_SHAPE as error:
            unreadable.append(f"a document of {kind} cannot be read: {error!r}")
            continue
        for item in found:
            try:
                yield from list(values(item))
            except WRONG_SHAPE as error:
                unreadable.append(f"an item of {kind} cannot be read: {error!r}")


def _merged(points: Iterable[Metric]) -> tuple[Metric, ...]:
    """Each context once, sorted by name, kind and tags."""
    contexts: dict[tuple[str, str, tuple[str, ...]], Metric] = {}
    for metric in points:
        key = (metric.name, metric.kind, metric.tags)
        contexts[key] = joined(contexts[key], metric) if key in contexts else metric
    return tuple(contexts[key] for key in sorted(contexts))


def _series_items(document: Any) -> Iterable[Any]:
    return document["series"]  # type: ignore[no-any-return]


def _series_points(item: Any) -> Iterable[Metric]:
    for point in item["points"]:
        yield Metric(series_kind(item), item["metric"], _sorted(item["tags"]), float(point["value"]), 1, last_s=int(point["timestamp"]))


def series_kind(item: Mapping[str, Any]) -> str:
    """The kind of a series item (specification, metrics 5.2).

    The reference writes 0 for counts and 1 for gauges; the public numbers are 1 and 3, with an interval on counts. So 1 without an interval
    is the reference's gauge.
    """
    if item["type"] == 1:
        return "count" if "interval" in item else "gauge"
    return {0: "count", 2: "rate", 3: "gauge"}.get(item["type"], "unknown")


def _sketch_items(document: Any) -> Iterable[Any]:
    return document["sketches"]  # type: ignore[no-any-return]


def _sketch_points(item: Any) -> Iterable[Metric]:
    """A value that is 0 is not on the wire."""
    for sketch in item["dogsketches"]:
        low, high, total = (float(sketch.get(name, 0.0)) for name in ("min", "max", "sum"))
        yield Metric("sketch", item["metric"], _sorted(item.get("tags", ())), total, sketch.get("cnt", 0), low, high, sketch.get("ts", 0))


def joined(old: Metric, new: Metric) -> Metric:
    """Two parts of one context, the second having arrived later."""
    last_s, count = max(old.last_s, new.last_s), old.count + new.count
    if new.kind == "gauge":
        return attrs.evolve(new if new.last_s >= old.last_s else old, count=count)
    if new.kind == "sketch":
        low, high = min(old.min or 0.0, new.min or 0.0), max(old.max or 0.0, new.max or 0.0)
        return attrs.evolve(old, value=old.value + new.value, count=count, min=low, max=high, last_s=last_s)
    return attrs.evolve(old, value=old.value + new.value, count=count, last_s=last_s)


def _sorted(tags: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(tags)))


def _log_items(document: Any) -> Iterable[Any]:
    return document  # type: ignore[no-any-return]


def _log_line(element: Any) -> Iterable[LogLine]:
    message = element["message"]
    tags = _sorted(element["ddtags"].split(",")) if element["ddtags"] else ()
    yield LogLine(message["message"], message["status"], message["lambda"]["request_id"], tags, message["timestamp"])


def _span_items(document: Any) -> Iterable[Any]:
    for payload in document.get("tracer_payloads", ()):
        for chunk in payload.get("chunks", ()):
            yield from chunk.get("spans", ())


def _span(span: Any) -> Iterable[Span]:
    service, name, resource, kind = (span.get(each, "") for each in ("service", "name", "resource", "type"))
    trace_id, span_id, parent_id, duration_ns, error = (
        span.get(each, 0) for each in ("trace_id", "span_id", "parent_id", "duration", "error")
    )
    meta = tuple(sorted(span.get("meta", {}).items()))
    yield Span(service, name, resource, kind, trace_id, span_id, parent_id, duration_ns, error, meta)


def _endpoints(outputs: Iterable[Mapping[str, Any]]) -> tuple[Endpoint, ...]:
    requests: Counter[str] = Counter()
    body_bytes: Counter[str] = Counter()
    for output in outputs:
        requests[output["path"]] += 1
        body_bytes[output["path"]] += output["bytes"]
    return tuple(Endpoint(path, requests[path], body_bytes[path]) for path in sorted(requests))


def _repeated(outputs: Iterable[Mapping[str, Any]], logs: Iterable[LogLine], spans: Iterable[Span]) -> Iterable[str]:
    """What came more than once: whole bodies, log lines, spans. A count may rightly come twice for one bucket; a whole body may not."""
    bodies = Counter((output["path"], json.dumps(output["document"], sort_keys=True)) for output in outputs)
    yield from (f"body to {path} came {n} times: {cut(text)}" for (path, text), n in bodies.items() if n > 1)
    lines = Counter((line.request_id, line.timestamp_ms, line.message) for line in logs)
    yield from (f"log came {n} times: {cut(text)} (request {request_id}, at {at})" for (request_id, at, text), n in lines.items() if n > 1)
    identities = Counter((span.trace_id, span.span_id, span.name) for span in spans)
    yield from (f"span came {n} times: {name} {trace}/{span}" for (trace, span, name), n in identities.items() if n > 1)


def cut(text: str) -> str:
    """A text as a sentence quotes it."""
    return text if len(text) <= 80 else f"{text[:77]}..."
