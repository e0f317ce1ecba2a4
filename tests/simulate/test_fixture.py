from cli.simulate_fixture import write_fixture
from cli.simulate_process import SimulatedProcess
from emulator.world.history import Violation
from emulator.world.run import run
from emulator.world.scenario import Invocation, Life, Scenario
from protocols.fixture import parse
from reactor.agent import agent as agents


def outcome_with(kind):
    outcome = run(Scenario(0, lives=(Life((Invocation(),)),)), SimulatedProcess)
    return type(outcome)(outcome.scenario, (Violation(kind, "made up"),), outcome.history, 1, 0)


def test_what_a_replay_does_not_show_is_not_written(tmp_path):
    assert write_fixture(outcome_with("unexpected"), str(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_what_a_replay_cannot_show_is_not_tried(tmp_path):
    assert write_fixture(outcome_with("lost"), str(tmp_path)) is None


def test_what_a_replay_shows_is_written_as_a_fixture(tmp_path, monkeypatch):
    def fail(self, record):
        raise RuntimeError("a defect")

    readers = {**agents._READERS, "platform.runtimeDone": fail}
    monkeypatch.setattr(agents, "_READERS", readers)
    path = write_fixture(outcome_with("exception"), str(tmp_path))
    assert path is not None
    with open(path, "rb") as lines:
        _, told = parse(lines, path)
        assert "telemetry" in {each.kind for each in told}
