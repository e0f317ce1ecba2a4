"""Payloads on their way to one intake, with the circuit of that intake, among answers of every kind, lost answers, and flushes at any time.

Two payloads, one of which may become two, and the other may be an earlier process's; new ones come for as long as one likes, so no run ever
ends. In one model they go one after the other, in the other side by side, with less to choose from besides.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from fsm import delivery, destination
from fsm import events as ev
from fsm.change import change
from fsm.check.model import DUE, WAIT, Broken, Model, Reaction, Seen, Stimulus, Subject, Surroundings, Taken
from fsm.check.outbox_contract import (
    ALL_ALONG,
    ALL_THE_TIME,
    BARRED,
    HOLDING_A_SLOT,
    IN_FLIGHT,
    NOT_IN_TIME,
    PAUSES,
    SENT_ONCE,
    TIMER_KEPT,
    Outbox,
    Step,
)
from fsm.check.standing import HERE, Standing, Walker
from fsm.delivery import TRIES_MAX
from fsm.engine import Table

BOUND_MS = 500  # of a flush: time for all pauses, if answers come quickly
GRAIN_MS = 100  # all times are multiples of this
AFTER_MS = 400  # asked for by an intake: time for that, if the answer comes quickly

EXPECTED = "no event that the platform may produce is unexpected"
ENDS_ONCE = "each payload is counted once: delivered, dropped, or halved"
DELIVERED = "delivered is what the intake took"
MAYBE_TWICE = "delivered perhaps twice is said where an answer was lost before, and only there"
REFUSED = "dropped is what was refused or discarded, and nothing else"
TRIED = "in one flush a payload is sent so many times at the most"
PROBED = "an intake that is being probed has a probe under way"
RENEWED = "another key is looked for when one is refused"
HEALS = "an intake that is down has a timer for the next probe"
NO_STALL = "a flush waits for nothing beyond its bound"

RULES = {
    EXPECTED: "no Unexpected comes out",
    ENDS_ONCE: "CountDelivered, CountDropped and SplitInTwo exclude each other, and each payload that goes had one of them",
    DELIVERED: "CountDelivered after a 2xx, and always then",
    MAYBE_TWICE: "its flag is that an answer to this payload was lost, or came to a request that went out twice",
    REFUSED: "CountDropped after an answer that would be the same again, or Discarded",
    SENT_ONCE: "Send only where no request is under way",
    TRIED: f"{TRIES_MAX} Sends from one SendBy on",
    BARRED: "while the intake is not CLOSED, a Send is that of a probe, of which one is under way at a time",
    PROBED: "in PROBE, a payload that is a probe is under way",
    RENEWED: "RenewKey at the first 403, and at that of a probe, a long while later",
    HEALS: "in OPEN and in KEY_REFUSED, ProbeDue is armed",
    PAUSES: "ProbeDue at the pause, or what the intake asked for, or long after a 403; CLOSED by DestinationAnswered, READY by ProbeDue",
    ALL_THE_TIME: "the bound of a Send is that of the flush; PAUSED after what may change, if the next try lies before that bound",
    ALL_ALONG: "after FlushBegan nothing is ASIDE whose intake is CLOSED; after LastChance an intake is CLOSED, or wants another key",
    TIMER_KEPT: "armed is what is kept",
    NOT_IN_TIME: "the bound of a request lies ahead",
    NO_STALL: "from every state, bounds and pauses alone lead to one in which nothing is under way",
}

# What an intake may answer: status, how long it asks to be left alone, and whether that request may have gone out twice.
Answer = tuple[int, int, bool]


@attrs.frozen
class Traffic:
    """What a model may choose from. `slots`: requests at once. `kinds`: of each payload, whether it has halves, and whether it was begun.

    `joins_for_longer`: a flush that joins another may be waited for longer than that. `is_slow`: answers come just before a timer, too.
    `may_go`: for want of room, single payloads are discarded.
    """

    slots: int
    bound_ms: int  # of a flush
    answers: tuple[Answer, ...]
    losses: tuple[bool, ...]  # an answer does not come: whether the request may have arrived
    kinds: Mapping[str, tuple[tuple[bool, bool], ...]]
    joins_for_longer: bool = True
    is_slow: bool = True
    may_go: bool = True


class Deliveries:
    """The subject: one machine per payload, one for the intake, with an outbox around them."""

    def __init__(self, tables: Mapping[str, Table[Any, Any]], traffic: Traffic) -> None:
        self.taken: set[Taken] = set()
        self._walkers = Walker(tables["delivery"], self.taken), Walker(tables["destination"], self.taken)
        self._traffic = traffic
        self._final = tables["delivery"].final

    def start(self) -> Outbox:
        return Outbox((), Standing(destination.State.CLOSED, destination.Data()))

    def own(self, state: Outbox) -> Iterable[Stimulus]:
        timers = state.timers()
        next_ms = min((ms for ms, _, _ in timers), default=0)
        yield from ((DUE, what, name) for ms, name, what in timers if ms == next_ms)
        if self._traffic.is_slow and next_ms > GRAIN_MS and any(parcel.machine.state in HOLDING_A_SLOT for parcel in state.parcels):
            yield (WAIT,)

    def react(self, state: Outbox, stimulus: Stimulus) -> Iterable[Reaction]:
        word, *rest = stimulus
        if word in (DUE, WAIT):
            next_ms = min(ms for ms, _, _ in state.timers())
            step = self._step(state, next_ms - (GRAIN_MS if word == WAIT else 0))
        else:
            step = self._step(state)
            if word == "flush":
                is_new = self._traffic.joins_for_longer or not state.is_waited_for()
                rest.insert(0, self._traffic.bound_ms if is_new else 0)
            if word in ("answered", "unanswered") and not self._is_under_way(state, rest[0]):
                return ()
            if word == "discarded" and not self._may_be_discarded(state, rest[0]):
                return ()
        _TAKE[word](step, *rest)
        reaction = step.reaction()
        if word != "all discarded":
            _look_at(reaction.state)
        return (reaction,)

    def _step(self, state: Outbox, passed_ms: int = 0) -> Step:
        return Step(self._walkers, self._final, self._traffic.slots, state, passed_ms)

    @staticmethod
    def _is_under_way(state: Outbox, name: str) -> bool:
        return any(parcel.name == name and parcel.request_ms is not None for parcel in state.parcels)

    @staticmethod
    def _may_be_discarded(state: Outbox, name: str) -> bool:
        """For want of room, what holds no slot goes."""
        return any(parcel.name == name and parcel.machine.state not in HOLDING_A_SLOT for parcel in state.parcels)


def _look_at(outbox: Any) -> None:
    intake = outbox.intake
    probes = [parcel for parcel in outbox.parcels if parcel.is_probe and parcel.machine.state in HOLDING_A_SLOT]
    if intake.state is destination.State.PROBE and not probes:
        raise Broken(PROBED, "nothing is under way that could tell how it is")
    if intake.state in (destination.State.OPEN, destination.State.KEY_REFUSED) and not intake.armed:
        raise Broken(HEALS, "nothing will lead to a probe")
    if len(probes) > 1:
        raise Broken(BARRED, f"{' and '.join(parcel.name for parcel in probes)} are probes at once")
    for parcel in outbox.parcels:
        if (parcel.machine.state is IN_FLIGHT) != (parcel.request_ms is not None):
            raise Broken(SENT_ONCE, f"{parcel.name} is {parcel.machine.state}, with a request until {parcel.request_ms}")


def _due(step: Step, what: str, name: str) -> None:
    if what == "ProbeDue":
        step.probe_due()
    elif what == "PauseOver":
        step.pause_over(name)
    else:
        step.ended(name, ev.Unanswered(HERE, "no answer in time", unknown=True))


def _answered(step: Step, name: str, status: int, after_ms: int, unknown: bool) -> None:
    step.ended(name, ev.Answered(HERE, status, after_ms, unknown))


def _unanswered(step: Step, name: str, unknown: bool) -> None:
    step.ended(name, ev.Unanswered(HERE, "no connection", unknown))


_TAKE: dict[str, Any] = {
    DUE: _due,
    WAIT: lambda step: None,
    "add": Step.add,
    "flush": Step.flush,
    "an invocation begins": Step.probe,
    "answered": _answered,
    "unanswered": _unanswered,
    "another key": Step.key_found,
    "discarded": Step.discard,
    "all discarded": Step.discard_all,
}


@attrs.frozen(slots=False)
class Known:
    """Of one payload: whether it could be two; whether an answer was lost; requests since its turn came; whether one is under way."""

    has_halves: bool = False
    lost: bool = False
    sent: int = 0
    is_under_way: bool = False


@attrs.frozen
class World:
    """`is_refused`: the key was, and no other was found since. `is_over`: nothing can be sent any more."""

    known: tuple[tuple[str, Known], ...] = ()
    is_refused: bool = False
    is_over: bool = False


class Intake:
    """The surroundings: the intake, those who flush, and the one who counts along."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic

    def start(self) -> World:
        return World()

    def offers(self, state: World) -> Iterable[Stimulus]:
        if state.is_over:
            return
        traffic, names = self._traffic, [name for name, _ in state.known]
        free = next((name for name in traffic.kinds if not any(known.startswith(name) for known in names)), None)
        if free is not None:
            yield from (("add", free, *kind) for kind in traffic.kinds[free])
        yield from (("flush", is_final) for is_final in (False, True))
        yield from (("an invocation begins",), ("another key",), ("all discarded",))
        for name, known in state.known:
            if known.is_under_way:
                yield from (("answered", name, *answer) for answer in traffic.answers)
                yield from (("unanswered", name, unknown) for unknown in traffic.losses)
            elif traffic.may_go:
                yield ("discarded", name)

    def observe(self, state: World, stimulus: Stimulus, seen: Seen) -> World:
        return _Watch(state, stimulus).watch(seen)

    def is_blank(self, seen: Seen) -> bool:
        return not seen

    def resting(self, subject: Outbox, state: World) -> str:
        return "" if subject.is_under_way() and not state.is_over else "nothing is under way"


class _Watch:
    """One step, as it is seen from outside."""

    def __init__(self, world: World, stimulus: Stimulus) -> None:
        self._known, self._is_refused = dict(world.known), world.is_refused
        self._stimulus = stimulus
        self._ended: dict[str, str] = {}
        self._take()

    def _take(self) -> None:
        match self._stimulus:
            case ("add", name, has_halves, was_begun):
                self._known[name] = Known(has_halves, lost=was_begun)
            case ("answered", name, _, _, unknown) | ("unanswered", name, unknown):
                self._over(name, unknown)
            case ("due", "no answer", name):
                self._over(name, True)
            case ("another key",) | ("due", "ProbeDue", _):
                self._is_refused = False

    def _over(self, name: str, unknown: bool) -> None:
        known = self._known[name]
        self._known[name] = change(known, lost=known.lost or unknown, is_under_way=False)

    def watch(self, seen: Seen) -> World:
        for text in seen:
            self._see(text)
        self._look_back(seen)
        return World(tuple(sorted(self._known.items())), self._is_refused, self._stimulus[0] == "all discarded")

    def _see(self, text: str) -> None:
        word, *rest = text.split()
        if word == "Unexpected":
            raise Broken(EXPECTED, text)
        if word == "Send":
            self._sent(rest[0])
        elif word in ("CountDelivered", "CountDropped", "SplitInTwo"):
            self._ends(rest[0], word, " ".join(rest[1:]))
        elif word == "CancelSend":
            self._known[rest[0]] = change(self._known[rest[0]], is_under_way=False)

    def _sent(self, name: str) -> None:
        known = self._known.get(name)
        if known is None or known.is_under_way:
            raise Broken(SENT_ONCE, f"{name} is sent")
        is_again = self._stimulus == (DUE, "PauseOver", name)
        sent = known.sent + 1 if is_again else 1
        if sent > TRIES_MAX:
            raise Broken(TRIED, f"{name} is sent for the {sent}th time")
        self._known[name] = change(known, sent=sent, is_under_way=True)

    def _ends(self, name: str, word: str, how: str) -> None:
        if name in self._ended or name not in self._known:
            raise Broken(ENDS_ONCE, f"{name}: {word} after {self._ended.get(name, 'it had gone')}")
        known = self._known.pop(name)
        self._ended[name] = word
        status = self._stimulus[2] if self._stimulus[:2] == ("answered", name) else 0
        if word == "CountDelivered":
            self._delivered(name, status, known, how)
        elif word == "CountDropped":
            is_refused = _is_final(status) and not (status == delivery.TOO_LARGE and known.has_halves)
            if not self._stimulus[0].endswith("discarded") and not is_refused:
                raise Broken(REFUSED, f"{name} is dropped after {self._stimulus}")
        elif status != delivery.TOO_LARGE:
            raise Broken(REFUSED, f"{name} is halved after {self._stimulus}")
        else:
            self._known |= {name + "1": Known(lost=known.lost), name + "2": Known(lost=known.lost)}

    @staticmethod
    def _delivered(name: str, status: int, known: Known, how: str) -> None:
        if not 200 <= status < 300:
            raise Broken(DELIVERED, f"{name} is delivered after status {status}")
        if (how == "maybe twice") != known.lost:
            raise Broken(MAYBE_TWICE, f"{name} is delivered {how}, and an answer was {'' if known.lost else 'not '}lost")

    def _look_back(self, seen: Seen) -> None:
        match self._stimulus:
            case ("answered", name, status, _, _):
                wanted = "CountDelivered" if status < 300 else "CountDropped" if _is_final(status) else ""
                if wanted and self._ended.get(name) not in (wanted, "SplitInTwo" if status == delivery.TOO_LARGE else wanted):
                    raise Broken(DELIVERED if status < 300 else REFUSED, f"{name} was answered {status}: {self._ended.get(name, 'kept')}")
                self._look_at_key(status, seen)
            case ("all discarded",) if self._known:
                raise Broken(ENDS_ONCE, f"{', '.join(self._known)} stay")
            case ("discarded", name) if name not in self._ended and name in self._known and seen:
                raise Broken(ENDS_ONCE, f"{name} stays")

    def _look_at_key(self, status: int, seen: Seen) -> None:
        if status == 403:
            if ("RenewKey intake" in seen) == self._is_refused:
                raise Broken(RENEWED, f"refused {'again' if self._is_refused else 'for the first time'}: {seen}")
            self._is_refused = True


def _is_final(status: int) -> bool:
    return 400 <= status < 500 and status not in (*delivery.RETRYABLE, 403)


def model_of(name: str, text: str, traffic: Traffic) -> Model:
    def make(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
        return Deliveries(tables, traffic), Intake(traffic)

    return Model(name, text, ("delivery", "destination"), RULES, make, NO_STALL)


PLAIN, HALVES, BEGUN = (False, False), (True, False), (False, True)
TAKEN, TAKEN_ONCE_MORE, BUSY, KEY_REFUSED = (202, 0, False), (202, 0, True), (500, 0, False), (403, 0, False)

DELIVERY = model_of(
    "delivery",
    "payloads in turn, answers of every kind, and an intake that fails and heals",
    Traffic(
        slots=1,
        bound_ms=BOUND_MS,
        answers=(TAKEN, TAKEN_ONCE_MORE, KEY_REFUSED, (413, 0, False), (400, 0, False), (429, AFTER_MS, False), BUSY, (500, 0, True)),
        losses=(False, True),
        kinds={"p": (PLAIN, HALVES), "q": (PLAIN, BEGUN)},
    ),
)

# An intake is left alone for as long as a flush may take: so the one may be given up, and ready for a probe, before the other has ended.
DELIVERY_ABREAST = model_of(
    "delivery_abreast",
    "two requests at once, of which one finds out what the other does not know yet",
    Traffic(
        slots=2,
        bound_ms=destination.PAUSE_MS_MIN,
        answers=(TAKEN, KEY_REFUSED, (429, destination.PAUSE_MS_MIN, False)),
        losses=(False,),
        kinds={"p": (PLAIN,), "q": (PLAIN,)},
        joins_for_longer=False,
        may_go=False,
    ),
)
