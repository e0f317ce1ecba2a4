import pytest
import trio

from fsm.time import Now
from reactor.net.clock import SimulatedClock, SystemClock, trio_time_of_mono


def test_the_system_clock_counts_milliseconds_and_never_goes_back():
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.epoch_ms > 1_600_000_000_000
    assert 0 <= second.mono_ms - first.mono_ms < 60_000


async def test_the_simulated_clock_follows_trio_and_jumps_its_wall_clock_alone(autojump_clock):
    clock = SimulatedClock(epoch_ms=1_000)
    assert clock.now() == Now(1_000, 0)
    await trio.sleep(1.8)
    assert clock.now() == Now(2_800, 1_800)
    clock.jump(-5_000)
    assert clock.now() == Now(-2_200, 1_800)


async def test_a_monotonic_deadline_becomes_trios(autojump_clock):
    await trio.sleep(3)
    clock = SimulatedClock()
    await trio.sleep(2)
    assert trio_time_of_mono(clock, 2_500) == pytest.approx(trio.current_time() + 0.5)
