"""The style `datadog`: `x-datadog-*` headers, decimal ids, the upper half of the trace id among the tags."""

from collections.abc import Mapping

from pipelines.invocation.propagation.context import PROPAGATED, TRACE_ID_HIGH, TraceContext
from pipelines.invocation.propagation.numbers import is_hex, read_i8, read_u64

TRACE_ID, PARENT_ID = "x-datadog-trace-id", "x-datadog-parent-id"
PRIORITY, ORIGIN, TAGS = "x-datadog-sampling-priority", "x-datadog-origin", "x-datadog-tags"
TAGS_LENGTH_MAX = 512
DECISION_MAKER = "_dd.p.dm"
PROPAGATION_ERROR = "_dd.propagation_error"


def extract(carrier: Mapping[str, str]) -> TraceContext | None:
    low = read_u64(carrier.get(TRACE_ID))
    if not low:
        return None
    tags = read_tags(carrier.get(TAGS, ""))
    high = int(tags.get(TRACE_ID_HIGH, "0"), 16)
    return TraceContext(
        trace_id=high << 64 | low,
        span_id=read_u64(carrier.get(PARENT_ID)) or 0,
        priority=read_i8(carrier.get(PRIORITY)),
        origin=carrier.get(ORIGIN, ""),
        tags=tags,
    )


def read_tags(text: str) -> dict[str, str]:
    """The propagated tags of a header, checked; what is wrong with them is a tag itself."""
    if len(text) > TAGS_LENGTH_MAX:
        return {PROPAGATION_ERROR: "extract_max_size"}
    tags = filter_tags(text)
    if (high := tags.get(TRACE_ID_HIGH)) is not None and not (len(high) == 16 and is_hex(high)):
        del tags[TRACE_ID_HIGH]
        tags[PROPAGATION_ERROR] = f"malformed_tid {high}"
    if (mechanism := tags.get(DECISION_MAKER)) is not None and not is_mechanism(mechanism):
        del tags[DECISION_MAKER]
        tags[PROPAGATION_ERROR] = "decoding_error"
    return tags


def is_mechanism(text: str) -> bool:
    """Sampling mechanisms are written with a minus sign, `-0` too."""
    value = read_i8(text)
    return value is not None and value <= 0


def filter_tags(text: str) -> dict[str, str]:
    """All `_dd.p.*` pairs of `k=v,k=v`; a value may hold `=`. Nothing is checked (end headers, Step Functions)."""
    pairs = (item.partition("=") for item in text.split(","))
    return {name: value for key, equals, value in pairs if equals and (name := key.strip()).startswith(PROPAGATED)}
