import argparse
import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.config import EnvFileError, parse_env_lines, register, settings_reference
from reactor.config.settings import SETTINGS

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def config(capsys, monkeypatch, tmp_path):
    """Runs the command as the frame would; gives (exit status, standard output, standard error)."""
    monkeypatch.setattr("os.environ", {"LAMBDA_TASK_ROOT": str(tmp_path)})
    parser = argparse.ArgumentParser(prog="lambda-reactor")
    register(parser.add_subparsers())

    def config(*words: str) -> tuple[int, str, str]:
        args = parser.parse_args(["config", *words])
        status = args.run(args)
        return status, *capsys.readouterr()

    return config


@pytest.fixture
def env_file(tmp_path):
    def env_file(text: str) -> str:
        path = tmp_path / "function.env"
        path.write_text(text)
        return str(path)

    return env_file


def line_of(out: str, name: str) -> str:
    return " ".join(next(line for line in out.splitlines() if line.split()[:1] == [name]).split())


def test_every_setting_is_printed_with_its_source(config, env_file, tmp_path):
    (tmp_path / "d.yaml").write_text("flush_timeout: 7\n")
    status, out, err = config("--env-file", env_file("DD_ENV=prod\nDATADOG_SERVICE=a\n"), "--yaml", str(tmp_path / "d.yaml"))
    assert (status, err) == (0, "")
    assert line_of(out, "env") == "env prod [DD_ENV]"
    assert line_of(out, "service") == "service a [DATADOG_SERVICE]"
    assert line_of(out, "flush_timeout_s") == "flush_timeout_s 7 [yaml flush_timeout]"
    assert line_of(out, "site") == "site datadoghq.com [default]"
    assert all(line_of(out, row.name) for row in SETTINGS)
    assert out.endswith("No findings\n")


def test_without_a_file_the_shell_and_the_task_root_count(config, tmp_path, monkeypatch):
    (tmp_path / "datadog.yaml").write_text("service: from-file\n")
    monkeypatch.setattr("os.environ", {"LAMBDA_TASK_ROOT": str(tmp_path), "DD_ENV": "from-shell"})
    _, out, _ = config()
    assert "from-file" in line_of(out, "service")
    assert "from-shell" in line_of(out, "env")


def test_a_derived_value_names_what_it_overrode(config, env_file):
    _, out, _ = config("--env-file", env_file("DD_LOGS_ENABLED=true\nDD_SERVERLESS_LOGS_ENABLED=false\n"))
    assert line_of(out, "serverless_logs_enabled") == "serverless_logs_enabled True [derived, not from DD_SERVERLESS_LOGS_ENABLED]"


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_show_only_their_length(config, env_file, form):
    variables = (
        "DD_API_KEY=topsecret\nDD_KMS_API_KEY=topsecret\nDD_PROXY_HTTPS=http://u:topsecret@proxy:1\n"
        'DD_ADDITIONAL_ENDPOINTS={"https://a.example": ["topsecret"]}\n'
        'DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS=[{"api_key": "topsecret", "Host": "h", "Port": 1, "is_reliable": true}]\n'
    )
    status, out, err = config("--env-file", env_file(variables), "--format", form)
    assert status == 0
    assert "topsecret" not in out + err
    assert "set (9 characters)" in out


@pytest.mark.parametrize(
    ("variables", "status", "word"),
    [
        ("DD_ENHANCED_METRICS=perhaps\n", 0, "WARN"),
        ("DD_SITE=a b\n", 1, "ERROR"),
        ("DD_SITE=a b\nDD_ENHANCED_METRICS=perhaps\n", 1, "WARN"),
    ],
)
def test_errors_decide_the_exit_status_and_warnings_do_not(config, env_file, variables, status, word):
    found, out, _ = config("--env-file", env_file(variables))
    assert found == status
    assert any(line.split()[:1] == [word] for line in out.splitlines())


def test_json_holds_the_same_facts(config, env_file):
    status, out, _ = config("--env-file", env_file("DD_FLUSH_TIMEOUT=never\nDD_TAGS=a:b\n"), "--format", "json")
    report = json.loads(out)
    assert status == 0
    assert report["settings"]["tags"] == {"value": {"a": "b"}, "source": "DD_TAGS"}
    assert report["settings"].keys() == {row.name for row in SETTINGS}
    assert report["findings"] == [
        {
            "level": "WARN",
            "setting": "flush_timeout_s",
            "source": "DD_FLUSH_TIMEOUT",
            "shown_value": "never",
            "reason": "not a whole number",
            "used_instead": "30 (default)",
        }
    ]
    assert {"name": "otlp_http_port", "value": "not set"} in report["derived"]


@pytest.mark.parametrize("option", ["--env-file", "--yaml"])
def test_a_file_that_is_not_there_is_a_usage_error(config, tmp_path, option):
    status, out, err = config(option, str(tmp_path / "nowhere"))
    assert (status, out) == (2, "")
    assert "nowhere" in err


def test_a_bad_line_is_named_with_its_number(config, env_file):
    path = env_file("# fine\nDD_ENV=prod\nnonsense\n")
    status, out, err = config("--env-file", path)
    assert (status, out) == (2, "")
    assert err == f"lambda-reactor config: {path}:3: no = in the line; write KEY=VALUE\n"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("A = spaced ", "spaced"),
        ("export A=exported", "exported"),
        ("A=", ""),
        ("A=x=y", "x=y"),
        ("A=x # comment", "x"),
        ("A=x#y", "x#y"),
        ("A='as $it \"stands\\'", 'as $it "stands\\'),
        ('A="with \\"quotes\\" and\\nlines" # comment', 'with "quotes" and\nlines'),
        ('A={"https://a": ["k"]}', '{"https://a": ["k"]}'),
        ('A=""', ""),
    ],
)
def test_lines_of_an_env_file(line, value):
    assert parse_env_lines("f", ["", "# comment", f"{line}\n"]) == {"A": value}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("A", "no ="),
        ("=x", "no name"),
        ("A B=x", "no name"),
        ("1A=x", "no name"),
        ("Ä=x", "no name"),
        ("A='open", "closing quote"),
        ('A="open\\"', "closing quote"),
        ("A='x' y", "after the closing quote"),
    ],
)
def test_lines_that_are_none(line, reason):
    with pytest.raises(EnvFileError, match=f"^f:1: .*{reason}"):
        parse_env_lines("f", [line])


@given(st.text(st.characters(exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", codec="utf-8")))
def test_a_quoted_value_comes_back_as_it_was(value):
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_env_lines("f", [f'A="{escaped}"\n']) == {"A": value}


@given(st.text())
def test_any_line_is_a_variable_or_an_error(line):
    try:
        variables = parse_env_lines("f", [line])
    except EnvFileError:
        return
    assert all(key.isidentifier() for key in variables)


def test_the_reference_page_is_fresh():
    page = (ROOT / "docs" / "settings.md").read_text()
    assert page == settings_reference(), "print it again: lambda-reactor config --format markdown > docs/settings.md"


def test_the_reference_names_every_variable(config):
    status, out, _ = config("--format", "markdown")
    assert status == 0
    assert all(f"`DD_{name}`" in out for row in SETTINGS for name in row.env)
    for line in out.splitlines():
        if line.startswith("| `DD_"):
            assert line.replace("\\|", "").count("|") == 5


def test_the_help_teaches(config, capsys):
    with pytest.raises(SystemExit) as stopped:
        config("--help")
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert "Exit status" in out
    assert "--env-file" in out
