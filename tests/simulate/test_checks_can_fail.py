"""Each promise broken on purpose, in the real process, is seen: a check that cannot fail checks nothing."""

import attrs
import pytest

from emulator.world.scenario import Ending, Invocation, Life, Scenario, Work
from fsm import effects as do
from fsm import events as ev
from protocols.http_server import Response
from reactor.agent import inputs as given
from reactor.agent.outputs import SendPayload

WORK = (Work(0, "text"), Work(0, "object"), Work(1, "count"), Work(2, "distribution"))
WORLD = Scenario(0, lives=(Life((Invocation(work=WORK), Invocation(work=WORK))),))


def performs_instead(process, effect_type, perform):
    """Let `perform(effect, ordinary)` stand in for what the process does about an effect."""
    ordinary = process._performers[effect_type]
    process._performers[effect_type] = lambda effect: perform(effect, ordinary)


def never_sending(kind):
    """Payloads of this kind count as delivered, and are not sent."""

    def lose_all(simulated):
        process = simulated.process

        def lose(effect, ordinary):
            if effect.payload.body.kind == kind:
                process.receive(given.SendEnded(effect.payload.number, 202))
            else:
                ordinary(effect)

        performs_instead(process, SendPayload, lose)

    return lose_all


def test_the_world_they_break_is_in_order(kinds_of):
    assert kinds_of(WORLD) == set()


@pytest.mark.parametrize(("kind", "violations"), [("logs", {"lost"}), ("series", {"lost"}), ("sketches", {"lost"})])
def test_a_payload_that_is_never_sent_but_counts_as_delivered_is_missed(kind, violations, broken, kinds_of):
    assert kinds_of(WORLD, broken(never_sending(kind))) >= {*violations, "not delivered"}


def test_a_payload_that_is_sent_twice_is_seen(broken, kinds_of):
    def send_twice(simulated):
        def twice(effect, ordinary):
            ordinary(effect)
            ordinary(effect)

        performs_instead(simulated.process, SendPayload, twice)

    assert kinds_of(WORLD, broken(send_twice)) >= {"twice", "twice, uncounted"}


def test_a_next_call_that_is_never_made_is_missed(broken, kinds_of):
    def ask_once(simulated):
        asked = []

        def ask(effect, ordinary):
            asked.append(effect)
            if len(asked) == 1:
                ordinary(effect)

        performs_instead(simulated.process, do.AskNext, ask)

    assert kinds_of(WORLD, broken(ask_once)) == {"never asked"}


def test_a_next_call_that_is_made_twice_is_seen(broken, kinds_of):
    def ask_twice(simulated):
        def ask(effect, ordinary):
            ordinary(effect)
            ordinary(effect)

        performs_instead(simulated.process, do.AskNext, ask)

    assert "two next calls" in kinds_of(WORLD, broken(ask_twice))


def test_a_next_call_before_the_end_of_the_runtime_is_seen(broken, kinds_of):
    def end_at_once(simulated):
        process, ordinary = simulated.process, simulated.process.receive

        def receive(item):
            ordinary(item)
            if isinstance(item, given.NextAnswered) and hasattr(item.answer, "request_id"):
                process.agent._tell(ev.RuntimeDone(process._clock.now(), item.answer.request_id, "success"))
                ordinary(given.SettleEnded())

        process.receive = receive

    assert "asked too early" in kinds_of(WORLD, broken(end_at_once))


def test_a_line_under_another_request_is_seen(broken, kinds_of):
    def mix(simulated):
        process = simulated.process
        ordinary = process.agent._takers[given.Telemetry]

        def take(item):
            for record in item.records:
                if record["type"] == "platform.start":
                    record["record"]["requestId"] += "-mixed"
            ordinary(item)

        process.agent._takers[given.Telemetry] = take

    assert "wrong request id" in kinds_of(WORLD, broken(mix))


def test_a_metric_of_another_value_is_seen(broken, kinds_of):
    def falsify(simulated):
        agent = simulated.process.agent
        ordinary = agent._takers[given.Datagrams]
        agent._takers[given.Datagrams] = lambda item: ordinary(
            given.Datagrams([datagram.replace(b"count:", b"count:1") for datagram in item.datagrams])
        )

    assert kinds_of(WORLD, broken(falsify)) == {"wrong value"}


def test_a_datagram_that_is_forgotten_is_missed(broken, kinds_of):
    def forget(simulated):
        simulated.process.agent._takers[given.Datagrams] = lambda item: None

    assert kinds_of(WORLD, broken(forget)) == {"lost"}


def test_a_record_that_is_forgotten_is_missed(broken, kinds_of):
    def forget(simulated):
        agent = simulated.process.agent
        ordinary = agent._takers[given.Telemetry]
        agent._takers[given.Telemetry] = lambda item: ordinary(
            given.Telemetry([record for record in item.records if record["type"] != "function"], item.refused)
        )

    assert kinds_of(WORLD, broken(forget)) == {"lost", "no balance"}


def test_an_event_that_no_row_names_is_seen(broken, kinds_of):
    def surprise(simulated):
        performs_instead(
            simulated.process,
            do.AskNext,
            lambda effect, ordinary: (ordinary(effect), simulated.process.agent._tell(ev.Started(simulated.process._clock.now()))),
        )

    assert "unexpected" in kinds_of(WORLD, broken(surprise))


def test_an_exception_out_of_the_process_is_seen(broken, kinds_of):
    def fail(simulated):
        async def run():
            raise RuntimeError("a defect")

        simulated.process.run = run

    assert "exception" in kinds_of(WORLD, broken(fail))


def test_a_failing_pipeline_is_seen(broken, kinds_of):
    def fail(simulated):
        agent = simulated.process.agent
        ordinary = agent._takers[given.RegisterAnswered]

        def registered(item):
            ordinary(item)
            agent.pipelines._metrics.value._reader = None

        agent._takers[given.RegisterAnswered] = registered

    assert "pipeline failed" in kinds_of(WORLD, broken(fail))


def test_a_process_that_does_not_exit_is_seen(broken, kinds_of):
    def stay(simulated):
        performs_instead(simulated.process, do.Exit, lambda effect, ordinary: None)

    assert kinds_of(WORLD, broken(stay)) == {"not gone"}


@pytest.mark.parametrize("kind", ["shutdown", "sigterm", "refused", "gone"])
def test_a_wrong_exit_code_is_seen(kind, broken, kinds_of):
    def wrong(simulated):
        performs_instead(simulated.process, do.Exit, lambda effect, ordinary: ordinary(do.Exit(7)))

    world = Scenario(0, lives=(Life((Invocation(),), Ending(kind)),))
    assert "exit code" in kinds_of(world, broken(wrong))


def test_a_telemetry_request_that_is_refused_is_seen(broken, kinds_of):
    def refuse(simulated):
        async def answer(request):
            return Response(503)

        limits, _ = simulated.process.listeners._handlers["telemetry"]
        simulated.process.listeners._handlers["telemetry"] = (limits, answer)

    assert "telemetry refused" in kinds_of(WORLD, broken(refuse))


def test_more_memory_than_is_bounded_is_seen(broken, kinds_of):
    def grow(simulated):
        simulated.process.agent.outbox.bytes += 1 << 40

    assert {"over a bound", "left behind"} <= kinds_of(WORLD, broken(grow))


TRACED = Scenario(0, lives=(Life((Invocation(work=(Work(0, "span"), Work(1, "statistics")), calls="named"), Invocation(calls="doubled"))),))


@pytest.mark.parametrize("calls", ["", "named", "unnamed", "doubled", "no_start", "no_end"])
@pytest.mark.parametrize("is_managed", [False, True])
def test_the_traced_worlds_they_break_are_in_order(kinds_of, calls, is_managed):
    invocation = Invocation(work=(Work(0, "span"), Work(1, "statistics")), calls=calls, report_record="prompt")
    assert kinds_of(Scenario(0, is_managed=is_managed, lives=(Life((invocation, invocation)),))) == set()


@pytest.mark.parametrize(("kind", "violations"), [("traces", {"lost", "no span", "not delivered"}), ("stats", {"lost", "not delivered"})])
def test_spans_and_statistics_that_are_never_sent_are_missed(kind, violations, broken, kinds_of):
    assert kinds_of(TRACED, broken(never_sending(kind))) == violations


def test_a_call_that_is_put_to_another_request_is_seen(broken, kinds_of):
    def swap(simulated):
        process, ordinary = simulated.process, simulated.process.receive

        def receive(item):
            if isinstance(item, given.Called) and item.call.request_id == "request-2":
                item = attrs.evolve(
                    item, call=attrs.evolve(item.call, headers={**item.call.headers, "lambda-runtime-aws-request-id": "request-1"})
                )
            return ordinary(item)

        process.receive = receive

    assert kinds_of(TRACED, broken(swap)) & {"no span", "wrong request id"}


def test_a_span_of_an_invocation_that_comes_twice_is_seen(broken, kinds_of):
    def twice(simulated):
        def send(effect, ordinary):
            ordinary(effect)
            if effect.payload.body.kind == "traces":
                ordinary(effect)

        performs_instead(simulated.process, SendPayload, send)

    assert "span twice" in kinds_of(TRACED, broken(twice))
