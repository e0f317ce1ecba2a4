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


@pytest.mark.parametrize("word", ["1", "t", "true", "TRUE", "T"])
def test_appsec_leads_through_the_proxy(word):
    _, environment, _ = run(DD_SERVERLESS_APPSEC_ENABLED=word, DD_TRACE_ENABLED="false", DD_TRACE_TELEMETRY_ENABLED="false")
    assert environment == {
        "DD_SERVERLESS_APPSEC_ENABLED": word.lower(),
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9000",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "true",
        "DD_TRACE_TELEMETRY_ENABLED": "false",
        "DD_TRACE_ENABLED": "true",
        "DD_TRACE_STATS_COMPUTATION_ENABLED": "false",
    }


@pytest.mark.parametrize(("word", "leads"), [("true", True), ("TRUE", True), ("1", False), ("false", False), ("", False)])
def test_the_experiment_leads_through_the_proxy_too(word, leads):
    _, environment, _ = run(DD_EXPERIMENTAL_ENABLE_PROXY=word, AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001")
    assert environment["AWS_LAMBDA_RUNTIME_API"] == ("127.0.0.1:9000" if leads else "127.0.0.1:9001")
    assert "DD_TRACE_ENABLED" not in environment


@pytest.mark.parametrize(("word", "says"), [("DEBUG", True), ("debug", True), ("info", False)])
def test_it_speaks_on_the_level_debug_alone(word, says):
    _, environment, said = run(DD_LOG_LEVEL=word, DD_EXPERIMENTAL_ENABLE_PROXY="true")
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
