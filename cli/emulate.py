"""`lambda-reactor emulate`: a real function, a real extension, a local platform between them and a local intake behind."""

import argparse
import itertools
import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import trio

from cli import emulate_text
from cli.launch import extension_command
from cli.scenario import Outcome, Scenario, host_and_port, play
from cli.verdict import can_compare_lines, failures_of
from emulator.console import console_line
from emulator.faults import KINDS, Fault, parse_fault
from emulator.misbehaviour import parse_script
from emulator.values import INIT_TYPES, FunctionConfig, Invocation, SandboxError

HELP = "run a function with an extension on a local Lambda platform, and account for what arrived"
DESCRIPTION = """\
Run a function as Lambda runs it: its real runtime, a real extension, the sandbox frozen between invocations, and a local intake that
decodes all that the extension sends. Prints how each invocation went and what it cost, then the account of what arrived. Needs no network.
"""
EPILOG = f"""\
examples:
  lambda-reactor emulate --handler app.handler                          one call with {{}}, the function in this directory
  lambda-reactor emulate --handler app.handler --event order.json --invocations 10 --pause 2000
                                                                        ten calls, two seconds apart, frozen in between
  lambda-reactor emulate --handler app.handler --listen 8080            calls come over HTTP, until Ctrl-C; then the account
  lambda-reactor emulate --handler app.handler --extension ./datadog-agent
                                                                        another extension, for comparison; `none` for none at all
  lambda-reactor emulate --runtime "node runtime.js" --handler index.handler
                                                                        a runtime that is not Python
  lambda-reactor emulate --handler app.handler --intake-script "status:503*3; delay:2000%10"
                                                                        an intake that fails three times and is slow now and then
  lambda-reactor emulate --handler app.handler --fault drop:platform.runtimeDone@2
                                                                        a platform that loses a record

faults: {", ".join(KINDS)}; their arguments stand in docs/emulator.md, as does the grammar of intake scripts.

exit codes: 0 it went well; 1 something failed or was lost: an environment or an extension that crashed, a line of the function that did
not arrive or arrived twice, a body that an intake could not read; 2 called wrongly. A function that raises or times out is no failure.
"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the program's."""
    parser = subparsers.add_parser(
        "emulate", help=HELP, description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `emulate` and `record` share."""
    function = parser.add_argument_group("the function")
    function.add_argument("--handler", required=True, metavar="MODULE.NAME", help="what the runtime calls")
    function.add_argument("--task-root", type=Path, default=Path(), metavar="DIR", help="the function's folder; default: this directory")
    function.add_argument("--runtime", metavar="CMD", help="the runtime's command; default: Python's Runtime Interface Client")
    function.add_argument("--timeout", type=_milliseconds, default=3_000, metavar="SECONDS", help="default: 3")
    function.add_argument("--memory", type=_natural, default=128, metavar="MB", help="what the function is told and billed; default: 128")
    function.add_argument("--env", action="append", default=[], type=_pair, metavar="K=V", help="a variable of the function; repeatable")
    function.add_argument("--name", default="my-function", help="default: my-function")
    function.add_argument("--init-type", choices=INIT_TYPES, default="on-demand", help="default: on-demand")
    function.add_argument("--concurrency", type=_natural, default=1, metavar="N", help="invocations at once (managed instances only)")

    calls = parser.add_argument_group("the invocations")
    calls.add_argument("--event", action="append", default=[], metavar="FILE", help="a JSON payload; repeatable; default: {}")
    calls.add_argument("--invocations", type=_natural, metavar="N", help="how many, the events in turn; default: each event once")
    calls.add_argument("--listen", type=_place, metavar="[HOST:]PORT", help="then take calls over HTTP until Ctrl-C; HOST: 127.0.0.1")
    calls.add_argument("--pause", type=_whole, default=0, metavar="MS", help="between invocations, frozen; default: 0")

    around = parser.add_argument_group("around them")
    around.add_argument("--extension", metavar="CMD", help="default: this project's; `none` for none")
    around.add_argument("--intake", type=_address, metavar="URL", help="send there, not to the local intake; then nothing is accounted for")
    around.add_argument("--intake-script", type=parse_script, default=(), metavar="TEXT", help="how the local intake misbehaves")
    around.add_argument("--fault", action="append", default=[], type=_fault, metavar="TEXT", help="how the platform does; repeatable")
    around.add_argument("--seed", type=_whole, default=0, metavar="N", help="of the intake script's percentages; default: 0")
    around.add_argument("--report-mode", choices=("late", "prompt"), default="late", help="when platform.report comes; late as on AWS")
    around.add_argument("--no-freeze", dest="freeze", action="store_false", help="let the sandbox run between invocations")
    around.add_argument("--isolation", choices=("namespaces", "network", "host"), default="namespaces", help="at most; default: namespaces")

    output = parser.add_argument_group("what is kept")
    output.add_argument("--json", type=Path, metavar="OUT", help="write the result there, for programs")
    output.add_argument("--keep", type=Path, metavar="DIR", help="write there what was seen: records, bodies, output of both processes")


def run(args: argparse.Namespace) -> int:
    """Exit code: 0; 1 if something failed or was lost; 2 if the command makes no sense."""
    try:
        scenario = scenario_of(args)
    except (OSError, ValueError) as error:
        return fail("emulate", str(error), 2)
    return carry_out("emulate", scenario, args)


def carry_out(command: str, scenario: Scenario, args: argparse.Namespace) -> int:
    """Play, print, write; the exit code says how it went."""
    try:
        outcome = trio.run(play, scenario, say)
        failures = failures_of(outcome, scenario)
        print(emulate_text.render(outcome, failures, lines_compared=can_compare_lines(outcome, scenario)), end="")
        if args.json is not None:
            args.json.write_text(json.dumps(emulate_text.as_document(outcome, failures), indent=1) + "\n", encoding="utf-8")
        if args.keep is not None:
            keep(outcome, args.keep, args.timeout)
    except BrokenPipeError:
        raise  # nobody reads on: not an error of the run
    except (SandboxError, OSError) as error:
        return fail(command, str(error), 1)
    return 1 if failures else 0


def scenario_of(args: argparse.Namespace) -> Scenario:
    """The options as a value. Raises OSError and ValueError."""
    if args.intake is not None and args.isolation != "host":
        host_and_port(args.intake)
    if args.intake is not None and args.intake_script:
        raise ValueError("--intake-script is for the local intake: it has no effect on --intake")
    if not args.task_root.is_dir():
        raise ValueError(f"the function's folder {args.task_root} is not there")
    config = FunctionConfig(
        handler=args.handler,
        task_root=args.task_root.resolve(),
        runtime=_words(args.runtime),
        memory_mb=args.memory,
        timeout_ms=args.timeout,
        environment=dict(args.env),
        init_type=args.init_type,
        name=args.name,
        max_concurrency=args.concurrency,
    )
    return Scenario(
        config=config,
        extension=extension_command(args.extension),
        invocations=_invocations(_payloads(args), args.invocations, args.pause),
        freeze=args.freeze,
        report_mode=args.report_mode,
        isolation=args.isolation,
        faults=tuple(args.fault),
        intake_url=args.intake,
        misbehaviours=args.intake_script,
        seed=args.seed,
        listen=args.listen,
    )


def _payloads(args: argparse.Namespace) -> list[bytes]:
    """Of the events; an empty object where none is given, and none at all where callers will bring theirs."""
    is_for_callers = args.listen is not None and args.invocations is None
    return [_payload(name) for name in args.event] or ([] if is_for_callers else [b"{}"])


def _invocations(payloads: Sequence[bytes], times: int | None, pause_ms: int) -> tuple[Invocation, ...]:
    chosen = itertools.islice(itertools.cycle(payloads), len(payloads) if times is None else times)
    return tuple(Invocation(payload, pause_before_ms=pause_ms if place else 0) for place, payload in enumerate(chosen))


def _payload(name: str) -> bytes:
    """A file's bytes; `-` is standard input. It must be JSON, as Lambda demands. Raises OSError, ValueError."""
    payload = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    try:
        json.loads(payload)
    except ValueError as error:
        raise ValueError(f"the event {name} is not JSON: {error}") from error
    return payload


def keep(outcome: Outcome, folder: Path, timeout_ms: int) -> None:
    """All that was seen, one file per kind. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record, separators=(",", ":"), ensure_ascii=False) for record in outcome.run.records]
    _write_lines(folder / "records.jsonl", lines)
    _write_lines(folder / "cloudwatch.log", filter(None, (console_line(record, timeout_ms) for record in outcome.run.records)))
    _write_lines(folder / "extension.log", outcome.run.extension_output)
    _write_lines(folder / "function.log", outcome.run.function_output)
    _write_lines(folder / "platform.log", (*outcome.run.notes, *outcome.run.steps))
    if outcome.arrived is not None:
        (folder / "intake.json").write_text(json.dumps(outcome.arrived, indent=1) + "\n", encoding="utf-8")


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="backslashreplace")


def say(text: str) -> None:
    """Progress, for the person who waits: results go to standard output."""
    print(text, file=sys.stderr, flush=True)


def fail(command: str, message: str, code: int) -> int:
    print(f"lambda-reactor {command}: {message}", file=sys.stderr)
    return code


def _words(command: str | None) -> tuple[str, ...] | None:
    return None if command is None else tuple(shlex.split(command))


def _natural(text: str) -> int:
    if (value := _whole(text)) == 0:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _milliseconds(text: str) -> int:
    """Of seconds. Lambda allows 1 to 900."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 900:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 900")
    return max(1, round(seconds * 1000))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _place(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65_536) or (colon and not host):
        raise argparse.ArgumentTypeError(f"{text!r} is not PORT or HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} is not an http:// or https:// address")
    return text.rstrip("/")


def _fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
