"""The flush decision: pure arithmetic over the last invocations, taken once per INVOKE.

Specification, lifecycle 11 and 12. The look-back ring holds epoch seconds; a clock that went backwards counts as no time passed.
"""

from enum import Enum

import attrs

from fsm.change import change

RING_LENGTH = 20
ADAPTIVE_GAP_S = 120.0  # mean gap between invocations below which the default strategy stops flushing at the end of each
ADAPTIVE_INTERVAL_MS = 20_000
RACE_DEFAULT_MS = 60_000
RACE_END_MS = 900_000  # the longest a function may run


class Kind(Enum):
    """The strategies a user can ask for; their values are the configuration's words for them."""

    DEFAULT = "default"
    END = "end"
    END_PERIODICALLY = "end_periodically"
    PERIODICALLY = "periodically"
    CONTINUOUSLY = "continuously"


class Decision(Enum):
    """What one invocation does about flushing."""

    END = "End"
    PERIODIC = "Periodic"
    CONTINUOUS = "Continuous"
    DONT = "Dont"


@attrs.frozen
class Strategy:
    """A strategy with its interval (milliseconds; 0 where the kind has none)."""

    kind: Kind = Kind.DEFAULT
    interval_ms: int = 0


@attrs.frozen(slots=False)
class Cadence:
    """What the decision remembers: the strategy asked for, when it last flushed by interval, the last invocations."""

    strategy: Strategy
    flush_timeout_s: int
    last_flush_s: int
    ring: tuple[int, ...] = ()


AT_END = Strategy(Kind.END)
NOW_AND_THEN = Strategy(Kind.PERIODICALLY, ADAPTIVE_INTERVAL_MS)
WHILE_BUSY = Strategy(Kind.CONTINUOUSLY, ADAPTIVE_INTERVAL_MS)


def race_interval_ms(strategy: Strategy) -> int:
    """How long an invocation may run before what it has collected is flushed in the middle of it."""
    if strategy.kind is Kind.DEFAULT:
        return RACE_DEFAULT_MS
    return RACE_END_MS if strategy.kind is Kind.END else strategy.interval_ms


def concrete(cadence: Cadence, ring: tuple[int, ...], now_s: int) -> Strategy:
    """The strategy of this very invocation: the one asked for or, by default, one that fits the last twenty gaps."""
    if cadence.strategy.kind is not Kind.DEFAULT:
        return cadence.strategy
    if len(ring) < RING_LENGTH:
        return AT_END
    elapsed_s = max(0, now_s - ring[0])
    if elapsed_s / (RING_LENGTH - 1) >= ADAPTIVE_GAP_S:
        return AT_END
    return WHILE_BUSY if elapsed_s < cadence.flush_timeout_s else NOW_AND_THEN


_WHEN_PASSED = {
    Kind.END_PERIODICALLY: Decision.END,
    Kind.PERIODICALLY: Decision.PERIODIC,
    Kind.CONTINUOUSLY: Decision.CONTINUOUS,
}


def decide(cadence: Cadence, now_s: int) -> tuple[Decision, Cadence]:
    """The decision for an invocation that begins at `now_s` (epoch seconds), and what to remember for the next."""
    ring = (*cadence.ring, now_s)[-RING_LENGTH:]
    last_flush_s = min(cadence.last_flush_s, now_s)
    strategy = concrete(cadence, ring, now_s)
    if strategy.kind is Kind.END:
        decision = Decision.END
    elif now_s - last_flush_s <= strategy.interval_ms // 1000:
        decision = Decision.DONT
    else:
        decision, last_flush_s = _WHEN_PASSED[strategy.kind], now_s
    return decision, change(cadence, ring=ring, last_flush_s=last_flush_s)
