"""The extension process: one agent, one performer, one nursery. It performs effects and reports how they went; it decides nothing."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import trio

from fsm import effects as do
from fsm.engine import Unexpected
from fsm.time import Now
from protocols import extensions_api as api
from protocols.http_server import Headers
from reactor.agent import inputs as given
from reactor.agent.agent import Agent
from reactor.agent.encode import Compressor
from reactor.agent.measuring import Probe
from reactor.agent.outputs import Answer, CancelPayload, ClearTimer, ForgetPayload, KeepPayloads, ReplacePayload, Say, SendPayload, SetTimer
from reactor.agent.timers import Timers
from reactor.config.aws import SandboxEnvironment
from reactor.config.values import Settings
from reactor.deliver import Sender
from reactor.listeners import Listeners
from reactor.net.clock import Clock, trio_time_of_mono
from reactor.net.network import Network
from reactor.platform_api import PlatformApi
from reactor.protect import Protection
from reactor.say import Voice
from reactor.secrets import make_api_key
from reactor.stage0 import UNHURRIED, HandOver
from reactor.supervise import RESTART_PAUSE_S, Supervisor
from reactor.tls import Trust, intake_pool
from reactor.warm_up import expect_events, expect_traces, warm_up

if TYPE_CHECKING:
    from reactor.record import Recorder

WARM_UP_S_MAX = 2.0  # of an init that nobody waits for
# How long what only the first flush needs waits, once all that serves is loaded, for the function's runtime: it boots at the same time, and
# the first event is waited for by somebody. A runtime that takes longer leaves the rest of its boot to it (docs/layer.md). Where nobody
# waits for the init, and on managed instances, nothing waits.
WARM_UP_PAUSE_S = 0.25


class Process:
    """One life of the extension. `run` returns the exit code; it raises what the agent raised, and all its tasks have ended then."""

    def __init__(
        self,
        settings: Settings,
        sandbox: SandboxEnvironment,
        architecture: str,
        network: Network,
        clock: Clock,
        voice: Voice,
        random: Callable[[], float],
        done: HandOver | None = None,
        environment: Mapping[str, str] | None = None,
        spool_path: str | None = None,
        probe: Probe | None = None,
    ) -> None:
        self._settings, self._network, self._clock, self._voice = settings, network, clock, voice
        self.agent = Agent(settings, sandbox, architecture, random, _began(clock, done), codec=Compressor(settings), probe=probe)
        self._timers = Timers()
        self._timer_set = trio.Event()
        self._told = trio.Event()  # the agent was told something
        self.platform = PlatformApi(sandbox.runtime_api, network, sandbox.is_managed, done)
        owner = f"{sandbox.function_name}:{sandbox.function_version}"
        self._protection = Protection(spool_path, owner, clock, voice.say)
        self.listeners = Listeners(
            network,
            clock,
            self.receive,
            voice.say,
            settings.dogstatsd_so_rcvbuf_bytes,
            done,
            self._protection.take_telemetry,
            settings.dogstatsd_socket,
            self._protection,
            self.ask,
            self.flush,
            lambda: self._start(expect_traces),
        )
        self._trust = Trust(settings, voice.say)
        self._pool = intake_pool(settings, network, self._trust)
        self._api_key = make_api_key(settings, sandbox, environment or {}, network, self._pool, clock, self._start, voice.say)
        self._sender = Sender(settings, self._pool, clock, self.receive, self._api_key)
        self._recorder = open_recorder(settings, environment or {}, clock, voice.say)
        self._bound, self._first_event, self._exited = trio.Event(), trio.Event(), trio.Event()
        self._settling = trio.CancelScope()
        self._warms_early = sandbox.is_managed  # there the next event is the end of the life
        self._is_traced = sandbox.has_wrapper
        self._unhurried = sandbox.initialization_type.encode() in UNHURRIED
        self._code = 0
        self._failure: Exception | None = None
        self._performers: dict[type, Callable[[Any], None]] = {
            SetTimer: self._set_timer,
            ClearTimer: self._timers.clear,
            SendPayload: self._send,
            KeepPayloads: self._protection.keep,
            ReplacePayload: self._protection.replace,
            ForgetPayload: self._protection.forget,
            CancelPayload: self._sender.cancel,
            Answer: self._keep_answer,
            Say: lambda effect: self._voice.say(effect.level, effect.text),
            do.Bind: self._in_background(self._bind),
            do.Register: self._in_background(self._register),
            do.Subscribe: self._in_background(self._subscribe),
            do.AskNext: self._in_background(self._ask_next),
            do.WarmUp: self._in_background(self._warm_up),
            do.Settle: self._in_background(self._settle),
            do.RefuseInput: self._refuse_input,
            do.Checkpoint: self._checkpoint,
            do.RenewKey: self._renew_key,
            do.DropIdleConnections: self._in_background(self._drop_idle),
            do.Reseed: self._reseed,
            do.Restart: self._in_background(self._restart),
            do.Disable: lambda effect: self._voice.say("ERROR", f"{effect.region} failed too often and stays off"),
            do.Exit: self._in_background(self._exit),
            Unexpected: lambda effect: None,  # the agent has counted it and said so
        }

    async def run(self) -> int:
        try:
            async with trio.open_nursery() as self._nursery:
                self._supervisor = Supervisor(self._nursery, self._crashed)
                self._nursery.start_soon(self._watch_timers)
                self._nursery.start_soon(self._watch_sigterm)
                self._nursery.start_soon(self._protection.run)
                self.receive(given.Begin())
                await self._exited.wait()
                self._nursery.cancel_scope.cancel()
        finally:
            if self._recorder is not None:
                self._recorder.close()
            self._protection.close()
        if self._failure is not None:
            raise self._failure
        return self._code

    def receive(self, item: given.Input) -> None:
        """Tell the agent, then do what it asks for. No await: what arrives together stays in order.

        Never raises: whoever brings the item could only take our failure for its own, and answer it or be started anew.
        """
        if self._failure is not None:
            return
        now = self._clock.now()
        if self._recorder is not None:
            self._recorder.note(item, now)
        if type(item) is given.Datagrams:
            self._protection.take_datagrams(item.datagrams)
        try:
            for effect in self.agent.receive(item, now):
                self._performers[type(effect)](effect)
        except Exception as error:  # what is decided now is not to be trusted: the last resort takes over
            self._failure = error
            self._nursery.cancel_scope.cancel()

        self._told.set()

    def ask(self, item: given.Called) -> Headers:
        """Tell the agent of a call, and give the headers of its answer."""
        self._answer: Headers = ()
        self.receive(item)
        return self._answer

    def _keep_answer(self, effect: Answer) -> None:
        self._answer = effect.headers

    async def flush(self) -> None:
        """Flush, and wait until all is delivered or given up; no longer than a flush may take."""
        self.receive(given.FlushCalled())
        with trio.move_on_after(self._settings.flush_budget_ms / 1000):
            while not self.agent.is_flushed:
                self._told = trio.Event()
                await self._told.wait()

    def _in_background(self, perform: Callable[[Any], Awaitable[None]]) -> Callable[[Any], None]:
        return lambda effect: self._nursery.start_soon(perform, effect)

    # --- time -----------------------------------------------------------------------------------------------------------------

    def _set_timer(self, effect: SetTimer) -> None:
        self._timers.set(effect)
        if self._timers.next_at() == effect.at_mono_ms:
            self._timer_set.set()

    async def _watch_timers(self) -> None:
        while True:
            at = self._timers.next_at()
            deadline = float("inf") if at is None else trio_time_of_mono(self._clock, at)
            self._timer_set = trio.Event()
            with trio.move_on_at(deadline):
                await self._timer_set.wait()
            while (due := self._timers.pop_due(self._clock.now().mono_ms)) is not None:
                self.receive(due)

    async def _watch_sigterm(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                self.receive(given.Terminated())

    # --- the platform ---------------------------------------------------------------------------------------------------------

    async def _bind(self, effect: do.Bind) -> None:
        await self.listeners.bind()
        for region, run in self.listeners.regions().items():
            self._supervisor.start(region, run)
        self._bound.set()

    async def _register(self, effect: do.Register) -> None:
        answer = await self.platform.register()
        self.receive(given.RegisterAnswered(answer))
        if isinstance(answer, api.Registration):
            self._protection.open(lambda contents: self.receive(given.Recovered(contents)))

    async def _subscribe(self, effect: do.Subscribe) -> None:
        await self._bound.wait()
        port = self.listeners.telemetry_port
        if port is None:
            refusal: api.Refusal | None = api.Refusal("no port to listen on")
        else:
            # Enhanced metrics count what runs out of memory, and nothing but the function's own lines may say so.
            refusal = await self.platform.subscribe(port, self._settings.serverless_logs_enabled, self._settings.enhanced_metrics)
        self.receive(given.SubscribeAnswered(refusal))

    async def _ask_next(self, effect: do.AskNext) -> None:
        if self._unhurried:  # this request ends the init phase, and the sandbox stands still, perhaps in a snapshot: be ready before it
            self._unhurried = False
            with trio.move_on_after(WARM_UP_S_MAX):
                if self._is_traced:
                    await expect_events()
                await warm_up(self._settings, self._trust)
        answer = await self.platform.next()
        self._api_key.prepare()  # beside the function, so that the flush finds it
        self.receive(given.NextAnswered(answer))
        self._first_event.set()

    async def _warm_up(self, effect: do.WarmUp) -> None:
        if self._is_traced:
            await expect_events()
        if not self._warms_early:
            with trio.move_on_after(WARM_UP_PAUSE_S):
                await self._first_event.wait()
        await warm_up(self._settings, self._trust)

    async def _exit(self, effect: do.Exit) -> None:
        self._settling.cancel()
        if effect.error_type:
            await self.platform.report_error(api.EXIT_ERROR_PATH, effect.error_type, effect.message)
        if effect.code:
            self._voice.say("ERROR", effect.message)
        self._account_for_losses()
        self._code = effect.code
        self._exited.set()

    def _account_for_losses(self) -> None:
        if drops := self.listeners.kernel_drops():
            self.agent.ledger.drop("datagram", "the kernel's buffer was full", drops)
        for role, count in self.listeners.turned_away().items():
            self.agent.ledger.refuse(f"connection to {role}", "too many at once", count)
        if line := self.agent.account():
            self._voice.say("WARN", line)

    # --- delivery -------------------------------------------------------------------------------------------------------------

    def _send(self, effect: SendPayload) -> None:
        self._protection.begin(effect.payload.number)
        self._nursery.start_soon(self._sender.send, effect)

    def _checkpoint(self, effect: do.Checkpoint) -> None:
        self._protection.checkpoint()
        if self._recorder is not None:
            self._recorder.flush()

    def _start(self, task: Callable[[], Awaitable[None]]) -> None:
        self._nursery.start_soon(task)

    async def _look_for_key(self) -> None:
        if await self._api_key.key() is not None:
            self.receive(given.KeyFound())

    def _renew_key(self, effect: do.RenewKey) -> None:
        if self._api_key.refused():
            self._nursery.start_soon(self._look_for_key)
            return
        self._voice.say("ERROR", "an intake refused the API key (403): check DD_API_KEY; what it refused is kept as long as there is room")

    # --- input ----------------------------------------------------------------------------------------------------------------

    async def _settle(self, effect: do.Settle) -> None:
        self._settling.cancel()  # one that is still going was given up
        with trio.CancelScope() as self._settling:
            await self.listeners.settle(effect.bound_ms, effect.quiet_ms)
            self.receive(given.SettleEnded())

    def _refuse_input(self, effect: do.RefuseInput) -> None:
        for region in self.listeners.regions():
            self._supervisor.stop(region)

    def _reseed(self, effect: do.Reseed) -> None:
        self._network.forget_names()
        self._api_key.restored()

    async def _drop_idle(self, effect: do.DropIdleConnections) -> None:
        self._api_key.thawed()
        await self._pool.drop_idle()
        await self.platform.drop_idle()

    async def _restart(self, effect: do.Restart) -> None:
        await self.listeners.rebind(effect.region)
        if (run := self.listeners.regions().get(effect.region)) is not None:
            self._supervisor.start(effect.region, run, RESTART_PAUSE_S)

    def _crashed(self, region: str, times: int, error: Exception) -> None:
        self._voice.say("ERROR", f"{region} failed: {type(error).__name__}: {error}")
        self.receive(given.Crashed(region, times))


def open_recorder(settings: Settings, environment: Mapping[str, str], clock: Clock, say: Callable[[str, str], None]) -> "Recorder | None":
    """One only where the settings name a file: the format and its codecs are loaded for it."""
    if not settings.record_telemetry_events:
        return None
    from reactor.record import Recorder

    return Recorder.open(settings, environment, clock, say)


def _began(clock: Clock, done: HandOver | None) -> Now:
    """When the process began: the sandbox may have been frozen since, while the program was still being loaded."""
    return clock.now() if done is None or done.began_ms is None else Now(*done.began_ms)
