"""The headers that the start answer gives to a tracer. (specification, invocation 2.2)"""

from pipelines.invocation.propagation import baggage, datadog
from pipelines.invocation.propagation.context import PROPAGATED, TRACE_ID_HIGH, TraceContext

Headers = tuple[tuple[bytes, bytes], ...]


def answer_headers(context: TraceContext | None) -> Headers:
    """Never a parent id: the tracer's root span is the invocation's own, and its parent is put in here at the end."""
    if context is None:
        return ()
    headers = {datadog.TRACE_ID: str(context.low_trace_id)} if context.is_traced else {}
    if context.priority is not None:
        headers[datadog.PRIORITY] = str(context.priority)
    if tags := _tags(context):
        headers[datadog.TAGS] = tags
    if context.origin:
        headers[datadog.ORIGIN] = context.origin
    if context.baggage:
        headers[baggage.HEADER] = context.baggage
    return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items() if _is_sendable(value))


def _tags(context: TraceContext) -> str:
    """All propagated tags in the bound that tracers read, the upper half of the trace id first, whatever else must stay out."""
    names = sorted((name for name in context.tags if name.startswith(PROPAGATED)), key=lambda name: (name != TRACE_ID_HIGH, name))
    text = ""
    for name in names:
        value = context.tags[name]
        item = f"{name}={value}"
        if "," not in item and _is_sendable(value) and _is_sendable(item) and len(text) + len(item) + 1 <= datadog.TAGS_LENGTH_MAX:
            text = f"{text},{item}" if text else item
    return text


def _is_sendable(value: str) -> bool:
    """A header's value is printable ASCII without blanks at its ends."""
    return bool(value) and value.isascii() and value.isprintable() and value == value.strip()
