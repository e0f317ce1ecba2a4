"""What was expected of a run, and the verdict on its account: exact differences, as sentences. Pure functions over values."""

import fnmatch
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from emulator.account import Account, LogLine, Metric, Span, cut

RELATIVE_TOLERANCE = 1e-9


@attrs.frozen
class ExpectedMetric:
    """All contexts of that name and kind that have at least these tags, taken together."""

    name: str
    value: float
    kind: str = "count"
    tags: tuple[str, ...] = ()
    count: int | None = None  # of a sketch: how many values


@attrs.frozen
class ExpectedLog:
    """A line with exactly this text, so many times; `request_id` and `status` are compared when given."""

    message: str
    times: int = 1
    request_id: str | None = None
    status: str | None = None


@attrs.frozen
class ExpectedSpan:
    """A span with these values and at least this `meta`, once.

    `parent`: name and resource of the span that it hangs below, which has come too; None: of no span that has come. `trace_id` is
    compared when given.
    """

    name: str
    resource: str
    service: str
    error: int = 0
    parent: tuple[str, str] | None = None
    meta: tuple[tuple[str, str], ...] = ()
    trace_id: int | None = None


@attrs.frozen
class Expectation:
    """`other_metrics` and `other_logs` are patterns (as for file names) of what may come without being expected.

    `spans` counts spans by name. `each_span`: every span that may come, and no other; None leaves it open.
    """

    metrics: tuple[ExpectedMetric, ...] = ()
    logs: tuple[ExpectedLog, ...] = ()
    spans: Mapping[str, int] = attrs.field(factory=dict)  # span name -> how many
    each_span: tuple[ExpectedSpan, ...] | None = None
    other_metrics: tuple[str, ...] = ()
    other_logs: tuple[str, ...] = ()


@attrs.frozen
class Verdict:
    """Exact differences, as sentences. `wrong` is what came, but not as expected."""

    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return not (self.missing or self.wrong or self.unexpected)


def judge(account: Account, expectation: Expectation) -> Verdict:
    """Hold what came against what was expected. Tolerance on values: 1e-9, relative."""
    missing: list[str] = []
    wrong: list[str] = []
    for metric in expectation.metrics:
        _judge_metric(account.metrics, metric, missing, wrong)
    for line in expectation.logs:
        _judge_log(account.logs, line, missing, wrong)
    came = Counter(span.name for span in account.spans)
    for name, times in expectation.spans.items():
        if came[name] != times:
            (missing if came[name] < times else wrong).append(f"span {name}: {came[name]} came, {times} expected")
    strangers = _judge_each_span(account.spans, expectation.each_span, missing, wrong) if expectation.each_span is not None else []
    return Verdict(tuple(missing), tuple(wrong), (*_unexpected(account, expectation), *strangers))


def _judge_each_span(spans: Sequence[Span], expected: Iterable[ExpectedSpan], missing: list[str], wrong: list[str]) -> list[str]:
    """Each expected span finds one of its own; sentences for those that nobody expected."""
    by_id = {(span.trace_id, span.span_id): span for span in spans}
    left = list(spans)
    unmet = []
    for one in expected:
        found = next((span for span in left if not _differences(span, one, by_id)), None)
        if found is None:
            unmet.append(one)
        else:
            left.remove(found)
    for one in unmet:
        alike = next((span for span in left if (span.name, span.resource) == (one.name, one.resource)), None)
        if alike is None:
            missing.append(f"span {one.name} {one.resource!r} of {one.service}")
        else:
            left.remove(alike)
            wrong.append(f"span {one.name} {one.resource!r}: {'; '.join(_differences(alike, one, by_id))}")
    return [f"span {span.name} {cut(span.resource)!r} of {span.service}" for span in left]


def _differences(span: Span, expected: ExpectedSpan, by_id: Mapping[tuple[int, int], Span]) -> list[str]:
    above = by_id.get((span.trace_id, span.parent_id))
    meta = dict(span.meta)
    pairs = [
        ("name", span.name, expected.name),
        ("resource", span.resource, expected.resource),
        ("service", span.service, expected.service),
        ("error", span.error, expected.error),
        ("below", None if above is None else (above.name, above.resource), expected.parent),
        ("trace", span.trace_id, span.trace_id if expected.trace_id is None else expected.trace_id),
        *((key, meta.get(key), value) for key, value in expected.meta),
    ]
    return [f"{title} {came!r}, {wanted!r} expected" for title, came, wanted in pairs if came != wanted]


def _judge_metric(metrics: Sequence[Metric], expected: ExpectedMetric, missing: list[str], wrong: list[str]) -> None:
    title = f"{expected.kind} {expected.name}" + (f" {{{','.join(expected.tags)}}}" if expected.tags else "")
    came = [each for each in metrics if (each.name, each.kind) == (expected.name, expected.kind) and set(expected.tags) <= set(each.tags)]
    if not came:
        missing.append(f"{title}: nothing came, {expected.value:g} expected")
        return
    value = max(came, key=lambda each: each.last_s).value if expected.kind == "gauge" else math.fsum(each.value for each in came)
    if not math.isclose(value, expected.value, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-12):
        wrong.append(f"{title}: {value!r} came, {expected.value!r} expected")
    count = sum(each.count for each in came)
    if expected.count is not None and count != expected.count:
        wrong.append(f"{title}: {count} values came, {expected.count} expected")


def _judge_log(lines: Sequence[LogLine], expected: ExpectedLog, missing: list[str], wrong: list[str]) -> None:
    same_text = [line for line in lines if line.message == expected.message]
    came = [line for line in same_text if expected.request_id in (None, line.request_id) and expected.status in (None, line.status)]
    if len(came) == expected.times:
        return
    title = f"log {cut(expected.message)!r}"
    if len(came) < len(same_text):
        seen = sorted({f"{line.status} of {line.request_id}" for line in same_text})
        wrong.append(f"{title}: came as {', '.join(seen)}; {expected.status or 'any status'} of {expected.request_id or 'any'} expected")
    elif len(came) < expected.times:
        missing.append(f"{title}: {len(came)} came, {expected.times} expected")
    else:
        wrong.append(f"{title}: {len(came)} came, {expected.times} expected")


def _unexpected(account: Account, expectation: Expectation) -> Iterable[str]:
    names = {(metric.name, metric.kind) for metric in expectation.metrics}
    for metric in account.metrics:
        if (metric.name, metric.kind) not in names and not _any_matches(metric.name, expectation.other_metrics):
            yield f"{metric.kind} {metric.name} = {metric.value:g}"
    texts = {line.message for line in expectation.logs}
    for line in account.logs:
        if line.message not in texts and not _any_matches(line.message, expectation.other_logs):
            yield f"log {cut(line.message)!r}"


def _any_matches(text: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)
