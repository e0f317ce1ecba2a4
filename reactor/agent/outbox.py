"""Payloads between being sealed and being dealt with: numbers, slots, a byte bound; a delivery machine for each, a circuit for each intake.

Synchronous and without I/O: it says which payload to send; whoever performs that tells how it ended. A payload whose intake is down is set
aside, and costs nobody anything until one of them, sent beside an invocation, shows that the intake has healed.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import attrs

from fsm import delivery, destination
from fsm import effects as do
from fsm import events as ev
from fsm.engine import Arm, Disarm, Machine, Step
from fsm.time import Now
from protocols.intake_body import Body
from reactor.agent.inputs import SendEnded, TimerDue
from reactor.agent.ledger import Ledger
from reactor.agent.outputs import CancelPayload, ClearTimer, ForgetPayload, Payload, SendPayload, SetTimer

BYTES_MAX = 16 * 1024 * 1024  # of uncompressed bodies kept; beyond, the oldest that is not under way is dropped
PAYLOADS_MAX = 1_000  # kept; beyond, likewise
SLOTS = 4  # requests under way at once
PROBE_MS = 5_000  # how long the answer to a probe is of use

PAYLOAD, INTAKE = "payload ", "intake "  # owners of timers

QUEUED, IN_FLIGHT, PAUSED, ASIDE = delivery.State.QUEUED, delivery.State.IN_FLIGHT, delivery.State.PAUSED, delivery.State.ASIDE
_UNDER_WAY = frozenset({QUEUED, IN_FLIGHT, PAUSED})
_HOLDING_A_SLOT = frozenset({IN_FLIGHT, PAUSED})


@attrs.define(eq=False)
class _Entry:
    payload: Payload
    machine: Machine[delivery.State, delivery.Data]
    intake: str
    is_probe: bool = False


class Outbox:
    """All payloads in hand, oldest first."""

    def __init__(self, ledger: Ledger, random: Callable[[], float], watch: Callable[[Step], None] | None = None) -> None:
        self.number = 0  # the highest given so far
        self.bytes = 0
        self._ledger, self._random, self._watch = ledger, random, watch
        self._entries: dict[int, _Entry] = {}
        self._intakes: dict[str, Machine[destination.State, destination.Data]] = {}
        self._slots_taken = 0
        self._waiting: deque[int] = deque()  # for a slot: numbers, oldest first; some may have been dealt with otherwise by now
        self._flushed = 0  # the highest number that a flush has begun for
        self._until_mono_ms = 0
        self._is_open = False  # the flush's bound has not passed: what waits for a slot will get one

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def confirmed(self) -> int:
        """Every number up to this one is delivered, dropped, or set aside for a later flush.

        What still waits for a slot when the bound has passed is set aside too: nobody would wake it before the next flush. Nobody waits
        for a probe.
        """
        waited_for = _UNDER_WAY if self._is_open else _HOLDING_A_SLOT
        for number, entry in self._entries.items():
            if entry.machine.state in waited_for and not entry.is_probe:
                return number - 1
        return self.number

    def statistics(self) -> dict[str, str]:
        """The state of each intake, by origin."""
        return {origin: str(intake.state) for origin, intake in self._intakes.items()}

    # --- in -------------------------------------------------------------------------------------------------------------------

    def add(self, url: str, body: Body) -> Payload:
        """Number a body. It waits until a flush begins."""
        return self._put(self.number + 1, url, body, begun=False)

    def adopt(self, number: int, url: str, body: Body, begun: bool) -> Payload:
        """Take over a payload of an earlier process, with its number. `begun`: the intake may have it already."""
        return self._put(number, url, body, begun)

    def _put(self, number: int, url: str, body: Body, begun: bool) -> Payload:
        self.number = max(self.number, number)
        machine = Machine(delivery.TABLE, delivery.Data(jitter=self._random(), unknown=begun), self._watch)
        payload = Payload(number, url, body)
        self._entries[number] = _Entry(payload, machine, self._intake_of(url))
        self.bytes += len(body.raw)
        return payload

    def _intake_of(self, url: str) -> str:
        origin = "/".join(url.split("/", 3)[:3])
        if origin not in self._intakes:
            self._intakes[origin] = Machine(destination.TABLE, destination.Data(jitter=self._random()), self._watch)
        return origin

    def flush(self, until_mono_ms: int, now: Now, final: bool = False) -> list[Any]:
        """Begin, or join, a flush of everything in hand: what was set aside earlier goes first. `final`: dead intakes are tried too."""
        self._until_mono_ms = max(until_mono_ms, self._until_mono_ms) if self._slots_taken else until_mono_ms
        out: list[Any] = self._make_room(now)
        if final:
            for origin in self._intakes:
                self._tell_intake(origin, ev.LastChance(now), out)
        for number, entry in tuple(self._entries.items()):
            takes = self._intakes[entry.intake].state is destination.State.CLOSED
            if takes and entry.machine.state is QUEUED and number > self._flushed:
                continue  # it was made for this very flush
            self._feed(number, ev.FlushBegan(now, self._until_mono_ms) if takes else ev.Barred(now), out)
        self._flushed = self.number
        self._waiting = deque(number for number, entry in self._entries.items() if entry.machine.state is QUEUED)
        self._fill_slots(now, out)
        return out

    def probe(self, now: Now) -> list[Any]:
        """An invocation begins: beside it, see whether intakes that were down have healed."""
        out: list[Any] = []
        ready = {origin for origin, intake in self._intakes.items() if intake.state is destination.State.READY}
        for number, entry in tuple(self._entries.items()) if ready else ():
            if entry.intake in ready and entry.machine.state is ASIDE:
                ready.discard(entry.intake)
                entry.is_probe = True
                self._tell_intake(entry.intake, ev.ProbeSent(now), out)
                until_mono_ms = now.mono_ms + PROBE_MS
                self._feed(number, ev.FlushBegan(now, until_mono_ms), out)
                self._feed(number, ev.SendBy(now, until_mono_ms), out)
        return out

    def ended(self, end: SendEnded, now: Now) -> list[Any]:
        """A request is over."""
        out: list[Any] = []
        entry = self._entries.get(end.number)
        if entry is not None:
            self._feed(end.number, _event_of(end, now), out)
            self._judge_intake(entry, end, now, out)
            self._fill_slots(now, out)
        return out

    def due(self, timer: TimerDue, now: Now) -> list[Any]:
        """A payload's pause is over, or an intake may be probed."""
        out: list[Any] = []
        tick = timer.tick(now, timer.generation)
        if timer.owner.startswith(INTAKE):
            self._tell_intake(timer.owner.removeprefix(INTAKE), tick, out)
        elif (number := int(timer.owner.removeprefix(PAYLOAD))) in self._entries:
            self._feed(number, tick, out)
            self._fill_slots(now, out)
        return out

    def key_found(self, now: Now) -> list[Any]:
        """There is another API key: what was refused may be taken now."""
        out: list[Any] = []
        for origin in self._intakes:
            self._tell_intake(origin, ev.KeyRenewed(now), out)
        return out

    def discard_all(self, reason: str, now: Now) -> list[Any]:
        """Nothing in hand can be sent any more."""
        out: list[Any] = []
        for number in tuple(self._entries):
            self._feed(number, ev.Discarded(now, reason), out)
        return out

    # --- machines -------------------------------------------------------------------------------------------------------------

    def _fill_slots(self, now: Now, out: list[Any]) -> None:
        self._is_open = now.mono_ms < self._until_mono_ms
        while self._is_open and self._slots_taken < SLOTS and self._waiting:
            number = self._waiting.popleft()
            entry = self._entries.get(number)
            if entry is not None and entry.machine.state is QUEUED:
                self._feed(number, ev.SendBy(now, self._until_mono_ms), out)

    def _make_room(self, now: Now) -> list[Any]:
        out: list[Any] = []
        for number, entry in tuple(self._entries.items()):
            if self.bytes <= BYTES_MAX and len(self._entries) <= PAYLOADS_MAX:
                break
            if entry.machine.state not in _HOLDING_A_SLOT:
                self._feed(number, ev.Discarded(now, "no room"), out)
        return out

    def _judge_intake(self, entry: _Entry, end: SendEnded, now: Now, out: list[Any]) -> None:
        """What the end of one request says about its intake."""
        if entry.machine.state is PAUSED:
            return  # it is tried again first
        entry.is_probe = False
        if end.status == 403:
            self._tell_intake(entry.intake, ev.KeyRefused(now), out)
        elif entry.machine.state is ASIDE:
            self._tell_intake(entry.intake, ev.DestinationFailed(now, end.retry_after_ms), out)
        else:
            self._tell_intake(entry.intake, ev.DestinationAnswered(now), out)
        if self._intakes[entry.intake].state is not destination.State.CLOSED:
            for number, other in tuple(self._entries.items()):
                if other.intake == entry.intake:
                    self._feed(number, ev.Barred(now), out)

    def _tell_intake(self, origin: str, event: Any, out: list[Any]) -> None:
        out += [_timer(INTAKE + origin, effect) for effect in self._intakes[origin].feed(event)]

    def _feed(self, number: int, event: Any, out: list[Any]) -> None:
        entry = self._entries[number]
        machine = entry.machine
        held_a_slot = machine.state in _HOLDING_A_SLOT
        for effect in machine.feed(event):
            self._perform(entry.payload, effect, out)
        self._slots_taken += (machine.state in _HOLDING_A_SLOT) - held_a_slot
        if machine.state in delivery.TABLE.final:
            self.bytes -= len(entry.payload.body.raw)
            del self._entries[number]
            out.append(ForgetPayload(number))

    def _perform(self, payload: Payload, effect: Any, out: list[Any]) -> None:
        what = payload.body.kind
        kind = type(effect)
        if kind is do.Send:
            out.append(SendPayload(payload, effect.until_mono_ms))
        elif kind is do.CancelSend:
            out.append(CancelPayload(payload.number))
        elif kind is do.CountDelivered:
            self._ledger.deliver(what, payload.body.items)
            if effect.maybe_twice:
                self._ledger.note(f"{what}: delivered, perhaps twice", payload.body.items)
        elif kind is do.CountDropped:
            self._ledger.drop(what, effect.reason, payload.body.items)
        else:
            out.append(_timer(f"{PAYLOAD}{payload.number}", effect))


def _event_of(end: SendEnded, now: Now) -> ev.Answered | ev.Unanswered:
    if end.status is None:
        return ev.Unanswered(now, end.reason, end.unknown)
    return ev.Answered(now, end.status, end.retry_after_ms, end.unknown)


def _timer(owner: str, effect: Any) -> Any:
    """A timer with its owner; any other effect as it is."""
    if isinstance(effect, Arm):
        return SetTimer(owner, effect.tick, effect.generation, effect.at_mono_ms)
    if isinstance(effect, Disarm):
        return ClearTimer(owner, effect.tick)
    return effect
