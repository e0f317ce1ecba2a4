"""The DogStatsD text protocol, line by line (specification, metrics 1.1 to 2.5). It never aggregates, prefixes or reads a clock.

`parse_line` is the grammar written plainly. The reader of `pipelines.metrics.datagrams` remembers what lines like this one meant
before and comes here for everything it has not seen; a test holds the two to the same answers.

A *sample* is a plain tuple `(kind, name, tags, values, rate, timestamp_s, notes)`:
    kind         one of COUNT, GAUGE, DISTRIBUTION, SET
    tags         tuple of "key:value" or "key", sorted by (key, value), each once, at most 100
    values       finite floats in the order sent; for SET one text
    rate         from RATE_MIN to 1; 1.0 where none was sent or it makes no sense
    timestamp_s  whole seconds (may be negative or in the future), None for "now"
    notes        why parts of the line were left out (REFUSED_VALUE, CUT_TAGS); empty for nearly every line

An *event* and a *service check* are dicts in the words of the intake that takes them (`/api/v1/events`, `/api/v1/check_run`).
The fields `c:` (container), `e:` (external data), `card:` (cardinality) and unknown ones are recognised and passed over: a sandbox
has one origin.
"""

import math
from typing import Any

COUNT, GAUGE, DISTRIBUTION, SET = "count", "gauge", "distribution", "set"
KINDS = {"c": COUNT, "g": GAUGE, "d": DISTRIBUTION, "h": DISTRIBUTION, "ms": DISTRIBUTION, "s": SET}
TAGS_MAX = 100
RATE_MIN = 1e-9  # fewer than one in a billion is no sampling: a value divided by that little would spoil all that it is added to

# Why a line, or a part of one, was left out. Each is a counter's name.
REFUSED_FORMAT = "format"
REFUSED_TEXT = "not_utf8"
REFUSED_TYPE = "type"
REFUSED_VALUE = "value"
REFUSED_RATE = "sample_rate"
REFUSED_TIMESTAMP = "timestamp"
REFUSED_EVENT = "event"
REFUSED_CHECK = "service_check"
CUT_TAGS = "tags_over_100"
OWN_METRIC = "counted_by_the_extension"

OWN_NAME = "aws.lambda.enhanced.invocations"  # client libraries count invocations too; we do it from the platform's events
UNPREFIXED = ("datadog.", "aws.lambda.", "jvm.", "runtime.")

Tags = tuple[str, ...]
Sample = tuple[str, str, Tags, tuple[Any, ...], float, int | None, tuple[str, ...]]


class LineRefused(Exception):
    """The line cannot be used. `reason` is one of the constants above, `detail` the offending text."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail[:200]}")
        self.reason = reason
        self.detail = detail


def parse_line(line: bytes) -> Sample:
    """One metric line.

    Raises LineRefused. Events and service checks have functions of their own; `is_event` and `is_check` tell them apart.
    """
    head, *fields = decode(line).split("|")
    name, _, raw_values = head.partition(":")
    if not name or not raw_values or not fields or not fields[0]:
        raise LineRefused(REFUSED_FORMAT, repr(line))
    kind = KINDS.get(fields[0])
    if kind is None:
        raise LineRefused(REFUSED_TYPE, fields[0])
    if name == OWN_NAME:
        raise LineRefused(OWN_METRIC)
    tags, rate, timestamp_s, notes = _parse_fields(fields[1:])
    values, value_notes = parse_raw_values(kind, raw_values)
    return kind, name, tags, values, rate, timestamp_s, value_notes + notes


def decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise LineRefused(REFUSED_TEXT, repr(line)) from None


def parse_raw_values(kind: str, text: str) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """What stands between name and type: packed finite numbers, and a note for each that is none; for a set the text itself.

    Raises LineRefused when no value is left.
    """
    if kind is SET and text:
        return (text,), ()
    numbers = [parse_number(part) for part in text.split(":")]
    good = tuple(number for number in numbers if number is not None and math.isfinite(number))
    if not good:
        raise LineRefused(REFUSED_VALUE, text)
    return good, (REFUSED_VALUE,) * (len(numbers) - len(good))


def parse_number(text: str) -> float | None:
    """A number of the protocol's grammar (which has inf and nan); None for anything else.

    Python's float() accepts the same grammar in ASCII, and besides it underscores and white space around.
    """
    if not text.isascii() or "_" in text or text != text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _parse_fields(fields: list[str]) -> tuple[Tags, float, int | None, tuple[str, ...]]:
    """The optional fields, in any order; of a repeated one the last is kept. Every one of them is checked."""
    raw_tags, rate, timestamp_s = "", 1.0, None
    for field in fields:
        if field.startswith("#"):
            raw_tags = field[1:]
        elif field.startswith("@"):
            rate = _parse_rate(field[1:])
        elif field.startswith("T"):
            timestamp_s = _parse_timestamp(field[1:])
    tags, notes = parse_tags(raw_tags)
    return tags, rate, timestamp_s, notes


def parse_tags(text: str, tags_max: int = TAGS_MAX) -> tuple[Tags, tuple[str, ...]]:
    """A comma list as sorted tags, each once, cut to `tags_max` (then with a note)."""
    tags = unique_tags(text.split(",")) if text else ()
    return (tags, ()) if len(tags) <= tags_max else (tags[:tags_max], (CUT_TAGS,))


def unique_tags(raw: list[str]) -> Tags:
    """Sorted by (key, value), each once; `key:` is `key`, empty ones are left out."""
    pairs = {(key, value) for key, _, value in (tag.partition(":") for tag in raw if tag)}
    return tuple(f"{key}:{value}" if value else key for key, value in sorted(pairs))


def _parse_rate(text: str) -> float:
    rate = parse_number(text)
    if rate is None:
        raise LineRefused(REFUSED_RATE, f"@{text}")
    return rate if RATE_MIN <= rate <= 1 else 1.0


def _parse_timestamp(text: str) -> int | None:
    """Seconds, rounded half away from zero; infinity is now, NaN is 0."""
    seconds = parse_number(text)
    if seconds is None:
        raise LineRefused(REFUSED_TIMESTAMP, f"T{text}")
    if math.isnan(seconds):
        return 0
    if math.isinf(seconds):
        return None if seconds > 0 else -1
    return int(math.copysign(math.floor(abs(seconds) + 0.5), seconds))


def is_event(line: bytes) -> bool:
    return line.startswith(b"_e{")


def is_check(line: bytes) -> bool:
    return line.startswith(b"_sc|")


EVENT_PRIORITIES = ("normal", "low")
EVENT_ALERTS = ("error", "warning", "info", "success")


def parse_event(line: bytes) -> dict[str, Any]:
    """`_e{<title bytes>,<text bytes>}:<title>|<text>[|d:..|h:..|p:..|t:..|k:..|s:..|#tags]` as an intake event. Raises LineRefused."""
    head, _, rest = line.partition(b"}:")
    title_bytes, text_bytes = _event_lengths(head)
    end = title_bytes + 1 + text_bytes
    if rest[title_bytes : title_bytes + 1] != b"|" or len(rest) < end or rest[end : end + 1] not in (b"", b"|"):
        raise LineRefused(REFUSED_EVENT, repr(line))
    title, text, extra = decode(rest[:title_bytes]), decode(rest[title_bytes + 1 : end]), decode(rest[end:])
    event: dict[str, Any] = {"title": _unescape(title), "text": _unescape(text)}
    for field in extra.split("|"):
        _set_event_field(event, field)
    return event


def _event_lengths(head: bytes) -> tuple[int, int]:
    title, comma, text = head.removeprefix(b"_e{").partition(b",")
    # At most five digits: a datagram is shorter, and int() of a long text is slow.
    if not comma or not title.isdigit() or not text.isdigit() or len(title) > 5 or len(text) > 5 or not int(title):
        raise LineRefused(REFUSED_EVENT, repr(head))
    return int(title), int(text)


def _set_event_field(event: dict[str, Any], field: str) -> None:
    """One optional field; what is not understood is left out, the event lives on."""
    key, value = field[:2], field[2:]
    if field.startswith("#"):
        event["tags"] = list(parse_tags(field[1:])[0])
    elif key == "d:" and (seconds := _whole_seconds(value)) is not None:
        event["date_happened"] = seconds
    elif key == "p:" and value in EVENT_PRIORITIES:
        event["priority"] = value
    elif key == "t:" and value in EVENT_ALERTS:
        event["alert_type"] = value
    elif (name := {"h:": "host", "k:": "aggregation_key", "s:": "source_type_name"}.get(key)) and value:
        event[name] = value


def parse_check(line: bytes) -> dict[str, Any]:
    """`_sc|<name>|<0..3>[|d:..|h:..|#tags|m:<message>]` as an intake service check. Raises LineRefused."""
    _, *parts = decode(line).split("|")
    if len(parts) < 2 or not parts[0] or parts[1] not in ("0", "1", "2", "3"):
        raise LineRefused(REFUSED_CHECK, repr(line))
    check: dict[str, Any] = {"check": parts[0], "status": int(parts[1]), "host_name": "", "tags": []}
    for field in parts[2:]:
        _set_check_field(check, field)
    return check


def _set_check_field(check: dict[str, Any], field: str) -> None:
    key, value = field[:2], field[2:]
    if field.startswith("#"):
        check["tags"] = list(parse_tags(field[1:])[0])
    elif key == "d:" and (seconds := _whole_seconds(value)) is not None:
        check["timestamp"] = seconds
    elif key == "h:":
        check["host_name"] = value
    elif key == "m:":
        check["message"] = _unescape(value).replace("m\\:", "m:")


def _whole_seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


def _unescape(text: str) -> str:
    return text.replace("\\n", "\n")


def parse_namespace(text: str) -> str:
    """The prefix that a namespace setting asks for, "" for none. Raises ValueError when it is no namespace."""
    namespace = text.strip()
    if not namespace:
        return ""
    plain = namespace.replace("_", "").replace(".", "")
    if not namespace.isascii() or not namespace[0].isalpha() or not plain.isalnum():
        raise ValueError(f"not a metric namespace: {text!r}")
    return namespace


def prefixed(name: str, namespace: str) -> str:
    """The name under the namespace, unless it has it already or belongs to a product whose names are fixed."""
    if not namespace or name.startswith((f"{namespace}.", *UNPREFIXED)):
        return name
    return f"{namespace}.{name}"
