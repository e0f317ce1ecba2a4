"""What the logs pipeline has to say about itself and about what it saw. Values only."""

from typing import NamedTuple

from protocols.telemetry_records import LogsDroppedFields


class LogFacts(NamedTuple):
    """What a batch of records told beside its lines.

    `out_of_memory` holds (request id or None, epoch seconds) for each line that says so. `warnings` are sentences for our own log.
    `flush_early` says that enough is waiting for a flush before its time.
    """

    out_of_memory: tuple[tuple[str | None, int], ...]
    logs_dropped: tuple[LogsDroppedFields, ...]
    warnings: tuple[str, ...]
    flush_early: bool


class LogStatistics(NamedTuple):
    """`taken` lines became entries, `dropped` counts by reason, `truncated` were cut; the rest is what is in hand now."""

    taken: int
    truncated: int
    dropped: dict[str, int]
    entries: int
    entry_bytes: int
    orphans: int
    held: int
