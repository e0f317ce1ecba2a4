"""The exec wrapper, row by row (specification, lifecycle 20): what it sets, and what the runtime's command becomes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WRAPPER = Path(__file__).parent.parent.parent / "launcher" / "datadog_wrapper"
SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell")


def run(*arguments, **environment):
    """The runtime's arguments and environment, and what the wrapper printed before."""
    command = ["sh", str(WRAPPER), sys.executable, "-I", "-c", SHOW, *arguments]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"} | environment, capture_output=True, text=True, check=True)
    *said, shown = done.stdout.splitlines()
    given, found = json.loads(shown)
    return given, {name: value for name, value in found.items() if name not in ("PATH", "PWD", "SHLVL", "_", "LC_CTYPE", "OLDPWD")}, said


def test_by_default_only_statistics_are_left_to_the_extension():
    assert run() == ([], {"DD_TRACE_STATS_COMPUTATION_ENABLED": "false"}, [])


def test_what_the_function_says_stays():
    assert run(DD_TRACE_STATS_COMPUTATION_ENABLED="true")[1]["DD_TRACE_STATS_COMPUTATION_ENABLED"] == "true"


@pytest.mark.parametrize(
    ("name", "word", "is_asked_for"),
    [
        *(("DD_SERVERLESS_APPSEC_ENABLED", word, True) for word in ("1", "t", "true", "TRUE", "T")),
        *(("DD_SERVERLESS_APPSEC_ENABLED", word, False) for word in ("", "0", "no")),
        *(("DD_EXPERIMENTAL_ENABLE_PROXY", word, True) for word in ("true", "TRUE")),
        *(("DD_EXPERIMENTAL_ENABLE_PROXY", word, False) for word in ("1", "false", "")),
    ],
)
def test_the_runtime_is_never_led_to_a_proxy_that_is_not_there(name, word, is_asked_for):
    _, environment, said = run(**{name: word, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"})
    assert environment["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
    assert [line for line in said if "no proxy" in line] == said
    assert bool(said) is is_asked_for


@pytest.mark.parametrize(("word", "says"), [("DEBUG", True), ("debug", True), ("info", False)])
def test_it_tells_what_it_does_on_the_level_debug_alone(word, says):
    _, environment, said = run(DD_LOG_LEVEL=word, AWS_EXECUTION_ENV="AWS_Lambda_dotnet8", CORECLR_PROFILER_PATH="/x")
    assert environment["DD_LOG_LEVEL"] == word.lower()
    assert bool(said) is says
    assert all(line.startswith("[datadog-wrapper] ") for line in said)


def test_dotnet_gets_its_profiler_settings_and_a_word_when_its_library_is_missing():
    _, environment, said = run(AWS_EXECUTION_ENV="AWS_Lambda_dotnet8", DD_TRACE_STARTUP_LOGS="1")
    assert environment["CORECLR_PROFILER"] == "{846F5F1C-F9AE-4B07-969E-05C26BC060D8}"
    assert (environment["CORECLR_ENABLE_PROFILING"], environment["DD_TRACE_STARTUP_LOGS"]) == ("1", "1")
    assert (environment["DD_DOTNET_TRACER_HOME"], environment["DD_CIVISIBILITY_ENABLED"]) == ("/opt/datadog", "0")
    assert "CORECLR_PROFILER_PATH" in environment or "not found" in said[0]


def test_java_without_its_agent_is_left_alone():
    given, environment, _ = run("a b", "-XX:-TieredCompilation", AWS_EXECUTION_ENV="AWS_Lambda_java17")
    if not Path("/opt/java/lib/dd-java-agent.jar").exists():
        assert given == ["a b", "-XX:-TieredCompilation"]
        assert "DD_JMXFETCH_ENABLED" not in environment


def test_java_with_its_agent_gets_it_and_keeps_every_argument_whole(tmp_path):
    (tmp_path / "dd-java-agent.jar").touch()
    text = WRAPPER.read_text().replace("/opt/java/lib", str(tmp_path))
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(text)
    words = ["java", "-XX:-TieredCompilation", "-Dtext=a b", 'say "x"', ""]
    # `exec` at the end of the wrapper becomes a look at the arguments.
    wrapper.write_text(text.replace('exec "$@"', "printf '<%s>' \"$@\""))
    environment = {"PATH": "/usr/bin:/bin", "AWS_EXECUTION_ENV": "AWS_Lambda_java17"}
    done = subprocess.run(["sh", str(wrapper), *words], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f'<java><-javaagent:{tmp_path}/dd-java-agent.jar><-XX:TieredStopAtLevel=1><-Dtext=a b><say "x"><>'
