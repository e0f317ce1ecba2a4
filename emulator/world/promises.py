"""Holds an extension to its promises as they fall due: to ask for the next event in time and not too early, to be gone in time, and to
stay within its bounds."""

from collections.abc import Callable

import attrs
import trio

from emulator.world.accounts import Account, World
from emulator.world.api import Api
from emulator.world.extension import Extension
from emulator.world.function import Function

SLACK_MS = 30  # for turns of the loop, steps of the settling, and an answer in pieces
SETTLE_MS = 5
WAIT_RESERVE_MS, FLUSH_RESERVE_MS = 200, 100


class Promises:
    """`look_again` wakes whoever waits for something to hold."""

    def __init__(self, world: World, account: Account) -> None:
        self._world, self._account, self._history = world, account, world.history
        self._changed = trio.Event()
        self.is_gone = False

    def watch(self, api: Api, function: Function, extension: Extension) -> None:
        self._api, self._function, self._extension = api, function, extension

    def look_again(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    def gone(self, code: int | None) -> None:
        """The extension has ended."""
        self._account.code, self.is_gone = code, True
        self._history.note("the extension is gone, exit code %s", code)
        self.look_again()

    async def until_gone(self, at_ms: float = float("inf")) -> bool:
        with trio.move_on_at(self._trio_time(at_ms)):
            while not self.is_gone:
                await self._changed.wait()
        return self.is_gone

    # --- asking

    async def asks_in_time(self) -> bool:
        """Within what its strategy and the deadline promise, as far as it was told; and not before."""
        if not await self._asks(self._bound_ms, "in time"):
            return False
        self._judge_early()
        return True

    async def asks_within(self, within_ms: float, words: str) -> bool:
        at_ms = self._history.now_ms + within_ms
        return await self._asks(lambda: at_ms, words)

    async def _asks(self, bound_ms: Callable[[], float], words: str) -> bool:
        while self._api.waiting is None and not self.is_gone:
            at_ms = bound_ms()
            if self._history.now_ms >= at_ms:
                invocation = self._function.in_hand.request_id or "no invocation"
                self.violate("never asked", f"the next event is not asked for {words} ({invocation})")
                return False
            with trio.move_on_at(self._trio_time(at_ms)):
                await self._changed.wait()
        return self.lives()

    def lives(self) -> bool:
        """It has no reason to end now."""
        if self.is_gone:
            self.violate("gone", f"the extension ended by itself with exit code {self._account.code}")
        return not self.is_gone

    def _bound_ms(self) -> float:
        hand = self._function.in_hand
        if not hand.request_id:
            return self._history.now_ms + SLACK_MS  # it has asked already
        by_deadline = max(hand.deadline_at_ms - FLUSH_RESERVE_MS, hand.given_at_ms)
        if hand.end_told_at_ms is None or hand.is_end_ambiguous:
            return by_deadline + SLACK_MS
        by_end = max(hand.end_told_at_ms, hand.given_at_ms) + SETTLE_MS + self._world.scenario.flush_budget_ms
        return min(by_deadline, by_end) + SLACK_MS

    def _judge_early(self) -> None:
        """Where the strategy waits for the end of the runtime: it was told, or the deadline is near."""
        hand, asked_at_ms = self._function.in_hand, self._api.asked_at_ms
        if not hand.request_id or hand.may_ask_early or asked_at_ms < hand.given_at_ms:
            return
        hand.may_ask_early = True  # judged
        near_ms = hand.deadline_at_ms - self._world.scenario.latency_ms - WAIT_RESERVE_MS - SETTLE_MS
        if hand.end_told_at_ms is None and asked_at_ms < near_ms:
            self.violate("asked too early", f"{hand.request_id}: its end was not told, and its deadline is not near")

    # --- ending

    async def ends_within(self, within_ms: float, code: int, words: str) -> None:
        if not await self.until_gone(self._history.now_ms + within_ms):
            self.violate("not gone", f"the extension has not ended {words}")
        elif self._account.code != code:
            self.violate("exit code", f"{self._account.code} instead of {code} {words}")

    # --- bounds

    def look_at_bounds(self) -> None:
        figures, bounds = self._extension.figures(), self._extension.bounds()
        for field in attrs.fields(type(bounds)):
            now, most = getattr(figures, field.name), getattr(bounds, field.name)
            if now > most:
                self.violate("over a bound", f"{field.name}: {now}, at most {most}")

    def look_at_flush(self) -> None:
        """Nothing has come for longer than the flush by interval waits: nothing is left, where the intake takes everything."""
        figures = self._extension.figures()
        if self._world.scenario.is_kind and (figures.payloads or figures.lines_waiting):
            self.violate(
                "not flushed", f"{figures.payloads} payloads and {figures.lines_waiting} lines have waited for longer than an interval"
            )

    def violate(self, kind: str, text: str) -> None:
        self._history.violate(kind, self._account.number, text)

    def _trio_time(self, at_ms: float) -> float:
        return trio.current_time() + (at_ms - self._history.now_ms) / 1000
