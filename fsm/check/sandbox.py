"""A sandbox's regions as they run in the agent: a subject for the walk, on demand or managed."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, ClassVar

from fsm import effects as do
from fsm import events as ev
from fsm.check.model import DUE, WAIT, Reaction, Stimulus, Taken
from fsm.check.sandbox_step import FLUSH_DONE as FLUSH_DONE
from fsm.check.sandbox_step import FLUSH_TOLD as FLUSH_TOLD
from fsm.check.sandbox_step import RULES as RULES
from fsm.check.sandbox_step import RUN_ENDS as RUN_ENDS
from fsm.check.sandbox_step import TELL as TELL
from fsm.check.sandbox_step import TIMER_KEPT as TIMER_KEPT
from fsm.check.sandbox_step import Alive as Alive
from fsm.check.sandbox_step import Step as Step
from fsm.check.sandbox_step import Undecided
from fsm.check.sandbox_step import words as words
from fsm.check.standing import Standing, Walker
from fsm.engine import Table
from fsm.regions import Join

LATE_MS = -1  # from HERE: all that is past is alike

# As the agent joins them (`reactor.agent.machines`); a test compares the two.
FLUSH_JOINS = (
    Join("lifecycle", do.Flush, "flush", lambda effect, cause: ev.FlushAsked(cause.now, effect.until_mono_ms, effect.final)),
    Join("lifecycle", do.StartFlush, "flush", lambda effect, cause: ev.BackgroundFlushAsked(cause.now, effect.until_mono_ms)),
    Join("lifecycle", do.AbandonFlush, "flush", lambda effect, cause: ev.FlushAbandoned(cause.now)),
    Join("flush", do.FlushDone, "lifecycle", lambda effect, cause: ev.Flushed(cause.now)),
)


class Sandbox:
    """The subject; a lifecycle adds what it is told and what it may forget."""

    names: ClassVar[tuple[str, ...]]
    joins: ClassVar[tuple[Join, ...]]
    waiting_for_flush: ClassVar[frozenset[Any]]  # states of the lifecycle
    whenever: ClassVar[tuple[Stimulus, ...]]  # what comes whenever it likes, and of which the platform knows nothing
    tell: ClassVar[Mapping[str, Callable[..., Any]]]

    def __init__(self, tables: tuple[Table[Any, Any], ...], data: tuple[Any, ...]) -> None:
        self.taken: set[Taken] = set()
        self.walkers = {name: Walker(table, self.taken) for name, table in zip(self.names, tables, strict=True)}
        self.final = tables[0].final
        self.joined: dict[tuple[str, type], tuple[Join, ...]] = {}
        for join in self.joins:
            key = (join.source, join.effect)
            self.joined[key] = (*self.joined.get(key, ()), join)
        self._start = Alive(tuple(Standing(table.initial, record) for table, record in zip(tables, data, strict=True)))

    def start(self) -> Hashable:
        return self._start

    def own(self, state: Alive) -> Iterable[Stimulus]:
        """Waiting makes a difference only where more than one timer is armed: else whatever comes meanwhile comes before it."""
        if state.life.state in self.final:
            return
        armed = state.armed()
        if armed:
            next_ms = min(ms for _, ms in armed)
            yield from ((DUE, tick) for tick, ms in armed if ms == next_ms)
            if next_ms > 1 and len(armed) > 1:
                yield (WAIT,)
        if state.settling:
            yield ("settled",)
        if state.spooling:
            yield ("spooled",)
        yield from (("confirmed", number) for number in range(1, state.ahead + 1))
        yield from self.whenever

    def react(self, state: Alive, stimulus: Stimulus) -> Iterable[Reaction]:
        """One reaction for each way in which the stubs may decide."""
        reactions: list[Reaction] = []
        waiting: list[tuple[int, ...]] = [()]
        while waiting and state.life.state not in self.final:
            choices = waiting.pop()
            step = Step(self, state, stimulus, choices)
            try:
                if (reaction := step.run()) is not None:
                    reactions.append(reaction)
            except Undecided as undecided:
                waiting += [(*choices, choice) for choice in range(undecided.options)]
        return reactions

    def time_of(self, state: Alive, stimulus: Stimulus) -> tuple[int, int]:
        """How long time passes before the stimulus, and how far the wall clock jumps besides."""
        if stimulus[0] in (DUE, WAIT):
            return min(ms for _, ms in state.armed()) - (stimulus[0] == WAIT), 0
        return 0, 0

    def moved(self, state: Alive, passed_ms: int, jump_ms: int) -> Alive:
        """The same sandbox `passed_ms` later, the wall clock having jumped by `jump_ms` besides. HERE stays where it is."""
        regions = tuple(
            Standing(
                standing.state,
                self.forget(name, standing.state, standing.data, passed_ms, passed_ms + jump_ms),
                tuple((tick, ms - passed_ms) for tick, ms in standing.armed),
            )
            for name, standing in zip(self.names, state.regions, strict=True)
        )
        limit_ms = None if state.limit_ms is None else max(LATE_MS, state.limit_ms - passed_ms)
        return Alive(regions, state.ahead, state.settling, state.spooling, state.registered, state.refusing, state.open, limit_ms)

    def forget(self, region: str, state: Any, data: Any, mono_ms: int, epoch_ms: int) -> Any:
        """The record after its clocks went on by so much, without what can make no difference any more."""
        return data
