import pytest

from cli.main import main
from cli.record import _report, parse_rest

HEADER = '{"fixture":"lambda-reactor/1","name":"x","epoch_ms":1}\n'
ONE_LIFE = HEADER + '{"at_ms":0,"in":"subscribe"}\n{"at_ms":1,"in":"sigterm"}\n'


@pytest.mark.parametrize(
    ("text", "said"), [(ONE_LIFE, "3 lines"), (ONE_LIFE + HEADER + ONE_LIFE, "3 lives of 3 and 1 and 3 lines")], ids=["one", "three"]
)
def test_what_was_written_is_told_life_by_life(tmp_path, capsys, text, said):
    out = tmp_path / "r.jsonl"
    out.write_text(text)
    assert _report(out) == 0
    assert capsys.readouterr().err == f"recorded: {out}, {said}\n"


def test_nothing_written_is_a_failure(tmp_path, capsys):
    out = tmp_path / "r.jsonl"
    out.touch()
    assert _report(out) == 1
    assert "DD_RECORD_TELEMETRY_EVENTS" in capsys.readouterr().err


def test_what_cannot_be_replayed_is_not_passed_off_as_recorded(tmp_path, capsys):
    out = tmp_path / "r.jsonl"
    out.write_text(ONE_LIFE + "half a li")
    assert _report(out) == 1
    assert f"{out}:4: not JSON" in capsys.readouterr().err


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
