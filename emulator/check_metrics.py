"""What the metrics intakes demand of series and sketches (specification, metrics 4 and 5). Documents in, problems out."""

import math
from typing import Any

from emulator.problems import ANYTHING, FINITE, FULL_TEXT, INTEGER, LIST, NATURAL, OBJECT_OR_NULL, SECONDS, TEXT, TEXTS, Problems, either

BUCKET_S = 10
ITEMS_MAX = 1000
BINS_MAX = 4096
BIN_COUNT_MAX = 65_535
LN_GAMMA = math.log1p(1 / 64)
KEY_BIAS = 1338
KEY_MAX = 32_767
VALUE_MIN = 9.941854089121368e-10

COUNT, RATE, GAUGE = 1, 2, 3  # the public enumeration; 0 is "unspecified"

SERIES_ITEM = {
    "metric": FULL_TEXT,
    "points": LIST,
    "resources": LIST,
    "type": either(COUNT, RATE, GAUGE),
    "tags": TEXTS,
    "metadata": OBJECT_OR_NULL,
}
POINT = {"timestamp": SECONDS, "value": FINITE}
SERIES_ORIGIN = {"origin_product": NATURAL, "origin_sub_product": NATURAL, "origin_product_detail": NATURAL}
SKETCH_ORIGIN = {"product": NATURAL, "category": NATURAL, "service": NATURAL}
SKETCH = {"metric": FULL_TEXT, "tags": TEXTS, "dogsketches": LIST}
DOGSKETCH = {"ts": SECONDS, "cnt": NATURAL, "k": LIST, "n": LIST}
# A proto3 zero is not on the wire, so a sketch of zeros has none of these.
DOGSKETCH_ZEROS = {"min": FINITE, "max": FINITE, "avg": FINITE, "sum": FINITE}


def check_series(document: Any, found: Problems) -> None:
    if not found.members("body", document, {"series": LIST}):
        return
    items = document["series"]
    found.expect(0 < len(items) <= ITEMS_MAX, f"{len(items)} series in one body, not 1 to {ITEMS_MAX}")
    contexts = set()
    for item in items:
        where = f"series {item.get('metric')!r}" if isinstance(item, dict) else "series"
        if not _check_item(where, item, found):
            continue
        context = (item["metric"], item["type"], tuple(sorted(item["tags"])), repr(item["points"][0].get("timestamp")))
        found.expect(context not in contexts, f"{where}: the same context twice in one body")
        contexts.add(context)


def _check_item(where: str, item: Any, found: Problems) -> bool:
    good = found.members(where, item, SERIES_ITEM, {"interval": NATURAL, "source_type_name": TEXT, "unit": TEXT})
    if not isinstance(item, dict):
        return False
    if isinstance(item.get("tags"), list):
        found.tags(where, [tag for tag in item["tags"] if isinstance(tag, str)])
    if item.get("type") in (COUNT, RATE):
        found.expect(item.get("interval") == BUCKET_S, f"{where}: a count or rate whose interval is not {BUCKET_S}")
    _check_points(where, item.get("points"), found)
    for resource in item["resources"] if isinstance(item.get("resources"), list) else ():
        found.members(f"{where}.resources", resource, {"name": FULL_TEXT, "type": FULL_TEXT})
    _check_origin(where, item.get("metadata"), SERIES_ORIGIN, found)
    return good and bool(item["points"]) and isinstance(item["points"][0], dict)


def _check_points(where: str, points: Any, found: Problems) -> None:
    if not isinstance(points, list):
        return
    found.expect(len(points) == 1, f"{where}: {len(points)} points, not 1")
    for point in points:
        if found.members(f"{where}.points", point, POINT):
            found.expect(point["timestamp"] % BUCKET_S == 0, f"{where}: timestamp {point['timestamp']} is not the start of a bucket")


def _check_origin(where: str, metadata: Any, members: dict[str, Any], found: Problems) -> None:
    if metadata is not None and found.members(f"{where}.metadata", metadata, {"origin": ANYTHING}):
        found.members(f"{where}.metadata.origin", metadata["origin"], members)


def check_sketches(document: Any, found: Problems) -> None:
    # "host" and the common metadata are known to the schema and are never sent: here they are unknown.
    if not found.members("body", document, {"sketches": LIST}):
        return
    items = document["sketches"]
    found.expect(len(items) <= ITEMS_MAX, f"{len(items)} sketches in one body, more than {ITEMS_MAX}")
    contexts = set()
    for item in items:
        where = f"sketch {item.get('metric')!r}"
        # A metric without any tag has no "tags" on the wire.
        found.members(where, {"tags": [], **item}, SKETCH, {"metadata": ANYTHING})
        found.tags(where, item.get("tags", []))
        _check_origin(where, item.get("metadata"), SKETCH_ORIGIN, found)
        sketches = item.get("dogsketches", [])
        found.expect(len(sketches) == 1, f"{where}: {len(sketches)} dogsketches, not 1")
        for sketch in sketches:
            context = (item.get("metric"), tuple(sorted(item.get("tags", []))), sketch.get("ts"))
            found.expect(context not in contexts, f"{where}: the same context twice in one body")
            contexts.add(context)
            if found.members(where, sketch, DOGSKETCH, DOGSKETCH_ZEROS):
                _check_sketch(where, sketch, found)


def _check_sketch(where: str, sketch: dict[str, Any], found: Problems) -> None:
    """The summary and the bins must tell the same story (specification, metrics 4.1 to 4.5)."""
    keys, counts = sketch["k"], sketch["n"]
    low, high, average, total = (sketch.get(name, 0.0) for name in ("min", "max", "avg", "sum"))
    found.expect(sketch["ts"] % BUCKET_S == 0, f"{where}: ts {sketch['ts']} is not the start of a bucket")
    found.expect(len(keys) == len(counts), f"{where}: {len(keys)} keys but {len(counts)} counts")
    found.expect(sum(counts) == sketch["cnt"], f"{where}: cnt {sketch['cnt']} but the bins hold {sum(counts)}")
    found.expect(all(1 <= count <= BIN_COUNT_MAX for count in counts), f"{where}: a bin's count is outside 1 to {BIN_COUNT_MAX}")
    found.expect(keys == sorted(keys), f"{where}: keys are not sorted")
    found.expect(len(set(keys)) <= BINS_MAX, f"{where}: {len(set(keys))} bins, more than {BINS_MAX}")
    slack = 1e-9 * max(abs(low), abs(high))
    found.expect(low - slack <= average <= high + slack, f"{where}: avg {average} is not between min {low} and max {high}")
    # A sampled value counts int(1/rate) times and weighs 1/rate in the sum, so the sum may be up to twice what cnt says (metrics 4.6).
    widest = 2 * max(abs(low), abs(high)) * sketch["cnt"]
    found.expect(
        abs(total) <= widest * (1 + 1e-9), f"{where}: sum {total} is beyond what {sketch['cnt']} values of {low} to {high} can give"
    )
    if keys:
        _check_ends(where, keys, low, high, found)


def _check_ends(where: str, keys: list[int], low: float, high: float, found: Problems) -> None:
    found.expect(keys[-1] == key_of(high), f"{where}: highest key {keys[-1]}, but max {high} has key {key_of(high)}")
    if len(set(keys)) < BINS_MAX:  # a collapsed sketch has lost its lowest keys
        found.expect(keys[0] == key_of(low), f"{where}: lowest key {keys[0]}, but min {low} has key {key_of(low)}")


def key_of(value: float) -> int:
    """The bin of a value (specification, metrics 4.2). Written here a second time so that it is not our sender's."""
    if value < 0:
        return -key_of(-value)
    if value < VALUE_MIN:
        return 0
    return min(max(round(math.log(value) / LN_GAMMA) + KEY_BIAS, 1), KEY_MAX)


def check_event(document: Any, found: Problems) -> None:
    """A forwarded DogStatsD event, as the public events endpoint takes it."""
    optional = {"date_happened": SECONDS, "host": TEXT, "tags": TEXTS, "aggregation_key": TEXT, "source_type_name": TEXT}
    kinds = {"priority": either("normal", "low"), "alert_type": either("error", "warning", "info", "success")}
    found.members("event", document, {"title": FULL_TEXT, "text": TEXT}, {**optional, **kinds})


def check_service_checks(document: Any, found: Problems) -> None:
    """Forwarded service checks: one object, or a list of them, as the public endpoint takes them."""
    for item in document if isinstance(document, list) else [document]:
        required = {"check": FULL_TEXT, "host_name": TEXT, "status": either(0, 1, 2, 3), "tags": TEXTS}
        found.members("check", item, required, {"timestamp": INTEGER, "message": TEXT})
