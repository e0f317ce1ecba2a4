"""The real process, made to fit into the simulated world: it gets the world's network, clock and randomness, and no authorities to read."""

import signal
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs

from emulator.world.extension import Bounds, Figures, Place
from pipelines.logs.batch import PLATFORM_RESERVE_BYTES, QUEUE_BYTES_MAX
from pipelines.metrics import aggregate
from pipelines.metrics.pipeline import OWN_BYTES_MAX, OWN_CONTEXTS_MAX
from reactor.agent import outbox
from reactor.agent.machines import INVOCATIONS_MAX
from reactor.config.aws import read_sandbox
from reactor.config.load import load
from reactor.config.values import Settings
from reactor.net.serve import CONNECTIONS_MAX
from reactor.process import Process

HTTP_LISTENERS = 3
BOUNDS = Bounds(
    payloads=outbox.PAYLOADS_MAX,
    payload_bytes=outbox.BYTES_MAX,
    line_bytes=QUEUE_BYTES_MAX + PLATFORM_RESERVE_BYTES,
    contexts=aggregate.CONTEXTS_MAX + OWN_CONTEXTS_MAX,
    context_bytes=aggregate.BYTES_MAX + OWN_BYTES_MAX,
    open_invocations=INVOCATIONS_MAX,
    connections=CONNECTIONS_MAX * HTTP_LISTENERS,
)


@lru_cache(maxsize=64)
def _settings(environment: tuple[tuple[str, str], ...]) -> Settings:
    return load(dict(environment), None)[0]


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    """That of all worlds: on a network in memory nobody is to be trusted or not, and reading the authorities takes longer than a life."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class SimulatedProcess:
    """One life of the process in a simulated world."""

    def __init__(self, place: Place, **extra: str) -> None:
        environment = {**place.environment, **extra}
        settings = _settings(tuple(environment.items()))
        sandbox = read_sandbox(environment)
        voice: Any = _Voice(place)
        self.process = Process(
            settings, sandbox, "x86_64", place.network, place.clock, voice, place.random, None, environment, place.spool_path
        )
        self.process._trust._context = _context()

    async def run(self) -> int:
        return await self.process.run()

    def terminate(self) -> None:
        """A real signal, if the process is there to hear it: nobody else in this program must."""
        if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, signal.SIG_IGN, None):
            signal.raise_signal(signal.SIGTERM)

    def figures(self) -> Figures:
        process, agent = self.process, self.process.agent
        counts = agent.ledger.statistics()
        figures = Figures(
            **attrs.asdict(counts),
            state=str(agent.lifecycle.state),
            open_invocations=len(agent.invocations),
            payloads=len(agent.outbox),
            payload_bytes=agent.outbox.bytes,
            connections=sum(listener.statistics().open for listener in process.listeners._http.values()),
        )
        return figures if agent.pipelines is None else attrs.evolve(figures, **_of_pipelines(agent.pipelines))

    def bounds(self) -> Bounds:
        return BOUNDS


def _of_pipelines(pipelines: Any) -> Mapping[str, Any]:
    logs, metrics = pipelines._logs.value.statistics(), pipelines._metrics.value.statistics()
    kinds = (metrics.custom, metrics.own)
    return {
        "lines_taken": logs.taken,
        "lines_waiting": logs.entries + logs.orphans + logs.held,
        "line_bytes": logs.entry_bytes,
        "contexts": sum(kind.contexts for kind in kinds),
        "context_bytes": sum(kind.held_bytes for kind in kinds),
        "samples_refused": sum(kind.refused_contexts + kind.refused_values + kind.unsendable for kind in kinds),
    }


class _Voice:
    """Says lines to the world instead of to standard output."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def say(self, level: str, text: str) -> None:
        self._place.say(level, text)
