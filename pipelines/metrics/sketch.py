"""The sketch of a distribution: counts in bins of logarithmic width (specification, metrics 4). It never sees a clock, a tag or a
wire format.

Bins are held as key -> count. On the wire a bin counts at most 65,535, so a larger count becomes several bins of one key: the
remainder first, then the full ones, which is what the original's inserts and merges arrive at. Trimming works on that list, so it
agrees with the original bin for bin; only when a *full* bin is collapsed may the order of bins of one key differ, never what they
count. A count that was split is judged against the bin limit when the list is made, not at each insert.
"""

import math
from collections.abc import Sequence

LN_GAMMA = math.log1p(1 / 64)
GAMMA = 1 + 1 / 64
BIAS = 1338
NORM_MIN = GAMMA ** (1 - BIAS)  # below this a value has key 0
KEY_MAX = 32767
PLAIN_MAX = 1e200  # well below the values that share the last key
BIN_COUNT_MAX = 65535
BINS_MAX = 4096
WEIGHT_MAX = 100_000  # what one sampled value may stand for; a smaller rate would let one datagram claim any number of full bins

Bins = list[tuple[int, int]]


def key_of(value: float) -> int:
    """The bin key of a finite value."""
    if NORM_MIN <= value < PLAIN_MAX:
        return round(math.log(value) / LN_GAMMA) + BIAS
    if value < 0:
        return -key_of(-value)
    if value < NORM_MIN:
        return 0
    # round() is half-even, as the original rounds.
    return min(max(round(math.log(value) / LN_GAMMA) + BIAS, 1), KEY_MAX)


def _plain_keys(values: Sequence[float]) -> list[int]:
    """The keys of values between NORM_MIN and PLAIN_MAX, where no limit applies: `key_of` written out, for it is called for every value."""
    log, ln_gamma, bias = math.log, LN_GAMMA, BIAS
    return [round(log(value) / ln_gamma) + bias for value in values]


def value_of(key: int) -> float:
    """The value in the logarithmic middle of a bin; the last key stands for infinity."""
    if key == 0:
        return 0.0
    if key < 0:
        return -value_of(-key)
    return GAMMA ** (key - BIAS) if key < KEY_MAX else math.inf


def split_count(key: int, count: int) -> Bins:
    """`count` as wire bins of one key: the remainder, then full bins."""
    if count <= BIN_COUNT_MAX:
        return [(key, count)]
    full, rest = divmod(count, BIN_COUNT_MAX)
    return ([(key, rest)] if rest else []) + [(key, BIN_COUNT_MAX)] * full


def trim(bins: Bins, bins_max: int = BINS_MAX) -> Bins:
    """Collapse the lowest bins upward until about `bins_max` are left (full bins that the collapse fills may come on top)."""
    excess = len(bins) - bins_max
    if excess <= 0:
        return bins
    overflow: Bins = []
    carry = 0
    for key, count in bins[:excess]:
        carry += count
        if carry > BIN_COUNT_MAX:
            overflow.append((key, BIN_COUNT_MAX))
            carry -= BIN_COUNT_MAX
    key, count = bins[excess]
    *spilled, (_, kept) = split_count(key, count + carry)
    return [*overflow, *spilled, (key, kept), *bins[excess + 1 :]]


class Sketch:
    """A mergeable summary of values: count, min, max, sum, running average, and bins."""

    __slots__ = ("avg", "bins", "count", "max", "min", "sum")

    def __init__(self) -> None:
        self.count = 0
        self.min = 0.0
        self.max = 0.0
        self.sum = 0.0
        self.avg = 0.0
        self.bins: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"Sketch(count={self.count}, min={self.min}, max={self.max}, sum={self.sum}, bins={len(self.bins)})"

    def insert_many(self, values: Sequence[float]) -> None:
        """Insert finite values in order. The average is updated value by value, because its last digits depend on that."""
        if not values:
            return
        low, high = min(values), max(values)
        self._widen(low, high)
        bins = self.bins
        for key in _plain_keys(values) if low >= NORM_MIN and high < PLAIN_MAX else map(key_of, values):
            bins[key] = bins.get(key, 0) + 1
        count, total, avg = self.count, self.sum, self.avg
        for value in values:
            count += 1
            total += value
            avg += (value - avg) / count
        self.count, self.sum, self.avg = count, total, avg
        self._trim()

    def insert_weighted(self, value: float, rate: float) -> None:
        """Insert a value that stands for 1/rate values, at most `WEIGHT_MAX` (specification, metrics 4.6). `rate` is in (0, 1]."""
        weight = 1 / rate if rate * WEIGHT_MAX > 1 else float(WEIGHT_MAX)
        count = int(weight)
        key = key_of(value)
        self._widen(value, value)
        self.count += count
        self.sum += weight * value
        self.avg += (value - self.avg) * count / self.count
        self.bins[key] = self.bins.get(key, 0) + count
        self._trim()

    def merge(self, other: "Sketch") -> None:
        """Add what `other` holds; it stays as it is."""
        if not other.count:
            return
        self._widen(other.min, other.max)
        if self.count:
            self.avg += (other.avg - self.avg) * other.count / (self.count + other.count)
        else:
            self.avg = other.avg
        self.count += other.count
        self.sum += other.sum
        for key, count in other.bins.items():
            self.bins[key] = self.bins.get(key, 0) + count
        self._trim()

    def bin_list(self) -> Bins:
        """The wire bins in order of key."""
        bins: Bins = []
        for key, count in sorted(self.bins.items()):
            if count <= BIN_COUNT_MAX:
                bins.append((key, count))
            else:
                bins += split_count(key, count)
        return trim(bins)

    def is_finite(self) -> bool:
        """False when a sum of huge values has left the range of a float."""
        return math.isfinite(self.sum) and math.isfinite(self.avg)

    def _widen(self, low: float, high: float) -> None:
        if not self.count or low < self.min:
            self.min = low
        if not self.count or high > self.max:
            self.max = high

    def _trim(self) -> None:
        if len(self.bins) <= BINS_MAX:
            return
        bins, self.bins = self.bin_list(), {}
        for key, count in bins:
            self.bins[key] = self.bins.get(key, 0) + count


class OneValue:
    """The sketch of a single finite value, which most distributions of a small flush are: it reads as a `Sketch` of that value does."""

    __slots__ = ("avg", "max", "min", "sum")

    count = 1

    def __init__(self, value: float) -> None:
        self.min = self.max = self.avg = self.sum = value

    def __repr__(self) -> str:
        return f"OneValue({self.max})"

    def bin_list(self) -> Bins:
        """The one wire bin."""
        return [(key_of(self.max), 1)]

    def is_finite(self) -> bool:
        return math.isfinite(self.max)
