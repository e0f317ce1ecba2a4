"""One life of an environment: mail for extensions, and the questions that phases depend on."""

import pytest
import trio
import trio.testing

from emulator.extension_states import ExtensionStep
from emulator.life import Agent, Life, Worker
from emulator.runtime_states import RuntimeState


def agent(name="a", *, external=True, steps=()):
    found = Agent(name, external, f"id-{name}")
    for step in steps:
        assert found.step(step)
        if step is ExtensionStep.REGISTER:
            found.registered_ms = 1.0
    return found


READY = (ExtensionStep.REGISTER, ExtensionStep.NEXT)


async def test_events_are_given_in_order_and_a_cancelled_wait_keeps_them():
    found = agent(steps=READY)
    with trio.move_on_after(0):
        await found.wait_event()
    for number in range(2):
        found.post({"number": number})
    assert [await found.wait_event(), await found.wait_event()] == [{"number": 0}, {"number": 1}]


async def test_mail_outlives_the_process_but_nothing_else_is_waited_for():
    found = agent(steps=READY)
    found.post({"number": 0})
    found.end()
    assert (await found.wait_event(), await found.wait_event()) == ({"number": 0}, None)


def test_an_agent_with_unread_mail_is_not_idle():
    found = agent(steps=READY)
    assert found.idle
    found.post({})
    assert not found.idle


def test_a_step_that_is_not_allowed_changes_nothing():
    found = agent()
    assert not found.step(ExtensionStep.NEXT)
    assert found.state.value == "Started"


@pytest.mark.parametrize(
    ("agents", "runtime", "registered", "ready"),
    [
        ([], RuntimeState.STARTED, True, False),
        ([], RuntimeState.READY, True, True),
        ([agent()], RuntimeState.READY, False, False),
        ([agent(steps=READY[:1])], RuntimeState.READY, True, False),
        ([agent(steps=READY)], RuntimeState.READY, True, True),
        ([agent(steps=READY)], RuntimeState.RESTORE_READY, True, True),
        ([agent(steps=READY)], RuntimeState.STARTED, True, False),
        # An internal extension holds nobody's start up, but init waits for its next.
        ([agent("i", external=False, steps=READY[:1])], RuntimeState.READY, True, False),
    ],
)
def test_init_is_over_when_everyone_has_called_next(agents, runtime, registered, ready):
    life = Life(0, 0.0, {found.name: found for found in agents})
    life.runtime_state = runtime
    assert (life.all_registered, life.all_ready) == (registered, ready)


def test_only_registered_agents_are_known_by_their_identifier():
    life = Life(0, 0.0, {"a": agent(), "b": agent("b", steps=READY)})
    assert (life.agent_of("id-a"), life.agent_of("id-b")) == (None, life.agents["b"])


async def test_the_end_of_a_life_answers_every_pending_call():
    life, worker = Life(0, 0.0, {"a": agent(steps=READY)}), Worker()
    life.workers.append(worker)
    life.end()
    await worker.released.wait()
    assert (worker.invocation, await life.agents["a"].wait_event(), life.restored.is_set()) == (None, None, True)
