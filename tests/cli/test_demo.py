import importlib.util
import json
import types
from pathlib import Path

import attrs
import pytest

from cli.demo import ROOT, demonstration, shortcomings, summary
from demo import expected
from emulator.account import Account, LogLine, Metric, joined
from emulator.verdict import judge


@pytest.fixture
def app(monkeypatch):
    """The demonstration's function with a metrics client that only notes; its own arithmetic, not that of `expected`."""

    class Client:
        def __init__(self, constant_tags=(), **options):
            self.tags = tuple(constant_tags)
            self.sent: list[Metric] = []

        def _send(self, kind, name, value, tags, **more):
            self.sent.append(Metric(kind, name, tuple(sorted((*self.tags, *tags))), float(value), 1, **more))

        def increment(self, name, value=1, tags=()):
            self._send("count", name, value, tags)

        def gauge(self, name, value, tags=()):
            self._send("gauge", name, value, tags, last_s=len(self.sent))

        def set(self, name, value, tags=()):
            self._send("gauge", name, 1, tags)

        def distribution(self, name, value, tags=()):
            self._send("sketch", name, value, tags, min=value, max=value)

        histogram = distribution

    module = types.SimpleNamespace(DogStatsd=Client)
    monkeypatch.setitem(__import__("sys").modules, "datadog", types.SimpleNamespace(dogstatsd=module))
    monkeypatch.setitem(__import__("sys").modules, "datadog.dogstatsd", module)
    spec = importlib.util.spec_from_file_location("the_demo_app", Path(ROOT) / "demo" / "app.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    monkeypatch.setattr(app.time, "sleep", lambda seconds: None)
    return app


def what_arrives_when_nothing_is_lost(app, capsys) -> Account:
    logs = []
    for invocation in expected.invocations():
        try:
            app.handler(json.loads(invocation.payload), None)
        except app.OutOfStock as error:
            logs.append(LogLine(f"[ERROR] OutOfStock: {error}\nTraceback", "info", invocation.request_id, (), 0))
        texts = capsys.readouterr().out.splitlines(keepends=True)
        if json.loads(invocation.payload)["then"] == "hang":
            texts = [text for text in texts if "paid" not in text]  # the sleep that nothing ends is cut short here
        logs += [LogLine(text, "info", invocation.request_id, (), 0) for text in texts]
    contexts: dict[tuple[str, ...], Metric] = {}
    for metric in app.statsd.sent:
        key = (metric.name, metric.kind, *metric.tags)
        contexts[key] = joined(contexts[key], metric) if key in contexts else metric
    enhanced = [
        Metric("sketch", each.name, (), each.value, each.count) for each in expected.expectation().metrics if each.name.startswith("aws.")
    ]
    return Account(metrics=(*contexts.values(), *enhanced), logs=tuple(logs))


@pytest.fixture
def whole(app, capsys) -> Account:
    return what_arrives_when_nothing_is_lost(app, capsys)


def found(account: Account, an_outcome, a_result) -> list[str]:
    results = tuple(a_result(status=status) for status in expected.statuses())
    outcome = an_outcome(account, results=results)
    return shortcomings(outcome, judge(account, expected.expectation()))


def test_what_the_function_emits_is_what_is_expected(whole, an_outcome, a_result):
    assert found(whole, an_outcome, a_result) == []


def test_no_metric_may_be_missing(whole, an_outcome, a_result):
    for place in range(len(whole.metrics)):
        less = attrs.evolve(whole, metrics=whole.metrics[:place] + whole.metrics[place + 1 :])
        assert found(less, an_outcome, a_result), whole.metrics[place]


def test_no_metric_may_be_there_twice(whole, an_outcome, a_result):
    for metric in whole.metrics:
        if metric.kind != "gauge":  # the same gauge again says nothing else
            more = attrs.evolve(whole, metrics=(*whole.metrics, metric))
            assert found(more, an_outcome, a_result), metric


def test_no_line_may_be_missing_or_there_twice(whole, an_outcome, a_result):
    for place, line in enumerate(whole.logs):
        less = attrs.evolve(whole, logs=whole.logs[:place] + whole.logs[place + 1 :])
        more = attrs.evolve(whole, logs=(*whole.logs, line))
        assert found(less, an_outcome, a_result), line
        assert found(more, an_outcome, a_result), line


def test_no_line_may_belong_to_another_request(whole, an_outcome, a_result):
    for place, line in enumerate(whole.logs):
        other = attrs.evolve(line, request_id="another")
        assert found(attrs.evolve(whole, logs=(*whole.logs[:place], other, *whole.logs[place + 1 :])), an_outcome, a_result), line


def test_a_repeated_body_and_a_wrong_end_are_shortcomings(whole, an_outcome, a_result):
    assert found(attrs.evolve(whole, duplicates=("body came 2 times",)), an_outcome, a_result) == ["twice: body came 2 times"]
    outcome = an_outcome(whole, results=tuple(a_result() for _ in expected.ORDERS))
    assert "not as success, success, error, timeout, success" in shortcomings(outcome, judge(whole, expected.expectation()))[0]


def test_the_summary_says_good_only_without_failures(whole, an_outcome):
    assert "all as emitted, each once" in summary(an_outcome(whole), [])
    assert "2 FAILURES" in summary(an_outcome(whole), ["a", "b"])


def test_the_demonstration_freezes_and_runs_the_real_runtime_and_our_extension():
    scenario = demonstration()
    assert scenario.freeze
    assert scenario.config.runtime is None
    assert scenario.extension[-2:] == ("-m", "reactor")
    assert (scenario.config.task_root / "app.py").is_file()
