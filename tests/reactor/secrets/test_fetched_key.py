"""The key in use: who waits for it and how long, what is said, and what is never said."""

from functools import partial

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from fsm import secret_actions as act
from protocols.api_key import Failure
from reactor.fetched_key import FetchedKey

ONE, TWO = "1" * 32, "2" * 32
NONE_THERE = Failure("status 400, AccessDeniedException")
LATER = Failure("status 503, no reason given", transient=True)


class Source:
    """Answers as its script says, then always the last: a key, a Failure, an exception, seconds to wait before the next word, or `hang`."""

    def __init__(self, *script):
        self.script, self.asked, self.under_way, self.together = list(script), [], 0, 0

    async def load(self, source):
        self.asked.append((source, trio.current_time()))
        self.under_way += 1
        self.together = max(self.together, self.under_way)
        try:
            while True:
                word = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if isinstance(word, Exception):
                    raise word
                if not isinstance(word, int | float):
                    break
                await trio.sleep(word)
            if word == "hang":
                await trio.sleep_forever()
            return word
        finally:
            self.under_way -= 1


@pytest.fixture
def said():
    return []


@pytest.fixture
def make(nursery, clock, said):
    def make(*script, sources=("kms",), interval_ms=None):
        source = Source(*script)
        say = lambda level, text: said.append((level, text))  # noqa: E731  # shorter than a function of one line
        key = FetchedKey(sources, interval_ms, source.load, clock, nursery.start_soon, say)
        return key, source

    return make


def lines(said):
    return [line for line in said if line[0] != "DEBUG"]


async def read(key, into):
    into.append((await key.key(), trio.current_time()))


# --- the first load -----------------------------------------------------------------------------------------------------------


async def test_nothing_is_fetched_until_somebody_wants_the_key(autojump_clock, make, said):
    key, source = make(ONE)
    await wait_all_tasks_blocked()
    assert source.asked == []
    assert await key.key() == ONE
    assert lines(said) == []


async def test_all_readers_wait_for_the_one_load(autojump_clock, make, nursery):
    key, source = make(0.5, ONE)
    answers = []
    for _ in range(5):
        nursery.start_soon(read, key, answers)
    await trio.sleep(1)
    assert answers == [(ONE, 0.5)] * 5
    assert len(source.asked) == 1
    assert await key.key() == ONE
    assert len(source.asked) == 1


async def test_what_is_prepared_need_not_be_waited_for(autojump_clock, make):
    key, source = make(0.5, ONE)
    key.prepare()
    key.prepare()
    await trio.sleep(0.6)
    assert await key.key() == ONE
    assert trio.current_time() == pytest.approx(0.6)
    assert len(source.asked) == 1


async def test_a_source_that_hangs_holds_readers_once_and_no_longer_than_the_bound(autojump_clock, make, said):
    key, source = make("hang")
    assert await key.key() is None
    assert trio.current_time() == pytest.approx(act.WAIT_MS / 1000)
    assert lines(said) == [("WARN", "no API key yet, so telemetry waits: DD_KMS_API_KEY has not answered in 3000 ms")]
    for _ in range(200):
        before = trio.current_time()
        assert await key.key() is None
        assert trio.current_time() == before
        await trio.sleep(1)
    assert source.together == 1
    assert lines(said)[1:] == [("ERROR", "no API key, so telemetry waits: DD_KMS_API_KEY gave no API key: no answer in 5000 ms")]


async def test_a_hanging_source_is_left_after_a_bounded_time_for_the_next(autojump_clock, make, said):
    key, source = make("hang", sources=("kms", "ssm"))
    key.prepare()
    await trio.sleep(30)
    assert [name for name, _ in source.asked] == ["kms", "kms", "ssm", "ssm"]
    assert [at for _, at in source.asked] == pytest.approx([0, 5.1, 10.1, 15.2])
    assert key.state == "FAILED"


async def test_a_late_key_is_there_for_the_next_reader(autojump_clock, make):
    key, _ = make(4, ONE)
    assert await key.key() is None
    await trio.sleep(1.5)
    assert await key.key() == ONE


@pytest.mark.parametrize("passing", [LATER, "hang"])
async def test_what_passes_is_tried_again(autojump_clock, make, passing):
    key, source = make(passing, ONE)
    key.prepare()
    await trio.sleep(6)
    assert await key.key() == ONE
    assert len(source.asked) == 2


async def test_a_failure_of_ours_costs_the_try_and_its_words_are_not_told(autojump_clock, make, said):
    key, _ = make(ValueError(f"illegal header value {ONE}"))
    assert await key.key() is None
    assert lines(said) == [("ERROR", "no API key, so telemetry waits: DD_KMS_API_KEY gave no API key: cannot be asked: ValueError")]


# --- failing and coming back --------------------------------------------------------------------------------------------------


async def test_no_source_gives_a_key_and_it_is_said_once(autojump_clock, make, said):
    key, source = make(NONE_THERE, sources=("kms", "ssm"))
    for _ in range(100):
        assert await key.key() is None
        await trio.sleep(1)
    assert lines(said) == [
        (
            "ERROR",
            "no API key, so telemetry waits: DD_KMS_API_KEY gave no API key: status 400, AccessDeniedException; "
            "DD_API_KEY_SSM_ARN gave no API key: status 400, AccessDeniedException",
        )
    ]
    assert 10 < len(source.asked) < 20


async def test_a_key_that_comes_later_is_found_and_said(autojump_clock, make, said):
    key, _ = make(NONE_THERE, ONE)
    assert await key.key() is None
    await trio.sleep(1.1)
    assert await key.key() is None, "it does not wait, but it begins to load"
    await trio.sleep(0.1)
    assert await key.key() == ONE
    assert lines(said)[1:] == [("INFO", "API key loaded from DD_KMS_API_KEY")]


async def test_another_source_takes_over_and_both_are_named(autojump_clock, make, said):
    key, _ = make(NONE_THERE, ONE, sources=("kms", "plain"))
    assert await key.key() == ONE
    assert lines(said) == [("WARN", "DD_KMS_API_KEY gave no API key: status 400, AccessDeniedException; using the API key of DD_API_KEY")]


async def test_an_unusual_key_is_said(autojump_clock, make, said):
    key, _ = make("0123456789" * 4)
    await key.key()
    [(level, text)] = lines(said)
    assert level == "WARN"
    assert "application key" in text


# --- reload -------------------------------------------------------------------------------------------------------------------


async def test_the_old_key_is_used_while_the_new_one_is_fetched(autojump_clock, make):
    key, source = make(ONE, 0.5, TWO, interval_ms=1_000)
    assert await key.key() == ONE
    await trio.sleep(1.1)
    assert await key.key() == ONE
    assert await key.key() == ONE
    await trio.sleep(0.6)
    assert await key.key() == TWO
    assert (len(source.asked), source.together) == (2, 1)


async def test_a_reload_that_fails_keeps_the_key_and_says_so_once(autojump_clock, make, said):
    key, _ = make(ONE, NONE_THERE, interval_ms=1_000)
    for _ in range(50):
        assert await key.key() == ONE
        await trio.sleep(1.1)
    assert lines(said) == [("WARN", "DD_KMS_API_KEY gave no API key: status 400, AccessDeniedException; the API key in use stays")]


# --- refused ------------------------------------------------------------------------------------------------------------------


async def test_a_refused_key_is_fetched_anew_and_readers_wait_for_it(autojump_clock, make):
    key, source = make(ONE, 0.2, TWO)
    assert await key.key() == ONE
    assert key.refused(ONE)
    assert await key.key() == TWO
    assert trio.current_time() == pytest.approx(0.2)
    assert len(source.asked) == 2


async def test_many_refusals_of_one_key_fetch_once_and_those_of_the_old_key_are_worth_another_try(autojump_clock, make):
    key, source = make(ONE, 0.2, TWO)
    await key.key()
    assert [key.refused(ONE) for _ in range(5)] == [True] * 5
    assert await key.key() == TWO
    assert key.refused(ONE), "the key has changed meanwhile"
    assert key.state == "LOADED"
    assert len(source.asked) == 2


async def test_a_key_that_stays_wrong_is_fetched_once_in_a_minute(autojump_clock, make):
    key, source = make(ONE)
    await key.key()
    worth = []
    for _ in range(120):
        worth.append(key.refused(await key.key()))
        await trio.sleep(1)
    assert len(source.asked) == 3
    assert worth.count(True) == 2


async def test_without_a_name_it_is_the_key_in_use_that_was_refused(autojump_clock, make):
    key, _ = make(ONE, TWO)
    await key.key()
    assert key.refused()
    assert await key.key() == TWO


# --- freezes and restores -----------------------------------------------------------------------------------------------------


async def test_after_a_freeze_a_load_begins_afresh(autojump_clock, make, nursery):
    key, source = make("hang", ONE)
    answers = []
    nursery.start_soon(read, key, answers)
    await trio.sleep(0.5)
    key.thawed()
    await trio.sleep(0.1)
    assert answers == [(ONE, 0.5)]
    assert (len(source.asked), source.under_way) == (2, 0)


async def test_a_restored_sandbox_fetches_a_key_of_its_own(autojump_clock, make):
    key, _ = make(ONE, TWO)
    assert await key.key() == ONE
    key.restored()
    assert key.state == "UNLOADED"
    assert key.refused(ONE), "the key of before is not the one in use"
    assert await key.key() == TWO


async def test_an_answer_from_before_a_restore_is_never_used(autojump_clock, make):
    key, source = make(0.5, ONE, TWO)
    key.prepare()
    await trio.sleep(0.4)
    key.restored()
    source.script = [TWO]
    assert await key.key() == TWO
    await trio.sleep(5)
    assert await key.key() == TWO


async def test_a_load_that_is_done_in_the_moment_it_is_cancelled_is_not_used(autojump_clock, nursery, clock):
    keys = [ONE, TWO]

    async def load(source):
        if len(keys) == 2:
            key.restored()
        return keys.pop(0)

    key = FetchedKey(("kms",), None, load, clock, nursery.start_soon, lambda level, text: None)
    assert await key.key() == TWO
    assert (keys, key.statistics().unexpected) == ([], 0)


# --- never shown --------------------------------------------------------------------------------------------------------------


async def test_the_key_is_in_no_line_and_no_repr(autojump_clock, make, said):
    key, _ = make(ONE, NONE_THERE, "arn:" + TWO, interval_ms=1_000)
    shown = []
    for _ in range(10):
        key.refused(await key.key())
        shown += [repr(key), repr(key.statistics()), repr(key._machine)]
        await trio.sleep(1.5)
    assert said
    assert not any(secret in text for secret in (ONE, TWO) for text in (*shown, *map(repr, said)))


async def test_times_are_told_at_debug(autojump_clock, make, said):
    key, _ = make(0.25, ONE)
    await key.key()
    assert said == [("DEBUG", "Decrypt took 250 ms")]


async def test_what_it_did_is_counted(autojump_clock, make):
    key, _ = make(LATER, NONE_THERE, ONE, sources=("kms", "ssm"))
    key.refused(await key.key())
    counts = key.statistics()
    assert (counts.tries, counts.failed, counts.refused, counts.unexpected) == (3, 2, 1, 0)
    assert repr(key) == f"<FetchedKey {key.state} {counts}>"


async def test_tasks_end_with_the_nursery_that_runs_them(autojump_clock, clock):
    source = Source("hang")
    async with trio.open_nursery() as nursery:
        key = FetchedKey(("kms",), None, source.load, clock, nursery.start_soon, lambda level, text: None)
        nursery.start_soon(partial(read, key, []))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert source.under_way == 0
