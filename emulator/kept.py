"""Remembers the newest of what passes, within a bound in bytes, and counts what it had to forget."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

KEPT_BYTES_MAX = 64 * 1024 * 1024


class Kept(Generic[T]):
    def __init__(self, bytes_max: int = KEPT_BYTES_MAX) -> None:
        self.bytes_max, self.size_bytes, self.forgotten = bytes_max, 0, 0
        self._items: deque[tuple[int, T]] = deque()

    def __repr__(self) -> str:
        return f"<Kept {len(self._items)} items, {self.size_bytes} bytes, {self.forgotten} forgotten>"

    def __iter__(self) -> Iterator[T]:
        return (item for _, item in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def append(self, item: T, size_bytes: int) -> None:
        """The oldest go when the bound is passed; an item over the bound is forgotten itself."""
        self._items.append((size_bytes, item))
        self.size_bytes += size_bytes
        while self.size_bytes > self.bytes_max:
            size, _ = self._items.popleft()
            self.size_bytes -= size
            self.forgotten += 1

    def clear(self) -> None:
        self._items.clear()
        self.size_bytes = 0
