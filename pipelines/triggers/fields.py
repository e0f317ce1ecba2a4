"""Reading a decoded JSON event without trusting it: what is missing, null or of another type is simply not there. Nothing raises.

Texts that become tags are cut; carriers keep their texts whole. (specification, triggers 2.3, the tolerant reading)
"""

from base64 import b64decode
from itertools import islice
from typing import Any

from pipelines.triggers.model import Carrier, Getter, Record, Rules
from protocols.json_numbers import spelt
from protocols.telemetry_records import parse_time_ms

TEXT_CHARS_MAX = 5_000
"""Of one text that becomes a tag, a resource or a part of one: what the intake keeps of a resource."""
NS_LIMIT = 1 << 63


def dig(value: Any, *path: str) -> Any:
    """What stands at the end of a path of keys; None if the path breaks off."""
    for key in path:
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value


def mapping(value: Any, *path: str) -> Record:
    found = dig(value, *path)
    return found if type(found) is dict else {}


def as_text(value: Any) -> str | None:
    """A text as it is, a number or a boolean as JSON writes it, None for anything else."""
    if type(value) is str:
        return encodable(value if len(value) <= TEXT_CHARS_MAX else value[:TEXT_CHARS_MAX])
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is float:
        return spelt(value)
    if type(value) is int and value.bit_length() <= 64:
        return str(value)
    return None


def encodable(value: str) -> str:
    """Without lone surrogates, which JSON can name and UTF-8 cannot write: they become question marks."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def text(value: Any, *path: str) -> str:
    """The text at the end of a path, "" if there is none."""
    return as_text(dig(value, *path)) or ""


def rules(table: dict[str, str | Getter]) -> Rules:
    """Rules from names of tags to dotted paths or functions."""
    return tuple((tag, tuple(where.split(".")) if isinstance(where, str) else where) for tag, where in table.items())


def read(table: Rules, record: Record) -> dict[str, str]:
    """The tags that the rules find in a record. An empty text is a value; a missing one is none."""
    found: dict[str, str] = {}
    for tag, where in table:
        value = as_text(dig(record, *where)) if isinstance(where, tuple) else where(record)
        if value is not None:
            found[tag] = value
    return found


def constant(value: str) -> Getter:
    return lambda record: value


# --- times -------------------------------------------------------------------------------------------------------------------------


def scaled_ns(value: Any, factor: float) -> int:
    """A number, or a text that is one, times a factor; 0 for what is no time. In doubles: starts equal the reference's to the bit."""
    if type(value) not in (int, float, str) or (type(value) is str and len(value) > 40):
        return 0
    try:
        ns = int(float(value) * factor)
    except (ValueError, OverflowError):
        return 0
    return ns if 0 < ns < NS_LIMIT else 0


def ms_to_ns(value: Any) -> int:
    return scaled_ns(value, 1e6)


def s_to_ns(value: Any) -> int:
    return scaled_ns(value, 1e9)


def time_to_ns(value: Any) -> int:
    """An RFC 3339 time, to the nanosecond; 0 for what is no time."""
    ms = parse_time_ms(value) if type(value) is str and len(value) <= 40 else None
    return ms * 1_000_000 + finer_ns(value) if ms is not None and ms > 0 else 0


def finer_ns(time: str) -> int:
    """What the digits behind the milliseconds of a time come to; AWS seldom writes any."""
    finer = time[23:29]
    digits = finer[: len(finer) - len(finer.lstrip("0123456789"))] if time[19:20] == "." and time[20:23].isdecimal() else ""
    return int(digits.ljust(6, "0"))


# --- carriers ----------------------------------------------------------------------------------------------------------------------

NAMES_MAX = 1_000
"""Headers, or members of another carrier, that are read; no service passes on so many."""
CONTEXT_NAMES = ("x-datadog-trace-id", "traceparent", "b3", "x-b3-traceid")


def has_context(carrier: Carrier) -> bool:
    return any(name in carrier for name in CONTEXT_NAMES)


def encodable_carrier(carrier: Carrier) -> Carrier:
    return {encodable(name): encodable(value) for name, value in carrier.items()}


def as_carrier(value: Any) -> Carrier:
    """The texts and numbers of a JSON object, names in lower case; other values cost only themselves. (specification, triggers 5.2)"""
    if type(value) is not dict:
        return {}
    carrier: Carrier = {}
    for name, item in islice(value.items(), NAMES_MAX):
        if type(item) is str:
            carrier[name.lower()] = item
        elif type(item) in (int, float) and (shown := as_text(item)) is not None:
            carrier[name.lower()] = shown
    return carrier


def decode_base64(value: Any) -> bytes:
    """The bytes of a standard base64 text, b"" for what is none."""
    if type(value) is not str:
        return b""
    try:
        return b64decode(value, validate=True)
    except ValueError:
        return b""
