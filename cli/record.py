"""`lambda-reactor record`: as `emulate`, and what the extension was told is written down for `lambda-reactor replay`."""

import argparse
import os
from pathlib import Path

import attrs

from cli import emulate
from cli.launch import recording
from protocols.fixture import FixtureError, lives

HELP = "as emulate, and write down what the extension was told"
DESCRIPTION = """\
Run a function as `lambda-reactor emulate` does, with the extension told (by DD_RECORD_TELEMETRY_EVENTS) to write down every event, record
and datagram that reaches it. The file can be replayed: `lambda-reactor replay OUT`. Its format stands in docs/fixtures.md.
"""
EPILOG = """\
A sandbox that is reset starts the extension anew: OUT then holds several lives, and a replay runs them one after the other.

examples:
  lambda-reactor record run.jsonl -- --handler app.handler --event order.json
  lambda-reactor record retry.jsonl -- --handler app.handler --intake-script "status:503*2"

exit codes: as `lambda-reactor emulate`; 1 also when nothing was written down
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    parser = subparsers.add_parser(
        "record",
        help=HELP,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [-h] OUT -- EMULATE-ARGUMENT...",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="the file to write; it must not be there yet")
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="EMULATE-ARGUMENT", help="see `lambda-reactor emulate --help`")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code: that of the emulation; 1 if nothing was recorded, 2 if the command makes no sense."""
    options = parse_rest(args.rest)
    try:
        scenario = emulate.scenario_of(options)
        if scenario.extension is None:
            raise ValueError("there is nothing to record without an extension")
        os.close(os.open(args.out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # it holds what the function logs
    except (OSError, ValueError) as error:
        return emulate.fail("record", str(error), 2)
    command = recording(scenario.extension, args.out.resolve())
    code = emulate.carry_out("record", attrs.evolve(scenario, extension=command), options)
    return code or _report(args.out)


def parse_rest(rest: list[str]) -> argparse.Namespace:
    """What stands behind `--`; ends the program as argparse does when it is wrong."""
    parser = argparse.ArgumentParser(prog="lambda-reactor record OUT --", add_help=False)
    emulate.add_arguments(parser)
    return parser.parse_args(rest[1:] if rest[:1] == ["--"] else rest)


def _report(out: Path) -> int:
    """Say what was written; 1 if nothing was, or nothing that can be replayed."""
    try:
        counts = count_lines(out)
    except FixtureError as error:
        return emulate.fail("record", str(error), 1)
    if not counts:
        return emulate.fail("record", f"the extension wrote nothing to {out}: does it know DD_RECORD_TELEMETRY_EVENTS?", 1)
    each = f"{counts[0]} lines" if len(counts) == 1 else f"{len(counts)} lives of {' and '.join(map(str, counts))} lines"
    emulate.say(f"recorded: {out}, {each}")
    return 0


def count_lines(out: Path) -> list[int]:
    """The lines of each life. Raises OSError, and FixtureError for a file that cannot be replayed."""
    with out.open("rb") as lines:
        if not out.stat().st_size:
            return []
        return [1 + sum(1 for _ in told) for _, told in lives(lines, str(out))]
