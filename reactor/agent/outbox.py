"""Payloads between being sealed and being dealt with: numbers, slots, a byte bound; a delivery machine for each, a circuit for each intake.

Synchronous and without I/O: it says which payload to send; whoever performs that tells how it ended. A payload whose intake is down is set
aside, and costs nobody anything until one of them, sent beside an invocation, shows that the intake has healed.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from fsm import delivery, destination
from fsm import effects as do
from fsm import events as ev
from fsm.engine import Arm, Disarm, Machine, Step
from fsm.time import Now
from protocols.halves import halve, has_halves
from protocols.intake_body import Body
from reactor.agent.destinations import origin_of
from reactor.agent.inputs import SendEnded, TimerDue
from reactor.agent.ledger import Ledger
from reactor.agent.outputs import CancelPayload, ClearTimer, ForgetPayload, Payload, ReplacePayload, Say, SendPayload, SetTimer

BYTES_MAX = 16 * 1024 * 1024  # of bodies kept, as they are sent; beyond, the intake that has most of them loses its oldest
PAYLOADS_MAX = 1_000  # kept; beyond, likewise
SLOTS = 4  # requests under way at once to the main intakes, and as many to the additional ones
PROBE_MS = 5_000  # how long the answer to a probe is of use
KEY_REFUSED = "status 403"
BLAMES_MAX = 5  # so often may an intake fail over a payload and then take another; then it is the payload that is to blame

PAYLOAD, INTAKE = "payload ", "intake "  # owners of timers

QUEUED, IN_FLIGHT, PAUSED, ASIDE = delivery.State.QUEUED, delivery.State.IN_FLIGHT, delivery.State.PAUSED, delivery.State.ASIDE
_UNDER_WAY = frozenset({QUEUED, IN_FLIGHT, PAUSED})
_HOLDING_A_SLOT = frozenset({IN_FLIGHT, PAUSED})
CLOSED, OPEN, READY = destination.State.CLOSED, destination.State.OPEN, destination.State.READY


@attrs.define(eq=False, repr=False)
class _Intake:
    """One place and one key. `turn`: when it was last given a slot."""

    name: str
    machine: Machine[destination.State, destination.Data]
    is_additional: bool
    slots: int = 0
    turn: int = 0
    bytes: int = 0
    payloads: int = 0
    said: str = ""
    waiting: deque[int] = attrs.field(factory=deque)  # for a slot: numbers, oldest first; some may have been dealt with otherwise by now
    failed_over: dict[int, int] = attrs.field(factory=dict)  # number and status (5xx) of what it failed over since it last took another


@attrs.define(eq=False)
class _Entry:
    """`rank`: the number that a flush waits for it under: its own, or that of the payload that it is a part of.

    `blames`: how often its intake failed over it, and then took another. `probed`: the turn in which it last was a probe.
    """

    payload: Payload
    machine: Machine[delivery.State, delivery.Data]
    intake: _Intake
    rank: int
    is_probe: bool = False
    holds_slot: bool = False
    blames: int = 0
    probed: int = 0


class Outbox:
    """All payloads in hand, oldest first."""

    def __init__(
        self,
        ledger: Ledger,
        random: Callable[[], float],
        watch: Callable[[Step], None] | None = None,
        halves_of: Callable[[Body], Sequence[Body]] = halve,
    ) -> None:
        """`halves_of` a body, encoded as it is itself; it may raise, which costs that body."""
        self.number = 0  # the highest given so far
        self.bytes = 0
        self._ledger, self._random, self._watch, self._halves_of = ledger, random, watch, halves_of
        self._entries: dict[int, _Entry] = {}
        self._intakes: dict[str, _Intake] = {}
        self._turn = 0
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
        ranks = [entry.rank for entry in self._entries.values() if entry.machine.state in waited_for and not entry.is_probe]
        return min(ranks) - 1 if ranks else self.number

    def statistics(self) -> dict[str, str]:
        """The state of each intake, by name: its origin and, if it has one of its own, which key."""
        return {name: str(intake.machine.state) for name, intake in self._intakes.items()}

    # --- in -------------------------------------------------------------------------------------------------------------------

    def add(self, url: str, body: Body, key: int = 0) -> Payload:
        """Number a body. It waits until a flush begins."""
        number = self.number + 1
        return self._put(Payload(number, url, body, key), number, begun=False)

    def adopt(self, number: int, url: str, body: Body, begun: bool, key: int = 0) -> Payload:
        """Take over a payload of an earlier process, with its number. `begun`: the intake may have it already."""
        return self._put(Payload(number, url, body, key), number, begun)

    def _put(self, payload: Payload, rank: int, begun: bool) -> Payload:
        self.number = max(self.number, payload.number)
        data = delivery.Data(jitter=self._random(), has_halves=has_halves(payload.body), unknown=begun)
        intake = self._intake_of(payload)
        self._entries[payload.number] = _Entry(payload, Machine(delivery.TABLE, data, self._watch), intake, rank)
        self._weigh(intake, payload, 1)
        return payload

    def _weigh(self, intake: _Intake, payload: Payload, times: int) -> None:
        size = payload.body.size * times
        self.bytes += size
        intake.bytes += size
        intake.payloads += times

    def _intake_of(self, payload: Payload) -> _Intake:
        name = origin_of(payload.url)
        if payload.key:
            name = f"{name} (additional key {payload.key})"
        if name not in self._intakes:
            machine = Machine(destination.TABLE, destination.Data(jitter=self._random()), self._watch)
            self._intakes[name] = _Intake(name, machine, is_additional=payload.key > 0)
        return self._intakes[name]

    def flush(self, until_mono_ms: int, now: Now, final: bool = False) -> list[Any]:
        """Begin, or join, a flush of everything in hand: what was set aside earlier goes first. `final`: dead intakes are tried too."""
        is_joined = any(intake.slots for intake in self._intakes.values())
        self._until_mono_ms = max(until_mono_ms, self._until_mono_ms) if is_joined else until_mono_ms
        out: list[Any] = self._make_room(now)
        if final:
            for intake in self._intakes.values():
                self._tell_intake(intake, ev.LastChance(now), out)
        for number, entry in tuple(self._entries.items()):
            takes = entry.intake.machine.state is CLOSED
            if takes:
                entry.is_probe = False  # from here on it is waited for like any other
            if (takes and entry.machine.state is QUEUED and number > self._flushed) or entry.is_probe:
                continue  # it was made for this very flush; or it goes on to show whether its intake has healed
            self._feed(number, ev.FlushBegan(now, self._until_mono_ms) if takes else ev.Barred(now), out)
        self._flushed = self.number
        self._line_up()
        self._fill_slots(now, out)
        return out

    def probe(self, now: Now) -> list[Any]:
        """An invocation begins: beside it, see whether intakes that were down have healed."""
        out: list[Any] = []
        ready = [name for name, intake in self._intakes.items() if intake.machine.state is READY]
        if not ready:
            return out
        under_way = {entry.intake.name for entry in self._entries.values() if entry.is_probe and entry.machine.state in _HOLDING_A_SLOT}
        for name in ready:
            # A probe that is under way will say how its intake is, whatever others have found out since.
            if name not in under_way and (number := self._whose_turn(name)) is not None:
                entry = self._entries[number]
                self._turn += 1
                entry.is_probe, entry.probed = True, self._turn
                self._tell_intake(entry.intake, ev.ProbeSent(now), out)
                until_mono_ms = now.mono_ms + PROBE_MS
                self._feed(number, ev.FlushBegan(now, until_mono_ms), out)
                self._feed(number, ev.SendBy(now, until_mono_ms), out)
        return out

    def _whose_turn(self, name: str) -> int | None:
        """Who shows how an intake is. All in turn: one that can never be taken must not hide that the others would be."""
        aside = [number for number, entry in self._entries.items() if entry.intake.name == name and entry.machine.state is ASIDE]
        return min(aside, key=lambda number: self._entries[number].probed, default=None)

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
            self._tell_intake(self._intakes[timer.owner.removeprefix(INTAKE)], tick, out)
        elif (number := int(timer.owner.removeprefix(PAYLOAD))) in self._entries:
            self._feed(number, tick, out)
            self._fill_slots(now, out)
        return out

    def key_found(self, now: Now) -> list[Any]:
        """There is another API key of the extension's own: what was refused may be taken now."""
        out: list[Any] = []
        for intake in self._intakes.values():
            if not intake.is_additional:
                self._tell_intake(intake, ev.KeyRenewed(now), out)
        return out

    def discard_all(self, reason: str, now: Now) -> list[Any]:
        """Nothing in hand can be sent any more."""
        out: list[Any] = []
        for number in tuple(self._entries):
            self._feed(number, ev.Discarded(now, reason), out)
        return out

    # --- whose turn it is -----------------------------------------------------------------------------------------------------

    def _line_up(self) -> None:
        for intake in self._intakes.values():
            intake.waiting.clear()
        for number, entry in sorted(self._entries.items(), key=_by_blames):
            if entry.machine.state is QUEUED:
                entry.intake.waiting.append(number)

    def _fill_slots(self, now: Now, out: list[Any]) -> None:
        self._is_open = now.mono_ms < self._until_mono_ms
        while self._is_open and (intake := self._next_intake()) is not None:
            number = intake.waiting.popleft()
            entry = self._entries.get(number)
            if entry is not None and entry.machine.state is QUEUED:
                self._turn += 1
                intake.turn = self._turn
                self._feed(number, ev.SendBy(now, self._until_mono_ms), out)

    def _next_intake(self) -> _Intake | None:
        """Who gets a slot: the one with the fewest, among equals the one whose turn is longest ago.

        An intake without any never waits for one, whatever the others hold: one that is slow takes all that nobody else wants, and delays
        nobody but itself. The additional intakes share slots of their own.
        """
        waiting = [intake for intake in self._intakes.values() if intake.waiting]
        if not waiting:
            return None
        taken = [0, 0]
        for intake in self._intakes.values():
            taken[intake.is_additional] += intake.slots
        free = [intake for intake in waiting if not intake.slots or taken[intake.is_additional] < SLOTS]
        return min(free, key=lambda intake: (intake.slots, intake.turn), default=None)

    def _make_room(self, now: Now) -> list[Any]:
        """The intake that has most loses its oldest: one that is down costs no other's payloads.

        A new one that could never fit, such as a large profile, is spared in its first flush: else it would never be sent.
        """
        out: list[Any] = []
        spared = self._newest_giant()
        bytes_max = BYTES_MAX + (self._entries[spared].payload.body.size if spared else 0)
        while (is_heavy := self.bytes > bytes_max) or len(self._entries) > PAYLOADS_MAX:
            idle = [
                (number, entry)
                for number, entry in self._entries.items()
                if entry.machine.state not in _HOLDING_A_SLOT and number != spared
            ]
            if not idle:
                break
            most = max((entry.intake for _, entry in idle), key=_by_bytes if is_heavy else _by_number)
            self._feed(next(number for number, entry in idle if entry.intake is most), ev.Discarded(now, "no room"), out)
        return out

    def _newest_giant(self) -> int:
        """The number of the newest payload that is larger than all room, if it was made for the flush that begins; else 0."""
        new = (number for number in reversed(self._entries) if number > self._flushed)
        return next((number for number in new if self._entries[number].payload.body.size > BYTES_MAX), 0)

    # --- machines -------------------------------------------------------------------------------------------------------------

    def _judge_intake(self, entry: _Entry, end: SendEnded, now: Now, out: list[Any]) -> None:
        """What the end of one request says about its intake."""
        intake = entry.intake
        if entry.machine.state is PAUSED:  # it is tried again first, unless a neighbour has found out meanwhile that nobody answers there
            if intake.machine.state is not CLOSED and not entry.is_probe:
                self._feed(end.number, ev.Barred(now), out)
            return
        entry.is_probe = False
        if end.status == 403:
            self._tell_intake(intake, ev.KeyRefused(now), out)
        elif entry.machine.state is ASIDE:
            before = intake.machine.state
            if end.status is not None and end.status >= 500:
                intake.failed_over[end.number] = end.status
            self._tell_intake(intake, ev.DestinationFailed(now, end.retry_after_ms), out)
            if before is CLOSED and intake.machine.state is OPEN:
                self._say_why(intake, end, out)
        else:
            self._tell_intake(intake, ev.DestinationAnswered(now), out)
            if entry.machine.state is delivery.State.DELIVERED:
                self._blame(intake, now, out)
        if intake.machine.state is not CLOSED:
            for number, other in tuple(self._entries.items()):
                if other.intake is intake:
                    self._feed(number, ev.Barred(now), out)

    def _blame(self, intake: _Intake, now: Now, out: list[Any]) -> None:
        """It takes others: what it failed over may be to blame itself, and after so many times it is."""
        failed_over, intake.failed_over = intake.failed_over, {}
        for number, status in failed_over.items():
            if (entry := self._entries.get(number)) is not None:
                entry.blames += 1
                if entry.blames >= BLAMES_MAX:
                    self._feed(number, ev.Discarded(now, f"status {status} again and again, while others are taken"), out)

    def _say_why(self, intake: _Intake, end: SendEnded, out: list[Any]) -> None:
        reason = end.reason if end.status is None else f"status {end.status}"
        text = f"{intake.name} does not take what is sent: {reason}; it is kept, within bounds, and tried again"
        self._say_once(intake, reason, Say("WARN", text), out)

    @staticmethod
    def _say_once(intake: _Intake, reason: str, line: Say, out: list[Any]) -> None:
        """Not again while the reason is the same: these lines are telemetry too."""
        if reason != intake.said:
            intake.said = reason
            out.append(line)

    def _tell_intake(self, intake: _Intake, event: Any, out: list[Any]) -> None:
        for effect in intake.machine.feed(event):
            if intake.is_additional and type(effect) is do.RenewKey:  # it is what the settings say, and there is no other
                text = f"{intake.name} refused its API key (403); what it refused is kept as long as there is room"
                self._say_once(intake, KEY_REFUSED, Say("ERROR", text), out)
            else:
                out.append(_timer(INTAKE + intake.name, effect))

    def _feed(self, number: int, event: Any, out: list[Any]) -> None:
        entry = self._entries[number]
        machine = entry.machine
        for effect in machine.feed(event):
            self._perform(entry, effect, out)
        holds_slot = machine.state in _HOLDING_A_SLOT and not entry.is_probe
        entry.intake.slots += holds_slot - entry.holds_slot
        entry.holds_slot = holds_slot
        if machine.state in delivery.TABLE.final:
            self._weigh(entry.intake, entry.payload, -1)
            del self._entries[number]
            out.append(ForgetPayload(number))

    def _perform(self, entry: _Entry, effect: Any, out: list[Any]) -> None:
        payload = entry.payload
        what, items = payload.body.kind, payload.body.items
        kind = type(effect)
        if kind is do.Send:
            out.append(SendPayload(payload, effect.until_mono_ms))
        elif kind is do.CancelSend:
            out.append(CancelPayload(payload.number))
        elif kind is do.CountDelivered:
            self._ledger.deliver(what, items)
            if effect.maybe_twice:
                self._ledger.note(f"{what}: delivered, perhaps twice", items)
        elif kind is do.CountDropped:
            self._ledger.drop(what, effect.reason, items)
        elif kind is do.SplitInTwo:
            self._split(entry, effect.begun, out)
        else:
            out.append(_timer(f"{PAYLOAD}{payload.number}", effect))

    def _split(self, entry: _Entry, begun: bool, out: list[Any]) -> None:
        """Its halves go on in its place, in this flush, and the flush waits for them under its number."""
        payload = entry.payload
        try:
            halves = self._halves_of(payload.body)
        except Exception:  # bytes that are not what they were: it costs this payload, not the process
            halves = ()
        if not halves:
            self._ledger.drop(payload.body.kind, f"status {delivery.TOO_LARGE}", payload.body.items)
            return
        self._ledger.note("payloads halved for their intake")
        made = [self._put(Payload(self.number + 1, payload.url, half, payload.key), entry.rank, begun) for half in halves]
        entry.intake.waiting.extendleft(half.number for half in reversed(made))
        out.append(ReplacePayload(payload.number, tuple(made), begun))


def _by_bytes(intake: _Intake) -> tuple[int, bool]:
    return intake.bytes, intake.is_additional


def _by_number(intake: _Intake) -> tuple[int, bool]:
    return intake.payloads, intake.is_additional


def _by_blames(item: tuple[int, _Entry]) -> int:
    return item[1].blames


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
