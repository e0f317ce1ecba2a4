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

QUEUED, IN_FLIGHT, PAUSED, ASIDE = delivery.State.QUEUED, delivery.State.IN_FLIGHT, delivery.State.PAUSED, delivery.State.ASIDE
HOLDING_A_SLOT = (IN_FLIGHT, PAUSED)
CLOSED, READY = destination.State.CLOSED, destination.State.READY


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
    """All of them, oldest first, and their intake. `until_ms` from HERE: the bound of the last flush."""

    parcels: tuple[Parcel, ...]
    intake: Standing
    until_ms: int = 0
    is_open: bool = False

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
        self._seen: list[str] = []

    def reaction(self) -> Reaction:
        outbox = Outbox(tuple(self._parcels.values()), self._intake, self._until_ms, self._is_open)
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
        self._fill_slots()

    def probe(self) -> None:
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
        self._judge(parcel, event)
        self._fill_slots()

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
        if self._intake.state is not CLOSED:
            for name in tuple(self._parcels):
                self._feed(name, ev.Barred(HERE))

    # --- machines -------------------------------------------------------------------------------------------------------------

    def _tell_intake(self, event: Any, timers: Timers | None = None) -> None:
        timers = timers or Timers(self._intake)
        self._intake_walker.pick_up(self._intake)
        for effect in self._intake_walker.feed(event):
            self._keep(timers, effect, "intake")
        machine = self._intake_walker.machine
        self._intake = Standing(machine.state, machine.data, _armed(timers, machine))

    def _feed(self, name: str, event: Any, timers: Timers | None = None) -> None:
        parcel = self._parcels[name]
        timers = timers or Timers(parcel.machine)
        self._walker.pick_up(parcel.machine)
        request_ms, halves = parcel.request_ms, False
        for effect in self._walker.feed(event):
            self._keep(timers, effect, name)
            if isinstance(effect, do.Send):
                request_ms = effect.until_mono_ms - HERE.mono_ms
                if self._intake.state is not CLOSED and not parcel.is_probe:
                    raise Broken(BARRED, f"{name} is sent while the intake is {self._intake.state}")
                if request_ms <= 0:
                    raise Broken(NOT_IN_TIME, f"{name} is sent {-request_ms} ms after its bound")
            elif isinstance(effect, do.CancelSend):
                request_ms = None
            halves = halves or isinstance(effect, do.SplitInTwo)
        machine = self._walker.machine
        self._parcels[name] = change(parcel, machine=Standing(machine.state, machine.data, _armed(timers, machine)), request_ms=request_ms)
        if halves:
            self._split(parcel)
        elif machine.state in self._final:
            del self._parcels[name]

    def _split(self, parcel: Parcel) -> None:
        """Its halves take its place, and are numbered after all others."""
        del self._parcels[parcel.name]
        for half in ("1", "2"):
            data = delivery.Data(has_halves=False)
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
    data = intake.data if intake.data.pause_ms <= destination.PAUSE_MS_MIN * 2 else change(intake.data, pause_ms=LONG_MS)
    is_idle = not any(parcel.machine.state in HOLDING_A_SLOT for parcel in outbox.parcels)
    return Outbox(
        tuple(_later_parcel(parcel, passed_ms) for parcel in outbox.parcels),
        Standing(intake.state, data, tuple((tick, ms - passed_ms) for tick, ms in intake.armed)),
        0 if is_idle and not outbox.is_open else until_ms,
        outbox.is_open,
    )


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
