"""Drives the agent from a recording: recorded inputs, a heap of timers, and a clock that moves as fast as they are read.

No trio, no waiting, no randomness but a seeded one: the same recording gives the same run, every time. What the agent asks of the
network is answered as the recording says the intake behaved.
"""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any

import attrs

from fsm import effects as do
from fsm.engine import Step, Unexpected
from fsm.time import Now
from protocols import lifecycle_api
from protocols.extensions_api import Refusal, Registration, next_event
from protocols.fixture import Header, Told, datagrams_of, request_of
from reactor.agent import inputs as given
from reactor.agent.agent import Agent
from reactor.agent.codec import Codec
from reactor.agent.outputs import CancelPayload, ClearTimer, Payload, Say, SendPayload, SetTimer
from reactor.agent.timers import Timers
from reactor.config.aws import read_sandbox
from reactor.config.finding import Finding
from reactor.config.load import load
from reactor.config.values import Settings

ANSWER_MS = 20  # how long the intake takes, unless the recording says otherwise
AFTER_END_STEPS_MAX = 100_000
NEVER_MS = 2**62
RESTING = ("INIT.ready", "REPORT", "ACTIVE")  # states that only the platform ends


@attrs.frozen
class Sent:
    """One request that would have been sent, `at_ms` after the beginning."""

    at_ms: int
    payload: Payload
    outcome: str  # "status 202", "refused", ...


class Watcher:
    """Is told what happens, as it happens. The base class looks at nothing."""

    def step(self, at_ms: int, step: Step) -> None:
        """A machine took a row."""

    def sent(self, sent: Sent) -> None:
        """A request ended."""

    def said(self, at_ms: int, level: str, text: str) -> None:
        """The extension wrote a log line."""

    def unexpected(self, at_ms: int, effect: Unexpected) -> None:
        """A machine met an event that no row names."""


class NeverAsked(Exception):
    """The recording answers a call for the next event that the agent, as it is, does not make."""


def settings_of(header: Header) -> tuple[Settings, tuple[Finding, ...]]:
    """The settings that the recorded process had. A recording holds no keys; any will do, since nothing is sent."""
    return load({"DD_API_KEY": "replay", **header.environment}, None)


class Replay:
    """One run of one recording."""

    def __init__(
        self, header: Header, settings: Settings, random: Callable[[], float], watcher: Watcher, codec: Codec | None = None
    ) -> None:
        self._epoch_ms, self._mono_ms = header.epoch_ms, 0
        self._watcher = watcher
        sandbox, architecture = read_sandbox(header.environment), "x86_64"
        self.agent = Agent(settings, sandbox, architecture, random, Now(self._epoch_ms, 0), self._step, codec)
        self._timers = Timers()
        self._ends: list[tuple[int, int, given.Input, Sent | None]] = []
        self._count = 0
        self._asked = self._exited = False
        self._intake: dict[str, Any] = {}
        self._busy_ms = 0  # how long sockets have something to read once they are asked
        self._cancelled: set[int] = set()
        self._performers: dict[type, Callable[[Any], None]] = {
            SetTimer: self._timers.set,
            ClearTimer: self._timers.clear,
            SendPayload: self._send,
            CancelPayload: lambda effect: self._cancelled.add(effect.number),
            Say: lambda effect: self._watcher.said(self._mono_ms, effect.level, effect.text),
            do.AskNext: self._ask,
            do.Settle: self._settle,
            do.Exit: self._exit,
            Unexpected: lambda effect: self._watcher.unexpected(self._mono_ms, effect),
        }

    @property
    def code(self) -> int | None:
        """The exit code, once the agent has asked to exit."""
        return self._code if self._exited else None

    _code = 0

    def run(self, lines: Iterable[Told]) -> None:
        """Tell the agent everything, in order. Raises NeverAsked, and what reading the lines raises."""
        self._receive(given.Begin())
        for told in lines:
            self._advance(told.at_ms)
            _TELL[told.kind](self, told.fields)
            if self._exited:
                return
        self._finish()

    # --- time -----------------------------------------------------------------------------------------------------------------

    def _advance(self, at_ms: int) -> None:
        """Let everything happen that is due by then."""
        while self._happen(at_ms):
            pass
        self._mono_ms = max(self._mono_ms, at_ms)

    def _happen(self, by_ms: int) -> bool:
        """Let the earliest thing happen that is due by then, if there is one."""
        end_at = self._ends[0][0] if self._ends else NEVER_MS
        timer_at = self._timers.next_at()
        at = end_at if timer_at is None or end_at <= timer_at else timer_at
        if at > by_ms or at >= NEVER_MS or self._exited:
            return False
        if at > self._mono_ms:
            self._mono_ms = at
        if at == end_at:
            self._end(*heappop(self._ends)[2:])
        elif (due := self._timers.pop_due(self._mono_ms)) is not None:
            self._receive(due)
        return True

    def _finish(self) -> None:
        """After the last line: what is under way ends, and a shutdown goes on to the exit."""
        for _ in range(AFTER_END_STEPS_MAX):
            resting = str(self.agent.lifecycle.state).startswith(RESTING) and not self._ends
            if resting or not self._happen(NEVER_MS):
                return

    # --- telling --------------------------------------------------------------------------------------------------------------

    def _receive(self, item: given.Input) -> None:
        performers = self._performers
        for effect in self.agent.receive(item, Now(self._epoch_ms + self._mono_ms, self._mono_ms)):
            perform = performers.get(type(effect))
            if perform is not None:  # what is not listed needs no answer: Bind, Register, WarmUp, Checkpoint and the like
                perform(effect)

    def _step(self, step: Step) -> None:
        self._watcher.step(self._mono_ms, step)

    def _register(self, fields: dict[str, Any]) -> None:
        refused = fields.get("refused")
        answer = Registration("replay", fields.get("account_id") or "none") if refused is None else Refusal(refused)
        self._receive(given.RegisterAnswered(answer))

    def _subscribe(self, fields: dict[str, Any]) -> None:
        self._receive(given.SubscribeAnswered(Refusal(fields["refused"]) if "refused" in fields else None))

    def _next(self, fields: dict[str, Any]) -> None:
        while not self._asked:  # it asked earlier when it was recorded: let the run catch up
            if not self._happen(NEVER_MS):
                raise NeverAsked(f"the next event was not asked for by {self._mono_ms} ms")
        self._asked = False
        if "failed" in fields:
            answer: Any = Refusal(fields["failed"], fields.get("fatal", False))
        else:
            answer = next_event(fields["answer"])
        self._receive(given.NextAnswered(answer))

    def _telemetry(self, fields: dict[str, Any]) -> None:
        records = [record for record in fields["records"] if isinstance(record.get("type"), str)]
        refused = [*fields.get("refused", ()), *["not a record"] * (len(fields["records"]) - len(records))]
        self._receive(given.Telemetry(records, refused))

    def _datagrams(self, fields: dict[str, Any]) -> None:
        self._receive(given.Datagrams(datagrams_of(fields)))

    def _request(self, fields: dict[str, Any]) -> None:
        from reactor.agent import requests

        request = request_of(fields)
        call = lifecycle_api.read(request)
        if isinstance(call, lifecycle_api.Call):
            self._receive(given.Called(request, call))
        else:
            for item in requests.told(request):
                self._receive(item)

    def _clock(self, fields: dict[str, Any]) -> None:
        self._epoch_ms += fields["jump_ms"]

    def _set_intake(self, fields: dict[str, Any]) -> None:
        self._intake = fields

    def _set_busy(self, fields: dict[str, Any]) -> None:
        self._busy_ms = fields["after_ms"]

    def _sigterm(self, fields: dict[str, Any]) -> None:
        self._receive(given.Terminated())

    def _crashed(self, fields: dict[str, Any]) -> None:
        self._receive(given.Crashed(fields["region"], fields["times"]))

    # --- performing -----------------------------------------------------------------------------------------------------------

    def _ask(self, effect: do.AskNext) -> None:
        self._asked = True

    def _exit(self, effect: do.Exit) -> None:
        self._exited, self._code = True, effect.code

    def _settle(self, effect: do.Settle) -> None:
        self._later(self._mono_ms + (self._busy_ms or min(effect.bound_ms, effect.quiet_ms)), given.SettleEnded(), None)

    def _send(self, effect: SendPayload) -> None:
        number, intake = effect.payload.number, self._intake
        at = self._mono_ms + intake.get("after_ms", ANSWER_MS)
        if at > effect.until_mono_ms:
            end, outcome = given.SendEnded(number, None, reason="no answer in time", unknown=True), "no answer in time"
            at = max(self._mono_ms, effect.until_mono_ms)
        elif "fails" in intake:
            end, outcome = given.SendEnded(number, None, reason=intake["fails"]), intake["fails"]
        else:
            end, outcome = given.SendEnded(number, intake.get("status", 202)), f"status {intake.get('status', 202)}"
        self._later(at, end, Sent(at, effect.payload, outcome))

    def _later(self, at: int, item: given.Input, sent: Sent | None) -> None:
        self._count += 1
        heappush(self._ends, (at, self._count, item, sent))

    def _end(self, item: given.Input, sent: Sent | None) -> None:
        if sent is not None:
            if sent.payload.number in self._cancelled:
                return
            self._watcher.sent(sent)
        self._receive(item)


_TELL: dict[str, Callable[[Replay, dict[str, Any]], None]] = {
    "register": Replay._register,
    "subscribe": Replay._subscribe,
    "next": Replay._next,
    "telemetry": Replay._telemetry,
    "datagrams": Replay._datagrams,
    "request": Replay._request,
    "clock": Replay._clock,
    "intake": Replay._set_intake,
    "settle": Replay._set_busy,
    "sigterm": Replay._sigterm,
    "crashed": Replay._crashed,
}
