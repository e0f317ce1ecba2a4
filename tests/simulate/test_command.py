"""The command, with the worlds that it runs and with worlds that fail."""

import argparse
import json

import pytest

from cli import simulate
from cli.simulate_process import SimulatedProcess
from fsm import effects as do
from fsm import events as ev


@pytest.fixture
def command():
    """Run the command with these arguments; gives the exit code."""

    def command(*arguments: str) -> int:
        parser = argparse.ArgumentParser()
        simulate.register(parser.add_subparsers())
        args = parser.parse_args(["simulate", *arguments])
        return args.run(args)

    return command


@pytest.fixture
def surprised(monkeypatch):
    """The process meets an event that no row names as soon as it asks for its second event."""

    class Surprised(SimulatedProcess):
        def __init__(self, place, **extra):
            super().__init__(place, **extra)
            process, asked = self.process, []
            ordinary = process._performers[do.AskNext]

            def ask(effect):
                ordinary(effect)
                asked.append(effect)
                if len(asked) == 2:
                    process.agent._tell(ev.Started(process._clock.now()))

            process._performers[do.AskNext] = ask

    monkeypatch.setattr(simulate, "SimulatedProcess", Surprised)


def test_worlds_in_which_all_goes_well_are_counted(command, capsys):
    assert command("--seeds", "3") == 0
    assert capsys.readouterr().out.startswith("3 worlds, ")


def test_a_slice_begins_where_it_is_told(command, tmp_path):
    assert command("--seeds", "2", "--from", "3", "--json", str(tmp_path / "out")) == 0
    assert json.loads((tmp_path / "out").read_text())["totals"]["runs"] == 2


def test_the_history_of_a_good_world_is_shown_on_request(command, capsys):
    command("--seed", "1", "--history")
    assert "life 0 begins" in capsys.readouterr().out


def test_a_failing_world_is_told_with_its_seed_its_fault_and_its_history(command, surprised, capsys):
    assert command("--seeds", "3", "--from", "5") == 1
    out = capsys.readouterr().out
    assert "seed 5" in out or "seed 6" in out or "seed 7" in out
    assert "BROKEN  unexpected (life 0)" in out
    assert "life 0 begins" in out
    assert "broke a promise" in out


def test_a_failing_world_shrinks_to_next_to_nothing(command, surprised, tmp_path):
    seed = next(seed for seed in range(20) if command("--seed", str(seed)))
    assert command("--seed", str(seed), "--shrink", "--fixtures", str(tmp_path), "--json", str(tmp_path / "out")) == 1
    failure, totals = map(json.loads, (tmp_path / "out").read_text().splitlines())
    assert (failure["seed"], totals["totals"]["failing"]) == (seed, 1)
    (life,) = failure["scenario"]["lives"]
    assert len(life["invocations"]) <= 1
    assert failure["scenario"]["intake"] == []


def test_json_that_cannot_be_written_is_a_wrong_call(command, tmp_path, capsys):
    assert command("--seeds", "1", "--json", str(tmp_path / "no" / "where")) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("--seeds", "-1"), ("--seeds", "x"), ("--seeds", "1", "--seed", "1")])
def test_wrong_arguments_are_refused(arguments, command, capsys):
    with pytest.raises(SystemExit) as ended:
        command(*arguments)
    assert ended.value.code == 2
