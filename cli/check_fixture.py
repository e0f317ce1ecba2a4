"""A counter-example of the model checker as a recording that `lambda-reactor replay` can run.

Only what comes from outside can be told: calls that are answered, records, signals, jumps of the clock. When a settling ends is a matter
of the replay; when the intake answers is told by `intake` lines; what cannot be told at all is named in the header.
"""

from collections.abc import Iterator
from typing import Any

from fsm.check.explore import Happening, Violation
from fsm.check.standing import HERE
from protocols.fixture import Header, Told, header_line, told_line

STRATEGIES = {
    "life_end": "end",
    "life_end_periodically": "end,20000",
    "life_periodically": "periodically,20000",
    "life_continuously": "continuously,20000",
    "life_default": "default",
}
NEVER_MS = 3_600_000
UNTOLD = frozenset({"full", "crashed", "asleep"})
SILENT = frozenset({"begin", "platform begins", "due", "wait", "settled", "spooled", "confirmed"})  # replay does these itself
ARN = "arn:aws:lambda:us-east-1:123456789012:function:checked"


def can_be_told(violation: Violation) -> bool:
    """Only the lifecycle has a recording's inputs."""
    return violation.model in STRATEGIES


def lines_of(violation: Violation) -> list[str]:
    """The recording, line by line. Raises KeyError for a model that `can_be_told` denies."""
    untold = sorted({happening.stimulus[0] for happening in violation.way} & UNTOLD)
    text = f"{violation.rule}: {violation.text}" + (f" (not told: {', '.join(untold)})" if untold else "")
    environment = {"DD_SERVERLESS_FLUSH_STRATEGY": STRATEGIES[violation.model]}
    header = Header(f"{violation.model}: {violation.rule}", HERE.epoch_ms, environment, text)
    return [header_line(header), *(told_line(told) for told in _all_told(violation.way))]


def _all_told(way: tuple[Happening, ...]) -> Iterator[Told]:
    jumped_ms = 0
    for place, happening in enumerate(way):
        if any(word.startswith("sealed, ") and "nothing" not in word for word in happening.seen):
            yield from _something_to_send(way, place)
        if happening.jump_ms:
            jumped_ms += happening.jump_ms
            yield Told(happening.at_ms, "clock", {"jump_ms": happening.jump_ms})
        if happening.stimulus[0] not in SILENT and happening.stimulus[0] not in UNTOLD:
            yield from _told(happening, HERE.epoch_ms + happening.at_ms + jumped_ms)


def _something_to_send(way: tuple[Happening, ...], place: int) -> Iterator[Told]:
    """A metric, and an intake that answers when the checker's did."""
    at_ms = way[place - 1].at_ms if place else 0
    answers = (later.at_ms for later in way[place:] if later.stimulus[0] == "confirmed")
    yield Told(at_ms, "datagrams", {"lines": [f"checked.payload:{place}|c"]})
    yield Told(at_ms, "intake", {"after_ms": next(answers, at_ms + NEVER_MS) - at_ms})


def _told(happening: Happening, epoch_ms: int) -> Iterator[Told]:
    kind, fields = _fields(happening, epoch_ms)
    if kind:
        yield Told(happening.at_ms, kind, fields)


def _fields(happening: Happening, epoch_ms: int) -> tuple[str, dict[str, Any]]:
    """What the recording says about one stimulus; the kind is empty for what it has no word for."""
    match happening.stimulus:
        case ("registered",):
            return "register", {}
        case ("register refused",):
            return "register", {"refused": "refused"}
        case ("subscribed",):
            return "subscribe", {}
        case ("subscription refused",):
            return "subscribe", {"refused": "status 202"}
        case ("invoke", request_id, deadline_ms, _):
            answer = {"eventType": "INVOKE", "requestId": request_id, "deadlineMs": epoch_ms + deadline_ms, "invokedFunctionArn": ARN}
            return "next", {"answer": answer}
        case ("shutdown", left_ms):
            return "next", {"answer": {"eventType": "SHUTDOWN", "shutdownReason": "SPINDOWN", "deadlineMs": epoch_ms + left_ms}}
        case ("next failed", fatal):
            return "next", {"failed": "status 500", "fatal": fatal}
        case ("done", request_id):
            return _record("platform.runtimeDone", {"requestId": request_id, "status": "success"}, epoch_ms)
        case ("report", request_id):
            metrics = {"durationMs": 1.0, "billedDurationMs": 1, "memorySizeMB": 128, "maxMemoryUsedMB": 64}
            return _record("platform.report", {"requestId": request_id, "status": "success", "metrics": metrics}, epoch_ms)
        case ("restored",):
            return _record("platform.restoreStart", {}, epoch_ms)
        case ("sigterm",):
            return "sigterm", {}
    return "", {}


def _record(kind: str, record: dict[str, Any], epoch_ms: int) -> tuple[str, dict[str, Any]]:
    from datetime import UTC, datetime

    time = datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "telemetry", {"records": [{"time": time, "type": kind, "record": record}]}
