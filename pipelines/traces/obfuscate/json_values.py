"""JSON without its values: queries of MongoDB, bodies of Elasticsearch and OpenSearch. (specification, traces 9.6)

Tracers cut these texts to a length, so a text is read as far as it goes: what follows its first error is left out. Nothing is decoded;
nesting costs no recursion.
"""

import json
import re
from collections.abc import Callable, Collection
from functools import cache

JSON_CHARACTERS_MAX = 65536
CUT_MARK = "..."
HIDDEN = '"?"'
TOKEN = r"""([ \t\n\r]++)|("(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+")|("(?:[^"\\\x00-\x1f]++|\\[^\x00-\x1f])*+\\?\Z)"""
TOKEN += r"|(-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|true|false|null)(?![A-Za-z0-9.+\-_])|([{}\[\],:])"
BLANK, STRING, UNENDED, SCALAR, MARK = 1, 2, 3, 4, 5

# What may come next.
VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON, COMMA_OR_END = "value", "value or ]", "key", "key or }", ":", ", or end"
VALUES = frozenset({VALUE, VALUE_OR_END})
KEYS = frozenset({KEY, KEY_OR_END})


def obfuscate_json(
    text: str, keep: Collection[str] = (), transformed: Collection[str] = (), transform: Callable[[str], str] | None = None
) -> str:
    """Every value is `"?"`. Values under a key of `keep` stay; texts under one of `transformed` become what `transform` makes of them."""
    reading = Reading(frozenset(keep), frozenset(transformed) if transform else frozenset(), transform or str)
    is_whole = reading.run(text[:JSON_CHARACTERS_MAX])
    return "".join(reading.pieces) + ("" if is_whole and len(text) <= JSON_CHARACTERS_MAX else CUT_MARK)


class Reading:
    """One pass. `open` holds the brackets that are still open; `kept_depth` is how many were when a kept value began."""

    __slots__ = ("_keep", "_key", "_transform", "_transformed", "expected", "kept_depth", "open", "pieces")

    def __init__(self, keep: frozenset[str], transformed: frozenset[str], transform: Callable[[str], str]) -> None:
        self._keep, self._transformed, self._transform = keep, transformed, transform
        self.pieces: list[str] = []
        self.open: list[str] = []
        self.expected = VALUE
        self.kept_depth: int | None = None
        self._key = ""

    def run(self, text: str) -> bool:
        """Whether the text was valid to its end."""
        end = 0
        for token in _tokens().finditer(text):
            if token.start() != end or not self._take(token.lastindex or 0, token[0]):
                return False
            end = token.end()
        return end == len(text) and not self.open

    def _take(self, kind: int, text: str) -> bool:
        """Take one token; whether it may stand here."""
        if kind == BLANK:
            if not self.open:
                self.pieces.append(text)
            return True
        if kind == MARK:
            return self._mark(text)
        if kind == STRING and self.expected in KEYS:
            self._key, self.expected = text[1:-1], COLON
            self.pieces.append(text)
            return True
        if self.expected not in VALUES:
            return False
        self.pieces.append(self._leaf(text, kind == STRING))
        self._value_done()
        return kind != UNENDED

    def _leaf(self, text: str, is_text: bool) -> str:
        is_own = bool(self.open) and self.open[-1] == "{"
        if self.kept_depth is not None or (is_own and self._key in self._keep):
            return text
        if is_text and is_own and self._key in self._transformed:
            return json.dumps(self._transform(json.loads(text)), ensure_ascii=False) if _is_sound(text) else HIDDEN
        return HIDDEN

    def _mark(self, mark: str) -> bool:
        if mark in "{[":
            return self._opened(mark)
        if mark in "}]":
            return self._closed(mark)
        if mark == ":" and self.expected == COLON:
            self.expected = VALUE
        elif mark == "," and self.expected == COMMA_OR_END and self.open:
            self.expected = KEY if self.open[-1] == "{" else VALUE
        else:
            return False
        self.pieces.append(mark)
        return True

    def _opened(self, bracket: str) -> bool:
        if self.expected not in VALUES:
            return False
        if self.kept_depth is None and self.open and self.open[-1] == "{" and self._key in self._keep:
            self.kept_depth = len(self.open)
        self.open.append(bracket)
        self.expected = KEY_OR_END if bracket == "{" else VALUE_OR_END
        self.pieces.append(bracket)
        return True

    def _closed(self, bracket: str) -> bool:
        empty, opening = (KEY_OR_END, "{") if bracket == "}" else (VALUE_OR_END, "[")
        if self.expected not in (COMMA_OR_END, empty) or not self.open or self.open[-1] != opening:
            return False
        self.open.pop()
        if self.kept_depth == len(self.open):
            self.kept_depth = None
        self.pieces.append(bracket)
        self._value_done()
        return True

    def _value_done(self) -> None:
        self.expected = COMMA_OR_END if self.open else VALUE


def _is_sound(text: str) -> bool:
    """Whether its escapes are ones that JSON has."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@cache
def _tokens() -> re.Pattern[str]:
    return re.compile(TOKEN)
