import pytest

from cli.main import main
from cli.record import parse_rest, split_lives

HEADER = b'{"fixture":"lambda-reactor/1","name":"x","epoch_ms":1}\n'


def test_a_sandbox_that_was_not_reset_stays_one_file(tmp_path):
    out = tmp_path / "r.jsonl"
    out.write_bytes(HEADER + b"{}\n{}\n")
    assert split_lives(out) == [(out, 3)]
    assert out.read_bytes() == HEADER + b"{}\n{}\n"


def test_each_life_of_the_extension_becomes_a_file(tmp_path):
    out = tmp_path / "r.jsonl"
    out.write_bytes(HEADER + b'{"a":1}\n' + HEADER + b'{"b":2}\n' + HEADER)
    assert split_lives(out) == [(out, 2), (tmp_path / "r.jsonl.2", 2), (tmp_path / "r.jsonl.3", 1)]
    assert (tmp_path / "r.jsonl.2").read_bytes() == HEADER + b'{"b":2}\n'


def test_nothing_written_is_no_life(tmp_path):
    out = tmp_path / "r.jsonl"
    out.touch()
    assert split_lives(out) == []


def test_the_arguments_of_emulate_stand_behind_two_dashes_or_at_once():
    assert parse_rest(["--", "--handler", "a.b"]).handler == "a.b"
    assert parse_rest(["--handler", "a.b"]).handler == "a.b"


def test_a_file_that_is_there_is_never_written_over(tmp_path, capsys):
    out = tmp_path / "r.jsonl"
    out.write_text("precious")
    assert main(["record", str(out), "--", "--handler", "a.b", "--task-root", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert out.read_text() == "precious"


def test_there_is_nothing_to_record_without_an_extension(tmp_path, capsys):
    assert main(["record", str(tmp_path / "r"), "--", "--handler", "a.b", "--extension", "none"]) == 2
    assert "nothing to record" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_wrong_argument_of_emulate_is_a_wrong_call(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["record", str(tmp_path / "r"), "--", "--handler", "a.b", "--timeout", "never"])
    assert end.value.code == 2
    assert "lambda-reactor record OUT --" in capsys.readouterr().err
