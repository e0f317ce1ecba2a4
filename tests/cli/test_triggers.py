import argparse
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.triggers import EVENT_BYTES_MAX, page, register
from pipelines.triggers.detect import SOURCES

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "fixtures" / "trigger_events"


@pytest.fixture
def triggers(capsys):
    """Runs the command as the frame would; gives (exit status, standard output, standard error)."""
    parser = argparse.ArgumentParser(prog="lambda-reactor")
    register(parser.add_subparsers())

    def triggers(*words):
        args = parser.parse_args(["triggers", *map(str, words)])
        status = args.run(args)
        return status, *capsys.readouterr()

    return triggers


def test_the_page_is_what_the_sources_say(triggers):
    assert triggers() == (0, (ROOT / "docs" / "triggers.md").read_text(encoding="utf-8"), "")


def test_every_source_has_one_row_of_so_many_cells():
    rows = [line for line in page().splitlines() if line.startswith("| ")]
    assert len(rows) == len(SOURCES) + 2
    assert len({line.count(" | ") for line in rows}) == 1


def test_the_references_thirteen_are_not_new():
    assert len(SOURCES) - page().count(" (new) | ") == 13


def test_an_event_is_told_with_its_region(triggers):
    status, out, _ = triggers(EVENTS / "sqs_event.json", "--region", "eu-west-1")
    told = json.loads(out)
    assert status == 0
    assert (told["source"], told["spans"][0]["resource"]) == ("sqs", "MyQueue")
    assert told["tags"]["function_trigger.event_source_arn"] == "arn:aws:sqs:eu-west-1:123456789012:MyQueue"


def test_an_event_of_no_source_is_something_wrong(triggers, tmp_path):
    file = tmp_path / "event.json"
    file.write_text("{}")
    assert triggers(file)[0] == 1
    assert triggers(EVENTS / "sqs_event.json", file)[0] == 1


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[" * 100_000, b" " * (EVENT_BYTES_MAX + 1)])
def test_what_is_no_event_is_a_wrong_call(triggers, tmp_path, data):
    file = tmp_path / "event.json"
    file.write_bytes(data)
    status, out, err = triggers(file)
    assert (status, out) == (2, "")
    assert err.startswith(f"{file}: ")


def test_a_file_that_is_not_there_is_a_wrong_call(triggers, tmp_path):
    assert triggers(tmp_path / "none.json")[0] == 2


def test_an_event_may_come_by_standard_input(triggers, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b'{"Records": [{"Sns": {}}]}')))
    assert json.loads(triggers("-")[1])["source"] == "sns"
