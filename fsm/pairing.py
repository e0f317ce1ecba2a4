"""Which invocation a library's call belongs to when it does not say: the oldest one that has not had its own yet.

Two of these run side by side, one for start calls and one for end calls. Where one invocation runs at a time the answer is exact: what
began last is what runs. On managed instances a call should name its request; without, the oldest is a guess that may be wrong.
An invocation that is over wants no call any more, so a call that never came shifts nothing. (specification, invocation 4.3)
"""

import attrs

from fsm.change import change
from fsm.engine import Effects, Row, States, Table
from fsm.time import Now
from fsm.words import Word

CALLS_MAX = 100  # that wait for their invocation; more than one is odd already


class State(States):
    """Who waits for whom."""

    LEVEL = "LEVEL"  # nobody
    WANTED = "WANTED"  # invocations, for their calls
    EARLY = "EARLY"  # calls, for their invocations


# --- events -------------------------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class RunBegan(Word):
    """An invocation began."""

    now: Now
    request_id: str


@attrs.frozen(eq=False, repr=False)
class RunDone(Word):
    """Its runtime is over: whatever call comes from here on is another's, unless this one still lacks its own."""

    now: Now
    request_id: str


@attrs.frozen(eq=False, repr=False)
class RunOver(Word):
    """It wants no call any more."""

    now: Now
    request_id: str


@attrs.frozen(eq=False, repr=False)
class CallCame(Word):
    """A call came that names no request. `number` is the caller's own."""

    now: Now
    number: int


@attrs.frozen(eq=False, repr=False)
class CallNamed(Word):
    """A call came that names its request."""

    now: Now
    request_id: str


# --- effects ------------------------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class Pair(Word):
    """This call is this request's."""

    request_id: str
    number: int


@attrs.frozen(eq=False, repr=False)
class DropCall(Word):
    """This call is nobody's, and this is why."""

    number: int
    reason: str


@attrs.frozen(slots=False)
class Data:
    """`wanting`: request ids, oldest first; `served`: ids that run and have had their call; `named`: ids whose call came before they began;
    `early`: numbers of calls without a name, oldest first.

    `is_alone`: one invocation runs at a time, so what begins ends the wishes of those before.
    """

    is_alone: bool = True
    calls_max: int = CALLS_MAX
    wanting: tuple[str, ...] = ()
    served: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    early: tuple[int, ...] = ()


Change = tuple[Data, Effects]


# --- guards -------------------------------------------------------------------------------------------------------------------


def was_named(data: Data, event: RunBegan) -> bool:
    """Its call came already, and named it."""
    return event.request_id in data.named


def was_named_beside(data: Data, event: RunBegan) -> bool:
    """The same, and those before it go on wanting theirs."""
    return event.request_id in data.named and not data.is_alone


def is_served(data: Data, event: object) -> bool:
    """All that run have had their call."""
    return bool(data.served)


def is_last_wanting(data: Data, event: object) -> bool:
    return len(data.wanting) == 1


def leaves_none(data: Data, event: RunOver | CallNamed) -> bool:
    return data.wanting == (event.request_id,)


def is_last_early(data: Data, event: object) -> bool:
    return len(data.early) == 1


def is_full(data: Data, event: object) -> bool:
    return len(data.early) >= data.calls_max


# --- actions ------------------------------------------------------------------------------------------------------------------


def _begun(data: Data, event: RunBegan) -> Data:
    """Where one runs at a time, the ones before it want nothing any more; neither does an earlier try of the same request."""
    if data.is_alone:
        return change(data, wanting=(), served=())
    return change(data, wanting=_without(data.wanting, event.request_id), served=_without(data.served, event.request_id))


def want(data: Data, event: RunBegan) -> Change:
    data = _begun(data, event)
    return change(data, wanting=(*data.wanting, event.request_id)), ()


def begin_served(data: Data, event: RunBegan) -> Change:
    data = _begun(data, event)
    return change(data, named=_without(data.named, event.request_id), served=(*data.served, event.request_id)), ()


def pair_early(data: Data, event: RunBegan) -> Change:
    data = _begun(data, event)
    number, *rest = data.early
    return change(data, early=tuple(rest), served=(*data.served, event.request_id)), (Pair(event.request_id, number),)


def pair_wanting(data: Data, event: CallCame) -> Change:
    request_id, *rest = data.wanting
    return change(data, wanting=tuple(rest), served=(*data.served, request_id)), (Pair(request_id, event.number),)


def wait(data: Data, event: CallCame) -> Change:
    return change(data, early=(*data.early, event.number)), ()


def refuse_repeated(data: Data, event: CallCame) -> Change:
    return data, (DropCall(event.number, "repeated"),)


def refuse_full(data: Data, event: CallCame) -> Change:
    return data, (DropCall(event.number, "too many wait for their invocation"),)


def serve(data: Data, event: CallNamed) -> Change:
    """It runs and wants its call; or it has had it, and this one is another's affair; or it is still to begin."""
    request_id = event.request_id
    if request_id in data.wanting:
        return change(data, wanting=_without(data.wanting, request_id), served=(*data.served, request_id)), ()
    if request_id in data.served or request_id in data.named:
        return data, ()
    return change(data, named=(*data.named, request_id)), ()


def forget_served(data: Data, event: RunDone) -> Change:
    return change(data, served=_without(data.served, event.request_id)), ()


def forget(data: Data, event: RunOver) -> Change:
    request_id = event.request_id
    served, wanting = _without(data.served, request_id), _without(data.wanting, request_id)
    return change(data, served=served, wanting=wanting, named=_without(data.named, request_id)), ()


def _without(ids: tuple[str, ...], request_id: str) -> tuple[str, ...]:
    return tuple(kept for kept in ids if kept != request_id) if request_id in ids else ids


TABLE: Table[State, Data] = Table(
    name="pairing",
    initial=State.LEVEL,
    final=frozenset(),
    rows={
        (State.LEVEL, RunBegan): (
            Row(State.LEVEL, begin_served, was_named),
            Row(State.WANTED, want),
        ),
        (State.LEVEL, CallCame): (
            # Sent twice: kept, it would be taken for the next invocation's, and every one after it would be off by one.
            Row(State.LEVEL, refuse_repeated, is_served),
            Row(State.EARLY, wait),
        ),
        (State.LEVEL, CallNamed): (Row(State.LEVEL, serve),),
        (State.LEVEL, RunDone): (Row(State.LEVEL, forget_served),),
        (State.LEVEL, RunOver): (Row(State.LEVEL, forget),),
        (State.WANTED, RunBegan): (
            Row(State.WANTED, begin_served, was_named_beside),
            Row(State.LEVEL, begin_served, was_named),
            Row(State.WANTED, want),
        ),
        (State.WANTED, CallCame): (
            Row(State.LEVEL, pair_wanting, is_last_wanting),
            Row(State.WANTED, pair_wanting),
        ),
        (State.WANTED, CallNamed): (
            Row(State.LEVEL, serve, leaves_none),
            Row(State.WANTED, serve),
        ),
        (State.WANTED, RunDone): (Row(State.WANTED, forget_served),),
        (State.WANTED, RunOver): (
            Row(State.LEVEL, forget, leaves_none),
            Row(State.WANTED, forget),
        ),
        (State.EARLY, RunBegan): (
            Row(State.EARLY, begin_served, was_named),
            Row(State.LEVEL, pair_early, is_last_early),
            Row(State.EARLY, pair_early),
        ),
        (State.EARLY, CallCame): (
            Row(State.EARLY, refuse_full, is_full),
            Row(State.EARLY, wait),
        ),
        (State.EARLY, CallNamed): (Row(State.EARLY, serve),),
        (State.EARLY, RunDone): (Row(State.EARLY, forget_served),),
        (State.EARLY, RunOver): (Row(State.EARLY, forget),),
    },
    ignored={},
)
