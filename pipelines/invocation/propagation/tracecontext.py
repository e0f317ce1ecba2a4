"""The style `tracecontext`: the W3C headers `traceparent` and `tracestate`, with Datadog's own member `dd` in the latter."""

from collections.abc import Mapping

from pipelines.invocation.propagation.context import PROPAGATED, TraceContext
from pipelines.invocation.propagation.datadog import DECISION_MAKER
from pipelines.invocation.propagation.numbers import read_i8

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
PARENT_TAG = "_dd.parent_id"
LOWER_HEX = frozenset("0123456789abcdef")
KEY_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-*/@")
MEMBERS_MAX = 32
VALUE_BYTES_MAX = 256
SAMPLED, RANDOM = 1, 2


def extract(carrier: Mapping[str, str]) -> TraceContext | None:
    parent = read_traceparent(carrier.get(TRACEPARENT, ""))
    if parent is None:
        return None
    trace_id, span_id, flags = parent
    tags = {TRACEPARENT: carrier[TRACEPARENT].strip()}
    priority, origin = flags & SAMPLED, ""
    state = carrier.get(TRACESTATE, "")
    if state and (members := read_tracestate(state)) is not None:
        ours = read_ours(members.get("dd", ""))
        tags[TRACESTATE] = state
        tags |= _tags(ours)
        origin = _decoded(ours.get("o", ""))
        priority = _agree(flags & SAMPLED, read_i8(ours.get("s")), tags)
    return TraceContext(trace_id, span_id, priority, origin, tags)


def read_traceparent(text: str) -> tuple[int, int, int] | None:
    """(trace id, span id, flags) of `vv-<32>-<16>-<2>`; versions to come may carry more behind it.

    Version 00 has the two flags that the W3C defines, so 03 is sampled and random. (The reference refuses 03, which every
    OpenTelemetry SDK with random trace ids sends.)
    """
    fields = text.strip().split("-", 4)
    if [len(field) for field in fields[:4]] != [2, 32, 16, 2] or not all(map(LOWER_HEX.issuperset, fields[:4])):
        return None
    version, trace_id, span_id, flags = (int(field, 16) for field in fields[:4])
    if version == 0xFF or not trace_id or not span_id:
        return None
    if version == 0 and (len(fields) > 4 or flags > SAMPLED | RANDOM):
        return None
    return trace_id, span_id, flags


def read_tracestate(text: str) -> dict[str, str] | None:
    """The members by key, the first of each; None when one of them is malformed, which voids the whole header."""
    members: dict[str, str] = {}
    for member in text.split(",")[:MEMBERS_MAX]:
        key, equals, value = member.partition("=")
        key = key.strip()
        if not (equals and value) or "=" in value or len(value.encode("utf-8", "replace")) > VALUE_BYTES_MAX or not _is_key(key):
            return None
        members.setdefault(key, value)
    return members


def _is_key(key: str) -> bool:
    """Empty keys occur, and are let through."""
    return len(key) <= VALUE_BYTES_MAX and KEY_LETTERS.issuperset(key) and key[:1] not in ("_", "-", "*", "/", "@")


def read_ours(member: str) -> dict[str, str]:
    """`k:v;k:v` of the member `dd`; items that cannot be printed are left out."""
    pairs = (item.partition(":") for item in member.strip().split(";") if item.isascii() and item.isprintable())
    return {key: value for key, colon, value in pairs if colon}


def _tags(ours: Mapping[str, str]) -> dict[str, str]:
    tags = {PROPAGATED + key[2:]: _decoded(value) for key, value in ours.items() if key.startswith("t.")}
    return tags | {PARENT_TAG: ours["p"]} if "p" in ours else tags


def _decoded(value: str) -> str:
    return value.replace("~", "=")


def _agree(flag: int, priority: int | None, tags: dict[str, str]) -> int:
    """The flag is the newer of the two: another tracer may have changed it. Our own priority says more, where both agree."""
    if priority is not None and (priority > 0) == bool(flag):
        return priority
    if flag:
        tags[DECISION_MAKER] = "-0"
    else:
        tags.pop(DECISION_MAKER, None)
    return flag
