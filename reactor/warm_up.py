"""Loads, beside the first invocation or before it, what the first flush will need; smallest first, and one at a time."""

import importlib
import sys
from collections.abc import Callable, Sequence

import trio

from reactor.config.values import Settings


def modules(settings: Settings) -> list[str]:
    """What these settings will need, beyond what is loaded already."""
    wanted = ["compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"]
    if needs_tls(settings):
        wanted.append("ssl")
    return [name for name in wanted if name not in sys.modules]


# What the first call for an invocation and the first request with traces need: from the smallest to what needs it.
TRACING = (
    "pipelines.triggers.infer",
    "pipelines.invocation.pipeline",
    "reactor.agent.invocation_traces",
    "msgpack",
    "protocols.msgpack_traces",
    "protocols.trace_headers",
    "pipelines.traces.pipeline",
    "reactor.agent.tracing_made",
)


# The sources of most events, in about that order, and what they need. They are loaded one by one where somebody will tell of events:
# otherwise each is loaded by the first event of its kind.
EVENTS = tuple(
    f"pipelines.triggers.{name}"
    for name in (
        *("http", "http_api", "rest_api", "sqs", "sns", "eventbridge", "function_url", "load_balancer"),
        *("pointers", "s3", "dynamodb", "kinesis", "scheduled", "step_functions"),
    )
)


async def expect_events() -> None:
    """A library is loaded into the runtime that will tell of its invocations: while it boots, load what the first of these will need."""
    await _load(TRACING + EVENTS)


async def expect_traces() -> None:
    """A tracer has asked what is served here: while it goes on with its start, load what it will need, one module after the other."""
    await _load(TRACING)


async def _load(names: Sequence[str]) -> None:
    for name in names:
        await trio.lowlevel.checkpoint()
        try:
            importlib.import_module(name)
        except Exception:  # whoever needs it says so then
            pass


def needs_tls(settings: Settings) -> bool:
    return any(url.startswith("https:") for url in settings.intake_urls.values())


async def warm_up(settings: Settings, trust: Callable[[], object] = lambda: None) -> None:
    """`trust` reads the authorities: where they are one large file, that takes longer than all else."""
    steps: list[Callable[[], object]] = [lambda name=name: importlib.import_module(name) for name in modules(settings)]  # type: ignore[misc]
    if needs_tls(settings):
        steps.append(trust)
    for step in steps:
        await trio.lowlevel.checkpoint()
        try:
            step()
        except Exception:  # whoever needs it says so then
            pass
