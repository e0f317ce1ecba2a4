"""The pipelines of traces and of their statistics, wired from settings. Loaded with the first request of a tracer, never before."""

from collections.abc import Callable, Mapping
from typing import Any

from fsm.time import Now
from pipelines.stats.client import StatsSettings
from pipelines.stats.pipeline import Source, StatsPipeline
from pipelines.tags import FunctionFacts
from pipelines.traces.facts import Hooks, StatsSink, TracesSettings
from pipelines.traces.obfuscate.obfuscator import make_obfuscator
from pipelines.traces.pipeline import TracesPipeline
from protocols.intake_traces import PayloadFields
from protocols.trace_values import Span
from reactor.agent.obfuscation import filter_tags, obfuscation_settings
from reactor.config.aws import SandboxEnvironment
from reactor.config.values import Settings


def make_traces(
    settings: Settings,
    sandbox: SandboxEnvironment,
    facts: FunctionFacts,
    tags: Mapping[str, str],
    stats: StatsSink,
    hooks: Hooks | None,
    say: Callable[[str, str], None],
) -> TracesPipeline:
    """`stats` is told of what is sent, where the settings want statistics computed here; `hooks` see spans; errors are said."""
    wanted = TracesSettings(
        env=facts.env,
        service=facts.service,
        version=facts.version,
        function_name=sandbox.function_name,
        representation_enabled=settings.trace_aws_service_representation_enabled,
        compute_stats=settings.lambda_extension_compute_stats,
        runtime_api=sandbox.runtime_api,
        otlp_ports=tuple(port for port in (settings.otlp_http_port, settings.otlp_grpc_port) if port),
    )
    obfuscate = make_obfuscator(obfuscation_settings(settings), lambda error: say("ERROR", error))
    filters = filter_tags(settings)
    for error in filters.errors:
        say("ERROR", error)
    return TracesPipeline(wanted, obfuscate, filters.keeps if filters else None, hooks, stats, function_tags=tags)


def make_stats(facts: FunctionFacts, now: Now) -> StatsPipeline:
    return StatsPipeline(StatsSettings(facts.env, facts.version, facts.service), now)


def sink_into(call: Callable[..., Any]) -> StatsSink:
    """What the traces pipeline tells of spans, as the statistics pipeline wants it; `call` is that of its boundary."""

    def sink(spans: list[Span], fields: PayloadFields, now: Now, origin: str) -> None:
        source = Source(fields.language_name, fields.tracer_version, fields.runtime_id, fields.container_id, fields.env, fields.app_version)
        call(StatsPipeline.take_spans, spans, source, now, origin, now=now)

    return sink
