"""The boundary around a pipeline."""

import pytest

from fsm.time import Now
from reactor.agent.contain import Contained
from reactor.agent.ledger import Ledger


def at(ms):
    return Now(1_700_000_000_000 + ms, ms)


class Pipeline:
    def __init__(self):
        self.items = []

    def take(self, item):
        if item == "bad":
            raise KeyError(item)
        self.items.append(item)
        return len(self.items)


@pytest.fixture
def said():
    return []


@pytest.fixture
def ledger():
    return Ledger()


@pytest.fixture
def contained(ledger, said):
    return Contained("logs", Pipeline, lambda pipeline: len(pipeline.items), ledger, lambda level, text: said.append((level, text)))


def test_what_succeeds_comes_through(contained):
    assert contained.call(Pipeline.take, "good", now=at(0)) == 1


def test_an_error_costs_one_item_and_gives_what_was_to_be_given_otherwise(contained):
    contained.call(Pipeline.take, "good", now=at(0))
    assert contained.call(Pipeline.take, "bad", now=at(1), otherwise="nothing") == "nothing"
    assert contained.value.items == ["good"]


def test_errors_are_counted_each_and_said_once(contained, ledger, said):
    contained.call(Pipeline.take, "bad", now=at(0))
    contained.call(Pipeline.take, "bad", now=at(100_000))
    assert ledger.statistics().noted == {"errors in the logs pipeline": 2}
    assert said == [("ERROR", "the logs pipeline failed, an item is lost: KeyError: 'bad'")]


@pytest.mark.parametrize(
    ("moments", "replaced"),
    [((0, 1, 2), True), ((0, 1, 59_999), True), ((0, 1, 60_000), False), ((0, 1), False), ((0, 59_000, 70_000), False)],
)
def test_the_third_error_within_a_minute_replaces_the_pipeline_and_counts_what_it_held(contained, ledger, moments, replaced):
    before = contained.value
    contained.call(Pipeline.take, "good", now=at(0))
    for ms in moments:
        contained.call(Pipeline.take, "bad", now=at(ms))
    assert (contained.value is not before) == replaced
    assert ledger.statistics().dropped == ({"logs: the pipeline was replaced after errors": 1} if replaced else {})


def test_a_new_pipeline_starts_with_a_clean_record(contained):
    for ms in range(5):
        contained.call(Pipeline.take, "bad", now=at(ms))
    contained.call(Pipeline.take, "good", now=at(6))
    assert contained.value.items == ["good"], "three errors replaced it, two more did not"


def test_a_pipeline_too_broken_to_say_what_it_held_is_replaced_all_the_same(contained, ledger):
    before = contained.value
    before.items = None
    for ms in range(3):
        contained.call(Pipeline.take, "bad", now=at(ms))
    assert contained.value is not before
    assert contained.call(Pipeline.take, "good", now=at(4)) == 1


def test_a_pipeline_that_cannot_be_made_anew_is_kept(ledger, said):
    made = []

    def make():
        if made:
            raise OSError("no more")
        made.append(Pipeline())
        return made[0]

    contained = Contained("logs", make, lambda pipeline: len(pipeline.items), ledger, lambda level, text: said.append(level))
    for ms in range(3):
        contained.call(Pipeline.take, "bad", now=at(ms))
    assert contained.call(Pipeline.take, "good", now=at(4)) == 1


def test_only_errors_are_held_back(contained):
    def interrupt(pipeline):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contained.call(interrupt, now=at(0))


def test_one_that_is_made_lazily_is_made_by_its_first_call_and_not_by_questions(ledger, said):
    made = []

    def make():
        made.append(Pipeline())
        return made[-1]

    contained = Contained("logs", make, lambda pipeline: 0, ledger, lambda *line: said.append(line), lazily=True)
    assert contained.call_if_made(len, now=at(0), otherwise="none") == "none"
    assert made == []
    assert contained.call(Pipeline.take, "good", now=at(0)) == 1
    assert contained.call_if_made(Pipeline.take, "good", now=at(0)) == 2
    assert len(made) == 1


def test_one_that_cannot_be_made_costs_what_was_to_go_into_it(ledger, said):
    contained = Contained("logs", lambda: {}["missing"], len, ledger, lambda *line: said.append(line), lazily=True)
    for ms in range(12):
        assert contained.call(Pipeline.take, "good", now=at(ms), otherwise="lost") == "lost"
    assert ledger.statistics().noted == {"errors in the logs pipeline": 12}
    assert [level for level, _ in said] == ["ERROR"]
