"""What a world asks of the extension that lives in it. Whoever has one makes it fit: the world never imports it."""

from collections.abc import Callable, Mapping
from typing import Protocol

import attrs

from reactor.net.clock import Clock
from reactor.net.memory import MemoryNetwork


@attrs.frozen
class Figures:
    """What an extension says of itself. Keys of the ledger's counts are `what: reason` for drops and refusals, else `what`."""

    accepted: Mapping[str, int]
    delivered: Mapping[str, int]
    dropped: Mapping[str, int]
    refused: Mapping[str, int]
    noted: Mapping[str, int]
    state: str = ""  # of its lifecycle
    open_invocations: int = 0
    payloads: int = 0  # numbered and not dealt with
    payload_bytes: int = 0
    lines_taken: int = 0
    lines_waiting: int = 0  # entries, orphans and held ones
    line_bytes: int = 0
    contexts: int = 0
    context_bytes: int = 0
    samples_refused: int = 0  # by the aggregator's bounds
    connections: int = 0


@attrs.frozen
class Bounds:
    """What must never be exceeded (specification of the design: every queue bounded)."""

    payloads: int
    payload_bytes: int
    line_bytes: int
    contexts: int
    context_bytes: int
    open_invocations: int
    connections: int


class Extension(Protocol):
    """One life of an extension."""

    async def run(self) -> int:
        """To its end; the exit code."""
        ...

    def terminate(self) -> None:
        """Send it SIGTERM."""
        ...

    def figures(self) -> Figures: ...

    def bounds(self) -> Bounds: ...


@attrs.frozen
class Place:
    """Where an extension is put: its environment variables and everything it can touch."""

    environment: Mapping[str, str]
    network: MemoryNetwork
    clock: Clock
    say: Callable[[str, str], None]  # level, text
    random: Callable[[], float]
    spool_path: str | None  # a file that outlives it; None: nothing does


Make = Callable[[Place], Extension]
