"""The agent: inputs in, machines and pipelines at work, outputs out. No socket, no clock, no file.

`receive` is one synchronous call that runs to completion: when it returns, every machine has had its say and every record is
where it belongs.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fsm import effects as do
from fsm import events as ev
from fsm.engine import Arm, Disarm, Step, Unexpected
from fsm.time import Now
from protocols import telemetry_records as read
from protocols.extensions_api import NextInvoke, NextShutdown, Refusal, Registration
from protocols.halves import halve
from protocols.http_server import Headers, Request
from protocols.intake_body import Body
from protocols.spool_format import DATAGRAMS, REQUEST, Kept, Taken
from protocols.spool_format import read_request as request_of
from reactor.agent import inputs as given
from reactor.agent.codec import Codec, Plain
from reactor.agent.contain import NOT_LOADED, not_loaded
from reactor.agent.destinations import Destinations
from reactor.agent.invocation_door import InvocationDoor
from reactor.agent.ledger import Ledger
from reactor.agent.machines import build
from reactor.agent.measuring import USAGE, Measuring, Probe
from reactor.agent.outbox import INTAKE, PAYLOAD, Outbox
from reactor.agent.outputs import Answer, ClearTimer, ForgetPayload, KeepPayloads, Payload, Say, SetTimer
from reactor.agent.wiring import Pipelines
from reactor.config.aws import SandboxEnvironment
from reactor.config.values import Settings

if TYPE_CHECKING:
    from pipelines.invocation.pipeline import Made
    from pipelines.traces.facts import Hooks
    from reactor.agent.invocation_traces import InvocationTraces
    from reactor.agent.own_metrics import OwnMetrics

CLOSED_REMEMBERED = 200  # request ids whose records, should more come, are known to be late
HELD_BYTES_MAX = 1024 * 1024  # of datagrams that arrive before the registration is answered
DATAGRAM_COST_BYTES = 64  # what a short one takes besides its text
INVOCATION = "invocation"  # owner of what one invocation's machine asks for; it arms no timers
FAILED = ("timeout", "failure")  # reasons of a shutdown that are about what was running
SPINDOWN = "spindown"  # the reason of a shutdown after which the sandbox, and its /tmp, are gone
FLUSHING_AT_FIRST_END = ("default", "end")  # strategies that flush at the end of the first invocation
JUMP_MS = 1_000  # a gap that no one was awake for


class Agent:
    """Everything that is decided and everything that is collected, for one sandbox, on demand or managed."""

    def __init__(
        self,
        settings: Settings,
        sandbox: SandboxEnvironment,
        architecture: str,
        random: Callable[[], float],
        now: Now,
        watch: Callable[[Step], None] | None = None,
        codec: Codec | None = None,
        probe: Probe | None = None,
    ) -> None:
        """Without a `codec` bodies stay plain. `probe` reads the sandbox's counters; None: nothing is measured."""
        self.ledger = Ledger()
        self.registration: Registration | None = None
        self._settings, self._sandbox, self._architecture, self._random = settings, sandbox, architecture, random
        self._out: list[Any] = []
        self._began = self._now = now
        self._machines = build(settings, sandbox.is_managed, now, watch)
        measures = settings.enhanced_metrics and settings.lambda_proc_enhanced_metrics
        self._own = _own_metrics(settings)
        self._measuring = Measuring(probe, measures, sandbox.is_managed, self.ledger, self._say)
        self.lifecycle, self.invocations = self._machines.lifecycle, self._machines.invocations
        self._codec = codec or Plain()
        self.outbox = Outbox(self.ledger, random, watch, self._halves_of)
        self.destinations = Destinations(settings)
        self.pipelines: Pipelines | None = None
        self._traced = InvocationDoor(lambda: self._make_traced(watch), sandbox.has_wrapper, self._not_loaded)
        self._held: list[given.Datagrams] = []
        self._held_bytes = 0
        self._closed: dict[str, None] = {}  # in order, the oldest first
        self._begun: deque[tuple[str, object]] = deque(maxlen=CLOSED_REMEMBERED)
        self._refusing = False
        self._has_spool = False
        self._ended_by = ""  # why the sandbox ends, once it does
        self._may_return = True  # another process may follow in this sandbox: it was not told to go for good
        self._confirmed = 0
        self._takers: dict[type, Callable[[Any], None]] = {
            given.Begin: self._begin,
            given.RegisterAnswered: self._registered,
            given.SubscribeAnswered: self._subscribed,
            given.NextAnswered: self._next_answered,
            given.Telemetry: self._telemetry,
            given.Datagrams: self._datagrams,
            given.Traces: self._library_request,
            given.ClientTraceStats: self._library_request,
            given.PassedOn: self._library_request,
            given.NotServed: lambda item: self.ledger.refuse(item.what, item.reason),
            given.Called: self._called,
            given.FlushCalled: self._flush_called,
            given.TimerDue: self._timer_due,
            given.SettleEnded: lambda _: self._tell(ev.Settled(self._now, len(self.invocations))),
            given.SendEnded: self._send_ended,
            given.KeyFound: self._key_found,
            given.Recovered: self._recovered,
            given.Terminated: lambda _: self._tell(ev.Sigterm(self._now)),
            given.Crashed: lambda crash: self._tell(ev.RegionCrashed(self._now, crash.region, crash.times)),
        }

    def receive(self, item: given.Input, now: Now) -> list[Any]:
        """Take one input; return what a performer must do, in order (`outputs`)."""
        self._out = []
        if self.lifecycle.state in self.lifecycle.table.final:
            return self._out  # it has asked to exit; what still comes in meanwhile is nobody's any more
        before, self._now = self._now, now
        self._notice_gap(before, now)
        self._takers[type(item)](item)
        if self._own is not None:
            self._own.watch(self._out, self.outbox.confirmed, now)
        return self._out

    @property
    def is_flushed(self) -> bool:
        """Everything that was sealed is delivered, set aside or dropped."""
        return self.outbox.confirmed >= self.outbox.number

    def account(self) -> str:
        """The line at the end: what was lost or refused, with reasons; empty if nothing was."""
        if self.pipelines is not None:
            self.pipelines.account(self._now)
        return self.ledger.line()

    # --- inputs ---------------------------------------------------------------------------------------------------------------

    def _begin(self, item: given.Begin) -> None:
        if self._machines.warning:
            self._say("WARN", self._machines.warning)
        self._tell(ev.Started(self._now))

    def _registered(self, item: given.RegisterAnswered) -> None:
        if isinstance(item.answer, Refusal):
            self._tell(ev.RegisterFailed(self._now, item.answer.reason))
            return
        self.registration = item.answer
        self.pipelines = self._make_pipelines()
        self.pipelines.tracing.hooks = self._hooks
        for held in self._held:
            self.ledger.accept("datagram", len(held.datagrams))
            self.pipelines.take_datagrams(held.datagrams, self._now)
        self._held.clear()
        self._tell(ev.Registered(self._now))

    def _make_pipelines(self) -> Pipelines:
        account_id = self.registration.account_id if self.registration else "none"
        return Pipelines(self._settings, self._sandbox, self._architecture, account_id, self._random, self.ledger, self._say, self._began)

    def _make_traced(self, watch: Callable[[Step], None] | None) -> "InvocationTraces":
        from reactor.agent.invocation_settings import make_id_from, settings_for
        from reactor.agent.invocation_traces import InvocationTraces

        account_id = self.registration.account_id if self.registration else "none"
        settings = settings_for(self._settings, self._sandbox, account_id)
        return InvocationTraces(settings, make_id_from(self._random), self.ledger, self._say, self._send_spans, self._count_error, watch)

    def _not_loaded(self, what: str, error: Exception) -> None:
        self.ledger.refuse(what, NOT_LOADED)
        if self.ledger.note("parts that cannot be loaded"):
            self._say("ERROR", not_loaded("what libraries tell of invocations is lost", error))

    def _hooks(self) -> "Hooks":
        from pipelines.traces.facts import Hooks

        return Hooks(on_request=self._traced.on_request, on_span=self._traced.on_span)

    def _send_spans(self, made: "Made", now: Now) -> None:
        if self.pipelines is not None:
            self.ledger.accept("span", len(made.spans))
            self.pipelines.tracing.take_own(made.spans, made.computed_stats, now)

    def _count_error(self, request_id: str, now: Now) -> None:
        if self.pipelines is not None:
            self.pipelines.count_error(request_id, now)

    def _subscribed(self, item: given.SubscribeAnswered) -> None:
        if item.refusal is None:
            self._tell(ev.Subscribed(self._now))
        else:
            self._say("WARN", f"no telemetry, flushing at the start of each invocation instead: {item.refusal.reason}")
            self._tell(ev.SubscriptionRefused(self._now, item.refusal.reason))

    def _next_answered(self, item: given.NextAnswered) -> None:
        match item.answer:
            case NextInvoke(request_id, deadline_ms):
                self._feed(self._machines.next_region, ev.Invoke(self._now, request_id, deadline_ms))
            case NextShutdown(reason, deadline_ms):
                self._say("PLAIN", f"Exiting: {reason}, deadline: {deadline_ms}")
                self._ended_by, self._may_return = reason, reason != SPINDOWN
                if self.pipelines:
                    self.pipelines.count_shutdown(self._now)
                    self.pipelines.count_usage(self._measuring.whole(), self._now)
                self._feed(self._machines.next_region, ev.Shutdown(self._now, reason, deadline_ms))
            case Refusal(reason, fatal):
                self.ledger.note("failed calls for the next event")
                self._feed(self._machines.next_region, ev.NextFailed(self._now, reason, fatal))

    def _telemetry(self, item: given.Telemetry) -> None:
        for reason in item.refused:
            self.ledger.refuse("telemetry record", reason)
        if self._refusing or self.pipelines is None:
            self.ledger.refuse("telemetry record", "after the end" if self._refusing else "before the registration", len(item.records))
            return
        self.ledger.accept("telemetry record", len(item.records))
        told = self.pipelines.take_records(item.records, self._now)
        for record in told:
            self._traced.record(record, self._now)
            if (reader := _READERS.get(record["type"])) is not None:
                reader(self, record)
        self._look_at_fullness()

    def _datagrams(self, item: given.Datagrams) -> None:
        if self._refusing:
            self.ledger.refuse("datagram", "after the end", len(item.datagrams))
        elif self.pipelines is not None:
            self.ledger.accept("datagram", len(item.datagrams))
            self.pipelines.take_datagrams(item.datagrams, self._now)
            self._look_at_fullness()
        else:
            self._hold(item)

    def _library_request(self, item: given.Traces | given.ClientTraceStats | given.PassedOn) -> None:
        what, count = _kind_of(item)
        if (pipelines := self._collecting(what, count)) is not None:
            self.ledger.accept(what, count)
            pipelines.take_request(item, self._now)
            self._traced.spans_shown(self._now)
            self._look_at_traced()

    def _collecting(self, what: str, count: int) -> Pipelines | None:
        """The pipelines, while they take something; what comes outside that time is refused."""
        if self._refusing or self.pipelines is None:
            self.ledger.refuse(what, "after the end" if self._refusing else "before the registration", count)
            return None
        return self.pipelines

    def _called(self, item: given.Called) -> None:
        """Whatever is wrong with a call, it is answered: the library goes on without us."""
        headers: Headers = ()
        if self._collecting("call of a library", 1) is not None:
            headers = self._traced.call(item.call, self._now)
            self._look_at_traced()
        self._out.append(Answer(headers))

    def _flush_called(self, item: given.FlushCalled) -> None:
        self._feed("flush", ev.BackgroundFlushAsked(self._now, self._now.mono_ms + self._settings.flush_budget_ms))

    def _look_at_traced(self) -> None:
        for effect in self._traced.take_unexpected():
            self._unexpected(effect)
        self._look_at_fullness()

    def _hold(self, item: given.Datagrams) -> None:
        cost = sum(map(len, item.datagrams)) + DATAGRAM_COST_BYTES * len(item.datagrams)
        if self._held_bytes + cost > HELD_BYTES_MAX:
            self.ledger.drop("datagram", "before the registration", len(item.datagrams))
            return
        self._held.append(item)
        self._held_bytes += cost

    def _timer_due(self, item: given.TimerDue) -> None:
        if item.owner.startswith((PAYLOAD, INTAKE)):
            self._out += self.outbox.due(item, self._now)
            self._look_at_confirmed()
        elif item.owner == USAGE:
            self._measuring.due(item, self._now, self._out)
        else:
            self._feed(item.owner, item.tick(self._now, item.generation))

    def _send_ended(self, item: given.SendEnded) -> None:
        self._out += self.outbox.ended(item, self._now)
        self._look_at_confirmed()

    def _key_found(self, item: given.KeyFound) -> None:
        self._out += self.outbox.key_found(self._now)

    def _recovered(self, item: given.Recovered) -> None:
        """There is a spool. Make payloads of what an earlier process had taken, in pipelines of its own: its requests are not ours."""
        self._has_spool = True
        for kept in item.contents.kept:
            self._adopt(kept)
        if not (item.contents.taken or item.contents.waiting):
            return
        pipelines = self._make_pipelines()
        # A line whose owner is not known must wait for nobody, least of all for the next.
        pipelines.let_go(self._now)
        pipelines.adopt(item.contents.waiting, item.contents.request_id, self._now)
        for taken in item.contents.taken:
            self._retake(taken, pipelines)
        sealed = self._put_in_outbox(pipelines.bodies(self._now, self._encoded_size, final=True))
        pipelines.account(self._now)
        self._out.append(KeepPayloads(sealed))

    def _adopt(self, kept: Kept) -> None:
        body = kept.body
        if self.destinations.knows(body, kept.url, kept.key):
            self.ledger.note("payloads of an earlier process")
            self.outbox.adopt(kept.number, kept.url, body, kept.begun, kept.key)
        else:
            self.ledger.drop(body.kind, "for an intake that the settings do not name", body.items)
            self._out.append(ForgetPayload(kept.number))

    def _retake(self, taken: Taken, pipelines: Pipelines) -> None:
        """Count again what an earlier process had only in its memory. Of its invocations, what their records say."""
        now = Now(taken.epoch_ms, self._now.mono_ms)
        if taken.kind == DATAGRAMS:
            pipelines.take_datagrams([taken.data], now)
            return
        if taken.kind == REQUEST:
            self._retake_request(taken, pipelines, now)
            return
        records, _ = read.parse_batch(taken.data)
        self.ledger.note("telemetry records of an earlier process", len(records))
        for record in pipelines.take_records(records, now):
            if (fields := _request(record)) is None:
                continue
            if record["type"] == "platform.start" and self._machines.opened_by_start:
                pipelines.count_invocation(fields["requestId"], now)
            elif record["type"] == "platform.runtimeDone":
                pipelines.count_runtime(record, now)
            elif record["type"] == "platform.report":
                pipelines.count_report(record, now)

    def _retake_request(self, taken: Taken, pipelines: Pipelines, now: Now) -> None:
        from reactor.agent.requests import told

        try:
            method, target, headers, body, sealed = request_of(taken.data)
            for item in told(Request(method, target, headers, body)):
                if isinstance(item, given.Traces) and item.piece < sealed:
                    continue  # it was in a payload when the rest of the request was written down
                if isinstance(item, given.Traces | given.ClientTraceStats | given.PassedOn):
                    pipelines.take_request(item, now)
        except Exception:  # whoever can write to /tmp may have written it
            self.ledger.refuse("request of an earlier process", "not readable")
            return
        self.ledger.note("requests of an earlier process")

    # --- records --------------------------------------------------------------------------------------------------------------

    def _start(self, record: read.Record) -> None:
        if (fields := _request(record)) is None:
            return
        request_id = fields["requestId"]
        if not self._machines.opened_by_start:
            self._invocation(request_id, ev.InvocationStarted(self._now, request_id))
        elif (begun := (request_id, record.get("time"))) in self._begun:
            self.ledger.note("records that came twice")
        else:
            self._begun.append(begun)
            self._open(do.OpenInvocation(request_id))

    def _runtime_done(self, record: read.Record) -> None:
        if (fields := _request(record)) is not None:
            event = ev.RuntimeDone(self._now, fields["requestId"], _status_of(fields), record)
            self._invocation(event.request_id, event)
            self._tell(event)

    def _report(self, record: read.Record) -> None:
        if (fields := _request(record)) is not None:
            event = ev.Report(self._now, fields["requestId"], _status_of(fields), record)
            self._invocation(event.request_id, event)
            self._tell(event)

    def _restore_start(self, record: read.Record) -> None:
        self._tell(ev.Restored(self._now))

    # --- machines -------------------------------------------------------------------------------------------------------------

    def _tell(self, event: Any) -> None:
        self._feed("lifecycle", event)

    def _feed(self, region: str, event: Any) -> None:
        for owner, effect in self._machines.regions.feed(region, event):
            self._perform(owner, effect)

    def _invocation(self, request_id: str, event: Any) -> None:
        if request_id in self._closed:
            self.ledger.note("records of invocations that were over")
            return
        for effect in self.invocations.feed(request_id, event):
            self._perform(INVOCATION, effect)

    def _open(self, effect: do.OpenInvocation) -> None:
        request_id = effect.request_id
        if self._is_blind():
            self._traced.superseded(self._now)
        if not self._machines.opened_by_start:  # where one at a time runs, the one before is over
            for closing in self.invocations.feed_all(lambda _: ev.Superseded(self._now)):
                self._perform(INVOCATION, closing)
        self._closed.pop(request_id, None)  # if it was there, it is tried again, under the same id
        self._invocation(request_id, ev.Opened(self._now, request_id))
        self._out += self.outbox.probe(self._now)

    def _end_open(self, effect: do.EndOpenInvocations) -> None:
        if self._ended_by in FAILED:  # no record may have told so (specification, lifecycle 14)
            self._traced.cut_short(self._ended_by, self._now)
        for closing in self.invocations.feed_all(lambda _: ev.Stopped(self._now)):
            self._perform(INVOCATION, closing)
        self._traced.stopped(self._now)
        if self.pipelines is not None:
            self.pipelines.let_go(self._now)

    def _perform(self, owner: str, effect: Any) -> None:
        """Do what a machine asks for; what the agent cannot do itself goes out."""
        if (perform := _PERFORM.get(type(effect))) is not None:
            perform(self, effect)
        elif isinstance(effect, Arm):
            self._out.append(SetTimer(owner, effect.tick, effect.generation, effect.at_mono_ms))
        elif isinstance(effect, Disarm):
            self._out.append(ClearTimer(owner, effect.tick))
        else:
            self._out.append(effect)

    def _gave_up_waiting(self, effect: do.GaveUpWaiting) -> None:
        self.ledger.note("invocations whose end was not seen before their deadline")
        self._measuring.rest(self._out)
        self._say("DEBUG", f"the end of {effect.request_id} was not seen before its deadline drew near")

    def _left_unseen(self, effect: do.LeaveUnseen) -> None:
        self.ledger.note("invocations whose end was not seen before the next began")

    def _spool(self, effect: do.Spool) -> None:
        if self._has_spool and self._may_return:
            self.ledger.note("payloads left to the next process in this sandbox", len(self.outbox))
        else:
            self._out += self.outbox.discard_all("not sent before the sandbox ended", self._now)
        self._tell(ev.Spooled(self._now))

    def _refuse_input(self, effect: do.RefuseInput) -> None:
        self._refusing = True
        self._out.append(effect)

    def _count_invocation(self, effect: do.CountInvocation) -> None:
        assert self.pipelines is not None
        self.ledger.note("invocations")
        if (runtime := self._measuring.runtime()) is not None:
            self.pipelines.set_runtime(runtime, self._now)
        start = None if self._is_blind() else self._measuring.begin(effect.request_id, self._now, self._out)
        self.pipelines.count_invocation(effect.request_id, effect.at, start)
        self._traced.opened(effect.request_id, effect.at, self.pipelines.init_tags(self._now), self._now)

    def _is_blind(self) -> bool:
        """No record of the invocation's end will come."""
        return not self._machines.opened_by_start and self.lifecycle.data.blind

    def _count_runtime(self, effect: do.CountRuntime) -> None:
        assert self.pipelines is not None
        self.pipelines.count_runtime(effect.done.fields, self._now, self._measuring.snapshot())
        self.pipelines.count_usage(self._measuring.end(effect.done.request_id, self._out), self._now)
        self._traced.runtime_done(effect.done, self._now)

    def _count_report(self, effect: do.CountReport) -> None:
        assert self.pipelines is not None
        self.pipelines.count_report(effect.report.fields, self._now, self._measuring.snapshot(), self._reads_ahead())
        self.pipelines.count_usage(self._measuring.end(effect.report.request_id, self._out), self._now)
        self._traced.reported(effect.report, self._now)

    def _reads_ahead(self) -> bool:
        """What is read now, the reference would read after the next INVOKE: it has flushed at the end of one, and asks for the next.

        The kind of strategy tells it well enough: the first invocation is the one whose tags differ from those of the next.
        """
        return self.lifecycle.state in self._machines.waiting and self._settings.serverless_flush_strategy[0] in FLUSHING_AT_FIRST_END

    def _close(self, effect: do.CloseInvocation) -> None:
        assert self.pipelines is not None
        self._measuring.forget(effect.request_id, self._out)
        self._traced.closed(effect.request_id, self._now)
        self._closed[effect.request_id] = None
        if len(self._closed) > CLOSED_REMEMBERED:
            del self._closed[next(iter(self._closed))]
        if effect.how != "reported":
            self.pipelines.forget(effect.request_id, self._now)
            self.ledger.note(f"invocations {effect.how} before their report")

    def _unexpected(self, effect: Unexpected) -> None:
        if self.ledger.note(f"unexpected: {effect.event} in {effect.machine} {effect.state}"):
            self._say("WARN", f"not expected: {effect.event} while {effect.machine} is in {effect.state}")
        self._out.append(effect)

    # --- what follows ---------------------------------------------------------------------------------------------------------

    def _seal(self, effect: do.Seal) -> None:
        if self.pipelines is not None:
            self.pipelines.count_interval(self._measuring.interval(), self._now)
            self._count_own(self.pipelines)
            at_end = not self._machines.opened_by_start  # on managed instances nothing freezes
            sealed = self._put_in_outbox(self.pipelines.bodies(self._now, self._encoded_size, effect.final, at_end))
            self._out.append(KeepPayloads(sealed, *self.pipelines.waiting(self._now)) if self._has_spool else KeepPayloads(sealed))
        self._out += self.outbox.flush(effect.until_mono_ms, self._now, effect.final)
        if self._own is not None:
            self._own.sealed(self.outbox.number, self._now)
        self._confirmed = self.outbox.confirmed
        self._feed("flush", ev.Sealed(self._now, self.outbox.number, self._confirmed))

    def _count_own(self, pipelines: Pipelines) -> None:
        if self._own is not None:
            counts = self.ledger.statistics()
            lost = Counter(counts.dropped) + Counter(counts.refused) + Counter(pipelines.own_losses(self._now))
            pipelines.count_own(self._own.take(counts.accepted, lost), self._now)

    def _put_in_outbox(self, bodies: Iterable[Body]) -> tuple[Payload, ...]:
        """Encode each body once, before the next is made; the main intakes first, then a payload of its own for each additional one."""
        encoded, sealed = [], []
        for body in bodies:
            place, sent = self.destinations.main(body), self._codec.encode(body)
            encoded.append(sent)
            sealed.append(self.outbox.add(place.url, body if place.is_plain else sent))
        for sent in encoded:
            sealed += [self.outbox.add(place.url, sent, place.key) for place in self.destinations.additional(sent)]
        return tuple(sealed)

    def _halves_of(self, body: Body) -> Sequence[Body]:
        halves = halve(self._codec.decode(body))
        return [self._codec.encode(half) for half in halves] if body.encoding else halves

    def _encoded_size(self, series: bytes) -> int:
        return len(self._codec.encode(Body("series", "", "", series, 0)).raw)

    def _look_at_confirmed(self) -> None:
        confirmed = self.outbox.confirmed
        if confirmed != self._confirmed:
            self._confirmed = confirmed
            self._feed("flush", ev.Confirmed(self._now, confirmed))

    def _look_at_fullness(self) -> None:
        if self.pipelines is not None and self.pipelines.is_nearly_full:
            self._tell(ev.NearlyFull(self._now))

    def _notice_gap(self, before: Now, now: Now) -> None:
        """A freeze by SIGSTOP moves both clocks while nothing is heard; one of the whole machine moves the wall clock alone."""
        awake_ms, passed_ms = now.mono_ms - before.mono_ms, now.epoch_ms - before.epoch_ms
        asleep = awake_ms > JUMP_MS and self.lifecycle.state in self._machines.waiting
        if asleep or abs(passed_ms - awake_ms) > JUMP_MS:
            self._tell(ev.Thawed(now, passed_ms, passed_ms - awake_ms))

    def _say(self, level: str, text: str) -> None:
        self._out.append(Say(level, text))


def _own_metrics(settings: Settings) -> "OwnMetrics | None":
    if not settings.extension_metrics:
        return None
    from reactor.agent.own_metrics import OwnMetrics

    return OwnMetrics()


def _kind_of(item: given.Traces | given.ClientTraceStats | given.PassedOn) -> tuple[str, int]:
    """What a request to port 8126 brings, as the ledger calls it, and how much of it."""
    if isinstance(item, given.Traces):
        return "span", sum(len(chunk.spans) for chunk in item.decoded.chunks)
    return ("statistics", 1) if isinstance(item, given.ClientTraceStats) else (item.proxied.product, 1)


def _status_of(fields: dict[str, Any]) -> str:
    """How it ended. A record that does not say so tells of no failure."""
    return read.read_text(fields.get("status")) or "success"


def _request(record: read.Record) -> dict[str, Any] | None:
    """The content of a record that names its request; the pipelines read its figures, once, when they count them."""
    fields = record.get("record")
    if type(fields) is dict and type(request_id := fields.get("requestId")) is str and request_id:
        return fields
    return None


_READERS: dict[str, Callable[[Agent, read.Record], None]] = {
    "platform.start": Agent._start,
    "platform.runtimeDone": Agent._runtime_done,
    "platform.report": Agent._report,
    "platform.restoreStart": Agent._restore_start,
}

_PERFORM: dict[type, Callable[[Agent, Any], None]] = {
    do.OpenInvocation: Agent._open,
    do.EndOpenInvocations: Agent._end_open,
    do.Seal: Agent._seal,
    do.Spool: Agent._spool,
    do.RefuseInput: Agent._refuse_input,
    do.GaveUpWaiting: Agent._gave_up_waiting,
    do.LeaveUnseen: Agent._left_unseen,
    do.CountInvocation: Agent._count_invocation,
    do.CountRuntime: Agent._count_runtime,
    do.CountReport: Agent._count_report,
    do.CloseInvocation: Agent._close,
    Unexpected: Agent._unexpected,
}
