"""`lambda-reactor simulate`: the whole extension in an invented world, thousands of lives in virtual time, each from a seed."""

import argparse
import json
import sys
from collections import Counter
from contextlib import ExitStack
from typing import Any, TextIO

import attrs

from cli.simulate_fixture import write_fixture
from cli.simulate_process import SimulatedProcess
from emulator.world.generate import generate
from emulator.world.run import Outcome, run
from emulator.world.scenario import Scenario, as_text
from emulator.world.shrink import shrink
from reactor.net.clock import SystemClock

HELP = "run the extension through invented worlds, and find the one in which it breaks a promise"
DESCRIPTION = """\
Run the whole extension - the very process, with its listeners, delivery and supervision - in virtual time on a network in memory. Each
seed makes a world: a platform, a function, an intake, and what goes wrong with them (late, lost, repeated and torn telemetry, failing and
silent intakes, kills, freezes, clocks that jump, refusals, signals). The same seed gives the same run, every time.

After each run must hold: nothing accepted is lost without being counted, nothing is delivered twice without being counted, no line and no
invocation's span is under another request's id, an invocation whose library told of it has one span, no invocation waits longer than
promised, the exit is in time, and no machine met what no row names."""
EPILOG = """\
examples:
  lambda-reactor simulate --seeds 1000              seeds 0 to 999
  lambda-reactor simulate --seeds 1000 --from 1000  the next thousand, perhaps beside the first
  lambda-reactor simulate --seed 472 --shrink       one world, and the least of it that still fails

exit codes: 0 every promise was kept; 1 one was broken; 2 called wrongly"""
PROGRESS_MS = 5_000
SHRINK_TRIES = 1_500


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    parser = subparsers.add_parser(
        "simulate", help=HELP, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seeds", type=_natural, metavar="N", help="so many seeds, one after the other")
    which.add_argument("--seed", type=_natural, metavar="S", help="this one seed")
    parser.add_argument("--from", type=_natural, default=0, dest="first", metavar="K", help="the first of --seeds (default: 0)")
    parser.add_argument("--shrink", action="store_true", help="reduce each failing world to what it fails by, and write it as a fixture")
    parser.add_argument("--fixtures", default=".", metavar="DIR", help="where --shrink writes fixtures (default: here)")
    parser.add_argument(
        "--json", metavar="OUT", help="write one JSON document per failing seed, and a last one with the totals (- for stdout)"
    )
    parser.add_argument("--history", action="store_true", help="print the history of a world that does not fail, too")
    parser.set_defaults(run=run_command)


def run_command(args: argparse.Namespace) -> int:
    with ExitStack() as stack:
        out = sys.stdout if args.json == "-" else None
        if args.json not in (None, "-"):
            try:
                out = stack.enter_context(open(args.json, "w", encoding="utf-8"))
            except OSError as error:
                print(f"lambda-reactor: {args.json} cannot be written: {error.strerror}", file=sys.stderr)
                return 2
        return _run_seeds(args, out)


def _run_seeds(args: argparse.Namespace, out: TextIO | None) -> int:
    seeds = range(args.seed, args.seed + 1) if args.seed is not None else range(args.first, args.first + args.seeds)
    totals: Counter[str] = Counter()
    progress = _Progress(len(seeds))
    for seed in seeds:
        outcome = run(generate(seed), SimulatedProcess)
        totals.update(runs=1, invocations=outcome.invocations, items=outcome.items, failing=int(bool(outcome.violations)))
        if outcome.violations:
            _tell_failure(outcome, args, out)
        elif args.history:
            print(_history_text(outcome))
        progress.tell(totals, seed)
    if out is not None:
        out.write(json.dumps({"totals": dict(totals)}) + "\n")
    if out is not sys.stdout:
        print(f"{totals['runs']} worlds, {totals['invocations']} invocations, {totals['items']} items: {_verdict(totals['failing'])}")
    return 1 if totals["failing"] else 0


def _verdict(failing: int) -> str:
    return f"{failing} broke a promise" if failing else "every promise was kept"


def _tell_failure(outcome: Outcome, args: argparse.Namespace, out: TextIO | None) -> None:
    seed, fixture = outcome.scenario.seed, None
    if args.shrink:
        outcome = _smallest(outcome)
        fixture = write_fixture(outcome, args.fixtures)
    if out is not sys.stdout:
        print(f"seed {seed}")
        for violation in outcome.violations:
            print(f"  BROKEN  {violation}")
        print(f"  world   {as_text(outcome.scenario)}")
        print(_history_text(outcome))
        if fixture is not None:
            print(f"  written as {fixture}")
    if out is not None:
        out.write(json.dumps({**_as_document(outcome, fixture), "seed": seed}) + "\n")
        out.flush()


def _smallest(outcome: Outcome) -> Outcome:
    """The least world that breaks the same promise."""
    kind = outcome.violations[0].kind

    def fails(scenario: Scenario) -> bool:
        return any(violation.kind == kind for violation in run(scenario, SimulatedProcess).violations)

    return run(shrink(outcome.scenario, fails, SHRINK_TRIES), SimulatedProcess)


def _history_text(outcome: Outcome) -> str:
    return "\n".join(f"  {line}" for line in outcome.history())


def _as_document(outcome: Outcome, fixture: str | None) -> dict[str, Any]:
    return {
        "violations": [attrs.asdict(violation) for violation in outcome.violations],
        "scenario": attrs.asdict(outcome.scenario),
        "history": outcome.history(),
        "fixture": fixture,
    }


class _Progress:
    """A line on standard error every few seconds."""

    def __init__(self, runs: int) -> None:
        self._clock, self._runs = SystemClock(), runs
        self._began_ms = self._told_ms = self._clock.now().mono_ms

    def tell(self, totals: Counter[str], seed: int) -> None:
        now_ms = self._clock.now().mono_ms
        if now_ms - self._told_ms >= PROGRESS_MS:
            self._told_ms = now_ms
            rate = totals["runs"] * 1000 / (now_ms - self._began_ms)
            print(f"{totals['runs']} of {self._runs} (seed {seed}), {rate:.0f} a second, {totals['failing']} failing", file=sys.stderr)


def _natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0")
    return int(text)
