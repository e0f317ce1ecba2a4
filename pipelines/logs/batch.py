"""Finished entries on their way into request bodies: in order, bounded in bytes, counted when they do not fit. (specification, logs 9.1)

Over the bound the oldest lines of functions and extensions go first. Lines of platform records have a reserve of their own beyond it and
are lost only when that is full as well.
"""

from collections.abc import Iterator

from protocols.intake_logs import BATCH_BYTES_MAX, BATCH_ENTRIES_MAX, encode_array

QUEUE_BYTES_MAX = 32 * 1024 * 1024
PLATFORM_RESERVE_BYTES = 4 * 1024 * 1024
FLUSH_EARLY_BYTES = 4 * 1024 * 1024
COMPACT_AT = 4096
"""Emptied places at the front that are worth a rewriting of the list."""


class EntryQueue:
    """Append to `entries` as often as you like, then `settle` once: the sum and the bound are kept per batch, not per line."""

    def __init__(self, bytes_max: int = QUEUE_BYTES_MAX, platform_reserve_bytes: int = PLATFORM_RESERVE_BYTES) -> None:
        self.entries: list[bytes] = []
        """A dropped entry leaves an empty place."""
        self.bytes = 0
        self.dropped = 0
        self.platform_dropped = 0
        self._bytes_max = bytes_max
        self._platform_bytes_max = bytes_max + platform_reserve_bytes
        self._platform_places: dict[int, None] = {}
        self._settled = 0
        self._oldest = 0

    def __len__(self) -> int:
        return len(self.entries) - self.entries.count(b"")

    def append_platform(self, entry: bytes) -> None:
        self._platform_places[len(self.entries)] = None
        self.entries.append(entry)

    def settle(self) -> None:
        """Count what was appended and hold the bound."""
        new = self.entries[self._settled :] if self._settled else self.entries
        self.bytes += sum(map(len, new))
        self._settled = len(self.entries)
        if self.bytes > self._bytes_max:
            self._shed()

    def _shed(self) -> None:
        while self.bytes > self._bytes_max and self._oldest < len(self.entries):
            if self._oldest not in self._platform_places:
                self._empty(self._oldest)
                self.dropped += 1
            self._oldest += 1
        while self.bytes > self._platform_bytes_max:
            place = next(iter(self._platform_places))
            del self._platform_places[place]
            self._empty(place)
            self.platform_dropped += 1
        if self._oldest >= COMPACT_AT and self._oldest * 2 >= len(self.entries):
            self._compact()

    def _empty(self, place: int) -> None:
        self.bytes -= len(self.entries[place])
        self.entries[place] = b""

    def _compact(self) -> None:
        kept = [(place in self._platform_places, entry) for place, entry in enumerate(self.entries) if entry]
        self.entries[:] = [entry for _, entry in kept]
        self._platform_places = {place: None for place, (is_platform, _) in enumerate(kept) if is_platform}
        self._settled = len(self.entries)
        self._oldest = next((place for place in range(len(kept)) if place not in self._platform_places), len(kept))

    def take_all(self) -> list[bytes]:
        entries = [entry for entry in self.entries if entry] if self.dropped or self.platform_dropped else self.entries[:]
        self.entries.clear()
        self._platform_places.clear()
        self.bytes = self._settled = self._oldest = 0
        return entries


def split_batches(
    entries: list[bytes], entries_max: int = BATCH_ENTRIES_MAX, bytes_max: int = BATCH_BYTES_MAX
) -> Iterator[tuple[bytes, int]]:
    """Request bodies and how many entries each holds; brackets and commas count. An entry larger than a batch has one to itself."""
    start = 0
    while start < len(entries):
        batch = entries[start : start + entries_max]
        if len(batch) + 1 + sum(map(len, batch)) > bytes_max:
            del batch[_entries_within(batch, bytes_max) :]
        yield encode_array(batch), len(batch)
        start += len(batch)


def _entries_within(entries: list[bytes], bytes_max: int) -> int:
    """How many of the first entries go into one body; at least one."""
    size = 1
    for count, entry in enumerate(entries):
        size += len(entry) + 1
        if count and size > bytes_max:
            return count
    return len(entries)
