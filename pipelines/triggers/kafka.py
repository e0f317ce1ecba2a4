"""What MSK and self-managed Kafka have in common: records by topic, headers as lists of bytes. (specification, triggers 6.6)"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pipelines.triggers.batches import RECORDS_MAX
from pipelines.triggers.budget import Budget
from pipelines.triggers.fields import CONTEXT_NAMES, dig
from pipelines.triggers.model import Carrier, Record

HEADERS_MAX = 100
"""Headers of one message that are read."""
HEADER_BYTES_MAX = 8 * 1024
"""Of one header's value; a longer one is no trace context."""
BYTE_COST = 4
"""A byte that is a number of its own takes as long as so many characters of JSON."""
TOPICS_MAX = 1_000
"""Topics of one batch that are looked into."""


def kafka_records(event: Any) -> list[Record]:
    """`{"event": the event, "record": one of its records}`, in the order of the document."""
    found: list[Record] = [{"event": event, "record": each} for each in islice(each_record(event), RECORDS_MAX + 1)]
    return found or [{"event": event, "record": {}}]


def each_record(event: Any) -> Iterator[Record]:
    groups = dig(event, "records")
    for group in islice(groups.values() if type(groups) is dict else (), TOPICS_MAX):
        for each in islice(members(group), RECORDS_MAX + 1):
            if type(each) is dict:
                yield each


def members(group: Any) -> Iterable[Any]:
    """The elements of a list, or of an object keyed "0", "1", … as the Java runtime writes one."""
    if type(group) is list:
        return group
    return group.values() if type(group) is dict else ()


def carrier(record: Record, budget: Budget) -> Carrier:
    """All headers whose values are UTF-8, their names in lower case; nothing where none of them is a trace's."""
    headers = [pair for entry in islice(members(dig(record, "record", "headers")), HEADERS_MAX) for pair in pairs(entry)]
    if not any(name in CONTEXT_NAMES for name, _ in headers):
        return {}
    read = ((name, header_text(value, budget)) for name, value in headers)
    return {name: text for name, text in read if text is not None}


def pairs(entry: Any) -> Iterator[tuple[str, Any]]:
    for name, value in islice(entry.items(), HEADERS_MAX) if type(entry) is dict else ():
        yield name.lower(), value


def header_text(value: Any, budget: Budget) -> str | None:
    """A header's value from its bytes: `[104, 101]`, `["104"]`, `{"0": "104", "1": "101"}`. None if it is no UTF-8."""
    if type(value) not in (list, dict) or len(value) > HEADER_BYTES_MAX or not budget.take(len(value) * BYTE_COST):
        return None
    try:
        return as_bytes(in_order(value) if type(value) is dict else value).decode()
    except ValueError:
        return None


def as_bytes(value: list[Any]) -> bytes:
    """Raises ValueError for what is no byte. Lists of numbers, which is what Lambda itself sends, take the short way."""
    try:
        return bytes(value)
    except TypeError:
        if not all(map(is_byte, value)):
            raise ValueError("not bytes") from None
        return bytes(map(int, value))


def in_order(value: dict[str, Any]) -> list[Any]:
    """The values of an object by their numeric keys; pairs that are no byte are left out."""
    return [value[key] for key in sorted((key for key in value if is_number(key) and is_byte(value[key])), key=int)]


def is_number(value: Any) -> bool:
    return type(value) is str and len(value) <= 5 and value.isascii() and value.isdecimal()


def is_byte(value: Any) -> bool:
    return (type(value) is int and 0 <= value <= 255) or (is_number(value) and int(value) <= 255)
