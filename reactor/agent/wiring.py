"""The pipelines of one sandbox, wired from settings: what the agent collects into, each behind its boundary."""

from collections.abc import Callable, Iterator
from typing import Any

from fsm.time import Now
from pipelines.logs.facts import LogFacts
from pipelines.logs.held import DurableContext
from pipelines.logs.pipeline import LogsPipeline
from pipelines.metrics.datagrams import Refusal
from pipelines.metrics.enhanced import Enhanced, EnhancedSettings
from pipelines.metrics.pipeline import MetricsPipeline, MetricsSettings, OwnPoint
from pipelines.metrics.procfs import Snapshot
from pipelines.tags import FunctionFacts, build_arn, comma_list, function_tags
from protocols import telemetry_records as read
from protocols.dogstatsd import OWN_METRIC
from protocols.intake_body import Body
from reactor.agent.contain import Contained
from reactor.agent.inputs import ClientTraceStats, PassedOn, Traces
from reactor.agent.ledger import Ledger, Loss
from reactor.agent.measuring import Usage
from reactor.agent.tracing import Tracing
from reactor.config.aws import SandboxEnvironment
from reactor.config.values import Settings
from reactor.version import VERSION

Say = Callable[[str, str], None]

INIT_TAGS = ("cold_start", "proactive_initialization", "runtime")
NO_FACTS = LogFacts((), (), (), False)


class Pipelines:
    """Metrics and logs, and what libraries send to port 8126. Its methods never raise: an error of ours costs one item (`contain`)."""

    def __init__(
        self,
        settings: Settings,
        sandbox: SandboxEnvironment,
        architecture: str,
        account_id: str,
        random: Callable[[], float],
        ledger: Ledger,
        say: Say,
        now: Now,
    ) -> None:
        facts = FunctionFacts(
            extension_version=VERSION,
            architecture=architecture,
            arn=build_arn(account_id, sandbox.region, sandbox.function_name),
            function_version=sandbox.function_version,
            memory_mb=sandbox.memory_size,
            init_type=sandbox.initialization_type,
            execution_env=sandbox.execution_env,
            env=settings.env or "",
            service=settings.service or "",
            version=settings.version or "",
        )
        tags = function_tags(facts, settings.tags, settings.extra_tags)
        self._ledger, self._say = ledger, say
        self._logs = Contained(
            "logs",
            lambda: _logs(settings, sandbox, facts, comma_list(tags), random, say),
            self._close_logs,
            ledger,
            say,
        )
        self._metrics = Contained(
            "metrics",
            lambda: _metrics(settings, sandbox, facts, tags, now),
            self._close_metrics,
            ledger,
            say,
        )
        self.tracing = Tracing(settings, sandbox, facts, tags, ledger, say, now)
        self.is_nearly_full = False
        self._refused_told = 0
        # What begins a sandbox is told with its first invocation, whose cold start it is about.
        self._later: tuple[Callable[..., None], ...] = () if sandbox.is_managed else (Enhanced.keep,)

    # --- in -------------------------------------------------------------------------------------------------------------------

    def take_datagrams(self, datagrams: list[bytes], now: Now) -> None:
        self._metrics.call(MetricsPipeline.take, datagrams, now.epoch_ms // 1000, now=now)
        self._look_at_fullness(now)

    def take_records(self, records: list[read.Record], now: Now) -> list[read.Record]:
        """Gives back those that are no lines: who looks on among them need not go through all the others once more."""
        facts = self._logs.call(LogsPipeline.take, records, now, now=now, otherwise=NO_FACTS)
        for request_id, epoch_s in facts.out_of_memory:
            self._enhance(Enhanced.out_of_memory, request_id or "", epoch_s * 1000, now.epoch_ms, now=now)
        for lost in facts.logs_dropped:
            self._ledger.drop("telemetry record", f"by the platform: {lost.reason}", lost.dropped_records)
        for warning in facts.warnings:
            self._say("WARN", warning)
        told = read.platform_records(records)
        for record in told:
            if (count := _COUNTERS.get(record["type"])) is not None:
                count(self, record, now)
        self.is_nearly_full = facts.flush_early
        self._look_at_fullness(now)
        return told

    def take_request(self, item: Traces | ClientTraceStats | PassedOn, now: Now) -> None:
        """What a library has sent to port 8126."""
        if isinstance(item, Traces):
            facts = self.tracing.take_traces(item.decoded, item.headers, now)
            for fact in facts.durable if facts is not None else ():
                context = DurableContext(fact.execution_id, fact.execution_name, fact.status, fact.first_invocation)
                self._logs.call(LogsPipeline.learn_durable_context, fact.request_id, context, now=now)
        elif isinstance(item, ClientTraceStats):
            self.tracing.take_client_stats(item.stats, item.headers, now)
        else:
            self.tracing.take_proxied(item.proxied, now)
        self._look_at_fullness(now)

    def _look_at_fullness(self, now: Now) -> None:
        is_full = self._metrics.call(_is_nearly_full, now=now, otherwise=False)
        self.is_nearly_full = self.is_nearly_full or is_full or self.tracing.is_nearly_full(now)

    # --- enhanced metrics -----------------------------------------------------------------------------------------------------

    def init_tags(self, now: Now) -> dict[str, str]:
        """What enhanced metrics say of this invocation's sandbox: whether it is a cold start, and of which runtime."""
        tags: dict[str, str] = self._metrics.call(_dynamic_tags, now=now, otherwise={})
        return {key: tags[key] for key in INIT_TAGS if key in tags}

    def count_error(self, request_id: str, now: Now) -> None:
        """A library's end call told of an error."""
        self._enhance(Enhanced.error_reported, request_id, now.epoch_ms, now=now)

    def set_runtime(self, runtime: str, now: Now) -> None:
        self._enhance(Enhanced.set_runtime, runtime, now=now)

    def count_invocation(self, request_id: str, at: Now, start: Snapshot | None = None) -> None:
        self._later = ()
        self._enhance(Enhanced.invoked, request_id, at.epoch_ms, start, now=at)

    def count_usage(self, usage: Usage | None, now: Now) -> None:
        if usage is not None:
            self._enhance(Enhanced.usage, *usage, now.epoch_ms, now=now)

    def count_interval(self, ends: tuple[Snapshot, Snapshot] | None, now: Now) -> None:
        if ends is not None:
            self._enhance(Enhanced.interval, *ends, now.epoch_ms, now=now)

    def count_runtime(self, record: read.Record, now: Now, end: Snapshot | None = None) -> None:
        fields = record["record"]
        self._enhance(
            Enhanced.runtime_done,
            fields["requestId"],
            read.read_text(fields.get("status")) or "",
            self._time_of(record, now),
            now.epoch_ms,
            _dict_of(fields.get("metrics")),
            read.read_text(fields.get("errorType")) or "",
            _list_of(fields.get("spans")),
            end,
            now=now,
        )

    def count_report(self, record: read.Record, now: Now, end: Snapshot | None = None, is_next_asked: bool = False) -> None:
        fields = record["record"]
        self._enhance(
            *((Enhanced.keep,) if is_next_asked else ()),
            Enhanced.report,
            fields["requestId"],
            _dict_of(fields.get("metrics")),
            self._time_of(record, now),
            now.epoch_ms,
            read.read_text(fields.get("status")) or "",
            read.read_text(fields.get("errorType")) or "",
            _list_of(fields.get("spans")),
            end,
            now=now,
        )

    def count_own(self, points: list[OwnPoint], now: Now) -> None:
        self._metrics.call(MetricsPipeline.take_own, points, now.epoch_ms // 1000, now=now)

    def own_losses(self, now: Now) -> dict[str, int]:
        """What pipelines have lost or refused so far, by `what: reason`; the ledger hears of it when they end."""
        losses: list[Loss] = [*self._metrics.call(_losses, now=now, otherwise=[]), *self.tracing.losses(now)]
        return {f"{what}: {reason}": count for _, what, reason, count in losses}

    def forget(self, request_id: str, now: Now) -> None:
        """No report of this request is expected any more."""
        self._enhance(Enhanced.evict, request_id, now=now)

    def count_shutdown(self, now: Now) -> None:
        self._enhance(Enhanced.shutdown, now.epoch_ms, now=now)

    def _started(self, record: read.Record, now: Now) -> None:
        self._enhance(Enhanced.started, now=now)

    def _init_start(self, record: read.Record, now: Now) -> None:
        fields = read.read_init_start(record)
        self._enhance(Enhanced.init_start, (fields and fields.runtime_version) or "", now.epoch_ms, now=now)

    def _init_report(self, record: read.Record, now: Now) -> None:
        if (fields := read.read_init_report(record)) is not None:
            at_ms = self._time_of(record, now)
            self._enhance(*self._later, Enhanced.init_report, fields.duration_ms, at_ms, now.epoch_ms, fields.init_type or "", now=now)

    def _restore_start(self, record: read.Record, now: Now) -> None:
        self._enhance(Enhanced.restore_start, self._time_of(record, now), now=now)

    def _restore_report(self, record: read.Record, now: Now) -> None:
        fields = read.read_restore_report(record)
        duration_ms = fields.duration_ms if fields else None
        if fields and record["record"].get("metrics") is None and self._ledger.note("restores without metrics"):
            self._say("ERROR", "a platform.restoreReport came without metrics: there is no restore duration and no restore span")
        self._enhance(*self._later, Enhanced.restore_report, duration_ms, self._time_of(record, now), now.epoch_ms, now=now)

    def _enhance(self, tell: Callable[..., None], *args: Any, now: Now) -> None:
        self._metrics.call(_tell, tell, args, now=now)

    @staticmethod
    def _time_of(record: read.Record, now: Now) -> int:
        at_ms = read.parse_time_ms(record.get("time"))
        return now.epoch_ms if at_ms is None else at_ms

    # --- out ------------------------------------------------------------------------------------------------------------------

    def let_go(self, now: Now) -> None:
        """The sandbox ends: what waits for something that will not come waits no more."""
        self._logs.call(LogsPipeline.shutdown, now, now=now)

    def seal(self, now: Now, encoded_size: Callable[[bytes], int] | None = None, final: bool = False, at_end: bool = False) -> list[Body]:
        """Everything that is ready to leave: `bodies`, all at once."""
        return list(self.bodies(now, encoded_size, final, at_end))

    def bodies(
        self, now: Now, encoded_size: Callable[[bytes], int] | None = None, final: bool = False, at_end: bool = False
    ) -> Iterator[Body]:
        """Everything that is ready to leave, made as it is asked for; logs first, they are the most of it. To be gone through to its end.

        `encoded_size` is how large series will be when sent; `final` and `at_end`: see `Tracing.bodies`.
        """
        self.is_nearly_full = False
        yield from self._logs.each(LogsPipeline.bodies, now=now)
        yield from self._metrics.call(MetricsPipeline.seal, encoded_size, now=now, otherwise=[])
        self._warn_of_refused(now)
        yield from self.tracing.bodies(now, final, at_end)

    def _warn_of_refused(self, now: Now) -> None:
        """One line for each flush before which metrics found no room, and the first line of metrics that is refused for a reason."""
        without_room, lines = self._metrics.call(_refused, now=now, otherwise=(0, []))
        for reason, line in lines:
            self._say("WARN", f"this metric cannot be used as it is, or not all of it ({reason}; told once, counted always): {line}")
        if without_room > self._refused_told:
            self._say("WARN", f"{without_room - self._refused_told} metric samples are lost: more metrics at once than are kept")
        self._refused_told = without_room

    def waiting(self, now: Now) -> tuple[list[Any], str | None]:
        """What a seal has left behind, and whose the next lines are."""
        found: tuple[list[Any], str | None] = self._logs.call(_waiting, now=now, otherwise=([], None))
        return found

    def adopt(self, waiting: list[Any], request_id: str | None, now: Now) -> None:
        """Go on where the pipelines of an earlier process stopped."""
        self._logs.call(LogsPipeline.adopt, waiting, request_id, now=now)

    def account(self, now: Now) -> None:
        """Tell the ledger what the pipelines themselves have dropped or refused. Once, at the end."""
        self._logs.call(self._close_logs, now=now)
        self._metrics.call(self._close_metrics, now=now)
        self.tracing.account(now)

    def _close_logs(self, logs: LogsPipeline) -> int:
        """Take over the counts of a pipeline that ends; how many lines it still holds."""
        statistics = logs.statistics()
        for reason, count in statistics.dropped.items():
            self._ledger.drop("log line", reason, count)
        return statistics.entries + statistics.orphans + statistics.held

    def _close_metrics(self, metrics: MetricsPipeline) -> int:
        """Take over the counts of a pipeline that ends; how many contexts it still holds."""
        for tell, what, reason, count in _losses(metrics):
            tell(self._ledger, what, reason, count)
        statistics = metrics.statistics()
        if count := statistics.datagrams.refused.get(OWN_METRIC, 0):
            self._ledger.note(f"metric lines: {OWN_METRIC}", count)
        return statistics.custom.contexts + statistics.own.contexts


_COUNTERS: dict[str, Callable[[Pipelines, read.Record, Now], None]] = {
    "platform.start": Pipelines._started,
    "platform.initStart": Pipelines._init_start,
    "platform.initReport": Pipelines._init_report,
    "platform.restoreStart": Pipelines._restore_start,
    "platform.restoreReport": Pipelines._restore_report,
}


def _logs(
    settings: Settings, sandbox: SandboxEnvironment, facts: FunctionFacts, tags: str, random: Callable[[], float], say: Say
) -> LogsPipeline:
    return LogsPipeline(
        arn=facts.arn,
        function_name=sandbox.function_name,
        tags=tags,
        service=facts.service,
        managed=sandbox.is_managed,
        enabled=settings.serverless_logs_enabled,
        apply_rules=_rules(settings, say),
        durable_ids_max=settings.lambda_durable_function_log_buffer_size,
        drop_platform_lines=frozenset(settings.logs_drop_platform_lines),
        sample=settings.logs_sample,
        random=random,
    )


def _rules(settings: Settings, say: Say) -> Callable[[str], str | None] | None:
    if not settings.logs_config_processing_rules:
        return None
    from pipelines.logs.rules import Rule, compile_rules  # loads RE2

    rules, errors = compile_rules(tuple(Rule(*rule) for rule in settings.logs_config_processing_rules))
    for error in errors:
        say("ERROR", error)
    return rules.apply if len(rules) else None


def _metrics(settings: Settings, sandbox: SandboxEnvironment, facts: FunctionFacts, tags: dict[str, str], now: Now) -> MetricsPipeline:
    enhanced = EnhancedSettings(
        init_type=sandbox.initialization_type,
        architecture=facts.architecture,
        started_at_ms=now.epoch_ms,
        is_enabled=settings.enhanced_metrics,
        is_proc_enabled=settings.lambda_proc_enhanced_metrics,
    )
    excluded = frozenset(settings.lambda_customer_metrics_exclude_tags)
    metrics = MetricsPipeline(MetricsSettings(enhanced, settings.statsd_metric_namespace or "", excluded))
    metrics.set_function_tags(tags)
    return metrics


def _losses(metrics: MetricsPipeline) -> list[Loss]:
    statistics = metrics.statistics()
    refused = statistics.datagrams.refused
    # Libraries count invocations, too. To leave that out loses nothing, and every function of theirs would end with a warning.
    losses: list[Loss] = [(Ledger.refuse, "metric line", reason, count) for reason, count in refused.items() if reason != OWN_METRIC]
    custom, own = statistics.custom, statistics.own
    for reason, count in (
        ("too many contexts", custom.refused_contexts + own.refused_contexts),
        ("too many values", custom.refused_values + own.refused_values),
        ("no finite number", custom.unsendable + own.unsendable),
    ):
        if count:
            losses.append((Ledger.drop, "metric sample", reason, count))
    return losses


def _refused(metrics: MetricsPipeline) -> tuple[int, list[Refusal]]:
    """How many samples have found no room since the start, and lines that were refused for a reason that is new."""
    statistics = metrics.statistics()
    without_room = sum(each.refused_contexts + each.refused_values for each in (statistics.custom, statistics.own))
    return without_room, metrics.take_first_refused()


def _tell(metrics: MetricsPipeline, tell: Callable[..., None], args: tuple[Any, ...]) -> None:
    tell(metrics.enhanced, *args)


def _dynamic_tags(metrics: MetricsPipeline) -> dict[str, str]:
    return metrics.enhanced.dynamic_tags


def _is_nearly_full(metrics: MetricsPipeline) -> bool:
    return metrics.is_nearly_full


def _waiting(logs: LogsPipeline) -> tuple[list[Any], str | None]:
    return logs.waiting(), logs.owner


def _dict_of(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list_of(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
