"""One execution environment: performs what the phases' machine decides, on real processes and sockets.

Rules live elsewhere: the order of phases in `emulator.platform`, what a call may do in the two APIs, batching in `emulator.batching`.
Here the machine is fed and its effects are handed on: to `starting`, `invoking` and `ending`, or done here (freeze, thaw, timers).
"""

import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs
import trio

from emulator import phases as p
from emulator.ending import Ending
from emulator.environment import PATH, dropped_names
from emulator.extensions_api import ExtensionsApi
from emulator.fake_runtime import FakeRuntime
from emulator.faults import FaultBook
from emulator.invocations import Running
from emulator.invoking import Invoking
from emulator.kept import Kept
from emulator.life import Life
from emulator.namespace import Isolation
from emulator.platform import TABLE, Data
from emulator.routes import Routes
from emulator.runtime_api import RuntimeApi
from emulator.starting import Starting
from emulator.telemetry import RetryPolicy, Subscriber, Telemetry
from emulator.values import ApiCall, FunctionConfig, Invocation, InvocationResult, ReportMode, SandboxError
from emulator.wire import now_ms, serve_stream
from fsm.engine import Arm, Disarm, Machine, Step, Unexpected
from fsm.time import Now
from reactor.net.clock import Clock, SystemClock

STEPS_KEPT = 10_000
SETTLE_S = 20.0  # a phase that should end by its own timers and does not is an error of the emulator


@attrs.frozen(kw_only=True)
class Options:
    """How to run, beside what the function's owner configures."""

    freeze: bool = True
    report_mode: ReportMode = "late"
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    clock: Clock = attrs.field(factory=SystemClock)
    new_id: Callable[[], str] = lambda: str(uuid.uuid4())
    observer: Callable[[ApiCall], None] | None = None
    fake_runtime: FakeRuntime | None = None
    extension_environment: Mapping[str, str] = attrs.field(factory=dict)  # beyond the allow-list, for experiments
    path: str = PATH


class Sandbox:
    """Lives in `nursery`. `invoke` calls the function, `stop` ends it; `close` leaves no process behind, whatever happened."""

    def __init__(
        self,
        config: FunctionConfig,
        extensions: Mapping[str, Sequence[str]],
        *,
        isolation: Isolation,
        runtime_api: str,
        nursery: trio.Nursery,
        faults: FaultBook,
        options: Options,
    ) -> None:
        self.config, self.options, self.faults = config, options, faults
        self.isolation, self.runtime_api = isolation, runtime_api
        self.nursery = nursery
        self.epoch_of_ms = options.clock.now().epoch_ms - now_ms()
        self.telemetry = Telemetry(isolation.connect, self.epoch_ms, retry=options.retry, faults=faults, watch=self._watch)
        self.machine = Machine(TABLE, Data(config.init_type, config.init_limit_ms), watch=self._note_step)
        self.life = Life(-1, now_ms())
        self.results: Kept[InvocationResult] = Kept()
        self.steps: deque[str] = deque(maxlen=STEPS_KEPT)
        self.notes: list[str] = [f"environment variable {name} is the platform's: dropped" for name in dropped_names(config.environment)]
        self.starting = Starting(self, extensions, nursery, options.new_id())
        self.invoking, self.ending = Invoking(self), Ending(self)
        self._routes = Routes(ExtensionsApi(self), RuntimeApi(self), self._watch)
        self._scopes: dict[str, trio.CancelScope] = {}
        self._changed = trio.Event()
        self._turn = trio.Lock()
        self.waiting = 0  # invocations that want the sandbox: it does not freeze between init and the first of them

    def __repr__(self) -> str:
        return f"<Sandbox {self.config.name} {self.machine.state.value} life {self.life.number}>"

    # Time and identity.

    def epoch_ms(self) -> float:
        return now_ms() + self.epoch_of_ms

    def new_id(self) -> str:
        return self.options.new_id()

    def now(self) -> Now:
        return Now(epoch_ms=int(self.epoch_ms()), mono_ms=int(now_ms()))

    # The server's one door.

    async def serve(self, stream: trio.abc.Stream) -> None:
        await serve_stream(stream, self._routes.answer)

    def _watch(self, call: ApiCall) -> None:
        if self.options.observer is not None:
            self.options.observer(call)

    # What the APIs ask.

    def running(self, request_id: str) -> Running | None:
        return self.invoking.live.get(request_id)

    def expired(self, request_id: str) -> bool:
        return request_id in self.invoking.expired

    def fail(self, error_type: str) -> None:
        self.feed(p.Failed(self.now(), error_type))

    def start_subscriber(self, subscriber: Subscriber) -> None:
        self.telemetry.subscribe(subscriber)
        self.nursery.start_soon(self._run_subscriber, subscriber, self.life)

    async def _run_subscriber(self, subscriber: Subscriber, life: Life) -> None:
        with trio.CancelScope() as scope:
            self._scopes[f"subscriber {life.number} {subscriber.subscription.name}"] = scope
            await subscriber.run()

    def stop_subscribers(self) -> None:
        for name in [name for name in self._scopes if name.startswith("subscriber ")]:
            self._scopes.pop(name).cancel()

    def check(self) -> None:
        """Tell the machine what has become true since the last call or exit. Each fact is told once."""
        life, state = self.life, self.machine.state
        if state is p.Phase.STARTING and life.all_registered:
            self.feed(p.AllRegistered(self.now()))
        elif (state is p.Phase.INIT and life.all_ready) or (state is p.Phase.RESTORE and life.restored_ready):
            self.feed(p.AllReady(self.now()))
        elif state in (p.Phase.INVOKE, p.Phase.POST_RUNTIME):
            self.invoking.check_invocation()
        elif state is p.Phase.ACTIVE:
            self.invoking.check_managed()
        elif state is p.Phase.STOPPING_RUNTIME and self.starting.runtime_gone:
            self.feed(p.RuntimeGone(self.now()))
        elif state is p.Phase.STOPPING_EXTENSIONS and life.extensions_gone:
            self.feed(p.ExtensionsGone(self.now()))
        self.tell_changed()

    def tell_changed(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def wait_change(self) -> None:
        """Until something about the sandbox may have changed."""
        await self._changed.wait()

    async def _until(self, *phases: p.Phase) -> p.Phase:
        """Wait for one of these phases, with nothing of the last life still being cleared away."""
        while self.machine.state not in phases or self.ending.cleaning:
            await self.wait_change()
        return self.machine.state

    # The machine.

    def feed(self, event: Any) -> None:
        for effect in self.machine.feed(event):
            self._perform(effect)
        self.tell_changed()

    def _note_step(self, step: Step) -> None:
        self.steps.append(f"{step.source.value} --{type(step.event).__name__}--> {step.target.value}")

    def _perform(self, effect: Any) -> None:
        if isinstance(effect, Unexpected):
            self.notes.append(f"emulator: {effect.event} was not expected in {effect.state}")
        elif isinstance(effect, Disarm):
            self._scopes.pop(effect.tick.__name__, trio.CancelScope()).cancel()
        else:
            PERFORM[type(effect)](self, effect)

    def _arm(self, effect: Arm) -> None:
        self._scopes.pop(effect.tick.__name__, trio.CancelScope()).cancel()
        self.nursery.start_soon(self._tick_later, effect)

    async def _tick_later(self, effect: Arm) -> None:
        with trio.CancelScope() as scope:
            self._scopes[effect.tick.__name__] = scope
            await trio.sleep_until(effect.at_mono_ms / 1000)
            self.feed(effect.tick(self.now(), effect.generation))
            self.check()

    # Init.

    async def check_soon(self) -> None:
        """Not inside the machine's own step."""
        await trio.lowlevel.checkpoint()
        self.check()

    async def fail_soon(self, error_type: str) -> None:
        await trio.lowlevel.checkpoint()
        self.fail(error_type)
        self.check()

    # Freeze and thaw.

    def _freeze(self, effect: p.Freeze) -> None:
        if not self.options.freeze or (self.waiting and self.machine.state is p.Phase.IDLE and not self.results):
            return
        # What a snapshot's init has shown is delivered in that life.
        if self.options.report_mode == "prompt" or self.machine.state is p.Phase.SNAPSHOT:
            self.nursery.start_soon(self._freeze_after_flush)
        else:
            self._freeze_now()

    def _freeze_now(self) -> None:
        self.telemetry.gate.shut()
        self.starting.processes.freeze()

    async def _freeze_after_flush(self) -> None:
        """Deliver what waits before the sandbox stands still."""
        await self.telemetry.flush(1.0)
        if self.machine.state in (p.Phase.IDLE, p.Phase.SNAPSHOT):
            self._freeze_now()

    def _thaw(self, effect: p.Thaw) -> None:
        self.starting.processes.thaw()
        self.telemetry.gate.open()

    # From outside.

    async def init(self) -> None:
        """Bring the environment up ahead of any invocation. Returns when init is over, well or not."""
        self.feed(p.Begin(self.now(), "init", self.config.init_limit_ms))
        await self.settled()

    async def settled(self) -> p.Phase:
        rest = (p.Phase.OFF, p.Phase.IDLE, p.Phase.SNAPSHOT, p.Phase.ACTIVE, p.Phase.ENDED)
        limit_s = SETTLE_S + (self.config.init_limit_ms + self.config.timeout_ms) / 1000
        with trio.move_on_after(limit_s):
            return await self._until(*rest)
        raise SandboxError(f"the sandbox did not come to rest within {limit_s:g} s; {self.describe()}")

    def describe(self) -> str:
        """Where it stands, with the extension's last output: for people."""
        names = ", ".join(f"{agent.name} {agent.state.value}" for agent in self.life.agents.values()) or "no extension"
        tails = "".join(f"\nlast output of {name}:\n{self.starting.processes.tail(name)}" for name in self.starting.processes.last_output)
        return f"phase {self.machine.state.value}; {names}; runtime {self.life.runtime_state.value}{tails}"

    async def invoke(self, invocation: Invocation, on_answer: Callable[[Running], Awaitable[None]] | None = None) -> InvocationResult:
        """Call the function and wait until the invocation is over for everyone. `on_answer` runs when the caller has its answer."""
        if self.config.managed:
            return await self.invoking.invoke_managed(invocation)
        async with self._turn:
            if invocation.pause_before_ms:
                await trio.sleep(invocation.pause_before_ms / 1000)
            return await self.invoking.invoke_alone(invocation, on_answer)

    async def stop(self) -> None:
        """Spindown: the SHUTDOWN event, and the wait until nothing runs."""
        self.feed(p.Stop(self.now()))
        self.check()
        with trio.move_on_after(SETTLE_S):
            await self._until(p.Phase.ENDED, p.Phase.OFF)
        if self.machine.state is p.Phase.OFF:
            self.feed(p.Stop(self.now()))

    async def close(self) -> None:
        """Whatever happened: no process is left."""
        with trio.CancelScope(shield=True), trio.move_on_after(5):
            self.life.end()
            await self.starting.processes.kill_all()


PERFORM: dict[type, Callable[[Sandbox, Any], None]] = {
    Arm: Sandbox._arm,
    p.Freeze: Sandbox._freeze,
    p.Thaw: Sandbox._thaw,
    p.StartExtensions: lambda box, effect: box.starting.start_extensions(effect),
    p.StartRuntime: lambda box, effect: box.starting.start_runtime(effect),
    p.ReportInit: lambda box, effect: box.starting.report_init(effect),
    p.AnswerRestore: lambda box, effect: box.starting.answer_restore(effect),
    p.ReportRestore: lambda box, effect: box.starting.report_restore(effect),
    p.GiveInvoke: lambda box, effect: box.invoking.give_invoke(effect),
    p.ReportRuntimeDone: lambda box, effect: box.invoking.report_runtime_done(effect),
    p.FinishInvocation: lambda box, effect: box.invoking.finish_invocation(effect),
    p.FailAll: lambda box, effect: box.invoking.fail_all(effect),
    p.TermRuntime: lambda box, effect: box.ending.term_runtime(effect),
    p.KillRuntime: lambda box, effect: box.ending.kill_runtime(effect),
    p.GiveShutdown: lambda box, effect: box.ending.give_shutdown(effect),
    p.KillAll: lambda box, effect: box.ending.kill_all(effect),
}
