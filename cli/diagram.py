"""`lambda-reactor diagram`: the machines as pictures and pages, made from the very tables that decide."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fsm.draw_dot import to_dot
from fsm.draw_markdown import to_markdown
from fsm.draw_mermaid import to_mermaid
from fsm.draw_svg import to_svg
from fsm.engine import Table
from fsm.machines import MACHINES, about

EVERY = "all"
ENDINGS = {"mermaid": "mmd", "dot": "dot", "svg": "svg", "markdown": "md"}
EVERY_FORMATS = ("svg", "markdown")  # what docs/machines holds

HELP = "draw a state machine"
DESCRIPTION = "Draw the state machines that decide what the extension does. Without MACHINE, list them."
EPILOG = """\
Each row of a table reads `event [guard] / action`. Rows that stay in their state are lines of its box. Rows that hold
in every state of a group are drawn once, in a dashed box. `[else]` is the last row of several, and a number in front
of a guard says in which order three or more are tried.

examples:
  lambda-reactor diagram                              list the machines
  lambda-reactor diagram on_demand                    Mermaid, for a page that draws it
  lambda-reactor diagram flush --format svg -o f.svg  a picture, ready to look at
  lambda-reactor diagram delivery --format dot        text for Graphviz: pipe it to `dot -Tpng`
  lambda-reactor diagram all --output docs/machines   a picture and a page of each
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    parser = subparsers.add_parser(
        "diagram", help=HELP, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("machine", nargs="?", metavar="MACHINE", help=f"{', '.join(MACHINES)}, or {EVERY}")
    parser.add_argument("--format", choices=ENDINGS, help="default: mermaid; for `all`, svg and markdown")
    parser.add_argument("--output", "-o", type=Path, metavar="FILE", help="write here, not to the terminal; for `all`, a directory")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Exit code: 0; 1 if a file cannot be written; 2 if the command makes no sense."""
    try:
        return _choose(args.machine, args.format, args.output)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(f"cannot write: {error}", 1)


def _choose(machine: str | None, wanted: str | None, output: Path | None) -> int:
    if machine is None:
        return _list()
    if machine == EVERY:
        return _fail("`all` needs --output DIRECTORY", 2) if output is None else _write_all((wanted,) if wanted else EVERY_FORMATS, output)
    if machine not in MACHINES:
        return _fail(f"no machine {machine!r}; there are: {', '.join(MACHINES)}", 2)
    text = draw(machine, wanted or "mermaid")
    if output is None:
        sys.stdout.write(text)
    else:
        _write(output, text)
    return 0


def draw(machine: str, wanted: str) -> str:
    """One machine in one format. Raises KeyError for an unknown one of either."""
    drawings: dict[str, Callable[[Table[Any, Any]], str]] = {
        "mermaid": to_mermaid,
        "dot": to_dot,
        "svg": lambda table: to_svg(table, about(machine)),
        "markdown": lambda table: to_markdown(table, about(machine), f"{machine}.svg"),
    }
    return drawings[wanted](MACHINES[machine])


def _list() -> int:
    width = max(map(len, MACHINES))
    for name in MACHINES:
        print(f"{name:{width}}  {about(name)}")
    return 0


def _write_all(formats: tuple[str, ...], directory: Path) -> int:
    directory.mkdir(parents=True, exist_ok=True)
    for name in MACHINES:
        for wanted in formats:
            _write(directory / f"{name}.{ENDINGS[wanted]}", draw(name, wanted))
    return 0


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _fail(message: str, code: int) -> int:
    print(f"lambda-reactor diagram: {message}", file=sys.stderr)
    return code
