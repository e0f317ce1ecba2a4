"""Processing rules: what people leave out of their logs or mask in them. Linear in the length of the text whatever the pattern.

Patterns run on RE2 alone. Python's own engine can be driven into exponential time by a line of text, so it never takes RE2's place: without
the library the rules are refused, loudly. (specification, logs 6)
"""

import importlib
from collections.abc import Iterator
from typing import Any

import attrs

from protocols.intake_logs import to_utf8

EXCLUDE, INCLUDE, MASK = "exclude_at_match", "include_at_match", "mask_sequences"
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


@attrs.frozen
class Rule:
    """`kind` is one of EXCLUDE, INCLUDE, MASK; `placeholder` replaces what a MASK finds."""

    kind: str
    name: str
    pattern: str
    placeholder: str = ""


def compile_rules(rules: tuple[Rule, ...]) -> tuple["RuleSet", list[str]]:
    """What can be applied of the rules, and an error for each that cannot. Imports RE2 only if there are rules."""
    if not rules:
        return RuleSet([]), []
    try:
        re2: Any = importlib.import_module("re2")
    except ImportError as error:
        return RuleSet([]), [f"none of the {len(rules)} processing rules is applied: google-re2 cannot be loaded ({error})"]
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_BYTES_MAX
    steps: list[tuple[str, Any, Template]] = []
    errors: list[str] = []
    for rule in rules:
        try:
            pattern = re2.compile(to_utf8(with_unicode_classes(rule.pattern)), options)
        except re2.error as error:
            errors.append(f"processing rule {rule.name!r} is not applied, its pattern does not compile: {_text(error)}")
            continue
        names = {name.decode(): number for name, number in pattern.groupindex.items()}
        steps.append((rule.kind, pattern, parse_template(rule.placeholder, names, pattern.groups)))
    return RuleSet(steps), errors


def _text(error: Exception) -> str:
    """RE2 gives its reason as bytes."""
    reason = error.args[0] if error.args else error
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


class RuleSet:
    """Rules that compiled, in their order. `len` says how many."""

    def __init__(self, steps: list[tuple[str, Any, Template]]) -> None:
        self._steps = steps

    def __len__(self) -> int:
        return len(self._steps)

    def apply(self, text: str) -> str | None:
        """The text with its masks, or None if a rule leaves it out."""
        data = original = to_utf8(text)
        for kind, pattern, template in self._steps:
            if kind == MASK:
                data = _replace(pattern, template, data)
            elif (pattern.search(data) is None) is (kind == INCLUDE):
                return None
        return text if data is original else data.decode("utf-8", "replace")


def _replace(pattern: Any, template: Template, data: bytes) -> bytes:
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
