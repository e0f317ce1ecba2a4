"""`lambda-reactor check --mutants`: break the tables on purpose, one row at a time, and see that each break is noticed."""

import json
import sys
import time
from collections.abc import Iterable, Iterator

from fsm.check.model import Model
from fsm.check.models import MODELS
from fsm.check.mutants import Baseline, Fate, Mutant, baseline_of, fate_of
from fsm.machines import MACHINES

OF_EACH_MODEL = 12  # mutants, spread evenly over all that can be made
SECONDS_MAX = 280.0
QUICK = tuple(name for name in MODELS if not name.startswith("life"))  # unless others are named: each mutant walks a whole model


def chosen(baseline: Baseline) -> Iterator[Mutant]:
    """A fixed selection: the same ones every time, from all over the table."""
    step = max(1, len(baseline.mutants) // OF_EACH_MODEL)
    yield from baseline.mutants[step // 2 :: step][:OF_EACH_MODEL]


def run_mutants(models: Iterable[Model], form: str) -> int:
    """Exit code: 0 if each was noticed; 1 if one was not, or if the time was up before all were tried."""
    models = list(models)
    if len(models) == len(MODELS):
        models = [MODELS[name] for name in QUICK]
    until = time.perf_counter() + SECONDS_MAX
    fates: list[Fate] = []
    left = 0
    for model in models:
        baseline = baseline_of(model, MACHINES)
        for mutant in chosen(baseline):
            if time.perf_counter() > until:
                left += 1
                continue
            fates.append(fate_of(mutant, [baseline], MACHINES))
            print(f"  {len(fates)} tried", end="\r", file=sys.stderr)
    survivors = [fate for fate in fates if not fate.is_killed]
    if form == "json":
        listed = [{"mutant": fate.mutant.name, "killed_by": fate.by} for fate in fates]
        print(json.dumps({"mutants": listed, "not_tried": left}))
    else:
        for fate in fates:
            print(f"{'noticed ' if fate.is_killed else 'SURVIVED'}  {fate.mutant.name}: {fate.by or 'nothing holds it'}")
        print(f"{len(fates)} broken tables, {len(fates) - len(survivors)} noticed, {left} not tried for want of time")
    return 1 if survivors or left else 0
