"""The life of an on-demand sandbox: when to ask for the next event, when to flush, when to give up, when to exit.

INIT, INVOKE (we owe the platform the next call), RUNTIME_DONE (the runtime is over, the call is still owed), REPORT (the call is made:
the sandbox may freeze), SHUTDOWN. Specification, lifecycle 1-5, 11-14, 16; appendix A.1 of the architecture. Provisioned concurrency and
SnapStart live by the same table. The arithmetic of its actions is in `on_demand_actions`.
"""

from fsm import events as ev
from fsm import on_demand_actions as act
from fsm import shared_actions as both
from fsm.engine import Row, Rows, States, Table, rows_for, stay
from fsm.on_demand_actions import Data as Data


class State(States):
    """States and sub-states; the value is the name that people see."""

    INIT_START = "INIT.start"
    INIT_REGISTER = "INIT.register"
    INIT_SUBSCRIBE = "INIT.subscribe"
    INIT_READY = "INIT.ready"
    INVOKE_WAIT = "INVOKE.wait"
    INVOKE_FLUSH_FIRST = "INVOKE.flush_first"
    RUNTIME_DONE_SETTLE = "RUNTIME_DONE.settle"
    RUNTIME_DONE_FLUSH = "RUNTIME_DONE.flush"
    REPORT_RUNNING = "REPORT.running"
    REPORT_IDLE = "REPORT.idle"
    SHUTDOWN_DRAIN = "SHUTDOWN.drain"
    SHUTDOWN_FLUSH = "SHUTDOWN.flush"
    SHUTDOWN_SPOOL = "SHUTDOWN.spool"
    EXIT = "EXIT"


INIT = (State.INIT_START, State.INIT_REGISTER, State.INIT_SUBSCRIBE, State.INIT_READY)
OWING = (State.INVOKE_WAIT, State.INVOKE_FLUSH_FIRST, State.RUNTIME_DONE_SETTLE, State.RUNTIME_DONE_FLUSH)
ASKED = (State.INIT_READY, State.REPORT_RUNNING, State.REPORT_IDLE)  # the next event is asked for, or will be after a pause
BEFORE_SHUTDOWN = (*INIT, *OWING, State.REPORT_RUNNING, State.REPORT_IDLE)
IN_SHUTDOWN = (State.SHUTDOWN_DRAIN, State.SHUTDOWN_FLUSH, State.SHUTDOWN_SPOOL)
WATCHING_DEADLINE = (State.INVOKE_WAIT, State.RUNTIME_DONE_SETTLE)

INVOKE_CELL = (
    # Without telemetry the end of the runtime is never seen: what there is goes first, and the next event is asked for at once.
    Row(State.INVOKE_FLUSH_FIRST, act.begin_and_flush, act.is_blind),
    # Two sockets, a short function: its end can be read before its beginning.
    Row(State.RUNTIME_DONE_SETTLE, act.begin_and_settle, act.flushes_at_end_and_is_over),
    Row(State.INVOKE_WAIT, act.begin_and_wait, act.flushes_at_end),
    Row(State.INVOKE_FLUSH_FIRST, act.begin_and_flush, act.flushes_first),
    Row(State.REPORT_IDLE, act.begin_beside_over, act.is_over_already),
    Row(State.REPORT_RUNNING, act.begin_beside_flush, act.flushes_beside),
    Row(State.REPORT_RUNNING, act.begin_beside),
)

ROWS: Rows = {
    (State.INIT_START, ev.Started): (Row(State.INIT_REGISTER, act.register),),
    (State.INIT_REGISTER, ev.Registered): (Row(State.INIT_SUBSCRIBE, act.subscribe),),
    (State.INIT_REGISTER, ev.RegisterFailed): (Row(State.EXIT, act.exit_unregistered),),
    (State.INIT_REGISTER, ev.RegisterBound): (Row(State.EXIT, act.exit_unanswered),),
    (State.INIT_SUBSCRIBE, ev.Subscribed): (Row(State.INIT_READY, act.ask_first),),
    # An emulator without telemetry answers 202; a platform that does not answer must not hold up the function's start.
    (State.INIT_SUBSCRIBE, ev.SubscriptionRefused): (Row(State.INIT_READY, act.ask_first_blind),),
    (State.INIT_SUBSCRIBE, ev.SubscribeBound): (Row(State.INIT_READY, act.ask_first_blind),),
    # The answer came after all.
    **stay((State.INIT_READY, *OWING, State.REPORT_RUNNING, State.REPORT_IDLE), {ev.Subscribed: act.see_again}),
    **{(state, ev.Invoke): INVOKE_CELL for state in ASKED},
    (State.INVOKE_WAIT, ev.RuntimeDone): (
        # A request that is tried again keeps its id: the first try's late records must not end the second.
        Row(State.INVOKE_WAIT, act.pay_owed, act.is_owed),
        Row(State.RUNTIME_DONE_SETTLE, act.settle, act.is_current),
        # A late record of an earlier request must not end this one.
        Row(State.INVOKE_WAIT, act.remember_end),
    ),
    (State.INVOKE_WAIT, ev.Report): (
        Row(State.INVOKE_WAIT, act.pay_owed, act.is_owed),
        Row(State.RUNTIME_DONE_SETTLE, act.settle_reported, act.is_current),
        Row(State.INVOKE_WAIT, act.remember_end),
    ),
    (State.INVOKE_WAIT, ev.RaceDue): (Row(State.INVOKE_WAIT, act.flush_in_the_middle),),
    (State.INVOKE_WAIT, ev.DeadlineNear): (Row(State.RUNTIME_DONE_FLUSH, act.give_up_and_flush),),
    (State.INVOKE_FLUSH_FIRST, ev.RuntimeDone): (
        Row(State.INVOKE_FLUSH_FIRST, act.pay_owed, act.is_owed),
        Row(State.INVOKE_FLUSH_FIRST, act.note_done, act.is_current),
        Row(State.INVOKE_FLUSH_FIRST, act.remember_end),
    ),
    (State.INVOKE_FLUSH_FIRST, ev.Report): (
        Row(State.INVOKE_FLUSH_FIRST, act.pay_owed, act.is_owed),
        Row(State.INVOKE_FLUSH_FIRST, act.note_reported, act.is_current),
        Row(State.INVOKE_FLUSH_FIRST, act.remember_end),
    ),
    (State.INVOKE_FLUSH_FIRST, ev.Flushed): (
        Row(State.REPORT_IDLE, act.ask_next, act.is_done),
        Row(State.REPORT_RUNNING, act.ask_next_and_race),
    ),
    (State.INVOKE_FLUSH_FIRST, ev.FlushBound): (
        Row(State.REPORT_IDLE, act.abandon_and_ask, act.is_done),
        Row(State.REPORT_RUNNING, act.abandon_ask_and_race),
    ),
    (State.RUNTIME_DONE_SETTLE, ev.Settled): (Row(State.RUNTIME_DONE_FLUSH, act.flush),),
    (State.RUNTIME_DONE_SETTLE, ev.SettleBound): (Row(State.RUNTIME_DONE_FLUSH, act.flush),),
    (State.RUNTIME_DONE_SETTLE, ev.DeadlineNear): (Row(State.REPORT_IDLE, act.checkpoint_and_ask),),
    (State.RUNTIME_DONE_FLUSH, ev.Flushed): (Row(State.REPORT_IDLE, act.checkpoint_and_ask),),
    (State.RUNTIME_DONE_FLUSH, ev.FlushBound): (Row(State.REPORT_IDLE, act.abandon_checkpoint_and_ask),),
    (State.REPORT_RUNNING, ev.RuntimeDone): (
        Row(State.REPORT_RUNNING, act.pay_owed, act.is_owed),
        Row(State.REPORT_IDLE, act.note_done, act.is_current),
        Row(State.REPORT_RUNNING, act.remember_end),
    ),
    (State.REPORT_RUNNING, ev.Report): (
        Row(State.REPORT_RUNNING, act.pay_owed, act.is_owed),
        Row(State.REPORT_IDLE, act.note_reported, act.is_current),
        Row(State.REPORT_RUNNING, act.remember_end),
    ),
    (State.REPORT_RUNNING, ev.RaceDue): (Row(State.REPORT_RUNNING, act.flush_in_the_middle),),
    **{
        (state, ev.RuntimeDone): (
            Row(state, act.pay_owed, act.is_owed),
            *((Row(state, act.remember_end, act.is_next_try),) if state is State.REPORT_IDLE else ()),
            Row(state, act.note_done, act.is_current),
            Row(state, act.remember_end),
        )
        for state in (State.REPORT_IDLE, State.RUNTIME_DONE_SETTLE, State.RUNTIME_DONE_FLUSH)
    },
    **{
        (state, ev.Report): (
            Row(state, act.pay_owed, act.is_owed),
            *((Row(state, act.remember_end, act.is_next_try),) if state is State.REPORT_IDLE else ()),
            Row(state, act.note_reported, act.is_current),
            Row(state, act.remember_end),
        )
        for state in (State.REPORT_IDLE, State.RUNTIME_DONE_SETTLE, State.RUNTIME_DONE_FLUSH)
    },
    # Read before the first INVOKE: remembered for it.
    **stay(INIT, {ev.RuntimeDone: act.remember_end, ev.Report: act.remember_end}),
    **{
        (state, ev.NextFailed): (
            Row(State.SHUTDOWN_DRAIN, both.drain_fatal, both.next_is_lost),
            Row(state, both.back_off),
        )
        for state in ASKED
    },
    **stay(ASKED, {ev.BackoffOver: both.ask_again}),
    **stay((State.INVOKE_WAIT, State.REPORT_RUNNING, State.REPORT_IDLE), {ev.NearlyFull: act.flush_early}),
    **rows_for(BEFORE_SHUTDOWN, {ev.Shutdown: (Row(State.SHUTDOWN_DRAIN, both.drain),)}),
    **rows_for(BEFORE_SHUTDOWN, {ev.Sigterm: (Row(State.SHUTDOWN_DRAIN, both.drain_briefly),)}),
    **{
        (state, ev.RegionCrashed): (Row(state, both.restart_region, both.may_restart), Row(state, both.disable_region))
        for state in BEFORE_SHUTDOWN
    },
    **{(state, ev.Thawed): (Row(state, act.thaw_and_rearm if state in WATCHING_DEADLINE else act.thaw),) for state in BEFORE_SHUTDOWN},
    **stay(BEFORE_SHUTDOWN, {ev.Restored: act.restore}),
    # What is late comes now: the report of the last invocation, or of one that timed out.
    (State.SHUTDOWN_DRAIN, ev.Report): (
        Row(State.SHUTDOWN_DRAIN, act.pay_owed, act.is_owed),
        Row(State.SHUTDOWN_DRAIN, act.note_reported_and_settle, act.is_current),
        Row(State.SHUTDOWN_DRAIN, act.nothing),
    ),
    (State.SHUTDOWN_DRAIN, ev.Settled): (
        Row(State.SHUTDOWN_FLUSH, both.flush_finally, act.all_was_heard),
        Row(State.SHUTDOWN_DRAIN, act.nothing),
    ),
    (State.SHUTDOWN_DRAIN, ev.DrainBound): (Row(State.SHUTDOWN_FLUSH, both.flush_finally),),
    (State.SHUTDOWN_DRAIN, ev.ExitBound): (Row(State.SHUTDOWN_SPOOL, both.refuse_and_spool),),
    (State.SHUTDOWN_FLUSH, ev.Flushed): (Row(State.SHUTDOWN_SPOOL, both.spool),),
    (State.SHUTDOWN_FLUSH, ev.ExitBound): (Row(State.SHUTDOWN_SPOOL, both.abandon_and_spool),),
    (State.SHUTDOWN_SPOOL, ev.Spooled): (Row(State.EXIT, both.exit_now),),
    (State.SHUTDOWN_SPOOL, ev.ExitBound): (Row(State.EXIT, both.exit_now),),
}

IGNORED: dict[tuple[State, type], str] = {
    **{
        (state, ev.Flushed): "a flush that nobody waits for"
        for state in (*INIT, State.INVOKE_WAIT, State.RUNTIME_DONE_SETTLE, State.REPORT_RUNNING, State.REPORT_IDLE, State.SHUTDOWN_DRAIN)
    },
    (State.SHUTDOWN_SPOOL, ev.Flushed): "a flush that was given up",
    **{
        (state, ev.Settled): "a settling that was given up"
        for state in (*INIT, State.INVOKE_WAIT, State.INVOKE_FLUSH_FIRST, State.RUNTIME_DONE_FLUSH, State.REPORT_RUNNING, State.REPORT_IDLE)
    },
    **{(state, ev.Settled): "a settling that was given up" for state in (State.SHUTDOWN_FLUSH, State.SHUTDOWN_SPOOL)},
    **{
        (state, ev.NearlyFull): "a flush follows, or nothing can be sent yet"
        for state in (*INIT, State.INVOKE_FLUSH_FIRST, State.RUNTIME_DONE_SETTLE, State.RUNTIME_DONE_FLUSH, *IN_SHUTDOWN)
    },
    (State.SHUTDOWN_DRAIN, ev.RuntimeDone): "the drain waits for the report alone",
    **{(state, ev.Subscribed): "the sandbox is ending" for state in IN_SHUTDOWN},
    **{
        (state, ev.SubscriptionRefused): "blind already"
        for state in (State.INIT_READY, *OWING, State.REPORT_RUNNING, State.REPORT_IDLE, *IN_SHUTDOWN)
    },
    **{
        (state, event): "too late to be of use"
        for state in (State.SHUTDOWN_FLUSH, State.SHUTDOWN_SPOOL)
        for event in (ev.RuntimeDone, ev.Report)
    },
    **{
        (state, event): "the sandbox is ending"
        for state in IN_SHUTDOWN
        for event in (
            ev.Shutdown,
            ev.Sigterm,
            ev.Invoke,
            ev.NextFailed,
            ev.Registered,
            ev.RegisterFailed,
            ev.RegionCrashed,
            ev.Thawed,
            ev.Restored,
        )
    },
}

TABLE: Table[State, Data] = Table("on_demand", State.INIT_START, frozenset({State.EXIT}), ROWS, IGNORED)
