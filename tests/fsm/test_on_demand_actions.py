"""Scenarios: what each row does, with its effects and times. Milliseconds count from the start of the process."""

import attrs
import pytest

from fsm import effects as do
from fsm import events as ev
from fsm.decision import Kind
from fsm.engine import Arm, Disarm
from fsm.on_demand import ASKED, BEFORE_SHUTDOWN, INIT, OWING, State
from fsm.on_demand_actions import EARLY_MAX, OWED_MAX, Bounds
from fsm.shared_actions import BACKOFF_MS, NEXT_FAILURES_MAX
from fsm.time import Now

RACE_END_MS = 900_000
SETTLE = do.Settle(5, 0)
DRAIN = do.Settle(300, 20)


# --- INIT ---------------------------------------------------------------------------------------------------------------------


def test_a_start_binds_registers_subscribes_and_asks(life, at):
    sandbox = life()
    assert sandbox.tell(ev.Started, 0) == [do.Bind(), do.Register(), Arm(ev.RegisterBound, at(10_000))]
    assert sandbox.tell(ev.Registered, 10) == [Disarm(ev.RegisterBound), do.Subscribe(), Arm(ev.SubscribeBound, at(310))]
    assert sandbox.tell(ev.Subscribed, 20) == [Disarm(ev.SubscribeBound), do.AskNext(), do.WarmUp()]
    assert (sandbox.state, sandbox.data.blind, sandbox.armed()) == ("INIT.ready", False, set())


def test_a_refused_registration_ends_the_process_with_its_reason(life):
    sandbox = life()
    sandbox.tell(ev.Started)
    assert sandbox.tell(ev.RegisterFailed, reason="status 403") == [Disarm(ev.RegisterBound), do.Exit(1, message="status 403")]
    assert sandbox.state == "EXIT"


def test_a_registration_that_is_not_answered_ends_the_process(life):
    sandbox = life()
    sandbox.tell(ev.Started)
    assert sandbox.due(ev.RegisterBound, 10_000) == [do.Exit(1, message="the registration was not answered")]
    assert sandbox.state == "EXIT"


def test_a_refused_subscription_goes_on_blind(life):
    sandbox = life()
    sandbox.tell(ev.Started)
    sandbox.tell(ev.Registered)
    assert sandbox.tell(ev.SubscriptionRefused, reason="status 202") == [Disarm(ev.SubscribeBound), do.AskNext(), do.WarmUp()]
    assert (sandbox.state, sandbox.data.blind) == ("INIT.ready", True)


def test_a_subscription_that_is_not_answered_goes_on_blind_until_it_is(life):
    sandbox = life()
    sandbox.tell(ev.Started)
    sandbox.tell(ev.Registered)
    assert sandbox.due(ev.SubscribeBound, 300) == [do.AskNext(), do.WarmUp()]
    assert sandbox.data.blind
    assert sandbox.tell(ev.Subscribed, 400) == []
    assert (sandbox.state, sandbox.data.blind) == ("INIT.ready", False)


# --- INVOKE: every combination of what decides --------------------------------------------------------------------------------

LONG_AGO, JUST_NOW = 3_600, 0
END = (Kind.END, 0, JUST_NOW)
END_DUE, END_NOT_DUE = (Kind.END_PERIODICALLY, 20_000, LONG_AGO), (Kind.END_PERIODICALLY, 20_000, JUST_NOW)
FIRST, FIRST_NOT_DUE = (Kind.PERIODICALLY, 20_000, LONG_AGO), (Kind.PERIODICALLY, 20_000, JUST_NOW)
BESIDE, BESIDE_NOT_DUE = (Kind.CONTINUOUSLY, 20_000, LONG_AGO), (Kind.CONTINUOUSLY, 20_000, JUST_NOW)
FLUSHES_AT_END, FLUSHES_FIRST, FLUSHES_BESIDE, DOES_NOT = (END, END_DUE), (FIRST,), (BESIDE,), (END_NOT_DUE, FIRST_NOT_DUE, BESIDE_NOT_DUE)
EVERY = (*FLUSHES_AT_END, *FLUSHES_FIRST, *FLUSHES_BESIDE, *DOES_NOT)

# (blind, its end was read before, strategy) -> state and effects after OpenInvocation
CASES = [
    *((True, over, strategy, "INVOKE.flush_first", ["Flush", "FlushBound"]) for over in (False, True) for strategy in EVERY),
    *((False, False, strategy, "INVOKE.wait", ["DeadlineNear", "RaceDue"]) for strategy in FLUSHES_AT_END),
    *((False, True, strategy, "RUNTIME_DONE.settle", ["DeadlineNear", "Settle", "SettleBound"]) for strategy in FLUSHES_AT_END),
    *((False, over, strategy, "INVOKE.flush_first", ["Flush", "FlushBound"]) for over in (False, True) for strategy in FLUSHES_FIRST),
    *((False, False, strategy, "REPORT.running", ["StartFlush", "AskNext", "RaceDue"]) for strategy in FLUSHES_BESIDE),
    *((False, True, strategy, "REPORT.idle", ["StartFlush", "AskNext"]) for strategy in FLUSHES_BESIDE),
    *((False, False, strategy, "REPORT.running", ["AskNext", "RaceDue"]) for strategy in DOES_NOT),
    *((False, True, strategy, "REPORT.idle", ["AskNext"]) for strategy in DOES_NOT),
]


def names(effects):
    return [effect.tick.__name__ if isinstance(effect, Arm) else type(effect).__name__ for effect in effects]


def test_the_cases_are_all_there_are():
    assert {(blind, over, strategy) for blind, over, strategy, *_ in CASES} == {(b, o, s) for b in (0, 1) for o in (0, 1) for s in EVERY}


@pytest.mark.parametrize(("blind", "over", "strategy", "state", "effects"), CASES)
def test_an_invocation_begins_as_blindness_its_end_and_the_strategy_decide(life, blind, over, strategy, state, effects):
    sandbox = life(*strategy[:2], last_flush_ago_s=strategy[2])
    _ = sandbox.blind() if blind else sandbox.ready()
    if over:
        sandbox.done("a")
    assert names(sandbox.invoke("a")) == ["OpenInvocation", *effects]
    assert sandbox.state == state
    assert (sandbox.data.request_id, sandbox.data.done, sandbox.data.early) == ("a", over, ())


@pytest.mark.parametrize("way", ["idle", "running"])
@pytest.mark.parametrize(("blind", "over", "strategy", "state", "effects"), [case for case in CASES if case[2] is not END_DUE])
def test_the_next_invocation_begins_alike_from_report(life, way, blind, over, strategy, state, effects):
    sandbox = life(*strategy[:2], last_flush_ago_s=strategy[2]).ready()
    sandbox.machine.state = next(s for s in sandbox.machine.table.states if str(s) == f"REPORT.{way}")
    if over:
        sandbox.done("b")
    if blind:
        sandbox.machine.data = type(sandbox.data)(sandbox.data.cadence, blind=True, early=sandbox.data.early)
    assert names(sandbox.invoke("b")) == ["OpenInvocation", *effects]
    assert sandbox.state == state


def test_waiting_is_bounded_by_the_deadline_and_interrupted_by_the_race(life, at):
    assert life().ready().invoke("a", ms=500, timeout_ms=10_000) == [
        do.OpenInvocation("a"),
        Arm(ev.DeadlineNear, at(10_300)),
        Arm(ev.RaceDue, at(500 + RACE_END_MS)),
    ]


def test_a_deadline_that_has_passed_is_a_clock_that_jumped(life, at):
    effects = life().ready().invoke("a", timeout_ms=-1)
    assert Arm(ev.DeadlineNear, at(3_000 - 200)) in effects


def test_a_deadline_days_away_is_a_clock_that_jumped(life, at):
    effects = life().ready().invoke("a", timeout_ms=5 * 86_400_000)
    assert Arm(ev.DeadlineNear, at(900_000)) in effects


def test_a_deadline_closer_than_its_reserve_is_near_at_once(life, at):
    assert Arm(ev.DeadlineNear, at(0)) in life().ready().invoke("a", timeout_ms=150)


@pytest.mark.parametrize(("timeout_ms", "until_ms"), [(10_000, 1_000), (600, 500), (90, 0)])
def test_a_flush_that_comes_first_is_bounded_by_its_time_and_the_deadline(life, at, timeout_ms, until_ms):
    effects = life(Kind.PERIODICALLY, 20_000, last_flush_ago_s=60).ready().invoke("a", timeout_ms=timeout_ms)
    assert effects == [do.OpenInvocation("a"), do.Flush(at(until_ms)), Arm(ev.FlushBound, at(until_ms))]


def test_a_flush_beside_has_a_bound_of_its_own(life, at):
    sandbox = life(Kind.CONTINUOUSLY, 20_000, last_flush_ago_s=60).ready()
    assert sandbox.invoke("a") == [do.OpenInvocation("a"), do.StartFlush(at(30_000)), do.AskNext(), Arm(ev.RaceDue, at(20_000))]


# --- INVOKE.wait --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["done", "report"])
def test_the_end_of_the_runtime_settles_flushes_checkpoints_and_asks(life, at, end):
    sandbox = life().ready()
    sandbox.invoke("a", timeout_ms=10_000)
    assert getattr(sandbox, end)("a", 100) == [Disarm(ev.RaceDue), SETTLE, Arm(ev.SettleBound, at(105))]
    assert sandbox.state == "RUNTIME_DONE.settle"
    assert sandbox.tell(ev.Settled, 102) == [
        Disarm(ev.DeadlineNear),
        Disarm(ev.SettleBound),
        do.Flush(at(1_102)),
        Arm(ev.FlushBound, at(1_102)),
    ]
    assert sandbox.state == "RUNTIME_DONE.flush"
    assert sandbox.tell(ev.Flushed, 150) == [Disarm(ev.FlushBound), do.Checkpoint(), do.AskNext()]
    assert (sandbox.state, sandbox.armed(), sandbox.data.done) == ("REPORT.idle", set(), end == "done")
    assert sandbox.data.reported == (end == "report")


@pytest.mark.parametrize("end", ["done", "report"])
def test_the_end_of_another_request_does_not_end_this_one(life, end):
    sandbox = life().ready()
    sandbox.invoke("a")
    kind = {"done": ev.RuntimeDone, "report": ev.Report}[end]
    assert (getattr(sandbox, end)("b"), sandbox.state, sandbox.data.early) == ([], "INVOKE.wait", (("b", kind),))


def test_a_long_invocation_is_flushed_in_the_middle_again_and_again(life, at):
    sandbox = life(Kind.DEFAULT).ready()
    sandbox.invoke("a", timeout_ms=900_000)
    for minute in (1, 2):
        now_ms = minute * 60_000
        assert sandbox.due(ev.RaceDue, now_ms) == [do.StartFlush(at(now_ms + 30_000)), Arm(ev.RaceDue, at(now_ms + 60_000))]
    assert sandbox.state == "INVOKE.wait"


def test_what_is_nearly_full_is_flushed_early(life, at):
    sandbox = life().ready()
    sandbox.invoke("a")
    assert (sandbox.tell(ev.NearlyFull, 50), sandbox.state) == ([do.StartFlush(at(30_050))], "INVOKE.wait")


def test_a_runtime_whose_end_is_not_seen_is_given_up_before_the_deadline(life, at):
    sandbox = life().ready()
    sandbox.invoke("a", timeout_ms=3_000)
    assert sandbox.due(ev.DeadlineNear, 2_800) == [
        Disarm(ev.RaceDue),
        do.GaveUpWaiting("a"),
        do.Flush(at(2_900)),
        Arm(ev.FlushBound, at(2_900)),
    ]
    assert (sandbox.state, sandbox.data.done) == ("RUNTIME_DONE.flush", False)


def test_an_end_that_was_not_seen_before_the_next_invocation_is_left_unseen(life):
    sandbox = life().ready()
    sandbox.invoke("a", timeout_ms=3_000)
    sandbox.due(ev.DeadlineNear, 2_800)
    sandbox.due(ev.FlushBound, 2_900)
    assert sandbox.invoke("b", 4_000)[:2] == [do.LeaveUnseen("a"), do.OpenInvocation("b")]


def test_an_end_that_was_seen_is_not_left_unseen(life):
    sandbox = life().ready()
    sandbox.invoke("a")
    sandbox.finish("a")
    assert sandbox.invoke("b")[0] == do.OpenInvocation("b")


def test_blind_nothing_is_left_unseen_for_nothing_is_ever_seen(life):
    sandbox = life().blind()
    sandbox.invoke("a")
    sandbox.tell(ev.Flushed)
    assert do.LeaveUnseen("a") not in sandbox.invoke("b")


# --- a request that is tried again keeps its id -------------------------------------------------------------------------------


def test_the_late_report_of_the_first_try_does_not_end_the_second(life):
    sandbox = life().ready()
    sandbox.invoke("a")
    sandbox.finish("a")
    sandbox.invoke("a", 60_000)
    assert (sandbox.report("a"), sandbox.state) == ([], "INVOKE.wait")
    assert names(sandbox.done("a")) == ["Disarm", "Settle", "SettleBound"]


def test_the_late_records_of_an_unseen_first_try_do_not_end_the_second(life):
    sandbox = life().ready()
    sandbox.invoke("a", timeout_ms=3_000)
    sandbox.due(ev.DeadlineNear, 2_800)
    sandbox.tell(ev.Flushed)
    sandbox.invoke("a", 60_000)
    assert (sandbox.done("a"), sandbox.report("a"), sandbox.state) == ([], [], "INVOKE.wait")
    sandbox.done("a")
    assert sandbox.state == "RUNTIME_DONE.settle"


def test_a_late_report_read_in_the_invocation_between_does_not_make_the_second_try_over(life):
    sandbox = life().ready()
    sandbox.invoke("a")
    sandbox.finish("a")
    sandbox.invoke("b", 1_000)
    sandbox.report("a")
    sandbox.finish("b")
    sandbox.invoke("a", 60_000)
    assert (sandbox.state, sandbox.data.done) == ("INVOKE.wait", False)


def test_a_record_of_a_request_that_is_over_may_belong_to_its_next_try_and_is_kept_for_it(life):
    sandbox = life().ready()
    sandbox.invoke("a")
    sandbox.finish("a")
    sandbox.report("a")
    sandbox.invoke("b", 1_000)
    sandbox.done("a")
    assert sandbox.data.early == (("a", ev.RuntimeDone),)


def test_what_is_remembered_of_requests_is_bounded(life):
    sandbox = life().ready()
    for number in range(40):
        sandbox.invoke(f"r{number}")
        sandbox.done(f"early{number}")
        sandbox.finish(f"r{number}")
    assert (len(sandbox.data.early), len(sandbox.data.owed)) == (EARLY_MAX, OWED_MAX)
    assert sandbox.data.early[-1] == ("early39", ev.RuntimeDone)


def test_an_early_end_is_remembered_once(life):
    sandbox = life().ready()
    for _ in range(2):
        sandbox.done("a")
        sandbox.report("a")
    assert sandbox.data.early == (("a", ev.RuntimeDone), ("a", ev.Report))


# --- INVOKE.flush_first -------------------------------------------------------------------------------------------------------

FLUSH_FIRST = (Kind.PERIODICALLY, 20_000)
WAYS = [
    (False, "Flushed", "REPORT.running", [Disarm(ev.FlushBound), do.AskNext()], True),
    (True, "Flushed", "REPORT.idle", [Disarm(ev.FlushBound), do.AskNext()], False),
    (False, "FlushBound", "REPORT.running", [do.AbandonFlush(), do.AskNext()], True),
    (True, "FlushBound", "REPORT.idle", [do.AbandonFlush(), do.AskNext()], False),
]


@pytest.mark.parametrize(("over", "way", "state", "effects", "races"), WAYS)
def test_after_the_flush_that_came_first_the_next_event_is_asked_for(life, at, over, way, state, effects, races):
    sandbox = life(*FLUSH_FIRST, last_flush_ago_s=60).ready()
    sandbox.invoke("a")
    if over:
        assert sandbox.done("a") == []
    given = sandbox.tell(ev.Flushed, 700) if way == "Flushed" else sandbox.due(ev.FlushBound, 1_000)
    assert given == effects + ([Arm(ev.RaceDue, at(sandbox.ms + 20_000))] if races else [])
    assert sandbox.state == state


def test_a_report_during_the_first_flush_is_an_end_too(life):
    sandbox = life(*FLUSH_FIRST, last_flush_ago_s=60).ready()
    sandbox.invoke("a")
    assert (sandbox.report("a"), sandbox.report("b"), sandbox.state) == ([], [], "INVOKE.flush_first")
    assert (sandbox.data.done, sandbox.data.reported, sandbox.data.early) == (False, True, (("b", ev.Report),))


# --- RUNTIME_DONE -------------------------------------------------------------------------------------------------------------


def settling(life, timeout_ms=10_000):
    sandbox = life().ready()
    sandbox.invoke("a", timeout_ms=timeout_ms)
    sandbox.done("a", 100)
    return sandbox


def test_settling_has_a_bound(life, at):
    sandbox = settling(life)
    assert sandbox.due(ev.SettleBound, 105) == [Disarm(ev.DeadlineNear), do.Flush(at(1_105)), Arm(ev.FlushBound, at(1_105))]
    assert sandbox.tell(ev.Settled) == []


def test_a_deadline_while_settling_leaves_no_time_to_flush(life):
    sandbox = settling(life, timeout_ms=303)
    assert sandbox.due(ev.DeadlineNear, 103) == [Disarm(ev.SettleBound), do.Checkpoint(), do.AskNext()]
    assert (sandbox.state, sandbox.armed()) == ("REPORT.idle", set())


def test_a_flush_at_the_end_has_a_bound_and_is_then_given_up(life):
    sandbox = settling(life)
    sandbox.tell(ev.Settled)
    assert sandbox.due(ev.FlushBound, 1_100) == [do.AbandonFlush(), do.Checkpoint(), do.AskNext()]
    assert (sandbox.state, sandbox.tell(ev.Flushed)) == ("REPORT.idle", [])


def test_a_flush_at_the_end_stops_before_the_deadline(life, at):
    sandbox = settling(life, timeout_ms=400)
    assert Arm(ev.FlushBound, at(300)) in sandbox.tell(ev.Settled)


def test_a_report_while_the_call_is_owed_is_noted(life):
    sandbox = settling(life)
    assert (sandbox.report("a"), sandbox.data.reported) == ([], True)
    assert (sandbox.done("b"), sandbox.data.early) == ([], (("b", ev.RuntimeDone),))


# --- REPORT -------------------------------------------------------------------------------------------------------------------


def running(life):
    sandbox = life(Kind.CONTINUOUSLY, 20_000).ready()
    sandbox.invoke("a")
    return sandbox


@pytest.mark.parametrize("end", ["done", "report"])
def test_the_end_of_a_runtime_beside_makes_it_idle(life, end):
    sandbox = running(life)
    assert (sandbox.state, getattr(sandbox, end)("b"), sandbox.state) == ("REPORT.running", [], "REPORT.running")
    assert (getattr(sandbox, end)("a"), sandbox.state) == ([Disarm(ev.RaceDue)], "REPORT.idle")


def test_an_invocation_beside_is_flushed_in_its_middle(life, at):
    sandbox = running(life)
    assert sandbox.due(ev.RaceDue, 20_000) == [do.StartFlush(at(50_000)), Arm(ev.RaceDue, at(40_000))]
    assert sandbox.state == "REPORT.running"


def test_an_idle_sandbox_remembers_the_end_of_what_is_to_begin(life):
    sandbox = running(life)
    sandbox.done("a")
    assert (sandbox.report("a"), sandbox.done("b"), sandbox.state) == ([], [], "REPORT.idle")
    assert (sandbox.data.reported, sandbox.data.early) == (True, (("b", ev.RuntimeDone),))


def test_the_end_of_the_next_try_that_is_read_before_its_invoke_is_remembered_for_it(life):
    sandbox = running(life)
    sandbox.done("a")
    sandbox.report("a")
    sandbox.done("a")
    assert sandbox.data.early == (("a", ev.RuntimeDone),)
    sandbox.invoke("a")
    assert (sandbox.state, sandbox.data.done, sandbox.data.early) == ("REPORT.idle", True, ())


def test_the_report_of_the_next_try_that_is_read_before_its_invoke_is_remembered_for_it(life):
    sandbox = running(life)
    sandbox.done("a")
    sandbox.report("a")
    sandbox.report("a")
    assert sandbox.data.early == (("a", ev.Report),)


def test_a_report_alone_leaves_the_record_of_the_runtimes_end_owed(life):
    sandbox = running(life)
    sandbox.report("a")
    sandbox.invoke("a")
    assert sandbox.data.owed == (("a", ev.RuntimeDone),)
    assert (sandbox.done("a"), sandbox.data.owed, sandbox.data.done) == ([], (), False)


def test_a_report_that_is_read_before_its_invoke_counts_as_a_report(life):
    sandbox = life().ready()
    sandbox.report("a")
    sandbox.invoke("a")
    assert (sandbox.state, sandbox.data.done, sandbox.data.reported) == ("RUNTIME_DONE.settle", False, True)


def test_what_was_begun_while_blind_owes_its_records_too(life):
    sandbox = life().ready()
    sandbox.machine.data = type(sandbox.data)(sandbox.data.cadence, blind=True)
    sandbox.invoke("a")
    sandbox.tell(ev.Flushed)
    sandbox.tell(ev.Subscribed)
    sandbox.invoke("a")
    assert sandbox.data.owed == (("a", ev.RuntimeDone), ("a", ev.Report))


# --- the pending call ---------------------------------------------------------------------------------------------------------


def test_a_call_that_fails_is_made_again_after_growing_pauses_and_then_the_platform_is_lost(life, at):
    sandbox = life().ready()
    now_ms = 0
    for pause_ms in BACKOFF_MS:
        assert sandbox.tell(ev.NextFailed, now_ms, reason="reset", fatal=False) == [Arm(ev.BackoffOver, at(now_ms + pause_ms))]
        now_ms += pause_ms
        assert sandbox.due(ev.BackoffOver, now_ms) == [do.AskNext()]
    assert sandbox.data.failures == NEXT_FAILURES_MAX
    sandbox.tell(ev.NextFailed, reason="reset", fatal=False)
    assert (sandbox.state, sandbox.data.fatal) == ("SHUTDOWN.drain", "reset")


def test_an_answer_forgives_the_failures(life):
    sandbox = life().ready()
    sandbox.tell(ev.NextFailed, reason="reset", fatal=False)
    sandbox.due(ev.BackoffOver, 50)
    sandbox.invoke("a")
    assert sandbox.data.failures == 0


def test_a_pause_goes_on_when_the_runtime_ends(life):
    sandbox = running(life)
    sandbox.tell(ev.NextFailed, reason="reset", fatal=False)
    sandbox.done("a")
    assert (sandbox.state, sandbox.due(ev.BackoffOver, 50)) == ("REPORT.idle", [do.AskNext()])


def test_an_answer_that_nobody_asked_for_ends_the_pause(life):
    sandbox = running(life)
    sandbox.tell(ev.NextFailed, reason="reset", fatal=False)
    assert Disarm(ev.BackoffOver) in sandbox.invoke("b")
    assert "BackoffOver" not in sandbox.armed()


@pytest.mark.parametrize("begin", [lambda life: life().ready(), running])
def test_a_fatal_failure_drains_with_two_seconds_and_exits_1(life, at, begin):
    sandbox = begin(life)
    effects = sandbox.tell(ev.NextFailed, 1_000, reason="status 403", fatal=True)
    assert effects[-3:] == [DRAIN, Arm(ev.DrainBound, at(1_300)), Arm(ev.ExitBound, at(2_900))]
    sandbox.due(ev.DrainBound, 1_300)
    sandbox.tell(ev.Flushed)
    assert sandbox.tell(ev.Spooled)[-1] == do.Exit(1, "Extension.PlatformLost", "status 403")
    assert sandbox.state == "EXIT"


# --- SHUTDOWN -----------------------------------------------------------------------------------------------------------------


def test_a_shutdown_drains_flushes_spools_and_exits(life, at):
    sandbox = life().ready()
    sandbox.invoke("a")
    sandbox.finish("a")
    sandbox.report("a")
    assert sandbox.shutdown(5_000) == [DRAIN, Arm(ev.DrainBound, at(5_300)), Arm(ev.ExitBound, at(6_900))]
    assert sandbox.tell(ev.Settled, 5_020) == [
        Disarm(ev.DrainBound),
        do.RefuseInput(),
        do.EndOpenInvocations(),
        do.Flush(at(6_900), final=True),
    ]
    assert sandbox.state == "SHUTDOWN.flush"
    assert sandbox.tell(ev.Flushed, 5_200) == [do.Spool(), Arm(ev.ExitBound, at(5_250))]
    assert sandbox.tell(ev.Spooled, 5_210) == [Disarm(ev.ExitBound), do.Exit(0)]
    assert sandbox.state == "EXIT"


@pytest.mark.parametrize(
    ("timeout_ms", "exit_ms"),
    [(2_000, 1_900), (700, 600), (300, 200), (10, 200), (-5_000, 1_900), (86_400_000, 1_900)],
    ids=["as given", "some of it gone", "least", "too short", "past", "a day away"],
)
def test_the_time_to_end_is_the_deadline_less_a_reserve_within_reason(life, at, timeout_ms, exit_ms):
    effects = life().ready().shutdown(timeout_ms=timeout_ms)
    drain_ms = min(300, exit_ms // 2)  # however little there is, half of it is for the flush
    assert effects[-2:] == [Arm(ev.DrainBound, at(drain_ms)), Arm(ev.ExitBound, at(exit_ms))]


def test_a_signal_gives_half_a_second(life, at):
    effects = life().ready().tell(ev.Sigterm, 0)
    assert effects == [DRAIN, Arm(ev.DrainBound, at(200)), Arm(ev.ExitBound, at(400))]


def test_a_budget_shorter_than_its_reserve_is_halved(life, at):
    effects = life(bounds=Bounds(sigterm_ms=60)).ready().tell(ev.Sigterm, 0)
    assert effects[-1] == Arm(ev.ExitBound, at(30))


def test_the_report_of_the_last_invocation_is_waited_for(life):
    sandbox = life().ready()
    sandbox.invoke("a")
    sandbox.finish("a")
    sandbox.shutdown()
    assert (sandbox.tell(ev.Settled), sandbox.state) == ([], "SHUTDOWN.drain")
    assert (sandbox.report("b"), sandbox.done("b"), sandbox.done("a")) == ([], [], [])
    assert (sandbox.report("a"), sandbox.state) == ([DRAIN], "SHUTDOWN.drain")
    sandbox.tell(ev.Settled)
    assert sandbox.state == "SHUTDOWN.flush"


@pytest.mark.parametrize("begin", [lambda life: life().ready(), lambda life: life().blind()], ids=["no invocation", "blind"])
def test_where_nothing_is_to_be_heard_settling_is_enough(life, begin):
    sandbox = begin(life)
    sandbox.shutdown()
    sandbox.tell(ev.Settled)
    assert sandbox.state == "SHUTDOWN.flush"


def test_a_drain_has_a_bound(life, at):
    sandbox = running(life)
    sandbox.shutdown(0)
    assert sandbox.due(ev.DrainBound, 300) == [do.RefuseInput(), do.EndOpenInvocations(), do.Flush(at(1_900), final=True)]


def test_a_final_flush_ends_with_the_sandbox_and_what_is_left_is_spooled(life, at):
    sandbox = running(life)
    sandbox.shutdown(0)
    sandbox.due(ev.DrainBound, 300)
    assert sandbox.due(ev.ExitBound, 1_900) == [do.AbandonFlush(), do.Spool(), Arm(ev.ExitBound, at(1_950))]
    assert sandbox.due(ev.ExitBound, 1_950) == [do.Exit(0)]


def test_where_the_drain_took_all_the_time_open_invocations_are_ended_all_the_same(life, at):
    sandbox = running(life)
    sandbox.shutdown(0, timeout_ms=300)
    effects = sandbox.due(ev.ExitBound, 200)
    assert effects == [Disarm(ev.DrainBound), do.RefuseInput(), do.EndOpenInvocations(), do.Spool(), Arm(ev.ExitBound, at(250))]
    assert sandbox.state == "SHUTDOWN.spool"


def test_a_signal_before_the_registration_is_answered_still_ends_well(life):
    sandbox = life()
    sandbox.tell(ev.Started)
    sandbox.tell(ev.Sigterm)
    assert (sandbox.tell(ev.Registered), sandbox.tell(ev.RegisterFailed, reason="late")) == ([], [])
    assert sandbox.state == "SHUTDOWN.drain"


def test_an_invocation_that_begins_after_the_signal_is_too_late(life):
    sandbox = life().ready()
    sandbox.tell(ev.Sigterm)
    assert (sandbox.invoke("a"), sandbox.state) == ([], "SHUTDOWN.drain")


# --- whatever the state -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "effect"), [(1, do.Restart), (3, do.Restart), (4, do.Disable)])
def test_a_crashed_region_is_restarted_three_times_and_then_left_off(life, times, effect):
    sandbox = life().ready()
    assert sandbox.tell(ev.RegionCrashed, region="otlp", times=times) == [effect("otlp")]
    assert sandbox.state == "INIT.ready"


@pytest.mark.parametrize("state", ["INVOKE.wait", "RUNTIME_DONE.settle"])
def test_after_a_freeze_the_deadline_is_measured_anew(life, at, state):
    sandbox = life().ready()
    sandbox.invoke("a", timeout_ms=10_000)
    if state == "RUNTIME_DONE.settle":
        sandbox.done("a", 1_000)
    # The wall clock went on by 4 s while the monotonic clock stood.
    thawed = ev.Thawed(Now(epoch_ms=sandbox.data.deadline_ms - 5_000, mono_ms=at(1_000)), gap_ms=4_000)
    assert sandbox.feed(thawed) == [do.DropIdleConnections(), Arm(ev.DeadlineNear, at(1_000 + 5_000 - 200))]
    assert sandbox.state == state


def test_after_a_freeze_between_invocations_only_connections_are_dropped(life):
    sandbox = life().ready()
    assert sandbox.tell(ev.Thawed, gap_ms=60_000) == [do.DropIdleConnections()]


def test_a_restored_copy_takes_fresh_randomness(life):
    sandbox = life().ready()
    assert sandbox.tell(ev.Restored) == [do.DropIdleConnections(), do.Reseed()]


@pytest.mark.parametrize("state", BEFORE_SHUTDOWN, ids=str)
def test_what_may_happen_anywhere_leaves_every_state_as_it_is(life, state):
    sandbox = life().ready()
    sandbox.machine.state = state
    assert sandbox.tell(ev.RegionCrashed, region="otlp", times=1) == [do.Restart("otlp")]
    assert sandbox.tell(ev.RegionCrashed, region="otlp", times=4) == [do.Disable("otlp")]
    assert sandbox.tell(ev.Thawed, gap_ms=1)[0] == do.DropIdleConnections()
    assert sandbox.tell(ev.Restored) == [do.DropIdleConnections(), do.Reseed()]
    assert sandbox.state == str(state)


@pytest.mark.parametrize("state", [*OWING, *ASKED], ids=str)
def test_a_subscription_that_is_taken_late_ends_blindness_and_changes_nothing_else(life, state):
    sandbox = life().blind()
    sandbox.machine.state = state
    assert (sandbox.tell(ev.Subscribed), sandbox.state, sandbox.data.blind) == ([], str(state), False)


@pytest.mark.parametrize("state", ASKED, ids=str)
def test_a_failed_call_leaves_the_state_as_it_is_while_it_is_made_again(life, state):
    sandbox = life().ready()
    sandbox.machine.state = state
    sandbox.tell(ev.NextFailed, reason="reset", fatal=False)
    assert (sandbox.state, sandbox.due(ev.BackoffOver, 50), sandbox.state) == (str(state), [do.AskNext()], str(state))


# --- records of the end, in every state that hears them -----------------------------------------------------------------------

# State to the one that the end of the current invocation leads to.
HEARING = {
    State.INVOKE_WAIT: State.RUNTIME_DONE_SETTLE,
    State.INVOKE_FLUSH_FIRST: State.INVOKE_FLUSH_FIRST,
    State.RUNTIME_DONE_SETTLE: State.RUNTIME_DONE_SETTLE,
    State.RUNTIME_DONE_FLUSH: State.RUNTIME_DONE_FLUSH,
    State.REPORT_RUNNING: State.REPORT_IDLE,
    State.REPORT_IDLE: State.REPORT_IDLE,
    State.SHUTDOWN_DRAIN: State.SHUTDOWN_DRAIN,
}
# The drain waits for the report alone.
HEARD = [
    (state, kind) for state in HEARING for kind in (ev.RuntimeDone, ev.Report) if (state, kind) != (State.SHUTDOWN_DRAIN, ev.RuntimeDone)
]


def hearing(life, state, **data):
    sandbox = life().ready()
    sandbox.machine.state = state
    sandbox.machine.data = attrs.evolve(sandbox.data, request_id="a", **data)
    return sandbox


@pytest.mark.parametrize(("state", "kind"), HEARD, ids=str)
def test_the_end_of_the_current_invocation_is_noted(life, state, kind):
    sandbox = hearing(life, state)
    sandbox.tell(kind, request_id="a", status="success")
    assert (sandbox.machine.state, sandbox.data.done, sandbox.data.reported) == (HEARING[state], kind is ev.RuntimeDone, kind is ev.Report)


@pytest.mark.parametrize(("state", "kind"), HEARD, ids=str)
def test_a_record_that_an_earlier_try_owes_pays_that_debt_alone(life, state, kind):
    others = (("z", ev.Report), ("a", ev.Report if kind is ev.RuntimeDone else ev.RuntimeDone))
    sandbox = hearing(life, state, owed=(*others, ("a", kind)))
    assert (sandbox.tell(kind, request_id="a", status="success"), sandbox.machine.state) == ([], state)
    assert (sandbox.data.owed, sandbox.data.done, sandbox.data.reported, sandbox.data.early) == (others, False, False, ())


@pytest.mark.parametrize("kind", [ev.RuntimeDone, ev.Report])
@pytest.mark.parametrize("state", [*INIT, *HEARING], ids=str)
def test_the_end_of_what_is_still_to_begin_is_remembered_while_more_may_begin(life, state, kind):
    sandbox = hearing(life, state)
    assert (sandbox.tell(kind, request_id="b", status="success"), sandbox.machine.state) == ([], state)
    assert sandbox.data.early == (() if state is State.SHUTDOWN_DRAIN else (("b", kind),))
    assert (sandbox.data.done, sandbox.data.reported) == (False, False)


def test_in_the_drain_the_end_of_a_runtime_means_nothing(life):
    sandbox = hearing(life, State.SHUTDOWN_DRAIN)
    before = sandbox.data
    assert (sandbox.tell(ev.RuntimeDone, request_id="a", status="success"), sandbox.data) == ([], before)


def test_a_wall_clock_that_goes_back_does_not_move_the_deadline_away(life, at):
    sandbox = life().ready()
    sandbox.invoke("a", timeout_ms=3_000)
    before = sandbox.data.deadline_ms
    hour_ms = 3_600_000
    (_, rearmed) = sandbox.machine.feed(ev.Thawed(Now(before - 3_000 - hour_ms, at(100)), -hour_ms, -hour_ms - 100))
    assert rearmed.tick is ev.DeadlineNear
    assert rearmed.at_mono_ms <= at(3_000)
