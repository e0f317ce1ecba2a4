"""What a Telemetry API batch says: its records, their times, the fields of platform records. Never raises, reads no clock, keeps no record.

A record is the plain dict that the platform sends: `{"time": str, "type": str, "record": str | dict | ...}`. A reader takes such a record
whole and gives its fields; it gives None only when the record cannot serve at all (no object, or no request id where one is needed).
A field of a wrong type, and a word that is not known yet, cost nothing but themselves. (specification, lifecycle 7; lambda-platform 5)
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

SECONDS_CACHED_MAX = 64
"""Distinct seconds whose epoch time is remembered; a batch spans few."""

DAYS_CACHED_MAX = 8

LINES = ("function", "extension")
"""The types of records that are lines. A tuple: nearly every record is the first of them, which is found sooner than it is hashed."""

Record = dict[str, Any]


def parse_batch(body: bytes) -> tuple[list[Record], list[str]]:
    """The records of one request body in their order, and a reason for each element that is none.

    Reasons are few fixed phrases to count by: "not JSON", "nested too deep", "not an array", "not a record".
    Bytes that are not UTF-8 become U+FFFD. The price is that of `json.loads`; only a body that it refuses is split by hand.
    """
    text = body.decode("utf-8", "replace")
    try:
        batch = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _parse_piecewise(text, error)
    if not isinstance(batch, list):
        return [], ["not an array"]
    good = [record for record in batch if type(record) is dict and type(record.get("type")) is str]
    return good, ["not a record"] * (len(batch) - len(good))


def platform_records(records: list[Record]) -> list[Record]:
    """Those that are no lines: few, and all that most readers look for."""
    return [record for record in records if record["type"] not in LINES]


def _parse_piecewise(text: str, error: Exception) -> tuple[list[Record], list[str]]:
    """A log line may carry what Python refuses (a thousand brackets, a number of 5,000 digits): its neighbours must still be read."""
    if text.lstrip()[:1] != "[":
        return [], [_reason(error)]
    good: list[Record] = []
    refused: list[str] = []
    for piece in _split_array(text):
        try:
            record = json.loads(piece)
        except (ValueError, RecursionError) as piece_error:
            refused.append(_reason(piece_error))
            continue
        if isinstance(record, dict) and isinstance(record.get("type"), str):
            good.append(record)
        else:
            refused.append("not a record")
    return good, refused or [_reason(error)]


def _reason(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else "not JSON"


def _split_array(text: str) -> Iterator[str]:
    """The source of each element of the array that `text` begins with; what follows the last whole element is one more piece."""
    import re

    depth, start = 0, text.index("[") + 1
    # A string without an end runs to the end of the text, and nothing is tried twice: linear for any body.
    for token in re.finditer(r'"(?:[^"\\]++|\\.)*+"?|[][{},]', text, re.DOTALL):
        mark = token.group()
        if mark in ("[", "{"):
            depth += 1
        elif mark in ("]", "}"):
            depth -= 1
        if (mark == "," and depth == 1) or depth == 0:
            if piece := text[start : token.start()].strip():
                yield piece
            start = token.end()
        if depth == 0:
            return
    if rest := text[start:].strip():
        yield rest


# --- times -------------------------------------------------------------------------------------------------------------------------

_second_ms: dict[str, int] = {}
_ending_ms: dict[str, int] = {}  # from ".000Z" to ".999Z", as they come
_midnight_s: dict[str, int] = {}


def parse_time_ms(text: object) -> int | None:
    """Milliseconds since the epoch of an RFC 3339 time, finer digits cut off; None when it is no time.

    The platform's own form, `2026-11-23T14:00:17.764Z`, costs two look-ups per record: the second's start is remembered, and the ending.
    """
    try:
        return _second_ms[text[:19]] + _ending_ms[text[19:]]  # type: ignore[index]  # what is no text is no key either
    except (KeyError, TypeError):
        return _new_time_ms(text) if type(text) is str else None


def _new_time_ms(text: str) -> int | None:
    millis = text[20:23]
    if len(text) == 24 and text[19] == "." and text[23] == "Z" and millis.isascii() and millis.isdecimal():
        second_ms = _second_ms.get(text[:19])
        if second_ms is None:
            second_ms = _new_second_ms(text[:19])
        return None if second_ms is None else second_ms + _ending_ms.setdefault(text[19:], int(millis))
    return _parse_time_slowly(text)


def _new_second_ms(text: str) -> int | None:
    try:
        second_ms = _epoch_s(text) * 1000
    except ValueError:
        return None
    _remember_second(text, second_ms)
    return second_ms


def _parse_time_slowly(text: str) -> int | None:
    try:
        second_ms = _epoch_s(text[:19]) * 1000
        fraction, offset = _split_fraction(text[19:])
        shift_s = _offset_s(offset)
    except (ValueError, IndexError):
        return None
    _remember_second(text[:19], second_ms)
    return second_ms - shift_s * 1000 + int((fraction + "000")[:3])


def _remember_second(text: str, second_ms: int) -> None:
    if len(_second_ms) >= SECONDS_CACHED_MAX:
        _second_ms.clear()
    _second_ms[text] = second_ms


def _epoch_s(text: str) -> int:
    """Seconds since the epoch of `YYYY-MM-DDTHH:MM:SS` read as UTC (`t` or a blank will do for `T`; second 60 is a leap second)."""
    midnight_s = _midnight_s.get(text[:11])
    if midnight_s is None:
        midnight_s = _new_midnight_s(text[:11])
    if not text[13] == text[16] == ":":
        raise ValueError(text)
    hour, minute, second = _digits(text[11:13]), _digits(text[14:16]), _digits(text[17:19])
    if not (hour < 24 and minute < 60 and second <= 60):
        raise ValueError(text)
    return midnight_s + hour * 3600 + minute * 60 + second


def _new_midnight_s(text: str) -> int:
    """Of `YYYY-MM-DDT`."""
    if not (text[4] == text[7] == "-" and text[10] in "Tt "):
        raise ValueError(text)
    year, month, day = _digits(text[:4]), _digits(text[5:7]), _digits(text[8:10])
    if not (1 <= month <= 12 and 1 <= day <= _days_of_month(year, month)):
        raise ValueError(text)
    if len(_midnight_s) >= DAYS_CACHED_MAX:
        _midnight_s.clear()
    _midnight_s[text] = midnight_s = _days_since_epoch(year, month, day) * 86400
    return midnight_s


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)


def _days_of_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _days_since_epoch(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar; the year is counted from March so that the leap day comes last."""
    if month <= 2:
        year, month = year - 1, month + 12
    return year * 365 + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469


def _split_fraction(text: str) -> tuple[str, str]:
    """`.764Z` -> ("764", "Z"); no fraction gives ""."""
    if text[:1] not in (".", ","):
        return "", text
    end = 1
    while end < len(text) and text[end] in "0123456789":
        end += 1
    if end == 1:
        raise ValueError(text)
    return text[1:end], text[end:]


def _offset_s(text: str) -> int:
    """Seconds east of UTC: `Z`, nothing, `+01:00`, `-0530`, `+02`."""
    if text in ("Z", "z", ""):
        return 0
    sign = {"+": 1, "-": -1}.get(text[0])
    digits = text[1:].replace(":", "", 1)
    if sign is None or len(digits) not in (2, 4):
        raise ValueError(text)
    hours, minutes = _digits(digits[:2]), _digits(digits[2:] or "0")
    if hours > 23 or minutes > 59:
        raise ValueError(text)
    return sign * (hours * 3600 + minutes * 60)


# --- fields of platform records ----------------------------------------------------------------------------------------------------
# Named tuples: they are made once and read once, and cost the start-up a sixth of what attrs classes do.


class InitStartFields(NamedTuple):
    """`platform.initStart`, and `platform.restoreStart` (whose init type and phase are None)."""

    init_type: str | None
    phase: str | None
    runtime_version: str | None
    runtime_version_arn: str | None


class OutcomeFields(NamedTuple):
    """`platform.initRuntimeDone`, `initReport`, `restoreRuntimeDone`, `restoreReport`: how a phase ended."""

    status: str | None
    error_type: str | None
    init_type: str | None
    phase: str | None
    duration_ms: float | None


class StartFields(NamedTuple):
    """`platform.start`. `function_arn` comes with schema version 2025-01-29."""

    request_id: str
    version: str | None
    function_arn: str | None


class RuntimeDoneFields(NamedTuple):
    """`platform.runtimeDone`. The figures are None when `metrics` is absent or does not hold them."""

    request_id: str
    status: str | None
    error_type: str | None
    duration_ms: float | None
    produced_bytes: int | None


class ReportFields(NamedTuple):
    """`platform.report` in both shapes: managed instances send `duration_ms` alone."""

    request_id: str
    status: str | None
    error_type: str | None
    duration_ms: float | None
    billed_duration_ms: float | None
    memory_size_mb: float | None
    max_memory_used_mb: float | None
    init_duration_ms: float | None
    restore_duration_ms: float | None

    @property
    def is_on_demand(self) -> bool:
        """Whether it has the on-demand shape: all that is billed is there. (specification, logs 2)"""
        figures = (self.duration_ms, self.billed_duration_ms, self.memory_size_mb, self.max_memory_used_mb)
        return None not in figures


class LogsDroppedFields(NamedTuple):
    """`platform.logsDropped`: records that the platform lost on the way to us."""

    reason: str
    dropped_records: int
    dropped_bytes: int


def read_init_start(record: Record) -> InitStartFields | None:
    """Also for `platform.restoreStart`."""
    fields = record.get("record")
    if type(fields) is not dict:
        return None
    return InitStartFields(
        read_text(fields.get("initializationType")),
        read_text(fields.get("phase")),
        read_text(fields.get("runtimeVersion")),
        read_text(fields.get("runtimeVersionArn")),
    )


def read_outcome(record: Record) -> OutcomeFields | None:
    """For `platform.initRuntimeDone`, `initReport`, `restoreRuntimeDone` and `restoreReport`."""
    fields = record.get("record")
    if type(fields) is not dict:
        return None
    return OutcomeFields(
        read_text(fields.get("status")),
        read_text(fields.get("errorType")),
        read_text(fields.get("initializationType")),
        read_text(fields.get("phase")),
        read_number(_metrics(fields).get("durationMs")),
    )


read_init_report = read_restore_report = read_outcome


def read_start(record: Record) -> StartFields | None:
    if (fields := _with_request_id(record)) is None:
        return None
    return StartFields(fields["requestId"], read_text(fields.get("version")), read_text(fields.get("functionArn")))


def read_runtime_done(record: Record) -> RuntimeDoneFields | None:
    if (fields := _with_request_id(record)) is None:
        return None
    metrics = _metrics(fields)
    return RuntimeDoneFields(
        fields["requestId"],
        read_text(fields.get("status")),
        read_text(fields.get("errorType")),
        read_number(metrics.get("durationMs")),
        read_count(metrics.get("producedBytes")),
    )


def read_report(record: Record) -> ReportFields | None:
    if (fields := _with_request_id(record)) is None:
        return None
    metrics = _metrics(fields)
    return ReportFields(
        fields["requestId"],
        read_text(fields.get("status")),
        read_text(fields.get("errorType")),
        read_number(metrics.get("durationMs")),
        read_number(metrics.get("billedDurationMs")),
        read_number(metrics.get("memorySizeMB")),
        read_number(metrics.get("maxMemoryUsedMB")),
        read_number(metrics.get("initDurationMs")),
        read_number(metrics.get("restoreDurationMs")),
    )


def read_logs_dropped(record: Record) -> LogsDroppedFields | None:
    fields = record.get("record")
    if type(fields) is not dict:
        return None
    reason = read_text(fields.get("reason")) or "unknown"
    return LogsDroppedFields(reason, read_count(fields.get("droppedRecords")) or 0, read_count(fields.get("droppedBytes")) or 0)


def _with_request_id(record: Record) -> Record | None:
    fields = record.get("record")
    if type(fields) is dict and type(request_id := fields.get("requestId")) is str and request_id:
        return fields
    return None


def _metrics(fields: Record) -> Record:
    metrics = fields.get("metrics")
    return metrics if type(metrics) is dict else {}


# --- single values -----------------------------------------------------------------------------------------------------------------


def read_text(value: object) -> str | None:
    return value if type(value) is str else None


def read_number(value: object) -> float | None:
    """A figure of zero or more, from a number or from its text; whole numbers stay `int`. None for all else, infinity included."""
    if type(value) is str:
        return _number_of_text(value)
    if (type(value) is int or type(value) is float) and 0 <= value < 1e300:
        return value
    return None


def _number_of_text(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not 0 <= value < 1e300:
        return None
    return int(value) if value.is_integer() else value


def read_count(value: object) -> int | None:
    """A whole figure of zero or more; a fraction is cut off."""
    number = read_number(value)
    return None if number is None else int(number)
