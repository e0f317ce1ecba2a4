"""From nothing to a process, and what becomes of an error on the way: never an exception, always an attempt to go on."""

import json

import pytest

import reactor.__main__ as start
from reactor import last_resort, run, stage0
from reactor.stage0 import HandOver


@pytest.fixture
def taken_over(monkeypatch):
    """What the last resort was called with; it answers 7."""
    calls = []
    monkeypatch.setattr(last_resort, "take_over", lambda done, identifier="": calls.append((done, identifier)) or 7)
    return calls


@pytest.fixture(autouse=True)
def no_handler_stays():
    import logging

    before = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = before


@pytest.fixture(autouse=True)
def frozen(monkeypatch):
    """How often what is loaded was taken from the collector; the objects of the tests themselves stay its own."""
    calls = []
    monkeypatch.setattr(run.gc, "freeze", lambda: calls.append("frozen"))
    return calls


def registered():
    done = HandOver()
    done.identifier = "id-1"
    return done


@pytest.mark.parametrize("place", ["_make", "_hear_libraries"])
def test_an_error_before_the_loop_begins_is_said_and_taken_over(monkeypatch, taken_over, capfd, place):
    def fail(*arguments):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(run, place, fail)
    done = registered()
    assert run.main(done) == 7
    assert taken_over == [(done, "")]
    said = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert said["status"] == "ERROR"
    assert "ZeroDivisionError('ours')" in said["message"]


def test_an_error_of_the_loop_is_said_by_its_innermost_cause_and_taken_over_with_what_it_knew(monkeypatch, taken_over, capfd):
    class Process:
        class platform:
            identifier = "id-2"

        async def run(self):
            raise ExceptionGroup("outer", [ExceptionGroup("inner", [ZeroDivisionError("ours")])])

    monkeypatch.setattr(run, "_make", lambda voice, done: Process())
    assert run.main(None) == 7
    assert taken_over == [(None, "id-2")]
    assert "ZeroDivisionError('ours')" in capfd.readouterr().out


def test_the_exit_code_is_the_process_own(monkeypatch, taken_over, frozen):
    class Process:
        async def run(self):
            assert frozen == ["frozen"], "the collector leaves alone what was loaded before the loop began"
            return 3

    monkeypatch.setattr(run, "_make", lambda voice, done: Process())
    assert run.main(None) == 3
    assert taken_over == []


def test_random_numbers_are_from_0_up_to_1_and_differ():
    numbers = [run.random() for _ in range(1_000)]
    assert all(0 <= number < 1 for number in numbers)
    assert len(set(numbers)) > 990


@pytest.mark.parametrize(
    ("value", "plain"),
    [(b"1", True), (b"true", True), (b" TRUE ", True), (b"on", True), (b"yes", True), (b"0", False), (b"", False), (b"maybe", False)],
)
def test_a_plain_start_leaves_stage_0_out(monkeypatch, value, plain):
    done = HandOver()
    monkeypatch.setattr(stage0, "run", lambda environment: done)
    monkeypatch.setattr(start.posix, "environ", {b"DD_PLAIN_START": value})
    seen = []
    monkeypatch.setattr(run, "main", lambda given: seen.append(given) or 0)
    assert start.begin() == 0
    assert seen == [None if plain else done]


def test_a_program_that_cannot_be_loaded_is_taken_over_with_what_stage_0_did(monkeypatch, taken_over, capfd):
    import sys

    done = registered()
    monkeypatch.setattr(stage0, "run", lambda environment: done)
    monkeypatch.setattr(start.posix, "environ", {})
    monkeypatch.setitem(sys.modules, "reactor.run", None)
    assert start.begin() == 7
    assert taken_over == [(done, "")]
    assert json.loads(capfd.readouterr().out)["status"] == "ERROR"


@pytest.mark.parametrize(("level", "said"), [("debug", True), ("info", False)])
def test_what_it_starts_with_is_said_at_the_level_debug_alone(monkeypatch, capfd, tmp_path, level, said):
    monkeypatch.setattr(run.trio, "run", lambda run: 0)
    monkeypatch.setenv("DD_LOG_LEVEL", level)
    monkeypatch.setenv("DD_API_KEY", "0" * 32)
    monkeypatch.setenv("DD_SERVICE", "orders")
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    assert run.main(None) == 0
    assert ("setting service: orders" in capfd.readouterr().out) is said
