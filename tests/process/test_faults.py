"""The real process with an intake that fails in every way, and with failures of its own: invocations end, and losses are counted."""

import sys

import pytest

from cli.launch import ROOT
from emulator.fake_runtime import Step

pytestmark = pytest.mark.peers

BUDGET_MS = 1_000.0  # what a flush may hold an invocation for
LOADED_MS = 1_500.0
SLACK_MS = 400.0  # on a machine that has other things to do; about 40 on one that has not
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there
FAST = {"DD_SERVERLESS_FLUSH_STRATEGY": "end"}


def steps(count):
    """The first one lasts until the extension is loaded: a shorter one would wait for that, and not for the intake."""
    return [Step(lines=[f"said {number}"], duration_ms=1.0 if number else LOADED_MS) for number in range(count)]


def all_said(found):
    return {result.request_id: [f"said {number}"] for number, result in enumerate(found.results)}


# --- the intake

LOSING = {
    "down": (NOBODY, ""),
    "500": (None, "status:500"),
    "429 for an hour": (None, "status:429:retry-after=3600"),
    "hanging": (None, "hang"),
    "closing": (None, "drop"),
    "resetting": (None, "reset"),
}


@pytest.mark.parametrize(("url", "script"), LOSING.values(), ids=LOSING)
async def test_an_intake_that_takes_nothing_costs_the_flush_budget_at_most(scene_of, url, script):
    moved = {} if url is None else {"DD_DD_URL": url, "DD_LOGS_CONFIG_LOGS_DD_URL": url}
    scene = scene_of({**FAST, **moved}, timeout_ms=5_000)
    found = await scene.play(steps(3), intake=script)
    assert found.statuses == ["success"] * 3
    assert max(found.waits_ms) <= BUDGET_MS + SLACK_MS
    assert found.said == {}
    found.check_orderly(within_ms=2_000.0)
    assert [text for text in found.own("WARN") if "not sent before the sandbox ended" in text or "on disk" in text] != []


@pytest.mark.parametrize("status", [400, 404, 413])
async def test_what_an_intake_refuses_is_not_sent_again_and_is_counted(scene_of, status):
    scene = scene_of(FAST, timeout_ms=5_000)
    found = await scene.play(steps(2), intake=f"status:{status}@*/logs")
    assert found.statuses == ["success"] * 2
    assert max(found.waits_ms) < BUDGET_MS
    assert found.said == {}
    bodies = [arrival.decoded.document for arrival in found.intake.arrivals() if arrival.target.endswith("/logs")]
    assert bodies
    assert len(bodies) == len({repr(body) for body in bodies})
    found.check_orderly()
    assert f"logs: status {status}" in found.own("WARN")[-1]


@pytest.mark.parametrize("script", ["status:500*3", "drop*2", "reset*2", "status:429:retry-after=1*2", "delay:300", "slow:1"])
async def test_an_intake_that_recovers_gets_everything_once(scene_of, script):
    scene = scene_of(FAST, timeout_ms=5_000)
    found = await scene.play(steps(3), intake=script)
    assert found.statuses == ["success"] * 3
    assert max(found.waits_ms) <= BUDGET_MS + SLACK_MS
    found.check_delivered(all_said(found))
    assert found.counted("invocations") == 3
    found.check_orderly()


async def test_an_answer_that_is_lost_may_double_what_it_answered_and_nothing_else(scene_of):
    scene = scene_of(FAST, timeout_ms=5_000)
    found = await scene.play(steps(2), intake="drop-after-read*1@*/logs")
    assert found.statuses == ["success"] * 2
    first, second = (result.request_id for result in found.results)
    assert found.said[first] == {"said 0": 2}
    assert found.said[second] == {"said 1": 1}
    found.check_orderly()


# --- the platform's batches


async def test_strange_records_and_broken_batches_cost_themselves_alone(scene_of):
    scene = scene_of(FAST, timeout_ms=5_000)
    bodies = (
        b'[{"type":"platform.somethingNew","record":{"requestId":"x"}}]',
        b"[7,",
        b"\xff\xfe",
        b"",
        b'{"type":"function"}',
        b"[" * 9_999,
    )
    answers = []

    async def post_them(call):
        answers.extend([await scene.post_telemetry(body) for body in bodies])

    found = await scene.play([Step(lines=[f"said {number}"], during=post_them) for number in range(2)])
    assert found.statuses == ["success"] * 2
    assert len(answers) == 2 * len(bodies)
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    found.check_delivered(all_said(found))
    found.check_orderly()


# --- failures of our own

BREAKING = {
    # The agent raises while it takes the records of the first invocation: the platform waits for the call then.
    "at a record": """
        from reactor.agent.agent import Agent
        receive = Agent.receive
        def broken(self, item, now):
            if type(item).__name__ == "Telemetry" and any(record["type"] == "platform.runtimeDone" for record in item.records):
                raise ZeroDivisionError("ours")
            return receive(self, item, now)
        Agent.receive = broken
    """,
    # The agent raises while its call for the next event is pending: that call's connection is lost with it.
    "while it waits": """
        from reactor.agent.agent import Agent
        receive = Agent.receive
        def broken(self, item, now):
            if type(item).__name__ == "SendEnded":
                raise ZeroDivisionError("ours")
            return receive(self, item, now)
        Agent.receive = broken
    """,
    "at an event": """
        from reactor.agent.agent import Agent
        receive = Agent.receive
        def broken(self, item, now):
            if type(item).__name__ == "NextAnswered":
                raise ZeroDivisionError("ours")
            return receive(self, item, now)
        Agent.receive = broken
    """,
    "before it begins": """
        import reactor.run
        def broken(*arguments):
            raise ZeroDivisionError("ours")
        reactor.run._make = broken
    """,
    "while it is loaded": """
        import sys
        sys.modules["trio"] = None
    """,
}
PROGRAM = """
from reactor import stage0
run = stage0.run
def run_and_break(environment):
    done = run(environment)
    {breaking}
    return done
stage0.run = run_and_break
from reactor.__main__ import begin
from reactor.last_resort import leave
leave(begin())
"""


@pytest.mark.parametrize("where", BREAKING)
async def test_when_the_reactor_itself_fails_invocations_go_on_and_the_sandbox_ends_well(scene_of, where):
    lines = [line[4:] for line in BREAKING[where].strip("\n").splitlines()]
    program = PROGRAM.format(breaking="\n".join(lines).strip())
    command = ("/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, "-c", program)
    strategy = {"DD_SERVERLESS_FLUSH_STRATEGY": "continuously,1"} if where == "while it waits" else FAST
    scene = scene_of(strategy, timeout_ms=3_000)
    found = await scene.play([Step(lines=["said something"])] * 4, extension=command)
    assert found.statuses == ["success"] * 4
    assert max(found.waits_ms) < BUDGET_MS
    assert [(life.exit_code, life.killed) for life in found.lives] == [(0, False)]
    [error] = found.own("ERROR")
    assert "invocations go on without telemetry" in error
