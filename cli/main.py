"""`lambda-reactor`: the frame around the commands. Each command's module is imported only when it is the one that is wanted."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from reactor.version import VERSION

PROGRAM = "lambda-reactor"
COMMANDS = {
    "emulate": "run a function with an extension on a local Lambda platform, and account for what arrived",
    "replay": "run recorded events through the agent and show what it would do",
    "record": "as emulate, and write down what the extension was told",
    "simulate": "run the extension through invented worlds, and find the one in which it breaks a promise",
    "check": "walk every state that the machines can reach, and prove what must hold",
    "diagram": "draw a state machine",
    "config": "print the effective configuration, its sources and what is wrong with it",
    "triggers": "list the event sources that are known, or say what an event tells of what invoked the function",
}
DESCRIPTION = "Tools around lambda-reactor, an extension that delivers a Lambda function's metrics, logs and traces to Datadog."
EPILOG = f"""\
Each command explains itself: `{PROGRAM} emulate --help`. The extension itself is `python -m reactor`; Lambda starts it.

exit codes: 0 all is well, 1 the command found something wrong, 2 it was called wrongly, 130 interrupted
"""
INTERRUPTED, BROKEN_PIPE = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Only argparse's own endings (help, usage) raise SystemExit."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = build_parser(next((argument for argument in arguments if not argument.startswith("-")), None))
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help(sys.stderr)
        return 2
    _print_anything()
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        return BROKEN_PIPE
    except BaseException as error:
        if not was_interrupted(error):
            raise
        return INTERRUPTED
    return code


def build_parser(wanted: str | None) -> argparse.ArgumentParser:
    """The parser with all commands by name, and the wanted one with its options."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {VERSION}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        if name == wanted:
            importlib.import_module(f"cli.{name}").register(subparsers)
        else:
            subparsers.add_parser(name, help=text)
    return parser


def was_interrupted(error: BaseException) -> bool:
    """Whether someone pressed Ctrl-C: nurseries wrap what ends them in groups."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(KeyboardInterrupt) is not None
    return isinstance(error, KeyboardInterrupt)


def _print_anything() -> None:
    """What a function logs may hold text that no encoding takes; it is shown escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _forget_stdout() -> None:
    """Whoever read our output has gone; what is still buffered must not raise again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
