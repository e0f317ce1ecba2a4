"""The account as a person reads it (aligned columns, at most 120 wide) and as JSON. Values in, text out."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from emulator.account import Account, Metric, Span
from emulator.span_trees import as_trees
from emulator.verdict import Verdict

COLUMNS = 120
NAME_COLUMNS = 48
GAP = "  "
METRIC_TITLES = ("kind", "metric", "points", "value or sum", "min", "max", "tags")


def render(account: Account, verdict: Verdict | None = None) -> str:
    """The whole account. Tags stand once at the top: those that all metrics share, then each further set with the number that rows name."""
    common = common_tags(account.metrics)
    sets = tag_sets(account.metrics, common)
    sections = [
        _section(
            "requests", _table(("endpoint", "requests", "bytes"), [(e.path, str(e.requests), str(e.body_bytes)) for e in account.endpoints])
        ),
        _section("tags of every metric", _wrapped(sorted(common))),
        *(_section(f"tags {number}: besides", _wrapped(tags)) for tags, number in sets.items()),
        _section("metrics", _table(METRIC_TITLES, [_metric_row(each, common, sets) for each in account.metrics])),
        _section(
            "logs", _table(("request", "status", "message"), [(each.request_id or "-", each.status, each.message) for each in account.logs])
        ),
        _section("spans", _table(("service", "name", "ms", "error", "resource"), [_span_row(*each) for each in as_trees(account.spans)])),
        _section("duplicates", _list(account.duplicates)),
        _section("problems", _list(account.problems)),
    ]
    if verdict is not None:
        sections += [_section("missing", _list(verdict.missing)), _section("wrong", _list(verdict.wrong))]
        sections += [_section("unexpected", _list(verdict.unexpected)), [f"verdict: {'good' if verdict.good else 'NOT good'}"]]
    return "\n".join(line for lines in sections for line in lines) + "\n"


def as_document(account: Account, verdict: Verdict | None = None) -> dict[str, Any]:
    """The account, and the verdict if there is one, as JSON values."""
    document = attrs.asdict(account)
    return document if verdict is None else {**document, "verdict": {**attrs.asdict(verdict), "good": verdict.good}}


def as_json(account: Account, verdict: Verdict | None = None) -> str:
    return json.dumps(as_document(account, verdict), indent=1)


def common_tags(metrics: Sequence[Metric]) -> frozenset[str]:
    """The tags that every metric has. One metric alone shares nothing: its tags stay in its row."""
    return frozenset.intersection(*(frozenset(metric.tags) for metric in metrics)) if len(metrics) > 1 else frozenset()


def tag_sets(metrics: Sequence[Metric], common: frozenset[str]) -> dict[tuple[str, ...], str]:
    """Each different set of tags beyond the common ones, numbered from 1 in order of appearance."""
    sets: dict[tuple[str, ...], str] = {}
    for metric in metrics:
        if more := _more_tags(metric, common):
            sets.setdefault(more, str(len(sets) + 1))
    return sets


def _more_tags(metric: Metric, common: frozenset[str]) -> tuple[str, ...]:
    return tuple(tag for tag in metric.tags if tag not in common)


def _metric_row(metric: Metric, common: frozenset[str], sets: dict[tuple[str, ...], str]) -> tuple[str, ...]:
    """Smallest and largest say something new only of several values."""
    bounds = ("", "") if metric.min is None or metric.max is None or metric.count <= 1 else (_number(metric.min), _number(metric.max))
    name = _fitted(metric.name, NAME_COLUMNS)
    return metric.kind, name, str(metric.count), _number(metric.value), *bounds, sets.get(_more_tags(metric, common), "")


def _span_row(span: Span, depth: int) -> tuple[str, ...]:
    name = _fitted(f"{GAP * depth}{span.name}", NAME_COLUMNS)
    return span.service, name, _number(span.duration_ns / 1e6), str(span.error), span.resource


def _number(value: float) -> str:
    return f"{value:.12g}"


def _section(title: str, lines: Iterable[str]) -> list[str]:
    lines = list(lines)
    return [title, *(f"{GAP}{line}" for line in lines), ""] if lines else [f"{title}: none", ""]


def _list(sentences: Iterable[str]) -> list[str]:
    """Sentences are what one must read whole: they go on in the next line where they do not fit."""
    lines = []
    for sentence in map(_plain, sentences):
        width = COLUMNS - len(GAP) - 2
        pieces = [sentence[start : start + width] for start in range(0, len(sentence), width)] or [""]
        lines += [f"- {pieces[0]}", *(f"  {piece}" for piece in pieces[1:])]
    return lines


def _table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns as wide as their widest cell; the last is cut to what is left of the line."""
    if not rows:
        return []
    cells = [titles, *(tuple(map(_plain, row)) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles) - 1)]
    return [_line(row, widths) for row in cells]


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    head = GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
    return _fitted(f"{head}{GAP}{row[-1]}".rstrip(), COLUMNS - len(GAP))


def _wrapped(words: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for word in map(_plain, words):
        if lines and len(lines[-1]) + 1 + len(word) <= COLUMNS - len(GAP):
            lines[-1] += f" {word}"
        else:
            lines.append(_fitted(word, COLUMNS - len(GAP)))
    return lines


def _fitted(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 3]}..."


def _plain(text: str) -> str:
    """One printable line: a log line may hold anything."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
