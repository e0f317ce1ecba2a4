"""The function: what it does during an invocation, and the records with which the platform tells of it."""

from collections.abc import Callable

import attrs
import trio

from emulator import records
from emulator.world.accounts import Account, Calls, World
from emulator.world.feed import Feed
from emulator.world.items import LIBRARY_KINDS, Record
from emulator.world.library import Library
from emulator.world.scenario import LINES, Invocation, Work
from emulator.world.wire import WorldNetwork

DATAGRAM_PORT = 8125


@attrs.define
class InHand:
    """The invocation in hand. Moments are milliseconds of the history; `ends` are the records that tell its end."""

    request_id: str = ""
    given_at_ms: int = 0
    deadline_at_ms: int = 0
    end_told_at_ms: int | None = None
    is_end_ambiguous: bool = True
    may_ask_early: bool = True
    ends: tuple[Record, ...] = ()
    is_done_lost: bool = False  # of this try, or of an earlier one


class Function:
    """Runs invocations: emits lines, datagrams and the platform's records of them."""

    def __init__(self, world: World, account: Account, network: WorldNetwork, feed: Feed, library: Library) -> None:
        self._world, self._account, self._network, self._feed, self._library = world, account, network, feed, library
        self.in_hand = InHand()
        self._owed: list[Record] = []  # records that come inside the next invocation

    def begin(self, invocation: Invocation) -> None:
        """Another invocation is in hand, or the same request once more."""
        before, world = self.in_hand, self._world
        is_retry = invocation.is_retry and before.request_id != ""
        if not is_retry:
            world.request_ids += 1
        self.in_hand = InHand(
            before.request_id if is_retry else f"request-{world.request_ids}",
            # Where a record of either try is missing, nobody can tell whose the other records are: both have one request id.
            is_end_ambiguous=is_retry
            and (invocation.is_early or before.is_done_lost or before.end_told_at_ms is None or invocation.done_record != "sent"),
            is_done_lost=invocation.done_record == "lost" or (is_retry and before.is_done_lost),
        )
        self.pay_owed()
        if invocation.start_record == "sent":
            self._feed.emit(records.start(world.function, world.epoch_ms(), self.in_hand.request_id, None, None, None))

    async def run(self, invocation: Invocation) -> None:
        """Do all of the invocation's work, each piece at its time."""
        self._speak(invocation)
        began_s = trio.current_time()
        duration_ms = self._world.scenario.timeout_ms if invocation.outcome == "timeout" else invocation.duration_ms
        for at_ms, step in self._steps(invocation, duration_ms):
            await trio.sleep_until(began_s + at_ms / 1000)
            step()
        await trio.sleep_until(began_s + duration_ms / 1000)

    def _steps(self, invocation: Invocation, duration_ms: int) -> list[tuple[float, Callable[[], None]]]:
        steps: list[tuple[float, Callable[[], None]]] = [(work.at_ms, _bound(self.do, work)) for work in invocation.work]
        if invocation.jump_ms:
            steps.append((duration_ms / 2, _bound(self._jump, invocation.jump_ms)))
        if invocation.calls and invocation.outcome in ("success", "error"):
            steps.append((duration_ms, self._speak_of_end))
        if not invocation.is_early:
            steps.append((duration_ms, _bound(self.emit_end, invocation)))
        return sorted(steps, key=lambda step: step[0])  # what is at the same time stays in order: the end comes last

    def do(self, work: Work) -> None:
        for _ in range(work.times):
            item = self._world.items.new(work.kind, self._account.number, self.in_hand.request_id)
            if work.kind in LINES:
                self._feed.emit(records.log_line("function", self._world.epoch_ms(), item.record()), item)
            elif work.kind in LIBRARY_KINDS:
                send = self._library.span if work.kind == "span" else self._library.statistics
                send(item, self._world.epoch_ms() * 1_000_000)
            else:
                datagram = item.datagram()
                self._account.datagrams_sent.append((datagram, item))
                self._network.send_datagram(DATAGRAM_PORT, datagram)

    def _speak(self, invocation: Invocation) -> None:
        """The library says that the handler begins."""
        world, request_id = self._world, self.in_hand.request_id
        before = [each for each in self._account.calls.values() if each.request_id == request_id]
        world.calls += 1
        self._number = world.calls
        self._calls = self._account.calls[world.calls] = Calls(request_id, invocation.calls, is_retried=bool(before))
        for each in before:
            each.is_retried = True
        if invocation.calls and invocation.calls != "no_start":
            for _ in range(2 if invocation.calls == "doubled" else 1):
                self._library.start("" if invocation.calls == "unnamed" else request_id, self._heard_start)

    def _speak_of_end(self) -> None:
        if self._calls.manner != "no_end":
            for _ in range(2 if self._calls.manner == "doubled" else 1):
                calls = self._calls
                self._library.end("" if calls.manner == "unnamed" else calls.request_id, self._number, _bound(self._heard_end, calls))

    def _heard_start(self) -> None:
        self._calls.started = True

    def _heard_end(self, calls: Calls) -> None:
        calls.ended = True

    def crash(self, invocation: Invocation) -> None:
        """The runtime ends by itself, if the invocation is not over."""
        if not self.in_hand.ends:
            self.emit_end(attrs.evolve(invocation, outcome="crash"))

    def emit_end(self, invocation: Invocation) -> None:
        """The records of its end; on managed instances the report alone, without figures of the sandbox."""
        now_ms, request_id, duration_ms = self._world.epoch_ms(), self.in_hand.request_id, invocation.duration_ms
        status = "error" if invocation.outcome == "crash" else invocation.outcome
        error_type = "Runtime.ExitError" if invocation.outcome == "crash" else None
        if self._world.scenario.is_managed:
            report = records.report(now_ms, request_id, status, {"durationMs": duration_ms + 0.4}, error_type=error_type)
            self.in_hand.ends = (report,)
            if invocation.report_record != "lost":
                self._feed.emit(report)
            return
        done = records.runtime_done(now_ms, request_id, status, float(duration_ms), 8, error_type=error_type)
        metrics = {"durationMs": duration_ms + 0.4, "billedDurationMs": duration_ms + 1, "memorySizeMB": 128, "maxMemoryUsedMB": 90}
        report = records.report(now_ms, request_id, status, metrics, error_type=error_type)
        self.in_hand.ends = (done, report)
        for record, when in ((done, invocation.done_record), (report, invocation.report_record)):
            if when in ("sent", "prompt"):
                self._feed.emit(record)
            elif when == "late":
                self._owed.append(record)

    def pay_owed(self) -> None:
        for record in self._owed:
            self._feed.emit(record)
        self._owed.clear()

    def _jump(self, jump_ms: int) -> None:
        self._world.history.note("the wall clock jumps by %d ms", jump_ms)
        self._world.clock.jump(jump_ms)


def _bound(step: Callable[..., None], argument: object) -> Callable[[], None]:
    return lambda: step(argument)
