"""The metrics of one sandbox, from what comes in to the bodies that leave (specification, metrics 3.4, 3.5 and 5). It sends and
compresses nothing.

Custom metrics and the extension's own are kept apart, so that a flood of the one never costs the other.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import attrs

from pipelines.metrics.aggregate import Aggregator, AggregatorStatistics, SeriesPoint, SketchPoint, bucket_of
from pipelines.metrics.datagrams import DatagramReader, DatagramStatistics, Refusal
from pipelines.metrics.enhanced import Enhanced, EnhancedSettings, EnhancedStatistics
from pipelines.metrics.origin import category_of, origin_of
from pipelines.metrics.sketch import OneValue, Sketch
from pipelines.tags import tag_list, without_keys
from protocols.dogstatsd import COUNT, TAGS_MAX, Tags, unique_tags
from protocols.intake_body import Body
from protocols.intake_metrics import Origin, SeriesItem, SketchItem, encode_checks, encode_event, encode_series, encode_sketches
from protocols.memo import Memo

OWN_CONTEXTS_MAX = 2048
OWN_BYTES_MAX = 4 * 1024 * 1024
LABELS_BYTES_MAX = 1024 * 1024  # of each of the two kinds

OwnPoint = tuple[str, Tags, str, float]
"""(name, tags, kind, value)."""


@attrs.frozen
class MetricsSettings:
    """`namespace` has passed `protocols.dogstatsd.parse_namespace`; `excluded_keys` are taken from the base tags of custom metrics."""

    enhanced: EnhancedSettings
    namespace: str = ""
    excluded_keys: frozenset[str] = frozenset()


class MetricsStatistics(NamedTuple):
    """Counts since the start; `datagrams.refused` and the aggregators' `refused_*` are the drops."""

    datagrams: DatagramStatistics
    custom: AggregatorStatistics
    own: AggregatorStatistics
    enhanced: EnhancedStatistics


class MetricsPipeline:
    """Takes datagrams and, through `enhanced`, happenings; gives bodies at `seal`."""

    def __init__(self, settings: MetricsSettings) -> None:
        self._settings = settings
        self._custom = Aggregator()
        self._own = Aggregator(OWN_CONTEXTS_MAX, OWN_BYTES_MAX)
        self._reader = DatagramReader(self._custom, settings.namespace)
        self._custom_base: Tags = ()
        self._custom_labels, self._own_labels = make_labels((), None), make_labels((), None)
        self.enhanced = Enhanced(self._own, settings.enhanced)

    def set_function_tags(self, tags: Mapping[str, str]) -> None:
        """The function tags, once registration has told them. Metrics may come before; they get the tags at `seal`."""
        category = category_of(tag_list(tags))  # of the full set: an excluded tag does not move the function elsewhere
        self._custom_base = _base_tags(without_keys(tags, self._settings.excluded_keys))
        self._custom_labels, self._own_labels = make_labels(self._custom_base, category), make_labels(_base_tags(tags), category)

    @property
    def is_nearly_full(self) -> bool:
        """True when a flush should not wait for its time."""
        return self._custom.is_nearly_full or self._own.is_nearly_full

    def statistics(self) -> MetricsStatistics:
        return MetricsStatistics(self._reader.statistics(), self._custom.statistics(), self._own.statistics(), self.enhanced.statistics())

    def take(self, datagrams: list[bytes], now_s: int) -> None:
        """Raw datagrams as they were read."""
        self._reader.take(datagrams, now_s)

    def take_first_refused(self) -> list[Refusal]:
        """See `DatagramReader.take_first_refused`."""
        return self._reader.take_first_refused()

    def take_own(self, points: Iterable[OwnPoint], now_s: int) -> None:
        """Figures of the extension about itself."""
        for name, tags, kind, value in points:
            self._own.add(name, tags, bucket_of(now_s), kind, (value,))

    def seal(self, compressed_size: Callable[[bytes], int] | None = None) -> list[Body]:
        """Everything that was collected, as bodies in a stated order: series, sketches, events, service checks."""
        self.enhanced.release()
        own_series, own_sketches = self._own.flush()
        series, sketches = self._custom.flush()
        series_items = _series_items(series, self._custom_labels) + _series_items(own_series, self._own_labels)
        sketch_items = _sketch_items(own_sketches, self._own_labels) + _sketch_items(sketches, self._custom_labels)
        bodies = encode_series(series_items, compressed_size)
        return [*bodies, *encode_sketches(sketch_items), *self._seal_notices()]

    def _seal_notices(self) -> list[Body]:
        events, checks = self._reader.take_notices()
        return [*(encode_event(event, self._custom_base) for event in events), *encode_checks(checks, self._custom_base)]


Labels = Memo[tuple[str, Tags], tuple[Tags, Origin | None]]
"""(name, a metric's own tags) -> (all tags, origin)."""


def make_labels(base: Tags, category: int | None) -> Labels:
    """What metrics are sent with: base tags and their own in one sorted list, each once, and their origin.

    Remembered, since a program sends the same few metrics again and again.
    """

    def make(key: tuple[str, Tags]) -> tuple[Tags, Origin | None]:
        name, own_tags = key
        tags = unique_tags([*base, *own_tags])
        return tags, origin_of(name, category_of(tags) if category is None else category)

    return Memo(make, _weigh, LABELS_BYTES_MAX)


def _weigh(key: tuple[str, Tags], label: tuple[Tags, Origin | None]) -> int:
    return sum(map(str.__sizeof__, (*key[1], *label[0])))


def _series_items(points: list[SeriesPoint], labels: Labels) -> list[SeriesItem]:
    """A metric that repeats a base tag is the same metric as one that does not: the intake would keep only one of their points."""
    items: dict[tuple[str, Tags, int, str], SeriesItem] = {}
    for name, own_tags, bucket_s, kind, value in points:
        tags, origin = labels[name, own_tags]
        key = (name, tags, bucket_s, kind)
        if kind == COUNT and (twin := items.get(key)) is not None:
            value += twin[4]
        items[key] = (name, tags, bucket_s, kind, value, own_tags, origin)
    return list(items.values())


def _sketch_items(points: list[SketchPoint], labels: Labels) -> list[SketchItem]:
    """As for series: the same metric is in a body once."""
    items: dict[tuple[str, Tags, int], SketchItem] = {}
    for name, own_tags, bucket_s, sketch in points:
        tags, origin = labels[name, own_tags]
        key = (name, tags, bucket_s)
        if (twin := items.get(key)) is not None:
            sketch = merged(twin[3], sketch)
        items[key] = (name, tags, bucket_s, sketch, origin)
    return list(items.values())


def merged(one: Sketch | OneValue, other: Sketch | OneValue) -> Sketch:
    """Both in a sketch of its own."""
    whole = Sketch()
    for part in (one, other):
        if isinstance(part, OneValue):
            whole.insert_many([part.min])
        else:
            whole.merge(part)
    return whole


def _base_tags(tags: Mapping[str, str]) -> Tags:
    return unique_tags(list(tag_list(tags)))[:TAGS_MAX]
