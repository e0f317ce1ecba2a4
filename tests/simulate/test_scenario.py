import attrs
import pytest

from emulator.misbehaviour import parse_misbehaviour
from emulator.world import scenario as values
from emulator.world.generate import generate
from emulator.world.scenario import TROUBLES, WORKS, Ending, Invocation, Life, Scenario, Work, as_text, size
from emulator.world.shrink import candidates, shrink

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_the_same_scenario_every_time(seed):
    assert generate(seed) == generate(seed)


def test_seeds_differ():
    assert len({as_text(attrs.evolve(generate(seed), seed=0)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scenario_as_text_is_source_that_gives_it_again(seed):
    assert eval(as_text(generate(seed)), vars(values)) == generate(seed)


def test_only_what_a_world_knows_is_generated():
    for seed in range(300):
        scenario = generate(seed)
        for clause in scenario.intake:
            assert str(parse_misbehaviour(clause)) == clause
        for life in scenario.lives:
            assert {trouble.what for trouble in life.troubles} <= set(TROUBLES)
            assert {work.kind for invocation in life.invocations for work in invocation.work} <= set(WORKS)
            # On demand a request that does not end well is the last of its sandbox; on a managed instance the others go on.
            assert scenario.is_managed or all(invocation.outcome in ("success", "error") for invocation in life.invocations[:-1])


def test_every_candidate_is_another_scenario():
    for seed in range(20):
        scenario = generate(seed)
        assert all(candidate != scenario and candidate.seed == seed for candidate in candidates(scenario))


def test_shrinking_leaves_only_what_the_failure_needs():
    def fails(scenario):
        return any(work.kind == "gauge" for life in scenario.lives for invocation in life.invocations for work in invocation.work)

    seed = next(seed for seed in range(100) if fails(generate(seed)))
    smallest = shrink(generate(seed), fails)
    assert smallest == Scenario(seed, lives=(Life((Invocation(work=(Work(0, "gauge"),)),)),))


def test_shrinking_ends_when_it_has_tried_enough():
    tried = []
    scenario = generate(3)
    assert shrink(scenario, lambda smaller: bool(tried.append(smaller)), tries_max=10) == scenario
    assert len(tried) <= 10


def test_nothing_is_smaller_than_the_ordinary():
    assert list(candidates(Scenario(1))) == []
    assert size(Scenario(1)) < size(Scenario(1, lives=(Life((Invocation(),), Ending("kill")),)))
