"""What travels beside a trace: `ot-baggage-*` headers and the W3C `baggage` header."""

from collections.abc import Mapping
from urllib.parse import unquote

PREFIX = "ot-baggage-"
HEADER = "baggage"
TAG_PREFIX = "baggage."
TAG_KEYS = ("user.id", "session.id", "account.id")  # the product's default for what of it becomes tags
ITEMS_MAX, BYTES_MAX = 64, 8192


def item_tags(carrier: Mapping[str, str]) -> dict[str, str]:
    """A tag for each `ot-baggage-<key>` header."""
    return {name[len(PREFIX) :]: value for name, value in carrier.items() if name.startswith(PREFIX) and len(name) > len(PREFIX)}


def read_baggage(header: str) -> dict[str, str]:
    """The items of a W3C header, without their properties; an empty map when one of them is malformed, as the W3C wants."""
    if not header or len(header) > BYTES_MAX:
        return {}
    items: dict[str, str] = {}
    for item in header.split(",")[:ITEMS_MAX]:
        key, equals, value = item.partition(";")[0].partition("=")
        key, value = unquote(key.strip()), unquote(value.strip())
        if not (equals and key and value):
            return {}
        items[key] = value
    return items


def header_tags(header: str) -> dict[str, str]:
    """The few items that the product's tracers put on spans."""
    items = read_baggage(header)
    return {TAG_PREFIX + key: items[key] for key in TAG_KEYS if key in items}
