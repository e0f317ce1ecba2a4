import argparse
import json
from collections import Counter

import pytest

from cli import check, check_mutants
from fsm.check import equivalent
from fsm.check.models import MODELS
from fsm.check.mutants import Fate, Mutant, spread
from fsm.machines import MACHINES

OF_MANAGED_INVOCATIONS = ["--mutants", "all", "--model", "managed_invocation"]


@pytest.fixture
def command():
    def run(*words):
        parser = argparse.ArgumentParser("lambda-reactor")
        check.register(parser.add_subparsers())
        args = parser.parse_args(["check", *words])
        return args.run(args)

    return run


def test_every_broken_table_is_noticed_or_has_a_reason_why_not(command, capsys):
    assert command(*OF_MANAGED_INVOCATIONS) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("noticed") for line in lines) >= 30
    assert [line.split(":")[1].split(",")[0] for line in lines if line.startswith("equivalent")] == [
        " EXPECTED x Evicted",
        " INVOKED x Evicted",
    ]
    assert "0 unexplained" in lines[-1]


def test_some_are_of_each_way_to_break_each_machine_and_all_of_them_are_noticed(command, capsys):
    assert command("--mutants", "--model", "managed_invocation", "--format", "json") == 0
    tried = json.loads(capsys.readouterr().out)["mutants"]
    assert {each["verdict"] for each in tried} == {"noticed"}
    ways = Counter(each["mutant"].rpartition(": ")[2].partition(" ")[0] for each in tried)
    assert ways == {"left": 4, "its": 2, "leads": 4, "without": 4, "learns": 3}


@pytest.mark.parametrize(("count", "wanted", "chosen"), [(3, 4, "abc"), (4, 4, "abcd"), (8, 4, "aceg"), (5, 2, "ac"), (0, 2, "")])
def test_some_come_from_all_over_the_table(count, wanted, chosen):
    mutants = [Mutant("flush", f"{letter}: left out", ("IDLE", object, 0), lambda cell: cell) for letter in "abcdefgh"[:count]]
    assert "".join(mutant.name[0] for mutant in spread(mutants, wanted)) == chosen


def test_one_that_nobody_notices_and_nobody_explains_fails(command, capsys, monkeypatch):
    monkeypatch.setattr(equivalent, "EXPLAINED", {})
    assert command(*OF_MANAGED_INVOCATIONS) == 1
    assert "2 unexplained" in capsys.readouterr().out


def test_a_reason_for_one_that_is_noticed_after_all_fails(command, capsys, monkeypatch):
    name = "managed_invocation: INVOKED x Stopped, row 1: left out"
    monkeypatch.setattr(equivalent, "EXPLAINED", {**equivalent.EXPLAINED, name: "it seems so"})
    assert command(*OF_MANAGED_INVOCATIONS) == 1
    assert f"NOTICED AFTER ALL {name}" in capsys.readouterr().out


def test_mutants_that_are_not_tried_for_want_of_time_fail(capsys):
    assert check_mutants.run_mutants([MODELS["managed_invocation"]], "all", "text", seconds_max=0.0) == 1
    assert "not tried for want of time" in capsys.readouterr().out


def test_the_document_says_of_each_what_became_of_it(command, capsys):
    assert command(*OF_MANAGED_INVOCATIONS, "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["not_tried"] == 0
    assert {each["verdict"] for each in document["mutants"]} == {"noticed", "equivalent"}
    assert all(each["killed_by"] or each["reason"] for each in document["mutants"])


def test_every_name_with_a_reason_begins_with_a_machine_and_a_row_of_it():
    for name in equivalent.EXPLAINED:
        machine, cell, _ = name.split(": ", 2)
        state, event = cell.split(",")[0].split(" x ")
        assert (state, event) in {(str(source), kind.__name__) for source, kind in MACHINES[machine].rows}


@pytest.mark.parametrize(("by", "reason", "right"), [("a rule", "", True), ("", "why", True), ("", "", False), ("a rule", "why", False)])
def test_a_mutant_is_noticed_or_explained_and_not_both(by, reason, right):
    fate = Fate(Mutant("flush", "flush: a cell", ("IDLE", object, 0), lambda cell: cell), by)
    assert check_mutants.Tried(fate, reason).is_right is right
