"""One life of an extension in its sandbox: start, invocations, end.

What an extension promises for a moment is held against it here (`promises`); what can only be judged afterwards is in `check`.
"""

from collections.abc import Awaitable, Callable

import trio

from emulator import records
from emulator.world.accounts import Account, World
from emulator.world.api import Api
from emulator.world.extension import Place
from emulator.world.feed import Feed
from emulator.world.function import Function
from emulator.world.items import Record
from emulator.world.library import Library
from emulator.world.promises import SLACK_MS, Promises
from emulator.world.scenario import Ending, Invocation, Life, Work
from emulator.world.wire import PacedStream, WorldNetwork, accept

PLATFORM_PORT, INTAKE_PORT, TRACE_PORT = 9001, 8080, 8126
REGISTER_MS_MAX, SUBSCRIBE_MS_MAX = 10_000, 300
BACKOFFS_MS = (50, 100, 200, 400, 800)
FAILURES_MAX = 4  # calls for the next event that may fail in a row; the extension gives the platform up at more
UNKNOWN_DEADLINE_MS = 3_000
FARTHEST_DEADLINE_MS = 910_000  # no function may run for longer than 900 s: beyond that a deadline is a clock that is wrong
SHUTDOWN_MS, SIGTERM_MS, FATAL_MS, REPORT_ERROR_MS = 2_000, 500, 2_000, 300
WAITING_STRATEGIES = ("end", "default")  # always wait for the end of the runtime, in lives as short as these
AFTERGLOW_S = 0.01  # what was sent before the end still reaches the intake


class LifeRun:
    """Lives one life."""

    def __init__(self, world: World, number: int, life: Life) -> None:
        self._world, self._life, self._history = world, life, world.history
        self.account = account = Account(number, life, first_arrival=len(world.intake.arrivals()))
        self._network = WorldNetwork()
        self._promises = Promises(world, account)
        self._feed = Feed(number, self._network, world.history, life.troubles, world.scenario.pieces, world.scenario.is_managed)
        self._feed.read = self._was_read
        self._api = Api(number, life, world.scenario, world.history, self._feed.subscribe, self._promises.look_again)
        self._library = Library(self._network, world.history)
        self._function = Function(world, account, self._network, self._feed, self._library)
        self._scope = trio.CancelScope()
        self._failures = 0
        self._is_ordered = True  # no record that tells whose lines are whose was lost or early
        self._spool_at_kill: bytes | None = None

    async def run(self) -> Account:
        network = self._network
        async with trio.open_nursery() as nursery:
            self._platform = await network.listen("", PLATFORM_PORT)
            nursery.start_soon(accept, self._platform, self._api.serve)
            nursery.start_soon(accept, await network.listen("", INTAKE_PORT), self._serve_intake)
            nursery.start_soon(self._feed.run)
            nursery.start_soon(self._library.run)
            self._history.note("life %d begins", self.account.number)
            self._extension = self._world.make(self._place())
            self._promises.watch(self._api, self._function, self._extension)
            nursery.start_soon(self._run_extension)
            await self._live()
            if not self._promises.is_gone:
                self._scope.cancel()
            await self._promises.until_gone()
            self.account.ended_at_s = trio.current_time()
            self._restore_spool()
            await trio.sleep(AFTERGLOW_S)
            nursery.cancel_scope.cancel()
        self._close_account()
        return self.account

    def _place(self) -> Place:
        world, scenario, function = self._world, self._world.scenario, self._world.function
        intake = f"http://intake:{INTAKE_PORT}"
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{PLATFORM_PORT}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": function.init_type,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_REGION": function.region,
            "DD_API_KEY": "0" * 32,
            "DD_URL": intake,
            "DD_LOGS_CONFIG_LOGS_DD_URL": intake,
            "DD_APM_DD_URL": intake,
            "DD_SERVERLESS_FLUSH_STRATEGY": scenario.strategy,
            "DD_FLUSH_BUDGET_MS": str(scenario.flush_budget_ms),
        }
        return Place(environment, self._network, world.clock, self._hear, world.random, str(world.spool) if world.spool else None)

    def _hear(self, level: str, text: str) -> None:
        """A line of the extension's own comes back to it as telemetry."""
        self._history.note("says %s: %s", level, text)
        if level != "DEBUG":
            line = f'{{"status":"{level}","message":"DD_EXTENSION | {level} | said"}}'
            self._feed.emit(records.log_line("extension", self._world.epoch_ms(), line))

    async def _run_extension(self) -> None:
        code = None
        try:
            with self._scope:
                code = await self._extension.run()
        except Exception as error:
            self._promises.violate("exception", f"out of the process: {_innermost(error)!r}")
        self._promises.gone(code)

    async def _serve_intake(self, stream: trio.abc.Stream) -> None:
        scenario = self._world.scenario
        await self._world.intake.serve_connection(PacedStream(stream, scenario.latency_ms, scenario.pieces))

    def _was_read(self, record: Record) -> None:
        """The extension has read a record of the platform. An earlier try of the same request has records of the same id."""
        hand = self._function.in_hand
        if hand.end_told_at_ms is None and any(record is end for end in hand.ends):
            hand.end_told_at_ms = self._history.now_ms
            self._promises.look_again()

    def _close_account(self) -> None:
        account, feed = self.account, self._feed
        feed.owners.close()
        account.figures = self._extension.figures()
        account.datagrams_taken = self._network.taken
        account.records_posted, account.records_accepted = feed.records_posted, feed.records_accepted
        account.end_arrival = len(self._world.intake.arrivals())

    # --- the course of it

    async def _live(self) -> None:
        if await self._begins() and await self._works():
            await trio.sleep(self._life.ending.idle_ms / 1000)
            await _ENDINGS[self._life.ending.kind](self, self._life.ending)

    async def _begins(self) -> bool:
        """The init phase; says whether the life goes on."""
        epoch_ms, function = self._world.epoch_ms, self._world.function
        self._feed.emit(records.init_start(function, epoch_ms(), "invoke" if self.account.number else "init", "instance"))
        if not await self._starts():
            return False
        self._feed.emit(records.init_runtime_done(function, epoch_ms(), "init", "success"))
        self._feed.emit(records.init_report(function, epoch_ms(), "init", "success", 100.0))
        for _ in range(self._life.crowd):
            await self._network.connect("127.0.0.1", TRACE_PORT)
        return True

    async def _works(self) -> bool:
        """All invocations, one after the other; says whether the life goes on to its end."""
        life = self._life
        for left, invocation in zip(range(len(life.invocations), 0, -1), life.invocations, strict=True):
            if not await self._invoke(invocation, life.ending.at_ms if left == 1 else None):
                return False
            self._promises.look_at_bounds()
        return True

    async def _starts(self) -> bool:
        """From the process's start to its first call for the next event."""
        life, latency_ms = self._life, self._world.scenario.latency_ms
        if life.register != "200":
            bound_ms = REGISTER_MS_MAX if life.register == "silent" else min(life.register_ms, REGISTER_MS_MAX)
            await self._promises.ends_within(bound_ms + latency_ms + SLACK_MS, 1, "after its registration failed")
            return False
        subscribe_ms = life.subscribe_ms + latency_ms if life.subscribe == "200" else SUBSCRIBE_MS_MAX
        bound_ms = life.register_ms + latency_ms + min(subscribe_ms, SUBSCRIBE_MS_MAX) + SLACK_MS
        return await self._promises.asks_within(bound_ms, "for the first time")

    async def _invoke(self, invocation: Invocation, cut_ms: int | None) -> bool:
        """One invocation, or its first `cut_ms`; says whether the life goes on."""
        if not (await self._promises.asks_in_time() and await self._wakes_up(invocation)):
            return False
        function = self._function
        function.begin(invocation)
        if invocation.is_early:
            function.emit_end(invocation)
            with trio.move_on_after(0.3):
                await self._feed.drained()
        await self._give_event(invocation)
        if not self._promises.lives():
            return False
        with trio.CancelScope() as scope:
            if cut_ms is not None:
                scope.deadline = trio.current_time() + cut_ms / 1000
            await function.run(invocation)
            return await self._promises.asks_in_time()
        if self._life.ending.kind == "shutdown":  # the runtime crashed in that moment
            function.crash(invocation)
            return await self._promises.asks_in_time()
        return not self._promises.is_gone

    async def _wakes_up(self, invocation: Invocation) -> bool:
        """The sandbox rests and wakes up, and perhaps the platform stumbles before it gives the event."""
        await self._rest(invocation)
        return await self._stumbles(invocation)

    async def _stumbles(self, invocation: Invocation) -> bool:
        event = self._event("never-given")
        for fault in invocation.ask_faults[: FAILURES_MAX - self._failures]:
            self._failures += 1
            self._history.note("next is answered badly: %s", fault)
            await self._api.give_fault(fault, event)
            bound_ms = BACKOFFS_MS[-1] + self._world.scenario.latency_ms + SLACK_MS
            if not await self._promises.asks_within(bound_ms, f"again after {fault}"):
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

    def _event(self, request_id: str) -> dict[str, object]:
        deadline_ms = self._world.epoch_ms() + self._world.scenario.timeout_ms + self._life.skew_ms
        return {"eventType": "INVOKE", "deadlineMs": deadline_ms, "requestId": request_id, "invokedFunctionArn": self._world.function.arn}

    async def _give_event(self, invocation: Invocation) -> None:
        scenario, hand = self._world.scenario, self._function.in_hand
        left_ms = scenario.timeout_ms + self._life.skew_ms
        left_ms = min(left_ms, FARTHEST_DEADLINE_MS) if left_ms > 0 else UNKNOWN_DEADLINE_MS
        hand.deadline_at_ms = self._history.now_ms + left_ms + scenario.latency_ms
        is_lost = invocation.is_event_lost and self._failures < FAILURES_MAX
        hand.may_ask_early = is_lost or not self._must_wait(invocation)
        self._history.note("%s is given%s", hand.request_id, ", but the answer breaks off" if is_lost else "")
        is_whole = await self._api.give(self._event(hand.request_id), "half" if is_lost else "")
        hand.given_at_ms = self._history.now_ms + (BACKOFFS_MS[-1] if is_lost else 0)
        self._failures = self._failures + 1 if is_lost else 0
        self.account.events_given += is_whole

    def _must_wait(self, invocation: Invocation) -> bool:
        """Whether the next event may not be asked for before the end of this invocation was told."""
        scenario, life = self._world.scenario, self._life
        records_tell = (invocation.start_record, invocation.done_record) == ("sent", "sent")
        self._is_ordered &= records_tell and not invocation.is_early and not invocation.is_retry
        is_blind = life.subscribe != "200" or life.subscribe_ms + scenario.latency_ms >= SUBSCRIBE_MS_MAX - SLACK_MS
        is_punctual = not (invocation.jump_ms or life.skew_ms)
        return scenario.strategy in WAITING_STRATEGIES and self._is_ordered and is_punctual and not is_blind

    # --- endings

    async def _shut_down(self, ending: Ending) -> None:
        if not await self._promises.asks_in_time():
            return
        self._function.pay_owed()
        event = {
            "eventType": "SHUTDOWN",
            "shutdownReason": ending.reason,
            "deadlineMs": self._world.epoch_ms() + SHUTDOWN_MS + self._life.skew_ms,
        }
        self._history.note("SHUTDOWN is given: %s", ending.reason)
        given_at_ms, latency_ms = self._history.now_ms, self._world.scenario.latency_ms
        if await self._api.give(event):
            self._function.do(Work(0, "text", ending.late_lines))
            # A deadline of a clock that is wrong is no deadline: two seconds from when it was read.
            end_ms = given_at_ms + SHUTDOWN_MS + (latency_ms if self._life.skew_ms else 0)
            await self._promises.ends_within(end_ms - self._history.now_ms, 0, "by its shutdown deadline")

    async def _terminate(self, ending: Ending) -> None:
        self._history.note("SIGTERM")
        self._extension.terminate()
        self._function.do(Work(0, "text", ending.late_lines))
        await self._promises.ends_within(SIGTERM_MS + SLACK_MS, 0, "after SIGTERM")

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
        if await self._promises.asks_in_time():
            self._history.note("next is refused for good")
            await self._api.give_fault("403", {})
            await self._loses_the_platform()

    async def _give_what_was_not_asked_for(self, ending: Ending) -> None:
        if await self._promises.asks_in_time():
            self._history.note("an INVOKE is given")
            await self._api.give(self._event("never-asked-for"))
            await self._loses_the_platform()

    async def _loses_the_platform(self) -> None:
        within_ms = FATAL_MS + REPORT_ERROR_MS + self._world.scenario.latency_ms + SLACK_MS
        await self._promises.ends_within(within_ms, 1, "after the platform refused it")
        if self._api.errors != ["Extension.PlatformLost"]:
            self._promises.violate("error not reported", f"the platform was told {self._api.errors}")

    async def _vanish(self, ending: Ending) -> None:
        if not await self._promises.asks_in_time():
            return
        self._history.note("the platform is gone")
        await self._platform.aclose()
        await self._api.vanish()
        within_ms = sum(BACKOFFS_MS) + FATAL_MS + REPORT_ERROR_MS + 6 * SLACK_MS
        await self._promises.ends_within(within_ms, 1, "after the platform went away")


_ENDINGS: dict[str, Callable[[LifeRun, Ending], Awaitable[None]]] = {
    "shutdown": LifeRun._shut_down,
    "sigterm": LifeRun._terminate,
    "kill": LifeRun._kill,
    "refused": LifeRun._refuse,
    "gone": LifeRun._vanish,
    "invoked": LifeRun._give_what_was_not_asked_for,
}


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
