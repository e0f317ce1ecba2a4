"""How much of one event may be looked into: texts within texts come from outside, and the loop waits for nobody."""

INNER_CHARS_MAX = 512 * 1024
"""Of all inner texts that are parsed for one event together: a message of SNS's largest size in a queue, and what is in it again."""
SEARCHED_CHARS_MAX = 2 << 20
"""Of all texts that are searched for something worth parsing."""
WHITE_CHARS_MAX = 64
"""White space before the first brace of a text that is looked at."""


class Budget:
    """What may still be done for one event. `refused` says that something was too large."""

    def __init__(self) -> None:
        self._to_search, self._to_parse = SEARCHED_CHARS_MAX, INNER_CHARS_MAX
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
