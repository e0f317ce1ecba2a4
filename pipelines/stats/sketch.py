"""The sketch of the durations of a group (specification, stats 3): a DDSketch of logarithmic bins that lie side by side, with nothing
negative in it. It is another kind than `pipelines.metrics.sketch`, with another format; it never sees a span.

At most BINS_MAX bins are kept, the highest ones: what lies below them is counted in the lowest. That gives the same bins whatever the
order in which values come.
"""

import math
import struct

ACCURACY = 0.007751937984496124
GAMMA = 1.015625  # (1 + ACCURACY) / (1 - ACCURACY)
OFFSET = 1338.5
MULTIPLIER = 1 / math.log(GAMMA)
SMALLEST = 2.2598406375463764e-308  # below it a value counts as 0
BINS_MAX = 2048
BIN_BYTES = 8

log = math.log
floor = math.floor


def index_of(value: float) -> int:
    """The bin of a value from SMALLEST on."""
    return floor(log(value) * MULTIPLIER + OFFSET)


def value_of(index: int) -> float:
    """What the values of a bin are taken for: within ACCURACY of each of them."""
    return math.exp((index - OFFSET) / MULTIPLIER) * (1 + ACCURACY)


class Sketch:
    """Counts of values. `offset` is the index of the first of `bins`."""

    __slots__ = ("bins", "offset", "zeros")

    def __init__(self) -> None:
        self.bins: list[int] = []
        self.offset = 0
        self.zeros = 0

    def __repr__(self) -> str:
        return f"Sketch(count={self.zeros + sum(self.bins)}, bins={len(self.bins)})"

    def growth(self, value: float, bins_max: int = BINS_MAX) -> int:
        """How many bins would have to be added for a value."""
        if not SMALLEST <= value < math.inf:
            return 0
        index = index_of(value)
        wanted = max(self.offset + len(self.bins), index + 1) - min(self.offset, index) if self.bins else 1
        return min(wanted, bins_max) - len(self.bins)

    def add(self, value: float, bins_max: int = BINS_MAX) -> None:
        """Count one value; what is negative, infinite or no number is not counted."""
        if SMALLEST <= value < math.inf:
            index = floor(log(value) * MULTIPLIER + OFFSET) - self.offset
            if not 0 <= index < len(self.bins):
                index = self._make_room(index, bins_max)
            self.bins[index] += 1
        elif 0 <= value < SMALLEST:
            self.zeros += 1

    def _make_room(self, index: int, bins_max: int) -> int:
        """Extend the bins towards `index`, which is relative to `offset`; say which bin counts for it now."""
        bins = self.bins
        if not bins:
            self.offset += index
            bins.append(0)
            return 0
        if index < 0:
            added = min(-index, bins_max - len(bins))
            bins[:0] = [0] * added
            self.offset -= added
            return 0
        surplus = index + 1 - bins_max
        if surplus > 0:
            fallen = sum(bins[:surplus])
            # A leap beyond everything that is kept: all of it falls into the new lowest bin.
            del bins[:surplus]
            self.offset += surplus
            index -= surplus
            bins.extend([0] * (index + 1 - len(bins)))
            bins[0] += fallen
            return index
        bins.extend([0] * (index + 1 - len(bins)))
        return index

    def encode(self) -> bytes:
        """The message DDSketch: mapping, positive values, negative values, and how many zeros."""
        if len(self.bins) == 1:
            store = _ONE_BIN + _DOUBLE.pack(self.bins[0])
        elif self.bins:
            store = b"\x12" + _varint(BIN_BYTES * len(self.bins)) + struct.pack(f"<{len(self.bins)}d", *self.bins)
        else:
            store = b""
        if self.offset and self.bins:
            store += b"\x18" + _varint(self.offset << 1 if self.offset > 0 else -self.offset * 2 - 1)
        zeros = b"\x21" + _DOUBLE.pack(self.zeros) if self.zeros else b""
        return b"%b\x12%b%b\x1a\x00%b" % (_MAPPING, _varint(len(store)), store, zeros)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_DOUBLE = struct.Struct("<d")
_ONE_BIN = b"\x12\x08"
_MAPPING = b"\x0a\x12\x09" + _DOUBLE.pack(GAMMA) + b"\x11" + _DOUBLE.pack(OFFSET)
EMPTY = Sketch().encode()
