"""What metrics add up to until the next flush (specification, metrics 2.4 and 3). It reads no clock and knows neither the wire nor
the base tags.

A *context* is (name, tags, bucket, kind); the kind is part of it, so that a gauge and a count of one name never overwrite each
other. Its `Cell` holds the sum, the last value, the sketch or the set. Space is bounded twice, by contexts and by bytes:
    a new context beyond either limit is refused and counted; the contexts that are held still update;
    beyond the byte limit new distribution values and new set members are refused and counted as well.
`is_nearly_full` asks for an early flush before any of this happens.
"""

import math
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple

from pipelines.metrics.sketch import OneValue, Sketch
from protocols.dogstatsd import COUNT, DISTRIBUTION, GAUGE, SET, Tags

BUCKET_S = 10
CONTEXTS_MAX = 10_240
BYTES_MAX = 16 * 1024 * 1024
NEARLY_FULL = 0.8

# Longest accepted age of a point: the series intake takes one hour, the sketches intake is given four.
AGE_MAX_S = {COUNT: 3600, GAUGE: 3600, SET: 3600, DISTRIBUTION: 4 * 3600}

# What things weigh in CPython, generously rounded.
CELL_BYTES = 480
BIN_BYTES = 104
MEMBER_BYTES = 64
# A value that waits is charged as the bin that it may become, so that putting it in never costs more.
PENDING_MAX = 256  # distribution values of a context that wait to be put into its sketch together

CLOSED = -1  # `bucket_s` of a cell that a flush has taken; no real bucket is negative

Context = tuple[str, Tags, int, str]
SeriesPoint = tuple[str, Tags, int, str, float]
"""(name, tags, bucket_s, kind, value); a set has become a gauge here."""
SketchPoint = tuple[str, Tags, int, Sketch | OneValue]
"""(name, tags, bucket_s, sketch)."""


def bucket_of(timestamp_s: float) -> int:
    """The start of the bucket of a non-negative time."""
    return int(timestamp_s) // BUCKET_S * BUCKET_S


def bucket_of_sample(kind: str, timestamp_s: int | None, now_s: int) -> int | None:
    """The bucket of a sample; None when it is negative or older than the intake takes. What lies in the future is now."""
    if timestamp_s is None or timestamp_s >= now_s:
        return bucket_of(now_s)
    if timestamp_s < 0 or now_s - timestamp_s > AGE_MAX_S[kind]:
        return None
    return bucket_of(timestamp_s)


class Cell:
    """One context and its value so far. `value` is of counts and gauges, `pending` and `sketch` of distributions, `members` of sets.

    The sketch is made when values are first put into it: a distribution of a single value needs none.
    """

    __slots__ = ("bucket_s", "kind", "members", "name", "pending", "size", "sketch", "tags", "value")

    def __init__(self, name: str, tags: Tags, bucket_s: int, kind: str, size: int) -> None:
        self.name = name
        self.tags = tags
        self.bucket_s = bucket_s
        self.kind = kind
        self.size = size
        self.value = 0.0
        self.pending: list[float] = []
        self.sketch: Sketch | None = None
        self.members: set[str] | None = set() if kind is SET else None

    def reopen(self, bucket_s: int) -> None:
        """Begin anew in a bucket, after a flush has taken what was in it."""
        self.bucket_s = bucket_s
        self.value = 0.0
        if self.kind is SET:
            self.members = set()


class AggregatorStatistics(NamedTuple):
    """`refused_*` are samples lost to the limits since the start, `unsendable` points that were no finite number."""

    contexts: int
    held_bytes: int
    refused_contexts: int
    refused_values: int
    unsendable: int


class Aggregator:
    """The contexts of one stream of metrics, until `flush`."""

    def __init__(self, contexts_max: int = CONTEXTS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._contexts_max = contexts_max
        self._bytes_max = bytes_max
        self._cells: dict[Context, Cell] = {}
        self._held_bytes = 0
        self._full = False
        self._refused_contexts = 0
        self._refused_values = 0
        self._unsendable = 0

    @property
    def is_nearly_full(self) -> bool:
        """True from 80 % of either limit on: flush before anything has to be refused."""
        return len(self._cells) >= self._contexts_max * NEARLY_FULL or self._held_bytes >= self._bytes_max * NEARLY_FULL

    def statistics(self) -> AggregatorStatistics:
        return AggregatorStatistics(len(self._cells), self._held_bytes, self._refused_contexts, self._refused_values, self._unsendable)

    def cell(self, name: str, tags: Tags, bucket_s: int, kind: str) -> Cell | None:
        """The cell of a context, made if there is room. None: refused, and counted as one lost sample."""
        context = (name, tags, bucket_s, kind)
        return self._cells.get(context) or self._open(context, CELL_BYTES + name.__sizeof__() + sum(map(str.__sizeof__, tags)))

    def reopened(self, cell: Cell, bucket_s: int) -> Cell | None:
        """The cell of the same name, tags and kind in this bucket: as `cell`, with less to work out. One that was closed is used again."""
        context = (cell.name, cell.tags, bucket_s, cell.kind)
        return self._cells.get(context) or self._open(context, cell.size, cell if cell.bucket_s == CLOSED else None)

    def add(self, name: str, tags: Tags, bucket_s: int, kind: str, values: Iterable[Any], rate: float = 1.0) -> bool:
        """Put in the values of one sample. False when its context was refused."""
        cell = self.cell(name, tags, bucket_s, kind)
        if cell is None:
            return False
        for value in values:
            self.update(cell, value, rate)
        return True

    def update(self, cell: Cell, value: Any, rate: float = 1.0) -> None:
        """One value into an open cell; `rate` is in (0, 1]."""
        kind = cell.kind
        if kind is COUNT:
            cell.value += value / rate
        elif kind is GAUGE:
            cell.value = value
        elif kind is DISTRIBUTION:
            self.insert(cell, value, rate)
        else:
            self._add_member(cell, value)

    def insert(self, cell: Cell, value: float, rate: float) -> None:
        """One value into an open cell of a distribution."""
        if self._held_bytes + BIN_BYTES > self._bytes_max and not self._has_room(BIN_BYTES):
            self._refused_values += 1
            return
        if rate != 1.0:
            self._insert_weighted(cell, value, rate)
            return
        self._held_bytes += BIN_BYTES
        cell.pending.append(value)
        if len(cell.pending) >= PENDING_MAX:
            self.fold(cell)

    def reserve(self, values: int) -> int:
        """Room for so many values of distributions, which may then be appended to `Cell.pending` without a call for each; else 0.

        Whoever does that folds a cell that holds `PENDING_MAX` of them, and gives back what was not used.
        """
        if self._held_bytes + values * BIN_BYTES > self._bytes_max * NEARLY_FULL:
            return 0
        self._held_bytes += values * BIN_BYTES
        return values

    def give_back(self, values: int) -> None:
        self._held_bytes -= values * BIN_BYTES

    def flush(self) -> tuple[list[SeriesPoint], list[SketchPoint]]:
        """Take everything, open buckets included, in order of name, tags, bucket and kind."""
        series: list[SeriesPoint] = []
        sketches: list[SketchPoint] = []
        cells, self._cells = self._cells, {}
        for _, cell in sorted(cells.items(), key=itemgetter(0)):
            if cell.kind is DISTRIBUTION:
                self._take_sketch(cell, sketches)
            else:
                self._take_point(cell, series)
            cell.bucket_s = CLOSED
        self._held_bytes = 0
        self._full = False
        return series, sketches

    def _open(self, context: Context, size: int, closed: Cell | None = None) -> Cell | None:
        if len(self._cells) >= self._contexts_max or (self._held_bytes + size > self._bytes_max and not self._has_room(size)):
            self._refused_contexts += 1
            return None
        self._held_bytes += size
        if closed is None:
            cell = Cell(*context, size)
        else:
            cell = closed
            cell.reopen(context[2])
        self._cells[context] = cell
        return cell

    def _insert_weighted(self, cell: Cell, value: float, rate: float) -> None:
        sketch = self.fold(cell)  # what came before goes in before: the average depends on the order
        bins = len(sketch.bins)
        sketch.insert_weighted(value, rate)
        self._held_bytes += (len(sketch.bins) - bins) * BIN_BYTES

    def fold(self, cell: Cell) -> Sketch:
        """Put the pending values of a distribution into its sketch."""
        sketch = cell.sketch
        if sketch is None:
            sketch = cell.sketch = Sketch()
        bins = len(sketch.bins)
        sketch.insert_many(cell.pending)
        self._held_bytes += (len(sketch.bins) - bins) * BIN_BYTES - len(cell.pending) * BIN_BYTES
        cell.pending.clear()
        return sketch

    def _add_member(self, cell: Cell, member: str) -> None:
        assert cell.members is not None
        if member in cell.members:
            return
        size = MEMBER_BYTES + member.__sizeof__()
        if not self._has_room(size):
            self._refused_values += 1
            return
        self._held_bytes += size
        cell.members.add(member)

    def _has_room(self, size: int) -> bool:
        """Whether `size` bytes more may be held. Before the first no, pending values are folded: most of them need no new bin."""
        if self._held_bytes + size <= self._bytes_max:
            return True
        if not self._full:
            for cell in self._cells.values():
                if cell.pending:
                    self.fold(cell)
            # Folding gains nothing twice: from here to the flush a no is a no.
            self._full = self._held_bytes + size > self._bytes_max * NEARLY_FULL
        return self._held_bytes + size <= self._bytes_max

    def _take_sketch(self, cell: Cell, sketches: list[SketchPoint]) -> None:
        sketch: Sketch | OneValue
        if cell.sketch is None and len(cell.pending) == 1:
            sketch = OneValue(cell.pending.pop())
        else:
            sketch, cell.sketch = self.fold(cell), None  # a reader may still remember the cell, but not keep its bins alive
        if not sketch.is_finite():
            self._unsendable += 1
        elif sketch.count:
            sketches.append((cell.name, cell.tags, cell.bucket_s, sketch))

    def _take_point(self, cell: Cell, series: list[SeriesPoint]) -> None:
        if cell.members is not None:
            cell.value, cell.members = float(len(cell.members)), None
        if not math.isfinite(cell.value):
            self._unsendable += 1
            return
        kind = COUNT if cell.kind is COUNT else GAUGE
        series.append((cell.name, cell.tags, cell.bucket_s, kind, cell.value))
