"""One intake as a place that answers or does not: whether payloads go there now, later, or one at a time to see if it has healed.

An intake that is down must cost an invocation a bounded time once, and then nothing until it answers again. A probe is one payload that is
sent while the function runs, so nobody waits for it.
"""

import attrs

from fsm import effects as do
from fsm import events as ev
from fsm.change import change
from fsm.engine import Arm, Effects, Row, States, Table, nothing, stay

PAUSE_MS_MIN, PAUSE_MS_MAX = 1_000, 60_000
AFTER_MS_MAX = 300_000  # an intake may ask for this much patience
KEY_PAUSE_MS = 300_000  # a key may be refused for a while only: a new one that is not known everywhere yet, a proxy that says 403 of itself


class State(States):
    """Whether payloads go there."""

    CLOSED = "CLOSED"  # they do
    OPEN = "OPEN"  # they are set aside
    READY = "READY"  # the next one is a probe
    PROBE = "PROBE"  # one is under way, the others wait for how it ends
    KEY_REFUSED = "KEY_REFUSED"  # they are set aside until there is another key, or a long while has passed


@attrs.frozen(slots=False)
class Data:
    """`pause_ms` until the next probe; it doubles with each one that fails. `jitter` in [0, 1) stretches it."""

    jitter: float = 0.0
    pause_ms: int = PAUSE_MS_MIN


Change = tuple[Data, Effects]


def pause(data: Data, event: ev.DestinationFailed) -> Change:
    stretched_ms = max(int(data.pause_ms * (1 + data.jitter / 4)), min(event.after_ms, AFTER_MS_MAX))
    return change(data, pause_ms=min(data.pause_ms * 2, PAUSE_MS_MAX)), (Arm(ev.ProbeDue, event.now.mono_ms + stretched_ms),)


def renew_key(data: Data, event: ev.KeyRefused) -> Change:
    return data, (do.RenewKey(), Arm(ev.ProbeDue, event.now.mono_ms + KEY_PAUSE_MS))


def heal(data: Data, event: object) -> Change:
    return change(data, pause_ms=PAUSE_MS_MIN), ()


TABLE: Table[State, Data] = Table(
    name="destination",
    initial=State.CLOSED,
    final=frozenset(),
    rows={
        **stay((State.CLOSED,), {ev.DestinationAnswered: nothing}),
        (State.CLOSED, ev.DestinationFailed): (Row(State.OPEN, pause),),
        # Others were under way when the first one failed; how they end says the same thing again.
        **stay((State.OPEN, State.READY), {ev.DestinationFailed: nothing}),
        (State.OPEN, ev.DestinationAnswered): (Row(State.CLOSED, heal),),
        (State.READY, ev.DestinationAnswered): (Row(State.CLOSED, heal),),
        (State.OPEN, ev.ProbeDue): (Row(State.READY, nothing),),
        (State.READY, ev.ProbeSent): (Row(State.PROBE, nothing),),
        (State.PROBE, ev.DestinationAnswered): (Row(State.CLOSED, heal),),
        (State.PROBE, ev.DestinationFailed): (Row(State.OPEN, pause),),
        # The last flush of the sandbox leaves nothing untried.
        **{(state, ev.LastChance): (Row(State.CLOSED, heal),) for state in (State.OPEN, State.READY, State.PROBE)},
        **{(state, ev.KeyRefused): (Row(State.KEY_REFUSED, renew_key),) for state in (State.CLOSED, State.OPEN, State.READY, State.PROBE)},
        (State.KEY_REFUSED, ev.KeyRenewed): (Row(State.CLOSED, heal),),
        # There may never be another key, and this one may be taken by now.
        (State.KEY_REFUSED, ev.ProbeDue): (Row(State.READY, nothing),),
    },
    ignored={
        (State.CLOSED, ev.LastChance): "payloads go there anyway",
        (State.KEY_REFUSED, ev.LastChance): "the key would be refused again",
        (State.KEY_REFUSED, ev.KeyRefused): "others were under way with the same key",
        (State.KEY_REFUSED, ev.DestinationAnswered): "others were under way with the same key",
        (State.KEY_REFUSED, ev.DestinationFailed): "others were under way with the same key",
        **{(state, ev.KeyRenewed): "it was not refused here" for state in (State.CLOSED, State.OPEN, State.READY, State.PROBE)},
    },
)
