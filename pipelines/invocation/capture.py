"""Payloads as span tags: one tag for each leaf, secrets replaced, everything bounded. (specification, invocation 9)

A value is redacted by the name it stands under, however that is spelt and however deep it is, also inside texts that hold JSON and
inside what is written as JSON because it lies too deep. Beyond the bounds tags are left out.
"""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import attrs

from protocols.json_numbers import spelt

REQUEST, RESPONSE = "function.request", "function.response"
REDACTED = "redacted"
TEXT_LENGTH_MAX = 4096
TAGS_MAX = 1000  # of one payload
BYTES_MAX = 256 * 1024  # of one payload's tags, names included
VISITS_MAX = 20_000  # values looked at, for many of them make no tag
JSON_DEPTH_MAX = 64  # of what is written as JSON
INNER_LENGTH_MAX = (
    256 * 1024
)  # of a text that is looked into; a longer one that looks like JSON is not shown, for there may be secrets in it
SECRETS = ("password", "passwd", "pwd", "secret", "token", "authorization", "apikey")
OPENINGS = ("{", "[", '"')
_SPELLING = str.maketrans("", "", "-_. ")


def is_secret(name: str) -> bool:
    """Whether a name ends in a secret's: `X-Api-Key`, `accessToken` and `DB_PASSWORD` are as much one as `token` is."""
    return name.translate(_SPELLING).lower().endswith(SECRETS)


@attrs.frozen
class Captured:
    """`is_whole`: nothing had to be left out."""

    tags: dict[str, str]
    is_whole: bool


def capture(root: str, payload: object, depth_max: int) -> Captured:
    """The tags of a payload under `root`, which has depth 0."""
    tags: dict[str, str] = {}
    size = 0
    visits = _Visits()
    for key, value in _tags(root, root, payload, 0, depth_max, visits):
        size += len(key) + len(value)
        if len(tags) >= TAGS_MAX or size > BYTES_MAX:
            return Captured(tags, is_whole=False)
        tags[key] = value
    return Captured(tags, is_whole=visits.left >= 0)


def capture_text(root: str, body: bytes) -> Captured:
    """A payload that is no JSON, as text."""
    text = body[: 4 * TEXT_LENGTH_MAX].decode("utf-8", "replace")
    return Captured({root: text[:TEXT_LENGTH_MAX]}, is_whole=len(text) <= TEXT_LENGTH_MAX)


class _Visits:
    def __init__(self) -> None:
        self.left = VISITS_MAX

    def count(self) -> bool:
        """One more; whether it may still be looked at."""
        self.left -= 1
        return self.left >= 0


def _tags(key: str, name: str, value: object, depth: int, depth_max: int, visits: _Visits) -> Iterator[tuple[str, str]]:
    """`name` is the last part of `key`. It recurses as deep as `depth_max` and texts within texts allow, which is bounded by visits."""
    if not visits.count():
        return
    if is_secret(name):
        yield key, REDACTED
    elif value is None:
        yield key, "null"
    elif depth >= min(depth_max, JSON_DEPTH_MAX):
        yield key, write_json(value)
    elif isinstance(value, str):
        inner = parse_inner(value)
        if inner is None:
            yield key, value[:TEXT_LENGTH_MAX]
        else:
            yield from _tags(key, name, inner, depth + 1, depth_max, visits)
    elif isinstance(value, Mapping):
        for child, item in value.items():
            yield from _tags(f"{key}.{child}", str(child), item, depth + 1, depth_max, visits)
    elif isinstance(value, list):
        if not value:
            yield key, "[]"
        for index, item in enumerate(value):
            yield from _tags(f"{key}.{index}", "", item, depth + 1, depth_max, visits)
    else:
        yield key, _scalar(value)


def parse_inner(text: str) -> Any:
    """The object, list or text that a text holds as JSON; None when it holds none. Numbers stay as they are spelt.

    One that is too long to be looked into gives its length, as a text.
    """
    if not text.lstrip().startswith(OPENINGS):
        return None
    if len(text) > INNER_LENGTH_MAX:
        return f"({len(text)} characters)"
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list, str)) else None


def _scalar(value: object) -> str:
    """A number or boolean as JSON has it."""
    if type(value) is float and isfinite(value):
        return spelt(value)
    try:
        return json.dumps(value)[:TEXT_LENGTH_MAX]
    except (TypeError, ValueError):  # an integer with more digits than Python writes
        return ""


def write_json(value: object) -> str:
    """Compact JSON, without its secrets, cut where a tag ends. It stops there too: a payload may be a thousand times as long."""
    pieces: list[str] = []
    length = 0
    for piece in _pieces(value, 0):
        pieces.append(piece)
        length += len(piece)
        if length >= TEXT_LENGTH_MAX:
            break
    return "".join(pieces)[:TEXT_LENGTH_MAX]


def _pieces(value: object, depth: int) -> Iterator[str]:
    if depth > JSON_DEPTH_MAX:
        yield '"..."'
    elif isinstance(value, Mapping):
        yield from _object(value, depth)
    elif isinstance(value, list):
        yield "["
        for index, item in enumerate(value):
            if index:
                yield ","
            yield from _pieces(item, depth + 1)
        yield "]"
    elif isinstance(value, str):
        yield _quoted(_without_secrets(value, depth))
    else:
        yield _scalar(value)


def _object(value: Mapping[Any, Any], depth: int) -> Iterator[str]:
    opening = "{"
    for name, item in value.items():
        yield f"{opening}{_quoted(str(name))}:"
        opening = ","
        if is_secret(str(name)):
            yield _quoted(REDACTED)
        else:
            yield from _pieces(item, depth + 1)
    yield "}" if value else "{}"


def _without_secrets(text: str, depth: int) -> str:
    """A text that holds JSON is written anew, for there may be secrets in it."""
    inner = parse_inner(text) if depth < JSON_DEPTH_MAX else None
    return text if inner is None else "".join(_bounded(inner, depth + 1))


def _bounded(value: object, depth: int) -> Iterator[str]:
    length = 0
    for piece in _pieces(value, depth):
        yield piece
        length += len(piece)
        if length >= TEXT_LENGTH_MAX:
            return


def _quoted(text: str) -> str:
    return json.dumps(text[:TEXT_LENGTH_MAX], ensure_ascii=False)
