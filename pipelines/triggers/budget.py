"""How much of one event may be looked into: texts within texts come from outside, and the loop waits for nobody."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

INNER_CHARS_MAX = 512 * 1024
"""Of all inner texts that are parsed for one event together: a message of SNS's largest size in a queue, and what is in it again."""
INNER_VALUES_MAX = 12_000
"""Of all values in those texts together, about: what reading JSON costs is so much for each value, whatever its length. A message of SNS's
largest size has fewer unless it is little but numbers; so many take a millisecond, a third of reading the plainest event of 6 MB.
"""
_COUNTED_CHARS = 8 * 1024
QUOTES_MAX = 2_000
"""Of a text with so few quotes it is cheap to leave out what stands between them: a comma there (a table, as text) begins no value."""
SEARCHED_CHARS_MAX = 2 << 20
"""Of all texts that are searched for something worth parsing."""
WHITE_CHARS_MAX = 64
"""White space before the first brace of a text that is looked at."""


class Budget:
    """What may still be done for one event. `refused` says that something was too large."""

    def __init__(self) -> None:
        self._to_search, self._to_parse, self._values = SEARCHED_CHARS_MAX, INNER_CHARS_MAX, INNER_VALUES_MAX
        self.refused = False

    def search(self, text: str, marks: tuple[str, ...]) -> bool:
        """Whether a text begins as a JSON object and holds one of the marks. What is too large to be parsed is not searched either."""
        if text[:WHITE_CHARS_MAX].lstrip()[:1] != "{":
            return False
        if len(text) > min(self._to_search, self._to_parse):
            self.refused = True
            return False
        self._to_search -= len(text)
        return any(mark in text for mark in marks)

    def take(self, chars: int) -> bool:
        """Whether so many characters may be parsed; then they are counted."""
        if chars > self._to_parse:
            self.refused = True
            return False
        self._to_parse -= chars
        return True

    def take_json(self, text: str) -> bool:
        """Whether a JSON text may be parsed; then its characters and values are counted. One of too many values costs half of all that is
        left, so that counting comes to an end too.
        """
        values = values_in(text, self._values)
        if values > self._values:
            self.refused = True
            self._values, self._to_parse = self._values // 2, self._to_parse // 2
            return False
        if not self.take(len(text)):
            return False
        self._values -= values
        return True


def values_in(text: str, enough: int) -> int:
    """About how many values a JSON text holds, not counted much further than `enough`."""
    values = _separators(text, enough)
    if values > enough and text.count('"') <= QUOTES_MAX:
        values = _separators(_texts().sub("", text), enough)
    return values


def _separators(text: str, enough: int) -> int:
    """A value stands behind a comma or is the first behind what opens; that of a member goes with its name."""
    count = 0
    for at in range(0, len(text), _COUNTED_CHARS):
        end = at + _COUNTED_CHARS
        count += text.count(",", at, end) + text.count("[", at, end) + text.count("{", at, end)
        if count > enough:
            break
    return count


@cache
def _texts() -> "re.Pattern[str]":
    import re  # few events have so much in them

    return re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
