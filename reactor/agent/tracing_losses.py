"""What the pipelines of port 8126 have lost, as the ledger and the extension's own metrics tell it. It loads none of them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reactor.agent.ledger import Ledger, Loss

if TYPE_CHECKING:
    from pipelines.proxy import ProxyPipeline
    from pipelines.stats.pipeline import StatsPipeline
    from pipelines.traces.pipeline import TracesPipeline


def traces_losses(traces: "TracesPipeline") -> list[Loss]:
    statistics = traces.statistics()
    refused: list[Loss] = [(Ledger.refuse, "trace", reason, count) for reason, count in statistics.refused.items()]
    return refused + [(Ledger.drop, "span", reason.replace("_", " "), count) for reason, count in statistics.dropped.items()]


def stats_losses(stats: "StatsPipeline") -> list[Loss]:
    statistics = stats.statistics()
    losses: list[Loss] = [
        (Ledger.drop, "group of statistics", "no room", statistics.dropped_groups),
        (Ledger.drop, "group of statistics", "an error of ours", statistics.failed_groups),
        (Ledger.drop, "span in statistics", "no room", statistics.dropped_spans),
    ]
    return [loss for loss in losses if loss[-1]]


def proxy_losses(proxy: "ProxyPipeline") -> list[Loss]:
    losses: list[Loss] = []
    for what_and_reason, count in proxy.statistics().dropped.items():
        what, _, reason = what_and_reason.partition(": ")
        losses.append((Ledger.drop, what, reason, count))
    return losses


def close_traces(traces: "TracesPipeline", ledger: Ledger) -> int:
    """Tell the ledger what a pipeline that ends has lost; how many spans it still holds."""
    _tell(ledger, traces_losses(traces))
    statistics = traces.statistics()
    for reason, count in statistics.removed.items():
        ledger.note(f"spans removed: {reason.replace('_', ' ')}", count)
    for reason, count in statistics.failures.items():
        ledger.note(f"errors in {reason} of spans", count)
    return statistics.spans


def close_stats(stats: "StatsPipeline", ledger: Ledger) -> int:
    """As `close_traces`; how many groups it still holds."""
    _tell(ledger, stats_losses(stats))
    statistics = stats.statistics()
    if statistics.blocked_spans:
        ledger.note("spans counted in a group that stands for many", statistics.blocked_spans)
    return statistics.groups


def close_proxy(proxy: "ProxyPipeline", ledger: Ledger) -> int:
    """As `close_traces`; how many requests it still holds."""
    _tell(ledger, proxy_losses(proxy))
    return proxy.statistics().held


def _tell(ledger: Ledger, losses: Iterable[Loss]) -> None:
    for tell, what, reason, count in losses:
        tell(ledger, what, reason, count)
