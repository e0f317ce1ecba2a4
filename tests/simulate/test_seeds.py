"""Worlds from seeds, and those that once found something."""

import pytest

from emulator.world.generate import generate
from emulator.world.run import run
from emulator.world.scenario import Ending, Invocation, Life, Scenario, Trouble, Work

ORDINARY_SEEDS, LONG_SEEDS = 30, 1_000


def broken_promises(scenario, make):
    outcome = run(scenario, make)
    return [str(violation) for violation in outcome.violations]


@pytest.mark.parametrize("seed", range(ORDINARY_SEEDS))
def test_every_promise_is_kept_in_the_world_of_a_seed(seed, make):
    assert broken_promises(generate(seed), make) == []


@pytest.mark.long
@pytest.mark.parametrize("first", range(ORDINARY_SEEDS, LONG_SEEDS, 97))
def test_every_promise_is_kept_in_a_thousand_worlds(first, make):
    broken = {seed: broken_promises(generate(seed), make) for seed in range(first, min(first + 97, LONG_SEEDS))}
    assert {seed: promises for seed, promises in broken.items() if promises} == {}


def test_an_uneventful_life_loses_nothing(make):
    work = (Work(0, "text"), Work(1, "object"), Work(2, "count", 2), Work(3, "packed"))
    assert broken_promises(Scenario(0, lives=(Life((Invocation(work=work), Invocation(work=work))),)), make) == []


@pytest.mark.parametrize("strategy", ["end", "default", "end,50", "periodically,40", "continuously,40"])
def test_no_strategy_loses_anything(strategy, make):
    work = (Work(0, "text", 3), Work(5, "count", 3))
    lives = (Life(tuple(Invocation(work=work, pause_ms=30) for _ in range(3))),)
    assert broken_promises(Scenario(0, strategy=strategy, lives=lives), make) == []


def test_a_managed_instance_outlives_any_number_of_failed_calls_as_long_as_they_lie_far_apart(make):
    lives = (Life(tuple(Invocation(pause_ms=120_000, ask_faults=("500",)) for _ in range(8))),)
    assert broken_promises(Scenario(0, is_managed=True, lives=lives), make) == []


def test_a_managed_instance_loses_nothing_of_what_runs_side_by_side(make):
    work = (Work(0, "object", 2), Work(3, "text"), Work(5, "count", 2), Work(9, "distribution"))
    lives = (Life(tuple(Invocation(duration_ms=50, work=work, pause_ms=number % 3) for number in range(30))),)
    assert broken_promises(Scenario(0, is_managed=True, lives=lives), make) == []


# --- worlds that found something, at their smallest ---------------------------------------------------------------------------


def test_what_the_pool_sends_again_counts_as_perhaps_twice(make):
    """Seed 220: the intake took a request on a kept connection and closed it without an answer."""
    life = Life((Invocation(duration_ms=850, work=(Work(402, "count"),)),), Ending("refused"), subscribe_ms=0)
    scenario = Scenario(220, strategy="end,50", intake=("delay:0", "delay:0", "drop-after-read"), lives=(life,))
    assert broken_promises(scenario, make) == []


def test_a_settling_that_ends_after_the_exit_is_no_surprise(make):
    """Seed 472: it went on while the platform was told why we exit."""
    troubles = (Trouble(4, "slow", 500), Trouble(1, "lines_lost", 50))
    scenario = Scenario(
        472, "continuously,40", latency_ms=60, lives=(Life((Invocation(ask_faults=("503",)),), Ending("refused"), troubles=troubles),)
    )
    assert broken_promises(scenario, make) == []


def test_a_shutdown_deadline_in_the_past_leaves_time_for_the_last_flush(make):
    """Seed 749: the platform's clock was an hour behind; waiting for late records took all of the time that was left."""
    life = Life((Invocation(start_record="lost", report_record="lost"),), Ending(reason="failure", at_ms=0), skew_ms=-3_600_000)
    assert broken_promises(Scenario(749, lives=(life,)), make) == []


def test_metrics_whose_tags_become_the_same_become_one(make):
    """Seed 712: an invocation was counted before the init type was known, the next one after it."""
    invocations = (Invocation(1), Invocation(outcome="error", pause_ms=10), Invocation(done_record="lost"))
    scenario = Scenario(712, "continuously,1000", latency_ms=0, lives=(Life(invocations, Ending("gone", at_ms=0)),))
    assert broken_promises(scenario, make) == []


def test_a_tag_that_every_metric_has_makes_no_second_context(make):
    scenario = Scenario(9, lives=(Life((Invocation(work=(Work(0, "equal"),)),)),))
    assert broken_promises(scenario, make) == []


def test_a_line_without_an_owner_outlives_a_kill(make):
    """Seed 2304."""
    life = Life((Invocation(work=(Work(0, "text"),), start_record="lost"),), Ending("kill"))
    assert broken_promises(Scenario(2304, has_spool=True, lives=(life,)), make) == []


def test_a_line_that_is_recovered_is_never_under_another_request(make):
    """Seed 2266."""
    life = Life((Invocation(work=(Work(0, "text"),)), Invocation()), Ending("kill"), register_ms=2_000)
    assert broken_promises(Scenario(2266, "periodically,1000", latency_ms=250, has_spool=True, lives=(life,)), make) == []


def test_a_freeze_in_the_middle_of_a_telemetry_request_loses_nothing(make):
    """Seed 6276."""
    invocations = (Invocation(work=(Work(0, "foreign"),), is_event_lost=True), Invocation(pause_ms=3_600_000, frozen="stopped"))
    assert broken_promises(Scenario(6276, lives=(Life(invocations, troubles=(Trouble(0, "slow", 50),)),)), make) == []


def test_halves_of_what_may_have_arrived_whole_count_as_perhaps_twice(make):
    """Seed 2672: an answer broke off, and the second try was answered 413."""
    lives = (Life((Invocation(),), subscribe_ms=310),)
    assert broken_promises(Scenario(2672, latency_ms=60, intake=("half", "delay:0", "status:413"), lives=lives), make) == []


def test_a_second_try_whose_first_one_was_never_seen_to_end_may_wait_for_its_deadline(make):
    """Seed 5441: the record of the first try's end was lost, its report was not."""
    lives = (Life((Invocation(done_record="lost", report_record="prompt"), Invocation(is_retry=True))),)
    assert broken_promises(Scenario(5441, lives=lives), make) == []


def test_a_deadline_that_no_function_can_have_is_bounded_also_when_the_clock_jumps(make):
    """Seed 3790."""
    lives = (Life((Invocation(duration_ms=850, jump_ms=60_000, done_record="late"),), skew_ms=28_800_000),)
    assert broken_promises(Scenario(3790, lives=lives), make) == []
