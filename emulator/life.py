"""One life of an environment, from an init to the reset or shutdown that ends it: who registered, who runs, who waits for what.

Plain state with the questions that the phases depend on; the APIs change it, the sandbox reads it.
"""

from collections import deque
from typing import Any

import attrs
import trio

from emulator.extension_states import ExtensionState, ExtensionStep, after
from emulator.invocations import Running
from emulator.runtime_states import RuntimeState

EXTENSIONS_MAX = 10


@attrs.define(eq=False)
class Agent:
    """One extension, external (a process of the platform) or internal (a part of the runtime)."""

    name: str
    external: bool
    identifier: str
    state: ExtensionState = ExtensionState.STARTED
    events: tuple[str, ...] = ()
    error_type: str | None = None  # announced by init/error or exit/error
    waiting: bool = False  # a next call is pending
    registered_ms: float | None = None
    subscribed_ms: float | None = None
    first_next_ms: float | None = None
    gone: bool = False
    _mail: deque[dict[str, Any]] = attrs.field(factory=deque)
    _news: trio.Event = attrs.field(factory=trio.Event)

    def step(self, step: ExtensionStep) -> bool:
        """Move if that is allowed; say whether it was."""
        target = after(self.state, step)
        if target is None:
            return False
        self.state = target
        return True

    @property
    def registered(self) -> bool:
        return self.registered_ms is not None

    @property
    def idle(self) -> bool:
        """It has called next and holds no event that it has not seen to the end."""
        return self.state is ExtensionState.READY and not self._mail

    def post(self, event: dict[str, Any]) -> None:
        self._mail.append(event)
        self._news.set()

    def end(self) -> None:
        """Its process is gone: a pending call will never be answered."""
        self.gone = True
        self._news.set()

    async def wait_event(self) -> dict[str, Any] | None:
        """The next event for it; None once it is gone. Cancelling keeps the event for the next call."""
        while not self._mail:
            if self.gone:
                return None
            self._news = trio.Event()
            await self._news.wait()
        return self._mail.popleft()


@attrs.define(eq=False)
class Worker:
    """One pending invocation/next."""

    invocation: Running | None = None
    released: trio.Event = attrs.field(factory=trio.Event)

    def give(self, invocation: Running | None) -> None:
        self.invocation = invocation
        self.released.set()


@attrs.define(eq=False)
class Life:
    """`number` counts from 0. `started_ms` is on trio's clock."""

    number: int
    started_ms: float
    agents: dict[str, Agent] = attrs.field(factory=dict)
    open: bool = True  # registration and subscription are open
    runtime_state: RuntimeState = RuntimeState.STARTED
    runtime_started: bool = False
    runtime_gone: bool = False
    runtime_error: str | None = None
    workers: deque[Worker] = attrs.field(factory=deque)
    restored: trio.Event = attrs.field(factory=trio.Event)
    over: bool = False
    stopped_ms: float | None = None
    paid: bool = False  # an invocation has taken this init on its bill

    def agent_of(self, identifier: str) -> Agent | None:
        return next((agent for agent in self.agents.values() if agent.registered and agent.identifier == identifier), None)

    @property
    def external(self) -> list[Agent]:
        return [agent for agent in self.agents.values() if agent.external]

    @property
    def all_registered(self) -> bool:
        return all(agent.registered for agent in self.external)

    @property
    def all_ready(self) -> bool:
        """Everyone who must has called next: the end of init."""
        return self.runtime_ready and all(agent.state is ExtensionState.READY for agent in self.agents.values())

    @property
    def runtime_ready(self) -> bool:
        return self.runtime_state in (RuntimeState.READY, RuntimeState.RESTORE_READY)

    @property
    def restored_ready(self) -> bool:
        """The runtime has asked for an invocation since the snapshot; the extensions' calls are still pending."""
        return self.runtime_state is RuntimeState.READY

    @property
    def invoke_agents(self) -> list[Agent]:
        return [agent for agent in self.agents.values() if "INVOKE" in agent.events]

    @property
    def extensions_gone(self) -> bool:
        return all(agent.gone for agent in self.external)

    def end(self) -> None:
        """No call of this life will be answered any more."""
        self.over = True
        for agent in self.agents.values():
            agent.end()
        for worker in self.workers:
            worker.give(None)
        self.workers.clear()
        self.restored.set()
