import sys
from pathlib import Path

import pytest

from cli.launch import ROOT, extension_command, recording


def test_without_a_command_it_is_this_projects_extension_by_this_interpreter():
    assert extension_command(None) == ("/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "reactor")
    assert (ROOT / "reactor" / "__main__.py").is_file()


def test_none_means_no_extension():
    assert extension_command("none") is None


def test_a_file_is_named_from_the_root_because_the_sandbox_starts_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "agent").touch()
    monkeypatch.chdir(tmp_path)
    assert extension_command("./agent --flag 'two words'") == (str(tmp_path / "agent"), "--flag", "two words")


def test_a_bare_name_is_left_to_the_path():
    assert extension_command("agent -v") == ("agent", "-v")


@pytest.mark.parametrize("text", ["", "./no-such-file", "/no/such/file"])
def test_a_file_that_is_not_there_is_refused(text):
    with pytest.raises(ValueError, match="there is no extension"):
        extension_command(text)


def test_a_recording_extension_is_told_where_and_its_command_names_the_file():
    command = recording(("prog", "a b"), Path("/tmp/x y.jsonl"))
    assert command[:2] == ("/bin/sh", "-c")
    assert command[3:] == ("/tmp/x y.jsonl", "prog", "a b")
