"""Broken tables that no model notices, each with the reason: nobody outside could tell them from the real ones, or a test holds the row.

`check --mutants all` fails for one that is named here and noticed after all, as it does for one that is neither noticed nor named.
"""

from collections.abc import Mapping

from fsm.check.mutants import Mutant

LET_GO = "who evicts a machine lets go of it in that very step, whatever its state"
IN_THE_STATE = "what it says is in the state already; the record stays for whoever looks at the machine"
STOPPED_ANYWAY = "it has the life end, and the life stops every region in that very step"
NOT_ARMED = "the platform answers a call, and none is made before the pause is over: nothing is armed any more"
NOBODY_ELSE = "no other invocation begins before the next event was asked for: what is remembered is of a request that never comes"
TWO_ODDITIES = (
    "it takes a record of a stranger and a request that is tried again, and a run of the models has one odd thing; the row is held by "
    "test_the_end_of_what_is_still_to_begin_is_remembered_while_more_may_begin"
)
PAID = (
    "what an earlier try owes matters only where a request is tried again, which the models do for one strategy, and where a try's "
    "records are told apart; each of these rows is held by test_a_record_that_an_earlier_try_owes_pays_that_debt_alone"
)
STILL_ARMED = "the timer of the invocation before is armed still: the flush in the middle comes sooner, and the next one when it is due"

WAITING = ("INVOKE.wait", "INVOKE.flush_first", "RUNTIME_DONE.settle", "RUNTIME_DONE.flush")

# By the name of the mutant.
EXPLAINED: Mapping[str, str] = {
    **{f"managed_invocation: {state} x Evicted, row 1: leads to {state}": LET_GO for state in ("EXPECTED", "INVOKED")},
    **{f"invocation: {state} x Evicted, row 1: leads to {state}": LET_GO for state in ("EXPECTED", "INVOKED", "DONE", "REPORTED")},
    "invocation: INVOKED x RuntimeDone, row 1: learns nothing": IN_THE_STATE,
    "invocation: INVOKED x Report, row 2: learns nothing": IN_THE_STATE,
    **{f"on_demand: INIT.ready x Invoke, row {row}: without Disarm BackoffOver": NOT_ARMED for row in range(1, 8)},
    **{f"on_demand: {state} x {event}, row 3: learns nothing": NOBODY_ELSE for state in WAITING for event in ("RuntimeDone", "Report")},
    **{f"on_demand: INIT.subscribe x {event}, row 1: learns nothing": NOBODY_ELSE for event in ("RuntimeDone", "Report")},
    **{f"on_demand: {state} x RuntimeDone, row 3: left out": TWO_ODDITIES for state in WAITING[1:]},
    **{
        f"on_demand: {state} x {event}, row 1: {change}": PAID
        for state in ("INVOKE.flush_first", "REPORT.running", "RUNTIME_DONE.settle", "RUNTIME_DONE.flush")
        for event in ("RuntimeDone", "Report")
        for change in ("left out", "after the next", "learns nothing")
    },
    **{
        f"on_demand: REPORT.idle x {event}, row 1: {change}": PAID
        for event in ("RuntimeDone", "Report")
        for change in ("left out", "learns nothing")
    },
    **{f"on_demand: SHUTDOWN.drain x Report, row 1: {change}": PAID for change in ("left out", "after the next", "learns nothing")},
    **{f"on_demand: REPORT.running x Invoke, row {row}: without Arm RaceDue": STILL_ARMED for row in (3, 7)},
    **{f"asking: ASKED x {event}, row 1: leads to ASKED": STOPPED_ANYWAY for event in ("Shutdown", "Invoke", "NextFailed")},
}


def reason_for(mutant: Mutant) -> str:
    """Why nothing notices it; empty if nobody says so."""
    return EXPLAINED.get(mutant.name, "")
