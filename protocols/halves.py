"""Two bodies in place of one that an intake found too large (413). Knows the plain form of each kind; compresses none but statistics,
which are made compressed.

Source: specification, metrics 5.6, logs 9.5, traces 10.3 and stats 5.
"""

import json

import attrs

from protocols import intake_logs, intake_metrics
from protocols.intake_body import Body

LOGS, TRACES, STATS = "logs", "traces", "stats"
KINDS = frozenset({LOGS, TRACES, STATS, intake_metrics.SERIES, intake_metrics.SKETCHES, intake_metrics.CHECKS})

_entry = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def has_halves(body: Body) -> bool:
    """Whether it could be two: known without looking into it."""
    return body.items > 1 and body.kind in KINDS


def halve(body: Body) -> tuple[Body, ...]:
    """Two bodies that carry what this plain one does; empty when it has no halves. Raises ValueError for a body not made by us.

    They are plain, but for statistics, which are never plain outside their encoder.
    """
    if not has_halves(body):
        return ()
    if body.kind == TRACES:
        from protocols.intake_traces import halve as halve_traces  # where there are traces, it is loaded

        return halve_traces(body)
    if body.kind == STATS:
        from protocols.intake_stats import halve as halve_stats  # likewise

        return halve_stats(body)
    if body.kind != LOGS:
        return intake_metrics.halve(body)
    entries = [intake_logs.to_utf8(_entry(entry)) for entry in json.loads(body.raw)]
    middle = len(entries) // 2
    return tuple(
        attrs.evolve(body, raw=intake_logs.encode_array(half), items=len(half)) for half in (entries[:middle], entries[middle:]) if half
    )
