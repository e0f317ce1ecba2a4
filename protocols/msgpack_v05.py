"""Traces of the v0.5 route: every text is an index into one table, a span an array of twelve. (specification, traces 4.2)"""

from collections.abc import Callable
from typing import Any

from protocols.trace_values import I64_LARGEST, REPEATED_CHARACTERS_MAX, U64_LARGEST, Broken, Malformed, Span

STRINGS_MAX = 500_000  # more than the largest request of a tracer holds; the format would allow fifty times as many
FIELDS = 12
_USUAL = (*[int] * 9, dict, dict, int)
_INT = frozenset({int})
_NUMBERS = frozenset({float, int})


def read_strings(raw: Any) -> list[str]:
    """The table of texts. Raises Malformed: without it nothing can be read."""
    if type(raw) is not list or len(raw) > STRINGS_MAX or not {str}.issuperset(map(type, raw)):
        raise Malformed("the first element is not an array of texts")
    return raw


def trace_reader(strings: list[Any]) -> Callable[[Any], list[Span]]:
    """What reads one trace with these texts."""
    strings = read_strings(strings)
    characters = 0

    def read(raw: Any) -> list[Span]:
        nonlocal characters
        if type(raw) is not list:
            raise Broken("a trace is not an array")
        spans = []
        for each in raw:
            span = _read_span(each, strings)
            characters += len(span["resource"]) + sum(map(len, span["meta"])) + sum(map(len, span["meta"].values()))
            if characters > REPEATED_CHARACTERS_MAX:
                raise Broken("the texts of the body are too much together")
            spans.append(span)
        return spans

    return read


def _read_span(raw: Any, strings: list[str]) -> Span:
    if type(raw) is not list or len(raw) != FIELDS or tuple(map(type, raw)) != _USUAL:
        raise Broken("a span is not an array of twelve fields")
    service, name, resource, trace_id, span_id, parent_id, start, duration, error, meta, metrics, kind = raw
    if not (0 <= trace_id <= U64_LARGEST and 0 <= span_id <= U64_LARGEST and 0 <= parent_id <= U64_LARGEST):
        raise Broken("an id is negative")
    if not (start <= I64_LARGEST and duration <= I64_LARGEST and error <= I64_LARGEST):
        raise Broken("a number is not in its range")
    kinds = {*map(type, meta), *map(type, meta.values()), *map(type, metrics)}
    if not kinds <= _INT or not _NUMBERS.issuperset(map(type, metrics.values())):
        raise Broken("a tag is not made of indices and numbers")
    # An index below zero would count from the end.
    if min((service, name, resource, kind, *meta, *meta.values(), *metrics)) < 0:
        raise Broken("an index is negative")
    try:
        return {
            "service": strings[service], "name": strings[name], "resource": strings[resource],
            "trace_id": trace_id, "span_id": span_id, "parent_id": parent_id,
            "start": start, "duration": duration, "error": _low_32_bits(error),
            "meta": {strings[key]: strings[value] for key, value in meta.items()},
            "metrics": {strings[key]: float(value) for key, value in metrics.items()},
            "type": strings[kind],
        }  # fmt: skip
    except IndexError:
        raise Broken("an index is beyond the table of texts") from None


def _low_32_bits(number: int) -> int:
    """As a signed number. (specification, traces 4.2)"""
    return number if 0 <= number < 0x80000000 else (number + 0x80000000 & 0xFFFFFFFF) - 0x80000000
