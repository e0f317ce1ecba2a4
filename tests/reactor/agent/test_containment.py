"""An error of ours in a pipeline, at every place where the agent calls one, once and for ever: all invocations still end."""

import pytest

from fsm import effects as do
from pipelines.logs.pipeline import LogsPipeline
from pipelines.metrics.enhanced import Enhanced
from pipelines.metrics.pipeline import MetricsPipeline
from protocols.spool_format import DATAGRAMS, Contents, Taken
from reactor.agent import inputs as given
from reactor.agent.outputs import SendPayload

MADE_BEFORE = {"set_function_tags"}  # called while a pipeline is made, not by the agent


def sites():
    for kind in (LogsPipeline, MetricsPipeline, Enhanced):
        for name in vars(kind):
            if not name.startswith("_") and name not in MADE_BEFORE:
                yield pytest.param(kind, name, id=f"{kind.__name__}.{name}")


class Injected(Exception):
    pass


@pytest.fixture
def break_it(monkeypatch):
    """Make one method or property raise, for ever or at its nth use; how often it was used is told."""

    def break_it(kind, name, nth):
        original = vars(kind)[name]
        uses = []

        def used(self, *arguments, **keywords):
            uses.append(name)
            if nth in (None, len(uses)):
                raise Injected(name)
            return original.__get__(self)(*arguments, **keywords) if callable(original) else original.__get__(self)

        monkeypatch.setattr(kind, name, property(used) if isinstance(original, property) else used)
        return uses

    return break_it


def live(life, records):
    """Three invocations and the end, everything answered; the number of calls for the next event."""
    life.ready()
    life.tell(given.Recovered(Contents("f", [Taken(DATAGRAMS, 5, b"m:1|c")], [], 0, [["a line", 5, "info", None, "", False, None]])))
    for name in ("a", "b", "c"):
        life.invoke(name)
        life.telemetry(records.init_start(), records.start(name), records.line("hello"), records.line("MemoryError"))
        life.datagrams(b"m:1|c", b"d:2|d")
        life.telemetry(records.platform("initReport", initializationType="on-demand", phase="init", metrics={"durationMs": 100.0}))
        life.telemetry(records.platform("restoreStart"), records.platform("restoreReport", status="success", metrics={"durationMs": 5.0}))
        life.telemetry(records.done(name))
        life.answer(life.settle())
        life.answer(life.pass_ms(2_000))
        if name != "c":
            life.telemetry(records.report(name))
    life.shut_down()
    life.settle()
    life.answer(life.pass_ms(2_000))
    life.agent.account()
    return sum(isinstance(output, do.AskNext) for output in life.told)


def test_the_life_of_these_tests_uses_every_place(life, records, monkeypatch):
    """A place that the life does not touch would make its test one that cannot fail."""
    unused = []
    for site in sites():
        kind, name = site.values
        uses, original = [], vars(kind)[name]
        if isinstance(original, property):
            continue
        monkeypatch.setattr(kind, name, lambda self, *a, uses=uses, original=original, **k: [uses.append(1), original(self, *a, **k)][1])
        unused.append((f"{kind.__name__}.{name}", uses))
    assert live(life, records) == 4
    assert {name for name, uses in unused if not uses} <= NOT_CALLED


# What belongs to parts that the agent does not have yet, or that its pipelines call themselves.
NOT_CALLED = {
    "MetricsPipeline.take_own",  # off unless it is asked for; test_own_metrics has it on
    "LogsPipeline.learn_durable_context",
    "LogsPipeline.seal",  # `bodies`, all at once
    "Enhanced.set_runtime",
    "Enhanced.evict",
    "Enhanced.error_reported",
    "Enhanced.interval",
    "Enhanced.usage",
}


@pytest.mark.parametrize("nth", [None, 1, 2], ids=["for ever", "at its first use", "at its second use"])
@pytest.mark.parametrize(("kind", "name"), [*sites()])
def test_all_invocations_end_and_the_process_exits_well(life, records, break_it, kind, name, nth):
    uses = break_it(kind, name, nth)
    assert live(life, records) == 4
    assert life.told[-1] == do.Exit(0)
    if len(uses) >= (nth or 1):
        assert any(what.startswith("errors in the ") for what in life.counts.noted)


@pytest.mark.parametrize(("kind", "name"), [*sites()])
def test_an_error_in_one_pipeline_costs_the_other_nothing(life, records, break_it, kind, name):
    break_it(kind, name, None)
    live(life, records)
    kinds = {output.payload.body.kind for output in life.told if isinstance(output, SendPayload)}
    assert ("sketches" if kind is LogsPipeline else "logs") in kinds


def test_every_loss_of_a_replaced_pipeline_is_counted(life, records, break_it):
    life.ready()
    life.invoke("a")
    life.telemetry(records.start("a"), *[records.line("hello")] * 10)
    before = life.agent.pipelines
    break_it(LogsPipeline, "take", None)
    for _ in range(3):
        life.telemetry(records.line("hello"))
    assert before is life.agent.pipelines
    assert life.counts.dropped == {"logs: the pipeline was replaced after errors": 11}
