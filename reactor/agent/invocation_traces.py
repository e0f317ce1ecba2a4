"""The part of the agent that traces invocations: their machines, tied to the pipeline that makes their spans. Loaded when first needed.

What happens to an invocation reaches it from the machines of invocations, already in order and each fact once; what libraries say, from
port 8124 and from the hooks of the trace pipeline. `fsm/tracing.py` says when spans are sent, `fsm/pairing.py` whose a call is.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fsm import events as ev
from fsm import tracing
from fsm import tracing_actions as act
from fsm.engine import Step, Unexpected
from fsm.regions import Keyed
from fsm.time import Now
from pipelines.invocation.calls import EndFacts, StartFacts
from pipelines.invocation.pipeline import InvocationPipeline, Made
from pipelines.invocation.propagation.inject import Headers
from pipelines.invocation.settings import InvocationSettings
from protocols import telemetry_records as read
from protocols.lifecycle_api import END, Call
from reactor.agent.call_pairs import CALL, CallPairs, Facts
from reactor.agent.contain import Contained
from reactor.agent.ledger import Ledger
from reactor.agent.machines import INVOCATIONS_MAX

NS = 1_000_000  # in a millisecond
DURATION_MS_MAX = 10**12  # thirty years
CLOSED_REMEMBERED = 500  # request ids whose calls, should more come, are known to be late


class InvocationTraces:
    """All invocations of one sandbox. `send` takes a chunk of spans, `count_error` a request id; both are told the time."""

    def __init__(
        self,
        settings: InvocationSettings,
        make_id: Callable[[], int],
        ledger: Ledger,
        say: Callable[[str, str], None],
        send: Callable[[Made, Now], None],
        count_error: Callable[[str, Now], None],
        watch: Callable[[Step], None] | None = None,
    ) -> None:
        self._ledger, self._say, self._send, self._count_error = ledger, say, send, count_error
        self._pipeline = Contained("invocations", lambda: InvocationPipeline(settings, make_id), _held, ledger, say)
        self._traces = Keyed(tracing.TABLE, act.Data, INVOCATIONS_MAX, lambda _, cause: act.Closed(cause.now), watch)
        self._starts = CallPairs(not settings.is_managed, self._tell_start, self._unexpected, ledger, watch)
        self._ends = CallPairs(not settings.is_managed, self._tell_end, self._unexpected, ledger, watch)
        self._is_managed = settings.is_managed
        self._init_tags: Mapping[str, str] = {}
        self._hand: Facts | None = None  # the call that is being told to a machine
        self._begun: dict[str, None] = {}  # in order, the oldest first
        self._closed: dict[str, None] = {}  # in order, the oldest first
        self._out: list[Any] = []
        self._now = Now(0, 0)

    # --- what libraries say ---------------------------------------------------------------------------------------------------

    def call(self, call: Call, now: Now) -> Headers:
        """Take a start or end call; the headers of its answer."""
        self._now = now
        self._ledger.accept(CALL)
        if call.problem:
            self._note(f"calls with a {call.problem}", f"a call of a library came with a {call.problem}; its headers are used")
        if not call.request_id and self._is_managed:
            self._note("calls that name no request", "a call of a library names no request; it is taken for the oldest one's")
        if call.kind == END:
            end: EndFacts | None = self._ask(InvocationPipeline.read_end, call.headers, call.body, now)
            self._take(self._ends, call.request_id, end)
            return ()
        start, headers = self._ask(InvocationPipeline.read_start, call.headers, call.body, otherwise=(None, ()))
        self._take(self._starts, call.request_id, start)
        return headers if isinstance(headers, tuple) else ()

    def _take(self, pairs: CallPairs, request_id: str, facts: Facts | None) -> None:
        if facts is None:  # an error of ours, contained and counted
            return
        for finding in facts.findings:
            self._ledger.note(f"calls: {finding}")
        if request_id in self._closed:
            self._ledger.drop(CALL, "after the end of its invocation")
        else:
            pairs.take(request_id, facts, self._now)

    def _tell_start(self, request_id: str, facts: Facts) -> None:
        self._tell_call(act.TracerStarted(self._now, request_id), facts)

    def _tell_end(self, request_id: str, facts: Facts) -> None:
        self._tell_call(act.TracerEnded(self._now, request_id), facts)

    def _tell_call(self, event: act.TracerStarted | act.TracerEnded, facts: Facts) -> None:
        self._hand = facts
        self._feed(event.request_id, event)
        self._hand = None

    def spans_shown(self, now: Now) -> None:
        """The trace pipeline has shown all spans of a request."""
        self._now = now
        facts = self._ask(lambda pipeline: pipeline.hooks.take_facts())
        if facts is None:
            return
        for request_id in facts.placeholders:
            if request_id in self._traces:
                self._feed(request_id, act.PlaceholderSeen(now, request_id))
        if facts.strangers:
            self._ledger.note("placeholder spans of no invocation that is known", facts.strangers)
        if facts.without_room:
            self._ledger.drop("tags of placeholder spans", "no room", facts.without_room)
        self._send_made(self._ask(InvocationPipeline.adopted))

    def on_span(self, span: dict[str, Any]) -> None:
        """A hook of the trace pipeline, which contains its errors; the pipeline here may be made anew meanwhile."""
        self._pipeline.value.hooks.on_span(span)

    def on_request(self, computed_stats: bool) -> None:
        self._pipeline.value.hooks.on_request(computed_stats)

    # --- what the platform says -------------------------------------------------------------------------------------------------

    def record(self, record: read.Record, now: Now) -> None:
        """A record of the sandbox's own life, or of an invocation's start."""
        if (reader := _READERS.get(record["type"])) is not None:
            self._now = now
            reader(self, record, _ns_of(record, now))

    def opened(self, request_id: str, at: Now, init_tags: Mapping[str, str], now: Now) -> None:
        """An invocation, or another try of it, begins."""
        self._now, self._init_tags = now, init_tags
        if request_id in self._begun:
            self._over(request_id)
        self._begun[request_id] = None
        self._closed.pop(request_id, None)
        self._feed(request_id, ev.Opened(at, request_id))
        self._starts.began(request_id, now)
        self._ends.began(request_id, now)

    def runtime_done(self, event: ev.RuntimeDone, now: Now) -> None:
        self._now = now
        self._learn_end(event.fields, event.status)
        if event.request_id in self._traces:  # if not, it was over before a library first spoke
            self._feed(event.request_id, event)
        self._starts.over(event.request_id, now)  # a start call that comes now is the next one's
        self._ends.done(event.request_id, now)
        self._send_made(self._ask(InvocationPipeline.adopted))

    def reported(self, event: ev.Report, now: Now) -> None:
        self._now = now
        self._learn_end(event.fields, event.status)

    def superseded(self, now: Now) -> None:
        """Another invocation begins, and no record will tell the end of those before."""
        self._now = now
        for request_id in tuple(self._begun):
            self._feed(request_id, ev.Superseded(now))

    def closed(self, request_id: str, now: Now) -> None:
        """No more will be heard of this request."""
        self._now = now
        if request_id in self._traces:
            self._feed(request_id, act.Closed(now))

    def cut_short(self, status: str, now: Now) -> None:
        """The sandbox ends because of what ran in it: on demand the last invocation, else all. What their records say stands."""
        self._now = now
        running = tuple(self._begun)
        for request_id in running if self._is_managed else running[-1:]:
            self._ask(InvocationPipeline.over, request_id, None, status, "")

    def stopped(self, now: Now) -> None:
        """The sandbox ends. What was only expected goes too, and calls that nobody came for."""
        self._now = now
        for request_id in tuple(self._traces.live):
            self._feed(request_id, act.Closed(now))
        self._send_made(self._ask(InvocationPipeline.last))
        self._starts.give_up()
        self._ends.give_up()

    def grown_warm(self) -> None:
        """An invocation was over before anybody looked."""
        self._ask(lambda pipeline: pipeline.sandbox.grow_warm())

    def _learn_end(self, record: read.Record, status: str) -> None:
        """From `platform.runtimeDone`, or `platform.report` where there is none."""
        fields = record.get("record", {}) if record else {}
        duration_ms = _latency_ms(fields) if record and record["type"] == "platform.report" else None
        metrics = fields.get("metrics")
        if duration_ms is None and isinstance(metrics, dict):
            duration_ms = _number(metrics.get("durationMs"))
        error_type = read.read_text(fields.get("errorType")) or ""
        self._ask(InvocationPipeline.over, fields["requestId"], duration_ms, status, error_type)

    def _init_start(self, record: read.Record, at_ns: int) -> None:
        self._ask(lambda pipeline: pipeline.sandbox.init_start(at_ns))

    def _init_report(self, record: read.Record, at_ns: int) -> None:
        fields = read.read_init_report(record)
        if fields is not None and (duration_ms := _number(fields.duration_ms)) is not None:
            self._ask(lambda pipeline: pipeline.sandbox.init_report(duration_ms))
            self._send_made(self._ask(InvocationPipeline.adopted))

    def _restore_start(self, record: read.Record, at_ns: int) -> None:
        self._ask(lambda pipeline: pipeline.sandbox.restore_start(at_ns))

    def _restore_report(self, record: read.Record, at_ns: int) -> None:
        fields = read.read_restore_report(record)
        if fields is not None and (duration_ms := _number(fields.duration_ms)) is not None:
            self._ask(lambda pipeline: pipeline.sandbox.restore_report(duration_ms))

    def _start(self, record: read.Record, at_ns: int) -> None:
        fields = record.get("record")
        if isinstance(fields, dict) and type(request_id := fields.get("requestId")) is str:
            self._ask(InvocationPipeline.platform_start, request_id, at_ns)

    # --- machines -------------------------------------------------------------------------------------------------------------

    def _feed(self, request_id: str, event: Any) -> None:
        for effect in self._traces.feed(request_id, event):
            if (perform := _PERFORM.get(type(effect))) is not None:
                perform(self, effect)
            else:
                self._unexpected(effect)

    def _unexpected(self, effect: Any) -> None:
        self._out.append(effect)

    def take_unexpected(self) -> list[Unexpected]:
        """Effects that only the agent can deal with, since it was asked last."""
        out, self._out = self._out, []
        return out

    def _begin_spans(self, effect: act.BeginSpans) -> None:
        self._ask(InvocationPipeline.begin, effect.request_id, effect.at, self._init_tags)

    def _take_start(self, effect: act.TakeStart) -> None:
        if isinstance(self._hand, StartFacts) and not self._ask(
            InvocationPipeline.take_start, effect.request_id, self._hand, otherwise=True
        ):
            self._ledger.drop("tags of captured payloads", "no room")

    def _take_end(self, effect: act.TakeEnd) -> None:
        if not isinstance(self._hand, EndFacts):
            return
        if not self._ask(InvocationPipeline.take_end, effect.request_id, self._hand, otherwise=True):
            self._ledger.drop("tags of captured payloads", "no room")
        if self._ask(InvocationPipeline.is_failure, effect.request_id, self._hand, otherwise=False):
            self._count_error(effect.request_id, self._now)

    def _refuse(self, effect: act.RefuseTracer) -> None:
        self._ledger.drop(CALL, effect.reason)

    def _send_spans(self, effect: act.SendSpans) -> None:
        if effect.is_dead:
            self._ledger.note("invocations whose runtime ended without the library's end call")
        self._send_made(self._ask(InvocationPipeline.finish, effect.request_id, self._now))

    def _drop_spans(self, effect: act.DropSpans) -> None:
        self._ask(InvocationPipeline.drop, effect.request_id)
        self._over(effect.request_id)
        self._closed[effect.request_id] = None
        if len(self._closed) > CLOSED_REMEMBERED:
            del self._closed[next(iter(self._closed))]

    def _over(self, request_id: str) -> None:
        self._begun.pop(request_id, None)
        self._starts.over(request_id, self._now)
        self._ends.over(request_id, self._now)

    # --- the pipeline ---------------------------------------------------------------------------------------------------------

    def _ask(self, function: Callable[..., Any], *args: Any, otherwise: Any = None) -> Any:
        return self._pipeline.call(function, *args, now=self._now, otherwise=otherwise)

    def _send_made(self, made: Made | None) -> None:
        if made is not None:
            self._send(made, self._now)

    def _note(self, what: str, sentence: str) -> None:
        if self._ledger.note(what):
            self._say("WARN", sentence)


_PERFORM: dict[type, Callable[[InvocationTraces, Any], None]] = {
    act.BeginSpans: InvocationTraces._begin_spans,
    act.TakeStart: InvocationTraces._take_start,
    act.TakeEnd: InvocationTraces._take_end,
    act.RefuseTracer: InvocationTraces._refuse,
    act.SendSpans: InvocationTraces._send_spans,
    act.DropSpans: InvocationTraces._drop_spans,
}

_READERS: dict[str, Callable[[InvocationTraces, read.Record, int], None]] = {
    "platform.start": InvocationTraces._start,
    "platform.initStart": InvocationTraces._init_start,
    "platform.initReport": InvocationTraces._init_report,
    "platform.restoreStart": InvocationTraces._restore_start,
    "platform.restoreReport": InvocationTraces._restore_report,
}


def _held(pipeline: InvocationPipeline) -> int:
    return pipeline.statistics().contexts


def _ns_of(record: read.Record, now: Now) -> int:
    at_ms = read.parse_time_ms(record.get("time"))
    return (now.epoch_ms if at_ms is None else at_ms) * NS


def _latency_ms(fields: Mapping[str, Any]) -> float | None:
    """Of a managed instance's report: the time until the response, which is what the function took."""
    spans = fields.get("spans")
    for span in spans if isinstance(spans, list) else ():
        if isinstance(span, dict) and span.get("name") == "responseLatency":
            return _number(span.get("durationMs"))
    return None


def _number(value: object) -> float | None:
    """A number of milliseconds that a span can last; no boolean, and nothing that has no end, or none that a float could tell."""
    return float(value) if isinstance(value, (int, float)) and type(value) is not bool and abs(value) < DURATION_MS_MAX else None
