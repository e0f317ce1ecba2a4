"""Which durable execution a line belongs to, and how long it is held for that (specification, logs 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.logs import durable
from pipelines.logs.durable import DurableBuffer, decoration, read_execution_arn
from pipelines.logs.held import LINE_BYTES, DurableContext

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
CONTEXT = DurableContext("exec-id", "exec-name")
DURABLE_RUNTIME = "python:3.14.DurableFunction.v6"


def line(text, request_id="req-123", named=None):
    return (text, 0, "info", request_id, "", False, named)


def make(ids_max=50, runtime=DURABLE_RUNTIME, **settings):
    buffer = DurableBuffer(ids_max, **settings)
    if runtime is not None:
        assert list(buffer.init_started(runtime)) == []
    return buffer


def texts(ready):
    return [(item[0], context) for item, context in ready]


@pytest.mark.parametrize(
    ("arn", "context"),
    [
        (f"{ARN}my-function:1/durable-execution/my-exec-name/exec-id-abc", DurableContext("exec-id-abc", "my-exec-name")),
        (f"{ARN}fn:$LATEST/durable-execution/exec-name/exec-uuid-123", DurableContext("exec-uuid-123", "exec-name")),
        (f"{ARN}fn:1/durable-execution/name/id/more", DurableContext("id/more", "name")),
        (f"{ARN}fn:1", None),
        (f"{ARN}fn:1/durable-execution/only-name", None),
        (f"{ARN}fn:1/durable-execution//id", None),
        (f"{ARN}fn:1/durable-execution/name/", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_the_execution_that_an_arn_names(arn, context):
    assert read_execution_arn(arn) == context


@pytest.mark.parametrize(
    ("text", "managed", "extra"),
    [
        ("plain", False, []),
        ("START RequestId: x", False, ["first_invocation"]),
        ("END RequestId: x", False, ["execution_status", "first_invocation"]),
        ("REPORT RequestId: x", False, ["first_invocation"]),
        ("END RequestId: x", True, ["first_invocation"]),
        ("REPORT RequestId: x", True, ["execution_status", "first_invocation"]),
    ],
)
def test_only_platform_lines_say_how_the_execution_stands(text, managed, extra):
    known = dict(decoration(text, DurableContext("i", "n", "SUCCEEDED", True), managed))
    assert list(known) == ["execution_id", "execution_name", *extra]
    assert list(dict(decoration(text, DurableContext("i", "n"), managed))) == ["execution_id", "execution_name"]


@pytest.mark.parametrize("runtime", [None, DURABLE_RUNTIME])
def test_a_line_whose_execution_may_become_known_is_held(runtime):
    buffer = make(runtime=runtime)
    assert list(buffer.route(line("a"), 0)) == []
    assert (len(buffer), buffer.bytes) == (1, LINE_BYTES + 1)


@pytest.mark.parametrize(
    ("ids_max", "runtime", "request_id"),
    [(0, DURABLE_RUNTIME, "r"), (50, "python:3.13.v1", "r"), (50, None, None), (50, DURABLE_RUNTIME, None)],
)
def test_other_lines_are_ready_at_once(ids_max, runtime, request_id):
    assert list(make(ids_max, runtime).route(line("a", request_id), 0)) == [(line("a", request_id), None)]


@pytest.mark.parametrize("runtime", [None, DURABLE_RUNTIME, "python:3.13"])
@pytest.mark.parametrize("ids_max", [0, 5])
def test_a_line_that_names_its_execution_itself_is_ready_with_it(runtime, ids_max):
    named = line("a", named=CONTEXT)
    assert list(make(ids_max, runtime).route(named, 0)) == [(named, CONTEXT)]


def test_a_runtime_without_a_version_is_not_durable():
    buffer = make(runtime=None)
    assert list(buffer.route(line("a"), 0)) == []
    assert texts(buffer.init_started(None)) == [("a", None)]


def test_a_context_releases_what_is_held_and_decorates_what_follows():
    buffer = make()
    assert [list(buffer.route(line(text), 0)) for text in "ab"] == [[], []]
    assert texts(buffer.learn("req-123", CONTEXT)) == [("a", CONTEXT), ("b", CONTEXT)]
    assert texts(buffer.route(line("c"), 0)) == [("c", CONTEXT)]
    assert texts(buffer.learn("req-123", DurableContext("other", "other"))) == []
    assert texts(buffer.route(line("d"), 0)) == [("d", CONTEXT)], "the first context holds"


def test_the_init_decides_over_what_was_held_before_it():
    for runtime, released in [("python:3.13", [("a", None), ("b", None)]), (DURABLE_RUNTIME, [("a", CONTEXT)])]:
        buffer = make(runtime=None)
        assert list(buffer.route(line("a", "known"), 0)) == list(buffer.route(line("b", "unknown"), 0)) == []
        assert list(buffer.learn("known", CONTEXT)) == []
        assert texts(buffer.init_started(runtime)) == released


def test_the_oldest_request_makes_room_also_after_a_late_init():
    buffer = make(ids_max=2, runtime=None)
    for request_id in ("a", "b"):
        assert list(buffer.route(line(request_id, request_id), 0)) == []
    assert list(buffer.init_started(DURABLE_RUNTIME)) == []
    assert texts(buffer.route(line("c", "c"), 0)) == [("a", None)]
    assert texts(buffer.route(line("d", "d"), 0)) == [("b", None)]


def test_held_bytes_are_bounded():
    buffer = make(bytes_max=2 * LINE_BYTES + 5)
    assert list(buffer.route(line("aaa", "a"), 0)) == []
    assert texts(buffer.route(line("bbb", "b"), 0)) == [("aaa", None)]
    assert texts(buffer.route(line("ccc", "b"), 0)) == [("bbb", None), ("ccc", None)]
    assert texts(buffer.route(line("ü" * LINE_BYTES, "d"), 0)) == [("ü" * LINE_BYTES, None)], "up to four bytes each"
    assert (buffer.bytes, len(buffer)) == (0, 0)


def test_lines_are_held_for_half_a_minute_at_most():
    buffer = make()
    assert list(buffer.route(line("a", "a"), 1000)) == list(buffer.route(line("b", "b"), 2000)) == []
    assert texts(buffer.release_aged(30_999)) == []
    assert texts(buffer.release_aged(31_000)) == [("a", None)]
    assert texts(buffer.release_aged(99_000)) == [("b", None)]


def test_closing_lets_everything_go_and_holds_nothing_more():
    buffer = make()
    assert list(buffer.route(line("a"), 0)) == []
    assert texts(buffer.close()) == [("a", None)]
    assert texts(buffer.route(line("b"), 0)) == [("b", None)]


def test_contexts_are_bounded_and_the_oldest_is_forgotten():
    buffer = make()
    for number in range(durable.CONTEXTS_MAX + 1):
        assert list(buffer.learn(str(number), CONTEXT)) == []
    assert list(buffer.route(line("a", "0"), 0)) == []
    assert texts(buffer.route(line("b", "1"), 0)) == [("b", CONTEXT)]


STEPS = st.one_of(
    st.tuples(st.just("line"), st.sampled_from([None, "a", "b", "c", "d"]), st.integers(0, 9)),
    st.tuples(st.just("learn"), st.sampled_from("abcd")),
    st.tuples(st.just("init"), st.sampled_from([None, "x", DURABLE_RUNTIME])),
    st.tuples(st.just("age"), st.integers(0, 60_000)),
)


@given(st.lists(STEPS, max_size=60), st.integers(0, 3))
def test_no_line_is_lost_or_doubled_and_each_request_keeps_its_order(steps, ids_max):
    buffer, came, went, mono_ms = DurableBuffer(ids_max, bytes_max=3 * LINE_BYTES), {}, {}, 0
    for number, (kind, *arguments) in enumerate(steps):
        if kind == "line":
            request_id, size = arguments
            came.setdefault(request_id, []).append(number)
            ready = list(buffer.route((f"{number} " + "x" * size, 0, "info", request_id, "", False, None), mono_ms))
        elif kind == "learn":
            ready = list(buffer.learn(arguments[0], CONTEXT))
        elif kind == "init":
            ready = list(buffer.init_started(arguments[0]))
        else:
            mono_ms += arguments[0]
            ready = list(buffer.release_aged(mono_ms))
        for item, _ in ready:
            went.setdefault(item[3], []).append(int(item[0].split()[0]))
        assert buffer.bytes <= 3 * LINE_BYTES
    for item, _ in buffer.close():
        went.setdefault(item[3], []).append(int(item[0].split()[0]))
    assert went == came
    assert buffer.bytes == len(buffer) == 0
