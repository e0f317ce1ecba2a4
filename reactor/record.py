"""Writes down what the extension is told, in the fixture format, when `DD_RECORD_TELEMETRY_EVENTS` names a file.

Bounded in bytes; never fatal. Environment values that are secrets are left out. The file is for its owner alone (0600): it holds
what the function logs.
"""

import os
from collections.abc import Callable, Mapping

from fsm.time import Now
from protocols.extensions_api import NextInvoke, NextShutdown, Refusal, Registration
from protocols.fixture import Header, Told, datagram_fields, header_line, request_fields, told_line
from reactor.agent import inputs as given
from reactor.config.values import Settings
from reactor.net.clock import Clock

BUFFER_BYTES_MAX = 64 * 1024
NEVER_MS = 900_000  # longer than any invocation may last
NO_ANSWER = "no answer in time"  # what `deliver` says of it
PREFIXES = ("DD_", "DATADOG_", "AWS_LAMBDA_", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT")
SECRET_WORDS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "ENDPOINTS", "PROXY")


def shareable(environment: Mapping[str, str]) -> dict[str, str]:
    """What a fixture says of the environment: what steers the extension, without anything that may be or hold a secret."""
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.upper().startswith(PREFIXES) and not any(word in name.upper() for word in SECRET_WORDS)
    }


class Recorder:
    """Writes lines until the bound is reached. Without a file it does nothing."""

    def __init__(self, descriptor: int | None, bytes_max: int, began: Now, say: Callable[[str, str], None]) -> None:
        self._descriptor, self._left, self._began, self._say = descriptor, bytes_max, began, say
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._jump_ms = 0
        self._at_ms = 0  # of the last line
        self._intake: dict[str, object] = {"status": 202}
        self._intake_place: int | None = None  # in the buffer, where a line about the intake may still go

    @classmethod
    def open(cls, settings: Settings, environment: Mapping[str, str], clock: Clock, say: Callable[[str, str], None]) -> "Recorder":
        path, began = settings.record_telemetry_events, clock.now()
        if not path:
            return cls(None, 0, began, say)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except (OSError, ValueError) as error:
            say("ERROR", f"the recording {path} cannot be opened: {error}")
            return cls(None, 0, began, say)
        recorder = cls(descriptor, settings.record_telemetry_bytes_max, began, say)
        recorder._write(header_line(Header(os.path.basename(path), began.epoch_ms, shareable(environment))))
        return recorder

    def note(self, item: given.Input, now: Now) -> None:
        """Write down one input, if it is of a kind that a replay needs."""
        if self._descriptor is None:
            return
        try:
            self._note_jump(now)
            if isinstance(item, given.SendEnded):
                self._note_intake(item, now)
            elif (told := _TELL[type(item)](item)) is not None:
                self._tell(now, *told)
        except Exception as error:  # such as a record nested as deep as can just be read, and no deeper
            self._say("ERROR", f"the recording ends, an input cannot be written: {type(error).__name__}")
            self.close()

    def flush(self) -> None:
        data, self._buffer, self._buffered, self._intake_place = b"".join(self._buffer), [], 0, None
        if data and self._descriptor is not None:
            try:
                os.write(self._descriptor, data)
            except OSError as error:
                self._say("ERROR", f"the recording ends: {error}")
                self._end()

    def close(self) -> None:
        self.flush()
        self._end()

    def _note_jump(self, now: Now) -> None:
        jump_ms = (now.epoch_ms - self._began.epoch_ms) - (now.mono_ms - self._began.mono_ms)
        if abs(jump_ms - self._jump_ms) > 100:
            self._tell(now, "clock", {"jump_ms": jump_ms - self._jump_ms})
            self._jump_ms = jump_ms

    def _note_intake(self, end: given.SendEnded, now: Now) -> None:
        """How the intake behaves from here on; said again only when it changes.

        A replay asks when a request begins, so the line goes before the one that set the requests off, as far as that is still in hand.
        """
        fields = _behaviour(end)
        if fields == self._intake:
            return
        self._intake = fields
        place, self._intake_place = self._intake_place, None
        if place is None:
            self._tell(now, "intake", fields)
        else:
            self._write(told_line(Told(self._at_ms, "intake", fields)), place)

    def _tell(self, now: Now, kind: str, fields: dict[str, object]) -> None:
        place = len(self._buffer)
        self._at_ms = now.mono_ms - self._began.mono_ms
        self._write(told_line(Told(self._at_ms, kind, fields)))
        self._intake_place = place if kind != "intake" and len(self._buffer) > place else None

    def _write(self, line: str, place: int | None = None) -> None:
        data = line.encode("utf-8", "replace")
        self._left -= len(data)
        if self._left < 0:
            self._say("WARN", "the recording has reached its bound and ends here")
            self.close()
            return
        self._buffer.insert(len(self._buffer) if place is None else place, data)
        self._buffered += len(data)
        if self._buffered >= BUFFER_BYTES_MAX:
            self.flush()

    def _end(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _behaviour(end: given.SendEnded) -> dict[str, object]:
    """Of the intake, in a fixture's words. An answer that did not come in time never came, as far as anyone could see."""
    if end.status is not None:
        return {"status": end.status}
    return {"after_ms": NEVER_MS} if end.reason == NO_ANSWER else {"fails": end.reason}


_Told = tuple[str, dict[str, object]] | None


def _register(item: given.RegisterAnswered) -> _Told:
    if isinstance(item.answer, Registration):
        return "register", {"account_id": item.answer.account_id}
    return "register", {"refused": item.answer.reason}


def _subscribe(item: given.SubscribeAnswered) -> _Told:
    return "subscribe", {"refused": item.refusal.reason} if item.refusal else {}


def _next(item: given.NextAnswered) -> _Told:
    match item.answer:
        case NextInvoke(request_id, deadline_ms, function_arn):
            answer = {"eventType": "INVOKE", "deadlineMs": deadline_ms, "requestId": request_id, "invokedFunctionArn": function_arn}
            return "next", {"answer": answer}
        case NextShutdown(reason, deadline_ms):
            return "next", {"answer": {"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason}}
        case Refusal(reason, fatal):
            return "next", {"failed": reason, "fatal": fatal}


def _telemetry(item: given.Telemetry) -> _Told:
    return "telemetry", {"records": item.records, **({"refused": item.refused} if item.refused else {})}


def _nothing(item: given.Input) -> _Told:
    return None  # a replay makes its own


_TELL: dict[type, Callable[..., _Told]] = {
    given.RegisterAnswered: _register,
    given.SubscribeAnswered: _subscribe,
    given.NextAnswered: _next,
    given.Telemetry: _telemetry,
    given.Datagrams: lambda item: ("datagrams", datagram_fields(item.datagrams)),
    given.Traces: lambda item: None if item.piece else ("request", request_fields(item.request)),  # a replay takes all pieces at once
    given.ClientTraceStats: lambda item: ("request", request_fields(item.request)),
    given.PassedOn: lambda item: ("request", request_fields(item.request)),
    given.Called: lambda item: ("request", request_fields(item.request)),
    given.FlushCalled: _nothing,  # nobody waits for it in a replay
    given.NotServed: _nothing,  # nothing of it was kept
    given.Terminated: lambda item: ("sigterm", {}),
    given.Begin: _nothing,
    given.TimerDue: _nothing,
    given.SettleEnded: _nothing,
    given.KeyFound: _nothing,
    given.Recovered: _nothing,  # a recording begins with an empty spool
    given.Crashed: lambda item: ("crashed", {"region": item.region, "times": item.times}),
}
