"""Misbehaviour of the platform, as data: parsed from text, asked by the parts that can misbehave.

One fault is `kind[:argument][@nth]`; `nth` counts from 1, without it every occasion is meant.

| text | effect |
|---|---|
| `drop:platform.runtimeDone@2` | the second record of that type is lost |
| `duplicate:platform.report` | every record of that type is sent twice |
| `unknown@1` | a record of an unknown type is put into the first batch |
| `malformed@1` | the first batch is cut in half: not JSON |
| `reorder@3` | the third batch comes in reverse order |
| `slow-telemetry:500` | every batch waits 500 ms before it is sent |
| `runtime-done-first@1` | the first INVOKE is answered only after its runtimeDone was delivered |
| `subscribe:202`, `subscribe:500`, `subscribe:never` | the telemetry subscription's answer |
| `register:500`, `register:delay=3000`, `register:close` | registration is refused, slow, or cut |
| `next:500@1`, `next:close@1`, `next:half@2` | an extension's next is refused, closed, or answered with half a body |
"""

import attrs

KINDS = {
    "drop": "a record type",
    "duplicate": "a record type",
    "unknown": None,
    "malformed": None,
    "reorder": None,
    "slow-telemetry": "milliseconds",
    "runtime-done-first": None,
    "subscribe": "a status, never, close or delay=MS",
    "register": "a status, never, close or delay=MS",
    "next": "a status, never, close, half or delay=MS",
}
_CALLS = ("subscribe", "register", "next")


@attrs.frozen
class Fault:
    """One scripted misbehaviour. `nth` None: every time."""

    kind: str
    argument: str | None = None
    nth: int | None = None

    def __str__(self) -> str:
        argument = "" if self.argument is None else f":{self.argument}"
        return f"{self.kind}{argument}" + ("" if self.nth is None else f"@{self.nth}")


def parse_fault(text: str) -> Fault:
    """Raises ValueError, saying what is wrong."""
    head, at, nth_text = text.strip().partition("@")
    kind, colon, argument = head.partition(":")
    if kind not in KINDS:
        raise ValueError(f"unknown fault {kind!r}: one of {', '.join(KINDS)}")
    if (KINDS[kind] is None) == bool(colon and argument):
        raise ValueError(f"fault {text!r}: {kind} takes {KINDS[kind] or 'no argument'}")
    if at and (not nth_text.isdecimal() or int(nth_text) == 0):
        raise ValueError(f"fault {text!r}: the number after @ counts from 1")
    if kind == "slow-telemetry" and not argument.isdecimal():
        raise ValueError(f"fault {text!r}: {argument!r} is not a number of milliseconds")
    if kind in _CALLS and not _is_call_argument(kind, argument):
        raise ValueError(f"fault {text!r}: {kind} takes {KINDS[kind]}")
    return Fault(kind, argument or None, int(nth_text) if at else None)


def _is_call_argument(kind: str, argument: str) -> bool:
    if argument.startswith("delay="):
        return argument[6:].isdecimal()
    if argument in ("never", "close"):
        return True
    return (argument == "half" and kind == "next") or (argument.isdecimal() and 200 <= int(argument) <= 599)


class FaultBook:
    """The faults of one run. Each question counts one occasion, so ask once per occasion."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self.faults = faults
        self.struck: list[Fault] = []
        self._occasions: dict[tuple[str, str | None], int] = {}

    def strikes(self, kind: str, what: str | None = None) -> list[Fault]:
        """The faults of `kind` that are due on this occasion; `what` is the record type for those that name one."""
        key = (kind, what)
        count = self._occasions[key] = self._occasions.get(key, 0) + 1
        due = [
            fault for fault in self.faults if fault.kind == kind and fault.nth in (None, count) and (what is None or fault.argument == what)
        ]
        self.struck += due
        return due

    def unused(self) -> list[Fault]:
        """Faults that never had their occasion: a scenario that did not do what it says."""
        return [fault for fault in self.faults if fault not in self.struck]
