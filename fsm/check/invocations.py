"""The machines of single invocations, on demand and managed, kept as the agent keeps them: one per request id, at most so many, the oldest
evicted.

Three request ids, in every order: begun, tried again, their records early, late, twice or never, superseded by the next, evicted, stopped.
What is counted and closed at each step is compared with what must be, which is worked out by counting alone.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm import invocation, managed_invocation
from fsm.check.model import Broken, Model, Reaction, Seen, Stimulus, Subject, Surroundings, Taken
from fsm.check.standing import HERE, Standing, Walker
from fsm.engine import Effects, Table, Unexpected

IDS = "abc"
LIVE_MAX = 2  # machines at once; the agent keeps more, and evicts by the same rule
TRIES_MAX = 4  # in one run

EXPECTED = "no event that the platform may produce is unexpected"
COUNTED = "each invocation is counted once, when it begins"
RUNTIME = "the end of the runtime is counted once for each try, as soon as that has begun, or at the end where it was not seen to begin"
REPORTED = "each report is counted once, as soon as its invocation has begun or cannot begin any more, and as many as there were tries"
CLOSED = "each request id that was heard of is closed once: when all was seen, when the next begins, or when it is stopped or evicted"
BOUNDED = "no more invocations are kept than there is room for"
NO_STALL = "an invocation waits for nobody: it has no timers"

RULES = {
    EXPECTED: "no Unexpected comes out",
    COUNTED: "one CountInvocation for each Opened, at once",
    RUNTIME: "one CountRuntime for the first record since the try began, or before the first; none for one that comes again",
    REPORTED: "one CountReport for each record, until there were as many as tries; none for one that comes again",
    CLOSED: "one CloseInvocation, which says how, and nothing is counted after it",
    BOUNDED: "an eviction comes before there are too many",
    NO_STALL: "there is no state that has to be left",
}
_RULE_OF = {"Unexpected": EXPECTED, "CountInvocation": COUNTED, "CountRuntime": RUNTIME, "CountReport": REPORTED, "CloseInvocation": CLOSED}


@attrs.frozen
class Kept:
    """The machines that live, oldest first, and the request ids whose records are known to be late."""

    live: tuple[tuple[str, Standing], ...] = ()
    closed: frozenset[str] = frozenset()
    stopped: bool = False


class Invocations:
    """The subject. What it does with an id, it does as the agent does."""

    def __init__(self, table: Table[Any, Any], is_managed: bool) -> None:
        self.taken: set[Taken] = set()
        self._table, self._is_managed = table, is_managed
        self._walker = Walker(table, self.taken)
        self._make: Any = managed_invocation.Data if is_managed else invocation.Data
        self._live: dict[str, Standing] = {}
        self._closed: set[str] = set()
        self._seen: list[str] = []

    def start(self) -> Kept:
        return Kept()

    def own(self, state: Kept) -> Iterable[Stimulus]:
        return ()

    def react(self, state: Kept, stimulus: Stimulus) -> Iterable[Reaction]:
        if state.stopped:
            return ()
        self._live, self._closed, self._seen = dict(state.live), set(state.closed), []
        word, *rest = stimulus
        if word == "stop":
            self._tell_all(ev.Stopped(HERE))
        elif word == "begin":
            self._begin(rest[0])
        else:
            self._tell(rest[0], _RECORDS[word](rest[0]))
        if len(self._live) > LIVE_MAX:
            raise Broken(BOUNDED, f"{len(self._live)} are kept")
        kept = Kept(tuple(self._live.items()), frozenset(self._closed), word == "stop")
        if kept.stopped and kept.live:
            raise Broken(CLOSED, f"{' and '.join(self._live)} stay open")
        return (Reaction(kept, tuple(self._seen)),)

    def _begin(self, request_id: str) -> None:
        if not self._is_managed:
            self._tell_all(ev.Superseded(HERE))
        self._closed.discard(request_id)
        self._tell(request_id, ev.Opened(HERE, request_id))

    def _tell_all(self, event: Any) -> None:
        for request_id in tuple(self._live):
            self._tell(request_id, event)

    def _tell(self, request_id: str, event: Any) -> None:
        if request_id in self._closed:
            return
        if request_id not in self._live:
            self._make_room()
            self._live[request_id] = Standing(self._table.initial, self._make(request_id))
        self._feed(request_id, event)

    def _make_room(self) -> None:
        if len(self._live) >= LIVE_MAX:
            oldest = next(iter(self._live))
            self._seen.append(f"evicted {oldest}")
            self._feed(oldest, ev.Evicted(HERE))
            self._live.pop(oldest, None)

    def _feed(self, request_id: str, event: Any) -> None:
        self._walker.pick_up(self._live[request_id])
        effects: Effects = self._walker.feed(event)
        machine = self._walker.machine
        if machine.state in self._table.final:
            del self._live[request_id]
        else:
            self._live[request_id] = Standing(machine.state, machine.data)
        for effect in effects:
            self._seen.append(_words(effect))
            if isinstance(effect, do.CloseInvocation):
                self._closed.add(effect.request_id)


_RECORDS: dict[str, Callable[[str], Any]] = {
    "started": lambda request_id: ev.InvocationStarted(HERE, request_id),
    "done": lambda request_id: ev.RuntimeDone(HERE, request_id, "success"),
    "report": lambda request_id: ev.Report(HERE, request_id, "success"),
}


def _words(effect: Any) -> str:
    match effect:
        case Unexpected(machine, state, event):
            return f"Unexpected {event} in {machine} {state}"
        case do.CountInvocation(request_id):
            return f"CountInvocation {request_id}"
        case do.CountRuntime(done):
            return f"CountRuntime {done.request_id}"
        case do.CountReport(report):
            return f"CountReport {report.request_id}"
        case do.CloseInvocation(request_id, how):
            return f"CloseInvocation {request_id} {how}"
    return type(effect).__name__


@attrs.frozen
class Known:
    """Of one request id since it was last closed: tries begun, reports of them, whether the last try's runtime ended.

    Before the first try: whether records came early.
    """

    is_heard: bool = False
    tries: int = 0
    reports: int = 0
    is_ended: bool = False
    is_closed: bool = False

    @property
    def is_reported(self) -> bool:
        return 0 < self.tries == self.reports

    @property
    def is_live(self) -> bool:
        return self.is_heard and not self.is_closed


@attrs.frozen
class World:
    """`begun`: tries of all ids."""

    known: tuple[Known, ...] = (Known(),) * len(IDS)
    begun: int = 0


class Watcher:
    """The surroundings: the platform, which may send anything at any time, and the one who says what must be counted for it."""

    def __init__(self, records: tuple[str, ...], is_managed: bool) -> None:
        self._records, self._is_managed = records, is_managed

    def start(self) -> World:
        return World()

    def offers(self, state: World) -> Iterable[Stimulus]:
        ids = tuple(_told_apart(state))
        if state.begun < TRIES_MAX:
            yield from (("begin", request_id) for request_id in ids)
        yield from ((word, request_id) for word in self._records for request_id in ids)
        yield ("stop",)

    def observe(self, state: World, stimulus: Stimulus, seen: Seen) -> World:
        account = _Account(state, self._is_managed)
        account.take(stimulus, seen)
        missing, more = _difference(account.wanted, seen), _difference(seen, account.wanted)
        for texts, what in ((more, "too much"), (missing, "missing")):
            if texts:
                raise Broken(_RULE_OF[texts[0].split()[0]], f"{', '.join(texts)} is {what} after {' '.join(stimulus)}")
        return World(tuple(account.known.values()), state.begun + (stimulus[0] == "begin"))

    def is_blank(self, seen: Seen) -> bool:
        return False

    def resting(self, subject: Kept, state: World) -> str:
        return "what comes next, comes from outside"


def _told_apart(state: World) -> Iterable[str]:
    """Ids of which nothing was heard are alike: the first stands for all."""
    unheard = False
    for request_id, known in zip(IDS, state.known, strict=True):
        if known.is_heard or not unheard:
            yield request_id
        unheard = unheard or not known.is_heard


def _difference(texts: Iterable[str], others: Iterable[str]) -> list[str]:
    """What is in the one and not in the other; evictions are the keeper's affair."""
    left = list(others)
    out = []
    for text in texts:
        if text in left:
            left.remove(text)
        elif not text.startswith("evicted"):
            out.append(text)
    return out


class _Account:
    """What one step must bring, worked out by counting alone."""

    def __init__(self, state: World, is_managed: bool) -> None:
        self.known = dict(zip(IDS, state.known, strict=True))
        self.wanted: list[str] = []
        self._is_managed = is_managed

    def take(self, stimulus: Stimulus, seen: Seen) -> None:
        word, *rest = stimulus
        if word == "begin" and not self._is_managed:
            self._close_all(only_reported=True)
        for text in seen:
            if text.startswith("evicted"):
                self._close(text.split()[1], "evicted")
        if word == "stop":
            self._close_all(only_reported=False)
        elif word == "begin":
            self._begin(rest[0])
        elif not self.known[rest[0]].is_closed:
            self._record(word, rest[0])

    def _set(self, request_id: str, **changes: Any) -> Known:
        known = self.known[request_id] = attrs.evolve(self.known[request_id], is_heard=True, **changes)
        return known

    def _close_all(self, only_reported: bool) -> None:
        for request_id, known in self.known.items():
            if known.is_live and (known.is_reported or not only_reported):
                self._close(request_id, "stopped")

    def _close(self, request_id: str, how: str) -> None:
        """One whose report came is as complete as it will be."""
        known = self.known[request_id]
        if not known.tries:
            self.wanted += [f"CountRuntime {request_id}"] * known.is_ended + [f"CountReport {request_id}"] * known.reports
        how = "reported" if known.is_reported else how
        self.known[request_id] = Known(is_heard=True, is_closed=True)
        self.wanted.append(f"CloseInvocation {request_id} {how}")

    def _begin(self, request_id: str) -> None:
        known = self.known[request_id]
        if known.is_closed:
            known = self.known[request_id] = Known()
        self.wanted.append(f"CountInvocation {request_id}")
        if not known.tries:
            self.wanted += [f"CountRuntime {request_id}"] * known.is_ended + [f"CountReport {request_id}"] * known.reports
        self._set(request_id, tries=known.tries + 1, is_ended=known.is_ended and not known.tries)
        self._close_if_complete(request_id)

    def _record(self, word: str, request_id: str) -> None:
        known = self._set(request_id)
        if word == "done" and not known.is_ended:
            self._set(request_id, is_ended=True)
            self.wanted += [f"CountRuntime {request_id}"] * bool(known.tries)
        elif word == "report" and known.reports < max(1, known.tries):
            self._set(request_id, reports=known.reports + 1)
            self.wanted += [f"CountReport {request_id}"] * bool(known.tries)
        self._close_if_complete(request_id)

    def _close_if_complete(self, request_id: str) -> None:
        known = self.known[request_id]
        if known.is_reported and (known.is_ended or self._is_managed):
            self._close(request_id, "reported")


def _on_demand(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
    return Invocations(tables["invocation"], is_managed=False), Watcher(("started", "done", "report"), is_managed=False)


def _managed(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
    return Invocations(tables["managed_invocation"], is_managed=True), Watcher(("report",), is_managed=True)


INVOCATION = Model(
    "invocation",
    "request ids on demand, in any order",
    ("invocation",),
    RULES,
    _on_demand,
    NO_STALL,
    {("invocation", "REPORTED", "Opened"): "whoever opens one tells Superseded to all before, which closes it"},
)
MANAGED_INVOCATION = Model(
    "managed_invocation",
    "request ids that run side by side",
    ("managed_invocation",),
    {rule: text for rule, text in RULES.items() if rule != RUNTIME},
    _managed,
    NO_STALL,
)
