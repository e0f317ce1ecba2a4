"""The on-demand lifecycle as models: one for each flush strategy.

Each walks three invocations, and fewer where something odd happens. Only `life_end` tries requests again: there an invocation waits for
records, so there they must not be taken for another's.
"""

from collections.abc import Mapping
from typing import Any

from fsm.check import ending, life, sandbox
from fsm.check import life_watch as watch
from fsm.check.life import OnDemandLife
from fsm.check.life_platform import Choices
from fsm.check.life_watch import WatchedPlatform
from fsm.check.model import Model, Subject, Surroundings
from fsm.decision import Kind, Strategy
from fsm.engine import Table
from fsm.on_demand import OWING, State

INTERVAL_MS = 20_000

RULES = {
    ending.EXPECTED: "no Unexpected comes out",
    ending.NEXT_ONCE: "no AskNext while the answer to one is outstanding",
    ending.NEXT_NOT_AT_END: "no AskNext after SHUTDOWN, SIGTERM or a fatal answer",
    watch.NEXT_NOT_BEFORE: "AskNext after all that the decision names: the end heard, what had arrived read, the flush over",
    watch.NEXT_IN_TIME: "AskNext before the deadline that the platform gave, if timers come due in time",
    watch.NEXT_AT_ONCE: "AskNext in the very step of the INVOKE where nothing is promised",
    life.AT_ONCE: "registered: Subscribe; subscribed: AskNext, WarmUp; crashed: Restart or Disable; nearly full: StartFlush; and so on",
    life.BOUNDED: "in each state that waits, the timers that end the wait are armed; RaceDue as long as the runtime goes on",
    watch.NOT_IN_VAIN: "GaveUpWaiting only where no record of this try was read",
    watch.OPENED_ONCE: "one OpenInvocation for each INVOKE, with its id",
    watch.HANGS: "from every state that owes something, whatever timers come due in whatever order of ties",
    ending.ENDING: "RefuseInput, EndOpenInvocations, a final Seal, Spool, Exit",
    ending.DRAINED: "the final Seal at DrainBound, or at the first Settled after the last report",
    ending.EXIT_CODE: "Exit(0), or Exit(1, Extension.PlatformLost)",
    ending.EXIT_IN_TIME: "Exit before the deadline that SHUTDOWN gave, if timers come due in time",
    sandbox.TIMER_KEPT: "what a machine has armed is in the hands of the performer, and lies ahead",
    sandbox.FLUSH_TOLD: "a lifecycle that waits for Flushed has a flush in WAITED",
    sandbox.FLUSH_DONE: "FlushDone only when no sealed payload is outstanding",
    sandbox.RUN_ENDS: "each event is dealt with in a bounded number of steps",
}


ANSWERED = "the platform answers SHUTDOWN only to a call for the next event"
UNREGISTERED = "the agent takes no records before the registration is answered"
NOT_BLIND = "without blindness the subscription has been answered"
TOO_EARLY = "the process has not begun"

# The same cells in every model.
UNREACHED = {
    **{("on_demand", str(state), "Shutdown"): ANSWERED for state in (State.INIT_START, State.INIT_REGISTER, State.INIT_SUBSCRIBE, *OWING)},
    **{
        ("on_demand", str(state), event): UNREGISTERED
        for state in (State.INIT_START, State.INIT_REGISTER)
        for event in ("RuntimeDone", "Report", "Restored")
    },
    **{
        ("on_demand", str(state), "Subscribed"): NOT_BLIND
        for state in (State.INVOKE_WAIT, State.RUNTIME_DONE_SETTLE, State.RUNTIME_DONE_FLUSH)
    },
    **{("on_demand", str(State.INIT_START), event): TOO_EARLY for event in ("Sigterm", "Thawed")},
    ("on_demand", str(State.SHUTDOWN_DRAIN), "ExitBound"): "DrainBound comes first; it is a net for a timer that fails",
}


def model_of(name: str, text: str, strategy: Strategy, choices: Choices) -> Model:
    """A model of one strategy, with what the platform may choose from."""

    def make(tables: Mapping[str, Table[Any, Any]]) -> tuple[Subject, Surroundings]:
        return OnDemandLife(tables, strategy), WatchedPlatform(choices)

    return Model(name, text, ("on_demand", "flush"), RULES, make, watch.HANGS, UNREACHED)


MODELS = (
    model_of(
        "life_end",
        "flush at the end of each invocation; requests are tried again",
        Strategy(Kind.END),
        Choices((-1_000, 150, 3_000), lefts_ms=(-1_000, 300, 2_000), jumps_ms=(3_600_000, -3_600_000), odd_max=2, are_tried_again=True),
    ),
    model_of(
        "life_end_periodically",
        "flush at the end of an invocation, now and then",
        Strategy(Kind.END_PERIODICALLY, INTERVAL_MS),
        Choices((45_000,), (0, 30_000)),
    ),
    model_of(
        "life_periodically",
        "flush at the beginning of an invocation, now and then",
        Strategy(Kind.PERIODICALLY, INTERVAL_MS),
        Choices((150, 3_000), (0, 30_000)),
    ),
    model_of(
        "life_continuously",
        "flush beside the invocations",
        Strategy(Kind.CONTINUOUSLY, INTERVAL_MS),
        Choices((3_000,), (0, 30_000)),
    ),
    model_of(
        "life_default",
        "the strategy follows the gaps between invocations: from continuous over periodical to the end",
        Strategy(Kind.DEFAULT),
        Choices((130_000,), (0, 30_000, 2_300_000)),
    ),
)
