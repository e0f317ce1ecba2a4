"""Step Functions: no span, but a trace context that follows from the execution, so that all its steps meet in one trace.

The state machine passes its context object, bare or as `_datadog`, or either as `Payload`. (specification, triggers 6.13)
"""

from typing import Any

from pipelines.triggers.fields import as_text, constant, dig, mapping, rules, text
from pipelines.triggers.model import FUNCTION_TRIGGER, DerivedContext, Record, Source
from pipelines.triggers.sha256 import sha256
from pipelines.triggers.wrapped import embedded_carrier

U64 = 1 << 64
U63 = 1 << 63
ORIGIN = "states"


def context_object(event: Any) -> Record:
    """Where the context object stands in an event."""
    payload = dig(event, "Payload") if dig(event, "Payload") is not None else event
    inner = dig(payload, "_datadog")
    found = inner if inner is not None else payload
    return found if type(found) is dict else {}


def is_context_object(record: Record) -> bool:
    """It names its execution, the state and when that was entered; null counts as missing."""
    state = dig(record, "State")
    return dig(record, "Execution", "Id") is not None and dig(state, "Name") is not None and dig(state, "EnteredTime") is not None


def derived(record: Record) -> DerivedContext | None:
    execution = text(record, "Execution", "Id")
    if not execution:
        return None
    trace_id, tags = trace_of(record, execution)
    return DerivedContext(trace_id, parent_of(record, execution), 1, ORIGIN, tags)


def trace_of(record: Record, execution: str) -> tuple[int, dict[str, str]]:
    """Of the trace that began before the execution, where that is known; else the trace of the outermost execution."""
    upstream = upstream_of(record)
    if upstream is not None:
        given, tags = upstream
        return given or low_half(execution), tags
    root = text(record, "RootExecutionId") or execution
    return low_half(root), {"_dd.p.tid": f"{u63(digest(root)[:8]):x}"}


def upstream_of(record: Record) -> tuple[int, dict[str, str]] | None:
    """The trace id and tags of whoever started the root execution: a function's, or what stands in the execution's input.

    The input is the execution's own, which a nested execution has from its parent: it counts only without `serverless-version`. A trace id
    without tags is taken too; its high half is then zero. (as the Python library does)
    """
    given = record
    if dig(record, "x-datadog-trace-id") is None and dig(record, "serverless-version") is None:
        given = dict(embedded_carrier(dig(mapping(record, "Execution", "Input"), "_datadog")))
    trace_id = as_text(dig(given, "x-datadog-trace-id"))
    return (decimal(trace_id), propagation_tags(text(given, "x-datadog-tags"))) if trace_id is not None else None


def propagation_tags(listed: str) -> dict[str, str]:
    """The `_dd.p.*` pairs of `x-datadog-tags`."""
    pairs = (each.strip().partition("=") for each in listed.split(","))
    return {key: value for key, separator, value in pairs if separator and key.startswith("_dd.p.")}


def decimal(digits: str) -> int:
    """A trace id; 0 for what is none."""
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 20 else 0
    return number if number < U64 else 0


def parent_of(record: Record, execution: str) -> int:
    """The span id of the state's visit, of the current execution also where that is nested."""
    retries, redrives = count(dig(record, "State", "RetryCount")), count(dig(record, "Execution", "RedriveCount"))
    visit = f"{execution}#{text(record, 'State', 'Name')}#{text(record, 'State', 'EnteredTime')}"
    return u63(digest(f"{visit}#{retries}#{redrives}" if retries or redrives else visit)[:8])


def count(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= 65535 else 0


def digest(name: str) -> bytes:
    return sha256(name.encode("utf-8", "replace"))


def low_half(name: str) -> int:
    return u63(digest(name)[8:16])


def u63(data: bytes) -> int:
    """Eight bytes as a positive number: the top bit is cleared, zero becomes one."""
    return int.from_bytes(data, "big") % U63 or 1


SOURCE = Source(
    name="step_functions",
    title="Step Functions",
    event_source="states",
    recognised_is=(
        "`Execution.Id`, `State.Name` and `State.EnteredTime` are there, in the event, its `_datadog`, its `Payload` or `Payload._datadog`"
    ),
    tags=rules({FUNCTION_TRIGGER: constant("states")}),
    arn=lambda record, settings: text(record, "StateMachine", "Id"),
    arn_is="the state machine",
    is_async=True,
    carrier_is="none; the context is computed from the execution and the state",
    derived=derived,
    records=lambda event: [context_object(event)],
)
