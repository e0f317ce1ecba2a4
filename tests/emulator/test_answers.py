"""The shared JSON bodies, and what a fault answers."""

import json

import pytest
import trio

from emulator.answers import accepted, misbehave, problem
from emulator.faults import Fault
from emulator.wire import Broken


def test_a_problem_has_message_and_type_and_ends_with_a_newline():
    answer = problem(403, "Extension.X", "no")
    assert (answer.status, answer.body) == (403, b'{"errorMessage":"no","errorType":"Extension.X"}\n')
    assert answer.headers == ((b"Content-Type", b"application/json"),)


def test_accepted_says_ok():
    assert (accepted().status, json.loads(accepted().body)) == (202, {"status": "OK"})


@pytest.mark.parametrize(
    ("argument", "status", "error_type"),
    [("202", 202, "Telemetry.NotSupported"), ("500", 500, "InternalServerError"), ("403", 403, "Emulated.Fault")],
)
async def test_a_status_fault_is_an_answer(argument, status, error_type):
    answer = await misbehave([Fault("subscribe", argument)])
    assert (answer.status, json.loads(answer.body)["errorType"]) == (status, error_type)


async def test_close_is_no_answer_and_half_is_left_to_the_caller():
    assert await misbehave([Fault("next", "close")]) == Broken("close")
    assert await misbehave([Fault("next", "half")]) is None


async def test_never_and_delay_wait(autojump_clock):
    assert await misbehave([Fault("register", "delay=1500")]) is None
    assert trio.current_time() == pytest.approx(1.5)
    with trio.move_on_after(1_000) as scope:
        await misbehave([Fault("register", "never")])
    assert scope.cancelled_caught
