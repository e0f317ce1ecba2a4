"""Keeps regions (listeners, pumps) apart: one that fails by an error of ours is told to the lifecycle, which says if it starts again."""

from collections.abc import Awaitable, Callable

import trio

Task = Callable[[], Awaitable[None]]

RESTART_PAUSE_S = 0.1


class Supervisor:
    """Runs named regions in one nursery."""

    def __init__(self, nursery: trio.Nursery, crashed: Callable[[str, int, Exception], None]) -> None:
        self._nursery, self._crashed = nursery, crashed
        self._make: dict[str, Task] = {}
        self._scopes: dict[str, trio.CancelScope] = {}
        self._times: dict[str, int] = {}

    def start(self, region: str, make: Task) -> None:
        """Run `make()`; it is run again each time the lifecycle asks for a restart."""
        self._make[region] = make
        self._nursery.start_soon(self._run, region, 0.0, name=region)

    def restart(self, region: str) -> None:
        if region in self._make:
            self._nursery.start_soon(self._run, region, RESTART_PAUSE_S, name=region)

    def stop(self, region: str) -> None:
        """End a region; it closes what it holds."""
        if (scope := self._scopes.get(region)) is not None:
            scope.cancel()

    async def _run(self, region: str, pause_s: float) -> None:
        with trio.CancelScope() as scope:
            self._scopes[region] = scope
            try:
                await trio.sleep(pause_s)
                await self._make[region]()
            except Exception as error:
                self._times[region] = self._times.get(region, 0) + 1
                self._crashed(region, self._times[region], error)
