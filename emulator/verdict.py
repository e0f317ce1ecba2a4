"""What was expected of a run, and the verdict on its account: exact differences, as sentences. Pure functions over values."""

import fnmatch
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from emulator.account import Account, LogLine, Metric, cut

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
class Expectation:
    """`other_metrics` and `other_logs` are patterns (as for file names) of what may come without being expected."""

    metrics: tuple[ExpectedMetric, ...] = ()
    logs: tuple[ExpectedLog, ...] = ()
    spans: Mapping[str, int] = attrs.field(factory=dict)  # span name -> how many
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
    return Verdict(tuple(missing), tuple(wrong), tuple(_unexpected(account, expectation)))


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
