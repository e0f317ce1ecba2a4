"""Whole lives of the process in virtual time: a scripted platform and intake as tasks on a network in memory."""

import json
import pathlib

import pytest
import trio

from fsm import effects as do
from fsm import flush, on_demand
from protocols.http_server import Response
from reactor import process as module
from reactor.agent.agent import Agent
from reactor.config.aws import WRAPPER, read_sandbox
from reactor.net.clock import SimulatedClock
from reactor.net.errors import PeerUnavailable
from reactor.net.memory import MemoryNetwork
from reactor.net.origin import Origin
from reactor.net.pool import Pool
from reactor.process import Process
from reactor.supervise import innermost

OK = Response(200, body=b"{}")
REACTOR = str(pathlib.Path(module.__file__).parent)


class Platform:
    """The Extensions API, as far as one extension sees it. `asked` is set while a call for the next event is pending."""

    def __init__(self, network, clock):
        self.network, self.clock = network, clock
        self.register = Response(200, ((b"Lambda-Extension-Identifier", b"id-1"),), b'{"accountId":"123456789012"}')
        self.subscribe = OK
        self.calls = []
        self.asked = trio.Event()
        self._give, self._take = trio.open_memory_channel(0)

    async def answer(self, request):
        self.calls.append((request.method, request.path, trio.current_time()))
        if request.path.endswith("/register"):
            return self.register
        if request.path.endswith("/telemetry"):
            return self.subscribe
        if request.path.endswith("/next"):
            self.asked.set()
            return await self._take.receive()
        return OK

    async def give(self, **event):
        """Answer the pending call, which must come within a second of virtual time."""
        with trio.fail_after(10):
            await self.asked.wait()
            self.asked = trio.Event()
            await self._give.send(Response(200, body=json.dumps(event).encode()))

    async def invoke(self, request_id, timeout_ms=3_000):
        deadline_ms = self.clock.now().epoch_ms + timeout_ms
        await self.give(eventType="INVOKE", requestId=request_id, deadlineMs=deadline_ms, invokedFunctionArn="arn")

    async def shut_down(self, left_ms=2_000):
        await self.give(eventType="SHUTDOWN", shutdownReason="spindown", deadlineMs=self.clock.now().epoch_ms + left_ms)

    async def telemetry(self, *records, port=8999):
        pool = Pool(self.network)
        answer = await pool.request(Origin("http", "sandbox", port), "POST", "/", (), json.dumps(list(records)).encode())
        await pool.drop_idle()
        return answer.status

    def count(self, path):
        return sum(called.endswith(path) for _, called, _ in self.calls)


class Said:
    """A voice that remembers."""

    def __init__(self):
        self.lines = []

    def say(self, level, text):
        self.lines.append((level, text))

    def of(self, level):
        return [text for said, text in self.lines if said == level]


class World:
    """One process with its platform and intake, not yet running."""

    def __init__(self, settings, sandbox):
        self.network, self.clock, self.voice = MemoryNetwork(), SimulatedClock(), Said()
        self.platform = Platform(self.network, self.clock)
        self.process = Process(settings, sandbox, "x86_64", self.network, self.clock, self.voice, lambda: 0.0)
        self.code = None
        self.ended_s = 0.0
        self.intake = None
        self.error = None
        self.over = trio.Event()

    async def run(self):
        try:
            self.code = await self.process.run()
        except Exception as error:
            self.error = error
        self.ended_s = trio.current_time()
        self.over.set()

    @property
    def counts(self):
        return self.process.agent.ledger.statistics()

    async def ended(self):
        """The exit code; what the process raised is raised here."""
        with trio.fail_after(60):
            await self.over.wait()
        if self.error:
            raise self.error
        return self.code


@pytest.fixture
async def world_of(settings_of, sandbox, server_of, nursery):
    """A running world; the intake follows the script, the variables the keywords."""

    async def world_of(*script, before=lambda world: None, run=True, **changes):
        world = World(settings_of(**({"DD_SERVERLESS_FLUSH_STRATEGY": "end"} | changes)), sandbox)
        before(world)
        await server_of(world.network, 9001, world.platform.answer)
        world.intake = await server_of(world.network, 8080, *script)
        if run:
            nursery.start_soon(world.run)
        return world

    return world_of


async def test_a_cold_start_a_warm_one_and_the_end(autojump_clock, world_of, records):
    world = await world_of()
    for name in ("a", "b"):
        await world.platform.invoke(name)
        world.network.send_datagram(8125, b"my.metric:1|c")
        assert await world.platform.telemetry(records.start(name), records.line(f"hello {name}"), records.done(name)) == 200
        await world.platform.asked.wait()
        assert any(b"hello" in request.body or request.header(b"content-encoding") for request in world.intake.requests)
        await world.platform.telemetry(records.report(name))
    await world.platform.shut_down()
    assert await world.ended() == 0
    assert (world.platform.count("/register"), world.platform.count("/telemetry"), world.platform.count("/next")) == (1, 1, 3)
    assert world.counts.dropped == world.counts.refused == {}
    assert world.counts.delivered["logs"] == 8, "two lines of the function, START, END and REPORT of each"
    assert world.counts.accepted == {"telemetry record": 8, "datagram": 2}
    assert world.voice.lines == [("PLAIN", world.voice.of("PLAIN")[0])], "an ordinary life says one line"


@pytest.mark.parametrize(
    ("kind", "is_early"),
    [("on-demand", False), ("provisioned-concurrency", True), ("snap-start", True), ("lambda-managed-instances", True)],
)
@pytest.mark.parametrize("boots_in_s", [0.15, 5.0])
async def test_what_a_flush_needs_lets_the_runtime_go_first_where_somebody_waits_for_it(
    autojump_clock, settings_of, server_of, nursery, monkeypatch, kind, is_early, boots_in_s
):
    warmed = []

    async def warm_up(settings, trust):
        warmed.append(trio.current_time())

    monkeypatch.setattr(module, "warm_up", warm_up)
    world = World(settings_of(), read_sandbox({"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_LAMBDA_INITIALIZATION_TYPE": kind}))
    await server_of(world.network, 9001, world.platform.answer)
    nursery.start_soon(world.run)
    await world.platform.asked.wait()
    await trio.sleep(0.1)
    assert bool(warmed) == is_early
    await trio.sleep(boots_in_s - 0.1)
    assert bool(warmed) == (is_early or boots_in_s > module.WARM_UP_PAUSE_S), "the rest of a long boot is enough"
    await world.platform.invoke("r-1")
    await trio.sleep(0.1)
    assert len(warmed) == (2 if kind in ("provisioned-concurrency", "snap-start") else 1), "and else it goes beside the first invocation"


@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency"])
@pytest.mark.parametrize("wrapper", [WRAPPER, "/opt/other", ""])
async def test_what_the_first_event_needs_is_loaded_while_a_runtime_with_a_library_boots(
    autojump_clock, server_of, settings_of, nursery, monkeypatch, kind, wrapper
):
    loaded = []

    async def expect_events():
        loaded.append("events")

    async def warm_up(settings, trust):
        loaded.append("flush")

    monkeypatch.setattr(module, "expect_events", expect_events)
    monkeypatch.setattr(module, "warm_up", warm_up)
    environment = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_LAMBDA_INITIALIZATION_TYPE": kind, "AWS_LAMBDA_EXEC_WRAPPER": wrapper}
    world = World(settings_of(), read_sandbox(environment))
    await server_of(world.network, 9001, world.platform.answer)
    nursery.start_soon(world.run)
    await world.platform.asked.wait()
    await trio.sleep(module.WARM_UP_PAUSE_S + 0.1)
    assert sorted(set(loaded)) == (["events", "flush"] if wrapper == WRAPPER else ["flush"])
    assert loaded[0] == ("events" if wrapper == WRAPPER else "flush"), "an event comes before any flush"


async def test_the_next_event_is_asked_for_only_after_the_flush_was_answered(autojump_clock, world_of, records):
    async def slowly(request):
        await trio.sleep(0.5)
        return 202

    world = await world_of(slowly)
    await world.platform.invoke("a")
    began = trio.current_time()
    await world.platform.telemetry(records.start("a"), records.done("a"))
    await world.platform.asked.wait()
    assert 0.5 <= trio.current_time() - began < 0.52
    await world.platform.shut_down()
    assert await world.ended() == 0


@pytest.mark.parametrize("word", ["hang", "close", "half", 500, 429, 403, Response(429, ((b"Retry-After", b"30"),))])
async def test_no_intake_can_hold_an_invocation_longer_than_the_budget(autojump_clock, world_of, records, word):
    world = await world_of(word)
    for name in ("a", "b"):
        await world.platform.invoke(name)
        began = trio.current_time()
        await world.platform.telemetry(records.start(name), records.line("hello"), records.done(name), records.report(name))
        await world.platform.asked.wait()
        assert trio.current_time() - began <= 1.05
    began = trio.current_time()
    await world.platform.shut_down()
    assert await world.ended() == 0
    assert trio.current_time() - began <= 2.0
    lost = sum(world.counts.dropped.values())
    assert lost + sum(world.counts.delivered.values()) >= 10
    assert world.voice.of("WARN")[-1].startswith("lost or refused: ")


async def test_an_intake_that_recovers_gets_everything_once(autojump_clock, world_of, records):
    world = await world_of(500, 500, 500, 500, 500, 500, 500, 500, 202)
    for name in ("a", "b", "c"):
        await world.platform.invoke(name)
        await world.platform.telemetry(records.start(name), records.line("hello"), records.done(name), records.report(name))
    await world.platform.shut_down()
    assert await world.ended() == 0
    assert world.counts.dropped == {}
    assert world.counts.delivered["logs"] == 12
    assert "logs: delivered, perhaps twice" not in world.counts.noted


async def test_retry_after_is_respected_in_time(autojump_clock, world_of, records):
    world = await world_of(Response(429, ((b"Retry-After", b"1"),)), 202, DD_FLUSH_BUDGET_MS="3000")
    await world.platform.invoke("a", timeout_ms=10_000)
    await world.platform.telemetry(records.line("hello"), records.start("a"), records.done("a"))
    await world.platform.asked.wait()
    answered = world.intake.at_s
    assert max(later - answered[0] for later in answered[1:]) >= 1.0
    assert world.counts.dropped == {}
    await world.platform.shut_down()
    await world.ended()


async def test_a_function_that_times_out(autojump_clock, world_of, records):
    world = await world_of()
    await world.platform.invoke("a", timeout_ms=3_000)
    await world.platform.telemetry(records.start("a"), records.line("working"))
    began = trio.current_time()
    await world.platform.asked.wait()
    assert 2.7 < trio.current_time() - began < 3.0, "the call comes before the deadline, though no end was seen"
    await trio.sleep(0.1)
    await world.platform.telemetry(records.done("a", status="timeout", duration_ms=3_000.0))
    await world.platform.shut_down()
    await world.platform.telemetry(records.report("a", status="timeout"))
    assert await world.ended() == 0
    assert world.counts.dropped == {}
    assert world.counts.delivered["logs"] == 4


async def test_a_platform_without_telemetry_leaves_it_blind_but_alive(autojump_clock, world_of):
    def without(world):
        world.platform.subscribe = Response(202, body=b'{"errorType":"Telemetry.NotSupported"}')

    world = await world_of(before=without)
    for name in ("a", "b", "c"):
        await world.platform.invoke(name)
        world.network.send_datagram(8125, b"my.metric:1|c")
    await world.platform.shut_down()
    assert await world.ended() == 0
    assert world.counts.delivered["series"] >= 1
    assert "Telemetry.NotSupported" in world.voice.of("WARN")[0]


async def test_a_subscription_without_an_answer_holds_the_start_up_for_300_ms(autojump_clock, world_of):
    def silent(world):
        world.platform.subscribe = "hang"

    world = await world_of(before=silent)
    await world.platform.asked.wait()
    assert trio.current_time() == pytest.approx(0.3, abs=0.05)
    await world.platform.shut_down()
    assert await world.ended() == 0


@pytest.mark.parametrize("answer", [Response(500), Response(200), Response(403), "close", "half"])
async def test_without_a_registration_the_exit_code_is_one(autojump_clock, world_of, answer):
    def refused(world):
        world.platform.register = answer

    world = await world_of(before=refused)
    assert await world.ended() == 1
    assert len(world.voice.of("ERROR")) == 1
    assert world.platform.count("/next") == 0


async def test_a_registration_without_an_answer_ends_the_process(autojump_clock, world_of):
    def silent(world):
        world.platform.register = "hang"

    world = await world_of(before=silent)
    assert await world.ended() == 1
    assert world.ended_s == pytest.approx(10.0, abs=0.1)


async def test_a_platform_that_is_lost_is_told_so_and_the_exit_code_is_one(autojump_clock, world_of, monkeypatch):
    world = await world_of()
    await world.platform.asked.wait()
    await world.platform._give.send(Response(403, body=b'{"errorType":"Extension.UnknownExtensionIdentifier"}'))
    assert await world.ended() == 1
    assert world.platform.count("/exit/error") == 1
    assert "UnknownExtensionIdentifier" in world.voice.of("ERROR")[0]


async def test_a_failed_call_for_the_next_event_is_made_again(autojump_clock, world_of, records):
    world = await world_of()
    await world.platform.asked.wait()
    world.platform.asked = trio.Event()
    await world.platform._give.send(Response(500))
    await world.platform.invoke("a")
    await world.platform.telemetry(records.start("a"), records.done("a"))
    await world.platform.shut_down()
    assert await world.ended() == 0
    assert world.counts.noted["failed calls for the next event"] == 1


async def test_without_a_key_it_lives_and_counts_what_it_cannot_send(autojump_clock, world_of, records):
    world = await world_of(DD_API_KEY=None)
    await world.platform.invoke("a")
    await world.platform.telemetry(records.start("a"), records.line("hello"), records.done("a"), records.report("a"))
    await world.platform.shut_down()
    assert await world.ended() == 0
    assert world.intake.requests == []
    assert world.counts.dropped["logs: not sent before the sandbox ended"] == 4


@pytest.mark.parametrize("port", [8999, 8124, 8126])
async def test_a_taken_port_costs_no_invocation(autojump_clock, world_of, records, port):
    world = await world_of(run=False)
    await world.network.listen("0.0.0.0", port)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.run)
        await world.platform.invoke("a")
        telemetry_port = world.process.listeners.telemetry_port
        await world.platform.telemetry(records.start("a"), records.done("a"), records.report("a"), port=telemetry_port)
        await world.platform.shut_down()
        assert await world.ended() == 0
    assert len([text for text in world.voice.of("ERROR") if str(port) in text]) == 1
    assert sum(world.counts.delivered.values()) > 0


async def test_nothing_is_left_running_or_open_at_the_end(autojump_clock, world_of, records):
    world = await world_of(run=False)
    await world_runs(world, records)
    assert tasks_of_the_reactor() == []
    for port in (8999, 8124, 8126):
        with pytest.raises(OSError, match="refused"):
            await world.network.connect("sandbox", port)
    assert await world.network.datagram("0.0.0.0", 8125, 1_000)


def tasks_of_the_reactor():
    """The names of all living tasks whose code is the reactor's."""
    found, waiting = [], [trio.lowlevel.current_root_task()]
    for task in waiting:
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        found += [task.name] if task.coro.cr_code.co_filename.startswith(REACTOR) else []
    return found


async def world_runs(world, records):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.run)
        await world.platform.invoke("a")
        assert len(tasks_of_the_reactor()) > 5
        await world.platform.telemetry(records.start("a"), records.done("a"), records.report("a"))
        await world.platform.shut_down()
        assert await world.ended() == 0


async def test_after_the_last_flush_began_nobody_can_connect_any_more(autojump_clock, world_of, records):
    async def slowly(request):
        await trio.sleep(0.5)
        return 202

    world = await world_of(slowly)
    await world.platform.invoke("a")
    await world.platform.telemetry(records.start("a"), records.done("a"), records.report("a"))
    await world.platform.shut_down()
    await trio.sleep(0.3)
    assert world.code is None
    for port in (8999, 8124, 8126):
        with pytest.raises(OSError, match="refused"):
            await world.network.connect("sandbox", port)
    assert await world.ended() == 0


# --- failures of our own


async def test_a_crashed_listener_is_started_again_and_the_life_goes_on(autojump_clock, world_of, records, monkeypatch):
    world = await world_of()
    await world.platform.asked.wait()
    crashed = []
    listener = world.process.listeners._http["telemetry"]._listener
    monkeypatch.setattr(listener, "accept", lambda: crashed.append(1) or (_ for _ in ()).throw(ValueError("ours")))
    await (await world.network.connect("sandbox", 8999)).aclose()
    await trio.sleep(0.5)
    await world.platform.invoke("a")
    assert await world.platform.telemetry(records.start("a"), records.done("a"), records.report("a")) == 200
    await world.platform.shut_down()
    assert await world.ended() == 0
    assert crashed == [1]
    assert len([text for text in world.voice.of("ERROR") if text.startswith("telemetry failed: ValueError")]) == 1


@pytest.mark.parametrize("kind", ["Telemetry", "Datagrams", "TimerDue", "SendEnded", "SettleEnded", "NextAnswered"])
async def test_an_agent_that_raises_ends_the_process_at_once_with_its_own_error(autojump_clock, world_of, records, monkeypatch, kind):
    """Not the one who brought the input: a 500 to the platform would have it send the same batch for ever."""
    original = Agent.receive

    def receive(self, item, now):
        if type(item).__name__ == kind:
            raise ZeroDivisionError("ours")
        return original(self, item, now)

    monkeypatch.setattr(Agent, "receive", receive)
    world = await world_of("hang" if kind == "TimerDue" else 202, run=False)
    statuses = []
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(provoke, world, records, statuses)
            await world.run()
            nursery.cancel_scope.cancel()
    assert repr(world.error) == "ZeroDivisionError('ours')"
    assert 500 not in statuses
    assert tasks_of_the_reactor() == []
    assert world.process.platform.identifier == "id-1", "whoever takes over needs it"
    for port in (8999, 8124, 8126):
        with pytest.raises(OSError, match="refused"):
            await world.network.connect("sandbox", port)


async def provoke(world, records, statuses):
    await world.platform.invoke("a")
    world.network.send_datagram(8125, b"m:1|c")
    await trio.sleep(0.01)
    try:
        statuses.append(await world.platform.telemetry(records.start("a"), records.done("a")))
    except PeerUnavailable:
        statuses.append("lost")
    await trio.sleep_forever()


async def test_a_background_task_that_raises_ends_the_process_too(autojump_clock, world_of, monkeypatch):
    async def fail(self, effect):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(Process, "_subscribe", fail)
    world = await world_of(run=False)
    await world.run()
    assert repr(innermost(world.error)) == "ZeroDivisionError('ours')"


def test_every_effect_of_the_machines_has_somebody_who_performs_it(settings_of, sandbox):
    """An effect without a performer would be found when it is needed."""
    import ast
    import inspect

    from fsm import invocation, on_demand_actions
    from reactor.agent import agent

    asked_for = set()
    for machine in (on_demand_actions, on_demand, flush, invocation):
        for node in ast.walk(ast.parse(inspect.getsource(machine))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "do":
                asked_for.add(node.func.attr)
    in_agent = {name for name in vars(do) if f"do.{name}" in inspect.getsource(agent)}
    joins = {join.effect.__name__ for join in agent.JOINS} if hasattr(agent, "JOINS") else set()
    if not joins:
        from reactor.agent import machines

        in_agent |= {name for name in vars(do) if f"do.{name}" in inspect.getsource(machines)}
    in_process = {name for name in vars(do) if f"do.{name}:" in inspect.getsource(module)}
    assert asked_for
    assert asked_for - in_agent - joins - in_process == set()
