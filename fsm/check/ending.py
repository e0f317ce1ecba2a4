"""What must hold at the end of every sandbox, on demand or managed, and for every event: the part that both watchers share."""

from typing import Any

import attrs

from fsm.check.model import DUE, Broken, Seen, Stimulus

EXPECTED = "no event that the platform may produce is unexpected"
NEXT_ONCE = "at most one call for the next event is pending"
NEXT_NOT_AT_END = "the next event is not asked for once the sandbox ends"
ENDING = "at the end: input refused, open invocations ended, a last flush, the rest spooled; each once and in this order"
DRAINED = "the last flush waits for late records, and for nothing else"
EXIT_CODE = "exit 0, but 1 after a fatal error"
EXIT_IN_TIME = "the process exits before the sandbox's deadline"

RULES = (EXPECTED, NEXT_ONCE, NEXT_NOT_AT_END, ENDING, DRAINED, EXIT_CODE, EXIT_IN_TIME)

NOT_YET, DRAINING, REFUSED, CLOSED, FLUSHING, SPOOLED = range(6)  # how far the end is
NONE, ASKED = 0, 1  # of the next event

LOST = (1, ["Extension.PlatformLost"])

# What a watcher learns nothing from.
BLANK = frozenset({"Restart", "Disable", "DropIdleConnections", "Reseed", "StartFlush"})


class Watch:
    """One step, as it is seen from outside. A world has at least `next`, `ending`, `is_fatal`, `ended`, `may_exit_early`."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def set(self, **changes: object) -> None:
        self.world = attrs.evolve(self.world, **changes)

    def watch(self, stimulus: Stimulus, seen: Seen) -> Any:
        self.take(stimulus)
        for word in seen:
            self.see(word, stimulus)
        self.look_back(stimulus, seen)
        return self.world

    def take(self, stimulus: Stimulus) -> None:
        """What came in."""
        raise NotImplementedError

    def look_back(self, stimulus: Stimulus, seen: Seen) -> None:
        """What should have been seen."""

    def is_all_heard(self) -> bool:
        """Whether no late record is to be waited for."""
        raise NotImplementedError

    def asked(self) -> None:
        """The next event was asked for."""

    def see(self, word: str, stimulus: Stimulus) -> None:
        """One effect. Raises Broken."""
        match word.split():
            case ["Unexpected", *_]:
                raise Broken(EXPECTED, word)
            case ["AskNext"]:
                self._ask()
            case ["RefuseInput"]:
                self._goes(DRAINING, REFUSED, word)
            case ["EndOpenInvocations"]:
                self._goes(REFUSED, CLOSED, word)
            case ["Seal", "final"]:
                self._goes(CLOSED, FLUSHING, word)
                self._look_at_drain(stimulus)
            case ["Spool"]:
                self._spool(stimulus)
            case ["Exit", code, *error_type]:
                self._exit(int(code), error_type)
            case ["late"] if self.world.ending:
                raise Broken(EXIT_IN_TIME, "the timers that were armed led there too late")

    def _ask(self) -> None:
        if self.world.next:
            raise Broken(NEXT_ONCE, "asked while a call is pending")
        if self.world.ending:
            raise Broken(NEXT_NOT_AT_END, "asked although the sandbox ends")
        self.asked()
        self.set(next=ASKED)

    def _goes(self, source: int, target: int, word: str) -> None:
        if self.world.ending != source:
            raise Broken(ENDING, f"{word} comes as step {target}, after {self.world.ending}")
        self.set(ending=target)

    def _look_at_drain(self, stimulus: Stimulus) -> None:
        is_over = is_due(stimulus, "DrainBound") or (stimulus[0] == "settled" and self.is_all_heard())
        if not is_over:
            raise Broken(DRAINED, f"the last flush begins after {stimulus[0]}")

    def _spool(self, stimulus: Stimulus) -> None:
        was_cut = is_due(stimulus, "ExitBound") and self.world.ending == CLOSED
        if self.world.ending != FLUSHING and not was_cut:
            raise Broken(ENDING, f"spools after step {self.world.ending}")
        self.set(ending=SPOOLED)

    def _exit(self, code: int, error_type: list[str]) -> None:
        world = self.world
        if world.ending == NOT_YET and world.may_exit_early and code == 1:  # it was not registered
            self.set(ended=True)
            return
        if world.ending != SPOOLED:
            raise Broken(ENDING, f"exits after step {world.ending}")
        if (code, error_type) != (LOST if world.is_fatal else (0, [])):
            raise Broken(EXIT_CODE, f"exit {code} {' '.join(error_type)}".rstrip())
        self.set(ended=True)


def is_due(stimulus: Stimulus, name: str) -> bool:
    return bool(stimulus[0] == DUE and stimulus[1].__name__ == name)
