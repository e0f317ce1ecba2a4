"""The counts behind the line at the end."""

from hypothesis import given
from hypothesis import strategies as st

from reactor.agent.ledger import WORDS_MAX, Ledger


def test_nothing_lost_is_no_line():
    ledger = Ledger()
    ledger.accept("datagram", 3)
    ledger.deliver("logs", 3)
    ledger.note("invocations")
    assert ledger.line() == ""


def test_the_line_names_each_loss_with_its_reason_and_count():
    ledger = Ledger()
    ledger.drop("logs", "status 403", 7)
    ledger.drop("logs", "no room", 1)
    ledger.refuse("metric line", "no value", 2)
    assert ledger.line() == "lost or refused: 1 logs: no room; 7 logs: status 403; 2 metric line: no value"


def test_only_the_first_of_a_kind_is_worth_a_line_of_its_own():
    ledger = Ledger()
    assert ledger.note("errors")
    assert not ledger.note("errors")
    assert ledger.statistics().noted == {"errors": 2}


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 9)), max_size=400))
def test_reasons_without_end_share_one_name_and_no_count_is_lost(drops):
    ledger = Ledger()
    for reason, count in drops:
        ledger.drop("logs", str(reason), count)
    dropped = ledger.statistics().dropped
    assert sum(dropped.values()) == sum(count for _, count in drops)
    assert len(dropped) <= WORDS_MAX + 1


def test_a_snapshot_does_not_change_with_what_follows():
    ledger = Ledger()
    before = ledger.statistics()
    ledger.accept("datagram")
    assert before.accepted == {}
