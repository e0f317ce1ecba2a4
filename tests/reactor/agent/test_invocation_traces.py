"""Calls, records and spans of invocations in the orders that occur. (specification, invocation 3.1, 4.3, 16)"""

import json
from itertools import count

import pytest

from fsm import events as ev
from fsm.time import Now
from pipelines.invocation.settings import InvocationSettings
from protocols.lifecycle_api import Call
from protocols.trace_headers import TracerHeaders
from reactor.agent.invocation_door import KEPT_MAX, InvocationDoor
from reactor.agent.invocation_settings import make_id_from
from reactor.agent.invocation_traces import InvocationTraces
from reactor.agent.ledger import Ledger

NOW = Now(1_714_557_600_400, 10_000)
REQUEST_ID = "lambda-runtime-aws-request-id"
PLACEHOLDER = "dd-tracer-serverless-span"


class World:
    """One sandbox's traces, told in words."""

    def __init__(self, is_managed=False, **settings):
        ids = count(1000)
        self.ledger, self.said, self.sent, self.errors = Ledger(), [], [], []
        self.made = 0
        wanted = InvocationSettings(function_name="f", is_managed=is_managed, **settings)

        def make():
            self.made += 1
            return InvocationTraces(
                wanted, lambda: next(ids), self.ledger, lambda *line: self.said.append(line),
                lambda made, now: self.sent.append(made), lambda request_id, now: self.errors.append(request_id),
            )  # fmt: skip

        self.door = InvocationDoor(make, wanted.is_traced)

    def tell(self, story):
        """Words such as `open a`, `start a`, `end -` (no request named), `place a`, `done a timeout`, `report a`, `close a`, `stop`."""
        for step in story.split(", "):
            word, request_id, *rest = [*step.split(), ""][:3] if step != "stop" else ("stop", "")
            getattr(self, f"_{word}")(request_id, *filter(None, rest))
        return self

    def _open(self, request_id):
        self.door.record({"type": "platform.start", "time": "2024-05-01T10:00:00.400Z", "record": {"requestId": request_id}}, NOW)
        self.door.opened(request_id, NOW, {"cold_start": "false"}, NOW)

    def _call(self, kind, request_id, headers, body=b"{}"):
        named = {} if request_id == "-" else {REQUEST_ID: request_id}
        return self.door.call(Call(kind, named | headers, body), NOW)

    def _start(self, request_id, trace="0"):
        self.headers = self._call("start", request_id, {"x-datadog-trace-id": trace})

    def _end(self, request_id, span="5"):
        self._call("end", request_id, {"x-datadog-span-id": span, "x-datadog-trace-id": "77"})

    def _fail(self, request_id):
        self._call("end", request_id, {"x-datadog-span-id": "5", "x-datadog-invocation-error": "true"})

    def _place(self, request_id):
        span = {
            "name": PLACEHOLDER,
            "resource": PLACEHOLDER,
            "trace_id": 77,
            "span_id": 5,
            "parent_id": 0,
            "meta": {"request_id": request_id, "placed": "yes"},
            "metrics": {},
        }
        self.door.on_request(TracerHeaders())
        self.door.on_span(span)
        self.door.spans_shown(NOW)

    def _done(self, request_id, status="success"):
        record = {"type": "platform.runtimeDone", "record": {"requestId": request_id, "status": status, "metrics": {"durationMs": 20.0}}}
        self.door.runtime_done(ev.RuntimeDone(NOW, request_id, status, record), NOW)

    def _report(self, request_id, status="success"):
        spans = [{"name": "responseLatency", "durationMs": 7.5}]
        record = {
            "type": "platform.report",
            "record": {"requestId": request_id, "status": status, "metrics": {"durationMs": 30.0}, "spans": spans},
        }
        self.door.reported(ev.Report(NOW, request_id, status, record), NOW)
        self.door.closed(request_id, NOW)

    def _close(self, request_id):
        self.door.closed(request_id, NOW)

    def _cut(self, status):
        self.door.cut_short(status, NOW)

    def _stop(self, request_id):
        self.door.stopped(NOW)

    def spans(self):
        return [(made.spans[0]["meta"].get("request_id"), made.spans[0]["span_id"]) for made in self.sent]


@pytest.mark.parametrize(
    ("story", "spans"),
    [
        ("open a, start a, end a, place a, done a, report a", [("a", 5)]),
        ("start a, open a, place a, end a, done a, report a", [("a", 5)]),
        ("open a, start a, place a, end a, done a, done a, report a", [("a", 5)]),
        # The reference loses the next two.
        ("open a, start a, done a, end a, place a, report a", [("a", 5)]),
        ("open a, start a, done a, report a", [("a", 1000)]),
        ("open a, done a, report a", []),
        ("open a, start a, done a timeout, report a timeout", [("a", 1001)]),
        ("open a, start a, done a error, report a error", [("a", 1001)]),
        ("open a, start a, end a, stop", [("a", 5)]),
        ("start a, stop", [("a", 1000)]),
        # Without an id.
        ("open a, start -, end -, done a, report a", [("a", 5)]),
        ("start -, open a, end -, done a, report a", [("a", 5)]),
        ("start -, end -, open a, done a, report a", [("a", 5)]),
        ("open a, start -, done a, end -, report a", [("a", 5)]),
        # A call that was sent twice, or never, shifts nothing.
        ("open a, start -, start -, end - 5, end - 6, done a, report a, open b, start -, end - 7, done b, report b", [("a", 5), ("b", 7)]),
        ("open a, start -, done a error, report a error, open b, start -, end - 7, done b, report b", [("a", 1001), ("b", 7)]),
        ("open a, done a, open b, start -, end - 7, done b, report a, report b", [("b", 7)]),
        ("open a, start a, end a, open a, start a, end a 6, done a, report a", [("a", 5), ("a", 6)]),
        # Two at once, by id.
        ("open a, open b, end b 6, start b, start a, end a 5, place b, place a, done b, done a, report a, report b", [("b", 6), ("a", 5)]),
        ("start a, start b, open b, open a, end b 6, end a 5, done a, report a, done b, report b", [("a", 5), ("b", 6)]),
    ],
)
def test_orders(story, spans):
    world = World().tell(story)
    found = [(request_id, span if span < 1000 else 1000) for request_id, span in world.spans()]
    assert found == [(request_id, span if span < 1000 else 1000) for request_id, span in spans]
    assert world.door.take_unexpected() == []


def test_what_the_placeholder_brings_is_waited_for():
    world = World().tell("open a, start a, end a, done a")
    assert world.sent == []
    world.tell("place a")
    assert world.sent[0].spans[0]["meta"]["placed"] == "yes"
    assert world.sent[0].spans[0]["duration"] == 20_000_000


def test_three_hundred_at_once_each_under_its_own_request():
    world = World(is_managed=True)
    names = [f"r{number}" for number in range(300)]
    for word in ("start", "open", "place", "end", "report"):
        for name in names if word in ("start", "place") else reversed(names):
            world.tell(f"{word} {name} {int(name[1:]) + 1}" if word == "end" else f"{word} {name}")
    assert sorted(world.spans()) == sorted((name, int(name[1:]) + 1) for name in names)
    assert {made.spans[0]["duration"] for made in world.sent} == {7_500_000}


def test_a_managed_instance_without_ids_takes_the_oldest_and_says_so():
    world = World(is_managed=True).tell("open a, open b, start -, start -, end - 5, end - 6, report b, report a")
    assert sorted(world.spans()) == [("a", 5), ("b", 6)]
    assert len([line for line in world.said if line[0] == "WARN"]) == 1


def test_errors_are_counted_once_they_have_met_their_request():
    assert World().tell("fail -, open a, done a").errors == ["a"]
    assert World().tell("open a, fail a, fail a, end a").errors == ["a"]
    assert World().tell("open a, end a, fail a").errors == []


def test_what_is_refused_is_counted_with_its_reason():
    world = World().tell("open a, start a, start a, done a timeout, end a, place a, place x")
    assert world.ledger.dropped == {"call of a library: repeated": 1, "call of a library: after the spans were sent": 2}
    assert world.ledger.statistics().noted["placeholder spans of no invocation that is known"] == 1


def test_a_call_that_nobody_came_for_is_counted_at_the_end():
    world = World().tell("start -, stop")
    assert world.ledger.dropped == {"call of a library: its invocation never came": 1}


def test_a_body_with_a_problem_is_said_once_and_the_headers_stand():
    world = World()
    for name in "ab":
        world.tell(f"open {name}")
        world.door.call(Call("end", {REQUEST_ID: name, "x-datadog-span-id": "9"}, b"", "body over the limit"), NOW)
        world.tell(f"report {name}")
    assert world.spans() == [("a", 9), ("b", 9)]
    assert len(world.said) == 1


def test_an_error_of_ours_costs_its_call_and_no_other(monkeypatch):
    from pipelines.invocation.calls import CallReader

    world = World().tell("open a")
    with monkeypatch.context() as patched:
        patched.setattr(CallReader, "read_start", lambda *args: 1 / 0)
        world.tell("start a")
    assert world.headers == ()
    world.tell("end a, done a, report a")
    assert world.spans() == [("a", 5)]


def test_a_call_after_the_end_of_its_invocation_makes_no_second_one():
    world = World().tell("open a, start a, end a, done a, report a, end a, start a, stop")
    assert world.spans() == [("a", 5)]
    assert world.ledger.dropped == {"call of a library: after the end of its invocation": 2}


def test_the_answer_to_start_has_the_trace():
    world = World().tell("open a, start a 1234")
    assert world.headers == ((b"x-datadog-trace-id", b"1234"),)


def test_without_telemetry_the_next_invocation_is_the_end():
    world = World().tell("open a, start a, end a")
    world.door.superseded(NOW)
    world.tell("open b")
    assert world.spans() == [("a", 5)]


# --- the door -------------------------------------------------------------------------------------------------------------------------


def test_without_a_library_nothing_is_made():
    world = World()
    world.door.record({"type": "platform.initStart", "time": "2024-05-01T10:00:00.000Z", "record": {}}, NOW)
    world.tell("open a, done a, report a, open b, done b error, report b error, stop")
    world.door.superseded(NOW)
    world.door.spans_shown(NOW)
    assert (world.made, world.sent, world.door.take_unexpected()) == (0, [], [])


@pytest.mark.parametrize(
    ("story", "spans"),
    [
        ("open b, start b, done a, report a, end b, place b, done b, report b", [("b", 5)]),
        ("open b, start b, start a, done a, report a, end b, place b, done b, report b", [("a", 1001), ("b", 5)]),
        ("open b, start b, end a, done a, report a, stop", [("b", 1001)]),
    ],
)
def test_what_was_taken_for_over_before_a_library_spoke_may_still_be_reported(story, spans):
    """Without telemetry the next invocation is the end of the one before; then the subscription is accepted after all."""
    world = World().tell("open a")
    world.door.superseded(NOW)
    world.tell(story)
    assert world.door.take_unexpected() == []
    assert world.spans() == spans


def init(world):
    world.door.record(
        {"type": "platform.initStart", "time": "2024-05-01T10:00:00.000Z", "record": {"initializationType": "on-demand"}}, NOW
    )
    report = {"initializationType": "on-demand", "metrics": {"durationMs": 350.5}}
    world.door.record({"type": "platform.initReport", "time": "2024-05-01T10:00:00.380Z", "record": report}, NOW)


@pytest.mark.parametrize("story", ["open a, done a error, report a error", "open a, report a error", "open a, done a timeout, stop"])
def test_a_runtime_that_dies_before_its_library_speaks_has_a_span_where_one_is_loaded(story):
    world = World(is_traced=True)
    init(world)
    world.tell(story)
    [made] = world.sent
    assert [(span["name"], span["error"]) for span in made.spans] == [("aws.lambda", 1), ("aws.lambda.cold_start", 0)]
    assert World().tell(story).sent == []
    assert World(is_traced=True).tell("open a, done a, report a").made == 0


TIMEOUT_TAGS = ("Datadog detected a Timeout", "Timeout")
FAILURE_TAGS = ("Datadog detected that the runtime ended early: Runtime.Unknown", "Runtime.Unknown")


@pytest.mark.parametrize(
    ("story", "failed"),
    [
        ("open a, start a, cut timeout, close a", {"a": TIMEOUT_TAGS}),
        ("open a, start a, cut failure, close a", {"a": FAILURE_TAGS}),
        # The function had answered, and ran on until its time was up; or it ended, and something else failed.
        ("open a, start a, end a, cut timeout, close a", {"a": TIMEOUT_TAGS}),
        ("open a, start a, end a, cut failure, close a", {"a": (None, None)}),
        ("open a, start a, end a, done a, cut timeout, close a", {"a": (None, None)}),
        # Of several that were never heard the end of, the last was running.
        ("open a, start a, open b, start b, cut timeout, close a, close b", {"a": (None, None), "b": TIMEOUT_TAGS}),
    ],
)
def test_what_ran_when_the_sandbox_was_ended_for_it_has_failed(story, failed):
    world = World().tell(story)
    spans = [made.spans[0] for made in world.sent]
    assert {span["meta"]["request_id"]: (span["meta"].get("error.msg"), span["meta"].get("error.type")) for span in spans} == failed
    assert [span["error"] for span in spans] == [int(kind is not None) for _, kind in failed.values()]


def test_on_a_managed_instance_that_fails_everything_that_ran_has_failed():
    world = World(is_managed=True).tell("open a, start a, open b, start b, open c, start c, end c, report c, cut failure, stop")
    assert {made.spans[0]["meta"]["request_id"]: made.spans[0]["error"] for made in world.sent} == {"c": 0, "a": 1, "b": 1}


def test_a_runtime_that_hung_before_its_library_spoke_has_a_span_where_one_is_loaded():
    assert [made.spans[0]["error"] for made in World(is_traced=True).tell("open a, cut timeout, stop").sent] == [1]
    assert World().tell("open a, cut timeout, stop").made == 0


def test_who_speaks_first_during_the_first_invocation_misses_nothing():
    world = World()
    init(world)
    world.tell("open a, start a, end a, place a, done a")
    [made] = world.sent
    assert [span["name"] for span in made.spans] == ["aws.lambda", "aws.lambda.cold_start"]
    assert made.spans[0]["start"] == 1_714_557_600_400_000_000
    assert (made.spans[1]["start"], made.spans[1]["duration"]) == (1_714_557_600_000_000_000, 350_500_000)


def test_who_speaks_first_after_it_gets_no_cold_start():
    world = World()
    init(world)
    world.tell("open a, done a, report a, open b, start b, end b, place b, done b")
    assert [span["name"] for made in world.sent for span in made.spans] == ["aws.lambda"]


def test_who_speaks_first_after_the_runtimes_end_is_heard():
    assert World().tell("open a, done a, start a, end a, place a").spans() == [("a", 5)]


def test_what_is_kept_for_a_library_is_bounded():
    world = World(is_managed=True)
    for number in range(KEPT_MAX + 1):
        world.tell(f"open {number}")
    world.tell("end 1, report 1, end 0, report 0")
    assert world.spans() == [("1", 5)], "of the first it was forgotten that it had begun"


def test_ids_are_of_64_bits_and_never_zero():
    assert make_id_from(lambda: 0.0)() == 1
    assert make_id_from(lambda: 1 - 2**-48)() == (1 << 64) - 1
    draws = iter([0.5, 0.25])
    assert make_id_from(lambda: next(draws))() == (1 << 63) | (1 << 30)


def test_a_6_mb_event_is_taken():
    world = World()
    event = json.dumps({"headers": {"x-datadog-trace-id": "12"}, "body": "x" * 6_000_000}).encode()
    assert world.door.call(Call("start", {REQUEST_ID: "a"}, event), NOW) == ((b"x-datadog-trace-id", b"12"),)


# --- where its modules cannot be loaded


def missing():
    raise ModuleNotFoundError("No module named 'fsm.tracing'")


def failed(request_id):
    return ev.RuntimeDone(NOW, request_id, "timeout", {"type": "platform.runtimeDone", "record": {"requestId": request_id}})


def test_what_cannot_be_loaded_costs_what_would_need_it_and_is_told_each_time():
    lost = []
    door = InvocationDoor(missing, True, lambda what, error: lost.append((what, str(error))))
    assert door.call(Call("start", {REQUEST_ID: "a"}, b"{}"), NOW) == ()
    door.runtime_done(failed("a"), NOW)
    door.closed("a", NOW)
    assert lost == [("call of a library", "No module named 'fsm.tracing'"), ("trace of a failure", "No module named 'fsm.tracing'")]
    assert not door.is_open


def test_what_was_told_meanwhile_is_not_lost_if_it_can_be_loaded_later():
    world = World()
    whole, lost = world.door._make, []
    world.door._not_loaded = lambda what, error: lost.append(what)
    world.door._make = missing
    world.tell("open a, start a")
    world.door._make = whole
    world.tell("end a, done a, report a")
    assert lost == ["call of a library"]
    assert world.spans() == [("a", 5)]
