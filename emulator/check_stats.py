"""What the trace intake demands of statistics (specification, stats 1.1, 3 and 5). Documents in, problems out.

Whose they are cannot be seen from a body, so what is demanded holds for a tracer's statistics as for the extension's own.
"""

import math
from typing import Any

from emulator.problems import BOOLEAN, FULL_TEXT, INTEGER, LIST, NANOSECONDS, NATURAL, OBJECT, TEXT, TEXTS, Problems, either
from emulator.protobuf_schemas import PayloadError, decode_message, from_hexadecimal

STATS_PAYLOAD = {
    "AgentHostname": TEXT,
    "AgentEnv": TEXT,
    "Stats": LIST,
    "AgentVersion": TEXT,
    "ClientComputed": either(True),
    "SplitPayload": BOOLEAN,
}
CLIENT_PAYLOAD = {
    "Hostname": either(""),
    **dict.fromkeys(("Env", "Version", "Lang", "TracerVersion", "RuntimeID", "AgentAggregation", "Service", "ContainerID"), TEXT),
    **dict.fromkeys(("GitCommitSha", "ImageTag", "ProcessTags"), TEXT),
    "Stats": LIST,
    "Tags": TEXTS,
    "Sequence": NATURAL,
    "ProcessTagsHash": NATURAL,
}
BUCKET = {"Start": NANOSECONDS, "Duration": NATURAL, "Stats": LIST, "AgentTimeShift": INTEGER}
BINARY = ("bytes", lambda value: from_hexadecimal(value) is not None)
GROUP = {
    **dict.fromkeys(
        ("Service", "Name", "Resource", "Type", "DBType", "SpanKind", "GRPCStatusCode", "HTTPMethod", "HTTPEndpoint", "srv_src"), TEXT
    ),
    **dict.fromkeys(("HTTPStatusCode", "Hits", "Errors", "Duration", "TopLevelHits"), NATURAL),
    **dict.fromkeys(("OkSummary", "ErrorSummary"), BINARY),
    **dict.fromkeys(("PeerTags", "SpanDerivedPrimaryTags", "AdditionalMetricTags"), TEXTS),
    "Synthetics": BOOLEAN,
    "IsTraceRoot": either(0, 1, 2),
}

# The sketch that the extension makes itself (specification, stats 3). A tracer's may have another accuracy: what is held to a summary of
# either kind is only what any reader must rely on.
GAMMA, INDEX_OFFSET = 1.015625, 1338.5
BINS_MAX = 2048

# What makes two groups one: all that is not counted.
COUNTED = ("Hits", "Errors", "Duration", "TopLevelHits", "OkSummary", "ErrorSummary")
IDENTITY = tuple(name for name in GROUP if name not in COUNTED)


def check_stats(document: Any, found: Problems) -> None:
    """The body is a msgpack map whose keys are the names; every key is always written."""
    if not found.members("body", document, STATS_PAYLOAD):
        return
    found.expect(bool(document["Stats"]), "no client payload")
    for position, payload in enumerate(document["Stats"]):
        where = f"payload {position}"
        if found.members(where, payload, CLIENT_PAYLOAD):
            found.expect(bool(payload["Stats"]), f"{where}: no bucket")
            found.expect(bool(payload["Env"]), f"{where}: no Env")
            for bucket in payload["Stats"]:
                _check_bucket(where, bucket, found)


def _check_bucket(where: str, bucket: Any, found: Problems) -> None:
    if not found.members(f"{where} bucket", bucket, BUCKET):
        return
    here = f"{where} bucket {bucket['Start']}"
    found.expect(bool(bucket["Stats"]), f"{here}: no group")
    found.expect(bucket["Duration"] > 0, f"{here}: it lasts no time")
    seen: set[str] = set()
    for group in bucket["Stats"]:
        if found.members(f"{here} group", group, GROUP):
            name = f"{here} group {group['Name']!r}"
            identity = repr([group[part] for part in IDENTITY])
            found.expect(identity not in seen, f"{name} twice")
            seen.add(identity)
            _check_group(name, group, found)


def _check_group(name: str, group: dict[str, Any], found: Problems) -> None:
    found.matches(f"{name}.Service", group["Service"], FULL_TEXT)
    found.expect(group["Errors"] <= group["Hits"], f"{name}: more errors than hits")
    found.expect(group["TopLevelHits"] <= group["Hits"], f"{name}: more top-level hits than hits")
    found.expect(all(":" in tag for tag in group["PeerTags"]), f"{name}: a peer tag without a colon")
    for summary, hits in (("OkSummary", group["Hits"] - group["Errors"]), ("ErrorSummary", group["Errors"])):
        _check_summary(f"{name}.{summary}", group[summary], hits, found)


def _check_summary(where: str, text: str, hits: int, found: Problems) -> None:
    """A sketch that can be read, and that has counted as many values as there were hits of its kind."""
    try:
        sketch, strangers = decode_message("DDSketch", from_hexadecimal(text) or b"")
    except PayloadError as error:
        found.add(f"{where}: {error}")
        return
    for stranger in strangers:
        found.add(f"{where}: {stranger}")
    required = {"mapping": OBJECT, "positive_values": OBJECT, "negative_values": OBJECT}
    if not found.members(where, sketch, required, {"zero_count": ("hits", bool)}):
        return
    counts = [sketch.get("zero_count", 0.0), *(count for store in STORES for count in sketch[store].get(BINS, ()))]
    if found.expect(all(_is_count(count) for count in counts), f"{where}: a count that is no count"):
        found.expect(math.isclose(sum(counts), hits, rel_tol=1e-9), f"{where}: {sum(counts):g} values of {hits} hits")
    mapping = sketch["mapping"]
    gamma = mapping.get("gamma", 0.0)
    found.expect(gamma > 1 and math.isfinite(gamma), f"{where}: gamma is {gamma}")
    if (gamma, mapping.get("index_offset")) == (GAMMA, INDEX_OFFSET):
        _check_own_summary(where, sketch, found)


def _check_own_summary(where: str, sketch: dict[str, Any], found: Problems) -> None:
    """What only holds for the extension's own kind."""
    bins = sketch["positive_values"].get(BINS, [])
    found.expect(len(bins) <= BINS_MAX, f"{where}: {len(bins)} bins, more than {BINS_MAX}")
    found.expect("interpolation" not in sketch["mapping"], f"{where}: interpolation is not NONE")
    found.expect(not sketch["negative_values"], f"{where}: negative durations")


STORES = ("positive_values", "negative_values")
BINS = "contiguous_bin_counts"


def _is_count(value: Any) -> bool:
    return isinstance(value, float | int) and math.isfinite(value) and value >= 0
