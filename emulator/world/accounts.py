"""What the lives of a run share, and what each leaves behind for the checks."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import attrs
from trio.testing import MockClock

from emulator.intake import Intake
from emulator.values import FunctionConfig
from emulator.world.extension import Figures, Make
from emulator.world.history import History
from emulator.world.items import Item, Items
from emulator.world.scenario import Life, Scenario
from reactor.net.clock import SimulatedClock

FUNCTION = FunctionConfig(handler="app.handler", task_root=PurePosixPath("/var/task"))  # type: ignore[arg-type]  # nothing is read from it
MANAGED_FUNCTION = attrs.evolve(FUNCTION, init_type="lambda-managed-instances")


@attrs.define
class World:
    """What all lives of a run share. `spool`: the file that outlives them, if there is one."""

    scenario: Scenario
    make: Make
    clock: SimulatedClock
    mock_clock: MockClock
    history: History
    items: Items
    intake: Intake
    random: Callable[[], float]
    spool: Path | None = None
    request_ids: int = 0
    calls: int = 0  # invocations of which a library may speak

    @property
    def function(self) -> FunctionConfig:
        return MANAGED_FUNCTION if self.scenario.is_managed else FUNCTION

    def epoch_ms(self) -> int:
        return self.clock.now().epoch_ms


@attrs.define
class Calls:
    """What the library said of one invocation and was heard; `is_retried`: the same request is tried again, or was before."""

    request_id: str
    manner: str
    started: bool = False
    ended: bool = False
    is_retried: bool = False


@attrs.define
class Account:
    """What one life leaves behind. Of its arrivals at the intake, the first and the one after the last."""

    number: int
    life: Life
    code: int | None = None  # None: it was killed, or failed
    is_killed: bool = False
    figures: Figures | None = None
    datagrams_sent: list[tuple[bytes, Item]] = attrs.field(factory=list)
    datagrams_taken: list[tuple[float, bytes]] = attrs.field(factory=list)  # when (trio's time), and what
    ended_at_s: float = 0.0
    events_given: int = 0
    calls: dict[int, Calls] = attrs.field(factory=dict)  # by the number that the library has given the invocation
    records_posted: int = 0
    records_accepted: int = 0
    first_arrival: int = 0
    end_arrival: int = 0
