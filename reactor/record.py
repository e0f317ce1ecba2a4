"""Writes down what the extension is told, in the fixture format, when `DD_RECORD_TELEMETRY_EVENTS` names a file.

Bounded in bytes; never fatal. Environment values that are secrets are left out. The file is for its owner alone (0600): it holds
what the function logs.
"""

import os
from collections.abc import Callable, Mapping

from fsm.time import Now
from protocols.extensions_api import NextInvoke, NextShutdown, Refusal, Registration
from protocols.fixture import Header, Told, datagram_fields, header_line, told_line
from reactor.agent import inputs as given
from reactor.config.values import Settings
from reactor.net.clock import Clock

BUFFER_BYTES_MAX = 64 * 1024
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
        self._intake: dict[str, object] = {"status": 202}

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
        self._note_jump(now)
        if isinstance(item, given.SendEnded):
            self._note_intake(item, now)
        elif (told := _TELL[type(item)](item)) is not None:
            self._tell(now, *told)

    def flush(self) -> None:
        data, self._buffer, self._buffered = b"".join(self._buffer), [], 0
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
        """How the intake behaves from here on; said again only when it changes."""
        fields: dict[str, object] = {"fails": end.reason} if end.status is None else {"status": end.status}
        if fields != self._intake:
            self._intake = fields
            self._tell(now, "intake", fields)

    def _tell(self, now: Now, kind: str, fields: dict[str, object]) -> None:
        self._write(told_line(Told(now.mono_ms - self._began.mono_ms, kind, fields)))

    def _write(self, line: str) -> None:
        data = line.encode("utf-8", "replace")
        self._left -= len(data)
        if self._left < 0:
            self._say("WARN", "the recording has reached its bound and ends here")
            self.close()
            return
        self._buffer.append(data)
        self._buffered += len(data)
        if self._buffered >= BUFFER_BYTES_MAX:
            self.flush()

    def _end(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


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
    given.Terminated: lambda item: ("sigterm", {}),
    given.Begin: _nothing,
    given.TimerDue: _nothing,
    given.SettleEnded: _nothing,
    given.Crashed: _nothing,
}
