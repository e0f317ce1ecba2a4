import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm.decision import ADAPTIVE_INTERVAL_MS, RING_LENGTH, Cadence, Decision, Kind, Strategy, concrete, decide, race_interval_ms

START_S = 1_700_000_000
CONTINUOUSLY = Strategy(Kind.CONTINUOUSLY, ADAPTIVE_INTERVAL_MS)
PERIODICALLY = Strategy(Kind.PERIODICALLY, ADAPTIVE_INTERVAL_MS)
END = Strategy(Kind.END)


def cadence(strategy=None, flush_timeout_s=30, ring=(), last_flush_s=START_S):
    return Cadence(strategy or Strategy(), flush_timeout_s, last_flush_s, tuple(ring))


def decisions(moments_s, start):
    taken = []
    for now_s in moments_s:
        decision, start = decide(start, now_s)
        taken.append(decision.value)
    return taken


def every(gap_s, times):
    """Invocations `gap_s` apart, the first two seconds after the start: the specification's computed sequences."""
    return decisions([START_S + 2 + gap_s * i for i in range(times)], cadence())


# Specification, lifecycle 12: computed sequences.
SEQUENCES = [
    (1, ["Continuous", *["Dont"] * 20, "Continuous", *["Dont"] * 20, "Continuous"]),
    (5, ["Periodic", *["Dont"] * 4, "Periodic", *["Dont"] * 4, "Periodic"]),
    (60, ["Periodic"] * 10),
    (119, ["Periodic"] * 10),
    (120, ["End"] * 10),
]


@pytest.mark.parametrize(("gap_s", "after_nineteen"), SEQUENCES)
def test_by_default_nineteen_flush_at_their_end_and_then_the_gaps_decide(gap_s, after_nineteen):
    assert every(gap_s, 19 + len(after_nineteen)) == ["End"] * 19 + after_nineteen


# Specification, lifecycle 12: the reference's own test rows.
def test_the_first_invocation_flushes_at_its_end():
    assert decide(cadence(), START_S)[0] is Decision.END


def test_the_twentieth_in_quick_succession_flushes_beside():
    _, before = decide(cadence(), START_S)
    for _ in range(18):
        _, before = decide(before, START_S)
    before = attrs.evolve(before, last_flush_s=before.last_flush_s - 61)
    assert decide(before, START_S)[0] is Decision.CONTINUOUS


@pytest.mark.parametrize(
    ("kind", "decision"),
    [(Kind.PERIODICALLY, Decision.PERIODIC), (Kind.END_PERIODICALLY, Decision.END), (Kind.CONTINUOUSLY, Decision.CONTINUOUS)],
)
def test_an_interval_that_has_passed_flushes_in_the_way_of_its_kind(kind, decision):
    before = cadence(Strategy(kind, 1), last_flush_s=START_S - 2)
    assert decide(before, START_S) == (decision, attrs.evolve(before, ring=(START_S,), last_flush_s=START_S))


RING_ROWS = [
    (range(21), 21, 60, CONTINUOUSLY),
    (range(21), 21, 1, PERIODICALLY),
    (range(5000, 5020), 10_000, 60, END),
    ([100 * i + 1 for i in range(26)], 2501, 60, PERIODICALLY),
    ([130 * i + 1 for i in range(26)], 130 * 25 + 1, 60, END),
    ([1], 1, 60, END),
]


@pytest.mark.parametrize(("times_s", "now_s", "timeout_s", "expected"), RING_ROWS)
def test_the_last_twenty_times_choose_the_strategy(times_s, now_s, timeout_s, expected):
    ring = tuple(times_s)[-RING_LENGTH:]
    assert concrete(cadence(flush_timeout_s=timeout_s), ring, now_s) == expected


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.DEFAULT])
def test_a_strategy_that_was_asked_for_is_kept_whatever_the_gaps(kind):
    asked = Strategy(kind, 7_000)
    assert concrete(cadence(asked), (START_S,) * RING_LENGTH, START_S) is asked


@pytest.mark.parametrize(("passed_s", "decision"), [(20, "Dont"), (21, "Periodic")])
def test_an_interval_has_passed_only_after_its_whole_seconds(passed_s, decision):
    assert decisions([START_S + passed_s], cadence(Strategy(Kind.PERIODICALLY, 20_999))) == [decision]


@pytest.mark.parametrize("kind", [Kind.PERIODICALLY, Kind.CONTINUOUSLY, Kind.END_PERIODICALLY])
def test_what_was_not_due_is_still_counted_from_the_last_flush(kind):
    asked = cadence(Strategy(kind, 10_000))
    taken = decisions([START_S + 4, START_S + 8, START_S + 11, START_S + 12], asked)
    assert [each == "Dont" for each in taken] == [True, True, False, True]


def test_a_flush_at_the_end_does_not_touch_the_interval():
    assert decide(cadence(Strategy(Kind.END)), START_S + 100)[1].last_flush_s == START_S


def test_the_ring_remembers_the_last_twenty():
    after = cadence()
    for second in range(25):
        _, after = decide(after, START_S + second)
    assert after.ring == tuple(range(START_S + 5, START_S + 25))


# A wall clock that goes backwards.
@pytest.mark.parametrize("kind", [Kind.PERIODICALLY, Kind.CONTINUOUSLY, Kind.END_PERIODICALLY])
def test_a_clock_that_went_back_holds_up_flushing_for_one_interval_only(kind):
    hour_s, asked = 3600, cadence(Strategy(kind, 10_000))
    taken = decisions([START_S - hour_s, START_S - hour_s + 10, START_S - hour_s + 11], asked)
    assert [each == "Dont" for each in taken] == [True, True, False]


def test_a_ring_from_the_future_counts_as_no_time_passed():
    assert concrete(cadence(), (START_S + 900,) * RING_LENGTH, START_S) == CONTINUOUSLY


@given(st.lists(st.integers(0, 2**40), max_size=60), st.sampled_from(Kind), st.integers(1, 10**7), st.integers(0, 3600))
def test_any_clock_gives_a_decision_that_fits_the_strategy(times_s, kind, interval_ms, timeout_s):
    possible = {
        Kind.DEFAULT: {"End", "Continuous", "Periodic", "Dont"},
        Kind.END: {"End"},
        Kind.END_PERIODICALLY: {"End", "Dont"},
        Kind.PERIODICALLY: {"Periodic", "Dont"},
        Kind.CONTINUOUSLY: {"Continuous", "Dont"},
    }
    assert set(decisions(times_s, cadence(Strategy(kind, interval_ms), timeout_s))) <= possible[kind]


# Specification, lifecycle 11: the period of flushes inside a long invocation.
@pytest.mark.parametrize(
    ("strategy", "interval_ms"),
    [
        (Strategy(), 60_000),
        (Strategy(Kind.END), 900_000),
        (Strategy(Kind.END_PERIODICALLY, 1_000), 1_000),
        (Strategy(Kind.PERIODICALLY, 60_000), 60_000),
        (Strategy(Kind.CONTINUOUSLY, 2_000), 2_000),
    ],
)
def test_each_strategy_has_its_flush_in_the_middle(strategy, interval_ms):
    assert race_interval_ms(strategy) == interval_ms


def test_the_words_of_the_configuration_name_the_kinds():
    assert [Kind(word) for word in ("default", "end", "end_periodically", "periodically", "continuously")] == list(Kind)
