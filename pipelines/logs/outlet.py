"""From lines to entries: rules, then the owner, then the durable execution. A line that has to wait for either waits here.

Nothing is lost but what a rule leaves out, and that is counted. (specification, logs 3, 6 and 8)
"""

from collections.abc import Callable, Iterable
from typing import Any

from fsm.time import Now
from pipelines.logs.attribute import Orphans
from pipelines.logs.batch import EntryQueue
from pipelines.logs.durable import DurableBuffer, Ready, decoration
from pipelines.logs.held import DurableContext, Line, as_values, line_of
from protocols.intake_logs import EntryEncoder


class Outlet:
    """Appends entries to the queue; who calls `admit` settles the queue, all other methods that emit do it themselves."""

    def __init__(
        self,
        encoder: EntryEncoder,
        queue: EntryQueue,
        managed: bool,
        enabled: bool,
        apply_rules: Callable[[str], str | None] | None,
        durable_ids_max: int,
    ) -> None:
        self.dropped: dict[str, int] = {}
        """By reason."""
        self.truncated = 0
        self._encoder, self._queue = encoder, queue
        self._managed, self._enabled, self._apply_rules = managed, enabled, apply_rules
        self._orphans = Orphans()
        self._durable = DurableBuffer(durable_ids_max)
        self._may_hold = durable_ids_max > 0
        self._closing = False

    @property
    def orphans(self) -> int:
        return len(self._orphans)

    @property
    def held(self) -> int:
        return len(self._durable)

    def drop(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    # --- in

    def admit(self, line: Line, now: Now) -> None:
        """A new line."""
        if self._apply_rules is not None:
            masked = self._apply_rules(line[0])
            if masked is None:
                return self.drop("rule")
            line = (masked, *line[1:])
        if line[3] is None and not self._managed and not self._closing:
            return self._emit((orphan, orphan[6]) for orphan in self._orphans.add(line))
        if self._may_hold:
            self._emit(self._durable.route(line, now.mono_ms))
        else:
            self._emit_line(line, line[6])

    def give_orphans(self, request_id: str, now: Now) -> None:
        """An invocation begins: what waits for an owner is its own. Who calls settles the queue."""
        for line in self._orphans.release():
            self._emit(self._durable.route((*line[:3], request_id, *line[4:]), now.mono_ms))

    def init_started(self, runtime_version: str | None) -> None:
        """Whether the function is durable is known now. Who calls settles the queue."""
        self._emit(self._durable.init_started(runtime_version))

    def learn(self, request_id: str, context: DurableContext) -> None:
        self._emit(self._durable.learn(request_id, context))
        self._queue.settle()

    def release_aged(self, now: Now) -> None:
        if self._may_hold:
            self._emit(self._durable.release_aged(now.mono_ms))
            self._queue.settle()

    def close(self) -> None:
        """Let go of what waits, without owner or execution; what still comes waits no more."""
        self._closing = True
        self._emit((orphan, orphan[6]) for orphan in self._orphans.release())
        self._emit(self._durable.close())
        self._queue.settle()

    # --- what waits, over the end of a process

    def waiting(self) -> list[list[Any]]:
        return [as_values(line) for lines in (self._orphans, self._durable) for line in lines]

    def adopt(self, waiting: Iterable[object]) -> None:
        """Emit what `waiting` gave in another process, as it is."""
        for values in waiting:
            line = line_of(values)
            if line is None:
                self.drop("unreadable")
            elif not self._enabled:
                self.drop("logs_off")
            else:
                self._emit_line(line, line[6])
        self._queue.settle()

    # --- out

    def write(self, text: str, owner: str, epoch_ms: int, status: str, tags: str, is_platform: bool = False) -> None:
        """`owner` is what the encoder makes of a request id."""
        entry, was_cut = self._encoder.encode(text, owner, epoch_ms, status, tags)
        self.truncated += was_cut
        if is_platform:
            self._queue.append_platform(entry)
        else:
            self._queue.entries.append(entry)

    def _emit(self, ready: Iterable[Ready]) -> None:
        for line, context in ready:
            self._emit_line(line, context)

    def _emit_line(self, line: Line, context: DurableContext | None) -> None:
        text, epoch_ms, status, request_id, tags, is_platform, _ = line
        owner = self._encoder.owner(request_id, decoration(text, context, self._managed) if context else ())
        self.write(text, owner, epoch_ms, status, tags, is_platform)
