"""The commands with everything real: the function's runtime, our extension, the platform's sockets."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import trio

from emulator.intake import Intake, running

ROOT = Path(__file__).resolve().parents[2]
APP = """
import json
def handler(event, context):
    print("hello", event.get("who"))
    if event.get("who") == "nobody":
        raise ValueError("nobody")
    return event
"""

pytestmark = pytest.mark.peers


@pytest.fixture
def function(tmp_path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    for who in ("ada", "nobody"):
        (tmp_path / f"{who}.json").write_text(json.dumps({"who": who}))
    return tmp_path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", *map(str, arguments)]


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=90)


def emulate(function: Path, *more: object) -> "subprocess.CompletedProcess[str]":
    return run("cli.main", "emulate", "--handler", "app.handler", "--task-root", function, *more)


def test_emulate_accounts_for_what_arrived(function):
    out = function / "out.json"
    done = emulate(
        function, "--event", function / "ada.json", "--event", function / "nobody.json", "--json", out, "--keep", function / "kept"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("nothing failed; every line that the function printed arrived, once\n")
    assert "an extension registered" in done.stderr
    document = json.loads(out.read_text())
    assert [each["status"] for each in document["invocations"]] == ["success", "error"]
    assert json.loads(document["invocations"][0]["response"]) == {"who": "ada"}
    assert [line["message"] for line in document["account"]["logs"]].count("hello ada\n") == 1
    assert (function / "kept" / "function.log").read_text().startswith("hello ada\n")


def test_emulate_takes_calls_from_outside_until_it_is_told_to_end(function):
    arguments = ("cli.main", "emulate", "--handler", "app.handler", "--task-root", function, "--listen", "0")
    with subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as emulator:
        lines = iter(emulator.stderr.readline, "")
        [url] = next(found for line in lines if (found := re.findall(r"http://\S+", line)))
        answers = []
        for who in ("ada", "nobody", "bob"):
            with urllib.request.urlopen(url, json.dumps({"who": who}).encode(), timeout=30) as answer:  # a plain http address
                answers.append((answer.headers["X-Amz-Function-Error"], json.load(answer)))
        emulator.send_signal(signal.SIGINT)
        output, rest = emulator.communicate(timeout=60)
    assert emulator.returncode == 0, output + rest
    assert [answers[0], answers[2]] == [(None, {"who": "ada"}), (None, {"who": "bob"})]
    assert (answers[1][0], answers[1][1]["errorType"]) == ("Unhandled", "ValueError")
    assert output.endswith("nothing failed; every line that the function printed arrived, once\n")
    assert [output.count(f"hello {who}") for who in ("ada", "nobody", "bob")] == [1, 1, 1]


def test_a_port_that_is_taken_is_one_line(function):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = emulate(function, "--listen", port)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        f"lambda-reactor emulate: calls cannot be taken on 127.0.0.1, port {port}: Address already in use",
    )
    assert "Traceback" not in done.stderr


def test_emulate_fails_when_the_extension_does(function):
    done = emulate(function, "--extension", "/bin/false")
    assert done.returncode == 1
    assert "FAILED: invocation 1: crash, Extension.Crash" in done.stdout


def test_emulate_fails_when_a_line_is_lost(function):
    done = emulate(function, "--intake-script", "status:403@*/logs", "--event", function / "ada.json")
    assert done.returncode == 1
    assert "FAILED: line 'hello ada': printed 1 times, arrived 0 times" in done.stdout


async def test_emulate_sends_to_an_intake_elsewhere(function):
    intake = Intake()
    with trio.fail_after(60):
        async with running(intake) as port:
            done = await trio.run_process(
                command("cli.main", "emulate", "--handler", "app.handler", "--task-root", function, "--intake", f"http://127.0.0.1:{port}"),
                cwd=ROOT,
                capture_stdout=True,
                capture_stderr=True,
            )
    assert done.stdout.endswith(b"nothing failed\n")
    messages = [element["message"]["message"] for each in intake.documents() if each["out"] == "logs" for element in each["document"]]
    assert messages.count("hello None\n") == 1


def test_what_is_recorded_can_be_replayed(function):
    out = function / "run.jsonl"
    done = run("cli.main", "record", out, "--", "--handler", "app.handler", "--task-root", function, "--event", function / "ada.json")
    assert done.returncode == 0, done.stderr
    assert f"recorded: {out}, " in done.stderr
    replayed = run("cli.main", "replay", out, "--summary")
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "1 invocations" in replayed.stdout


def test_the_demonstration_is_good():
    done = run("cli.demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all as emitted, each once\n")
