"""The metrics of one sandbox, from what comes in to the bodies that leave (specification, metrics 3.4, 3.5 and 5). It sends and
compresses nothing.

Custom metrics and the extension's own are kept apart, so that a flood of the one never costs the other.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import attrs

from pipelines.metrics.aggregate import Aggregator, AggregatorStatistics, SeriesPoint, SketchPoint
from pipelines.metrics.datagrams import DatagramReader, DatagramStatistics
from pipelines.metrics.enhanced import Enhanced, EnhancedSettings, EnhancedStatistics
from pipelines.metrics.origin import category_of, origin_of
from pipelines.tags import tag_list, without_keys
from protocols.dogstatsd import TAGS_MAX, Tags, unique_tags
from protocols.intake_body import Body
from protocols.intake_metrics import SeriesItem, SketchItem, encode_checks, encode_event, encode_series, encode_sketches

OWN_CONTEXTS_MAX = 2048
OWN_BYTES_MAX = 4 * 1024 * 1024


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
        self._own_base: Tags = ()
        self._category: int | None = None
        self.enhanced = Enhanced(self._own, settings.enhanced)

    def set_function_tags(self, tags: Mapping[str, str]) -> None:
        """The function tags, once registration has told them. Metrics may come before; they get the tags at `seal`."""
        self._category = category_of(tag_list(tags))  # of the full set: an excluded tag does not move the function elsewhere
        self._own_base = _base_tags(tags)
        self._custom_base = _base_tags(without_keys(tags, self._settings.excluded_keys))

    @property
    def is_nearly_full(self) -> bool:
        """True when a flush should not wait for its time."""
        return self._custom.is_nearly_full or self._own.is_nearly_full

    def statistics(self) -> MetricsStatistics:
        return MetricsStatistics(self._reader.statistics(), self._custom.statistics(), self._own.statistics(), self.enhanced.statistics())

    def take(self, datagrams: list[bytes], now_s: int) -> None:
        """Raw datagrams as they were read."""
        self._reader.take(datagrams, now_s)

    def seal(self, compressed_size: Callable[[bytes], int] | None = None) -> list[Body]:
        """Everything that was collected, as bodies in a stated order: series, sketches, events, service checks."""
        self.enhanced.release()
        own_series, own_sketches = self._own.flush()
        series, sketches = self._custom.flush()
        merged_custom, merged_own = TagMerger(self._custom_base), TagMerger(self._own_base)
        series_items = [*self._series_items(series, merged_custom), *self._series_items(own_series, merged_own)]
        sketch_items = [*self._sketch_items(own_sketches, merged_own), *self._sketch_items(sketches, merged_custom)]
        bodies = encode_series(series_items, compressed_size)
        return [*bodies, *encode_sketches(sketch_items), *self._seal_notices()]

    def _seal_notices(self) -> list[Body]:
        events, checks = self._reader.take_notices()
        return [*(encode_event(event, self._custom_base) for event in events), *encode_checks(checks, self._custom_base)]

    def _series_items(self, points: Iterable[SeriesPoint], merged: "TagMerger") -> Iterable[SeriesItem]:
        for name, own_tags, bucket_s, kind, value in points:
            tags = merged.with_own(own_tags)
            yield name, tags, bucket_s, kind, value, own_tags, self._origin(name, tags)

    def _sketch_items(self, points: Iterable[SketchPoint], merged: "TagMerger") -> Iterable[SketchItem]:
        for name, own_tags, bucket_s, sketch in points:
            tags = merged.with_own(own_tags)
            yield name, tags, bucket_s, sketch, self._origin(name, tags)

    def _origin(self, name: str, tags: Tags) -> Any:
        return origin_of(name, category_of(tags) if self._category is None else self._category)


class TagMerger:
    """Base tags and a metric's own in one sorted list, each once; remembers the lists of one flush, since most metrics share few."""

    def __init__(self, base: Tags) -> None:
        self._base = base
        self._merged: dict[Tags, Tags] = {}

    def with_own(self, own_tags: Tags) -> Tags:
        merged = self._merged.get(own_tags)
        if merged is None:
            merged = self._merged[own_tags] = unique_tags([*self._base, *own_tags])
        return merged


def _base_tags(tags: Mapping[str, str]) -> Tags:
    return unique_tags(list(tag_list(tags)))[:TAGS_MAX]
