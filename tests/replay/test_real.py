"""Recordings played to the real process: what arrives is what a replay sends."""

import json
import sys

import pytest

from cli.main import main
from fixtures.record import RECORDED

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("name", ["cold-and-warm", "runtime-crash", "traced", "made-calls-dotnet"])
def test_what_arrives_from_the_real_process_is_what_a_replay_sends(name, capsys):
    assert main(["replay", "--real", str(RECORDED / f"{name}.jsonl")]) == 0
    out = capsys.readouterr().out
    assert "sketch values" in out
    assert "exit code 0" in out
    assert "NOT" not in out
    assert ("  spans " in out) == (name in ("traced", "made-calls-dotnet"))
    assert ("life 2" in out) == (name == "runtime-crash")


def test_a_process_that_does_not_do_as_recorded_is_found_out(tmp_path, capsys, monkeypatch):
    """A process that ends at once."""
    lines = (RECORDED / "shutdown-first.jsonl").read_text(encoding="utf-8")
    path = tmp_path / "run.jsonl"
    path.write_text(lines, encoding="utf-8")
    monkeypatch.setattr("cli.replay_real.ours", lambda: (sys.executable, "-c", "pass"))
    assert main(["replay", "--real", str(path)]) == 1
    out = capsys.readouterr().out
    assert "NOT AS RECORDED  the process ended at line 1 of 5 (register)" in out
    assert "NOT ALIKE" in out


def test_documents_go_to_a_file_one_for_each_life(tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("old", encoding="utf-8")
    assert main(["replay", "--real", "--json", str(out), str(RECORDED / "shutdown-first.jsonl")]) == 0
    (document,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (document["life"], document["played"]["exit_code"], document["played"]["stuck"]) == (1, 0, "")
    assert document["replayed"] == document["arrived"]
    assert document["arrived"]["logs"] == 2


def test_a_file_that_is_not_there_is_said(tmp_path, capsys):
    assert main(["replay", "--real", str(tmp_path / "missing.jsonl")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_recording_that_no_real_process_can_be_told_is_refused(capsys):
    assert main(["replay", "--real", str(RECORDED / "made-clock-jump.jsonl")]) == 2
    assert "the clock of a real process cannot be set" in capsys.readouterr().err
