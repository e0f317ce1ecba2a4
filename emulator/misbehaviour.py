"""How an intake misbehaves on request: a script of values, parsed from text, that says what befalls which request. No I/O.

One clause is `<what>[*times][%percent][@path pattern]`, clauses are separated by `;`, and the first one that applies to a request wins:

    status:500*3                      the first three requests are answered 500
    status:429:retry-after=1@*/logs   every batch of logs is answered 429 with that header
    delay:2000%10                     one request in ten waits two seconds

| what              | the sender sees                                  | the intake keeps the data        |
| status:<n>[:h=v]  | that status (with headers)                       | when it is 2xx                   |
| delay:<ms>        | the ordinary answer, late                        | yes                              |
| slow[:<ms>]       | the ordinary answer, byte by byte (10 ms each)   | yes                              |
| hang              | nothing, until it gives up itself                | no                               |
| drop              | a close once the request line is in              | no (it did not read it)          |
| drop-after-read   | a close after the whole request, without answer  | yes: the answer is what was lost |
| half              | half an answer, then a close                     | yes: the answer is what was lost |
| reset             | a connection reset after the whole request       | no                               |
"""

import fnmatch
from collections.abc import Callable, Sequence

import attrs

from emulator.arrival import path_of

PLAIN = ("hang", "drop", "drop-after-read", "reset", "half")
LOSING_THE_REQUEST = ("hang", "drop", "reset")
SLOW_MS = 10


class ScriptError(ValueError):
    """A clause that is not in the grammar; `clause` is its text."""

    def __init__(self, clause: str, reason: str) -> None:
        super().__init__(f"misbehaviour {clause!r}: {reason}")
        self.clause = clause


@attrs.frozen
class Misbehaviour:
    """One clause of the script. `status` belongs to `status`, `wait_ms` to `delay` and `slow`."""

    what: str
    status: int = 0
    wait_ms: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    times: int | None = None  # None: for ever
    percent: float = 100.0
    pattern: str = "*"  # of the path, as a shell matches file names

    def __str__(self) -> str:
        """The clause as text: parsing it gives this value again."""
        text = self.what
        if self.what == "status":
            text += f":{self.status}"
        if self.what in ("delay", "slow"):
            text += f":{self.wait_ms}"
        text += "".join(f":{name}={value}" for name, value in self.headers)
        text += "" if self.times is None else f"*{self.times}"
        text += "" if self.percent == 100.0 else f"%{self.percent!r}"
        return text + ("" if self.pattern == "*" else f"@{self.pattern}")

    @property
    def keeps_the_data(self) -> bool:
        if self.what == "status":
            return 200 <= self.status < 300
        return self.what not in LOSING_THE_REQUEST


def parse_script(text: str) -> tuple[Misbehaviour, ...]:
    """Clauses separated by `;`; blank ones are skipped. Raises ScriptError."""
    return tuple(parse_misbehaviour(clause.strip()) for clause in text.split(";") if clause.strip())


def parse_misbehaviour(clause: str) -> Misbehaviour:
    """One clause. Raises ScriptError."""
    rest, at, pattern = clause.partition("@")
    if at and not pattern:
        raise ScriptError(clause, "no path pattern after @")
    rest, percent = _suffix(clause, rest, "%")
    rest, times = _suffix(clause, rest, "*")
    what, *arguments = rest.split(":")
    status, wait_ms, headers = _arguments(clause, what, arguments)
    return Misbehaviour(
        what,
        status,
        wait_ms,
        headers,
        None if times is None else _number(clause, times, 1),
        100.0 if percent is None else _percent(clause, percent),
        pattern or "*",
    )


def _suffix(clause: str, text: str, mark: str) -> tuple[str, str | None]:
    """Cut the last `mark` and what follows it off; a header's value may hold the mark too, but never as its last part."""
    head, found, tail = text.rpartition(mark)
    return (head, tail) if found else (text, None)


def _arguments(clause: str, what: str, arguments: list[str]) -> tuple[int, int, tuple[tuple[str, str], ...]]:
    if what == "status" and arguments:
        status = _number(clause, arguments[0], 200, 599)
        return status, 0, tuple(_header(clause, argument) for argument in arguments[1:])
    if what == "delay" and len(arguments) == 1:
        return 0, _number(clause, arguments[0], 0), ()
    if what == "slow" and len(arguments) <= 1:
        return 0, _number(clause, arguments[0], 0) if arguments else SLOW_MS, ()
    if what in PLAIN and not arguments:
        return 0, 0, ()
    raise ScriptError(clause, "unknown, or with the wrong arguments")


def _number(clause: str, text: str, least: int, most: int = 10**9) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ScriptError(clause, f"{text!r} is not a number from {least} to {most}")
    return int(text)


def _percent(clause: str, text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise ScriptError(clause, f"{text!r} is not a percentage")
    return percent


def _header(clause: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and name.isascii() and value.isascii() and (name + value).isprintable()):
        raise ScriptError(clause, f"{text!r} is not header=value")
    return name, value


class Script:
    """What is still to go wrong. `roll` gives numbers from 0 up to, not including, 1: a seeded generator makes a run repeatable."""

    def __init__(self, clauses: Sequence[Misbehaviour], roll: Callable[[], float]) -> None:
        self._clauses = tuple(clauses)
        self._used = [0] * len(self._clauses)
        self._roll = roll

    def choose(self, path: str) -> Misbehaviour | None:
        """What befalls the next request to `path`; a counted clause is used up by it."""
        for position, clause in enumerate(self._clauses):
            if clause.times is not None and self._used[position] >= clause.times:
                continue
            if fnmatch.fnmatchcase(path, clause.pattern) and self._roll() * 100 < clause.percent:
                self._used[position] += 1
                return clause
        return None

    @property
    def exhausted(self) -> bool:
        """Whether every clause is counted and used up: from here on all is well."""
        return all(clause.times is not None and used >= clause.times for clause, used in zip(self._clauses, self._used, strict=True))


class Fate:
    """What the script has in store for one request: asked once, as soon as its path is known."""

    def __init__(self, choose: Callable[[str], Misbehaviour | None]) -> None:
        self._choose = choose
        self._decided = False
        self._misbehaviour: Misbehaviour | None = None

    def watch(self, data: bytes) -> None:
        """The first bytes of the request. Only when they hold its whole first line can it be dropped unread."""
        words = data.partition(b"\r\n")[0].split(b" ")
        if b"\r\n" in data and len(words) == 3:
            self.decide(path_of(words[1].decode("latin-1")))

    def decide(self, path: str) -> Misbehaviour | None:
        if not self._decided:
            self._decided, self._misbehaviour = True, self._choose(path)
        return self._misbehaviour

    @property
    def is_drop(self) -> bool:
        return self._misbehaviour is not None and self._misbehaviour.what == "drop"
