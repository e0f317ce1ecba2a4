"""What the intake demands of a span's fields, and what becomes of those that do not meet it. (specification, traces 6.1 to 6.3)

Texts come from few programs: each service, operation and environment is worked out once.
"""

from protocols.memo import Memo
from protocols.trace_values import I64_LARGEST, Span

NAME_BYTES_MAX = 100  # of a service, an operation, a type
TAG_CHARACTERS_MAX = 200
TAG_BYTES_MAX = 400
LOOKED_AT_CHARACTERS_MAX = 4_096  # of a text that is to be a tag: what is skipped makes it no longer
TEXTS_BYTES_MAX = 256 * 1024  # remembered, of each of three kinds

NO_SERVICE, NO_NAME = "unnamed-service", "unnamed_operation"
YEAR_2000_NS = 946_684_800_000_000_000
STATUS_CODE = "http.status_code"
STATUS_CODES = range(100, 600)


class Normaliser:
    """Changes spans in place."""

    def __init__(self) -> None:
        self._services, self._names, self._tags = (
            Memo(make, lambda key, value: 4 * (len(key) + len(value)), TEXTS_BYTES_MAX) for make in (service_of, name_of, tag_value)
        )

    def normalise(self, span: Span, now_ns: int) -> None:
        span["service"] = self._services[span["service"]]
        span["name"] = self._names[span["name"]]
        if not span["resource"]:
            span["resource"] = span["name"]
        if len(span["type"]) * 4 > NAME_BYTES_MAX:
            span["type"] = cut(span["type"], NAME_BYTES_MAX)
        if span["parent_id"] == span["span_id"] == span["trace_id"]:
            span["parent_id"] = 0
        start, duration = span["start"], span["duration"]
        if start < YEAR_2000_NS or duration < 0 or start + duration > I64_LARGEST:
            span["start"], span["duration"] = times_of(start, duration, now_ns)
        meta = span["meta"]
        if "env" in meta:
            meta["env"] = self._tags[meta["env"]]
        if STATUS_CODE in meta and not is_status_code(meta[STATUS_CODE]):
            del meta[STATUS_CODE]


def service_of(text: str) -> str:
    return tag_value(cut(text, NAME_BYTES_MAX)) or NO_SERVICE


def name_of(text: str) -> str:
    return metric_name(cut(text, NAME_BYTES_MAX)) or NO_NAME


def cut(text: str, bytes_max: int) -> str:
    """The longest beginning that takes at most so many bytes of UTF-8: no character is cut in two."""
    if len(text) * 4 <= bytes_max or (text.isascii() and len(text) <= bytes_max):
        return text
    return text.encode("utf-8", "replace")[:bytes_max].decode("utf-8", "ignore")


def times_of(start: int, duration: int, now_ns: int) -> tuple[int, int]:
    """A duration that ends before time does, and a start: a span whose own is before 2000 has just ended, or now begins if it lasts longer
    than there is time."""
    if duration < 0 or start + duration > I64_LARGEST:
        duration = 0
    if start < YEAR_2000_NS:
        start = now_ns - duration
        if start < 0:
            start = now_ns
    return start, duration if start + duration <= I64_LARGEST else 0


def is_status_code(text: str) -> bool:
    """A number from 100 to 599 with nothing but a sign before it. What is negative never is one."""
    digits = text.removeprefix("+")
    if not digits.isascii() or not digits.isdigit():
        return False
    # However many zeros it begins with: no more than nine digits are ever made into a number.
    return not digits[:-9].strip("0") and int(digits[-9:]) in STATUS_CODES


def tag_value(text: str) -> str:
    """Lower case, and `_` for each run of what may not stand in a tag. (specification, traces 6.2)"""
    out: list[str] = []
    size, is_gap = 0, True
    for character in text[:LOOKED_AT_CHARACTERS_MAX]:
        if len(out) >= TAG_CHARACTERS_MAX or size >= TAG_BYTES_MAX:
            break
        kept = _kept(character, bool(out))
        if kept == "":
            continue
        if kept == "_" and is_gap:
            continue
        is_gap = kept == "_"
        out.append(kept)
        size += len(kept.encode("utf-8", "replace"))
    if is_gap and out:
        out.pop()
    return "".join(out)


def _kept(character: str, has_begun: bool) -> str:
    """What a character becomes: itself, its lower case, `_`, or nothing."""
    if "a" <= character <= "z" or character == ":":
        return character
    if "A" <= character <= "Z":
        return character.lower()
    if "0" <= character <= "9" or character in "./-":
        return character if has_begun else ""
    if character.isascii():
        return "_"
    if character.isalpha():
        lower = character.lower()[0]
        return lower if len(lower.encode()) <= len(character.encode()) else character
    if character.isnumeric():
        return character if has_begun else ""
    return "_"


def metric_name(text: str) -> str:
    """Letters, digits, dots and single underscores, beginning with a letter. (specification, traces 6.3)

    What is skipped leaves nothing behind; the reference leaves a byte of the text there.
    """
    out: list[str] = []
    last = ""
    for character in text:
        if (character.isascii() and character.isalpha()) or (out and character.isascii() and character.isdigit()):
            pass
        elif not out:
            continue
        elif character == "." and last == "_":
            out[-1] = last = "."
            continue
        elif last in ("_", "."):
            continue
        elif character != ".":
            character = "_"
        out.append(character)
        last = character
    if last == "_":
        out.pop()
    return "".join(out)
