"""The machine of the key, row by row, and what must hold whatever comes in whatever order."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm import events as ev
from fsm import secret_actions as act
from fsm.engine import Arm, Disarm, Machine, Unexpected
from fsm.secret import TABLE, State
from fsm.time import Now

EPOCH_MS = 1_700_000_000_000
SOURCES = ("kms", "ssm", "plain")


def now(ms=0):
    return Now(EPOCH_MS + ms, 10_000 + ms)


def load(source, ms=0, pause_ms=0):
    return act.Load(source, pause_ms, 10_000 + ms + pause_ms + act.TRY_MS)


def wait_until(ms):
    return Arm(act.WaitOver, 10_000 + ms)


class Key:
    """The machine on a clock that each call sets; effects come back with generations left out."""

    def __init__(self, *sources, interval_ms=None):
        self.machine = Machine(TABLE, act.Data(sources or ("kms",), interval_ms))
        self.ms = 0

    @property
    def state(self):
        return self.machine.state

    @property
    def data(self):
        return self.machine.data

    def tell(self, kind, ms=None, **fields):
        self.ms = self.ms if ms is None else ms
        effects = self.machine.feed(kind(now(self.ms), **fields))
        return [attrs.evolve(effect, generation=0) if isinstance(effect, Arm) else effect for effect in effects]

    def wanted(self, ms=None):
        return self.tell(act.KeyWanted, ms)

    def loaded(self, ms=None):
        return self.tell(act.KeyLoaded, ms)

    def failed(self, ms=None, transient=False):
        return self.tell(act.LoadFailed, ms, transient=transient)

    def refused(self, ms=None, current=True):
        return self.tell(act.KeyRefused, ms, current=current)

    def thawed(self, ms=None):
        return self.tell(ev.Thawed, ms, gap_ms=60_000)

    def restored(self, ms=None):
        return self.tell(ev.Restored, ms)

    def wait_over(self, ms):
        return self.tell(act.WaitOver, ms, generation=self.machine.armed[act.WaitOver])


def unloaded(*sources, **data):
    return Key(*sources, **data)


def loading(*sources, **data):
    key = Key(*sources, **data)
    key.wanted(0)
    return key


def in_background(*sources, **data):
    key = loading(*sources, **data)
    key.wait_over(act.WAIT_MS)
    return key


def in_use(*sources, **data):
    key = loading(*sources, **data)
    key.loaded(0)
    return key


def reloading(*sources, **data):
    key = in_use(*sources, **{"interval_ms": 1_000} | data)
    key.wanted(1_001)
    return key


def failed(*sources, **data):
    key = loading(*sources, **data)
    while key.state is State.LOADING:
        key.failed(0)
    return key


STANDING = {
    State.UNLOADED: unloaded,
    State.LOADING: loading,
    State.BACKGROUND: in_background,
    State.LOADED: in_use,
    State.RELOADING: reloading,
    State.FAILED: failed,
}


@pytest.mark.parametrize("state", State, ids=str)
def test_the_ways_into_the_states(state):
    assert STANDING[state]().state is state


# --- the first load -----------------------------------------------------------------------------------------------------------


def test_nothing_is_loaded_before_somebody_wants_it_and_then_readers_wait():
    key = unloaded(*SOURCES)
    assert key.wanted(0) == [load("kms"), wait_until(act.WAIT_MS)]
    assert key.state is State.LOADING


@pytest.mark.parametrize("state", [State.LOADING, State.BACKGROUND, State.RELOADING], ids=str)
def test_one_load_at_a_time(state):
    key = STANDING[state]()
    assert (key.wanted(5_000), key.state) == ([], state)


def test_the_key_is_used_and_the_wait_is_over():
    key = loading("kms")
    assert key.loaded(40) == [Disarm(act.WaitOver), act.UseKey("kms")]
    assert key.state is State.LOADED


@pytest.mark.parametrize(("source", "tries"), [("kms", 2), ("secrets_manager", 2), ("ssm", 2), ("delegated", 3)])
def test_what_may_pass_is_tried_again_after_a_pause(source, tries):
    key = loading(source)
    assert key.failed(10, transient=True) == [load(source, 10, pause_ms=100)]
    if tries == 3:
        assert key.failed(20, transient=True) == [load(source, 20, pause_ms=200)]
    assert key.failed(30, transient=True) == [Disarm(act.WaitOver), act.GiveUp()]
    assert key.state is State.FAILED


def test_a_refusal_is_not_tried_again():
    key = loading("kms")
    assert (key.failed(10), key.state) == ([Disarm(act.WaitOver), act.GiveUp()], State.FAILED)


def test_the_next_source_has_tries_of_its_own():
    key = loading(*SOURCES)
    key.failed(10, transient=True)
    assert key.failed(20, transient=True) == [load("ssm", 20)]
    assert key.failed(30, transient=True) == [load("ssm", 30, pause_ms=100)]
    assert key.failed(40) == [load("plain", 40)]
    assert key.loaded(41) == [Disarm(act.WaitOver), act.UseKey("plain")]


def test_readers_wait_only_so_long_and_the_load_goes_on_behind_them():
    key = loading(*SOURCES)
    assert key.wait_over(act.WAIT_MS) == [act.TellSlow("kms")]
    assert key.state is State.BACKGROUND
    assert key.failed(5_000) == [load("ssm", 5_000)]
    assert (key.loaded(5_100), key.state) == ([act.UseKey("ssm")], State.LOADED)


# --- failed -------------------------------------------------------------------------------------------------------------------


def test_pauses_between_loads_grow_to_a_minute_and_nobody_waits_for_them_again():
    key = failed("kms")
    ms, pauses = 0, []
    for _ in range(9):
        began = ms
        while not key.wanted(ms):
            ms += 1
        pauses.append(ms - began - 1)
        assert key.state is State.BACKGROUND
        key.failed(ms)
    assert pauses == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]


def test_pauses_stay_a_minute_for_ever():
    key = failed("kms")
    key.machine.data = attrs.evolve(key.data, failures=100_000)
    key.wanted(60_001)
    key.failed(60_001)
    assert key.data.pause_ms == act.RETRY_MS_MAX


def test_a_freeze_counts_as_time_passed_whichever_clock_saw_it():
    key = failed("kms")
    assert key.machine.feed(act.KeyWanted(Now(EPOCH_MS + 5_000, 10_000))) != ()
    key = failed("kms")
    assert key.machine.feed(act.KeyWanted(Now(EPOCH_MS - 3_600_000, 15_000))) != ()


def test_a_success_begins_the_pauses_anew():
    key = failed("kms")
    key.wanted(2_000)
    key.loaded(2_000)
    assert key.data.failures == 0


# --- reload -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ms", "state"), [(0, State.LOADED), (1_000, State.LOADED), (1_001, State.RELOADING)])
def test_the_key_is_loaded_again_when_strictly_more_than_the_interval_has_passed(ms, state):
    key = in_use("kms", interval_ms=1_000)
    assert key.wanted(ms) == ([load("kms", ms)] if state is State.RELOADING else [])
    assert key.state is state


def test_without_an_interval_the_key_is_good_for_ever():
    key = in_use("kms")
    assert (key.wanted(10**12), key.state) == ([], State.LOADED)


def test_a_reload_takes_the_place_of_the_key():
    key = reloading("kms")
    assert (key.loaded(1_100), key.state) == ([act.UseKey("kms")], State.LOADED)
    assert key.wanted(2_100) == []
    assert key.wanted(2_101) == [load("kms", 2_101)]


def test_a_failed_reload_keeps_the_key_and_is_begun_again_after_a_pause():
    key = reloading("kms")
    assert key.failed(1_010, transient=True) == [load("kms", 1_010, pause_ms=100)]
    assert (key.failed(1_200, transient=True), key.state) == ([act.KeepKey()], State.LOADED)
    assert key.wanted(2_200) == []
    assert key.wanted(2_201) == [load("kms", 2_201)]


def test_a_reload_does_not_give_a_good_key_up_for_one_from_a_later_source():
    key = reloading(*SOURCES)
    assert (key.failed(1_010), key.state) == ([act.KeepKey()], State.LOADED)


def test_a_key_from_a_later_source_is_used_for_a_minute_and_the_first_is_tried_again():
    key = loading(*SOURCES)
    key.failed(0)
    assert key.loaded(0)[-1] == act.UseKey("ssm")
    assert key.wanted(act.FALLBACK_MS) == []
    assert key.wanted(act.FALLBACK_MS + 1) == [load("kms", act.FALLBACK_MS + 1)]
    assert key.failed() == [load("ssm", key.ms)]
    assert key.failed() == [act.KeepKey()]


def test_a_key_from_a_later_source_is_no_longer_used_than_the_interval():
    key = loading(*SOURCES, interval_ms=5_000)
    key.failed(0)
    key.loaded(0)
    assert key.wanted(5_001) == [load("kms", 5_001)]


# --- refused ------------------------------------------------------------------------------------------------------------------


def test_a_refused_key_is_replaced_and_readers_wait_for_it():
    key = in_use(*SOURCES)
    assert key.refused(500) == [load("kms", 500), wait_until(500 + act.WAIT_MS)]
    assert key.state is State.LOADING
    assert key.loaded(600) == [Disarm(act.WaitOver), act.UseKey("kms")]


def test_a_refusal_of_an_earlier_key_means_nothing():
    key = in_use()
    assert (key.refused(500, current=False), key.state) == ([], State.LOADED)
    key = reloading()
    assert (key.refused(1_500, current=False), key.state) == ([], State.RELOADING)


@pytest.mark.parametrize(("ms", "again"), [(500, False), (500 + act.REPLACE_MS - 1, False), (500 + act.REPLACE_MS, True)])
def test_a_key_that_stays_wrong_is_replaced_once_in_a_minute(ms, again):
    key = in_use()
    key.refused(500)
    key.loaded(500)
    assert bool(key.refused(ms)) is again


def test_a_refusal_during_a_reload_lets_readers_wait_for_it():
    key = reloading(*SOURCES)
    assert key.refused(1_500) == [wait_until(1_500 + act.WAIT_MS)]
    assert key.state is State.LOADING
    assert key.failed(1_600) == [load("ssm", 1_600)], "a key that works is now to be had wherever it comes from"


def test_a_refused_key_stays_when_there_is_no_other():
    key = in_use()
    key.refused(500)
    assert key.failed(600) == [Disarm(act.WaitOver), act.KeepKey()]
    assert key.state is State.LOADED
    key = in_use()
    key.refused(500)
    key.wait_over(500 + act.WAIT_MS)
    assert (key.failed(4_000), key.state) == ([act.KeepKey()], State.LOADED)


@pytest.mark.parametrize("state", [State.UNLOADED, State.LOADING, State.BACKGROUND, State.FAILED], ids=str)
def test_a_late_refusal_means_nothing(state):
    key = STANDING[state]()
    assert (key.refused(5_000), key.state) == ([], state)


# --- freezes and restores -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.LOADING, State.BACKGROUND, State.RELOADING], ids=str)
def test_a_load_begins_afresh_after_a_freeze_and_the_wait_does_not(state):
    key = STANDING[state](*SOURCES)
    key.machine.data = attrs.evolve(key.data, tries=2)
    assert (key.thawed(9_000), key.state) == ([act.CancelLoad(), load("kms", 9_000)], state)
    assert key.data.tries == 1
    assert (act.WaitOver in key.machine.armed) == (state is State.LOADING)


@pytest.mark.parametrize("state", [State.UNLOADED, State.LOADED, State.FAILED], ids=str)
def test_a_freeze_means_nothing_where_nothing_is_under_way(state):
    key = STANDING[state]()
    assert (key.thawed(9_000), key.state) == ([], state)


@pytest.mark.parametrize(
    ("state", "effects"),
    [
        (State.UNLOADED, []),
        (State.BACKGROUND, [act.CancelLoad(), act.ForgetKey()]),
        (State.LOADED, [act.ForgetKey()]),
        (State.RELOADING, [act.CancelLoad(), act.ForgetKey()]),
        (State.FAILED, [act.ForgetKey()]),
    ],
    ids=str,
)
def test_a_restore_forgets_everything(state, effects):
    key = STANDING[state](*SOURCES, interval_ms=1_000)
    assert key.restored(9_000) == effects
    assert (key.state, key.data) == (State.UNLOADED, act.Data(SOURCES, 1_000))


def test_a_restore_while_readers_wait_loads_for_them_anew():
    key = loading(*SOURCES)
    assert key.restored(9_000) == [act.CancelLoad(), act.ForgetKey(), load("kms", 9_000), wait_until(9_000 + act.WAIT_MS)]
    assert key.state is State.LOADING


# --- whatever comes -----------------------------------------------------------------------------------------------------------

ONE_OF_EACH = [
    act.KeyWanted(now()),
    act.KeyLoaded(now()),
    act.LoadFailed(now(), transient=False),
    act.KeyRefused(now(), current=True),
    ev.Thawed(now(), 60_000),
    ev.Restored(now()),
]
UNDER_WAY = {State.LOADING, State.BACKGROUND, State.RELOADING}


@pytest.mark.parametrize("state", State, ids=str)
@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_only_the_end_of_a_load_that_nobody_began_is_unexpected(state, event):
    effects = STANDING[state]().machine.feed(event)
    is_end = isinstance(event, act.KeyLoaded | act.LoadFailed)
    assert any(isinstance(effect, Unexpected) for effect in effects) == (is_end and state not in UNDER_WAY)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["wanted", "loaded", "failed", "passing", "refused", "stale", "thawed", "restored", "over"]),
        st.integers(0, 90_000),
    ),
    max_size=60,
)


@given(STEPS, st.sampled_from([None, 1_000, 3_600_000]))
def test_whatever_happens_one_load_is_under_way_in_three_states_and_none_in_the_others(steps, interval_ms):
    key = Key(*SOURCES, interval_ms=interval_ms)
    under_way, has_key = False, False
    for what, pass_ms in steps:
        ms = key.ms + pass_ms
        if what in ("loaded", "failed", "passing") and not under_way:
            continue
        if what == "over" and act.WaitOver not in key.machine.armed:
            continue
        effects = {
            "wanted": key.wanted,
            "loaded": key.loaded,
            "failed": key.failed,
            "passing": lambda ms: key.failed(ms, transient=True),
            "refused": key.refused,
            "stale": lambda ms: key.refused(ms, current=False),
            "thawed": key.thawed,
            "restored": key.restored,
            "over": key.wait_over,
        }[what](ms)
        assert not any(isinstance(effect, Unexpected) for effect in effects)
        if what in ("loaded", "failed", "passing"):
            under_way = False
        for effect in effects:
            if isinstance(effect, act.CancelLoad):
                assert under_way
                under_way = False
            elif isinstance(effect, act.Load):
                assert not under_way
                under_way = True
            elif isinstance(effect, act.UseKey):
                has_key = True
            elif isinstance(effect, act.ForgetKey):
                has_key = False
        assert under_way == (key.state in UNDER_WAY)
        assert (act.WaitOver in key.machine.armed) == (key.state is State.LOADING), "waiting always has an end"
        assert has_key or key.state not in (State.LOADED, State.RELOADING)
        assert (key.data.key_at is not None) == has_key
