import argparse
import json

import attrs
import pytest

from cli import check
from fsm.check.flushes import FLUSH
from fsm.check.models import MODELS
from fsm.engine import Row, Table
from fsm.flush import State, nothing
from fsm.machines import MACHINES


@pytest.fixture
def command(monkeypatch):
    """Run the command with the smallest model alone, or with the given ones."""

    def run(*words, models=(FLUSH,), tables=MACHINES):
        monkeypatch.setattr(check, "MODELS", {model.name: model for model in models})
        monkeypatch.setattr(check, "MACHINES", tables)
        parser = argparse.ArgumentParser("lambda-reactor")
        check.register(parser.add_subparsers())
        args = parser.parse_args(["check", *words])
        return args.run(args)

    return run


def broken_tables():
    """A flush that is done and says so to nobody."""
    table = MACHINES["flush"]
    cells = {**table.rows, (State.WAITED, next(kind for kind in table.events if kind.__name__ == "Confirmed")): (Row(State.IDLE, nothing),)}
    return {**MACHINES, "flush": Table("flush", table.initial, table.final, cells, table.ignored)}


def test_what_holds_is_told_with_figures_and_rows(command, capsys):
    assert command() == 0
    out = capsys.readouterr().out
    assert "7 states" in out
    assert "7 rules hold" in out
    assert "flush: 15 of 15 rows taken" in out


def test_a_broken_rule_is_told_with_the_way_to_it_and_fails(command, capsys):
    assert command(tables=broken_tables()) == 1
    out = capsys.readouterr().out
    assert "rules BROKEN" in out
    assert "BROKEN who waits is told as soon as all is confirmed" in out
    assert "ask False" in out


def test_a_row_that_no_model_takes_fails(command, capsys):
    assert command(models=[attrs.evolve(FLUSH, machines=("flush", "asking"))]) == 1
    assert "never taken: asking: " in capsys.readouterr().out


def test_a_reason_that_is_out_of_date_fails(command, capsys):
    assert command(models=[attrs.evolve(FLUSH, unreached={("flush", "IDLE", "FlushAsked"): "nobody asks"})]) == 1
    assert "can be taken after all: IDLE x FlushAsked" in capsys.readouterr().out


def test_one_model_of_several_may_leave_rows_to_the_others(command):
    others = attrs.evolve(FLUSH, name="other", machines=("flush", "asking"))
    assert command("--model", "flush", models=[attrs.evolve(FLUSH, machines=("flush", "asking")), others]) == 0


def test_the_document_has_the_same_figures(command, capsys):
    assert command("--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["models"][0]["states"] == 7
    assert document["machines"]["flush"]["rows"] == 15
    assert document["machines"]["flush"]["never taken"] == []


def test_ways_to_broken_rules_are_written_where_one_asks(command, tmp_path):
    assert command("--output", str(tmp_path / "found"), tables=broken_tables()) == 1
    assert all(path.read_text().startswith("BROKEN ") for path in (tmp_path / "found").iterdir())
    assert len(list((tmp_path / "found").iterdir())) >= 1


def test_models_are_listed_with_their_rules(command, capsys):
    assert command("--list", models=MODELS.values()) == 0
    out = capsys.readouterr().out
    assert all(f"{name}: " in out for name in MODELS)


def test_an_unknown_model_is_a_wrong_call(command, capsys):
    assert command("--model", "nothing") == 2
    assert "no model 'nothing'" in capsys.readouterr().err
