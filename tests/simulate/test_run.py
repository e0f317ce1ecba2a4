import attrs
import trio

from emulator.world.generate import generate
from emulator.world.run import run
from emulator.world.scenario import Ending, Invocation, Life, Scenario, Trouble, Work

WORK = (Work(0, "text"), Work(0, "count"))


def history_of(make, *lives, **fields):
    outcome = run(Scenario(0, lives=lives, **fields), make)
    assert outcome.violations == ()
    return "\n".join(outcome.history())


def test_the_same_scenario_gives_the_same_history(make):
    for seed in range(8):
        assert run(generate(seed), make).history() == run(generate(seed), make).history()


def test_the_scheduler_is_left_as_it_was(make):
    before = trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING, trio._core._run._r.getstate()
    run(Scenario(5), make)
    assert (trio._core._run._ALLOW_DETERMINISTIC_SCHEDULING, trio._core._run._r.getstate()) == before


def test_a_killed_life_is_followed_by_a_new_one(make):
    life = Life((Invocation(work=WORK),), Ending("kill"))
    history = history_of(make, life, attrs.evolve(life, ending=Ending()))
    assert history.count("register is answered: 200") == 2
    assert "SIGKILL" in history


def test_time_passes_without_waiting(make):
    history = history_of(make, Life((Invocation(pause_ms=3_600_000, frozen="stopped"),)))
    assert "3600008 ms" in history or "3600010 ms" in history


def test_lines_and_metrics_are_read_before_the_next_event_is_asked_for(make):
    history = history_of(make, Life((Invocation(work=WORK),)))
    assert history.index("item 0") < history.rindex("next is asked for")


def test_telemetry_that_is_cut_is_sent_again(make):
    history = history_of(make, Life((Invocation(work=WORK),), troubles=(Trouble(0, "cut"), Trouble(1, "cut"))))
    assert "telemetry trouble: cut" in history
    assert history.count("item 0") == 1


def test_telemetry_that_the_platform_repeats_is_read_twice(make):
    history = history_of(make, Life((Invocation(work=WORK),), troubles=(Trouble(0, "twice"), Trouble(1, "twice"))))
    assert history.count("item 0") == 2


def test_a_failing_intake_costs_nothing_when_it_recovers(make):
    outcome = run(Scenario(0, intake=("status:500", "reset"), lives=(Life((Invocation(work=WORK), Invocation())),)), make)
    assert outcome.violations == ()


def test_the_extension_hears_its_own_lines(make):
    history = history_of(make, Life((Invocation(),), Ending(late_lines=1)))
    assert "telemetry accepted: runtimeDone" not in history.split("SHUTDOWN")[1]
    assert "extension" in history.split("SHUTDOWN")[1]
