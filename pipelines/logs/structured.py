"""What a structured log says beside its text: tags, a level, in an object also whose it is. Never raises. (specification, logs 3 and 5)"""

import json
import json.encoder
import math
from typing import Any

from protocols.intake_logs import escape
from protocols.json_numbers import spelt

LEVELS = {
    "FATAL": "critical",
    "CRITICAL": "critical",
    "ERROR": "error",
    "ERR": "error",
    "WARN": "warn",
    "WARNING": "warn",
    "INFO": "info",
    "INFORMATION": "info",
    "DEBUG": "debug",
    "TRACE": "trace",
}

PYTHON_NUMBERS = ("e-0", "e+", "NaN", "Infinity")
"""Where one of these stands in compact JSON, a number may be written in Python's own way."""

BLANKS = " \t\r\n"

Fields = dict[str, Any]


def _refuse_constant(word: str) -> None:
    raise ValueError(word)


# `NaN` and `Infinity` are no JSON: such a line is plain text. The decoder's own scanner is called: what lies around it costs as much again.
_scan = json.JSONDecoder(parse_constant=_refuse_constant).scan_once  # type: ignore[attr-defined]  # public, and in no stub
_encoder = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))

# The encoder's own C iterator, made once instead of once per call: half the cost of a small object. Absent without the C extension.
_make_iterator = getattr(json.encoder, "c_make_encoder", None)
_iterate = _make_iterator and _make_iterator(None, _encoder.default, escape, None, ":", ",", False, False, True)


def to_compact_json(value: object) -> str | None:
    """Compact JSON in the order of the keys; None when it is nested too deep to be written."""
    try:
        text = "".join(_iterate(value, 0)) if _iterate else _encoder.encode(value)
    except RecursionError:
        return None
    try:
        return _with_plain_numbers(value) if any(mark in text for mark in PYTHON_NUMBERS) else text
    except RecursionError:  # earlier than above: the text is as good as it can be
        return text


def _with_plain_numbers(value: object) -> str:
    """The same, slowly: Python has its own spelling of some numbers, and its `Infinity` is no JSON."""
    if type(value) is float:
        return _number(value)
    if type(value) is dict:
        return "{" + ",".join([f"{escape(key)}:{_with_plain_numbers(item)}" for key, item in value.items()]) + "}"
    if type(value) is list:
        return "[" + ",".join(map(_with_plain_numbers, value)) + "]"
    return escape(value) if type(value) is str else _encoder.encode(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        # It was written with an exponent beyond every float; a reader takes this for the same.
        return "null" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    return spelt(value)


def parse_object(text: str) -> Fields | None:
    """The object that a line is, or None for any other line; only what begins with a brace is looked at."""
    start = 0
    if text[:1] != "{":
        start = len(text) - len(text.lstrip(BLANKS))
        if text[start : start + 1] != "{":
            return None
    try:
        fields, end = _scan(text, start)
    except (ValueError, StopIteration, RecursionError):
        return None
    return fields if end == len(text) or not text[end:].strip(BLANKS) else None


def status_as_it_came(text: str) -> str | None:
    """The status of a line of text that is sent as it came; None for one that must be taken apart, as it may carry tags.

    The same in one call as `parse_object`, `split_tags` and `read_status` for nearly all lines that are objects.
    """
    try:
        fields, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError):
        return "info"
    if type(fields) is not dict or (end != len(text) and text[end:].strip(BLANKS)):
        return "info"
    if "ddtags" in fields or (type(inner := fields.get("message")) is dict and "ddtags" in inner):
        return None
    level = fields["level"] if "level" in fields else fields.get("status")
    if type(level) is not str:
        return "info"
    return LEVELS.get(level) or LEVELS.get(level.upper(), "info")


def own_request_id(fields: Fields) -> str | None:
    """`requestId`, or `AWSRequestId` where the first is absent; one that is not a string is none."""
    request_id = fields["requestId"] if "requestId" in fields else fields.get("AWSRequestId")
    return request_id if type(request_id) is str else None


def read_status(fields: Fields) -> str:
    """The status that a log's `level` (or else `status`) asks for; `info` for whatever is no known level."""
    level = fields["level"] if "level" in fields else fields.get("status")
    if type(level) is not str:
        return "info"
    return LEVELS.get(level) or LEVELS.get(level.upper(), "info")


def split_tags(fields: Fields) -> tuple[Fields, str]:
    """What is left of a log when `ddtags` of its own, or of its `message` object, has gone, and these tags. The log itself stays as it is.

    A log that holds nothing but its `message` object becomes that object, as with the reference; other members are kept.
    """
    tags = fields.get("ddtags")
    if type(tags) is str:
        return _without_tags(fields), tags
    inner = fields.get("message")
    if type(inner) is not dict or type(tags := inner.get("ddtags")) is not str:
        return fields, ""
    inner = _without_tags(inner)
    return (inner if len(fields) == 1 else {**fields, "message": inner}), tags


def _without_tags(fields: Fields) -> Fields:
    return {key: value for key, value in fields.items() if key != "ddtags"}
