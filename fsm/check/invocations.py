"""The machines of single invocations, on demand and managed, kept as the agent keeps them: one per request id, at most so many, the oldest evicted.

Three request ids, in every order: begun, tried again, their records early, late, twice or never, superseded by the next, evicted, stopped.
What was counted is compared after every step with what had come by then.
"""

from collections.abc import Iterable, Mapping
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
RUNTIME = "each end of a runtime is counted once, as soon as its invocation has begun"
REPORTED = "each report is counted once, as soon as its invocation has begun"
TRIES = "however a request is tried again, no more is counted than there were tries"
CLOSED_ONCE = "each invocation that was heard of is closed once, and nothing is counted after that"
STOPPED = "in the end every invocation is closed"
BOUNDED = "no more invocations are kept than there is room for"

RULES = {
    EXPECTED: "no Unexpected comes out",
    COUNTED: "one CountInvocation for each Opened, at once",
    RUNTIME: "for a request that was tried once: one CountRuntime, whatever came first and however often",
    REPORTED: "for a request that was tried once: one CountReport, whatever came first and however often",
    TRIES: "CountRuntime and CountReport at most once for each try",
    CLOSED_ONCE: "one CloseInvocation for each life of a request id",
    STOPPED: "Stopped leaves none",
    BOUNDED: "an eviction comes before there are too many",
}
NO_STALL = "an invocation waits for nobody: it has no timers"


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
            raise Broken(STOPPED, f"{' and '.join(self._live)} stay open")
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


_RECORDS = {
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
    """Of one request id, what came and what was counted. `missable`: its report came, and then another invocation began."""

    tries: int = 0
    done: bool = False
    report: bool = False
    runtimes: int = 0
    reports: int = 0
    missable: bool = False
    is_heard: bool = False  # of in any way
    is_closed: bool = False
    is_exact: bool = True  # nothing happened that makes it impossible to tell one record from another


class Watcher:
    """The surroundings: the platform, which may send anything at any time, and the one who counts along."""

    def __init__(self, records: tuple[str, ...]) -> None:
        self._records = records

    def start(self) -> tuple[Known, ...]:
        return (Known(),) * len(IDS)

    def offers(self, state: tuple[Known, ...]) -> Iterable[Stimulus]:
        begun = sum(known.tries for known in state)
        if begun < TRIES_MAX:
            yield from (("begin", request_id) for request_id in _canonical(state))
        yield from ((word, request_id) for word in self._records for request_id in _canonical(state))
        yield ("stop",)

    def observe(self, state: tuple[Known, ...], stimulus: Stimulus, seen: Seen) -> tuple[Known, ...]:
        after = dict(zip(IDS, state, strict=True))
        word, *rest = stimulus
        if rest:
            after[rest[0]] = attrs.evolve(after[rest[0]], is_heard=True)
        if word == "begin":
            self._begins(after, rest[0])
        elif word in ("done", "report"):
            after[rest[0]] = _heard(after[rest[0]], word)
        for text in seen:
            self._look(after, text, stimulus)
        if word == "begin" and seen.count(f"CountInvocation {rest[0]}") != 1:
            raise Broken(COUNTED, f"{rest[0]} begins and is not counted once")
        for request_id, known in after.items():
            _compare(request_id, known)
        if word == "stop":
            for request_id, known in after.items():
                if known.tries and not known.is_closed:
                    raise Broken(STOPPED, f"{request_id} was never closed")
        return tuple(map(_told_apart, after.values()))

    @staticmethod
    def _begins(after: dict[str, Known], request_id: str) -> None:
        for other, known in after.items():
            if other != request_id and known.tries and known.report:
                after[other] = attrs.evolve(known, missable=True)
        known = after[request_id]
        after[request_id] = attrs.evolve(known, tries=known.tries + 1, is_exact=known.is_exact and not known.tries)

    @staticmethod
    def _look(after: dict[str, Known], text: str, stimulus: Stimulus) -> None:
        word, *rest = text.split()
        if word == "Unexpected":
            raise Broken(EXPECTED, text)
        known = after[rest[0]]
        if word == "evicted":
            known = attrs.evolve(known, is_exact=False)
        elif word == "CountInvocation":
            if stimulus != ("begin", rest[0]):
                raise Broken(COUNTED, f"{rest[0]} is counted after {' '.join(stimulus)}")
            known = attrs.evolve(known, is_closed=False)
        elif known.is_closed:
            raise Broken(CLOSED_ONCE, f"{text}, which was closed before")
        elif word == "CountRuntime":
            known = attrs.evolve(known, runtimes=known.runtimes + 1)
        elif word == "CountReport":
            known = attrs.evolve(known, reports=known.reports + 1)
        elif word == "CloseInvocation":
            known = attrs.evolve(known, is_closed=True)
        after[rest[0]] = known

    def is_blank(self, seen: Seen) -> bool:
        return False

    def resting(self, subject: Kept, state: tuple[Known, ...]) -> str:
        return "what comes next, comes from outside"


def _canonical(state: tuple[Known, ...]) -> Iterable[str]:
    """Ids of which nothing is known yet are alike: the first stands for all."""
    fresh = False
    for request_id, known in zip(IDS, state, strict=True):
        if known.is_heard:
            yield request_id
        elif not fresh:
            fresh = True
            yield request_id


def _told_apart(known: Known) -> Known:
    """Of records that cannot be told apart, it does not matter which came: only how many were counted."""
    return known if known.is_exact else attrs.evolve(known, done=False, report=False, missable=False)


def _heard(known: Known, word: str) -> Known:
    if word == "report":
        return attrs.evolve(known, report=True)
    return known if known.missable else attrs.evolve(known, done=True)


def _compare(request_id: str, known: Known) -> None:
    if known.runtimes > known.tries or known.reports > known.tries:
        raise Broken(TRIES, f"{request_id}: {known.tries} tries, {known.runtimes} runtimes, {known.reports} reports")
    if known.tries != 1 or not known.is_exact:
        return
    if known.runtimes != known.done:
        raise Broken(RUNTIME, f"{request_id}: {known.runtimes} counted")
    if known.reports != known.report:
        raise Broken(REPORTED, f"{request_id}: {known.reports} counted")


def _on_demand(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
    return Invocations(tables["invocation"], is_managed=False), Watcher(("started", "done", "report"))


def _managed(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
    return Invocations(tables["managed_invocation"], is_managed=True), Watcher(("report",))


INVOCATION = Model("invocation", "request ids on demand, in any order", ("invocation",), RULES, _on_demand, NO_STALL)
MANAGED_INVOCATION = Model(
    "managed_invocation",
    "request ids that run side by side",
    ("managed_invocation",),
    {rule: text for rule, text in RULES.items() if rule != RUNTIME},
    _managed,
    NO_STALL,
)
