"""The script of an intake's misbehaviour: its text, and what it chooses."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.misbehaviour import Misbehaviour, Script, ScriptError, parse_misbehaviour, parse_script


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("status:500*3", Misbehaviour("status", status=500, times=3)),
        ("delay:2000", Misbehaviour("delay", wait_ms=2000)),
        ("hang", Misbehaviour("hang")),
        ("drop*1@/api/v2/logs", Misbehaviour("drop", times=1, pattern="/api/v2/logs")),
        ("drop-after-read%25", Misbehaviour("drop-after-read", percent=25.0)),
        ("slow", Misbehaviour("slow", wait_ms=10)),
        ("slow:0", Misbehaviour("slow", wait_ms=0)),
        ("half*2%12.5@*series", Misbehaviour("half", times=2, percent=12.5, pattern="*series")),
        ("reset@*[ab]*", Misbehaviour("reset", pattern="*[ab]*")),
        ("status:429:retry-after=1", Misbehaviour("status", status=429, headers=(("retry-after", "1"),))),
        ("status:503:a=1:b=x y*1", Misbehaviour("status", status=503, headers=(("a", "1"), ("b", "x y")), times=1)),
    ],
)
def test_a_clause_is_read_and_written(text, clause):
    assert parse_misbehaviour(text) == clause
    assert parse_misbehaviour(str(clause)) == clause


BAD = """status|status:abc|status:199|status:600|status:429:retry-after|delay|delay:-1|delay:1:2|slow:x|hang:1|explode|drop*0|drop*x|drop*
|drop%101|drop%x|drop%nan|drop@|status:500:é=1|status:500:=1|delay:²""".replace("\n", "").split("|")


@pytest.mark.parametrize("text", ["", "status:500:a=\n", *BAD])
def test_a_clause_outside_the_grammar_is_refused_by_name(text):
    with pytest.raises(ScriptError) as caught:
        parse_misbehaviour(text)
    assert caught.value.clause == text


def test_clauses_are_separated_by_semicolons_and_blank_ones_are_nothing():
    assert [str(clause) for clause in parse_script(" status:500*3 ;; delay:5 ; ")] == ["status:500*3", "delay:5"]
    assert parse_script("") == ()


WORDS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)
CLAUSES = st.builds(
    lambda what, times, percent, pattern: Misbehaviour(*what, times=times, percent=percent, pattern=pattern),
    st.one_of(
        st.sampled_from([("hang",), ("drop",), ("drop-after-read",), ("reset",), ("half",)]),
        st.tuples(st.just("status"), st.integers(200, 599), st.just(0), st.lists(st.tuples(WORDS, WORDS), max_size=2).map(tuple)),
        st.tuples(st.sampled_from(["delay", "slow"]), st.just(0), st.integers(0, 10**9)),
    ),
    st.none() | st.integers(1, 10**9),
    st.floats(0, 100),
    st.text("/abc*?[]*", min_size=1, max_size=10),
)


@given(CLAUSES)
def test_what_is_written_is_read_as_the_same(clause):
    assert parse_misbehaviour(str(clause)) == clause


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        *((text, True) for text in ("status:202", "delay:1", "slow", "half", "drop-after-read")),
        *((text, False) for text in ("status:500", "status:301", "drop", "hang", "reset")),
    ],
)
def test_data_is_kept_exactly_where_only_the_answer_suffers(text, keeps):
    assert parse_misbehaviour(text).keeps_the_data is keeps


def test_counted_clauses_are_used_up_in_their_order():
    script = Script(parse_script("status:500*2; drop*1@/logs; hang*1"), lambda: 0.0)
    chosen = [script.choose(path) for path in ("/logs", "/series", "/series", "/logs", "/logs")]
    assert [clause.what if clause else None for clause in chosen] == ["status", "status", "hang", "drop", None]
    assert script.exhausted


def test_a_clause_without_a_count_never_ends():
    script = Script(parse_script("drop@/logs"), lambda: 0.0)
    assert [bool(script.choose(path)) for path in ("/logs", "/series", "/logs")] == [True, False, True]
    assert not script.exhausted


def test_a_clause_by_chance_uses_its_count_only_when_it_strikes():
    rolls = iter([0.5, 0.05, 0.05])
    script = Script(parse_script("drop*1%10"), lambda: next(rolls))
    assert [bool(script.choose("/")) for _ in range(4)] == [False, True, False, False]


def test_the_same_seed_gives_the_same_run():
    def run(seed):
        script = Script(parse_script("drop%30"), random.Random(seed).random)
        return [script.choose("/") is not None for _ in range(200)]

    assert run(1) == run(1) != run(2)
    assert 30 <= sum(run(1)) <= 90
