import argparse
import json
import sys
from io import BytesIO, TextIOWrapper

import pytest

from cli.emulate import add_arguments, keep, run, scenario_of
from emulator.faults import Fault
from emulator.misbehaviour import parse_script


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return parser.parse_args(["--handler", "app.handler", *arguments])


def test_without_options_it_is_one_call_of_the_function_in_this_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scenario = scenario_of(parsed())
    assert [each.payload for each in scenario.invocations] == [b"{}"]
    assert (scenario.config.task_root, scenario.config.timeout_ms, scenario.config.memory_mb) == (tmp_path, 3_000, 128)
    assert (scenario.freeze, scenario.report_mode, scenario.isolation, scenario.intake_url) == (True, "late", "namespaces", None)


def test_events_are_sent_in_turn_with_pauses_between_them(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(f'"{name}"')
    scenario = scenario_of(parsed("--event", f"{tmp_path}/a", "--event", f"{tmp_path}/b", "--invocations", "3", "--pause", "70"))
    assert [(each.payload, each.pause_before_ms) for each in scenario.invocations] == [(b'"a"', 0), (b'"b"', 70), (b'"a"', 70)]


def test_an_event_can_come_from_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b'{"from": "stdin"}')))
    assert scenario_of(parsed("--event", "-")).invocations[0].payload == b'{"from": "stdin"}'


@pytest.mark.parametrize(
    ("arguments", "listen", "payloads"),
    [
        (("--listen", "8080"), ("127.0.0.1", 8080), []),
        (("--listen", "0.0.0.0:0", "--invocations", "2"), ("0.0.0.0", 0), [b"{}", b"{}"]),
        (("--listen", "[::1]:80"), ("::1", 80), []),
        ((), None, [b"{}"]),
    ],
)
def test_callers_bring_their_own_events(arguments, listen, payloads):
    scenario = scenario_of(parsed(*arguments))
    assert (scenario.listen, [each.payload for each in scenario.invocations]) == (listen, payloads)


def test_every_option_reaches_the_scenario(tmp_path):
    scenario = scenario_of(
        parsed(
            *("--task-root", str(tmp_path), "--runtime", "node 'a b.js'", "--timeout", "1.5", "--memory", "512", "--name", "fn"),
            *("--env", "A=1", "--env", "B=x=y", "--init-type", "lambda-managed-instances", "--concurrency", "4", "--extension", "none"),
            *("--intake-script", "status:500*2", "--fault", "drop:platform.report@2", "--seed", "9", "--report-mode", "prompt"),
            *("--no-freeze", "--isolation", "network"),
        )
    )
    config = scenario.config
    assert (config.task_root, config.runtime, config.timeout_ms) == (tmp_path, ("node", "a b.js"), 1_500)
    assert (config.memory_mb, config.name, config.environment) == (512, "fn", {"A": "1", "B": "x=y"})
    assert (config.init_type, config.max_concurrency, scenario.extension) == ("lambda-managed-instances", 4, None)
    assert scenario.misbehaviours == parse_script("status:500*2")
    assert scenario.faults == (Fault("drop", "platform.report", 2),)
    assert (scenario.seed, scenario.report_mode, scenario.freeze, scenario.isolation) == (9, "prompt", False, "network")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--timeout", "0"),
        ("--timeout", "901"),
        ("--timeout", "soon"),
        ("--timeout", "nan"),
        ("--memory", "0"),
        ("--memory", "-1"),
        ("--invocations", "0"),
        ("--pause", "1.5"),
        ("--env", "novalue"),
        ("--env", "=x"),
        ("--fault", "nonsense"),
        ("--intake-script", "nonsense"),
        ("--intake", "ftp://x"),
        ("--init-type", "warm"),
        ("--isolation", "none"),
        ("--listen", "http"),
        ("--listen", ":80"),
        ("--listen", "65536"),
    ],
)
def test_a_wrong_value_is_refused_where_it_is_read(arguments):
    with pytest.raises(argparse.ArgumentError):
        parsed(*arguments)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--task-root", "/no/such/folder"), "is not there"),
        (("--event", "/no/such/file"), "No such file"),
        (("--intake", "https://intake"), "--isolation host"),
        (("--intake", "http://intake", "--intake-script", "hang"), "--intake-script is for the local intake"),
        (("--extension", "./no-such-agent"), "there is no extension"),
        (("--extension", "'unclosed"), "No closing quotation"),
    ],
)
def test_what_makes_no_sense_is_a_wrong_call(arguments, reason, capsys):
    assert run(parsed(*arguments)) == 2
    assert reason in capsys.readouterr().err


def test_an_event_that_is_not_json_is_a_wrong_call(tmp_path, capsys):
    (tmp_path / "e").write_text("{")
    assert run(parsed("--event", str(tmp_path / "e"))) == 2
    assert "is not JSON" in capsys.readouterr().err


def test_what_was_seen_is_kept_one_file_per_kind(tmp_path, an_outcome):
    outcome = an_outcome(
        records=({"type": "platform.start", "record": {"requestId": "r-1"}},), function_output=("hello", "\ud800"), notes=("a note",)
    )
    keep(outcome, tmp_path / "kept", 3_000)
    files = {path.name: path.read_bytes() for path in (tmp_path / "kept").iterdir()}
    assert files["records.jsonl"] == b'{"type":"platform.start","record":{"requestId":"r-1"}}\n'
    assert files["cloudwatch.log"] == b"START RequestId: r-1 Version: \n"
    assert files["function.log"] == b"hello\n\\ud800\n"
    assert files["platform.log"] == b"a note\n"
    assert files["extension.log"] == b""
    assert json.loads(files["intake.json"])["outputs"] == []
