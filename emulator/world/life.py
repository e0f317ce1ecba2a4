"""One life of an extension in its sandbox: start, invocations, end. It holds the extension to its promises as they fall due.

What can only be judged afterwards (was everything delivered?) is in `check`.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path, PurePosixPath

import attrs
import trio
from trio.testing import MockClock

from emulator import records
from emulator.intake import Intake
from emulator.values import FunctionConfig
from emulator.world.api import Api
from emulator.world.extension import Extension, Figures, Make, Place
from emulator.world.feed import Feed
from emulator.world.history import History
from emulator.world.items import Item, Items
from emulator.world.scenario import LINES, Ending, Invocation, Life, Scenario, Work
from emulator.world.wire import PacedStream, WorldNetwork, accept
from reactor.net.clock import SimulatedClock

PLATFORM_PORT, INTAKE_PORT, DATAGRAM_PORT, TRACE_PORT = 9001, 8080, 8125, 8126
SLACK_MS = 30  # for turns of the loop, steps of the settling, and an answer in pieces
SETTLE_MS = 5
WAIT_RESERVE_MS, FLUSH_RESERVE_MS = 200, 100
REGISTER_MS_MAX, SUBSCRIBE_MS_MAX = 10_000, 300
BACKOFF_MS_MAX = 800
FAILURES_MAX = 4  # calls for the next event that may fail in a row; the extension gives the platform up at more
UNKNOWN_DEADLINE_MS = 3_000
FARTHEST_DEADLINE_MS = 900_000 + WAIT_RESERVE_MS  # no function may run for longer: beyond that a deadline is a clock that is wrong
SHUTDOWN_MS, SIGTERM_MS, FATAL_MS, REPORT_ERROR_MS = 2_000, 500, 2_000, 300
BACKOFFS_MS = 50 + 100 + 200 + 400 + 800
EARLY_STRATEGIES = ("end", "default")  # always wait for the end of the runtime, in lives as short as these

FUNCTION = FunctionConfig(handler="app.handler", task_root=PurePosixPath("/var/task"))  # type: ignore[arg-type]  # nothing is read from it


@attrs.define
class World:
    """What all lives of a run share."""

    scenario: Scenario
    make: Make
    clock: SimulatedClock
    mock_clock: MockClock
    history: History
    items: Items
    intake: Intake
    random: Callable[[], float]
    spool: Path | None = None
    request_ids: int = 0


@attrs.define
class Account:
    """What one life leaves behind for the checks."""

    number: int
    life: Life
    code: int | None = None  # None: it was killed, or failed
    is_killed: bool = False
    figures: Figures | None = None
    datagrams_sent: list[tuple[bytes, Item]] = attrs.field(factory=list)
    datagrams_taken: list[tuple[float, bytes]] = attrs.field(factory=list)  # when (trio's time), and what
    ended_at_s: float = 0.0
    events_given: int = 0
    is_ordered: bool = True  # nothing of the telemetry was lost or out of order: each line is read under its own invocation
    records_posted: int = 0
    records_accepted: int = 0
    first_arrival: int = 0
    end_arrival: int = 0
    errors_reported: list[str] = attrs.field(factory=list)


class LifeRun:
    """Lives one life."""

    def __init__(self, world: World, number: int, life: Life) -> None:
        self._world, self._number, self._life, self._history = world, number, life, world.history
        self._network = WorldNetwork()
        scenario = world.scenario
        self._feed = Feed(number, self._network, world.history, life.troubles, scenario.pieces)
        self._feed.read = self._read
        self._api = Api(number, life, scenario.latency_ms, scenario.pieces, world.history, self._feed.subscribe, self._look_again)
        self.account = Account(number, life, first_arrival=len(world.intake.arrivals()))
        self._changed, self._gone = trio.Event(), False
        self._scope = trio.CancelScope()
        self._extension: Extension | None = None
        self._request_id = ""
        self._given_at_ms = self._deadline_at_ms = 0
        self._end_told_at_ms: int | None = None
        self._is_end_ambiguous = self._may_ask_early = True
        self._ends: tuple[records.Record, ...] = ()  # the records that tell the end of the invocation in hand
        self._owed: list[records.Record] = []  # reports that come inside the next invocation
        self._failures = 0
        self._spool_at_kill: bytes | None = None

    async def run(self) -> Account:
        world, network = self._world, self._network
        async with trio.open_nursery() as nursery:
            self._platform_listener = await network.listen("", PLATFORM_PORT)
            nursery.start_soon(accept, self._platform_listener, self._api.serve)
            nursery.start_soon(accept, await network.listen("", INTAKE_PORT), self._serve_intake)
            nursery.start_soon(self._feed.run)
            self._history.note("life %d begins", self._number)
            self._extension = world.make(self._place())
            nursery.start_soon(self._run_extension, self._extension)
            await self._live()
            if not self._gone:
                self._scope.cancel()
            await self._until(lambda: self._gone, float("inf"))
            self.account.ended_at_s = trio.current_time()
            self._restore_spool()
            await trio.sleep(0.01)  # what was sent before the end still reaches the intake
            nursery.cancel_scope.cancel()
        self._close()
        return self.account

    def _place(self) -> Place:
        scenario = self._world.scenario
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{PLATFORM_PORT}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION.name,
            "AWS_LAMBDA_FUNCTION_VERSION": FUNCTION.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(FUNCTION.memory_mb),
            "AWS_REGION": FUNCTION.region,
            "DD_API_KEY": "0" * 32,
            "DD_URL": f"http://intake:{INTAKE_PORT}",
            "DD_LOGS_CONFIG_LOGS_DD_URL": f"http://intake:{INTAKE_PORT}",
            "DD_SERVERLESS_FLUSH_STRATEGY": scenario.strategy,
            "DD_FLUSH_BUDGET_MS": str(scenario.flush_budget_ms),
        }
        return Place(environment, self._network, self._world.clock, self._hear, self._world.random, self._spool_path())

    def _spool_path(self) -> str | None:
        return None if self._world.spool is None else str(self._world.spool)

    def _hear(self, level: str, text: str) -> None:
        """A line of the extension's own comes back to it as telemetry."""
        self._history.note("says %s: %s", level, text)
        if level != "DEBUG":
            line = f'{{"status":"{level}","message":"DD_EXTENSION | {level} | said"}}'
            self._feed.emit(records.log_line("extension", self._epoch_ms(), line))

    async def _run_extension(self, extension: Extension) -> None:
        try:
            with self._scope:
                self.account.code = await extension.run()
        except Exception as error:
            self._violate("exception", f"out of the process: {_innermost(error)!r}")
        self._history.note("the extension is gone, exit code %s", self.account.code)
        self._gone = True
        self._look_again()

    async def _serve_intake(self, stream: trio.abc.Stream) -> None:
        scenario = self._world.scenario
        await self._world.intake.serve_connection(PacedStream(stream, scenario.latency_ms, scenario.pieces))

    def _close(self) -> None:
        account, feed = self.account, self._feed
        assert self._extension is not None
        feed.owners.close()
        account.figures = self._extension.figures()
        account.datagrams_taken = self._network.taken
        account.records_posted, account.records_accepted = feed.records_posted, feed.records_accepted
        account.end_arrival = len(self._world.intake.arrivals())
        account.errors_reported = self._api.errors

    # --- the course of it

    async def _live(self) -> None:
        self._emit(records.init_start(FUNCTION, self._epoch_ms(), "init" if not self._number else "invoke", "instance"))
        if not await self._started():
            return
        self._emit(records.init_runtime_done(FUNCTION, self._epoch_ms(), "init", "success"))
        self._emit(records.init_report(FUNCTION, self._epoch_ms(), "init", "success", 100.0))
        for _ in range(self._life.crowd):
            await self._network.connect("127.0.0.1", TRACE_PORT)
        invocations, ending = self._life.invocations, self._life.ending
        for invocation in invocations:
            cut_ms = ending.at_ms if invocation is invocations[-1] else None
            if not await self._invoke(invocation, cut_ms):
                return
            self._look_at_bounds()
        await trio.sleep(ending.idle_ms / 1000)
        await _ENDINGS[ending.kind](self, ending)

    async def _started(self) -> bool:
        """From the process's start to its first call for the next event."""
        life, latency_ms = self._life, self._world.scenario.latency_ms
        if life.register != "200":
            bound_ms = REGISTER_MS_MAX if life.register == "silent" else min(life.register_ms, REGISTER_MS_MAX)
            await self._expect_gone(bound_ms + latency_ms + SLACK_MS, 1, "after its registration failed")
            return False
        subscribe_ms = life.subscribe_ms + latency_ms if life.subscribe == "200" else SUBSCRIBE_MS_MAX
        bound_ms = life.register_ms + latency_ms + min(subscribe_ms, SUBSCRIBE_MS_MAX) + SLACK_MS
        return await self._expect_asked(self._now_ms() + bound_ms, "for the first time")

    async def _invoke(self, invocation: Invocation, cut_ms: int | None) -> bool:
        """One invocation; says whether the life goes on."""
        if not await self._ready_for(invocation):
            return False
        is_retry = invocation.is_retry and self._request_id != ""
        was_told = self._end_told_at_ms is not None
        # Of a retry that is told before it begins, or whose first try's end was not told, the records cannot be told apart.
        self._is_end_ambiguous = is_retry and (invocation.is_early or not was_told)
        if not is_retry:
            self._world.request_ids += 1
            self._request_id = f"request-{self._world.request_ids}"
        self._end_told_at_ms = None
        self._ends = ()
        self._pay_owed()
        if invocation.start_record == "sent":
            self._emit(records.start(FUNCTION, self._epoch_ms(), self._request_id, None, None, None))
        self.account.is_ordered &= _is_ordered(invocation) and not is_retry
        if invocation.is_early:
            self._emit_end(invocation)
            with trio.move_on_after(0.3):
                await self._feed.drained()
        if not await self._give_event(invocation, is_retry):
            return False
        with trio.CancelScope() as scope:
            if cut_ms is not None:
                scope.deadline = trio.current_time() + cut_ms / 1000
            return await self._run_function(invocation)
        if self._life.ending.kind == "shutdown":  # the runtime crashed in that moment, if it was not over
            if self._ends:
                return await self._expect_asked_in_time()
            self._emit_end(attrs.evolve(invocation, outcome="crash", is_early=False))
            self._feed.open()
            return await self._expect_asked_in_time()
        return not self._gone

    async def _ready_for(self, invocation: Invocation) -> bool:
        """The sandbox rests, wakes up, and perhaps the platform stumbles before it gives the event."""
        if not await self._expect_asked_in_time():
            return False
        await self._rest(invocation)
        event = {
            "eventType": "INVOKE",
            "requestId": "never-given",
            "deadlineMs": self._epoch_ms() + 3_000,
            "invokedFunctionArn": FUNCTION.arn,
        }
        for fault in invocation.ask_faults:
            if self._failures >= FAILURES_MAX:
                break
            self._failures += 1
            self._history.note("next is answered badly: %s", fault)
            await self._api.give_fault(fault, event)
            bound_ms = self._now_ms() + BACKOFF_MS_MAX + self._world.scenario.latency_ms + SLACK_MS
            if not await self._expect_asked(bound_ms, f"again after {fault}"):
                return False
        return True

    async def _rest(self, invocation: Invocation) -> None:
        self._feed.close()
        if invocation.pause_ms:
            self._history.note("the sandbox rests for %d ms, %s", invocation.pause_ms, invocation.frozen or "awake")
        if invocation.frozen == "stopped":
            await trio.sleep(0.002)
            self._world.mock_clock.jump(invocation.pause_ms / 1000)
        elif invocation.frozen == "jumped":
            self._world.clock.jump(invocation.pause_ms)
        else:
            await trio.sleep(invocation.pause_ms / 1000)
        self._feed.open()

    async def _give_event(self, invocation: Invocation, is_retry: bool) -> bool:
        scenario, life = self._world.scenario, self._life
        epoch_ms = self._epoch_ms()
        deadline_ms = epoch_ms + scenario.timeout_ms + life.skew_ms
        event = {
            "eventType": "INVOKE",
            "deadlineMs": deadline_ms,
            "requestId": self._request_id,
            "invokedFunctionArn": FUNCTION.arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-5759e988-bd862e3fe1be46a994272793"},
        }
        left_ms = deadline_ms - epoch_ms if deadline_ms > epoch_ms else UNKNOWN_DEADLINE_MS
        self._deadline_at_ms = self._now_ms() + min(left_ms, FARTHEST_DEADLINE_MS) + scenario.latency_ms
        is_lost = invocation.is_event_lost and self._failures < FAILURES_MAX
        blind = life.subscribe != "200" or life.subscribe_ms + scenario.latency_ms >= SUBSCRIBE_MS_MAX - SLACK_MS
        ordinary = scenario.strategy in EARLY_STRATEGIES and not (blind or is_lost or invocation.is_early or is_retry)
        self._may_ask_early = not ordinary or bool(invocation.jump_ms) or bool(life.skew_ms) or not self.account.is_ordered
        self._history.note("%s is given%s", self._request_id, ", but the answer breaks off" if is_lost else "")
        whole = await self._api.give(event, "half" if is_lost else "")
        self._given_at_ms = self._now_ms()
        if is_lost:
            self._failures += 1
            self._given_at_ms += BACKOFF_MS_MAX
        elif whole:
            self._failures = 0
            self.account.events_given += 1
        return not self._gone or self._unexpectedly_gone()

    async def _run_function(self, invocation: Invocation) -> bool:
        began = trio.current_time()
        duration_ms = invocation.duration_ms if invocation.outcome != "timeout" else self._world.scenario.timeout_ms
        steps: list[tuple[float, int, Callable[[], None]]] = []
        for work in invocation.work:
            steps.append((work.at_ms, len(steps), lambda work=work: self._work(work)))
        if invocation.jump_ms:
            steps.append((duration_ms / 2, len(steps), lambda: self._jump(invocation.jump_ms)))
        if not invocation.is_early:
            steps.append((duration_ms, 1_000, lambda: self._emit_end(invocation)))
        for at_ms, _, step in sorted(steps, key=lambda each: each[:2]):
            await trio.sleep_until(began + at_ms / 1000)
            step()
        await trio.sleep_until(began + duration_ms / 1000)
        return await self._expect_asked_in_time()

    def _work(self, work: Work) -> None:
        for _ in range(work.times):
            item = self._world.items.new(work.kind, self._number, self._request_id)
            if work.kind in LINES:
                self._feed.emit(records.log_line("function", self._epoch_ms(), item.record()), item)
            else:
                datagram = item.datagram()
                self.account.datagrams_sent.append((datagram, item))
                self._network.send_datagram(DATAGRAM_PORT, datagram)

    def _jump(self, jump_ms: int) -> None:
        self._history.note("the wall clock jumps by %d ms", jump_ms)
        self._world.clock.jump(jump_ms)

    def _emit_end(self, invocation: Invocation) -> None:
        now, request_id = self._epoch_ms(), self._request_id
        status = {"crash": "error", "timeout": "timeout"}.get(invocation.outcome, invocation.outcome)
        error_type = "Runtime.ExitError" if invocation.outcome == "crash" else None
        done = records.runtime_done(now, request_id, status, float(invocation.duration_ms), 8, error_type=error_type)
        metrics = {
            "durationMs": invocation.duration_ms + 0.4,
            "billedDurationMs": invocation.duration_ms + 1,
            "memorySizeMB": 128,
            "maxMemoryUsedMB": 90,
        }
        report = records.report(now, request_id, status, metrics, error_type=error_type)
        self._ends = (done, report)
        if invocation.done_record == "sent":
            self._emit(done)
        if invocation.report_record == "prompt":
            self._emit(report)
        self._owed += [done] if invocation.done_record == "late" else []
        self._owed += [report] if invocation.report_record == "late" else []

    def _pay_owed(self) -> None:
        for record in self._owed:
            self._emit(record)
        self._owed.clear()

    # --- endings

    async def _shut_down(self, ending: Ending) -> None:
        if not await self._expect_asked_in_time():
            return
        self._feed.open()
        self._pay_owed()
        life = self._life
        event = {"eventType": "SHUTDOWN", "shutdownReason": ending.reason, "deadlineMs": self._epoch_ms() + SHUTDOWN_MS + life.skew_ms}
        self._history.note("SHUTDOWN is given: %s", ending.reason)
        end_ms = SHUTDOWN_MS + self._world.scenario.latency_ms * (life.skew_ms != 0)
        given_at_ms = self._now_ms()
        if not await self._api.give(event):
            return
        self._work(Work(0, "text", ending.late_lines))
        await self._expect_gone(given_at_ms + end_ms - self._now_ms(), 0, "by its shutdown deadline")

    async def _terminate(self, ending: Ending) -> None:
        assert self._extension is not None
        self._history.note("SIGTERM")
        self._extension.terminate()
        self._work(Work(0, "text", ending.late_lines))
        await self._expect_gone(SIGTERM_MS + SLACK_MS, 0, "after SIGTERM")

    async def _kill(self, ending: Ending) -> None:
        self._history.note("SIGKILL")
        self.account.is_killed = True
        if (spool := self._world.spool) is not None and spool.exists():
            self._spool_at_kill = spool.read_bytes()
        self._scope.cancel()

    def _restore_spool(self) -> None:
        """A process that is killed tidies nothing up: what its cancelled tasks still wrote has not been written."""
        if self._spool_at_kill is not None and self._world.spool is not None:
            self._world.spool.write_bytes(self._spool_at_kill)

    async def _refuse(self, ending: Ending) -> None:
        if await self._expect_asked_in_time():
            self._history.note("next is refused for good")
            await self._api.give_fault("403", {})
            await self._expect_gone(
                FATAL_MS + REPORT_ERROR_MS + self._world.scenario.latency_ms + SLACK_MS, 1, "after the platform refused it"
            )
            if not self._gone or self._api.errors != ["Extension.PlatformLost"]:
                self._violate("error not reported", f"the platform was told {self._api.errors}")

    async def _vanish(self, ending: Ending) -> None:
        if await self._expect_asked_in_time():
            self._history.note("the platform is gone")
            await self._platform_listener.aclose()
            await self._api.vanish()
            await self._expect_gone(BACKOFFS_MS + FATAL_MS + REPORT_ERROR_MS + 6 * SLACK_MS, 1, "after the platform went away")

    # --- promises

    async def _expect_asked_in_time(self) -> bool:
        """Within what the strategy and the deadline promise (fsm's bounds, and what was told so far)."""
        if not await self._until_asked(self._ask_bound_ms):
            return False
        self._judge_asking()
        return True

    def _ask_bound_ms(self) -> float:
        if not self._request_id:
            return self._now_ms() + SLACK_MS  # it has asked already
        by_deadline = max(self._deadline_at_ms - FLUSH_RESERVE_MS, self._given_at_ms)
        if self._end_told_at_ms is None or self._is_end_ambiguous:
            return by_deadline + SLACK_MS
        by_end = max(self._end_told_at_ms, self._given_at_ms) + SETTLE_MS + self._world.scenario.flush_budget_ms
        return min(by_deadline, by_end) + SLACK_MS

    def _judge_asking(self) -> None:
        """It must not ask before it has done what its strategy promises, or run out of time."""
        assert self._extension is not None
        asked_at_ms = self._api.asked_at_ms
        if not self._request_id or self._may_ask_early or asked_at_ms < self._given_at_ms:
            return
        self._may_ask_early = True  # judged
        if asked_at_ms >= self._deadline_at_ms - self._world.scenario.latency_ms - WAIT_RESERVE_MS - SETTLE_MS:
            return
        if self._end_told_at_ms is None:
            self._violate("asked too early", f"{self._request_id}: its end was not told, and its deadline is not near")

    async def _expect_asked(self, at_ms: float, words: str) -> bool:
        return await self._until_asked(lambda: at_ms, words)

    async def _until_asked(self, bound_ms: Callable[[], float], words: str = "in time") -> bool:
        while self._api.waiting is None and not self._gone:
            at_ms = bound_ms()
            if self._now_ms() >= at_ms:
                self._violate("never asked", f"the next event is not asked for {words} ({self._request_id or 'no invocation'})")
                return False
            with trio.move_on_at(self._trio_time(at_ms)):
                await self._changed.wait()
        return not self._gone or self._unexpectedly_gone()

    async def _expect_gone(self, within_ms: float, code: int, words: str) -> None:
        if not await self._until(lambda: self._gone, self._now_ms() + within_ms):
            self._violate("not gone", f"the extension has not ended {words}")
        elif self.account.code != code:
            self._violate("exit code", f"{self.account.code} instead of {code} {words}")

    def _unexpectedly_gone(self) -> bool:
        self._violate("gone", f"the extension ended by itself with exit code {self.account.code}")
        return False

    def _look_at_bounds(self) -> None:
        assert self._extension is not None
        figures, bounds = self._extension.figures(), self._extension.bounds()
        for field in attrs.fields(type(bounds)):
            now, most = getattr(figures, field.name), getattr(bounds, field.name)
            if now > most:
                self._violate("over a bound", f"{field.name}: {now}, at most {most}")

    # --- small things

    def _read(self, record: records.Record) -> None:
        """The extension has read a record of the platform. An earlier try of the same request has records of the same id."""
        if self._end_told_at_ms is None and any(record is end for end in self._ends):
            self._end_told_at_ms = self._now_ms()
            self._look_again()

    async def _until(self, holds: Callable[[], bool], at_ms: float) -> bool:
        with trio.move_on_at(self._trio_time(at_ms)):
            while not holds():
                await self._changed.wait()
        return holds()

    def _look_again(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def _emit(self, record: records.Record) -> None:
        self._feed.emit(record)

    def _violate(self, kind: str, text: str) -> None:
        self._history.violate(kind, self._number, text)

    def _now_ms(self) -> int:
        return self._history.now_ms

    def _epoch_ms(self) -> int:
        return self._world.clock.now().epoch_ms

    def _trio_time(self, at_ms: float) -> float:
        return trio.current_time() + (at_ms - self._now_ms()) / 1000


_ENDINGS: dict[str, Callable[[LifeRun, Ending], Awaitable[None]]] = {
    "shutdown": LifeRun._shut_down,
    "sigterm": LifeRun._terminate,
    "kill": LifeRun._kill,
    "refused": LifeRun._refuse,
    "gone": LifeRun._vanish,
}


def _is_ordered(invocation: Invocation) -> bool:
    return not invocation.is_early and (invocation.start_record, invocation.done_record) == ("sent", "sent")


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
