"""Payloads between being sealed and being dealt with: numbers, slots, a byte bound, and one delivery machine each.

Synchronous and without I/O: it says which payload to send; whoever performs that tells how it ended.
"""

from collections.abc import Callable
from typing import Any

from fsm import delivery
from fsm import effects as do
from fsm import events as ev
from fsm.engine import Arm, Disarm, Machine, Step, Unexpected
from fsm.time import Now
from protocols.intake_body import Body
from reactor.agent.inputs import SendEnded, TimerDue
from reactor.agent.ledger import Ledger
from reactor.agent.outputs import CancelPayload, ClearTimer, Payload, SendPayload, SetTimer

BYTES_MAX = 32 * 1024 * 1024  # of uncompressed bodies kept; beyond, the oldest that is not under way is dropped
PAYLOADS_MAX = 1_000  # kept; beyond, likewise
SLOTS = 4  # requests under way at once

OWNER = "payload "


class Outbox:
    """All payloads in hand, oldest first."""

    def __init__(self, ledger: Ledger, random: Callable[[], float], watch: Callable[[Step], None] | None = None) -> None:
        self.number = 0  # the highest given so far
        self.bytes = 0
        self._ledger, self._random, self._watch = ledger, random, watch
        self._payloads: dict[int, tuple[Payload, Machine[delivery.State, delivery.Data]]] = {}
        self._until_mono_ms = 0
        self._is_open = False  # the flush's bound has not passed: what waits for a slot will get one

    def __len__(self) -> int:
        return len(self._payloads)

    @property
    def confirmed(self) -> int:
        """Every number up to this one is delivered, dropped, or set aside for a later flush.

        What still waits for a slot when the bound has passed is set aside too: nobody would wake it before the next flush.
        """
        waited_for = _UNDER_WAY if self._is_open else _HOLDING_A_SLOT
        return min((number for number, (_, machine) in self._payloads.items() if machine.state in waited_for), default=self.number + 1) - 1

    def add(self, url: str, body: Body) -> None:
        """Number a body. It waits until a flush begins."""
        self.number += 1
        machine = Machine(delivery.TABLE, delivery.Data(jitter=self._random()), self._watch)
        self._payloads[self.number] = (Payload(self.number, url, body), machine)
        self.bytes += len(body.raw)

    def flush(self, until_mono_ms: int, now: Now) -> list[Any]:
        """Begin, or join, a flush of everything in hand: what was set aside earlier goes first."""
        self._until_mono_ms = max(until_mono_ms, self._until_mono_ms) if self._under_way() else until_mono_ms
        out: list[Any] = self._make_room(now)
        for number in tuple(self._payloads):
            out += self._feed(number, ev.FlushBegan(now, self._until_mono_ms))
        return out + self._fill_slots(now)

    def ended(self, end: SendEnded, now: Now) -> list[Any]:
        """A request is over."""
        if end.number not in self._payloads:
            return []
        event = ev.Unanswered(now, end.reason, end.unknown) if end.status is None else ev.Answered(now, end.status, end.retry_after_ms)
        return self._feed(end.number, event) + self._fill_slots(now)

    def due(self, timer: TimerDue, now: Now) -> list[Any]:
        """A payload's pause is over."""
        number = int(timer.owner.removeprefix(OWNER))
        if number not in self._payloads:
            return []
        return self._feed(number, timer.tick(now, timer.generation)) + self._fill_slots(now)

    def discard_all(self, reason: str, now: Now) -> list[Any]:
        """Nothing in hand can be sent any more."""
        return [effect for number in tuple(self._payloads) for effect in self._feed(number, ev.Discarded(now, reason))]

    def _under_way(self) -> int:
        return sum(machine.state in _HOLDING_A_SLOT for _, machine in self._payloads.values())

    def _fill_slots(self, now: Now) -> list[Any]:
        out: list[Any] = []
        self._is_open = now.mono_ms < self._until_mono_ms
        free = SLOTS - self._under_way() if self._is_open else 0
        for number, (_, machine) in tuple(self._payloads.items()):
            if free <= 0:
                break
            if machine.state is delivery.State.QUEUED:
                out += self._feed(number, ev.SendBy(now, self._until_mono_ms))
                free -= 1
        return out

    def _make_room(self, now: Now) -> list[Any]:
        out: list[Any] = []
        for number, (_, machine) in tuple(self._payloads.items()):
            if self.bytes <= BYTES_MAX and len(self._payloads) <= PAYLOADS_MAX:
                break
            if machine.state not in _HOLDING_A_SLOT:
                out += self._feed(number, ev.Discarded(now, "no room"))
        return out

    def _feed(self, number: int, event: Any) -> list[Any]:
        payload, machine = self._payloads[number]
        out: list[Any] = []
        for effect in machine.feed(event):
            self._perform(payload, effect, out)
        if machine.state in delivery.TABLE.final:
            self.bytes -= len(payload.body.raw)
            del self._payloads[number]
        return out

    def _perform(self, payload: Payload, effect: Any, out: list[Any]) -> None:
        what = payload.body.kind
        match effect:
            case do.Send(until_mono_ms):
                out.append(SendPayload(payload, until_mono_ms))
            case do.CancelSend():
                out.append(CancelPayload(payload.number))
            case do.CountDelivered(maybe_twice):
                self._ledger.deliver(what, payload.body.items)
                if maybe_twice:
                    self._ledger.note(f"{what}: delivered, perhaps twice", payload.body.items)
            case do.CountDropped(reason):
                self._ledger.drop(what, reason, payload.body.items)
            case Arm(tick, at_mono_ms, generation):
                out.append(SetTimer(f"{OWNER}{payload.number}", tick, generation, at_mono_ms))
            case Disarm(tick):
                out.append(ClearTimer(f"{OWNER}{payload.number}", tick))
            case Unexpected():
                out.append(effect)


_UNDER_WAY = frozenset({delivery.State.QUEUED, delivery.State.IN_FLIGHT, delivery.State.PAUSED})
_HOLDING_A_SLOT = frozenset({delivery.State.IN_FLIGHT, delivery.State.PAUSED})
