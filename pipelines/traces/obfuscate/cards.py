"""Numbers that may be those of payment cards, in one tag and in the attributes of span events. (specification, traces 9.7)"""

from collections.abc import Collection
from typing import Any

HIDDEN = "?"
CHARACTERS_MIN = 12
DIGITS_MIN, DIGITS_MAX = 12, 16
CHARACTERS_LOOKED_AT_MAX = 256
TAG = "card.number"
STRING, INT, DOUBLE, ARRAY = 0, 2, 3, 4

# Attributes that hold something else for sure.
# fmt: off
NEVER_CARDS = frozenset((
    "_sample_rate", "_sampling_priority_v1", "account_id", "aws_account", "error", "error.msg", "error.type", "error.stack", "env",
    "graphql.field", "graphql.query", "graphql.type", "graphql.operation.name", "grpc.code", "grpc.method", "grpc.request",
    "http.status_code", "http.method", "runtime-id", "out.host", "out.port", "sampling.priority", "span.type", "span.name",
    "service.name", "service", "sql.query", "version", "databricks_job_id", "databricks_job_run_id", "databricks_task_run_id",
    "config.spark_app_startTime", "config.spark_databricks_job_parentRunId",
))
# fmt: on

# By the number of digits looked at: ranges that are issuers' for sure, and ranges that longer prefixes decide.
ISSUED = (
    ((1, 1), (4, 4)),
    ((34, 39), (51, 55), (62, 62), (65, 65)),
    ((300, 305), (309, 309), (636, 636), (644, 649)),
    ((3528, 3589), (5019, 5019), (6011, 6011)),
    (),
    ((222100, 272099), (500000, 509999), (560000, 589999), (600000, 699999)),
)
UNDECIDED = (
    ((2, 2), (3, 3), (5, 5), (6, 6)),
    ((30, 30), (63, 64), (50, 50), (60, 60), (22, 27), (56, 58), (60, 69)),
    ((352, 358), (501, 501), (601, 601), (222, 272), (500, 509), (560, 589), (600, 699)),
    ((2221, 2720), (5000, 5099), (5600, 5899), (6000, 6999)),
    ((22210, 27209), (50000, 50999), (56000, 58999), (60000, 69999)),
    (),
)


def is_card(text: str, luhn: bool = False) -> bool:
    """Whether the text is a card's number: digits, spaces and dashes only. With `luhn` its check digit must be right."""
    if not CHARACTERS_MIN <= len(text) <= CHARACTERS_LOOKED_AT_MAX:
        return False
    digits = text.replace(" ", "").replace("-", "")
    if not (DIGITS_MIN <= len(digits) <= DIGITS_MAX and digits.isascii() and digits.isdigit()):
        return False
    return _is_issued(digits) and (not luhn or _checks(digits))


def _is_issued(digits: str) -> bool:
    for length, (issued, undecided) in enumerate(zip(ISSUED, UNDECIDED, strict=True), 1):
        prefix = int(digits[:length])
        if any(first <= prefix <= last for first, last in issued):
            return True
        if not any(first <= prefix <= last for first, last in undecided):
            return False
    return False


def _checks(digits: str) -> bool:
    """Luhn's sum: every second digit from the right counts twice, its own digits added up."""
    places = [int(digit) for digit in reversed(digits)]
    return (sum(places[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in places[1::2])) % 10 == 0


def hide_in_span(span: dict[str, Any], luhn: bool, keep: Collection[str]) -> None:
    """Replace card numbers in a span's events, then in its tag."""
    for event in span.get("span_events") or ():
        for key, value in event.get("attributes", {}).items():
            if not key.startswith("_") and key not in NEVER_CARDS and key not in keep:
                _hide_in_attribute(value, luhn)
    meta = span["meta"]
    if TAG in meta and TAG not in keep and is_card(meta[TAG], luhn):
        meta[TAG] = HIDDEN


def _hide_in_attribute(value: dict[str, Any], luhn: bool) -> None:
    """`value` is an attribute or an array's element in the tracer's shape: `{"type": 0, "string_value": ...}`."""
    if value.get("type", STRING) == ARRAY:
        for element in (value.get("array_value") or {}).get("values") or ():
            _hide_in_attribute(element, luhn)
    elif is_card(_text(value), luhn):
        value.pop("int_value", None)
        value.pop("double_value", None)
        value["type"], value["string_value"] = STRING, HIDDEN


def _text(value: dict[str, Any]) -> str:
    kind = value.get("type", STRING)
    if kind == STRING:
        return str(value.get("string_value", ""))
    if kind == INT:
        return str(value.get("int_value", 0))
    number = float(value.get("double_value", 0)) if kind == DOUBLE else 0.0
    return str(int(number)) if number.is_integer() else ""
