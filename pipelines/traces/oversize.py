"""A span that is too large for a body of its own: its long texts are cut, then its attachments go. (specification, traces 10.2)"""

from pipelines.traces.normalise import cut
from protocols.intake_span import encode_spans
from protocols.trace_values import Span

SPAN_BYTES_MAX = 8 * 1024 * 1024
TEXT_BYTES_MAX = 25_000  # of each text of such a span
ATTACHMENTS = ("meta_struct", "span_links", "span_events")


def fit(span: Span) -> bytes | None:
    """The span encoded within the bound, or None if it cannot be: then it has to be dropped."""
    short: Span = {
        **span,
        "resource": cut(span["resource"], TEXT_BYTES_MAX),
        "meta": {name: cut(value, TEXT_BYTES_MAX) for name, value in span["meta"].items()},
    }
    bare = {name: value for name, value in short.items() if name not in ATTACHMENTS}
    return next((encoded for each in (short, bare) if len(encoded := encode_spans((each,))[0]) <= SPAN_BYTES_MAX), None)
