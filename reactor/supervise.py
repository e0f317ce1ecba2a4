"""Keeps regions (listeners, pumps) apart: one that fails by an error of ours is told to the lifecycle, which says if it starts again."""

from collections.abc import Awaitable, Callable

import trio

Task = Callable[[], Awaitable[None]]

RESTART_PAUSE_S = 0.1


class Supervisor:
    """Runs named regions in one nursery."""

    def __init__(self, nursery: trio.Nursery, crashed: Callable[[str, int, Exception], None]) -> None:
        self._nursery, self._crashed = nursery, crashed
        self._scopes: dict[str, trio.CancelScope] = {}
        self._times: dict[str, int] = {}

    def start(self, region: str, run: Task, pause_s: float = 0.0) -> None:
        """Run a region, after a pause; it is not started again by itself."""
        self._scopes[region] = scope = trio.CancelScope()  # here, not in the task: it may be stopped before its first step
        self._nursery.start_soon(self._run, region, run, pause_s, scope, name=region)

    def stop(self, region: str) -> None:
        """End a region; it closes what it holds."""
        if (scope := self._scopes.get(region)) is not None:
            scope.cancel()

    async def _run(self, region: str, run: Task, pause_s: float, scope: trio.CancelScope) -> None:
        with scope:
            try:
                await trio.sleep(pause_s)
                await run()
            except Exception as error:
                self._times[region] = self._times.get(region, 0) + 1
                self._crashed(region, self._times[region], innermost(error))


def innermost(error: Exception) -> Exception:
    """What is inside the groups that nurseries make: their own words say nothing."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
