"""What a seal leaves behind, in a form that outlives the process, and how another process goes on with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm.time import Now
from pipelines.logs.held import DurableContext, as_values, line_of
from pipelines.logs.pipeline import LogsPipeline
from protocols.intake_logs import STATUSES

ID = "a"
START = ("platform.start", {"requestId": ID})
DONE = ("platform.runtimeDone", {"requestId": ID})
NOW = Now(epoch_ms=5_000, mono_ms=0)
DURABLE_INIT = ("platform.initStart", {"runtimeVersion": "python:3.14.DurableFunction.v6"})
TEXT = st.text(st.characters(codec=None), max_size=20)  # half surrogate pairs included
CONTEXTS = st.none() | st.builds(DurableContext, TEXT, TEXT, st.none() | TEXT, st.none() | st.booleans())
LINES = st.tuples(TEXT, st.integers(), st.sampled_from(STATUSES), st.none() | TEXT, TEXT, st.booleans(), CONTEXTS)


@given(LINES)
def test_a_line_comes_back_from_json_as_it_was(line):
    assert line_of(json.loads(json.dumps(as_values(line)))) == line


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.sampled_from(["info", "error"]),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(ANY_JSON | st.lists(ANY_JSON, min_size=7, max_size=7))
def test_what_is_no_line_is_none(value):
    line = line_of(value)
    assert line is None or as_values(line) == value


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 7),
        (1, "7"),
        (1, True),
        (2, "shouted"),
        (2, 'info","x":"y'),
        (3, 7),
        (4, None),
        (5, 0),
        (6, "text"),
        (6, []),
        (6, ["i", "n", 7, None]),
    ],
)
def test_one_wrong_field_is_enough(place, value):
    values = ["text", 1, "info", None, "", False, ["id", "name", None, None]]
    assert line_of(values) is not None
    values[place] = value
    assert line_of(values) is None


def test_nothing_waits_when_all_is_sealed(bench):
    b = bench()
    b.take(START, ("function", "owned"), DONE)
    assert b.pipeline.waiting() == []
    assert bench(managed=True).pipeline.waiting() == []


def test_orphans_and_held_lines_wait_in_their_order_and_a_seal_changes_nothing_of_it(bench):
    b = bench(durable_ids_max=5)
    b.take(("function", "one"), ("extension", '{"level":"ERROR"}'), DONE)
    before = b.pipeline.waiting()
    b.pipeline.seal()
    assert b.pipeline.waiting() == before
    assert [values[:4] for values in before] == [
        ["one", 1673061827000, "info", None],
        ['{"level":"ERROR"}', 1673061827000, "error", None],
        [f"END RequestId: {ID}", 1673061827000, "info", ID],
    ]


@pytest.mark.parametrize("durable_ids_max", [0, 5])
def test_adopted_lines_go_at_once_as_they_are_and_keep_the_owner_that_they_had(bench, durable_ids_max):
    seen = []
    b = bench(durable_ids_max=durable_ids_max)
    sdk = {"ddtags": "a:b", "executionArn": "x/durable-execution/name/id"}
    b.take(DURABLE_INIT, ("function", "one"), ("function", sdk), DONE)
    other = bench(durable_ids_max=durable_ids_max, apply_rules=lambda text: seen.append(text))
    other.pipeline.adopt(json.loads(json.dumps(b.pipeline.waiting())))
    assert other.statistics.orphans == other.statistics.held == 0
    entries = [entry for entry in other.sealed() if not entry["message"]["message"].startswith("INIT")]
    owners = {entry["message"]["message"]: entry["message"]["lambda"] for entry in entries}
    assert owners["one"] == {"arn": "test-arn", "request_id": None}
    execution = {"durable_function.execution_id": "id", "durable_function.execution_name": "name"}
    assert owners['{"executionArn":"x/durable-execution/name/id"}'] == {"arn": "test-arn", "request_id": None} | execution
    assert (owners.get(f"END RequestId: {ID}") == {"arn": "test-arn", "request_id": ID}) == (durable_ids_max > 0)
    assert entries[1]["ddtags"] == "base:tag,a:b"
    assert seen == [], "the rules have seen them"


def test_lines_that_follow_go_to_whom_they_would_have_gone(bench):
    b = bench()
    b.take(START)
    other = bench()
    other.shutdown()
    other.pipeline.adopt(b.pipeline.waiting(), b.pipeline.owner)
    other.take(("function", "after the kill"), ("function", {"message": "object"}), DONE)
    assert [request_id for _, _, request_id in other.logs()] == [ID] * 3


@pytest.mark.parametrize("records", [[], [START, ("platform.report", {"requestId": ID})]])
def test_without_an_owner_nobody_is_made_one(bench, records):
    b = bench()
    b.take(*records)
    assert b.pipeline.owner is None


def test_on_managed_instances_nobody_owns_what_follows(bench):
    b = bench(managed=True)
    b.take(START)
    assert b.pipeline.owner is None
    b.pipeline.adopt([], ID)
    b.take(("function", "x"))
    assert b.logs()[-1] == ("x", "info", None)


def test_what_a_damaged_file_holds_is_counted_and_its_neighbours_live_on(bench):
    b = bench()
    b.pipeline.adopt([7, ["text", 1, "info", None, "", False, None], {"text": 1}])
    assert b.logs() == [("text", "info", None)]
    assert b.statistics.dropped == {"unreadable": 2}


def test_with_logs_switched_off_adopted_lines_are_counted(bench):
    b = bench(enabled=False)
    b.pipeline.adopt([["text", 1, "info", None, "", False, None]])
    assert (b.logs(), b.statistics.dropped) == ([], {"logs_off": 1})


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("function"), st.sampled_from(["text", {"requestId": "b"}])),
        st.tuples(st.sampled_from(["platform.start", "platform.runtimeDone", "platform.report"]), st.sampled_from("ab")),
    ),
    max_size=30,
)


@given(STEPS, st.integers(0, 30), st.sampled_from([0, 2]))
def test_a_kill_after_any_seal_loses_no_line_and_doubles_none(steps, killed_at, durable_ids_max):
    """What was sealed, what waited at the seal, and what was taken after it: each line is in one of them."""

    def pipeline():
        return LogsPipeline(arn="a", function_name="f", tags="", durable_ids_max=durable_ids_max)

    records = []
    for number, (kind, detail) in enumerate(steps):
        content = (
            {"requestId": detail}
            if kind.startswith("platform")
            else detail | {"n": f"#{number}"}
            if isinstance(detail, dict)
            else f"#{number}"
        )
        records.append({"type": kind, "record": content})
    first, second = pipeline(), pipeline()
    first.take(records[:killed_at], NOW)
    bodies = first.seal()
    waiting, owner = json.loads(json.dumps(first.waiting())), first.owner
    second.shutdown(NOW)
    second.adopt(waiting, owner)
    second.take(records[killed_at:], NOW)
    bodies += second.seal()
    texts = [entry["message"]["message"] for body in bodies for entry in json.loads(body.raw)]
    numbers = sorted(int(text.partition("#")[2].rstrip('"}')) for text in texts if "#" in text)
    assert numbers == [number for number, (kind, _) in enumerate(steps) if kind == "function"]
