"""Whose a line is when it does not say so itself. No line is changed here, and none is lost: what cannot wait comes back.

On demand there is one invocation at a time, so a line belongs to the one that runs, or that ended and is not yet reported; before
that it is an orphan and waits for the next start. Managed instances run many at once: there a line without an id has no owner.
(specification, logs 3)
"""

from collections import deque
from collections.abc import Iterator

from pipelines.logs.held import Line, held_bytes

ORPHANS_MAX = 1000
ORPHAN_BYTES_MAX = 4 * 1024 * 1024
LIVE_IDS_MAX = 500


class Attribution:
    """Follows the starts and ends of invocations. `owner` is whose a line without an id is, None if that is not known (yet)."""

    def __init__(self, managed: bool) -> None:
        self.managed = managed
        self.owner: str | None = None
        self._owner_ended = False
        self._live: dict[str, None] = {}

    def resume(self, owner: str | None) -> None:
        """Go on where an earlier process was."""
        if not self.managed:
            self.owner = owner

    def init_started(self) -> None:
        """After a crash or timeout the environment starts anew: what comes now belongs to the next invocation."""
        if self._owner_ended:
            self.owner = None

    def started(self, request_id: str) -> None:
        if self.managed:
            self._live[request_id] = None
            if len(self._live) > LIVE_IDS_MAX:
                del self._live[next(iter(self._live))]
        else:
            self.owner, self._owner_ended = request_id, False

    def ended(self, request_id: str) -> None:
        """The runtime is done. The owner stays until its report: what the function and the extensions still say is about it."""
        if request_id == self.owner:
            self._owner_ended = True

    def reported(self, request_id: str) -> None:
        """The report of an earlier invocation, which normally comes inside a later one, takes nothing from that one."""
        self._live.pop(request_id, None)
        if request_id == self.owner:
            self.owner = None

    @property
    def suspect(self) -> str | None:
        """Whom an out-of-memory line without an id is about: the owner; with many at once there is no telling, unless one is alone."""
        if self.managed:
            return next(iter(self._live)) if len(self._live) == 1 else None
        return self.owner


class Orphans:
    """Lines that wait for the next start, in their order, bounded in number and bytes."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)

    def add(self, line: Line) -> list[Line]:
        """Keep a line; those that no longer find room, oldest first, are to be sent without an id."""
        self._lines.append(line)
        self._bytes += held_bytes(line)
        displaced = []
        while len(self._lines) > ORPHANS_MAX or self._bytes > ORPHAN_BYTES_MAX:
            displaced.append(self._lines.popleft())
            self._bytes -= held_bytes(displaced[-1])
        return displaced

    def release(self) -> list[Line]:
        lines = list(self._lines)
        self._lines.clear()
        self._bytes = 0
        return lines
