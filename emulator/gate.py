"""Time that stands still: a gate that is shut while the sandbox is frozen, and limits that do not run meanwhile."""

from typing import Any

import trio


class Gate:
    """Open while the sandbox runs, shut while it is frozen."""

    def __init__(self) -> None:
        self._open = trio.Event()
        self._open.set()
        self._scopes: dict[trio.CancelScope, float] = {}

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    async def wait(self) -> None:
        await self._open.wait()

    def shut(self) -> None:
        if self.is_open:
            self._open = trio.Event()
            for scope in self._scopes:
                self._scopes[scope], scope.deadline = scope.deadline - trio.current_time(), float("inf")

    def open(self) -> None:
        if not self.is_open:
            for scope, left in self._scopes.items():
                scope.deadline = trio.current_time() + left
            self._open.set()

    def limit(self, seconds: float) -> "GatedLimit":
        """A time limit that stands still while the gate is shut."""
        return GatedLimit(self._scopes, seconds)


class GatedLimit:
    def __init__(self, scopes: dict[trio.CancelScope, float], seconds: float) -> None:
        self._scopes, self.scope = scopes, trio.CancelScope(deadline=trio.current_time() + seconds)

    def __enter__(self) -> trio.CancelScope:
        self._scopes[self.scope] = 0.0
        return self.scope.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        del self._scopes[self.scope]
        return self.scope.__exit__(*error)
