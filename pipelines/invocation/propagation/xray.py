"""X-Ray's header, as SQS carries it in `AWSTraceHeader`. (specification, triggers 6.7)"""

from pipelines.invocation.propagation.context import TraceContext
from pipelines.invocation.propagation.numbers import is_hex, read_hex

ROOT = "Root="
ROOT_LENGTH = len("Root=1-64cc2edd-112fbf1701d1355973a11d57")
LOW_AT = 24  # where the last 16 hex digits begin: the half of the id that spans carry


def extract(header: object) -> TraceContext | None:
    """The context of `Root=1-<8>-<24>;Parent=<16>;Sampled=<1>`, or None.

    Datadog's own producers pad their 64-bit ids with zeros, so that the last sixteen digits are the trace id of the product.
    """
    if type(header) is not str or not header.startswith(ROOT):
        return None
    root, *fields = (field.strip() for field in header.split(";"))
    named = {name: value for name, equals, value in (field.partition("=") for field in fields) if equals}
    low = root[LOW_AT:]
    trace_id = int(low, 16) if len(root) == ROOT_LENGTH and is_hex(low) else 0
    span_id = read_hex(named.get("Parent", ""), 16)
    if not trace_id or not span_id:
        return None
    return TraceContext(trace_id, span_id, 1 if named.get("Sampled") == "1" else 0)
