"""Ids that are worked out from a Step Functions execution, so that all arrive at the same trace. (specification, triggers 6.13)"""

from collections.abc import Mapping
from typing import Any

from pipelines.invocation.propagation.context import LOW_64, PROPAGATED, TRACE_ID_HIGH, TraceContext
from pipelines.invocation.propagation.datadog import TAGS, TRACE_ID, filter_tags
from pipelines.invocation.propagation.numbers import is_hex, read_u64

ORIGIN = "states"
U63 = (1 << 63) - 1


def extract(execution: object) -> TraceContext | None:
    """The context of a Step Functions context object (`Execution`, `State`, perhaps a root's ids); None if it is none.

    A Lambda function at the root, or upstream of the machine (`Execution.Input._datadog`), gives its own trace id; otherwise the
    execution's ARN does, the root's one if there is such.
    """
    if not isinstance(execution, Mapping):
        return None
    run, state = _map(execution.get("Execution")), _map(execution.get("State"))
    run_id, name, entered = _text(run.get("Id")), _text(state.get("Name")), _text(state.get("EnteredTime"))
    if not (run_id and name and entered):
        return None
    trace_id, tags = _trace(execution, run, run_id)
    span_id = parent_id(run_id, name, entered, _count(state.get("RetryCount")), _count(run.get("RedriveCount")))
    return TraceContext(trace_id, span_id, 1, ORIGIN, tags)


def _trace(execution: Mapping[str, Any], run: Mapping[str, Any], run_id: str) -> tuple[int, dict[str, str]]:
    upstream = execution if TRACE_ID in execution else _map(_map(run.get("Input")).get("_datadog"))
    if TRACE_ID in upstream:
        tags = {key: value for key, value in filter_tags(_text(upstream.get(TAGS))).items() if key.startswith(PROPAGATED)}
        high = tags.get(TRACE_ID_HIGH, "0")
        low = read_u64(_text(upstream[TRACE_ID])) or derived_trace_id(run_id) & LOW_64
        return (int(high, 16) << 64 | low if len(high) <= 16 and is_hex(high) else low), tags
    trace_id = derived_trace_id(_text(execution.get("RootExecutionId")) or run_id)
    return trace_id, {TRACE_ID_HIGH: f"{trace_id >> 64:x}"}


def derived_trace_id(arn: str) -> int:
    """128 bits of the ARN's digest; the product's tracers use 63 of each half, and never 0."""
    digest = _digest(arn)
    return _u63(digest[:8]) << 64 | _u63(digest[8:16])


def parent_id(run_id: str, name: str, entered: str, retries: int, redrives: int) -> int:
    """The span of one attempt at one state."""
    attempt = f"#{retries}#{redrives}" if retries or redrives else ""
    return _u63(_digest(f"{run_id}#{name}#{entered}{attempt}")[:8])


def _digest(text: str) -> bytes:
    from hashlib import sha256  # most functions are called by something else

    return sha256(text.encode("utf-8", "replace")).digest()


def _u63(data: bytes) -> int:
    return int.from_bytes(data) & U63 or 1


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if type(value) is str else str(value) if type(value) is int and value.bit_length() <= 64 else ""


def _count(value: object) -> int:
    return value if type(value) is int and value.bit_length() <= 64 else 0
