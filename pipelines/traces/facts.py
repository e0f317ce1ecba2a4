"""What the traces pipeline tells and is told: settings, hooks, facts, counts. Values only."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import attrs

from fsm.time import Now
from pipelines.traces.durable import DurableFact
from protocols.intake_traces import PayloadFields
from protocols.trace_headers import TracerHeaders
from protocols.trace_values import Span

KeepsTrace = Callable[[Span, Mapping[str, str]], bool]
"""(root span, the tags that it is going to be given): whether its trace is sent."""

StatsSink = Callable[[list[Span], PayloadFields, Now, str], None]
"""(spans of a chunk as they are sent, whose they are, now, the chunk's origin as received)."""


@attrs.frozen
class TracesSettings:
    """`runtime_api`: AWS_LAMBDA_RUNTIME_API; `otlp_ports`: where OTLP is taken."""

    env: str = ""
    service: str = ""
    version: str = ""
    function_name: str = ""
    representation_enabled: bool = True
    compute_stats: bool = False
    runtime_api: str = ""
    otlp_ports: tuple[int, ...] = (4317, 4318)


@attrs.frozen
class Hooks:
    """What the side of the invocations wants to see, each optional.

    `on_request`: a tracer's request begins, with these headers. `on_span`: each of its spans that was not seen before, in the order of the
    wire and not yet normalised; it may change `parent_id`. `holds`: a trace that somebody wants to keep back; who says True gives it to
    `TracesPipeline.take_held` later.
    """

    on_request: Callable[[TracerHeaders], None] | None = None
    on_span: Callable[[Span], None] | None = None
    holds: Callable[[list[Span], TracerHeaders], bool] | None = None


class TraceFacts(NamedTuple):
    """What a request told beside its spans. `warnings` are sentences for our own log, each said once.

    `flush_early` says that enough is waiting for a flush before its time.
    """

    spans: int
    durable: tuple[DurableFact, ...]
    warnings: tuple[str, ...]
    flush_early: bool


class TraceStatistics(NamedTuple):
    """Counts of spans since the start, but `refused`, which counts traces that could not be read.

    `taken` came in. `removed` went by rule: repetitions, the sandbox's own calls, filters, sampling, traces held back. `dropped` are
    losses. `sealed` went out; `spans` are in hand now, with `bytes`. `cut` were too large and lost some of their text. `failures` are
    errors of ours that cost no span.
    """

    taken: int
    sealed: int
    cut: int
    refused: dict[str, int]
    removed: dict[str, int]
    dropped: dict[str, int]
    failures: dict[str, int]
    spans: int
    bytes: int
