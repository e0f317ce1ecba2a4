"""Whole lives of a sandbox, input by input, without I/O: what the agent asks for, and what it counts."""

import pytest

from emulator.decode import decode
from fsm import effects as do
from protocols import lifecycle_api
from protocols.extensions_api import NextInvoke, Refusal, Registration
from protocols.http_server import Request
from reactor.agent import inputs as given
from reactor.agent.outputs import Say, SendPayload


def sends(asked):
    return [output for output in asked if isinstance(output, SendPayload)]


# --- INIT


def test_the_process_begins_by_binding_and_registering(life, names_of):
    assert names_of(life.tell(given.Begin())) == ["Bind", "Register"]


def test_after_the_registration_it_subscribes_and_then_asks_for_the_first_event(life, names_of):
    life.tell(given.Begin())
    assert names_of(life.tell(given.RegisterAnswered(Registration("id-1")))) == ["Subscribe"]
    assert names_of(life.tell(given.SubscribeAnswered(None))) == ["AskNext", "WarmUp"]
    assert life.state == "INIT.ready"


def test_a_refused_registration_ends_the_process_with_its_reason(life):
    life.tell(given.Begin())
    assert life.tell(given.RegisterAnswered(Refusal("register answered 500: "))) == [do.Exit(1, message="register answered 500: ")]


def test_a_registration_that_is_never_answered_ends_the_process(life):
    life.tell(given.Begin())
    assert life.pass_ms(9_999) == []
    assert life.pass_ms(1) == [do.Exit(1, message="the registration was not answered")]


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_without_a_subscription_it_goes_on_blind_and_flushes_first(life, records, names_of, how):
    life.tell(given.Begin())
    life.tell(given.RegisterAnswered(Registration("id-1")))
    if how == "refused":
        asked = life.tell(given.SubscribeAnswered(Refusal("the telemetry subscription was answered 202: not supported")))
        assert [output.level for output in asked if isinstance(output, Say)] == ["WARN"]
    else:
        asked = life.pass_ms(300)
    assert names_of(asked) == ["AskNext", "WarmUp"]
    first = life.invoke("a")
    assert names_of(first) == ["SendPayload"], "the invocation metric goes out at the start"
    assert names_of(life.answer(first)) == ["AskNext"]
    life.datagrams(b"m:1|c")
    second = life.invoke("b")
    assert "series" in {send.payload.body.kind for send in sends(second)}, "what came during the first goes with the second"
    assert names_of(life.answer(second)) == ["AskNext"]


def test_the_bound_of_a_blind_flush_is_kept(life, names_of):
    life.tell(given.Begin())
    life.tell(given.RegisterAnswered(Registration("id-1")))
    life.pass_ms(300)
    assert names_of(life.invoke("a")) == ["SendPayload"]
    assert names_of(life.pass_ms(999)) == []
    assert names_of(life.pass_ms(1)) == ["AskNext"]


def test_a_late_answer_to_the_subscription_ends_the_blindness(life, records, names_of):
    life.tell(given.Begin())
    life.tell(given.RegisterAnswered(Registration("id-1")))
    life.pass_ms(300)
    life.tell(given.SubscribeAnswered(None))
    life.telemetry(records.start("a"))
    assert names_of(life.invoke("a")) == []
    assert life.state == "INVOKE.wait"


# --- strategy end


def test_an_ordinary_invocation_flushes_at_its_end_and_asks_only_after_the_flush(life, records, names_of):
    life.ready()
    assert names_of(life.invoke("a")) == []
    life.telemetry(records.init_start(), records.start("a"), records.line("hello"))
    assert names_of(life.telemetry(records.done("a"))) == ["Settle"]
    flushed = life.settle()
    assert {send.payload.body.kind for send in sends(flushed)} == {"logs", "sketches"}
    assert "AskNext" not in names_of(flushed)
    assert names_of(life.answer(flushed)) == ["Checkpoint", "AskNext"]
    assert life.state == "REPORT.idle"


def test_settling_has_a_bound_of_five_milliseconds(life, records, names_of):
    life.ready()
    life.invoke("a")
    life.telemetry(records.done("a"))
    assert names_of(life.pass_ms(4)) == []
    assert "SendPayload" in names_of(life.pass_ms(1))


def test_a_flush_that_is_never_answered_costs_the_flush_budget_and_no_more(life, records, names_of):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), records.done("a"))
    asked_at = life.ms
    flushed = life.settle()
    assert sends(flushed)
    assert names_of(life.pass_ms(999)) == []
    assert names_of(life.pass_ms(1)) == ["Checkpoint", "AskNext"]
    assert life.ms - asked_at == 1_000


def test_a_flush_near_the_deadline_ends_before_it(life, records, names_of):
    life.ready()
    life.invoke("a", timeout_ms=600)
    life.pass_ms(300)
    life.telemetry(records.start("a"), records.done("a"))
    assert all(send.until_mono_ms == 10_000 + 500 for send in sends(life.settle()))
    assert names_of(life.pass_ms(200)) == ["Checkpoint", "AskNext"]


def test_what_could_not_be_sent_costs_the_next_invocation_nothing_and_goes_once_the_intake_has_healed(life, records):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), records.line("one"), records.done("a"))
    first = sends(life.settle())
    life.pass_ms(1_000)
    life.answer(first, None, reason="no answer in time", unknown=True)
    life.invoke("b")
    life.telemetry(records.start("b"), records.done("b"))
    assert sends(second := life.settle()) == [], "the intake is down: nobody waits for it"
    assert isinstance(second[-1], do.AskNext)
    life.pass_ms(1_500)
    probe = sends(life.invoke("c"))
    assert [send.payload.number for send in probe] == [1], "one payload, beside the invocation"
    life.answer(probe)
    life.telemetry(records.start("c"), records.done("c"))
    rest = sends(life.settle())
    assert [send.payload.number for send in rest] == list(range(2, 2 + len(rest)))
    assert {send.payload.number for send in first} <= {1, *(send.payload.number for send in rest)}
    life.answer(rest)
    assert "logs: delivered, perhaps twice" in life.counts.noted
    assert life.counts.dropped == {}


def test_the_end_of_an_earlier_invocation_does_not_end_this_one(life, records, names_of):
    life.ready()
    life.invoke("a")
    assert names_of(life.telemetry(records.done("another"))) == []
    assert life.state == "INVOKE.wait"
    assert names_of(life.telemetry(records.done("a"))) == ["Settle"]


def test_an_end_that_is_read_before_its_beginning_is_remembered(life, records, names_of):
    life.ready()
    assert names_of(life.telemetry(records.start("a"), records.done("a"))) == []
    assert names_of(life.invoke("a")) == ["Settle"]
    assert life.counts.noted["invocations"] == 1


def test_a_report_alone_ends_an_invocation_too(life, records, names_of):
    life.ready()
    life.invoke("a")
    assert names_of(life.telemetry(records.report("a"))) == ["Settle"]


def test_an_end_without_metrics_is_an_end(life, records, names_of):
    life.ready()
    life.invoke("a")
    assert names_of(life.telemetry(records.platform("runtimeDone", requestId="a", status="success"))) == ["Settle"]


def test_a_missing_end_is_given_up_shortly_before_the_deadline(life, names_of):
    life.ready()
    life.invoke("a", timeout_ms=3_000)
    life.datagrams(b"m:1|c")
    assert names_of(life.pass_ms(2_799)) == []
    assert "SendPayload" in names_of(life.pass_ms(1))
    assert life.counts.noted["invocations whose end was not seen before their deadline"] == 1
    assert names_of(life.pass_ms(100)) == ["Checkpoint", "AskNext"]


def test_a_timeout_is_flushed_and_reported_before_the_sandbox_ends(life, records, names_of):
    life.ready()
    life.invoke("a", timeout_ms=3_000)
    life.telemetry(records.start("a"))
    life.pass_ms(2_800)
    life.pass_ms(100)
    life.pass_ms(100)
    asked = life.telemetry(records.done("a", status="timeout", duration_ms=3_000.0))
    assert names_of(asked) == []
    assert names_of(life.shut_down("timeout")) == ["Settle"]
    life.telemetry(records.report("a", status="timeout"))
    flushed = life.settle()
    assert names_of(flushed)[0] == "RefuseInput"
    names = b"".join(send.payload.body.raw for send in sends(flushed))
    assert b"aws.lambda.enhanced.timeouts" in names
    assert b"aws.lambda.enhanced.shutdowns" in names


@pytest.mark.parametrize(("status", "error"), [({}, 0), ({"status": None}, 0), ({"status": "success"}, 0), ({"status": "error"}, 1)])
def test_an_end_that_says_no_status_is_no_failure(life_of, records, status, error):
    life = life_of().ready()
    life.invoke("a")
    request = Request("POST", "/lambda/start-invocation", ((b"lambda-runtime-aws-request-id", b"a"),), b"{}")
    life.tell(given.Called(request, lifecycle_api.read(request)))
    life.telemetry(records.start("a"), records.platform("runtimeDone", requestId="a", metrics={"durationMs": 2.0}, **status))
    life.telemetry(records.report("a"))
    life.shut_down()
    life.settle()
    [traces] = [send.payload.body for send in sends(life.told) if send.payload.body.kind == "traces"]
    [span] = [
        span
        for payload in decode(traces.path, [(b"dd-api-key", b"k"), *traces.headers], traces.raw).document["tracer_payloads"]
        for chunk in payload["chunks"]
        for span in chunk["spans"]
    ]
    assert (span["name"], span.get("error", 0)) == ("aws.lambda", error)


def test_an_invocation_that_was_lost_on_the_way_to_us_is_counted_by_its_records(life, records):
    life.ready()
    life.telemetry(records.start("a"), records.done("a"), records.report("a"))
    life.shut_down()
    names = b"".join(send.payload.body.raw for send in sends(life.settle()))
    assert b"aws.lambda.enhanced.runtime_duration" in names
    assert b"aws.lambda.enhanced.billed_duration" in names
    assert b"aws.lambda.enhanced.invocations" not in names


@pytest.mark.parametrize(("reason", "is_failed"), [("timeout", True), ("failure", True), ("spindown", False)])
def test_the_span_of_what_ran_when_the_sandbox_was_ended_for_it_is_sent_as_an_error(life, records, reason, is_failed):
    life.ready()
    life.invoke("a", timeout_ms=3_000)
    life.telemetry(records.start("a"))
    request = Request("POST", "/lambda/start-invocation", ((b"lambda-runtime-aws-request-id", b"a"),), b"{}")
    life.tell(given.Called(request, lifecycle_api.read(request)))
    life.pass_ms(3_000)
    life.shut_down(reason)
    [traces] = [send.payload.body for send in sends(life.pass_ms(300)) if send.payload.body.kind == "traces"]
    assert (b"Datadog detected" in traces.raw) is is_failed


@pytest.mark.parametrize("ms", [10**400, -(10**400), 1e308, 1e290, float("inf"), float("nan"), True, None, "12.5", [], {}])
def test_a_figure_that_no_clock_could_have_measured_costs_itself_alone(life, records, ms):
    """JSON may hold a whole number that no float can hold."""
    life.ready()
    life.invoke("a")
    request = Request("POST", "/lambda/start-invocation", ((b"lambda-runtime-aws-request-id", b"a"),), b"{}")
    life.tell(given.Called(request, lifecycle_api.read(request)))
    spans = [{"name": "responseLatency", "durationMs": ms}]
    metrics = {
        "durationMs": ms,
        "producedBytes": ms,
        "billedDurationMs": ms,
        "memorySizeMB": ms,
        "maxMemoryUsedMB": ms,
        "initDurationMs": ms,
    }
    life.telemetry(records.init_start(), records.platform("initReport", initializationType="on-demand", metrics=metrics))
    life.telemetry(records.platform("restoreStart"), records.platform("restoreReport", status="success", metrics=metrics))
    life.telemetry(records.platform("runtimeDone", requestId="a", status="error", metrics=metrics, spans=spans))
    life.telemetry(records.platform("report", requestId="a", status="error", metrics=metrics, spans=spans))
    life.settle()
    assert "traces" in {send.payload.body.kind for send in sends(life.told)}
    assert [output for output in life.told if isinstance(output, Say) and output.level == "ERROR"] == []


@pytest.mark.parametrize("fields", [{"status": "failure"}, {"metrics": None}])
def test_a_restore_without_metrics_is_an_error_that_is_said_once(life_of, records, fields):
    life = life_of().ready()
    life.telemetry(records.platform("restoreStart"), *[records.platform("restoreReport", **fields)] * 2)
    [said] = [output.text for output in life.told if isinstance(output, Say) and output.level == "ERROR"]
    assert "platform.restoreReport came without metrics" in said


def test_a_long_invocation_is_flushed_in_its_middle(life_of, names_of):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY=None).ready()
    life.invoke("a", timeout_ms=900_000)
    life.datagrams(b"m:1|c")
    asked = life.pass_ms(60_000)
    assert {send.payload.body.kind for send in sends(asked)} == {"series", "sketches"}
    assert life.state == "INVOKE.wait"
    life.answer(asked)
    life.datagrams(b"m:1|c")
    assert sends(life.pass_ms(60_000)), "and again, and again"


# --- the other strategies


def test_continuously_asks_at_once_and_flushes_beside(life_of, records, names_of):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY="continuously,1000").ready()
    life.pass_ms(2_500)
    asked = life.invoke("a")
    assert names_of(asked) == ["DropIdleConnections", "AskNext", "SendPayload"]
    assert life.state == "REPORT.running"
    life.telemetry(records.start("a"), records.done("a"))
    assert life.state == "REPORT.idle"
    assert names_of(life.invoke("b")) == ["AskNext"], "not due again"


def test_a_flush_beside_joins_the_one_that_hangs_and_sends_what_came_since(life_of):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY="continuously,10000").ready()
    life.pass_ms(12_000)
    first = life.invoke("a")
    assert [send.payload.number for send in sends(first)] == [1]
    life.datagrams(b"m:1|c")
    joined = life.pass_ms(12_000)
    assert [send.payload.number for send in sends(joined)] == [2], "what hangs is not sent again, what came since is"
    life.answer(first)
    life.answer(joined)
    assert life.counts.dropped == {}


def test_an_outage_does_not_end_flushing_beside_for_ever(life_of):
    """Every request is lost, for as long as it takes until nothing is tried any more; when the intake answers again, everything arrives."""
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY="continuously,1000").ready()
    life.pass_ms(2_500)
    for burst in range(3):
        life.datagrams(*[b"_e{1,1}:a|b"] * 4)
        life.datagrams(b"m%d:1|c" % burst)
    asked = life.invoke("a", timeout_ms=900_000)
    assert len(sends(asked)) == 4, "more payloads than slots"
    for _ in range(20):
        asked = [*life.answer(asked, None, reason="no answer in time", unknown=True), *life.pass_ms(500)]
    assert sends(asked) == [], "the intake is down: nothing is tried beside the invocation"
    life.pass_ms(80_000)
    asked = life.invoke("b", timeout_ms=900_000)
    assert len(sends(asked)) == 1, "one is tried, to see if it has healed"
    for _ in range(20):
        asked = [*life.answer(asked), *life.pass_ms(500)]
    assert (life.counts.dropped, len(life.agent.outbox)) == ({}, 0)


def test_periodically_flushes_before_it_asks(life_of, names_of):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY="periodically,1000").ready()
    life.pass_ms(2_500)
    asked = life.invoke("a")
    assert "AskNext" not in names_of(asked)
    assert names_of(life.answer(asked)) == ["AskNext"]
    assert life.state == "REPORT.running"


def test_the_default_becomes_periodic_after_twenty_quick_invocations(life_of, records, names_of):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY=None).ready()
    for number in range(19):
        life.pass_ms(5_000)
        life.invoke(f"r{number}")
        assert life.state == "INVOKE.wait"
        life.telemetry(records.start(f"r{number}"), records.done(f"r{number}"))
        life.answer(life.settle())
        assert life.state == "REPORT.idle"
    life.pass_ms(5_000)
    life.invoke("r19")
    assert life.state == "INVOKE.flush_first"


def test_what_nearly_fills_a_pipeline_is_flushed_at_once(life, records):
    life.ready()
    life.invoke("a", timeout_ms=100_000)
    life.telemetry(records.start("a"))
    asked = []
    for _ in range(40):
        asked = life.telemetry(*[records.line("x" * 100_000)] * 5)
        if asked:
            break
    assert sends(asked), "twenty megabytes do not wait for the end"
    assert life.state == "INVOKE.wait"


# --- the call for the next event


def test_a_failed_call_is_repeated_after_a_growing_pause_and_given_up_in_the_end(life, names_of):
    life.ready()
    pauses = []
    for _ in range(5):
        assert names_of(life.tell(given.NextAnswered(Refusal("no answer", fatal=False)))) == []
        began = life.ms
        while "AskNext" not in names_of(life.pass_ms(1)):
            pass
        pauses.append(life.ms - began)
    assert pauses == [50, 100, 200, 400, 800]
    assert names_of(life.tell(given.NextAnswered(Refusal("no answer", fatal=False)))) == ["Settle"]
    assert life.counts.noted["failed calls for the next event"] == 6
    asked = life.settle()
    assert names_of(asked) == ["RefuseInput", "Exit"]
    assert asked[-1] == do.Exit(1, "Extension.PlatformLost", "no answer")


def test_a_call_that_succeeds_clears_the_earlier_failures(life, names_of):
    life.ready()
    life.tell(given.NextAnswered(Refusal("no answer", fatal=False)))
    life.pass_ms(50)
    life.invoke("a")
    assert life.agent.lifecycle.data.failures == 0
    assert names_of(life.pass_ms(100)) == []


# --- SHUTDOWN


def test_a_sandbox_that_never_ran_says_so(life, names_of):
    life.ready()
    asked = life.shut_down()
    assert asked[0] == Say("PLAIN", f"Exiting: spindown, deadline: {life.now.epoch_ms + 2_000}")
    flushed = life.settle()
    raw = b"".join(send.payload.body.raw for send in sends(flushed))
    assert b"unused_init" in raw
    assert names_of(life.answer(flushed)) == ["Exit"]
    assert life.told[-1] == do.Exit(0)


def test_the_report_of_the_last_invocation_is_waited_for(life, records, names_of):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), records.done("a"))
    life.answer(life.settle())
    life.shut_down()
    assert names_of(life.settle()) == [], "quiet, but its report has not come"
    assert names_of(life.telemetry(records.report("a"))) == ["Settle"]
    flushed = life.settle()
    assert b"REPORT RequestId: a" in b"".join(send.payload.body.raw for send in sends(flushed))


def test_a_report_that_never_comes_is_waited_for_at_most_300_ms(life, records, names_of):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), records.done("a"))
    life.answer(life.settle())
    life.shut_down()
    life.settle()
    assert names_of(life.pass_ms(299)) == []
    assert names_of(life.pass_ms(1))[0] == "RefuseInput"
    assert life.counts.noted["invocations stopped before their report"] == 1


def test_after_the_end_records_and_datagrams_are_refused_and_counted(life, records):
    life.ready()
    life.shut_down()
    life.settle()
    life.telemetry(records.line("late"))
    life.datagrams(b"m:1|c", b"m:1|c")
    assert life.counts.refused == {"telemetry record: after the end": 1, "datagram: after the end": 2}
    assert "lost or refused: 2 datagram: after the end" in life.agent.account()


def test_what_cannot_be_sent_before_the_end_is_counted_and_the_process_ends_in_time(life, records, names_of):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), records.line("one"), records.done("a"), records.report("a"))
    life.answer(life.settle(), None, reason="refused")
    began = life.ms
    life.shut_down()
    life.settle()
    asked = life.pass_ms(2_000)
    assert names_of(asked)[-1] == "Exit"
    assert life.ms - began <= 2_000
    statistics = life.counts
    assert statistics.dropped["logs: not sent before the sandbox ended"] >= 4
    assert len(life.agent.outbox) == 0


@pytest.mark.parametrize("left_ms", [-5_000, 0, 86_400_000])
def test_a_deadline_that_cannot_be_meant_is_not_believed(life, names_of, left_ms):
    life.ready()
    life.shut_down(left_ms=left_ms)
    asked = life.pass_ms(2_000)
    assert names_of(asked)[-1] == "Exit"


@pytest.mark.parametrize("moment", ["init", "registered", "waiting", "flushing", "idle"])
def test_sigterm_ends_the_process_within_half_a_second_whatever_it_does(life, records, names_of, moment):
    life.tell(given.Begin())
    if moment != "init":
        life.tell(given.RegisterAnswered(Registration("id-1")))
        life.tell(given.SubscribeAnswered(None))
    if moment in ("waiting", "flushing", "idle"):
        life.invoke("a")
    if moment in ("flushing", "idle"):
        life.telemetry(records.start("a"), records.done("a"))
        flushed = life.settle()
        if moment == "idle":
            life.answer(flushed)
    life.tell(given.Terminated())
    assert "Exit" in names_of(life.pass_ms(500))
    assert life.told[-1] == do.Exit(0)


def test_shutdown_while_a_flush_is_under_way_joins_it(life_of, records, names_of):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY="continuously,1000").ready()
    life.pass_ms(2_500)
    asked = life.invoke("a")
    life.telemetry(records.start("a"), records.done("a"), records.report("a"))
    life.shut_down()
    final = life.settle()
    assert sends(asked)[0].payload.number not in {send.payload.number for send in sends(final)}
    life.answer(asked)
    assert names_of(life.answer(final))[-1] == "Exit"
    assert life.counts.dropped == {}


# --- one request id, several tries


def test_a_request_that_is_tried_again_is_a_new_invocation(life, records, names_of):
    life.ready()
    for _ in range(2):
        life.invoke("a")
        assert life.state == "INVOKE.wait"
        assert names_of(life.telemetry(records.start("a"), records.done("a"))) == ["Settle"]
        life.answer(life.settle())
        life.telemetry(records.report("a"))
    assert life.counts.noted == {"invocations": 2}


def test_late_records_of_the_first_try_do_not_end_the_second(life, records, names_of):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), records.done("a"))
    life.answer(life.settle())
    life.invoke("a")
    assert names_of(life.telemetry(records.report("a"))) == [], "of the first try"
    assert names_of(life.telemetry(records.done("a"))) == ["Settle"]


def test_records_of_an_invocation_that_is_over_are_noted_and_change_nothing(life, records, names_of):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), records.done("a"))
    life.answer(life.settle())
    life.telemetry(records.report("a"))
    assert len(life.agent.invocations) == 0
    life.telemetry(records.report("a"), records.done("a"))
    assert life.counts.noted["records of invocations that were over"] == 2
    assert len(life.agent.invocations) == 0


def test_invocations_without_a_report_are_forgotten_at_a_bound(life, records):
    life.ready()
    for number in range(520):
        life.telemetry(records.start(f"stray-{number}"))
    assert len(life.agent.invocations) == 500
    assert life.counts.noted["invocations evicted before their report"] == 20


# --- clocks


def test_a_freeze_that_the_clocks_show_drops_idle_connections(life, records, names_of):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), records.done("a"))
    life.answer(life.settle())
    life.ms += 3_600_000
    assert names_of(life.invoke("b")) == ["DropIdleConnections"]


def test_a_jump_of_the_wall_clock_alone_is_a_thaw_and_moves_the_deadline_watch(life, names_of):
    life.ready()
    life.invoke("a", timeout_ms=100_000)
    life.jump_ms = 60_000
    assert names_of(life.datagrams(b"m:1|c")) == ["DropIdleConnections"]
    assert names_of(life.pass_ms(39_799)) == []
    assert "SendPayload" in names_of(life.pass_ms(1))


def test_a_quiet_second_inside_an_invocation_is_no_thaw(life, names_of):
    life.ready()
    life.invoke("a", timeout_ms=100_000)
    life.ms += 20_000
    assert names_of(life.datagrams(b"m:1|c")) == []


def test_a_restore_from_a_snapshot_reseeds(life, records, names_of):
    life.ready()
    assert names_of(life.telemetry(records.platform("restoreStart"))) == ["DropIdleConnections", "Reseed"]


# --- input at odd moments


def test_datagrams_before_the_registration_are_held_for_it(life, records):
    life.tell(given.Begin())
    life.datagrams(b"early:1|c")
    life.tell(given.RegisterAnswered(Registration("id-1", "123456789012")))
    life.tell(given.SubscribeAnswered(None))
    life.shut_down()
    raw = b"".join(send.payload.body.raw for send in sends(life.settle()))
    assert b"early" in raw


def test_datagrams_before_the_registration_are_bounded_and_the_rest_is_counted(life):
    life.tell(given.Begin())
    for _ in range(18):
        life.datagrams(b"early:1|c" + b" " * 60_000)
    assert life.counts.dropped == {"datagram: before the registration": 1}
    life.tell(given.RegisterAnswered(Registration("id-1")))
    assert life.counts.accepted == {"datagram": 17}


def test_records_before_the_registration_are_refused_and_counted(life, records):
    life.tell(given.Begin())
    life.telemetry(records.line("who are you"))
    assert life.counts.refused == {"telemetry record: before the registration": 1}


def test_refused_elements_of_a_batch_are_counted_and_cost_their_neighbours_nothing(life, records, names_of):
    life.ready()
    life.invoke("a")
    asked = life.tell(given.Telemetry([records.done("a")], ["not a record", "not a record"]))
    assert names_of(asked) == ["Settle"]
    assert life.counts.refused == {"telemetry record: not a record": 2}


@pytest.mark.parametrize(
    "record",
    [
        {"type": "platform.unheardOf", "record": {"requestId": "a"}},
        {"type": "platform.runtimeDone"},
        {"type": "platform.runtimeDone", "record": "a text"},
        {"type": "platform.runtimeDone", "record": {"requestId": 7}},
        {"type": "platform.report", "record": {"requestId": None}},
        {"type": "platform.start", "record": []},
        {"type": "platform.initReport", "record": {"metrics": {"durationMs": "long"}}},
        {"type": "platform.restoreReport", "record": None},
        {"type": "platform.logsDropped", "record": {"droppedRecords": "many"}},
        {"type": "function"},
    ],
)
def test_a_record_that_says_nothing_changes_nothing(life, records, names_of, record):
    life.ready()
    life.invoke("a")
    assert names_of(life.telemetry(record)) == []
    assert not any(name.startswith(("errors", "unexpected")) for name in life.counts.noted)
    assert names_of(life.telemetry(records.done("a"))) == ["Settle"]


def test_an_event_that_no_row_names_is_counted_said_once_and_passed_on(life, names_of):
    life.ready()
    life.invoke("a")
    asked = life.tell(given.NextAnswered(NextInvoke("b", life.now.epoch_ms + 3_000, "arn")))
    assert names_of(asked) == ["Unexpected"]
    assert [output.level for output in asked if isinstance(output, Say)] == ["WARN"]
    again = life.tell(given.NextAnswered(NextInvoke("c", life.now.epoch_ms + 3_000, "arn")))
    assert not any(isinstance(output, Say) for output in again)
    assert life.counts.noted["unexpected: Invoke in on_demand INVOKE.wait"] == 2


@pytest.mark.parametrize(("times", "asked_for"), [(1, "Restart"), (3, "Restart"), (4, "Disable")])
def test_a_crashed_region_is_restarted_three_times(life, names_of, times, asked_for):
    life.ready()
    assert names_of(life.tell(given.Crashed("telemetry", times))) == [asked_for]
