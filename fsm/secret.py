"""The API key that is fetched: from the first source that gives one, again when it grows old or is refused, forgotten at a restore.

Readers wait while the state is LOADING, and only then; that state ends by `WaitOver` at the latest, so a source that hangs costs
the function that much once. The key itself never comes near this machine: whoever performs `Load` keeps it. It performs one at a
time, and tells exactly one `KeyLoaded` or `LoadFailed` of each that is not cancelled.
"""

import attrs

from fsm import events as ev
from fsm.change import change
from fsm.engine import Arm, Effects, Row, States, Table, Tick, nothing, rows_for
from fsm.time import Now
from fsm.words import Word

WAIT_MS = 3_000  # the longest that readers wait for one load
TRY_MS = 5_000  # for one try, credentials and a second KMS context included
TRIES_MAX = {"delegated": 3}
TRIES_MAX_USUAL = 2
TRY_PAUSES_MS = (100, 200)
RETRY_MS, RETRY_MS_MAX = 1_000, 60_000  # after a load that gave nothing; doubles with each in a row
REPLACE_MS = 60_000  # between two loads that a refusal starts
FALLBACK_MS = 60_000  # a key from a later source than the first is used no longer before the first is tried again


class State(States):
    """Where the key is."""

    UNLOADED = "UNLOADED"
    LOADING = "LOADING"  # readers wait
    BACKGROUND = "BACKGROUND"  # a load is under way that nobody waits for, and there is no key to use meanwhile
    LOADED = "LOADED"
    RELOADING = "RELOADING"  # readers have the key in use
    FAILED = "FAILED"


# --- what it is told ----------------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class KeyWanted(Word):
    """Somebody has something to send, or will have soon."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class KeyLoaded(Word):
    """The source gave a key that can be sent."""

    now: Now


@attrs.frozen(eq=False, repr=False)
class LoadFailed(Word):
    """The source gave none. `transient`: it may yet."""

    now: Now
    transient: bool


@attrs.frozen(eq=False, repr=False)
class KeyRefused(Word):
    """An intake refused a key. `current`: it is the one in use, not an earlier one."""

    now: Now
    current: bool


class WaitOver(Tick):
    """Readers have waited for a load as long as they may."""


# --- what it asks for ---------------------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class Load(Word):
    """After `pause_ms`, try this source once; it has failed, and may yet work, if it is not done at `until_mono_ms`."""

    source: str
    pause_ms: int
    until_mono_ms: int


@attrs.frozen(eq=False, repr=False)
class CancelLoad(Word):
    """What the load under way would bring is not wanted."""


@attrs.frozen(eq=False, repr=False)
class UseKey(Word):
    """The key just loaded is the one to send."""

    source: str


@attrs.frozen(eq=False, repr=False)
class KeepKey(Word):
    """No other key was to be had: the one in use stays."""


@attrs.frozen(eq=False, repr=False)
class GiveUp(Word):
    """No source gave a key. What is to be sent waits."""


@attrs.frozen(eq=False, repr=False)
class ForgetKey(Word):
    """The key belongs to another life of this process."""


# --- guards and actions -------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=False)
class Data:
    """`sources` in order of precedence, at least one. `at`: the one being tried, `tries` times so far; `key_at`: the one of the key in use.

    `failures`: loads in a row that gave no key. A next load is due `pause_ms` after `ended` (None: never).
    """

    sources: tuple[str, ...]
    interval_ms: int | None = None
    at: int = 0
    tries: int = 0
    key_at: int | None = None
    failures: int = 0
    ended: Now | None = None
    pause_ms: int | None = None
    replaced: Now | None = None  # when a refusal last started a load


Change = tuple[Data, Effects]


def passed_ms(since: Now, now: Now) -> int:
    """By the clock that went further: a freeze stops one of them, a correction turns the other back."""
    return max(now.mono_ms - since.mono_ms, now.epoch_ms - since.epoch_ms)


def is_due(data: Data, event: KeyWanted) -> bool:
    return data.ended is not None and data.pause_ms is not None and passed_ms(data.ended, event.now) > data.pause_ms


def is_current(data: Data, event: KeyRefused) -> bool:
    return event.current


def may_replace(data: Data, event: KeyRefused) -> bool:
    return event.current and (data.replaced is None or passed_ms(data.replaced, event.now) >= REPLACE_MS)


def may_try_again(data: Data, event: LoadFailed) -> bool:
    return event.transient and data.tries < TRIES_MAX.get(data.sources[data.at], TRIES_MAX_USUAL)


def has_next_source(data: Data, event: LoadFailed) -> bool:
    return data.at + 1 < len(data.sources)


def has_source_as_good(data: Data, event: LoadFailed) -> bool:
    """A key that works is not given up for one from further down the list."""
    return data.key_at is not None and data.at < data.key_at


def has_key(data: Data, event: LoadFailed) -> bool:
    return data.key_at is not None


def _load(data: Data, now: Now, pause_ms: int = 0) -> Load:
    return Load(data.sources[data.at], pause_ms, now.mono_ms + pause_ms + TRY_MS)


def begin(data: Data, event: KeyWanted) -> Change:
    data = change(data, at=0, tries=1)
    return data, (_load(data, event.now),)


def begin_and_wait(data: Data, event: KeyWanted) -> Change:
    data, effects = begin(data, event)
    return data, (*effects, _wait(event.now))


def _wait(now: Now) -> Arm:
    return Arm(WaitOver, now.mono_ms + WAIT_MS)


def replace_and_wait(data: Data, event: KeyRefused) -> Change:
    data = change(data, at=0, tries=1, replaced=event.now)
    return data, (_load(data, event.now), _wait(event.now))


def wait(data: Data, event: KeyRefused) -> Change:
    return change(data, replaced=event.now), (_wait(event.now),)


def try_again(data: Data, event: LoadFailed) -> Change:
    pause_ms = TRY_PAUSES_MS[min(data.tries, len(TRY_PAUSES_MS)) - 1]
    return change(data, tries=data.tries + 1), (_load(data, event.now, pause_ms),)


def try_next(data: Data, event: LoadFailed) -> Change:
    data = change(data, at=data.at + 1, tries=1)
    return data, (_load(data, event.now),)


def use_key(data: Data, event: KeyLoaded) -> Change:
    pauses = [data.interval_ms, FALLBACK_MS if data.at else None]
    pause_ms = min((pause for pause in pauses if pause is not None), default=None)
    return change(data, key_at=data.at, failures=0, ended=event.now, pause_ms=pause_ms), (UseKey(data.sources[data.at]),)


def _failed(data: Data, event: LoadFailed) -> Data:
    pause_ms = min(RETRY_MS << min(data.failures, 16), RETRY_MS_MAX)
    return change(data, failures=data.failures + 1, ended=event.now, pause_ms=pause_ms)


def keep_key(data: Data, event: LoadFailed) -> Change:
    return _failed(data, event), (KeepKey(),)


def give_up(data: Data, event: LoadFailed) -> Change:
    return _failed(data, event), (GiveUp(),)


def begin_afresh(data: Data, event: ev.Thawed) -> Change:
    # The connection is dead after a freeze, and the signature may be too old.
    data, effects = begin(data, KeyWanted(event.now))
    return data, (CancelLoad(), *effects)


def begin_afresh_and_wait(data: Data, event: ev.Thawed) -> Change:
    data, effects = begin_afresh(data, event)
    return data, (*effects, _wait(event.now))


def _new(data: Data) -> Data:
    return Data(data.sources, data.interval_ms)


def forget(data: Data, event: ev.Restored) -> Change:
    return _new(data), (ForgetKey(),)


def cancel_and_forget(data: Data, event: ev.Restored) -> Change:
    return _new(data), (CancelLoad(), ForgetKey())


def forget_and_begin(data: Data, event: ev.Restored) -> Change:
    data, effects = begin_and_wait(_new(data), KeyWanted(event.now))
    return data, (CancelLoad(), ForgetKey(), *effects)


# --- the table ----------------------------------------------------------------------------------------------------------------


def _without_key(state: State) -> dict[type, tuple[Row[State, Data], ...]]:
    """How a load ends that began because there was no key, or none that intakes take."""
    return {
        KeyLoaded: (Row(State.LOADED, use_key),),
        LoadFailed: (
            Row(state, try_again, may_try_again),
            Row(state, try_next, has_next_source),
            # The refusal may have been the intake's mistake; a key that is gone cannot show it.
            Row(State.LOADED, keep_key, has_key),
            Row(State.FAILED, give_up),
        ),
        # Readers wait for the load that is under way.
        KeyWanted: (Row(state, nothing),),
    }


TABLE: Table[State, Data] = Table(
    name="secret",
    initial=State.UNLOADED,
    final=frozenset(),
    rows={
        (State.UNLOADED, KeyWanted): (Row(State.LOADING, begin_and_wait),),
        (State.UNLOADED, ev.Restored): (Row(State.UNLOADED, nothing),),
        **rows_for([State.LOADING], _without_key(State.LOADING)),
        (State.LOADING, WaitOver): (Row(State.BACKGROUND, nothing),),
        (State.LOADING, ev.Thawed): (Row(State.LOADING, begin_afresh_and_wait),),
        (State.LOADING, ev.Restored): (Row(State.LOADING, forget_and_begin),),
        **rows_for([State.BACKGROUND], _without_key(State.BACKGROUND)),
        (State.BACKGROUND, ev.Thawed): (Row(State.BACKGROUND, begin_afresh),),
        (State.BACKGROUND, ev.Restored): (Row(State.UNLOADED, cancel_and_forget),),
        (State.LOADED, KeyWanted): (
            Row(State.RELOADING, begin, is_due),
            Row(State.LOADED, nothing),
        ),
        (State.LOADED, KeyRefused): (
            Row(State.LOADING, replace_and_wait, may_replace),
            # One reload in a minute is enough to see a rotated key, and a key that is simply wrong stays wrong.
            Row(State.LOADED, nothing),
        ),
        (State.LOADED, ev.Restored): (Row(State.UNLOADED, forget),),
        (State.RELOADING, KeyWanted): (Row(State.RELOADING, nothing),),
        (State.RELOADING, KeyLoaded): (Row(State.LOADED, use_key),),
        (State.RELOADING, LoadFailed): (
            Row(State.RELOADING, try_again, may_try_again),
            Row(State.RELOADING, try_next, has_source_as_good),
            Row(State.LOADED, keep_key),
        ),
        # The key in use is no good any more: whoever wants one waits for the load that is under way.
        (State.RELOADING, KeyRefused): (
            Row(State.LOADING, wait, is_current),
            Row(State.RELOADING, nothing),
        ),
        (State.RELOADING, ev.Thawed): (Row(State.RELOADING, begin_afresh),),
        (State.RELOADING, ev.Restored): (Row(State.UNLOADED, cancel_and_forget),),
        (State.FAILED, KeyWanted): (
            # Nobody waits for a source that has failed before.
            Row(State.BACKGROUND, begin, is_due),
            Row(State.FAILED, nothing),
        ),
        (State.FAILED, ev.Restored): (Row(State.UNLOADED, forget),),
    },
    ignored={
        (State.UNLOADED, ev.Thawed): "no load is under way",
        (State.LOADED, ev.Thawed): "no load is under way",
        (State.FAILED, ev.Thawed): "no load is under way",
        (State.UNLOADED, KeyRefused): "it was the key of another life",
        (State.LOADING, KeyRefused): "another key is being loaded already",
        (State.BACKGROUND, KeyRefused): "another key is being loaded already",
        (State.FAILED, KeyRefused): "there is no key to replace",
    },
)
