"""Moving a sandbox along the clock, and forgetting what can make no difference any more, so that equal futures are one state."""

from typing import TYPE_CHECKING

import attrs

from fsm.check.standing import HERE, Standing
from fsm.change import change
from fsm.decision import ADAPTIVE_GAP_S, ADAPTIVE_INTERVAL_MS, RING_LENGTH, Cadence, Kind, Strategy
from fsm.on_demand import IN_SHUTDOWN, OWING, State
from fsm.on_demand_actions import INVOCATION_MS_MAX, Data

if TYPE_CHECKING:
    from fsm.check.life import Alive

LATE_MS = -1
ENDED = (*IN_SHUTDOWN, State.EXIT)
NO_CADENCE = Cadence(Strategy(), 0, 0)
AHEAD_S = 3_600
HERE_S = HERE.epoch_ms // 1000


def moved(state: "Alive", passed_ms: int, jump_ms: int) -> "Alive":
    """The same sandbox `passed_ms` later, the wall clock having jumped by `jump_ms` besides. HERE stays where it is."""
    life = state.life
    armed = tuple((tick, ms - passed_ms) for tick, ms in life.armed) if passed_ms else life.armed
    limit_ms = None if state.limit_ms is None else max(LATE_MS, state.limit_ms - passed_ms)
    return attrs.evolve(state, life=Standing(life.state, _data(life.state, life.data, passed_ms, jump_ms), armed), limit_ms=limit_ms)


def _data(state: State, data: Data, passed_ms: int, jump_ms: int) -> Data:
    """A deadline is read only while the next call is owed."""
    if state in ENDED:
        return _ended(state, data, passed_ms)
    epoch_ms = passed_ms + jump_ms
    deadline_ms = _deadline(data.deadline_ms - epoch_ms) if state in OWING else 0
    return change(
        data,
        deadline_ms=deadline_ms,
        cadence=_cadence(data.cadence, round(epoch_ms / 1000)),
        early=tuple(sorted(data.early, key=_by_name)),
        owed=tuple(sorted(data.owed, key=_by_name)),
    )


def _deadline(at_ms: int) -> int:
    """All that is past is alike, and so is all that only a clock which was put back can explain."""
    if at_ms > HERE.epoch_ms + INVOCATION_MS_MAX:
        return HERE.epoch_ms + AHEAD_S * 1000
    return max(HERE.epoch_ms + LATE_MS, at_ms)


def _by_name(record: tuple[str, type]) -> tuple[str, str]:
    """Records are found by what they are, in whatever order they were noted."""
    return record[0], record[1].__name__


def _ended(state: State, data: Data, passed_ms: int) -> Data:
    """The drain waits for records of the last invocation, and knows when to exit; after it only a fatal error matters."""
    if state is not State.SHUTDOWN_DRAIN:
        return Data(NO_CADENCE, data.bounds, fatal=data.fatal)
    return Data(
        NO_CADENCE,
        data.bounds,
        request_id=data.request_id,
        reported=data.reported,
        blind=data.blind,
        owed=tuple(owed for owed in data.owed if owed[0] == data.request_id),
        exit_at_mono_ms=data.exit_at_mono_ms - passed_ms,
        fatal=data.fatal,
    )


def _cadence(cadence: Cadence, passed_s: int) -> Cadence:
    """Seconds are whole: less than half of one is forgotten. Of the ring only the default strategy reads anything, and only the oldest.

    What is longer ago than a decision asks about is all alike.
    """
    kind, ring = cadence.strategy.kind, cadence.ring
    if kind is Kind.END:
        return Cadence(cadence.strategy, cadence.flush_timeout_s, 0)
    interval_ms = ADAPTIVE_INTERVAL_MS if kind is Kind.DEFAULT else cadence.strategy.interval_ms
    last_flush_s = max(cadence.last_flush_s - passed_s, HERE_S - interval_ms // 1000 - 1)
    if last_flush_s > HERE_S:  # the clock was put back, by more than passes until it matters
        last_flush_s = HERE_S + AHEAD_S
    if kind is Kind.DEFAULT:
        oldest_s = _one_of_alike(ring[0] - passed_s, cadence.flush_timeout_s)
        return Cadence(cadence.strategy, cadence.flush_timeout_s, last_flush_s, (oldest_s,) * RING_LENGTH)
    return Cadence(cadence.strategy, cadence.flush_timeout_s, last_flush_s)


def _one_of_alike(oldest_s: int, flush_timeout_s: int) -> int:
    """The latest moment that gives the same mean gap, as far as a decision is concerned; only a long gap leads from one to the next."""
    elapsed_s = max(0, HERE_S - oldest_s)
    for threshold_s in (int(ADAPTIVE_GAP_S) * (RING_LENGTH - 1), flush_timeout_s):
        if elapsed_s >= threshold_s:
            return HERE_S - threshold_s
    return HERE_S
