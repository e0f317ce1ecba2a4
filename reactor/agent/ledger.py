"""What came in, what went out, and what was lost with which reason: the counts behind the line at the end."""

from collections import Counter
from collections.abc import Callable

import attrs

WORDS_MAX = 200  # distinct reasons kept; the rest share one


@attrs.frozen
class Statistics:
    """A snapshot. Keys of `dropped` and `refused` are `what: reason`."""

    accepted: dict[str, int]
    delivered: dict[str, int]
    dropped: dict[str, int]
    refused: dict[str, int]
    noted: dict[str, int]


class Ledger:
    """Counts by name. Never forgets, never grows beyond WORDS_MAX names each."""

    def __init__(self) -> None:
        self._accepted: Counter[str] = Counter()
        self._delivered: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._noted: Counter[str] = Counter()

    def accept(self, what: str, count: int = 1) -> None:
        """It was taken, and is now promised."""
        self._accepted[what] += count

    def deliver(self, what: str, count: int = 1) -> None:
        """An intake confirmed it."""
        self._delivered[what] += count

    def drop(self, what: str, reason: str, count: int = 1) -> None:
        """It had been accepted, and is lost."""
        _add(self._dropped, f"{what}: {reason}", count)

    def refuse(self, what: str, reason: str, count: int = 1) -> None:
        """It was not understood, and never accepted."""
        _add(self._refused, f"{what}: {reason}", count)

    def note(self, what: str, count: int = 1) -> bool:
        """Something worth counting that is no loss. True the first time."""
        first = what not in self._noted
        _add(self._noted, what, count)
        return first

    @property
    def dropped(self) -> dict[str, int]:
        """What `statistics().dropped` is, for those who ask often."""
        return dict(self._dropped)

    def statistics(self) -> Statistics:
        return Statistics(*(dict(c) for c in (self._accepted, self._delivered, self._dropped, self._refused, self._noted)))

    def line(self) -> str:
        """The line at the end: what was lost or refused, with reasons; empty if nothing was."""
        parts = [f"{count} {name}" for counter in (self._dropped, self._refused) for name, count in sorted(counter.items())]
        return f"lost or refused: {'; '.join(parts)}" if parts else ""


Loss = tuple[Callable[[Ledger, str, str, int], None], str, str, int]
"""(how the ledger calls it, what, reason, count): what a pipeline counts by itself until it ends."""


def _add(counter: Counter[str], name: str, count: int) -> None:
    counter[name if name in counter or len(counter) < WORDS_MAX else "other"] += count
