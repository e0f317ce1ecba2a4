"""What a replay shows: per invocation the states passed, the decision, what would be sent, what was lost; and a summary at the end.

An invocation is handed on as soon as the next one begins, so a recording of any length takes the same memory.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from emulator.account import account_of
from emulator.decode import decode
from fsm import events as ev
from fsm import on_demand
from fsm.engine import Step, Unexpected
from protocols.intake_body import Body
from reactor.agent.ledger import Ledger
from reactor.agent.replay import Sent, Watcher

LIVES = ("on_demand", "life")  # machines of a sandbox as a whole
LINES_MAX = 1_000  # log lines of the extension that are kept for one invocation


@attrs.define
class Requests:
    """Requests of one kind to one place, with the spans in them."""

    kind: str
    url: str
    outcome: str
    requests: int = 0
    items: int = 0
    bytes: int = 0
    spans: Counter[tuple[str, str]] = attrs.field(factory=Counter)  # service and name to how many


@attrs.define
class Phase:
    """One invocation, or what comes before the first; on managed instances, what lies between two flushes.

    Times are milliseconds since the recording began. `invocations` (managed): when each began and ended.
    """

    number: int
    request_id: str
    at_ms: int
    decision: str = ""
    states: list[tuple[int, str]] = attrs.field(factory=list)
    invocations: list[tuple[int, str, str]] = attrs.field(factory=list)
    sent: dict[tuple[str, str, str], Requests] = attrs.field(factory=dict)
    dropped: dict[str, int] = attrs.field(factory=dict)
    said: list[str] = attrs.field(factory=list)
    unexpected: list[str] = attrs.field(factory=list)


class Account(Watcher):
    """Collects phases; each goes to `done` when the next begins."""

    def __init__(self, done: Callable[[Phase], None]) -> None:
        self._done = done
        self.phase = Phase(0, "", 0, states=[(0, str(on_demand.TABLE.initial))])
        self.totals: Counter[str] = Counter()
        self._rows: set[tuple[str, Any, type, int]] = set()
        self._ledger: Ledger | None = None
        self._dropped: dict[str, int] = {}

    def attach(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def close(self) -> None:
        """The recording is over."""
        self._end_phase()

    def summary(self) -> dict[str, Any]:
        """The totals."""
        return {name: self.totals[name] for name in ("invocations", "requests", "bytes", "unexpected")}

    @property
    def rows(self) -> set[tuple[str, str, str, int]]:
        """The rows taken so far: machine, state, event, place in its cell."""
        return {(machine, str(state), kind.__name__, place) for machine, state, kind, place in self._rows}

    def step(self, at_ms: int, step: Step) -> None:
        machine, kind = step.machine, type(step.event)
        self._rows.add((machine, step.source, kind, step.row))
        if machine in LIVES:
            if kind is ev.Invoke:
                self._begin_invocation(at_ms, step)
            if step.target is not step.source:
                self.phase.states.append((at_ms, str(step.target)))
        elif machine == "managed_invocation":
            self._step_of_one(at_ms, step)
        elif kind is ev.FlushDue:
            self._begin_phase(Phase(self.phase.number + 1, "", at_ms, "the interval has passed"))

    def sent(self, sent: Sent) -> None:
        body = sent.payload.body
        size = len(body.raw)
        key = (body.kind, sent.payload.url, sent.outcome)
        requests = self.phase.sent.get(key)
        if requests is None:
            requests = self.phase.sent[key] = Requests(*key)
        requests.requests += 1
        requests.items += body.items
        requests.bytes += size
        if body.kind == "traces":
            requests.spans.update(spans_of(body))
        self.totals["requests"] += 1
        self.totals["bytes"] += size

    def said(self, at_ms: int, level: str, text: str) -> None:
        if len(self.phase.said) < LINES_MAX:
            self.phase.said.append(text if level == "PLAIN" else f"{level} {text}")

    def unexpected(self, at_ms: int, effect: Unexpected) -> None:
        self.totals["unexpected"] += 1
        self.phase.unexpected.append(f"{at_ms} ms: {effect.event} while {effect.machine} was in {effect.state}")

    def _begin_invocation(self, at_ms: int, step: Step) -> None:
        guard = on_demand.TABLE.rows[step.source, ev.Invoke][step.row].guard
        self.totals["invocations"] += 1
        decision = guard.__name__ if guard else "no flush is due"
        self._begin_phase(Phase(self.phase.number + 1, step.event.request_id, at_ms, decision.replace("_", " ")))

    def _step_of_one(self, at_ms: int, step: Step) -> None:
        """On managed instances many run at once: each says when it begins and ends."""
        if type(step.event) is ev.Opened:
            self.totals["invocations"] += 1
        request_id = next((effect.request_id for effect in step.effects if hasattr(effect, "request_id")), "")
        if step.target is not step.source and len(self.phase.invocations) < LINES_MAX:
            self.phase.invocations.append((at_ms, request_id, str(step.target)))

    def _begin_phase(self, phase: Phase) -> None:
        self._end_phase()
        self.phase = phase

    def _end_phase(self) -> None:
        if self._ledger is not None and (dropped := self._ledger.dropped) != self._dropped:
            changed = {name: count - self._dropped.get(name, 0) for name, count in dropped.items()}
            self.phase.dropped = {name: count for name, count in changed.items() if count}
            self._dropped = dropped
        self._done(self.phase)


def as_document(phase: Phase) -> dict[str, Any]:
    """A phase for programs."""
    return {
        "number": phase.number,
        "request_id": phase.request_id,
        "at_ms": phase.at_ms,
        "decision": phase.decision,
        "states": [{"at_ms": at_ms, "state": state} for at_ms, state in phase.states],
        "invocations": [{"at_ms": at_ms, "request_id": request_id, "state": state} for at_ms, request_id, state in phase.invocations],
        "sent": [_sent_document(requests) for requests in phase.sent.values()],
        "dropped": phase.dropped,
        "said": phase.said,
        "unexpected": phase.unexpected,
    }


def _sent_document(requests: Requests) -> dict[str, Any]:
    spans = [{"service": service, "name": name, "spans": count} for (service, name), count in sorted(requests.spans.items())]
    return {**attrs.asdict(requests, filter=attrs.filters.exclude("spans")), **({"spans": spans} if spans else {})}


def spans_of(body: Body) -> Iterator[tuple[str, str]]:
    """Service and name of each span of a body for the trace intake, read as an intake reads it."""
    headers = ((b"content-type", body.content_type.encode()), (b"content-encoding", body.encoding.encode()), *body.headers)
    decoded = decode(body.path, headers, body.raw)
    for span in account_of([{"out": "traces", "path": body.path, "bytes": len(body.raw), "document": decoded.document}]).spans:
        yield span.service, span.name


def as_text(phase: Phase) -> str:
    """A phase for people."""
    if phase.number and not phase.request_id:
        head = f"  flush {phase.number}  at {phase.at_ms} ms  ({phase.decision})"
    elif phase.number:
        head = f"  invocation {phase.number}  {phase.request_id}  at {phase.at_ms} ms  ({phase.decision})"
    else:
        head = "  before the first invocation"
    lines = [head]
    if phase.states:
        lines.append("    states   " + ", ".join(f"{state} at {at_ms}" for at_ms, state in phase.states))
    lines += [f"    request  {request_id} {state} at {at_ms}" for at_ms, request_id, state in phase.invocations]
    for sent in phase.sent.values():
        noun = "request" if sent.requests == 1 else "requests"
        lines.append(
            f"    sent     {sent.requests} {noun} of {sent.kind}: {sent.items} items, {sent.bytes} bytes, {sent.outcome} -> {sent.url}"
        )
        lines += [f"    {'spans':>13}    {count} {service}/{name}" for (service, name), count in sorted(sent.spans.items())]
    lines += [f"    dropped  {count} {name}" for name, count in sorted(phase.dropped.items())]
    lines += [f"    said     {line}" for line in phase.said]
    lines += [f"    NOT EXPECTED  {line}" for line in phase.unexpected]
    return "\n".join(lines)
