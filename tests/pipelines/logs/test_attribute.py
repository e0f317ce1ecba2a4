"""Whose a line is when it does not say so itself (specification, logs 3)."""

import pytest

from pipelines.logs.attribute import LIVE_IDS_MAX, ORPHAN_BYTES_MAX, ORPHANS_MAX, Attribution, Orphans
from pipelines.logs.held import LINE_BYTES


@pytest.mark.parametrize(
    ("steps", "owner"),
    [
        ([], None),
        ([("started", "a")], "a"),
        ([("started", "a"), ("ended", "a")], "a"),
        ([("started", "a"), ("ended", "a"), ("reported", "a")], None),
        ([("started", "a"), ("reported", "a")], None),
        ([("started", "b"), ("ended", "a"), ("reported", "a")], "b"),
        ([("started", "a"), ("ended", "a"), ("started", "b")], "b"),
        ([("started", "a"), ("init_started",)], "a"),
        ([("started", "a"), ("ended", "a"), ("init_started",)], None),
        ([("started", "a"), ("ended", "b"), ("init_started",)], "a"),
    ],
)
def test_on_demand_a_line_belongs_to_who_runs_or_has_ended_and_is_not_reported(steps, owner):
    attribution = Attribution(managed=False)
    for step, *request_id in steps:
        getattr(attribution, step)(*request_id)
    assert attribution.owner == owner
    assert attribution.suspect == owner


@pytest.mark.parametrize(
    ("steps", "suspect"),
    [
        ([], None),
        ([("started", "a")], "a"),
        ([("started", "a"), ("started", "b")], None),
        ([("started", "a"), ("started", "b"), ("reported", "a")], "b"),
        ([("started", "a"), ("reported", "a")], None),
    ],
)
def test_managed_nobody_owns_a_line_and_only_who_runs_alone_is_suspected(steps, suspect):
    attribution = Attribution(managed=True)
    for step, request_id in steps:
        getattr(attribution, step)(request_id)
    assert attribution.owner is None
    assert attribution.suspect == suspect


def test_the_live_ids_are_bounded():
    attribution = Attribution(managed=True)
    for number in range(LIVE_IDS_MAX + 5):
        attribution.started(str(number))
    for number in range(5, LIVE_IDS_MAX + 4):
        attribution.reported(str(number))
    assert attribution.suspect == str(LIVE_IDS_MAX + 4), "the five oldest were forgotten"


def line(text):
    return (text, 0, "info", None, "", False, None)


def test_orphans_are_released_in_their_order_and_once():
    orphans = Orphans()
    assert [orphans.add(line(text)) for text in "abc"] == [[], [], []]
    assert (len(orphans), orphans.release(), orphans.release()) == (3, [line("a"), line("b"), line("c")], [])


def test_the_oldest_orphan_goes_when_there_are_too_many():
    orphans = Orphans()
    for number in range(ORPHANS_MAX):
        assert orphans.add(line(str(number))) == []
    assert orphans.add(line("one more")) == [line("0")]
    assert len(orphans) == ORPHANS_MAX


def test_orphans_are_bounded_in_bytes_as_well():
    orphans = Orphans()
    half = "x" * (ORPHAN_BYTES_MAX // 2 - LINE_BYTES)
    assert orphans.add(line(half)) == orphans.add(line(half)) == []
    assert orphans.add(line("y")) == [line(half)]
    assert orphans.add(line(half * 3)) == [line(half), line("y"), line(half * 3)]
