"""`lambda-reactor replay --real`: a recording played to the real process, and what arrived held against what the agent alone would send."""

import argparse
import fnmatch
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import attrs
import trio

from cli.launch import ROOT, ours
from cli.scenario import ADDRESS_VARIABLES, API_KEY
from cli.table import table
from emulator import account_text
from emulator.account import Account, account_of
from emulator.compare import MACHINE_METRICS
from emulator.decode import decode
from emulator.environment import PATH
from emulator.intake import Intake
from emulator.player import INTAKE_PORT, Played, cannot_play, play
from emulator.values import SandboxError
from protocols.fixture import FixtureError, Header, Told, datagrams_of, lives
from reactor.agent.replay import NeverAsked, Replay, Sent, Watcher, settings_of
from reactor.net.clock import SystemClock

TITLES = ("items", "replayed", "real")


def run_real(args: argparse.Namespace) -> int:
    """Exit code: 0; 1 if what arrived is not what a replay would send, or the process got stuck; 2 for a file that cannot be played."""
    code = 0
    if args.json not in (None, "-"):
        try:
            Path(args.json).write_bytes(b"")
        except OSError as error:
            print(f"lambda-reactor: {args.json} cannot be written: {error.strerror}", file=sys.stderr)
            return 2
    for name in args.fixtures:
        try:
            code = max(code, _run_one(name, args))
        except OSError as error:
            print(f"lambda-reactor: {name} cannot be read: {error.strerror}", file=sys.stderr)
            code = 2
        except (FixtureError, SandboxError, NeverAsked) as error:
            print(f"lambda-reactor: {name}: {error}", file=sys.stderr)
            code = 2
    return code


def _run_one(name: str, args: argparse.Namespace) -> int:
    """All lives of one recording. Raises OSError, FixtureError, NeverAsked, and SandboxError for what cannot be played."""
    with open(name, "rb") as lines:
        each = [(header, list(told)) for header, told in lives(lines, name)]
    if reason := next(filter(None, (cannot_play(told) for _, told in each)), ""):
        raise SandboxError(f"it cannot be played: {reason}")
    code = 0
    print(name)
    for number, (header, told) in enumerate(each, 1):
        if number > 1:
            print(f"  life {number}")
        result = compare(header, told, args.seed)
        print(result.text(), end="")
        if args.json is not None:
            _write(args.json, {"fixture": name, "life": number, **result.document()})
        code = max(code, 0 if result.good else 1)
    return code


def _write(path: str, document: Mapping[str, Any]) -> None:
    line = json.dumps(document, ensure_ascii=False) + "\n"
    if path == "-":
        print(line, end="")
        return
    with open(path, "a", encoding="utf-8") as out:
        out.write(line)


@attrs.frozen(kw_only=True)
class Result:
    """One life, both ways: items by kind as the replay would send them, and as they arrived."""

    replayed: Counter[str]
    arrived: Counter[str]
    account: Account
    played: Played

    @property
    def good(self) -> bool:
        return self.replayed == self.arrived and not (self.played.stuck or self.played.refused or self.account.problems)

    def text(self) -> str:
        kinds = sorted(self.replayed | self.arrived)
        rows = [(kind, str(self.replayed[kind]), str(self.arrived[kind])) for kind in kinds]
        ended = "was stopped" if self.played.exit_code is None else f"exit code {self.played.exit_code}"
        lines = [*table(TITLES, rows), f"the process: {ended}"]
        lines += [f"NOT AS RECORDED  {self.played.stuck}"] if self.played.stuck else []
        lines += [f"NOT TAKEN  a batch of telemetry: {why}" for why in self.played.refused]
        lines += [] if self.replayed == self.arrived else ["NOT ALIKE  what arrived is not what a replay sends"]
        return "".join(f"  {line}\n" for line in lines) + account_text.render(self.account)

    def document(self) -> dict[str, Any]:
        account = account_text.as_document(self.account)
        return {"replayed": self.replayed, "arrived": self.arrived, "played": attrs.asdict(self.played), "account": account}


def compare(header: Header, told: list[Told], seed: int) -> Result:
    """Raises SandboxError, NeverAsked."""
    expected = replayed(header, told, seed)
    intake = Intake(seed=seed)
    played = trio.run(_play, header, told, intake)
    export = intake.export()
    problems = [f"{each['path']}: {each['problem']}" for each in export["problems"]]
    account = account_of(export["outputs"], problems)
    return Result(replayed=items_of(expected), arrived=items_of(account), account=account, played=played)


async def _play(header: Header, told: list[Told], intake: Intake) -> Played:
    address = f"http://127.0.0.1:{INTAKE_PORT}"
    environment = {"PATH": PATH, "DD_API_KEY": API_KEY, **header.environment, **dict.fromkeys(ADDRESS_VARIABLES, address)}
    datagrams = {number: datagrams_of(line.fields) for number, line in enumerate(told) if line.kind == "datagrams"}
    return await play(ours(), environment, told, datagrams, epoch_ms=header.epoch_ms, intake=intake, clock=SystemClock(), task_root=ROOT)


class Delivered(Watcher):
    """The bodies that an intake would have taken, decoded as an intake does."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []

    def sent(self, sent: Sent) -> None:
        body = sent.payload.body
        if sent.outcome.startswith("status 2"):
            headers = (
                (b"dd-api-key", b"none"),
                (b"content-type", body.content_type.encode()),
                (b"dd-protocol", b"agent-json"),
                *body.headers,
            )
            decoded = decode(body.path, headers, body.raw)
            self.outputs.append({"out": decoded.kind, "path": body.path, "bytes": len(body.raw), "document": decoded.document})


def replayed(header: Header, told: Iterable[Told], seed: int) -> Account:
    """What the agent alone would deliver, without waiting. Raises NeverAsked."""
    watcher = Delivered()
    Replay(header, settings_of(header)[0], Random(seed).random, watcher).run(told)
    return account_of(watcher.outputs)


def items_of(account: Account) -> Counter[str]:
    """Log lines, values in sketches, contexts of counts and gauges (in how many points they come is a matter of the flushes), spans.

    What is read from the machine is left out: a replay has none.
    """
    items = Counter(logs=len(account.logs), spans=len(account.spans))
    for metric in account.metrics:
        if not any(fnmatch.fnmatchcase(metric.name, pattern) for pattern in MACHINE_METRICS):
            items[f"{metric.kind} values" if metric.kind == "sketch" else f"{metric.kind}s"] += (
                metric.count if metric.kind == "sketch" else 1
            )
    return +items
