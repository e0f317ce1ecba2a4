"""A key that comes from elsewhere: performs what the machine `secret` asks for, and holds the key, which nothing else ever sees."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import trio

from fsm import events as ev
from fsm import secret_actions as m
from fsm.engine import Arm, Disarm, Machine, Unexpected
from fsm.secret import TABLE, State
from protocols.api_key import Failure, doubt
from reactor.net.clock import Clock, trio_time_of_mono
from reactor.secrets import variable_of

Load = Callable[[str], Awaitable[str | Failure]]


@attrs.define
class KeyCounts:
    tries: int = 0  # of sources
    failed: int = 0  # tries that gave no key
    refused: int = 0  # times that an intake refused a key
    unexpected: int = 0  # events that no row of the machine names


class FetchedKey:
    """The key in use, loaded when it is first wanted. See `reactor.secrets.ApiKey` for its manners.

    `load(source)` tries one source once; what it raises counts as a failure. `start` runs a task beside everything else.
    """

    def __init__(
        self,
        sources: tuple[str, ...],
        interval_ms: int | None,
        load: Load,
        clock: Clock,
        start: Callable[[Callable[[], Awaitable[None]]], None],
        say: Callable[[str, str], None],
    ) -> None:
        self._machine = Machine(TABLE, m.Data(sources, interval_ms))
        self._load_from, self._clock, self._start, self._say = load, clock, start, say
        self._key: str | None = None
        self._loaded: str | None = None  # until the machine says to use it
        self._failures: dict[str, str] = {}  # of the load under way: source to reason
        self._said = ""
        self._loading, self._waiting = trio.CancelScope(), trio.CancelScope()
        self._load_ended = trio.Event()
        self._counts = KeyCounts()
        self._performers: dict[type, Callable[[Any], None]] = {
            m.Load: self._begin,
            m.CancelLoad: self._cancel,
            m.UseKey: self._use,
            m.KeepKey: self._keep,
            m.GiveUp: self._give_up,
            m.TellSlow: self._tell_slow,
            m.ForgetKey: self._forget,
            Arm: self._arm,
            Disarm: lambda effect: self._waiting.cancel(),
            Unexpected: self._unexpected,
        }

    def __repr__(self) -> str:
        return f"<FetchedKey {self._machine.state} {self._counts}>"

    def statistics(self) -> KeyCounts:
        """A copy of the totals."""
        return attrs.evolve(self._counts)

    @property
    def state(self) -> str:
        return str(self._machine.state)

    async def key(self) -> str | None:
        self.prepare()
        if self._machine.state is State.LOADING:
            await self._load_ended.wait()
        return self._key if self._machine.state in (State.LOADED, State.RELOADING) else None

    def prepare(self) -> None:
        self._feed(m.KeyWanted(self._clock.now()))

    def refused(self, key: str | None = None) -> bool:
        self._counts.refused += 1
        is_current = key is None or key == self._key
        self._feed(m.KeyRefused(self._clock.now(), is_current))
        return not is_current or self._machine.state in (State.LOADING, State.BACKGROUND)

    def thawed(self) -> None:
        self._feed(ev.Thawed(self._clock.now(), 0))

    def restored(self) -> None:
        self._feed(ev.Restored(self._clock.now()))

    def _feed(self, event: Any) -> None:
        """Tell the machine, and do what it asks for. No await."""
        for effect in self._machine.feed(event):
            self._performers[type(effect)](effect)
        if self._machine.state is not State.LOADING:
            self._load_ended.set()
        elif self._load_ended.is_set():
            self._load_ended = trio.Event()

    # --- one try of one source ------------------------------------------------------------------------------------------------

    def _begin(self, effect: m.Load) -> None:
        self._loading = trio.CancelScope()
        self._start(partial(self._try, effect, self._loading))

    async def _try(self, effect: m.Load, scope: trio.CancelScope) -> None:
        self._counts.tries += 1
        began_ms = self._clock.now().mono_ms
        answer: str | Failure = Failure(f"no answer in {m.TRY_MS} ms", transient=True)
        scope.deadline = trio_time_of_mono(self._clock, effect.until_mono_ms)
        with scope:
            await trio.sleep(effect.pause_ms / 1000)
            answer = await self._load(effect.source)
        if scope is not self._loading:  # cancelled, or replaced in the moment it was done
            return
        now = self._clock.now()
        self._say("DEBUG", f"Decrypt took {now.mono_ms - began_ms} ms")
        if isinstance(answer, Failure):
            self._counts.failed += 1
            self._failures[effect.source] = answer.reason
            self._feed(m.LoadFailed(now, answer.transient))
        else:
            self._loaded = answer
            self._feed(m.KeyLoaded(now))

    async def _load(self, source: str) -> str | Failure:
        try:
            return await self._load_from(source)
        except Exception as error:  # a fault of ours: it costs this try, not the process
            # Its kind alone: the words of an error about a header hold the header, and that may be a secret.
            return Failure(f"cannot be asked: {type(error).__name__}")

    def _cancel(self, effect: m.CancelLoad) -> None:
        self._loading.cancel()
        self._loading = trio.CancelScope()
        self._failures.clear()

    # --- how it ended ---------------------------------------------------------------------------------------------------------

    def _use(self, effect: m.UseKey) -> None:
        self._key, self._loaded = self._loaded, None
        self._failures.pop(effect.source, None)  # an earlier try of the source that now gave one
        if self._failures:
            self._say_once("WARN", f"{self._why()}; using the API key of {variable_of(effect.source)}")
        elif words := doubt(self._key or ""):
            self._say_once("WARN", f"the API key of {variable_of(effect.source)} is unusual: {words}")
        elif self._said:
            self._say("INFO", f"API key loaded from {variable_of(effect.source)}")
            self._said = ""
        self._failures.clear()

    def _keep(self, effect: m.KeepKey) -> None:
        self._say_once("WARN", f"{self._why()}; the API key in use stays")
        self._failures.clear()

    def _give_up(self, effect: m.GiveUp) -> None:
        self._say_once("ERROR", f"no API key, so telemetry waits: {self._why()}")
        self._failures.clear()

    def _tell_slow(self, effect: m.TellSlow) -> None:
        self._say_once("WARN", f"no API key yet, so telemetry waits: {variable_of(effect.source)} has not answered in {m.WAIT_MS} ms")

    def _forget(self, effect: m.ForgetKey) -> None:
        self._key = self._loaded = None

    def _why(self) -> str:
        return "; ".join(f"{variable_of(source)} gave no API key: {reason}" for source, reason in self._failures.items())

    def _say_once(self, level: str, text: str) -> None:
        """Not again at each try while nothing changes: these lines are telemetry too, and cost their readers money."""
        if text != self._said:
            self._said = text
            self._say(level, text)

    def _unexpected(self, effect: Unexpected) -> None:
        self._counts.unexpected += 1

    # --- the bound on waiting -------------------------------------------------------------------------------------------------

    def _arm(self, effect: Arm) -> None:
        self._waiting = trio.CancelScope()
        self._start(partial(self._tick, effect, self._waiting))

    async def _tick(self, effect: Arm, scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep_until(trio_time_of_mono(self._clock, effect.at_mono_ms))
            self._feed(effect.tick(self._clock.now(), effect.generation))
