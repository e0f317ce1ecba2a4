"""Decoded documents held against a recording of the reference: what differs, as sentences. Order never counts. Pure functions."""

import fnmatch
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from emulator.account import LogLine, Metric, Span, account_of, cut, joined

# Read from /proc and /tmp of the machine: only that they come, and how often, can be compared.
MACHINE_METRICS = (
    "aws.lambda.enhanced.cpu_*",
    "aws.lambda.enhanced.fd_*",
    "aws.lambda.enhanced.num_cores",
    "aws.lambda.enhanced.rx_bytes",
    "aws.lambda.enhanced.threads_*",
    "aws.lambda.enhanced.tmp_*",
    "aws.lambda.enhanced.total_network",
    "aws.lambda.enhanced.tx_bytes",
)
MACHINE_TAGS = ("architecture", "dd_extension_version")


@attrs.frozen
class Leeway:
    """What a comparison passes over. Patterns are those of file names; our run may have begun `shift_ms` later than the recorded one."""

    machine_metrics: tuple[str, ...] = MACHINE_METRICS
    ignored_metrics: tuple[str, ...] = ()
    ignored_tag_keys: tuple[str, ...] = MACHINE_TAGS
    ignored_logs: tuple[str, ...] = ()
    ignored_meta_keys: tuple[str, ...] = MACHINE_TAGS
    shift_ms: int = 0
    tolerance_ms: int = 20_000  # two buckets: a value on the edge of one may fall into its neighbour
    relative: float = 1e-9


DEFAULT = Leeway()


def compare_with_recording(
    recording_outputs: Iterable[Mapping[str, Any]], documents: Iterable[Mapping[str, Any]], leeway: Leeway = DEFAULT
) -> list[str]:
    """Every difference between a recording's `outputs` and our documents; empty when they say the same.

    Metrics are compared by name, kind, tags, values and number of values; logs by message, status, request id and tags; spans by service,
    name, resource, type, error and meta.
    """
    recorded, ours = account_of(recording_outputs), account_of(documents)
    differences = list(_compare_metrics(recorded.metrics, ours.metrics, leeway))
    differences += _compare_logs(recorded.logs, ours.logs, leeway)
    differences += _compare_spans(recorded.spans, ours.spans, leeway)
    return [*differences, *(f"ours: {problem}" for problem in ours.problems)]


def _compare_metrics(recorded: Sequence[Metric], ours: Sequence[Metric], leeway: Leeway) -> Iterable[str]:
    then, now = _by_context(recorded, leeway), _by_context(ours, leeway)
    for key in sorted(then.keys() | now.keys()):
        title = f"{key[1]} {key[0]}"
        if key not in now:
            yield f"{title}: only recorded, with tags {','.join(key[2])}"
        elif key not in then:
            yield f"{title}: only ours, with tags {','.join(key[2])}"
        else:
            yield from (f"{title}: {difference}" for difference in _metric_differences(then[key], now[key], leeway))


def _by_context(metrics: Iterable[Metric], leeway: Leeway) -> dict[tuple[str, str, tuple[str, ...]], Metric]:
    """Metrics by name, kind and the tags that count. Contexts that only an ignored tag kept apart are counted together."""
    contexts: dict[tuple[str, str, tuple[str, ...]], Metric] = {}
    for metric in metrics:
        if _matches(metric.name, leeway.ignored_metrics):
            continue
        key = (metric.name, metric.kind, _tags(metric.tags, leeway))
        contexts[key] = joined(contexts[key], metric) if key in contexts else metric
    return contexts


def _metric_differences(recorded: Metric, ours: Metric, leeway: Leeway) -> Iterable[str]:
    # How many points a count or gauge came in depends on the flushes; how many values a sketch holds does not.
    if recorded.kind == "sketch" and recorded.count != ours.count:
        yield f"{recorded.count} values recorded, {ours.count} ours"
    if abs(ours.last_s * 1000 - recorded.last_s * 1000 - leeway.shift_ms) > leeway.tolerance_ms:
        yield f"bucket {recorded.last_s} recorded, {ours.last_s} ours"
    if _matches(recorded.name, leeway.machine_metrics):
        return
    for name in ("value", "min", "max"):
        then, now = getattr(recorded, name), getattr(ours, name)
        if then is not None and not math.isclose(then, now, rel_tol=leeway.relative, abs_tol=1e-12):
            yield f"{'sum' if name == 'value' and recorded.kind == 'sketch' else name} {then!r} recorded, {now!r} ours"


def _compare_logs(recorded: Sequence[LogLine], ours: Sequence[LogLine], leeway: Leeway) -> Iterable[str]:
    then, now = _by_line(recorded, leeway), _by_line(ours, leeway)
    for key in sorted(then.keys() | now.keys(), key=repr):
        title = f"log {cut(key[0])!r} ({key[1]}, request {key[2]}, tags {','.join(key[3])})"
        times, times_now = then.get(key, []), now.get(key, [])
        if len(times) != len(times_now):
            yield f"{title}: {len(times)} recorded, {len(times_now)} ours"
            continue
        late = [after - before - leeway.shift_ms for before, after in zip(sorted(times), sorted(times_now), strict=True)]
        if late and max(map(abs, late)) > leeway.tolerance_ms:
            yield f"{title}: timestamps differ by up to {max(map(abs, late))} ms"


def _by_line(lines: Iterable[LogLine], leeway: Leeway) -> dict[tuple[str, str, str | None, tuple[str, ...]], list[int]]:
    found: dict[tuple[str, str, str | None, tuple[str, ...]], list[int]] = {}
    for line in lines:
        if not _matches(line.message, leeway.ignored_logs):
            key = (line.message, line.status, line.request_id, _tags(line.tags, leeway))
            found.setdefault(key, []).append(line.timestamp_ms)
    return found


def _compare_spans(recorded: Sequence[Span], ours: Sequence[Span], leeway: Leeway) -> Iterable[str]:
    then, now = Counter(_span_key(span, leeway) for span in recorded), Counter(_span_key(span, leeway) for span in ours)
    for key, times in sorted((then - now).items()):
        yield f"span {_span_title(key)}: {times} more recorded than ours; meta {dict(key[5])}"
    for key, times in sorted((now - then).items()):
        yield f"span {_span_title(key)}: {times} more ours than recorded; meta {dict(key[5])}"


SpanKey = tuple[str, str, str, str, int, tuple[tuple[str, str], ...]]


def _span_key(span: Span, leeway: Leeway) -> SpanKey:
    meta = tuple(pair for pair in span.meta if pair[0] not in leeway.ignored_meta_keys)
    return span.service, span.name, span.resource, span.type, span.error, meta


def _span_title(key: SpanKey) -> str:
    return f"{key[0]}/{key[1]} {cut(key[2])!r} type {key[3]!r} error {key[4]}"


def _tags(tags: Iterable[str], leeway: Leeway) -> tuple[str, ...]:
    return tuple(sorted({tag for tag in tags if tag.partition(":")[0] not in leeway.ignored_tag_keys}))


def _matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)
