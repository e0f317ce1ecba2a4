"""Time that stands still: a gate that is shut while the sandbox is frozen, and limits that do not run meanwhile."""

from typing import Any

import trio


class Gate:
    """Open while the sandbox runs, shut while it is frozen."""

    def __init__(self) -> None:
        self._open = trio.Event()
        self._open.set()
        self.left_s: dict[trio.CancelScope, float] = {}  # of each limit, as it was when the gate was last shut

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    async def wait(self) -> None:
        await self._open.wait()

    def shut(self) -> None:
        if self.is_open:
            self._open = trio.Event()
            for scope in self.left_s:
                self.left_s[scope], scope.deadline = scope.deadline - trio.current_time(), float("inf")

    def open(self) -> None:
        if not self.is_open:
            for scope, left in self.left_s.items():
                scope.deadline = trio.current_time() + left
            self._open.set()

    def limit(self, seconds: float) -> "GatedLimit":
        """A time limit that stands still while the gate is shut."""
        return GatedLimit(self, seconds)


class GatedLimit:
    def __init__(self, gate: Gate, seconds: float) -> None:
        self._gate, self._seconds = gate, seconds
        self.scope = trio.CancelScope()

    def __enter__(self) -> trio.CancelScope:
        if self._gate.is_open:
            self.scope.deadline = trio.current_time() + self._seconds
        self._gate.left_s[self.scope] = self._seconds
        return self.scope.__enter__()

    def __exit__(self, *error: Any) -> bool | None:
        del self._gate.left_s[self.scope]
        return self.scope.__exit__(*error)
