"""What MSK and self-managed Kafka have in common: records by topic, headers as lists of bytes. (specification, triggers 6.6)"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pipelines.triggers.batches import RECORDS_MAX
from pipelines.triggers.fields import dig
from pipelines.triggers.model import Carrier, Record

HEADERS_MAX = 100
"""Headers of one message that are read."""
HEADER_BYTES_MAX = 8 * 1024
"""Of one header's value; a longer one is no trace context."""
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


def carrier(record: Record) -> Carrier:
    """All headers whose values are UTF-8, their names in lower case."""
    found: Carrier = {}
    for entry in islice(members(dig(record, "record", "headers")), HEADERS_MAX):
        for name, value in islice(entry.items(), HEADERS_MAX) if type(entry) is dict else ():
            text = header_text(value)
            if text is not None:
                found[name.lower()] = text
    return found


def header_text(value: Any) -> str | None:
    """A header's value from its bytes: `[104, 101]`, `["104"]`, `{"0": "104", "1": "101"}`. None if it is no UTF-8."""
    if type(value) not in (list, dict) or len(value) > HEADER_BYTES_MAX:
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
