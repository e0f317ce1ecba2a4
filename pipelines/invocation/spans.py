"""The spans that the extension makes of its own knowledge: the invocation, the cold start, the restore. (specification, invocation 5, 6)"""

from typing import Any

from pipelines.invocation.settings import SPAN_NAME, InvocationSettings

Span = dict[str, Any]

COLD_START, RESTORE = "aws.lambda.cold_start", "aws.lambda.snapstart_restore"
TYPE = "serverless"
PRIORITY = "_sampling_priority_v1"


def make_span(name: str, settings: InvocationSettings, span_id: int = 0, start_ns: int = 0) -> Span:
    """A span of the function, without a trace so far."""
    return {
        "service": settings.span_service,
        "name": name,
        "resource": settings.span_resource,
        "type": TYPE,
        "trace_id": 0,
        "span_id": span_id,
        "parent_id": 0,
        "start": start_ns,
        "duration": 0,
        "error": 0,
        "meta": {"span.kind": "server"},
        "metrics": {},
    }


def make_invocation_span(settings: InvocationSettings, request_id: str) -> Span:
    span = make_span(SPAN_NAME, settings)
    span["meta"]["request_id"] = request_id
    return span
