"""`lambda-reactor check`: walk every state that the machines can reach, and show the shortest way to a rule that is broken."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any

import attrs

from cli.check_fixture import can_be_told, lines_of
from fsm.check.explore import Result, Violation, explore
from fsm.check.model import Model
from fsm.check.models import MODELS, NOT_WALKED
from fsm.check.report import Coverage, coverage, coverage_document, coverage_lines, result_document, violation_lines
from fsm.machines import MACHINES

HELP = "walk every state that the machines can reach, and prove what must hold"
DESCRIPTION = """\
Walk the tables that decide, the very ones that run in the layer, through every order of events that the platform, the network and the clock
may produce: late, lost, repeated, of another request, while everything else is under way. At each step it is checked that what must hold
does hold. For a rule that does not, the shortest way to it is shown.

Each row of each table must have been taken by some model, or have a reason why none can take it.

exit codes: 0 everything holds; 1 a rule is broken, a row was never taken, or a mutant was not seen through; 2 there is no such model"""
EPILOG = """\
A model is one or several machines with a stub for everything else, which promises what its original promises and no more. docs/check.md
says what each model holds.

examples:
  lambda-reactor check                          all models; about a minute of CPU, on all cores
  lambda-reactor check --list                   the models and their rules
  lambda-reactor check --model delivery         one of them
  lambda-reactor check --output found           write ways to broken rules as files, for `lambda-reactor replay` where it can run them
  lambda-reactor check --mutants                break rows of the tables on purpose, and see that each break is noticed
  lambda-reactor check --mutants all --model flush
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    parser = subparsers.add_parser(
        "check", help=HELP, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", metavar="NAME", action="append", help="only this one; may be given several times")
    parser.add_argument("--list", action="store_true", help="list the models and what each of them holds")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "--mutants",
        nargs="?",
        choices=("some", "all"),
        const="some",
        help="check the checker: break rows on purpose; some of them in each way (two minutes), or all of them in all ways (ten)",
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="write the way to each broken rule to a file here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    unknown = [name for name in args.model or () if name not in MODELS]
    if unknown:
        print(f"lambda-reactor check: no model {unknown[0]!r}; there are: {', '.join(MODELS)}", file=sys.stderr)
        return 2
    models = [model for model in MODELS.values() if not args.model or model.name in args.model]
    if args.list:
        return _list(models, args.format)
    if args.mutants:
        from cli.check_mutants import run_mutants

        return run_mutants(models, args.mutants, args.format)
    return _check(models, args)


# --- listing ------------------------------------------------------------------------------------------------------------------


def _list(models: Iterable[Model], wanted: str) -> int:
    if wanted == "json":
        _print_json([{"model": model.name, "text": model.text, "machines": model.machines, "rules": dict(model.rules)} for model in models])
        return 0
    for model in models:
        print(f"{model.name}: {model.text} ({', '.join(model.machines)})")
        for rule, how in model.rules.items():
            print(f"  {rule}\n      {how}")
    return 0


# --- checking -----------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Walk:
    """One model that was walked, and how much CPU it took, in seconds."""

    model: Model
    result: Result
    seconds: float


def _check(models: Sequence[Model], args: argparse.Namespace) -> int:
    show = args.format == "text"
    walks = []
    for walk in _walks(models):
        walks.append(walk)
        if show:
            print(_line(walk), flush=True)
    covered = coverage([walk.model for walk in walks], [walk.result for walk in walks], MODELS.values(), MACHINES)
    violations = [violation for walk in walks for violation in walk.result.violations]
    written = _write(violations, args.output) if args.output is not None else []
    if show:
        _print_text(walks, covered, violations, written, is_all=not args.model)
    else:
        _print_json(_document(walks, covered, written))
    holds = not violations and all(walk.result.is_complete for walk in walks)
    return 0 if holds and all(each.is_true for each in covered) else 1


def _walks(models: Sequence[Model]) -> Iterator[Walk]:
    """Each model walked, in their order; on as many cores as there are, the long walks begun first."""
    cores = min(len(os.sched_getaffinity(0)), len(models))
    if cores == 1:
        yield from (Walk(model, *_walked(model.name)) for model in models)
        return
    with get_context("fork").Pool(cores) as pool:
        begun = {model.name: pool.apply_async(_walked, (model.name,)) for model in reversed(models)}
        for model in models:
            yield Walk(model, *begun[model.name].get())


def _walked(name: str) -> tuple[Result, float]:
    began = process_time()
    result = explore(MODELS[name], MACHINES)
    return result, process_time() - began


def _line(walk: Walk) -> str:
    result = walk.result
    broken = len(result.violations)
    verdict = f"{broken} of {len(walk.model.rules)} rules BROKEN" if broken else f"{len(walk.model.rules)} rules hold"
    cut = "" if result.is_complete else ", NOT COMPLETE: too many states"
    return f"{walk.model.name:22} {result.states:>9} states {result.transitions:>10} transitions {walk.seconds:>6.1f} s  {verdict}{cut}"


def _print_text(
    walks: Sequence[Walk], covered: Iterable[Coverage], violations: Iterable[Violation], written: list[str], is_all: bool
) -> None:
    print(_totals(walks))
    print()
    print("\n".join(coverage_lines(covered)))
    if is_all:
        for machine, reason in NOT_WALKED.items():
            print(f"{machine}: not walked ({reason})")
    for violation in violations:
        print()
        print(f"{violation.model}: " + "\n".join(violation_lines(violation)))
    for path in written:
        print(f"written: {path}")


def _totals(walks: Sequence[Walk]) -> str:
    states, transitions = sum(walk.result.states for walk in walks), sum(walk.result.transitions for walk in walks)
    return f"{'in all':22} {states:>9} states {transitions:>10} transitions {sum(walk.seconds for walk in walks):>6.1f} s"


def _document(walks: Sequence[Walk], covered: Iterable[Coverage], written: list[str]) -> dict[str, Any]:
    return {
        "models": [result_document(walk.model, walk.result, walk.seconds) for walk in walks],
        "machines": coverage_document(covered),
        "not walked": NOT_WALKED,
        "written": written,
    }


def _write(violations: Iterable[Violation], folder: Path) -> list[str]:
    """A recording of what a replay can run; a text of the rest."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, violation in enumerate(violations, 1):
        is_recording = can_be_told(violation)
        path = folder / f"{violation.model}-{number}.{'jsonl' if is_recording else 'txt'}"
        lines = lines_of(violation) if is_recording else [f"{line}\n" for line in violation_lines(violation)]
        path.write_text("".join(lines), encoding="utf-8")
        paths.append(str(path))
    return paths


def _print_json(document: Any) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))
