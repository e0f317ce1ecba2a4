"""Start calls, or end calls, and whose they are: keeps those that name no request until `fsm/pairing.py` has found one."""

from collections.abc import Callable
from typing import Any

from fsm import pairing
from fsm.engine import Machine, Step
from fsm.time import Now
from pipelines.invocation.calls import EndFacts, StartFacts
from reactor.agent.ledger import Ledger

CALL = "call of a library"

Facts = StartFacts | EndFacts


class CallPairs:
    """Calls of one kind. `tell` is given the request and the call once both are known; `unexpected` what no row of the table names."""

    def __init__(
        self,
        is_alone: bool,
        tell: Callable[[str, Facts], None],
        unexpected: Callable[[Any], None],
        ledger: Ledger,
        watch: Callable[[Step], None] | None,
    ) -> None:
        self._machine = Machine(pairing.TABLE, pairing.Data(is_alone), watch)
        self._tell, self._unexpected, self._ledger = tell, unexpected, ledger
        self._waiting: dict[int, Facts] = {}
        self._calls = 0

    def take(self, request_id: str, facts: Facts, now: Now) -> None:
        """A call came; `request_id` is "" where it names none."""
        if request_id:
            self._feed(pairing.CallNamed(now, request_id))
            self._tell(request_id, facts)
        else:
            self._calls += 1
            self._waiting[self._calls] = facts
            self._feed(pairing.CallCame(now, self._calls))

    def began(self, request_id: str, now: Now) -> None:
        self._feed(pairing.RunBegan(now, request_id))

    def done(self, request_id: str, now: Now) -> None:
        """Its runtime is over, but a call of it may still come."""
        self._feed(pairing.RunDone(now, request_id))

    def over(self, request_id: str, now: Now) -> None:
        self._feed(pairing.RunOver(now, request_id))

    def give_up(self) -> None:
        """The sandbox ends: count the calls that nobody came for."""
        if self._waiting:
            self._ledger.drop(CALL, "its invocation never came", len(self._waiting))
            self._waiting.clear()

    def _feed(self, event: Any) -> None:
        for effect in self._machine.feed(event):
            if isinstance(effect, pairing.Pair):
                self._tell(effect.request_id, self._waiting.pop(effect.number))
            elif isinstance(effect, pairing.DropCall):
                del self._waiting[effect.number]
                self._ledger.drop(CALL, effect.reason)
            else:
                self._unexpected(effect)
