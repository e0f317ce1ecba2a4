"""The trace of one invocation, and the pairing of calls that name none: told anything, in any order, that a platform and a library can say.

Both are small enough that what must come of each word is worked out by counting alone.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from fsm import events as ev
from fsm import pairing
from fsm import tracing_actions as act
from fsm.check.model import Broken, Model, Reaction, Seen, Stimulus, Subject, Surroundings, Taken
from fsm.check.standing import HERE, Standing, Walker
from fsm.engine import Table, Unexpected

TRIES_MAX = 3  # of one request
IDS = "ab"
CALLS_MAX = 2  # that may wait; the agent lets more wait, by the same rule
NUMBERS_MAX = 4  # calls in one run
OVER = "over"  # said of a machine that has come to its end

EXPECTED = "nothing that a platform or a library may say is unexpected"
NO_STALL = "a trace waits for nobody: it has no timers"
SENT = "each try's spans are sent once: when the library has told all, when the runtime died, or when nothing more will be heard"
TAKEN = "of each try the first start call and the first end call are taken, the others refused"
KEPT = "what is known of a request is kept from its beginning until it is closed"
PAIRED = "a call that names no request is the oldest running invocation's that lacks it, or the next one's"
DROPPED = "a call that comes twice, or for which there is no room, is dropped"


class Machines:
    """The subject: one machine that is told words."""

    def __init__(self, table: Table[Any, Any], data: Any, events: Mapping[str, Callable[..., Any]], words: Callable[[Any], str]) -> None:
        self.taken: set[Taken] = set()
        self._table, self._data, self._events, self._words = table, data, events, words
        self._walker = Walker(table, self.taken)

    def start(self) -> Standing:
        return Standing(self._table.initial, self._data)

    def own(self, state: Standing) -> Iterable[Stimulus]:
        return ()

    def react(self, state: Standing, stimulus: Stimulus) -> Iterable[Reaction]:
        if state.state in self._table.final:
            return ()
        self._walker.pick_up(state)
        effects = self._walker.feed(self._events[stimulus[0]](*stimulus[1:]))
        machine = self._walker.machine
        seen = [_unexpected(effect) or self._words(effect) for effect in effects]
        seen += [OVER] * (machine.state in self._table.final)
        return (Reaction(Standing(machine.state, machine.data), tuple(seen)),)


def _unexpected(effect: Any) -> str:
    return f"Unexpected {effect.event} in {effect.machine} {effect.state}" if isinstance(effect, Unexpected) else ""


def _compare(wanted: list[str], seen: Seen, stimulus: Stimulus, rule_of: Mapping[str, str]) -> None:
    """Raises Broken where what was seen is not what was wanted, in that order."""
    if list(seen) == wanted:
        return
    odd = next((text for text in (*seen, *wanted) if seen.count(text) != wanted.count(text)), seen[0] if seen else wanted[0])
    rule = rule_of.get(odd.split()[0], EXPECTED)
    raise Broken(rule, f"{', '.join(seen) or 'nothing'} after {' '.join(map(str, stimulus))}, not {', '.join(wanted) or 'nothing'}")


# --- the trace of one invocation ------------------------------------------------------------------------------------------------


@attrs.frozen
class Story:
    """What was told of the try that runs. `over`: "" while the runtime is not, else how it ended."""

    tries: int = 0
    is_started: bool = False
    is_ended: bool = False
    is_placed: bool = False
    over: str = ""
    is_sent: bool = False
    is_closed: bool = False


class Teller:
    """The surroundings of a trace: the machine of the invocation, which tells each fact once and in order, and a library that may say
    anything."""

    def start(self) -> Story:
        return Story()

    def offers(self, state: Story) -> Iterable[Stimulus]:
        yield from (("start",), ("end",), ("place",), ("superseded",), ("close",))
        if state.tries < TRIES_MAX:
            yield ("open",)
        if state.tries and not state.over:
            yield from (("done", "success"), ("done", "error"))

    def observe(self, state: Story, stimulus: Stimulus, seen: Seen) -> Story:
        after, wanted = _TOLD[stimulus[0]](state, *stimulus[1:])
        _compare(wanted, seen, stimulus, _RULES_OF_TRACING)
        return attrs.evolve(after, is_sent=after.is_sent or any(text.startswith("SendSpans") for text in wanted[-1:]))

    def is_blank(self, seen: Seen) -> bool:
        return False

    def resting(self, subject: Standing, state: Story) -> str:
        return "what comes next, comes from outside"


_RULES_OF_TRACING = {
    "SendSpans": SENT,
    "TakeStart": TAKEN,
    "TakeEnd": TAKEN,
    "RefuseTracer": TAKEN,
    "BeginSpans": KEPT,
    "DropSpans": KEPT,
    OVER: KEPT,
}

Told = tuple[Story, list[str]]


def _open(story: Story) -> Told:
    if not story.tries:
        return attrs.evolve(story, tries=1), ["BeginSpans"]
    return Story(tries=story.tries + 1), ["SendSpans"] * (not story.is_sent) + ["BeginSpans"]


def _start(story: Story) -> Told:
    if story.is_sent or story.is_started:
        return story, ["RefuseTracer"]
    return attrs.evolve(story, is_started=True), ["TakeStart"]


def _end(story: Story) -> Told:
    if story.is_sent or story.is_ended:
        return story, ["RefuseTracer"]
    return attrs.evolve(story, is_ended=True), ["TakeEnd"] + ["SendSpans"] * bool(story.over and story.is_placed)


def _place(story: Story) -> Told:
    if story.is_sent:
        return story, ["RefuseTracer"]
    return attrs.evolve(story, is_placed=True), ["SendSpans"] * bool(story.over and story.is_ended)


def _done(story: Story, status: str) -> Told:
    after = attrs.evolve(story, over=status)
    if story.is_sent:
        return after, []
    if status != "success" and not story.is_ended:
        return after, ["SendSpans of the dead"]
    return after, ["SendSpans"] * (story.is_ended and story.is_placed)


def _superseded(story: Story) -> Told:
    return story, ["SendSpans"] * bool(story.tries and not story.over and not story.is_sent)


def _close(story: Story) -> Told:
    is_owed = not story.is_sent and bool(story.tries or story.is_started)
    return attrs.evolve(story, is_closed=True), ["SendSpans"] * is_owed + ["DropSpans", OVER]


_TOLD: dict[str, Callable[..., Told]] = {
    "open": _open,
    "start": _start,
    "end": _end,
    "place": _place,
    "done": _done,
    "superseded": _superseded,
    "close": _close,
}
_TRACING_EVENTS: dict[str, Callable[..., Any]] = {
    "open": lambda: ev.Opened(HERE, "a"),
    "start": lambda: act.TracerStarted(HERE, "a"),
    "end": lambda: act.TracerEnded(HERE, "a"),
    "place": lambda: act.PlaceholderSeen(HERE, "a"),
    "done": lambda status: ev.RuntimeDone(HERE, "a", status),
    "superseded": lambda: ev.Superseded(HERE),
    "close": lambda: act.Closed(HERE),
}


def _tracing_words(effect: Any) -> str:
    return "SendSpans of the dead" if isinstance(effect, act.SendSpans) and effect.is_dead else type(effect).__name__


def _tracing(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
    return Machines(tables["tracing"], act.Data("a"), _TRACING_EVENTS, _tracing_words), Teller()


TRACING = Model(
    "tracing",
    "the trace of one request, in any order",
    ("tracing",),
    {
        EXPECTED: "no Unexpected comes out",
        SENT: "SendSpans comes for each try that was begun, or started by a library, and at that moment only",
        TAKEN: "TakeStart and TakeEnd come with the first call of a try that is not sent, RefuseTracer with every other",
        KEPT: "BeginSpans comes with each try; DropSpans when it is closed, and that is the end",
        NO_STALL: "there is no state that has to be left",
    },
    _tracing,
    NO_STALL,
)


# --- pairing ----------------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Queue:
    """Who runs without a call, who has had it, whose came before it ran, which calls wait; and how many calls there were."""

    wanting: tuple[str, ...] = ()
    served: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    early: tuple[int, ...] = ()
    numbers: int = 0


class Callers:
    """The surroundings of a pairing: invocations that begin and end, and calls with and without a name, at any time."""

    def __init__(self, is_alone: bool) -> None:
        self._is_alone = is_alone

    def start(self) -> Queue:
        return Queue()

    def offers(self, state: Queue) -> Iterable[Stimulus]:
        yield from ((word, request_id) for word in ("began", "done", "over", "named") for request_id in IDS)
        if state.numbers < NUMBERS_MAX:
            yield ("came", state.numbers + 1)

    def observe(self, state: Queue, stimulus: Stimulus, seen: Seen) -> Queue:
        word, what = stimulus
        after, wanted = self._came(state, what) if word == "came" else self._told(state, word, what)
        _compare(wanted, seen, stimulus, {"Pair": PAIRED, "DropCall": DROPPED})
        return after

    def _came(self, state: Queue, number: int) -> tuple[Queue, list[str]]:
        state = attrs.evolve(state, numbers=number)
        if state.wanting:
            oldest, *rest = state.wanting
            return attrs.evolve(state, wanting=tuple(rest), served=state.served | {oldest}), [f"Pair {oldest} {number}"]
        if (state.served and not state.early) or len(state.early) == CALLS_MAX:
            return state, [f"DropCall {number}"]
        return attrs.evolve(state, early=(*state.early, number)), []

    def _told(self, state: Queue, word: str, request_id: str) -> tuple[Queue, list[str]]:
        if word == "began":
            return self._began(state, request_id)
        if word == "named":
            return _named(state, request_id), []
        state = attrs.evolve(state, served=state.served - {request_id})
        return (state if word == "done" else _without(state, request_id)), []

    def _began(self, state: Queue, request_id: str) -> tuple[Queue, list[str]]:
        others = () if self._is_alone else tuple(kept for kept in state.wanting if kept != request_id)
        served = frozenset[str]() if self._is_alone else state.served - {request_id}
        state = attrs.evolve(state, wanting=others, served=served)
        if request_id in state.named:
            return attrs.evolve(state, named=state.named - {request_id}, served=served | {request_id}), []
        if state.early:
            first, *rest = state.early
            return attrs.evolve(state, early=tuple(rest), served=served | {request_id}), [f"Pair {request_id} {first}"]
        return attrs.evolve(state, wanting=(*others, request_id)), []

    def is_blank(self, seen: Seen) -> bool:
        return False

    def resting(self, subject: Standing, state: Queue) -> str:
        return "what comes next, comes from outside"


def _named(state: Queue, request_id: str) -> Queue:
    if request_id in state.wanting:
        return attrs.evolve(_without(state, request_id), served=state.served | {request_id})
    return state if request_id in state.served else attrs.evolve(state, named=state.named | {request_id})


def _without(state: Queue, request_id: str) -> Queue:
    wanting = tuple(kept for kept in state.wanting if kept != request_id)
    return attrs.evolve(state, wanting=wanting, named=state.named - {request_id})


_PAIRING_EVENTS: dict[str, Callable[..., Any]] = {
    "began": lambda request_id: pairing.RunBegan(HERE, request_id),
    "done": lambda request_id: pairing.RunDone(HERE, request_id),
    "over": lambda request_id: pairing.RunOver(HERE, request_id),
    "named": lambda request_id: pairing.CallNamed(HERE, request_id),
    "came": lambda number: pairing.CallCame(HERE, number),
}


def _pairing_words(effect: Any) -> str:
    return f"Pair {effect.request_id} {effect.number}" if isinstance(effect, pairing.Pair) else f"DropCall {effect.number}"


def _pairing(is_alone: bool) -> Callable[[Mapping[str, Table[Any, Any]]], tuple[Subject, Surroundings]]:
    def make(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
        data = pairing.Data(is_alone, CALLS_MAX)
        return Machines(tables["pairing"], data, _PAIRING_EVENTS, _pairing_words), Callers(is_alone)

    return make


_PAIRING_RULES = {
    EXPECTED: "no Unexpected comes out",
    PAIRED: "Pair names the first of those that began and lack their call, or the first call that waits",
    DROPPED: "DropCall comes for a call while all that run have had theirs, or when too many wait",
    NO_STALL: "there is no state that has to be left",
}
PAIRING = Model("pairing", "calls without a name, one invocation at a time", ("pairing",), _PAIRING_RULES, _pairing(True), NO_STALL)
MANAGED_PAIRING = Model("managed_pairing", "calls without a name, many at once", ("pairing",), _PAIRING_RULES, _pairing(False), NO_STALL)
