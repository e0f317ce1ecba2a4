"""What is sent of a trace that the tracer's sampler was against, when its statistics are computed here. (specification, traces 8)"""

from pipelines.traces.chunk import Trace
from protocols.trace_values import PRIORITY_NONE

MECHANISM, SINGLE_SPAN = "_dd.span_sampling.mechanism", 8
ANALYSED = "_dd1.sr.eausr"
KEEP = 2


def is_sampled_out(trace: Trace) -> bool:
    return trace.priority <= 0 and trace.priority != PRIORITY_NONE


def keep_what_counts(trace: Trace) -> int:
    """Reduce a trace that was sampled out to what is sent all the same; how many spans that costs.

    With an error in it all of it stays. Else spans that were sampled one by one stay, which makes the priority a user's wish, and those
    that are analysed.
    """
    spans = trace.spans
    if any(span["error"] for span in spans):
        return 0
    trace.spans = [span for span in spans if span["metrics"].get(MECHANISM) == SINGLE_SPAN or ANALYSED in span["metrics"]]
    if any(span["metrics"].get(MECHANISM) == SINGLE_SPAN for span in trace.spans):
        trace.priority = KEEP
    return len(spans) - len(trace.spans)
