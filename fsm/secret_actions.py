"""What the machine `secret` is told, what it asks for, and its guards and actions: pure functions of data and one event."""

import attrs

from fsm import events as ev
from fsm.change import change
from fsm.engine import Arm, Effects, Tick
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
class TellSlow(Word):
    """This source takes so long that nobody waits for it any more."""

    source: str


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


def tell_slow(data: Data, event: WaitOver) -> Change:
    return data, (TellSlow(data.sources[data.at]),)


def _new(data: Data) -> Data:
    return Data(data.sources, data.interval_ms)


def forget(data: Data, event: ev.Restored) -> Change:
    return _new(data), (ForgetKey(),)


def cancel_and_forget(data: Data, event: ev.Restored) -> Change:
    return _new(data), (CancelLoad(), ForgetKey())


def forget_and_begin(data: Data, event: ev.Restored) -> Change:
    data, effects = begin_and_wait(_new(data), KeyWanted(event.now))
    return data, (CancelLoad(), ForgetKey(), *effects)
