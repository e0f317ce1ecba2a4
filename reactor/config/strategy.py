"""The grammar of the flush strategy (specification, lifecycle 11): a text to `(kind, interval_ms)`.

The interval is the period of the timer that flushes inside a long invocation. It never decides anything here.
"""

from .reading import BadValue, Reading

Strategy = tuple[str, int]

DEFAULT: Strategy = ("default", 60_000)
END: Strategy = ("end", 900_000)  # fifteen minutes: longer than any invocation
KINDS = {"end": "end_periodically", "periodically": "periodically", "continuously": "continuously"}
INTERVAL_MS_MAX = 2**64 - 1


def parse_strategy(value: object, reading: Reading) -> Strategy:
    """`end`, or a kind, a comma and milliseconds; what follows a second comma is ignored. Case-sensitive, not trimmed."""
    if not isinstance(value, str):
        raise BadValue("not a text such as end or periodically,60000")
    if value in ("", "default"):
        return DEFAULT
    if value == "end":
        return END
    word, _, rest = value.partition(",")
    interval_ms = milliseconds(rest.partition(",")[0])
    if word not in KINDS or interval_ms is None:
        raise BadValue("not a strategy: write end, or end, periodically or continuously with milliseconds, as in periodically,60000")
    if interval_ms == 0:
        raise BadValue("an interval of 0 ms would flush without end")
    return KINDS[word], interval_ms


def milliseconds(text: str) -> int | None:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        return None
    return number if (number := int(digits)) <= INTERVAL_MS_MAX else None
