"""`lambda-reactor check --mutants`: break the tables on purpose, one row at a time, and see that each break is noticed.

Rows that a model takes are broken in every way that `fsm.check.mutants` knows: some of them in each way, from all over each table, or
all. What no model notices must be named among the equivalent ones, with the reason why it makes no difference to anybody.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from multiprocessing import get_context

import attrs

from fsm.check.equivalent import reason_for
from fsm.check.model import Model
from fsm.check.mutants import Baseline, Fate, baseline_of, fate_of, mutants_of, spread
from fsm.check.small import quick_models, slow_models
from fsm.machines import MACHINES

SECONDS_MAX = 3_600.0
OF_EACH_WAY = 4  # of each machine's tables; all of them together take some minutes of CPU
SOME, ALL = "some", "all"


@attrs.frozen
class Tried:
    """What became of one mutant. `reason`: why it makes no difference, if somebody says so."""

    fate: Fate
    reason: str

    @property
    def verdict(self) -> str:
        if self.fate.is_killed:
            return "NOTICED AFTER ALL" if self.reason else "noticed"
        return "equivalent" if self.reason else "SURVIVED"

    @property
    def is_right(self) -> bool:
        """Noticed, or named as one that cannot be; not both."""
        return self.fate.is_killed != bool(self.reason)

    @property
    def text(self) -> str:
        return f"{self.verdict:10} {self.fate.mutant.name}: {self.fate.by or self.reason or 'nothing holds it'}"


class Baselines(Mapping[str, Baseline]):
    """What walking each model with the real tables gives, worked out when it is first asked for."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = {model.name: model for model in models}
        self._known: dict[str, Baseline] = {}

    def __getitem__(self, name: str) -> Baseline:
        if name not in self._known:
            self._known[name] = baseline_of(self._models[name], MACHINES)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)


def run_mutants(models: Sequence[Model], wanted: str, form: str, seconds_max: float = SECONDS_MAX) -> int:
    """SOME or ALL of those of all machines of these models.

    Exit code: 0 if each was noticed or is equivalent; 1 if not, or if the time was up before.
    """
    until = time.perf_counter() + seconds_max
    tried: list[Tried] = []
    left = 0
    for machine in dict.fromkeys(machine for model in models for machine in model.machines):
        for each in _tried(machine, wanted, until):
            if each is None:
                left += 1
                continue
            tried.append(each)
            _tell(each, form, len(tried))
    if form == "json":
        print(json.dumps({"mutants": [_document(each) for each in tried], "not_tried": left}))
    else:
        print(_totals(tried, left))
    return 0 if not left and all(each.is_right for each in tried) else 1


class Trial:
    """The broken tables of one machine, and the models that may notice them: the quick ones, then those that the quick ones stand for."""

    def __init__(self, machine: str, wanted: str, until: float) -> None:
        self._quick, self._slow = Baselines(quick_models(machine)), Baselines(slow_models(machine))
        found = mutants_of(machine, self._quick.values())
        # To see that nobody notices takes the whole walk of every model: that is for those who have time.
        self.mutants = found if wanted == ALL else spread([mutant for mutant in found if not reason_for(mutant)], OF_EACH_WAY)
        self._until = until

    def fate(self, number: int) -> tuple[str, bool]:
        """What noticed this mutant, if anything did; and whether there was time to try it."""
        if time.perf_counter() > self._until:
            return "", False
        mutant = self.mutants[number]
        quick = sorted(self._quick.values(), key=lambda baseline: not baseline.takes(mutant))
        baselines = quick if reason_for(mutant) else chain(quick, self._slow.values())
        return fate_of(mutant, baselines, MACHINES).by, True


_trial: Trial | None = None  # what a forked process was forked for: a table full of functions cannot be sent to one


def _fate(number: int) -> tuple[str, bool]:
    assert _trial is not None
    return _trial.fate(number)


def _tried(machine: str, wanted: str, until: float) -> Iterator[Tried | None]:
    """Mutants of a machine, on all cores, in their order; None for one that there was no time for."""
    global _trial
    trial = _trial = Trial(machine, wanted, until)
    with get_context("fork").Pool(len(os.sched_getaffinity(0))) as pool:
        for mutant, (by, was_tried) in zip(trial.mutants, pool.imap(_fate, range(len(trial.mutants))), strict=True):
            yield Tried(Fate(mutant, by), reason_for(mutant)) if was_tried else None


def _tell(tried: Tried, form: str, number: int) -> None:
    if form == "text":
        print(tried.text, flush=True)
    else:
        print(f"  {number} tried", end="\r", file=sys.stderr)


def _document(tried: Tried) -> dict[str, str]:
    return {"mutant": tried.fate.mutant.name, "verdict": tried.verdict.lower(), "killed_by": tried.fate.by, "reason": tried.reason}


def _totals(tried: Sequence[Tried], left: int) -> str:
    noticed = sum(each.fate.is_killed for each in tried)
    equivalent = sum(each.verdict == "equivalent" for each in tried)
    wrong = [each for each in tried if not each.is_right]
    lines = [each.text for each in wrong]
    counts = f"{len(tried)} broken tables: {noticed} noticed, {equivalent} equivalent, {len(wrong)} unexplained"
    return "\n".join([f"{counts}, {left} not tried for want of time" if left else counts, *lines])
