"""Invocations in a sandbox: begun, given to the runtime and the extensions, ended, reported."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

import attrs
import trio

from emulator import phases as p
from emulator import records
from emulator.invocations import Running, billed_ms, report_metrics
from emulator.life import Worker
from emulator.runtime_states import RuntimeState
from emulator.values import Invocation, InvocationResult
from emulator.wire import now_ms

if TYPE_CHECKING:
    from emulator.sandbox import Sandbox

RESULT_BYTES = 500  # of a result without its response, roughly
EXPIRED_KEPT = 1_000  # ids of managed invocations that timed out: a late answer to one gets 410


class Invoking:
    """`live`: the invocations that run, by request id; on demand at most one."""

    def __init__(self, box: "Sandbox") -> None:
        self._box = box
        self.live: dict[str, Running] = {}
        self.expired: dict[str, None] = {}
        self._held: list[dict[str, Any]] = []  # reports that late mode delivers with the next event

    def __repr__(self) -> str:
        return f"<Invoking {len(self.live)} live, {len(self.expired)} expired>"

    def give_invoke(self, effect: p.GiveInvoke) -> None:
        self.release_held()
        running = self.live[effect.request_id]
        running.deadline_epoch_ms = effect.deadline_epoch_ms
        tenant = running.invocation.tenant_id
        started = running.started_ms + self._box.epoch_of_ms
        self._box.telemetry.emit(records.start(self._box.config, started, running.request_id, running.trace_id, running.span_id, tenant))
        self._give_worker(running)
        event = self._invoke_event(running)
        if self._box.faults.strikes("runtime-done-first"):
            running.extensions_told = True  # they are not done: they have not begun
            self._box.nursery.start_soon(self._invoke_after_runtime_done, running, event)
        else:
            self._post_invoke(event)

    def _give_worker(self, running: Running) -> None:
        worker: Worker = self._box.life.workers.popleft()
        self._box.life.runtime_state = RuntimeState.READY if self._box.config.managed else RuntimeState.RUNNING
        worker.give(running)

    def _invoke_event(self, running: Running) -> dict[str, Any]:
        head = {"eventType": "INVOKE", "deadlineMs": running.deadline_epoch_ms, "requestId": running.request_id}
        return head | {"invokedFunctionArn": running.arn} | records.tracing_of(running.trace_id)

    def _post_invoke(self, event: dict[str, Any]) -> None:
        for agent in self._box.life.invoke_agents:
            agent.post(event)

    async def _invoke_after_runtime_done(self, running: Running, event: dict[str, Any]) -> None:
        while running.runtime_done_ms is None and not running.over.is_set():
            await self._box.wait_change()
        await self._box.telemetry.flush(1.0)
        running.extensions_told = False
        self._post_invoke(event)

    def report_runtime_done(self, effect: p.ReportRuntimeDone) -> None:
        running = next(iter(self.live.values()))
        running.runtime_done_ms = now_ms()
        status, error_type = effect.status or running.status or "error", effect.error_type
        if effect.status is None:
            error_type = running.error_type
        self._box.telemetry.emit(
            records.runtime_done(
                self._box.epoch_ms(),
                running.request_id,
                status,
                running.runtime_done_ms - running.started_ms,
                running.produced_bytes,
                error_type=error_type,
                spans=running.runtime_spans(),
                tracing=running.tracing(),
                tenant_id=running.invocation.tenant_id,
            )
        )

    def finish_invocation(self, effect: p.FinishInvocation) -> None:
        running = next(iter(self.live.values()))
        status = effect.status or running.status or "error"
        error_type = effect.error_type if effect.status is not None else running.error_type
        self._finish(running, status, error_type)

    def fail_all(self, effect: p.FailAll) -> None:
        for running in list(self.live.values()):
            self._finish(running, "error", effect.error_type)

    def _finish(self, running: Running, status: str, error_type: str | None) -> None:
        """Make the report (held back in late mode) and the result."""
        del self.live[running.request_id]
        ended, duration = now_ms(), now_ms() - running.started_ms
        metrics = report_metrics(self._box.config, running, duration, self._memory_mb())
        spans = self._report_spans(running, ended)
        report = records.report(
            self._box.epoch_ms(),
            running.request_id,
            status,
            metrics,
            error_type=error_type,
            spans=spans,
            tracing=running.tracing(),
            tenant_id=running.invocation.tenant_id,
        )
        self._held.append(report)
        if self._box.options.report_mode == "prompt" or self._box.config.managed:
            self.release_held()
        self._keep(running.finish(status, error_type, ended, billed_ms(duration, running.init_ms)))

    def _keep(self, result: InvocationResult) -> None:
        self._box.results.append(result, RESULT_BYTES + len(result.response or b""))

    def _report_spans(self, running: Running, ended_ms: float) -> list[dict[str, Any]]:
        if self._box.config.managed:
            return running.runtime_spans()
        done = running.runtime_done_ms
        return [] if done is None else [records.span("extensionOverhead", done + self._box.epoch_of_ms, ended_ms - done)]

    def _memory_mb(self) -> int:
        living = self._box.starting.processes.living()
        for process in living:
            process.sample()
        return max(1, sum(process.peak_rss_kb for process in living) // 1024)

    def release_held(self) -> None:
        held, self._held = self._held, []
        for record in held:
            self._box.telemetry.emit(record)

    async def invoke_alone(self, invocation: Invocation, on_answer: Callable[[Running], Awaitable[None]] | None) -> InvocationResult:
        running = self._new_running(invocation)
        phase = await self._box.settled()
        limit_ms = self._box.config.timeout_ms
        if phase is p.Phase.OFF:
            # The init inside an invocation uses up the function's own time.
            began = now_ms()
            self._box.feed(p.Begin(self._box.now(), "invoke", limit_ms))
            phase = await self._box.settled()
            limit_ms = max(1, limit_ms - int(now_ms() - began))
        elif phase is p.Phase.SNAPSHOT:
            self._box.feed(p.Restore(self._box.now()))
            phase = await self._box.settled()
            running.restore_ms = self._box.starting.restore_ms
        if phase is not p.Phase.IDLE:
            return self._refused(running, self._box.starting.init_error or "Sandbox.Failure", "crash")
        self._begin(running, limit_ms)
        if on_answer is not None:
            await running.answered.wait()
            await on_answer(running)
        await running.over.wait()
        assert running.result is not None
        return running.result

    def _begin(self, running: Running, limit_ms: int) -> None:
        running.started_ms = now_ms()
        running.cold = not self._box.results
        if not self._box.life.paid and (self._box.config.init_type == "on-demand" or self._box.machine.data.phase == "invoke"):
            running.init_ms = self._box.starting.init_ms
        self._box.life.paid = True
        self.live[running.request_id] = running
        self._box.feed(p.Arrived(self._box.now(), running.request_id, limit_ms))
        self._box.check()

    def _refused(self, running: Running, error_type: str, status: Literal["crash", "refused"]) -> InvocationResult:
        result = running.finish("error", error_type, now_ms(), 0)
        result = attrs.evolve(result, status=status)
        self._keep(result)
        return result

    def _new_running(self, invocation: Invocation) -> Running:
        return Running(
            invocation=invocation,
            request_id=invocation.request_id or self._box.new_id(),
            trace_id=invocation.trace_id,
            span_id=self._box.new_id().replace("-", "")[:16],
            arn=self._box.config.arn,
            deadline_epoch_ms=0,
            started_ms=now_ms(),
            epoch_of_ms=self._box.epoch_of_ms,
        )

    async def invoke_managed(self, invocation: Invocation) -> InvocationResult:
        if invocation.pause_before_ms:
            await trio.sleep(invocation.pause_before_ms / 1000)
        phase = await self._box.settled()
        running = self._new_running(invocation)
        if phase is not p.Phase.ACTIVE:
            return self._refused(running, self._box.starting.init_error or "Runtime.Unavailable", "refused")
        if running.request_id in self.live:
            return self._refused(running, "Client.DuplicatedInvokeId", "refused")
        if not await self._wait_worker():
            return self._refused(running, "Runtime.Unavailable", "refused")
        self._begin(running, self._box.config.timeout_ms)
        with trio.move_on_after(self._box.config.timeout_ms / 1000):
            await running.over.wait()
        if not running.over.is_set():
            self._expire(running)
        assert running.result is not None
        return running.result

    async def _wait_worker(self) -> bool:
        """As the service does: try again for a while when no worker is idle."""
        with trio.move_on_after(self._box.config.timeout_ms / 1000):
            while not self._box.life.workers:
                if self._box.machine.state is not p.Phase.ACTIVE:
                    return False
                await self._box.wait_change()
        return self._box.machine.state is p.Phase.ACTIVE and bool(self._box.life.workers)

    def _expire(self, running: Running) -> None:
        """Managed: the caller gets a timeout, the process lives on, a late answer gets 410."""
        self.expired[running.request_id] = None
        while len(self.expired) > EXPIRED_KEPT:
            del self.expired[next(iter(self.expired))]
        self._finish(running, "timeout", "Sandbox.Timedout")

    def check_invocation(self) -> None:
        running = next(iter(self.live.values()))
        if not running.extensions_told and all(agent.idle for agent in self._box.life.invoke_agents):
            running.extensions_told = True
            self._box.feed(p.ExtensionsDone(self._box.now()))
        answered = running.answered.is_set() and self._box.life.runtime_state is RuntimeState.READY
        if self._box.machine.state is p.Phase.INVOKE and answered and not running.runtime_told:
            running.runtime_told, running.runtime_next_ms = True, now_ms()
            self._box.feed(p.RuntimeDone(self._box.now()))

    def check_managed(self) -> None:
        for running in list(self.live.values()):
            if running.answered.is_set() and not running.over.is_set():
                self._finish(running, running.status or "error", running.error_type)
