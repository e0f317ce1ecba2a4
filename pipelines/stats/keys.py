"""Which spans are counted, and with which others (specification, stats 2.1 and 2.3). It changes no span and remembers none."""

from typing import Any

from pipelines.stats.grpc_status import status_code
from pipelines.stats.peer_tags import peer_tags
from protocols.stats_api import MAX_U32

Span = dict[str, Any]
"""With the keys of the v0.4 wire, none of them missing: specification, traces 4.1."""

NOT_COUNTED, COUNTED, TOP_LEVEL = 0, 1, 2
COUNTED_KINDS = frozenset({"client", "consumer", "producer", "server"})
SYNTHETICS = "synthetics"
TRACE_ROOT, NO_TRACE_ROOT = 1, 2
BLOCKED_VALUE = "tracer_blocked_value"

Key = tuple[str, str, str, str, str, int, str, str, str, bool, int, str, tuple[str, ...]]
"""(service, name, resource, type, kind, HTTP status, method, endpoint, gRPC status, synthetics, trace root, service source, peer tags)."""
_B = BLOCKED_VALUE
BLOCKED: Key = (_B, _B, _B, _B, _B, 0, _B, _B, "", False, 0, _B, ())
"""Where spans are counted for which there is no group of their own."""
KEY_NAMES = (
    *("Service", "Name", "Resource", "Type", "SpanKind", "HTTPStatusCode", "HTTPMethod", "HTTPEndpoint", "GRPCStatusCode", "Synthetics"),
    *("IsTraceRoot", "srv_src", "PeerTags"),
)


def standing(span: Span) -> int:
    """NOT_COUNTED, COUNTED, or TOP_LEVEL: counted, and as the entry to its service. A snapshot of an unfinished span never counts."""
    metrics = span["metrics"]
    if "_dd.partial_version" in metrics and metrics["_dd.partial_version"] >= 0:
        return NOT_COUNTED
    if metrics.get("_top_level") == 1 or metrics.get("_dd.top_level") == 1:
        return TOP_LEVEL
    if metrics.get("_dd.measured") == 1 or span["meta"].get("span.kind", "").lower() in COUNTED_KINDS:
        return COUNTED
    return NOT_COUNTED


def key_of(span: Span, is_synthetic: bool = False) -> Key:
    """What a span has in common with the others of its group.

    `is_synthetic`: the trace came with an origin of synthetic tests. The span itself cannot tell any more once it is enriched.
    """
    meta, metrics = span["meta"], span["metrics"]
    kind = meta.get("span.kind", "")
    return (
        span["service"],
        span["name"],
        span["resource"],
        span["type"],
        kind,
        _http_status(meta, metrics),
        meta.get("http.method", ""),
        meta.get("http.endpoint") or meta.get("http.route", ""),
        status_code(meta, metrics),
        is_synthetic or meta.get("_dd.origin", "").startswith(SYNTHETICS),
        NO_TRACE_ROOT if span["parent_id"] else TRACE_ROOT,
        meta.get("_dd.svc_src", ""),
        peer_tags(kind.lower(), meta),
    )


def _http_status(meta: dict[str, str], metrics: dict[str, float]) -> int:
    if "http.status_code" in metrics:
        return _truncated(metrics["http.status_code"])
    return _parsed(meta["http.status_code"]) if "http.status_code" in meta else 0


def _truncated(number: float) -> int:
    """Towards zero, and to the nearest that a uint32 holds; what is no number is 0."""
    return int(min(max(number, 0), MAX_U32)) if number == number else 0


def _parsed(text: str) -> int:
    digits = text.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(digits.lstrip("0")) > 10:
        return 0
    number = int(digits)
    return number if number <= MAX_U32 else 0
