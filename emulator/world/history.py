"""What happened, in order, for the one who has to understand a failing seed; and what was wrong with it."""

from collections.abc import Callable

import attrs
import trio


@attrs.frozen
class Violation:
    """Something that must never be. `kind` is the rule's short name; shrinking keeps it."""

    kind: str
    text: str
    life: int = 0

    def __str__(self) -> str:
        return f"{self.kind} (life {self.life}): {self.text}"


class History:
    """Lines with their times in virtual milliseconds. Bounded: a run that goes round in circles must not eat the memory."""

    LINES_MAX = 5_000

    def __init__(self) -> None:
        self._started_s = trio.current_time()
        self._lines: list[tuple[int, str, tuple[object, ...]]] = []
        self.violations: list[Violation] = []

    @property
    def now_ms(self) -> int:
        return round((trio.current_time() - self._started_s) * 1000)

    def note(self, text: str, *values: object) -> None:
        """`text` is filled in (%-style) only when somebody reads it."""
        if len(self._lines) < self.LINES_MAX:
            self._lines.append((self.now_ms, text, values))

    def violate(self, kind: str, life: int, text: str) -> None:
        self.note("VIOLATION %s: %s", kind, text)
        self.violations.append(Violation(kind, text, life))

    def reader(self) -> Callable[[], list[str]]:
        lines = self._lines
        return lambda: [f"{at_ms:>9} ms  {text % values if values else text}" for at_ms, text, values in lines]
