"""Patterns that users write: RE2's dialect with Unicode classes, and replacements that name groups.

Python's own engine can be driven into exponential time by a text, so it never takes RE2's place; RE2 is linear whatever the pattern.
(specification, logs 6 and traces 9.8)
"""

import importlib
from collections.abc import Iterator
from typing import Any

from protocols.intake_logs import to_utf8

PATTERN_BYTES_MAX = 8 * 1024 * 1024
"""What one compiled pattern may take (RE2's own default); a pattern that needs more does not compile."""

UNICODE_CLASSES = {
    "d": r"\p{Nd}",
    "s": r"\t-\r \x{85}\p{Z}",
    "w": r"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}",
}
"""RE2 takes these three for ASCII, the reference's engine for Unicode: a mask of `\\w+` must not stop at an umlaut."""

Template = list[bytes | int]
"""A replacement in pieces: text, or the number of a group."""


class NoEngine(Exception):
    """RE2 cannot be loaded."""


class BadPattern(Exception):
    """The pattern does not compile, for the reason that RE2 gives."""


class Engine:
    """RE2, loaded when it is made. Raises NoEngine."""

    def __init__(self) -> None:
        try:
            self._re2: Any = importlib.import_module("re2")
        except ImportError as error:
            raise NoEngine(f"google-re2 cannot be loaded ({error})") from error
        self._options = self._re2.Options()
        self._options.log_errors = False
        self._options.max_mem = PATTERN_BYTES_MAX

    def compile(self, pattern: str) -> Any:
        """A pattern over UTF-8. Raises BadPattern."""
        try:
            return self._re2.compile(to_utf8(with_unicode_classes(pattern)), self._options)
        except self._re2.error as error:
            raise BadPattern(_text(error)) from error


def _text(error: Exception) -> str:
    """RE2 gives its reason as bytes."""
    reason = error.args[0] if error.args else error
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def groups_of(pattern: Any) -> tuple[dict[str, int], int]:
    """The named groups of a pattern, and the number of all."""
    return {name.decode(): number for name, number in pattern.groupindex.items()}, pattern.groups


def replace(pattern: Any, template: Template, data: bytes) -> bytes:
    """`data`, UTF-8, with every match replaced; the same object if there is none."""
    pieces: list[bytes] = []
    end = 0
    for match in _matches(pattern, data):
        pieces.append(data[end : match.start()])
        pieces += [piece if isinstance(piece, bytes) else match.group(piece) or b"" for piece in template]
        end = match.end()
    return b"".join([*pieces, data[end:]]) if pieces else data


def _matches(pattern: Any, data: bytes) -> Iterator[Any]:
    """Each match, but no empty one that touches the match before it or lies inside a character."""
    end = -1
    for match in pattern.finditer(data):
        start = match.start()
        if start == match.end() and (start == end or _is_inside_character(data, start)):
            continue
        end = match.end()
        yield match


def _is_inside_character(data: bytes, place: int) -> bool:
    return place < len(data) and data[place] & 0xC0 == 0x80


def parse_template(text: str, names: dict[str, int], groups: int) -> Template:
    """`$1`, `${1}`, `$name`, `${name}` are groups (the longest name wins, an unknown one is empty), `$$` is a dollar sign."""
    pieces: Template = []
    while text:
        before, dollar, text = text.partition("$")
        pieces.append(to_utf8(before))
        if text[:1] == "$":
            pieces.append(b"$")
            text = text[1:]
        elif dollar:
            name, text = _split_name(text)
            pieces.append(b"$" if name is None else _group(name, names, groups))
    return [piece for piece in pieces if piece != b""]


def _split_name(text: str) -> tuple[str | None, str]:
    """The name after a dollar sign and what follows it; None where the sign stands for itself."""
    if text[:1] == "{":
        name, brace, rest = text[1:].partition("}")
        return (name, rest) if brace else (None, text)
    end = 0
    while end < len(text) and text[end].isascii() and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return (text[:end], text[end:]) if end else (None, text)


def _group(name: str, names: dict[str, int], groups: int) -> bytes | int:
    if name in names:
        return names[name]
    return int(name) if name.isascii() and name.isdigit() and len(name) < 6 and int(name) <= groups else b""


def with_unicode_classes(pattern: str) -> str:
    r"""The pattern with `\d`, `\s`, `\w` (and outside of brackets their opposites) spelled out for all of Unicode."""
    pieces: list[str] = []
    place, in_class = 0, False
    while place < len(pattern):
        length = _token_length(pattern, place, in_class)
        token = pattern[place : place + length]
        if token[0] == "\\":
            token = _spell_out(token, in_class)
        elif token[0] == "[" and len(token) < 4:
            in_class = True
        elif token == "]":
            in_class = False
        pieces.append(token)
        place += length
    return "".join(pieces)


def _token_length(pattern: str, place: int, in_class: bool) -> int:
    """An escape, the start of a class (a bracket right after it is a member), a named class such as `[:alpha:]`, or one character."""
    if pattern[place] == "\\":
        return 2
    if pattern[place] != "[":
        return 1
    if in_class:
        end = pattern.find(":]", place + 2) if pattern[place + 1 : place + 2] == ":" else -1
        return 1 if end == -1 else end + 2 - place
    return next(length for start, length in (("[^]", 3), ("[^", 2), ("[]", 2), ("[", 1)) if pattern.startswith(start, place))


def _spell_out(escape: str, in_class: bool) -> str:
    members = UNICODE_CLASSES.get(escape[1:].lower())
    if members is None or (in_class and escape[1:].isupper()):
        return escape
    if in_class:
        return members
    return f"[{'^' if escape[1:].isupper() else ''}{members}]"
