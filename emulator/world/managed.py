"""One life on a managed instance: invocations side by side, one call for the next event pending for the whole of it, and no freeze."""

import trio

from emulator.world.function import Function
from emulator.world.items import Record
from emulator.world.life import LifeRun
from emulator.world.scenario import Ending, Invocation

FLUSHED_MS = 40_000  # so long after everything was quiet, the flush by interval has taken it along
FORGIVEN_MS = 60_000  # a call that was pending for so long makes up for those that failed before it


class ManagedRun(LifeRun):
    """Lives one life."""

    def _was_read(self, record: Record) -> None:
        """Here it is the start that makes an invocation known; the platform may send it twice."""
        if isinstance(record, dict) and record.get("type") == "platform.start" and "requestId" in record["record"]:
            self._started.add(record["record"]["requestId"])
            self.account.events_given = len(self._started)

    async def _works(self) -> bool:
        """All invocations, each begun so long after the one before; says whether the life goes on to its end."""
        self._started: set[str] = set()
        self._functions: list[tuple[Function, Invocation]] = []
        ending = self._life.ending
        async with trio.open_nursery() as nursery:
            for invocation in self._life.invocations:
                if not await self._begin(invocation, nursery):
                    nursery.cancel_scope.cancel()
                    return False
            if ending.at_ms is not None and self._life.invocations:
                await trio.sleep(ending.at_ms / 1000)
                nursery.cancel_scope.cancel()
        self._promises.look_at_bounds()
        return self._promises.lives()

    async def _begin(self, invocation: Invocation, nursery: trio.Nursery) -> bool:
        """Says whether the life goes on."""
        if invocation.frozen == "jumped":
            self._world.clock.jump(invocation.pause_ms)
        else:
            await trio.sleep(invocation.pause_ms / 1000)
        if invocation.pause_ms >= FLUSHED_MS and not nursery.child_tasks:
            self._promises.look_at_flush()
        if self._history.now_ms - self._api.asked_at_ms > FORGIVEN_MS:
            self._failures = 0
        if not await self._stumbles(invocation):
            return False
        function = Function(self._world, self.account, self._network, self._feed, self._library)
        function.begin(invocation)
        self._functions.append((function, invocation))
        nursery.start_soon(function.run, invocation)
        return self._promises.lives()

    async def _shut_down(self, ending: Ending) -> None:
        """What still runs is stopped, and reported."""
        for function, invocation in self._functions:
            function.crash(invocation)
        await super()._shut_down(ending)
