import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import BROKEN_PIPE, COMMANDS, INTERRUPTED, build_parser, main

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "cli.main", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)


def helps(wanted: str) -> dict[str, str]:
    actions = [action for action in build_parser(wanted)._actions if action.dest == "command"]
    return {choice.dest: choice.help for choice in actions[0]._choices_actions}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_one_line_help_of_the_frame_is_the_commands_own(name):
    assert helps(name)[name] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_explains_itself_with_examples(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    out = capsys.readouterr().out
    assert end.value.code == 0
    assert f"lambda-reactor {name}" in out.lower()
    assert "examples:" in out.lower()


def test_only_the_wanted_command_is_imported():
    code = (
        "import sys; from cli.main import build_parser; build_parser('diagram');"
        "sys.exit(any(m in sys.modules for m in ('cli.emulate', 'cli.replay', 'trio')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_every_command_that_can_register_is_in_the_frame():
    modules = {path.stem for path in (ROOT / "cli").glob("*.py") if "def register(" in path.read_text(encoding="utf-8")}
    assert modules == set(COMMANDS)
    assert all(callable(importlib.import_module(f"cli.{name}").run) for name in COMMANDS)


def test_no_command_shows_the_help_and_is_a_wrong_call(capsys):
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "emulate" in captured.err


def test_an_unknown_command_is_a_wrong_call(capsys):
    with pytest.raises(SystemExit) as end:
        main(["simmulate"])
    assert end.value.code == 2
    assert "simmulate" in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("lambda-reactor ")


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), BaseExceptionGroup("of a nursery", [BaseExceptionGroup("inner", [KeyboardInterrupt()])])]
)
def test_an_interruption_is_quiet_also_out_of_a_nursery(monkeypatch, error):
    def interrupt(args):
        raise error

    monkeypatch.setattr("cli.diagram.run", interrupt)
    assert main(["diagram"]) == INTERRUPTED


def test_any_other_error_is_not_hidden(monkeypatch):
    def fail(args):
        raise ZeroDivisionError

    monkeypatch.setattr("cli.diagram.run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["diagram"])


def test_a_reader_that_leaves_is_no_error_to_talk_about():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", "diagram", "on_demand"], cwd=ROOT, stdout=nobody, stderr=subprocess.PIPE, timeout=60
        )
    assert (done.returncode, done.stderr) == (BROKEN_PIPE, b"")


def test_a_command_runs_from_the_shell():
    done = run("diagram")
    assert done.returncode == 0
    assert "on_demand" in done.stdout
