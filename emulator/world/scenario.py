"""A scenario as data: everything that will happen to an extension, decided before the first step. Taking elements away leaves a scenario.

All times are milliseconds. What is left at its default is the ordinary course of things.
"""

from typing import Any

import attrs


@attrs.frozen
class Work:
    """Something the function does, `at_ms` after its start, `times` times over."""

    at_ms: int
    kind: str  # one of WORKS
    times: int = 1


# object: names its request; foreign: an object that does not; packed: three values in one line; odd: lines that are none around a good one;
# equal: a count twice, once with a tag that all metrics get anyway, so that both are of one context.
# span and statistics: what a library sends to the port for tracers.
WORKS = ("text", "json_text", "object", "foreign", "count", "gauge", "distribution", "packed", "odd", "equal", "span", "statistics")
LINES = ("text", "json_text", "object", "foreign")


@attrs.frozen
class Trouble:
    """What befalls the nth telemetry batch of a life (from 0)."""

    batch: int
    what: str  # one of TROUBLES
    ms: int = 0


# late: posted later; hold: its lines go with the next batch; functions_last: its lines after its platform records; twice: accepted, but the
# platform sends it again; cut: the connection breaks in the middle of the body, then it is sent again; split: one request per record;
# lines_lost: its lines never arrive, and logsDropped says so; unknown, malformed: foreign elements among its records; garbage: a request
# before it that is no JSON; slow: the body comes in pieces with pauses.
TROUBLES = ("late", "hold", "functions_last", "twice", "cut", "split", "lines_lost", "unknown", "malformed", "garbage", "slow")


@attrs.frozen
class Invocation:
    """One event for the function, and how it goes.

    Managed instances run as many at once as come: there `pause_ms` counts from the beginning of the one before. They do not freeze, and get
    no events: so `frozen` (stopped), `is_event_lost`, `is_early` and `is_retry` have no meaning there.
    """

    duration_ms: int = 20
    outcome: str = "success"  # success, error; timeout and crash end the life
    work: tuple[Work, ...] = ()
    pause_ms: int = 0  # before it, while the sandbox is frozen or idle
    frozen: str = ""  # how the pause passes: "" everything runs on; "stopped": nothing runs; "jumped": only the wall clock moves
    jump_ms: int = 0  # of the wall clock, while the function runs
    ask_faults: tuple[str, ...] = ()  # before the event is given: 500, 503, close, half, nonsense
    is_event_lost: bool = False  # the answer breaks off, and the platform takes the event for delivered
    is_early: bool = False  # the end of the runtime is told before the event
    is_retry: bool = False  # the request id of the invocation before
    start_record: str = "sent"  # sent, lost
    done_record: str = "sent"  # sent, lost, late (with the report)
    report_record: str = "late"  # late (inside the next invocation), prompt, lost
    calls: str = ""  # of a library: named, unnamed, doubled (named), no_start, no_end (named)


@attrs.frozen
class Ending:
    """How a life ends. `at_ms` counts from the start of the last invocation; None: after it."""

    kind: str = "shutdown"  # or sigterm, kill, refused (next is answered 403), gone (nobody answers any more), invoked (managed: an INVOKE)
    reason: str = "spindown"
    at_ms: int | None = None
    idle_ms: int = 0
    late_lines: int = 0  # said while the extension shuts down


@attrs.frozen
class Life:
    """One process of the extension, from its start to its end."""

    invocations: tuple[Invocation, ...] = ()
    ending: Ending = Ending()
    register: str = "200"  # 200, 403, 500, close, half, silent
    register_ms: int = 3
    subscribe: str = "200"  # 200, 202, 400, 500, close, silent
    subscribe_ms: int = 3
    troubles: tuple[Trouble, ...] = ()
    crowd: int = 0  # idle connections that the function opens to the trace port
    skew_ms: int = 0  # of the platform's deadlines


@attrs.frozen
class Scenario:
    """A world's whole history to come. `intake` are clauses of `misbehaviour`, one after the other, one per request."""

    seed: int
    strategy: str = "end"
    timeout_ms: int = 3_000
    flush_budget_ms: int = 1_000
    latency_ms: int = 1  # of every answer
    pieces: int = 1  # in which answers and bodies come
    is_managed: bool = False
    has_spool: bool = False  # then a calm life follows the last one, and what any life accepted must come, or be counted
    intake: tuple[str, ...] = ()
    lives: tuple[Life, ...] = (Life(),)

    @property
    def is_kind(self) -> bool:
        """The intake takes everything at once: nothing may be lost or come twice."""
        return not self.intake and self.latency_ms <= 20

    @property
    def is_steady(self) -> bool:
        """The extension is neither stopped nor killed while it may be waiting for an answer."""
        stops = (invocation.frozen == "stopped" for life in self.lives for invocation in life.invocations)
        return not any(stops) and all(life.ending.kind != "kill" for life in self.lives)


def size(value: Any) -> int:
    """How much of a scenario, or of a part of one, is not ordinary: what shrinking makes smaller."""
    if isinstance(value, tuple):
        return sum(10 + size(part) for part in value)
    if not attrs.has(type(value)):
        return value.bit_length() if isinstance(value, int) else len(str(value))
    own = ((getattr(value, field.name), field.default) for field in attrs.fields(type(value)))
    return sum(1 + size(part) for part, default in own if part != default)


def as_text(scenario: Scenario) -> str:
    """The scenario as Python source, with what is ordinary left out."""
    return _text(scenario)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    if not attrs.has(type(value)):
        return repr(value)
    told = []
    for field in attrs.fields(type(value)):
        own = getattr(value, field.name)
        if field.default is attrs.NOTHING or own != field.default:
            told.append(f"{field.name}={_text(own)}")
    return f"{type(value).__name__}({', '.join(told)})"
