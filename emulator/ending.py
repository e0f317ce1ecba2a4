"""Ends a life: the runtime's SIGTERM, the SHUTDOWN events, the SIGKILL of whatever is left."""

from typing import TYPE_CHECKING

import attrs

from emulator import phases as p
from emulator.extension_states import ExtensionStep
from emulator.fake_runtime import FakeProcess
from emulator.life import Life
from emulator.wire import now_ms

if TYPE_CHECKING:
    from emulator.sandbox import Sandbox


class Ending:
    """`cleaning`: the last life is being cleared away; nothing new may begin."""

    def __init__(self, box: "Sandbox") -> None:
        self._box, self.cleaning = box, False

    def __repr__(self) -> str:
        return f"<Ending {'cleaning' if self.cleaning else 'idle'}>"

    def term_runtime(self, effect: p.TermRuntime) -> None:
        self._box.life.open = False
        self._box.life.stopped_ms = now_ms()
        if self._box.starting.runtime is not None and not self._box.starting.runtime.gone:
            if any(agent.registered for agent in self._box.life.agents.values()):
                self._box.starting.runtime.terminate()
            else:
                self._box.starting.runtime.kill()
        self._box.nursery.start_soon(self._box.check_soon)

    def kill_runtime(self, effect: p.KillRuntime) -> None:
        if self._box.starting.runtime is not None and not self._box.starting.runtime.gone:
            self._box.starting.runtime.kill()

    def give_shutdown(self, effect: p.GiveShutdown) -> None:
        self._box.invoking.release_held()
        self._box.nursery.start_soon(self._shut_down_extensions, effect, self._box.life)

    async def _shut_down_extensions(self, effect: p.GiveShutdown, life: Life) -> None:
        if self._box.config.managed:
            await self._box.telemetry.flush(1.0)
        event = {"eventType": "SHUTDOWN", "shutdownReason": effect.reason, "deadlineMs": effect.deadline_epoch_ms}
        for agent in life.external:
            if "SHUTDOWN" in agent.events:
                agent.post(event)
            else:
                for process in self._box.starting.processes_of(agent, life):
                    process.kill()
        self._box.check()

    def kill_all(self, effect: p.KillAll) -> None:
        self.cleaning = True
        self._box.nursery.start_soon(self._clear_life, self._box.life)

    async def _clear_life(self, life: Life) -> None:
        """Nothing of a life outlives it: processes, pending calls, subscriptions."""
        for agent in life.external:
            if not agent.gone:
                agent.step(ExtensionStep.KILLED)
        life.end()
        if isinstance(self._box.starting.runtime, FakeProcess):
            self._box.starting.runtime.kill()
            await self._box.starting.runtime.exited.wait()
        await self._box.starting.processes.kill_all()
        self._box.stop_subscribers()
        self._box.starting.runtime, self.cleaning = None, False
        if life.stopped_ms is not None:
            self._box.starting.timings = attrs.evolve(self._box.starting.timings, shutdown_ms=now_ms() - life.stopped_ms)
        self._box.tell_changed()
