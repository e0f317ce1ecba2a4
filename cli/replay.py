"""`lambda-reactor replay`: run recordings through the very agent that runs in the layer, and show what it does."""

import argparse
import json
import sys
from collections.abc import Iterable
from random import Random
from typing import IO, Any

import attrs

from cli.replay_account import Account, Phase, as_document, as_text
from protocols.fixture import FixtureError, Header, Told, lives
from reactor.agent.encode import Compressor
from reactor.agent.replay import NeverAsked, Replay, settings_of

DESCRIPTION = """\
Run recorded Telemetry API events through the very agent that runs in the layer, without waiting, and show for each invocation the
states passed with their times, the flush decision, what would be sent where, and what was dropped and why.

A recording of a sandbox that was reset holds several lives of the extension: each is replayed by an agent of its own.

The same recording prints the same bytes every time. Nothing is sent. A recording is made by `lambda-reactor record`, or anywhere by
the extension itself with DD_RECORD_TELEMETRY_EVENTS=PATH; its format is in docs/fixtures.md.

exit codes: 0 fine; 1 a machine met an event that it did not expect; 2 a recording cannot be read"""

EXAMPLES = """\
examples:
  lambda-reactor replay fixtures/telemetry_events/*
  lambda-reactor replay run.jsonl --json out.jsonl     one JSON document per invocation, then a summary
  lambda-reactor replay run.jsonl --summary            the last lines only
  lambda-reactor replay run.jsonl --real               the real process against the local platform, in real time"""


def register(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "replay",
        help="run recorded events through the agent and show what it would do",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("fixtures", nargs="+", metavar="FIXTURE", help="a recording (JSON lines)")
    parser.add_argument("--json", metavar="OUT", help="write JSON lines to this file (- for standard output, instead of the text)")
    parser.add_argument("--summary", action="store_true", help="show the last lines of each recording only")
    parser.add_argument("--seed", type=int, default=0, help="seed of the jitter in pauses (default: 0)")
    parser.add_argument("--wire", action="store_true", help="count compressed bytes, not those before compression (slower)")
    parser.add_argument("--real", action="store_true", help="run the real process against the local platform, in real time")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.real:
        from cli.replay_real import run_real

        return run_real(args)
    try:
        out = _open(args.json)
    except OSError as error:
        print(f"lambda-reactor: {args.json} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    try:
        return max(_run_one(name, args, out) for name in args.fixtures)
    finally:
        if out is not None and out is not sys.stdout:
            out.close()


def _open(path: str | None) -> IO[str] | None:
    if path is None:
        return None
    return sys.stdout if path == "-" else open(path, "w", encoding="utf-8")


def _run_one(name: str, args: argparse.Namespace, out: IO[str] | None) -> int:
    show = out is not sys.stdout
    code = 0
    try:
        with open(name, "rb") as lines:
            if show:
                print(name)
            for life, (header, told) in enumerate(lives(lines, name), 1):
                if show and life > 1:
                    print(f"  life {life}")
                code = max(code, _replay(_Life(name, life, header, told), args, out, show))
            return code
    except OSError as error:
        print(f"lambda-reactor: {name} cannot be read: {error.strerror}", file=sys.stderr)
    except FixtureError as error:
        print(f"lambda-reactor: {error}", file=sys.stderr)
    return 2


@attrs.frozen
class _Life:
    """One life of the extension: what lies between its start and its end, or a reset of the sandbox."""

    fixture: str
    number: int
    header: Header
    told: Iterable[Told]


def _replay(life: _Life, args: argparse.Namespace, out: IO[str] | None, show: bool) -> int:
    """One life, by an agent of its own."""

    def write(**document: Any) -> None:
        if out is not None:
            out.write(json.dumps({"fixture": life.fixture, "life": life.number, **document}, ensure_ascii=False) + "\n")

    def done(phase: Phase) -> None:
        write(invocation=as_document(phase))
        if show and not args.summary:
            print(as_text(phase))

    settings, findings = settings_of(life.header)
    account = Account(done)
    replay = Replay(life.header, settings, Random(args.seed).random, account, Compressor(settings) if args.wire else None)
    account.attach(replay.agent.ledger)
    stuck = ""
    try:
        replay.run(life.told)
    except NeverAsked as error:
        stuck = str(error)
    account.close()
    summary = {**account.summary(), "exit_code": replay.code, "stuck": stuck, "lost": replay.agent.account()}
    write(summary={**summary, "settings": [finding.line() for finding in findings]})
    if show:
        for finding in findings:
            print(f"  settings     {finding.line()}")
        print(_summary_text(summary))
    return 1 if stuck or account.totals["unexpected"] else 0


def _summary_text(summary: dict[str, Any]) -> str:
    ended = "still running" if summary["exit_code"] is None else f"exit code {summary['exit_code']}"
    lines = [f"  in all       {summary['invocations']} invocations, {summary['requests']} requests, {summary['bytes']} bytes, {ended}"]
    if summary["lost"]:
        lines.append(f"  {summary['lost']}")
    if summary["unexpected"]:
        lines.append(f"  NOT EXPECTED {summary['unexpected']} events: no row of a table names them (see above)")
    if summary["stuck"]:
        lines.append(f"  STUCK        {summary['stuck']}")
    return "\n".join(lines)
