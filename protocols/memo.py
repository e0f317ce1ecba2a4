"""What was worked out before, remembered within a bound of bytes. A cache: nothing is lost when it forgets, and it forgets all at once."""

from collections.abc import Callable, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

OVERHEAD_BYTES = 512  # what an entry weighs beside its own text


class Memo(dict[K, V]):
    """`memo[key]` is `make(key)`, worked out once. `weigh(key, value)` gives the bytes of text that an entry keeps alive.

    A look-up that hits is one of a plain dict: no code of ours runs.
    """

    def __init__(self, make: Callable[[K], V], weigh: Callable[[K, V], int], bytes_max: int) -> None:
        super().__init__()
        self.bytes = 0
        self._make, self._weigh, self._bytes_max = make, weigh, bytes_max

    def __missing__(self, key: K) -> V:
        value = self._make(key)
        size = OVERHEAD_BYTES + self._weigh(key, value)
        if self.bytes + size > self._bytes_max:
            self.clear()
            self.bytes = 0
        if size <= self._bytes_max:
            self.bytes += size
            self[key] = value
        return value
