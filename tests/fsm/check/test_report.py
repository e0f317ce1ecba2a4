import attrs

from fsm.check.explore import explore
from fsm.check.flushes import FLUSH
from fsm.check.model import Taken
from fsm.check.models import MODELS
from fsm.check.report import coverage, coverage_document, coverage_lines
from fsm.machines import MACHINES

ALL = explore(FLUSH, MACHINES)
ROW = Taken("flush", "IDLE", "FlushAsked", 0)


def of_flush(model=FLUSH, result=ALL, others=()):
    (covered,) = coverage([model], [result], [model, *others], MACHINES)
    return covered


def test_a_machine_whose_rows_are_all_taken_is_told_of_truly():
    covered = of_flush()
    assert (covered.taken, covered.rows, covered.is_true) == (15, 15, True)
    assert coverage_lines([covered]) == ["flush: 15 of 15 rows taken"]


def test_a_row_that_was_never_taken_is_told_of_and_is_not_all_right():
    covered = of_flush(result=attrs.evolve(ALL, taken=ALL.taken - {ROW}))
    assert (covered.taken, covered.missed, covered.is_true) == (14, (ROW,), False)
    assert "  never taken: flush: IDLE x FlushAsked, row 1" in coverage_lines([covered])


def test_a_row_with_a_reason_may_be_left_alone():
    model = attrs.evolve(FLUSH, unreached={("flush", "IDLE", "FlushAsked"): "nobody asks"})
    covered = of_flush(model, attrs.evolve(ALL, taken=ALL.taken - {ROW}))
    assert (covered.explained, covered.is_true) == (((ROW, "nobody asks"),), True)
    assert coverage_document([covered])["flush"]["cannot be taken"] == {"flush: IDLE x FlushAsked, row 1": "nobody asks"}


def test_a_reason_for_what_is_taken_after_all_is_not_all_right():
    covered = of_flush(attrs.evolve(FLUSH, unreached={("flush", "IDLE", "FlushAsked"): "nobody asks"}))
    assert not covered.is_true
    assert "  can be taken after all: IDLE x FlushAsked" in coverage_lines([covered])


def test_where_other_models_have_the_machine_too_one_alone_says_nothing_of_its_rows():
    covered = of_flush(result=attrs.evolve(ALL, taken=ALL.taken - {ROW}), others=[MODELS["life_end"]])
    assert (covered.missed, covered.is_true) == ((ROW,), True)
