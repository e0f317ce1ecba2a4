"""The one who watches an on-demand sandbox: what must hold at each step, whatever the platform does."""

import attrs

from fsm.check import ending
from fsm.check.ending import DRAINED, DRAINING, NONE, Watch
from fsm.check.life_platform import BEGUN, DONE, FORGOTTEN, REGISTER, REPORTED, STRANGER, SUBSCRIBE, Choices, Duty, Platform, World, unheard
from fsm.check.model import Broken, Seen, Stimulus
from fsm.shared_actions import NEXT_FAILURES_MAX

NEXT_NOT_BEFORE = "the next event is not asked for before what the strategy promises was done, or its bound has passed"
NEXT_IN_TIME = "the next event is asked for before the invocation's deadline"
NEXT_AT_ONCE = "who promises no flush holds nobody up"
NOT_IN_VAIN = "nobody waits for an end that was heard already"
OPENED_ONCE = "each invocation is opened once, when it begins"
HANGS = "no invocation hangs and no end is endless: timers alone lead to the next call, and after SHUTDOWN to the exit"

RULES = (*ending.RULES, NEXT_NOT_BEFORE, NEXT_IN_TIME, NEXT_AT_ONCE, NOT_IN_VAIN, OPENED_ONCE, HANGS)

RUNNING, SETTLING, SETTLED, FLUSHING, FLUSHED = range(5)  # phases of a duty to flush


class WatchedPlatform(Platform):
    """The surroundings."""

    def observe(self, world: World, stimulus: Stimulus, seen: Seen) -> World:
        watched: World = _Watch(world, self.choices).watch(stimulus, seen)
        return watched


class _Watch(Watch):
    world: World

    def __init__(self, world: World, choices: Choices) -> None:
        super().__init__(world)
        self.choices = choices

    # --- what comes in --------------------------------------------------------------------------------------------------------

    def take(self, stimulus: Stimulus) -> None:
        match stimulus:
            case ("begin",):
                self.set(asked_for=REGISTER)
            case ("registered",) | ("register refused",):
                self.set(asked_for="")
            case ("subscribed",) | ("subscription refused",):
                is_blind = self.world.is_blind if self.world.ending else stimulus[0] == "subscription refused"
                self.set(asked_for="", is_blind=is_blind)
            case ("platform begins", request_id):
                self.set(next=BEGUN, ids=self.world.ids + request_id, heard=(*self.world.heard, 0))
            case ("invoke", *_):
                self._invoked()
            case ("shutdown", _):
                self.set(next=NONE)
                self._end(is_fatal=False)
            case ("sigterm",):
                self._end(is_fatal=False)
            case ("next failed", fatal):
                self._failed(fatal)
            case ("done", request_id):
                self._hear(request_id, DONE)
            case ("report", request_id):
                self._hear(request_id, REPORTED)
            case ("jump", _):
                self.set(oddity="jump")
            case ("due", tick):
                self._tick(tick.__name__)
            case ("settled",):
                self._duty_goes(SETTLING, SETTLED)

    def _invoked(self) -> None:
        """Once no request can be tried again, what was heard of those that are over makes no difference."""
        world = self.world
        heard = world.heard
        if len(world.ids) == self.choices.invocations_max and not world.ending:
            last = world.ids[-1]
            heard = tuple(bits if known == last else FORGOTTEN for known, bits in zip(world.ids, heard, strict=True))
        self.set(next=NONE, failures=0, heard=heard)

    def _failed(self, fatal: bool) -> None:
        world = self.world
        self.set(next=NONE, failures=world.failures + 1, oddity=world.oddity if fatal or world.ending else "failures")
        if fatal or self.world.failures > NEXT_FAILURES_MAX:
            self._end(is_fatal=True)

    def _end(self, is_fatal: bool) -> None:
        """From here on only the last invocation matters, and an answer that is on its way."""
        world = self.world
        if world.ending:
            return
        known = max(world.opened - 1, 0)
        self.set(
            ending=DRAINING,
            duty=None,
            is_fatal=is_fatal,
            is_ambiguous=len(set(world.ids)) < len(world.ids),
            ids=world.ids[known:],
            heard=world.heard[known:],
            opened=min(world.opened, 1),
            failures=0,
            oddity="",
        )

    def _hear(self, request_id: str, bit: int) -> None:
        world = self.world
        at = unheard(world, request_id, bit)
        if request_id != STRANGER and at is not None:
            self.set(heard=(*world.heard[:at], world.heard[at] | bit, *world.heard[at + 1 :]))
        elif not world.ending:
            self.set(oddity="stranger" if request_id == STRANGER else "repeated")

    def _tick(self, name: str) -> None:
        duty = self.world.duty
        if name == "SubscribeBound":
            self.set(is_blind=True)
        elif name == "SettleBound":
            self._duty_goes(SETTLING, SETTLED)
        elif name == "FlushBound":
            self._duty_goes(FLUSHING, FLUSHED)
        elif name == "DeadlineNear" and duty is not None:
            self.set(duty=attrs.evolve(duty, is_late=True))

    def _duty_goes(self, source: int, target: int) -> None:
        duty = self.world.duty
        if duty is not None and duty.phase == source:
            self.set(duty=attrs.evolve(duty, phase=target))

    # --- what goes out --------------------------------------------------------------------------------------------------------

    def see(self, word: str, stimulus: Stimulus) -> None:
        match word.split():
            case ["Subscribe"]:
                self.set(asked_for=SUBSCRIBE)
            case ["decided", decision] if not self.world.ending:
                self.set(duty=Duty(decision))
            case ["OpenInvocation", request_id]:
                self._opened(request_id, stimulus)
            case ["GaveUpWaiting", request_id]:
                self._gave_up(request_id)
            case ["Settle"]:
                self._duty_goes(RUNNING, SETTLING)
            case ["Flush"]:
                self._flush_asked()
            case ["FlushDone"]:
                self._duty_goes(FLUSHING, FLUSHED)
            case ["late"] if not self.world.ending:
                raise Broken(NEXT_IN_TIME, "the timers that were armed led there too late")
            case _:
                super().see(word, stimulus)

    def _opened(self, request_id: str, stimulus: Stimulus) -> None:
        if stimulus[:2] != ("invoke", request_id) or self.world.ending:
            raise Broken(OPENED_ONCE, f"{request_id} is opened after {stimulus[0]}")
        self.set(opened=self.world.opened + 1)

    def asked(self) -> None:
        duty = self.world.duty
        if duty is not None:
            self._look_at_duty(duty)
        self.set(duty=None)

    def _look_at_duty(self, duty: Duty) -> None:
        if duty.decision == "End":
            if not self._is_heard() and not duty.is_late:
                raise Broken(NEXT_NOT_BEFORE, "asked before the end of the invocation was heard")
            is_enough = duty.phase == FLUSHED or (duty.is_late and duty.phase in (SETTLING, SETTLED))
        else:
            is_enough = duty.decision != "Periodic" or duty.phase == FLUSHED
        if not is_enough:
            raise Broken(NEXT_NOT_BEFORE, f"asked before the flush was over that the decision {duty.decision} promises")

    def _is_heard(self) -> bool:
        """Whether a record of the invocation in hand can have told of its end. Repeated records of a repeated id tell nothing."""
        world = self.world
        return bool(world.heard[-1]) or (world.oddity == "repeated" and world.ids.count(world.ids[-1]) > 1)

    def _gave_up(self, request_id: str) -> None:
        world = self.world
        if request_id != world.ids[-1]:
            raise Broken(NOT_IN_VAIN, f"gave up on {request_id}, which is not in hand")
        if world.heard[-1]:
            raise Broken(NOT_IN_VAIN, f"gave up on {request_id}, whose end was heard")

    def _flush_asked(self) -> None:
        duty = self.world.duty
        if duty is None:
            return
        if duty.decision == "End" and not (duty.phase == SETTLED or (duty.is_late and duty.phase == RUNNING)):
            raise Broken(NEXT_NOT_BEFORE, "flushes before all that had arrived was read")
        self.set(duty=attrs.evolve(duty, phase=FLUSHING))

    def is_all_heard(self) -> bool:
        world = self.world
        return not world.opened or world.is_blind or bool(world.heard[world.opened - 1] & REPORTED) or world.is_ambiguous

    # --- after the step -------------------------------------------------------------------------------------------------------

    def look_back(self, stimulus: Stimulus, seen: Seen) -> None:
        world = self.world
        if stimulus[0] == "invoke" and not world.ending:
            if f"OpenInvocation {stimulus[1]}" not in seen:
                raise Broken(OPENED_ONCE, f"{stimulus[1]} was not opened")
            if world.duty is not None and world.duty.decision in ("Continuous", "Dont"):
                raise Broken(NEXT_AT_ONCE, f"the decision is {world.duty.decision}, the next event is not asked for")
        if stimulus[0] == "settled" and world.ending == DRAINING and not seen and self.is_all_heard() and not world.is_ambiguous:
            raise Broken(DRAINED, "everything was heard and read, and still it waits")
