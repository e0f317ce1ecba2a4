"""Events that are batches: lists of records, of which the first with a trace context stands for all. Only so many are looked at."""

from typing import Any

from pipelines.triggers.fields import dig
from pipelines.triggers.model import Record

RECORDS_MAX = 100
"""Records of one batch that are searched for contexts and pointers; the rest only count."""


def upper_records(event: Any) -> list[Record]:
    """The elements of `Records` that are objects."""
    return objects(dig(event, "Records"))


def objects(value: Any) -> list[Record]:
    """At least one, if only an empty one."""
    found: list[Record] = [each for each in value[: RECORDS_MAX + 1] if type(each) is dict] if type(value) is list else []
    return found or [{}]
