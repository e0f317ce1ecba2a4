"""Points in time as machines see them: plain numbers that arrive inside events."""

import attrs


@attrs.frozen
class Now:
    """The moment of an event, on both clocks.

    `epoch_ms` is the wall clock (platform deadlines and the look-back ring are written in it; it may jump either way).
    `mono_ms` only ever grows while the process runs (waits inside an invocation are written in it).
    """

    epoch_ms: int
    mono_ms: int


def mono_of_epoch(now: Now, epoch_ms: int) -> int:
    """The monotonic moment of a wall-clock moment, as seen from `now`. Redone after every thaw, because clocks drift apart."""
    return now.mono_ms + (epoch_ms - now.epoch_ms)
