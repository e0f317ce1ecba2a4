"""What libraries send to port 8126: traces, statistics, and requests that are passed on, each pipeline behind its boundary.

A pipeline is made, and its modules are loaded, with the first request that needs it (`tracing_made`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fsm.time import Now
from protocols.intake_body import Body
from reactor.agent.contain import Contained
from reactor.agent.ledger import Ledger, Loss

if TYPE_CHECKING:
    from pipelines.proxy import ProxyPipeline
    from pipelines.stats.pipeline import StatsPipeline
    from pipelines.tags import FunctionFacts
    from pipelines.traces.facts import Hooks, TraceFacts
    from pipelines.traces.pipeline import TracesPipeline
    from protocols.stats_api import ClientStats
    from protocols.trace_api import Proxied
    from protocols.trace_headers import TracerHeaders
    from protocols.trace_values import Decoded, Span
    from reactor.config.aws import SandboxEnvironment
    from reactor.config.values import Settings

Say = Callable[[str, str], None]


class Tracing:
    """Its methods never raise: an error of ours costs one request. `hooks` gives them for who wants to see spans, when they are needed."""

    def __init__(
        self,
        settings: "Settings",
        sandbox: "SandboxEnvironment",
        facts: "FunctionFacts",
        tags: Mapping[str, str],
        ledger: Ledger,
        say: Say,
        now: Now,
    ) -> None:
        self.hooks: Callable[[], Hooks | None] = lambda: None
        self._settings, self._sandbox, self._facts, self._tags, self._began = settings, sandbox, facts, tags, now
        self._ledger, self._say = ledger, say
        self._traces: Contained[TracesPipeline] = Contained("traces", self._make_traces, self._close_traces, ledger, say, lazily=True)
        self._stats: Contained[StatsPipeline] = Contained("statistics", self._make_stats, self._close_stats, ledger, say, lazily=True)
        self._proxy: Contained[ProxyPipeline] = Contained("proxy", self._make_proxy, self._close_proxy, ledger, say, lazily=True)

    # --- in -------------------------------------------------------------------------------------------------------------------

    def take_traces(self, decoded: "Decoded", headers: "TracerHeaders", now: Now) -> "TraceFacts | None":
        """A tracer's request. None: it was lost by an error of ours."""
        return self._told(self._traces.call(lambda traces: traces.take(decoded, headers, now), now=now))

    def take_own(self, spans: "list[Span]", computed_stats: bool, now: Now) -> "TraceFacts | None":
        """A trace that the extension has made itself. `computed_stats`: whether the function's tracer computes statistics."""
        return self._told(self._traces.call(lambda traces: traces.take_own(spans, computed_stats, now), now=now))

    def take_held(self, decoded: "Decoded", headers: "TracerHeaders", now: Now) -> "TraceFacts | None":
        """What somebody has held back, or taken otherwise than from a tracer."""
        return self._told(self._traces.call(lambda traces: traces.take_held(decoded, headers, now), now=now))

    def take_client_stats(self, stats: "ClientStats", headers: "TracerHeaders", now: Now) -> None:
        self._stats.call(lambda pipeline: pipeline.take_client(stats, headers, now), now=now)

    def take_proxied(self, proxied: "Proxied", now: Now) -> None:
        self._proxy.call(lambda pipeline: pipeline.take(proxied), now=now)

    def is_nearly_full(self, now: Now) -> bool:
        pipelines: tuple[Contained[Any], ...] = (self._traces, self._stats, self._proxy)
        return any(each.call_if_made(lambda pipeline: pipeline.is_nearly_full, now=now, otherwise=False) for each in pipelines)

    def _told(self, facts: "TraceFacts | None") -> "TraceFacts | None":
        for warning in facts.warnings if facts is not None else ():
            self._say("WARN", warning)
        return facts

    # --- out ------------------------------------------------------------------------------------------------------------------

    def bodies(self, now: Now, final: bool, at_end: bool) -> Iterator[Body]:
        """Everything that is ready to leave, made as it is asked for: who compresses each before the next never holds two of traces.

        Statistics of spans wait for their ten seconds to be over, but for `final`: then there is no later; or `at_end`: then there may be
        none, as the sandbox may freeze.
        """
        yield from self._traces.each(lambda traces: traces.bodies(), now=now)
        yield from self._stats.call_if_made(lambda stats: stats.seal(now, final, at_end), now=now, otherwise=[])
        yield from self._proxy.call_if_made(lambda proxy: proxy.seal(), now=now, otherwise=[])

    def losses(self, now: Now) -> "list[Loss]":
        """What the pipelines have dropped or refused so far. The same pipeline tells the ledger of it when it ends (`account`)."""
        if not (self._traces.is_made or self._stats.is_made or self._proxy.is_made):
            return []
        from reactor.agent.tracing_losses import proxy_losses, stats_losses, traces_losses

        found: list[Loss] = []
        found += self._traces.call_if_made(traces_losses, now=now, otherwise=())
        found += self._stats.call_if_made(stats_losses, now=now, otherwise=())
        found += self._proxy.call_if_made(proxy_losses, now=now, otherwise=())
        return found

    def account(self, now: Now) -> None:
        """Tell the ledger what the pipelines themselves have dropped or refused. Once, at the end."""
        self._traces.call_if_made(self._close_traces, now=now)
        self._stats.call_if_made(self._close_stats, now=now)
        self._proxy.call_if_made(self._close_proxy, now=now)

    # --- made when they are needed ----------------------------------------------------------------------------------------------

    def _make_traces(self) -> "TracesPipeline":
        _load_losses()
        from reactor.agent.tracing_made import make_traces, sink_into

        return make_traces(self._settings, self._sandbox, self._facts, self._tags, sink_into(self._stats.call), self.hooks(), self._say)

    def _make_stats(self) -> "StatsPipeline":
        _load_losses()
        from reactor.agent.tracing_made import make_stats

        return make_stats(self._facts, self._began)

    def _make_proxy(self) -> "ProxyPipeline":
        _load_losses()
        from pipelines.proxy import ProxyPipeline

        return ProxyPipeline(self._sandbox.function_name)

    def _close_traces(self, traces: "TracesPipeline") -> int:
        from reactor.agent.tracing_losses import close_traces

        return close_traces(traces, self._ledger)

    def _close_stats(self, stats: "StatsPipeline") -> int:
        from reactor.agent.tracing_losses import close_stats

        return close_stats(stats, self._ledger)

    def _close_proxy(self, proxy: "ProxyPipeline") -> int:
        from reactor.agent.tracing_losses import close_proxy

        return close_proxy(proxy, self._ledger)


def _load_losses() -> None:
    """With the first pipeline, not at the end: the layer's files may have been replaced by then, and what was lost is to be told."""
    from reactor.agent import tracing_losses  # noqa: F401
