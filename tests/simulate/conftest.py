"""What the tests of the simulation share: the real process, and ways to break it."""

from collections.abc import Callable

import pytest

from cli.simulate_process import SimulatedProcess
from emulator.world.extension import Make
from emulator.world.run import Outcome, run
from emulator.world.scenario import Scenario


@pytest.fixture
def make() -> Make:
    """The process as it is."""
    return SimulatedProcess


@pytest.fixture
def broken() -> Callable[[Callable[[SimulatedProcess], None]], Make]:
    """The process with a defect: `broken(defect)`, where `defect` is handed each new process before it runs."""

    def broken(defect: Callable[[SimulatedProcess], None]) -> Make:
        def make(place):
            simulated = SimulatedProcess(place)
            defect(simulated)
            return simulated

        return make

    return broken


@pytest.fixture
def kinds_of(make) -> Callable[..., set[str]]:
    """The kinds of violations that a scenario shows."""

    def kinds_of(scenario: Scenario, make: Make = make) -> set[str]:
        outcome: Outcome = run(scenario, make)
        return {violation.kind for violation in outcome.violations}

    return kinds_of
