"""Time that stands still while the gate is shut."""

import pytest
import trio

from emulator.gate import Gate


async def open_after(gate, seconds):
    await trio.sleep(seconds)
    gate.open()


async def test_a_limit_runs_in_open_time_only(nursery, autojump_clock):
    gate = Gate()

    async def freeze_for_an_hour():
        await trio.sleep(1)
        gate.shut()
        await open_after(gate, 3_600)

    nursery.start_soon(freeze_for_an_hour)
    with gate.limit(3) as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(3_603)


async def test_a_limit_that_begins_behind_a_shut_gate_has_all_its_time_when_it_opens(nursery, autojump_clock):
    gate = Gate()
    gate.shut()
    nursery.start_soon(open_after, gate, 10)
    with gate.limit(3) as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() == pytest.approx(13)


async def test_waiting_ends_when_the_gate_opens(nursery, autojump_clock):
    gate, passed = Gate(), []
    gate.shut()

    async def wait():
        await gate.wait()
        passed.append(trio.current_time())

    nursery.start_soon(wait)
    await trio.sleep(2)
    assert (passed, gate.is_open) == ([], False)
    gate.open()
    await trio.sleep(1)
    assert passed == [pytest.approx(2)]


async def test_shutting_twice_and_opening_twice_changes_nothing(autojump_clock):
    gate = Gate()
    with gate.limit(3) as scope:
        for turn in (gate.shut, gate.shut, gate.open, gate.open):
            turn()
        assert scope.deadline == pytest.approx(trio.current_time() + 3)
