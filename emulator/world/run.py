"""One run of one scenario, in virtual time, the same every time."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import attrs
import trio
import trio._core._run as scheduler
from trio.testing import MockClock

from emulator.intake import Intake
from emulator.misbehaviour import parse_misbehaviour
from emulator.world.accounts import World
from emulator.world.check import check
from emulator.world.extension import Make
from emulator.world.history import History, Violation
from emulator.world.items import Items
from emulator.world.life import LifeRun
from emulator.world.managed import ManagedRun
from emulator.world.scenario import Invocation, Life, Scenario
from reactor.net.clock import SimulatedClock

# Frozen for long enough that every intake that was given up is tried again.
CALM = Life((Invocation(), Invocation(pause_ms=40_000, frozen="stopped")))
RUN_S_MAX = 1_000_000  # of virtual time: whatever still waits then waits for ever


@attrs.frozen
class Outcome:
    """What came of a scenario. `history` makes the lines when they are wanted."""

    scenario: Scenario
    violations: tuple[Violation, ...]
    history: Callable[[], list[str]]
    invocations: int
    items: int


def run(scenario: Scenario, make: Make) -> Outcome:
    """Live through a scenario. Raises nothing that the extension does."""
    clock = MockClock(autojump_threshold=0)
    with _repeatable(scenario.seed):
        return trio.run(_run, scenario, make, clock, clock=clock)


class _repeatable:
    """Trio shuffles the tasks that are ready, so that nobody relies on their order. Here the shuffle must be the seed's."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __enter__(self) -> None:
        self._before = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
        scheduler._r.seed(self._seed)

    def __exit__(self, *exception: object) -> None:
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING, state = self._before  # type: ignore[misc]
        scheduler._r.setstate(state)


async def _run(scenario: Scenario, make: Make, mock_clock: MockClock) -> Outcome:
    if not scenario.has_spool:
        return await _live(scenario, make, mock_clock, None)
    with TemporaryDirectory(prefix="simulate-") as folder:
        return await _live(scenario, make, mock_clock, Path(folder) / "spool")


async def _live(scenario: Scenario, make: Make, mock_clock: MockClock, spool: Path | None) -> Outcome:
    history = History()
    intake = Intake(misbehaviours=[parse_misbehaviour(f"{clause}*1") for clause in scenario.intake])
    world = World(scenario, make, SimulatedClock(), mock_clock, history, Items(), intake, Random(scenario.seed).random, spool)
    live = ManagedRun if scenario.is_managed else LifeRun
    accounts = []
    with trio.move_on_after(RUN_S_MAX) as scope:
        for number, life in enumerate(scenario.lives):
            accounts.append(await live(world, number, life).run())
        if spool is not None:
            intake.misbehave(())
            accounts.append(await live(world, len(accounts), CALM).run())
    if scope.cancelled_caught:
        history.violate("hang", len(accounts), "the run does not end")
    history.violations += check(world, accounts)
    return Outcome(scenario, tuple(history.violations), history.reader(), world.request_ids, len(world.items.all))
