import importlib.util
import json
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from cli.demo import ROOT, demonstration, shortcomings, summary
from demo import expected
from emulator.account import Account, LogLine, Metric, Span, joined
from emulator.verdict import judge


class Tracer:
    """Notes the spans of one trace at a time, in the order in which they began; `end` hands them out."""

    def __init__(self):
        self.spans, self.open = [], []

    @contextmanager
    def trace(self, name, service, resource):
        made = types.SimpleNamespace(name=name, service=service, resource=resource, error=0, meta={}, parent=self.open[-1:])
        made.set_tag = made.meta.__setitem__
        made.set_metric = lambda name, value: None
        self.spans.append(made)
        self.open.append(made)
        try:
            yield made
        except Exception:
            made.error = 1
            raise
        finally:
            self.open.pop()

    def end(self):
        spans, self.spans = self.spans, []
        return spans


@pytest.fixture
def app(monkeypatch):
    """The demonstration's function with clients that only note; its own arithmetic, not that of `expected`."""

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
    modules = {"datadog": types.SimpleNamespace(dogstatsd=module), "datadog.dogstatsd": module}
    tracing = types.SimpleNamespace(tracer=Tracer())
    modules |= {"ddtrace": types.SimpleNamespace(trace=tracing), "ddtrace.trace": tracing}
    modules["traced"] = types.SimpleNamespace(traced=lambda handler: handler)
    for name, each in modules.items():
        monkeypatch.setitem(sys.modules, name, each)
    spec = importlib.util.spec_from_file_location("the_demo_app", Path(ROOT) / "demo" / "app.py")
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    monkeypatch.setattr(app.time, "sleep", lambda seconds: None)
    return app


def what_arrives_when_nothing_is_lost(app, capsys) -> Account:
    logs, spans = [], []
    for place, invocation in enumerate(expected.invocations()):
        try:
            app.handler(json.loads(invocation.payload), None)
        except app.OutOfStock as error:
            logs.append(LogLine(f"[ERROR] OutOfStock: {error}\nTraceback", "info", invocation.request_id, (), 0))
        texts = capsys.readouterr().out.splitlines(keepends=True)
        if json.loads(invocation.payload)["then"] == "hang":
            texts = [text for text in texts if "paid" not in text]  # the sleep that nothing ends is cut short here
        logs += [LogLine(text, "info", invocation.request_id, (), 0) for text in texts]
        spans += spans_of_invocation(place, json.loads(invocation.payload), app.tracer.end())
    contexts: dict[tuple[str, ...], Metric] = {}
    for metric in app.statsd.sent:
        key = (metric.name, metric.kind, *metric.tags)
        contexts[key] = joined(contexts[key], metric) if key in contexts else metric
    enhanced = [
        Metric("sketch", each.name, (), each.value, each.count) for each in expected.expectation().metrics if each.name.startswith("aws.")
    ]
    return Account(metrics=(*contexts.values(), *enhanced), logs=tuple(logs), spans=tuple(spans))


def spans_of_invocation(place, order, made) -> list[Span]:
    """The extension's own span, with the function's below it; what hangs is ended before its tracer has sent anything."""
    trace_id = int(order.get("headers", {}).get("x-datadog-trace-id", place + 1))
    cold = [Span("shop", "aws.lambda.cold_start", "shop", "", trace_id, 99, 0, 1, 0, ())] if place in (0, 4) else []
    meta = {"request_id": expected.request_id(place), "cold_start": "true" if cold else "false"}
    meta |= {"raise": {"error.type": "OutOfStock"}, "hang": {"error.type": "Timeout"}}.get(order["then"], {})
    own = Span("shop", "aws.lambda", "shop", "", trace_id, 1, 0, 1, int("error.type" in meta), tuple(meta.items()))
    if order["then"] == "hang":
        return [own]
    ids = {id(span): number for number, span in enumerate(made, 2)}
    return [own, *cold] + [
        Span(
            *(span.service, span.name, span.resource, "", trace_id, ids[id(span)]),
            *(next((ids[id(above)] for above in span.parent), 1), 1, span.error, tuple(span.meta.items())),
        )
        for span in made
    ]


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


def test_no_span_may_be_missing_or_there_twice(whole, an_outcome, a_result):
    for place, span in enumerate(whole.spans):
        less = attrs.evolve(whole, spans=whole.spans[:place] + whole.spans[place + 1 :])
        more = attrs.evolve(whole, spans=(*whole.spans, span))
        assert found(less, an_outcome, a_result), span
        assert found(more, an_outcome, a_result), span


@pytest.mark.parametrize("change", [{"error": 7}, {"service": "other"}, {"resource": "other"}, {"parent_id": 10**6}, {"name": "other"}])
def test_no_span_may_be_another_or_elsewhere(whole, an_outcome, a_result, change):
    for place, span in enumerate(whole.spans):
        if span.parent_id or "parent_id" not in change:
            other = attrs.evolve(whole, spans=(*whole.spans[:place], attrs.evolve(span, **change), *whole.spans[place + 1 :]))
            assert found(other, an_outcome, a_result), span


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
