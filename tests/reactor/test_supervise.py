"""Regions kept apart."""

import pytest
import trio

from reactor.supervise import RESTART_PAUSE_S, Supervisor


@pytest.fixture
def crashes():
    return []


@pytest.fixture
async def supervisor(nursery, crashes):
    return Supervisor(nursery, lambda region, times, error: crashes.append((region, times, repr(error))))


async def fail():
    raise ValueError("ours")


async def test_a_crash_is_told_and_costs_no_other_region(autojump_clock, supervisor, crashes):
    lived = []

    async def live():
        await trio.sleep(5)
        lived.append(True)

    supervisor.start("good", live)
    supervisor.start("bad", fail)
    await trio.sleep(6)
    assert crashes == [("bad", 1, "ValueError('ours')")]
    assert lived == [True]


async def test_crashes_are_counted_by_region(autojump_clock, supervisor, crashes):
    for region in ("a", "b", "a", "a"):
        supervisor.start(region, fail)
        await trio.testing.wait_all_tasks_blocked()
    assert [(region, times) for region, times, _ in crashes] == [("a", 1), ("b", 1), ("a", 2), ("a", 3)]


async def test_a_group_of_errors_is_a_crash_too(autojump_clock, supervisor, crashes):
    async def fail_in_a_nursery():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)

    supervisor.start("a", fail_in_a_nursery)
    await trio.testing.wait_all_tasks_blocked()
    assert len(crashes) == 1


async def test_a_restarted_region_runs_after_its_pause(autojump_clock, supervisor):
    began = []

    async def live():
        began.append(trio.current_time())

    supervisor.start("a", live, RESTART_PAUSE_S)
    await trio.sleep(1)
    assert began == [pytest.approx(RESTART_PAUSE_S)]


@pytest.mark.parametrize("when", ["before its first step", "while it runs", "during its pause"])
async def test_a_stopped_region_ends_and_is_no_crash(autojump_clock, supervisor, crashes, when):
    closed = []

    async def live():
        try:
            await trio.sleep_forever()
        finally:
            closed.append(True)

    supervisor.start("a", live, 1.0 if when == "during its pause" else 0.0)
    if when != "before its first step":
        await trio.testing.wait_all_tasks_blocked()
    supervisor.stop("a")
    await trio.sleep(10)
    assert closed == ([True] if when == "while it runs" else [])
    assert crashes == []


async def test_stopping_what_never_ran_is_no_error(supervisor):
    supervisor.stop("nobody")
