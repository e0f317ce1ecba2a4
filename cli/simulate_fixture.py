"""Writes the life in which a promise was broken as a fixture, when replaying what that life was told shows the fault again.

The process itself records, as it does for anyone who asks it to. A replay has no network and no deadlines of the platform, so it can show
an event that no row names, an exception, and a call for the next event that is not made; not what was lost on a wire.
"""

from pathlib import Path

from cli.simulate_process import SimulatedProcess
from emulator.world.extension import Extension, Place
from emulator.world.history import Violation
from emulator.world.run import Outcome, run
from fsm.engine import Unexpected
from protocols.fixture import parse
from reactor.agent.replay import NeverAsked, Replay, Watcher, settings_of

REPLAYABLE = ("unexpected", "exception", "never asked")


def write_fixture(outcome: Outcome, folder: str) -> str | None:
    """The path of the fixture; None when the violation cannot be shown by a replay."""
    violation = next((each for each in outcome.violations if each.kind in REPLAYABLE), None)
    if violation is None:
        return None
    path = Path(folder) / f"seed-{outcome.scenario.seed}-{violation.kind.replace(' ', '-')}.jsonl"
    path.unlink(missing_ok=True)
    _record(outcome, violation, path)
    if path.exists() and not _shows(violation, path):
        path.unlink()
    return str(path) if path.exists() else None


def _record(outcome: Outcome, violation: Violation, path: Path) -> None:
    lives = 0

    def make(place: Place) -> Extension:
        nonlocal lives
        lives += 1
        is_wanted = lives - 1 == violation.life
        return SimulatedProcess(place, **({"DD_RECORD_TELEMETRY_EVENTS": str(path)} if is_wanted else {}))

    run(outcome.scenario, make)


def _shows(violation: Violation, path: Path) -> bool:
    watcher = _Watcher()
    with path.open("rb") as lines:
        header, told = parse(lines, path.name)
        replay = Replay(header, settings_of(header)[0], lambda: 0.0, watcher)
        try:
            replay.run(told)
        except NeverAsked:
            return violation.kind == "never asked"
        except Exception:
            return violation.kind == "exception"
    return violation.kind == "unexpected" and watcher.is_surprised


class _Watcher(Watcher):
    def __init__(self) -> None:
        self.is_surprised = False

    def unexpected(self, at_ms: int, effect: Unexpected) -> None:
        self.is_surprised = True
