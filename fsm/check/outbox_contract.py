"""What an outbox does with payloads and one intake, cut down to what the machines of both can notice: turns, slots, the bound of a flush.

A step takes one stimulus and runs it to its end. Requests are performed by nobody: each is under way until an answer, its loss, or its
bound is told.
"""

from typing import Any

import attrs

from fsm import delivery, destination
from fsm import effects as do
from fsm import events as ev
from fsm.change import change
from fsm.check.model import Broken, Reaction
from fsm.check.standing import HERE, Standing, Timers, Walker
from fsm.engine import Arm, Disarm, Tick, Unexpected

PROBE_MS = 300
LONG_MS = 60_000  # stands for every pause of an intake after the first two

TIMER_KEPT = "every timer that a machine waits for is kept by somebody"
BARRED = "an intake that is down gets one probe at a time, and nothing else"
NOT_IN_TIME = "nothing is sent whose answer could not be waited for"
SENT_ONCE = "a payload has one request under way at a time"
ALL_THE_TIME = "a payload may use all the time that its flush has"
ALL_ALONG = "a flush takes along all that its intake takes, and the last one tries what is down, too"
PAUSES = "an intake that fails is left alone for a pause that doubles each time, and is up again as soon as it answers"

QUEUED, IN_FLIGHT, PAUSED, ASIDE = delivery.State.QUEUED, delivery.State.IN_FLIGHT, delivery.State.PAUSED, delivery.State.ASIDE
HOLDING_A_SLOT = (IN_FLIGHT, PAUSED)
CLOSED, READY, KEY_REFUSED = destination.State.CLOSED, destination.State.READY, destination.State.KEY_REFUSED


@attrs.frozen(slots=False)
class Parcel:
    """One payload. `request_ms` from HERE: when the request under way is given up; None if there is none."""

    name: str
    machine: Standing
    is_new: bool = True  # since the last flush began
    is_probe: bool = False
    request_ms: int | None = None


@attrs.frozen
class Outbox:
    """All of them, oldest first, and their intake. `until_ms` from HERE: the bound of the last flush.

    `pause_ms`: how long the intake is to be left alone when it fails the next time.
    """

    parcels: tuple[Parcel, ...]
    intake: Standing
    until_ms: int = 0
    is_open: bool = False
    pause_ms: int = destination.PAUSE_MS_MIN

    def timers(self) -> list[tuple[int, str, str]]:
        """When, for whom and what: everything that comes due if nothing happens before."""
        out = [(ms, "", tick.__name__) for tick, ms in self.intake.armed]
        for parcel in self.parcels:
            out += [(ms, parcel.name, tick.__name__) for tick, ms in parcel.machine.armed]
            if parcel.request_ms is not None:
                out.append((parcel.request_ms, parcel.name, "no answer"))
        return out

    def is_under_way(self) -> bool:
        """Whether a flush still has something to wait for."""
        waiting = (*HOLDING_A_SLOT, QUEUED) if self.is_open else HOLDING_A_SLOT
        return any(parcel.machine.state in waiting and not (parcel.is_new and parcel.machine.state is QUEUED) for parcel in self.parcels)

    def is_waited_for(self) -> bool:
        """Whether a flush that begins now joins one."""
        return any(map(_holds_a_slot, self.parcels))


class Step:
    """One stimulus, run to its end. `slots`: requests at once; a probe needs none."""

    def __init__(self, walkers: tuple[Walker, Walker], final: frozenset[Any], slots: int, outbox: Outbox, passed_ms: int) -> None:
        self._walker, self._intake_walker = walkers
        self._final, self._slots_max = final, slots
        self._passed_ms = passed_ms
        outbox = _later(outbox, passed_ms) if passed_ms else outbox
        self._parcels = {parcel.name: parcel for parcel in outbox.parcels}
        self._intake, self._until_ms, self._is_open = outbox.intake, outbox.until_ms, outbox.is_open
        self._pause_ms = outbox.pause_ms
        self._seen: list[str] = []

    def reaction(self) -> Reaction:
        outbox = Outbox(tuple(self._parcels.values()), self._intake, self._until_ms, self._is_open, self._pause_ms)
        return Reaction(_later(outbox, 0), tuple(self._seen), self._passed_ms)

    # --- in -------------------------------------------------------------------------------------------------------------------

    def add(self, name: str, has_halves: bool, was_begun: bool) -> None:
        data = delivery.Data(has_halves=has_halves, unknown=was_begun)
        self._parcels[name] = Parcel(name, Standing(delivery.State.QUEUED, data))

    def flush(self, bound_ms: int, is_final: bool) -> None:
        """One that joins another has at least the bound of that."""
        self._until_ms = max(bound_ms, self._until_ms) if self._slots() else bound_ms
        if is_final:
            self._tell_intake(ev.LastChance(HERE))
        takes = self._intake.state is CLOSED
        for name, parcel in tuple(self._parcels.items()):
            if takes:
                parcel = self._parcels[name] = change(parcel, is_probe=False)
            if not (takes and parcel.machine.state is QUEUED and parcel.is_new) and not parcel.is_probe:
                self._feed(name, ev.FlushBegan(HERE, HERE.mono_ms + self._until_ms) if takes else ev.Barred(HERE))
        for name, parcel in self._parcels.items():
            self._parcels[name] = change(parcel, is_new=False)
        self._look_at_flush(is_final)
        self._fill_slots()

    def _look_at_flush(self, is_final: bool) -> None:
        state = self._intake.state
        if is_final and state not in (CLOSED, KEY_REFUSED):
            raise Broken(ALL_ALONG, f"the last flush leaves an intake alone that is {state}")
        aside = [name for name, parcel in self._parcels.items() if parcel.machine.state is ASIDE]
        if state is CLOSED and aside:
            raise Broken(ALL_ALONG, f"{' and '.join(aside)} stay aside")

    def probe(self) -> None:
        """Which of them goes is all the same to the machines."""
        name = next((name for name, parcel in self._parcels.items() if parcel.machine.state is ASIDE), None)
        if self._intake.state is READY and name is not None and not any(map(_probes, self._parcels.values())):
            self._parcels[name] = change(self._parcels[name], is_probe=True)
            self._seen.append(f"probe {name}")
            self._tell_intake(ev.ProbeSent(HERE))
            self._feed(name, ev.FlushBegan(HERE, HERE.mono_ms + PROBE_MS))
            self._feed(name, ev.SendBy(HERE, HERE.mono_ms + PROBE_MS))

    def ended(self, name: str, event: ev.Answered | ev.Unanswered) -> None:
        parcel = self._parcels[name] = change(self._parcels[name], request_ms=None)
        self._feed(name, event)
        if isinstance(event, ev.Unanswered) or event.status in delivery.RETRYABLE or event.status >= 500:
            self._look_at_time(parcel, event.retry_after_ms if isinstance(event, ev.Answered) else 0)
        self._judge(parcel, event)
        self._fill_slots()

    def _look_at_time(self, before: Parcel, after_ms: int) -> None:
        """It is tried again if there is time for it."""
        tries = before.machine.data.tries
        until_ms = before.machine.data.until_mono_ms - HERE.mono_ms if before.is_probe else self._until_ms
        has_time = tries < delivery.TRIES_MAX and max(after_ms, delivery.PAUSES_MS[tries - 1]) < until_ms
        after = self._parcels.get(before.name)
        if has_time and (after is None or after.machine.state is not PAUSED):
            raise Broken(ALL_THE_TIME, f"{before.name} is {after and after.machine.state}; there were {until_ms} ms after try {tries}")

    def pause_over(self, name: str) -> None:
        timers = Timers(self._parcels[name].machine)
        self._feed(name, ev.PauseOver(HERE, timers.take(ev.PauseOver)), timers)
        self._fill_slots()

    def probe_due(self) -> None:
        timers = Timers(self._intake)
        self._tell_intake(ev.ProbeDue(HERE, timers.take(ev.ProbeDue)), timers)

    def key_found(self) -> None:
        self._tell_intake(ev.KeyRenewed(HERE))

    def discard(self, name: str) -> None:
        self._feed(name, ev.Discarded(HERE, "no room"))

    def discard_all(self) -> None:
        for name in tuple(self._parcels):
            self._feed(name, ev.Discarded(HERE, "the end"))

    # --- as an outbox does it -------------------------------------------------------------------------------------------------

    def _fill_slots(self) -> None:
        self._is_open = self._until_ms > 0
        for name, parcel in tuple(self._parcels.items()):
            if not self._is_open or self._slots() >= self._slots_max:
                return
            if parcel.machine.state is QUEUED and not parcel.is_new:
                self._feed(name, ev.SendBy(HERE, HERE.mono_ms + self._until_ms))

    def _slots(self) -> int:
        return sum(map(_holds_a_slot, self._parcels.values()))

    def _judge(self, before: Parcel, event: ev.Answered | ev.Unanswered) -> None:
        after = self._parcels.get(before.name)
        state = after.machine.state if after is not None else None
        if state is PAUSED:
            if self._intake.state is not CLOSED and not before.is_probe:
                self._feed(before.name, ev.Barred(HERE))
            return
        if after is not None:
            self._parcels[before.name] = change(after, is_probe=False)
        if isinstance(event, ev.Answered) and event.status == 403:
            self._tell_intake(ev.KeyRefused(HERE))
        elif state is ASIDE:
            self._tell_intake(ev.DestinationFailed(HERE, event.retry_after_ms if isinstance(event, ev.Answered) else 0))
        else:
            self._tell_intake(ev.DestinationAnswered(HERE))
            if self._intake.state not in (CLOSED, KEY_REFUSED):
                raise Broken(PAUSES, f"it has answered, and is {self._intake.state}")
        if self._intake.state is not CLOSED:
            for name in tuple(self._parcels):
                self._feed(name, ev.Barred(HERE))

    # --- machines -------------------------------------------------------------------------------------------------------------

    def _tell_intake(self, event: Any, timers: Timers | None = None) -> None:
        timers = timers or Timers(self._intake)
        self._intake_walker.pick_up(self._intake)
        effects = self._intake_walker.feed(event)
        for effect in effects:
            if isinstance(effect, Arm):
                self._look_at_pause(effect, event)
            self._keep(timers, effect, "intake")
        machine = self._intake_walker.machine
        is_barred = machine.state is KEY_REFUSED and self._intake.state is not KEY_REFUSED
        if is_barred and not any(isinstance(effect, Arm) for effect in effects):
            raise Broken(PAUSES, "a key that was just refused has no pause of its own")
        if machine.state is READY and self._intake.state is not READY and not isinstance(event, ev.ProbeDue):
            raise Broken(PAUSES, f"it may be probed after {type(event).__name__}")
        if machine.state is CLOSED:
            self._pause_ms = destination.PAUSE_MS_MIN
        self._intake = Standing(machine.state, machine.data, _armed(timers, machine))

    def _look_at_pause(self, arm: Arm, event: Any) -> None:
        is_refused = isinstance(event, ev.KeyRefused)
        wanted_ms = destination.KEY_PAUSE_MS if is_refused else max(self._pause_ms, event.after_ms)
        pause_ms = arm.at_mono_ms - HERE.mono_ms
        if pause_ms != wanted_ms:
            raise Broken(PAUSES, f"the next probe is due after {pause_ms} ms, not {wanted_ms}")
        if is_refused:
            return
        self._pause_ms = _one_of_long(min(self._pause_ms * 2, destination.PAUSE_MS_MAX))

    def _feed(self, name: str, event: Any, timers: Timers | None = None) -> None:
        parcel = self._parcels[name]
        timers = timers or Timers(parcel.machine)
        self._walker.pick_up(parcel.machine)
        request_ms, halves = parcel.request_ms, None
        for effect in self._walker.feed(event):
            self._keep(timers, effect, name)
            if isinstance(effect, do.Send):
                request_ms = effect.until_mono_ms - HERE.mono_ms
                if self._intake.state is not CLOSED and not parcel.is_probe:
                    raise Broken(BARRED, f"{name} is sent while the intake is {self._intake.state}")
                if request_ms <= 0:
                    raise Broken(NOT_IN_TIME, f"{name} is sent {-request_ms} ms after its bound")
                if not parcel.is_probe and request_ms < self._until_ms:
                    raise Broken(ALL_THE_TIME, f"{name} is sent for {request_ms} ms of {self._until_ms}")
            elif isinstance(effect, do.CancelSend):
                request_ms = None
            elif isinstance(effect, do.SplitInTwo):
                halves = delivery.Data(unknown=effect.begun)
        machine = self._walker.machine
        self._parcels[name] = change(parcel, machine=Standing(machine.state, machine.data, _armed(timers, machine)), request_ms=request_ms)
        if halves is not None:
            self._split(parcel, halves)
        elif machine.state in self._final:
            if request_ms is not None:
                raise Broken(SENT_ONCE, f"{name} goes, and its request is still under way")
            del self._parcels[name]

    def _split(self, parcel: Parcel, data: delivery.Data) -> None:
        """Its halves take its place, and are numbered after all others."""
        del self._parcels[parcel.name]
        for half in ("1", "2"):
            self._parcels[parcel.name + half] = Parcel(parcel.name + half, Standing(delivery.State.QUEUED, data), is_new=False)

    def _keep(self, timers: Timers, effect: Any, name: str) -> None:
        if isinstance(effect, Arm):
            timers.arm(effect)
        elif isinstance(effect, Disarm):
            timers.disarm(effect.tick)
        else:
            self._seen.append(_words(effect, name))


def _holds_a_slot(parcel: Parcel) -> bool:
    return parcel.machine.state in HOLDING_A_SLOT and not parcel.is_probe


def _probes(parcel: Parcel) -> bool:
    return parcel.machine.state in HOLDING_A_SLOT and parcel.is_probe


def _armed(timers: Timers, machine: Any) -> tuple[tuple[type[Tick], int], ...]:
    armed = timers.armed(machine)
    if len(armed) != len(machine.armed):
        raise Broken(TIMER_KEPT, f"{sorted(tick.__name__ for tick in machine.armed)} are armed, {armed} are kept")
    return armed


def _words(effect: Any, name: str) -> str:
    match effect:
        case Unexpected(machine, state, event):
            return f"Unexpected {event} in {machine} {state}"
        case do.CountDelivered(maybe_twice):
            return f"CountDelivered {name} {'maybe twice' if maybe_twice else 'once'}"
    return f"{type(effect).__name__} {name}"


# --- time ---------------------------------------------------------------------------------------------------------------------


def _later(outbox: Outbox, passed_ms: int) -> Outbox:
    """The same outbox, later: HERE stays where it is, and what nobody will read is forgotten."""
    intake, until_ms = outbox.intake, max(0, outbox.until_ms - passed_ms)
    data = change(intake.data, pause_ms=_one_of_long(intake.data.pause_ms))
    is_idle = not any(parcel.machine.state in HOLDING_A_SLOT for parcel in outbox.parcels)
    return Outbox(
        tuple(_later_parcel(parcel, passed_ms) for parcel in outbox.parcels),
        Standing(intake.state, data, tuple((tick, ms - passed_ms) for tick, ms in intake.armed)),
        0 if is_idle and not outbox.is_open else until_ms,
        outbox.is_open,
        outbox.pause_ms,
    )


def _one_of_long(pause_ms: int) -> int:
    return pause_ms if pause_ms <= destination.PAUSE_MS_MIN * 2 else LONG_MS


def _later_parcel(parcel: Parcel, passed_ms: int) -> Parcel:
    standing = parcel.machine
    if standing.state in HOLDING_A_SLOT:
        until_mono_ms = max(HERE.mono_ms, standing.data.until_mono_ms - passed_ms)
        data = change(standing.data, until_mono_ms=until_mono_ms)
    else:
        data = change(standing.data, tries=0, until_mono_ms=0)
    armed = tuple((tick, ms - passed_ms) for tick, ms in standing.armed)
    request_ms = None if parcel.request_ms is None else parcel.request_ms - passed_ms
    return change(parcel, machine=Standing(standing.state, data, armed), request_ms=request_ms)
