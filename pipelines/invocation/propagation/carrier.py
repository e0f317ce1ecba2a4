"""Text maps as the styles want them: names in lower case, values as text."""

from collections.abc import Mapping

ENTRIES_MAX = 2000  # a map with more is no set of headers


def fold(carrier: object) -> dict[str, str]:
    """The texts of a JSON object by lower-case name; numbers become text, other values are left out. Anything else is an empty map.

    Specification, triggers 5.1 and 5.2 (better).
    """
    if not isinstance(carrier, Mapping) or len(carrier) > ENTRIES_MAX:
        return {}
    folded: dict[str, str] = {}
    for name, value in carrier.items():
        if type(name) is str and (text := _text(value)) is not None:
            folded.setdefault(name.lower(), text)
    return folded


def _text(value: object) -> str | None:
    if type(value) is str:
        return value
    return str(value) if type(value) is int and value.bit_length() <= 64 else None
