"""From telemetry records to request bodies of logs. Synchronous; reads no clock, does no I/O, writes no log of its own, never raises.

A line of text that needs nothing but its wrapping takes the short way inside `_take_slice`; everything else goes the full way:
out-of-memory search, structure and sampling here; rules, owner, durable execution and entry in `outlet`. (specification, logs 1 to 9)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fsm.time import Now
from pipelines.logs import lines
from pipelines.logs.attribute import Attribution
from pipelines.logs.batch import FLUSH_EARLY_BYTES, QUEUE_BYTES_MAX, EntryQueue, split_batches
from pipelines.logs.durable import read_execution_arn
from pipelines.logs.facts import LogFacts, LogStatistics
from pipelines.logs.held import DurableContext
from pipelines.logs.out_of_memory import HINTS, says_out_of_memory
from pipelines.logs.outlet import Outlet
from pipelines.logs.structured import BLANKS, own_request_id, parse_object, read_status, split_tags, status_as_it_came, to_compact_json
from protocols import telemetry_records as telemetry
from protocols.intake_body import Body
from protocols.intake_logs import CONTENT_TYPE, HEAD, PATH, EntryEncoder, escape, to_utf8

SLICE_RECORDS = 1000
"""Records between two looks at the queue's bound, so that what is added before it is held is bounded as well."""
SHORT_CHARS_MAX = 100_000
"""A line of so many characters stays under the limit of an entry even if each of them becomes an escape of six bytes."""
RUNTIME_DURATIONS_MAX = 500


class LogsPipeline:
    """Takes records, keeps entries, seals bodies. Lives as long as the process."""

    def __init__(
        self,
        *,
        arn: str,
        function_name: str,
        tags: str,
        service: str = "",
        managed: bool = False,
        enabled: bool = True,
        apply_rules: Callable[[str], str | None] | None = None,
        durable_ids_max: int = 0,
        drop_platform_lines: frozenset[str] = frozenset(),
        sample: Mapping[str, float] | None = None,
        random: Callable[[], float] = lambda: 0.0,
        queue_bytes_max: int = QUEUE_BYTES_MAX,
    ) -> None:
        """`tags` is the finished comma text of function tags; `random` gives a number from 0 up to 1 for each line that is sampled.

        Not `enabled`, records still give their facts but no line is kept.
        """
        self._encoder = EntryEncoder(arn.lower(), service.lower() or function_name, tags)
        self._attribution = Attribution(managed)
        self._queue = EntryQueue(queue_bytes_max)
        self._outlet = Outlet(self._encoder, self._queue, managed, enabled, apply_rules, durable_ids_max)
        self._drop = self._outlet.drop
        self._managed, self._enabled = managed, enabled
        self._sample, self._random = dict(sample or {}), random
        self._drop_platform_lines = drop_platform_lines
        # Nothing is asked for that could drop, change or hold a line that has an owner.
        self._short_way = enabled and apply_rules is None and durable_ids_max == 0 and not self._sample
        self._runtime_ms: dict[str, float] = {}
        self._sealed = 0
        self._warned, self._lost_told = False, 0
        self._out_of_memory: list[tuple[str | None, int]] = []
        self._logs_dropped: list[telemetry.LogsDroppedFields] = []
        self._platform = {
            "platform.initStart": self._take_init_start,
            "platform.start": self._take_start,
            "platform.runtimeDone": self._take_runtime_done,
            "platform.report": self._take_report,
            "platform.logsDropped": self._take_logs_dropped,
        }
        self._follow_owner()

    # --- in

    def take(self, records: list[telemetry.Record], now: Now) -> LogFacts:
        """Take a batch in its order. `now` stands in for a time that cannot be read, and ages what is held."""
        self._out_of_memory, self._logs_dropped = [], []
        for start in range(0, len(records), SLICE_RECORDS):
            self._take_slice(records[start : start + SLICE_RECORDS] if start or len(records) > SLICE_RECORDS else records, now)
            self._queue.settle()
        self._outlet.release_aged(now)
        warnings = tuple(self._warnings()) if self._logs_dropped or self._lost() > self._lost_told else ()
        flush_early = self._queue.bytes >= FLUSH_EARLY_BYTES
        return LogFacts(tuple(self._out_of_memory), tuple(self._logs_dropped), warnings, flush_early)

    def _take_slice(self, records: list[telemetry.Record], now: Now) -> None:
        """The short way is written out here, without a call of ours per line: this loop is what a busy function costs us."""
        append, tails, short_way = self._queue.entries.append, self._encoder.tails, self._short_way
        hint, other_hint = HINTS
        parse_time_ms = telemetry.parse_time_ms
        time: object = None
        epoch_ms = now.epoch_ms
        for record in records:
            if (new_time := record.get("time")) != time:
                time = new_time
                parsed_ms = parse_time_ms(new_time)
                epoch_ms = now.epoch_ms if parsed_ms is None else parsed_ms
            kind = record.get("type")
            if kind == "function" or kind == "extension":
                text = record.get("record")
                if (
                    short_way
                    and type(text) is str
                    and (owner := self._owner_part) is not None
                    and (first := text[:1]) not in BLANKS
                    and hint not in text
                    and other_hint not in text
                    and len(text) <= SHORT_CHARS_MAX
                ):
                    status = "info" if first != "{" else status_as_it_came(text)
                    if status is not None:
                        entry = f"{HEAD}{escape(text)}{owner}{epoch_ms}{tails[status]}"
                        try:
                            append(entry.encode())
                        except UnicodeEncodeError:  # half a surrogate pair
                            append(to_utf8(entry))
                        continue
                self._take_line(text, kind == "function", epoch_ms, now)
            elif take := self._platform.get(kind if type(kind) is str else ""):
                take(record, epoch_ms, now)

    def _take_line(self, value: Any, is_function: bool, epoch_ms: int, now: Now) -> None:
        """The full way of a function's or an extension's line."""
        if type(value) is str:
            text, fields = value, parse_object(value) if self._enabled else None
        elif type(value) is dict:
            text, fields = "", value
        else:
            return self._drop("unreadable")
        status, tags, request_id, context = "info", "", None, None
        if fields is not None:
            status = read_status(fields)
            rest, tags = split_tags(fields)
            if fields is value or rest is not fields:
                compact = to_compact_json(rest)
                if compact is None:
                    return self._drop("too_deep")
                text = compact
            if fields is value and is_function:
                request_id = own_request_id(fields)
                context = read_execution_arn(fields["executionArn"]) if "executionArn" in fields else None
        if says_out_of_memory(text):
            self._out_of_memory.append((request_id or self._attribution.suspect, epoch_ms // 1000))
        request_id = request_id or self._attribution.owner
        if self._short_way and request_id is not None and context is None:
            return self._outlet.write(text, self._encoder.owner(request_id), epoch_ms, status, tags)
        if not self._enabled:
            return None
        if self._sample and self._is_sampled_out(status):
            return self._drop("sampled")
        return self._outlet.admit((text, epoch_ms, status, request_id, tags, False, context), now)

    def _is_sampled_out(self, status: str) -> bool:
        share = self._sample.get(status)
        return share is not None and self._random() >= share

    # --- platform records

    def _take_init_start(self, record: telemetry.Record, epoch_ms: int, now: Now) -> None:
        if (fields := telemetry.read_init_start(record)) is None:
            return self._drop("unreadable")
        self._attribution.init_started()
        self._follow_owner()
        self._outlet.init_started(fields.runtime_version)
        self._admit_platform(lines.INIT_START, lines.init_start_line(fields), self._attribution.owner, epoch_ms, now)

    def _take_start(self, record: telemetry.Record, epoch_ms: int, now: Now) -> None:
        if (fields := telemetry.read_start(record)) is None:
            return self._drop("unreadable")
        self._attribution.started(fields.request_id)
        self._follow_owner()
        self._admit_platform(lines.START, lines.start_line(fields), fields.request_id, epoch_ms, now)
        self._outlet.give_orphans(fields.request_id, now)

    def _take_runtime_done(self, record: telemetry.Record, epoch_ms: int, now: Now) -> None:
        if (fields := telemetry.read_runtime_done(record)) is None:
            return self._drop("unreadable")
        if fields.duration_ms is not None:
            self._runtime_ms[fields.request_id] = fields.duration_ms
            if len(self._runtime_ms) > RUNTIME_DURATIONS_MAX:
                del self._runtime_ms[next(iter(self._runtime_ms))]
        self._attribution.ended(fields.request_id)
        self._admit_platform(lines.END, lines.end_line(fields), fields.request_id, epoch_ms, now)

    def _take_report(self, record: telemetry.Record, epoch_ms: int, now: Now) -> None:
        if (fields := telemetry.read_report(record)) is None:
            return self._drop("unreadable")
        runtime_ms = self._runtime_ms.pop(fields.request_id, 0.0)
        self._attribution.reported(fields.request_id)
        self._follow_owner()
        self._admit_platform(lines.REPORT, lines.report_line(fields, runtime_ms), fields.request_id, epoch_ms, now)

    def _take_logs_dropped(self, record: telemetry.Record, epoch_ms: int, now: Now) -> None:
        if (fields := telemetry.read_logs_dropped(record)) is None:
            return self._drop("unreadable")
        self._logs_dropped.append(fields)

    def _admit_platform(self, kind: str, line: tuple[str, str], request_id: str | None, epoch_ms: int, now: Now) -> None:
        text, status = line
        if kind in self._drop_platform_lines:
            self._drop("platform_line_off")
        elif self._short_way and request_id is not None and len(text) <= SHORT_CHARS_MAX:
            encoder = self._encoder
            self._queue.append_platform(to_utf8(f"{HEAD}{escape(text)}{encoder.owner(request_id)}{epoch_ms}{encoder.tails[status]}"))
        elif self._enabled:
            self._outlet.admit((text, epoch_ms, status, request_id, "", True, None), now)

    def _follow_owner(self) -> None:
        """Prepare what stands between text and time in the entries of lines without an id; None while such lines are orphans."""
        owner = self._attribution.owner
        self._owner_part = self._encoder.owner(owner) if owner is not None or self._managed else None

    def learn_durable_context(self, request_id: str, context: DurableContext) -> None:
        """Of which durable execution a request is a part, as a tracer's span told."""
        self._outlet.learn(request_id, context)

    # --- out

    def seal(self) -> list[Body]:
        """Everything that is ready, as request bodies in their order; what waits for its owner or its execution stays."""
        return list(self.bodies())

    def bodies(self) -> Iterator[Body]:
        """The same, each made as it is asked for: who compresses one before the next is made needs the memory of one, again and again.

        To be gone through to its end.
        """
        entries = self._queue.take_all()
        self._warned, self._lost_told = False, self._lost()
        self._sealed += len(entries)
        for raw, count in split_batches(entries):
            yield Body("logs", PATH, CONTENT_TYPE, raw, count)

    @property
    def owner(self) -> str | None:
        """Whose a line without an id is now; None if that is not known, and always None on managed instances."""
        return self._attribution.owner

    def waiting(self) -> list[list[Any]]:
        """What a seal leaves behind: the lines that wait for their owner or their execution, as values that JSON can hold."""
        return self._outlet.waiting()

    def adopt(self, waiting: Iterable[object], owner: str | None = None) -> None:
        """Go on for a process that ended: emit what it held back, at once and as it is, for whom it waited is not known here.

        `owner` is whose its next lines were; they are taken after this. The rules have seen these lines: they are not applied again.
        """
        self._attribution.resume(owner)
        self._follow_owner()
        self._outlet.adopt(waiting)

    def shutdown(self, now: Now) -> None:
        """Let go of what waits, without owner or execution; what still comes waits no more. Seal after this."""
        self._outlet.close()

    # --- about itself

    def _warnings(self) -> Iterable[str]:
        for lost in self._logs_dropped:
            yield f"The platform dropped {lost.dropped_records} telemetry records ({lost.dropped_bytes} bytes): {lost.reason}"
        if self._lost() > self._lost_told and not self._warned:
            self._warned = True
            yield f"More logs wait for delivery than are kept: {self._lost()} of the oldest are dropped so far"

    def _lost(self) -> int:
        return self._queue.dropped + self._queue.platform_dropped

    def statistics(self) -> LogStatistics:
        losses = {"budget": self._queue.dropped, "platform_budget": self._queue.platform_dropped}
        waiting = len(self._queue)
        return LogStatistics(
            taken=self._sealed + waiting + sum(losses.values()),
            truncated=self._outlet.truncated,
            dropped=self._outlet.dropped | {reason: count for reason, count in losses.items() if count},
            entries=waiting,
            entry_bytes=self._queue.bytes,
            orphans=self._outlet.orphans,
            held=self._outlet.held,
        )
