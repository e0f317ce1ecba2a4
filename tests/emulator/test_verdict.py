"""The verdict finds what is missing, what is wrong and what nobody expected."""

import pytest

from emulator.account import Account, LogLine, Metric, Span
from emulator.verdict import Expectation, ExpectedLog, ExpectedMetric, Verdict, judge

ACCOUNT = Account(
    metrics=(
        Metric("count", "hits", ("env:prod", "zone:a"), 3.0, 1),
        Metric("count", "hits", ("env:prod", "zone:b"), 4.0, 1),
        Metric("gauge", "size", ("zone:a",), 7.0, 2, last_s=10),
        Metric("gauge", "size", ("zone:b",), 8.0, 1, last_s=20),
        Metric("sketch", "latency", (), 0.3, 2, 0.1, 0.2),
    ),
    logs=(LogLine("hello", "info", "r1", (), 1), LogLine("hello", "info", "r1", (), 1), LogLine("bye", "error", None, (), 2)),
    spans=(Span("s", "aws.lambda", "f", "", 1, 2, 0, 3, 0, ()),),
)
ALL_METRICS = (ExpectedMetric("hits", 7.0), ExpectedMetric("size", 8.0, "gauge"), ExpectedMetric("latency", 0.1 + 0.2, "sketch", count=2))
ALL_LOGS = (ExpectedLog("hello", 2, "r1"), ExpectedLog("bye", status="error"))


def expecting(metrics=ALL_METRICS, logs=ALL_LOGS, **more):
    return judge(ACCOUNT, Expectation(metrics=tuple(metrics), logs=tuple(logs), **more))


def test_what_came_as_expected_is_good():
    verdict = expecting(spans={"aws.lambda": 1})
    assert verdict == Verdict()
    assert verdict.good


@pytest.mark.parametrize(
    ("metric", "where", "sentence"),
    [
        (ExpectedMetric("orders", 5.0), "missing", "count orders: nothing came, 5 expected"),
        (ExpectedMetric("hits", 1.0, "gauge"), "missing", "gauge hits: nothing came, 1 expected"),
        (ExpectedMetric("hits", 3.0, tags=("zone:c",)), "missing", "count hits {zone:c}: nothing came, 3 expected"),
        (ExpectedMetric("hits", 8.0), "wrong", "count hits: 7.0 came, 8.0 expected"),
        (ExpectedMetric("hits", 4.0, tags=("zone:a",)), "wrong", "count hits {zone:a}: 3.0 came, 4.0 expected"),
        (ExpectedMetric("size", 7.0, "gauge"), "wrong", "gauge size: 8.0 came, 7.0 expected"),
        (ExpectedMetric("latency", 0.3, "sketch", count=3), "wrong", "sketch latency: 2 values came, 3 expected"),
    ],
)
def test_a_missing_metric_and_a_wrong_value_are_found(metric, where, sentence):
    verdict = expecting([*ALL_METRICS, metric])
    assert getattr(verdict, where) == (sentence,)
    assert not verdict.good


@pytest.mark.parametrize(
    ("line", "where", "sentence"),
    [
        (ExpectedLog("never"), "missing", "log 'never': 0 came, 1 expected"),
        (ExpectedLog("hello", 3), "missing", "log 'hello': 2 came, 3 expected"),
        (ExpectedLog("hello", 1), "wrong", "log 'hello': 2 came, 1 expected"),
        (ExpectedLog("hello", 2, "r2"), "wrong", "log 'hello': came as info of r1; any status of r2 expected"),
        (ExpectedLog("bye", status="info"), "wrong", "log 'bye': came as error of None; info of any expected"),
    ],
)
def test_a_missing_a_repeated_and_a_mislabelled_log_line_are_found(line, where, sentence):
    verdict = expecting(logs=[*ALL_LOGS, line])
    assert getattr(verdict, where) == (sentence,)


@pytest.mark.parametrize(("spans", "where"), [({"aws.lambda": 2}, "missing"), ({"aws.lambda": 0}, "wrong"), ({"aws.sqs": 1}, "missing")])
def test_a_number_of_spans_that_differs_is_found(spans, where):
    assert len(getattr(expecting(spans=spans), where)) == 1


def test_what_nobody_expected_is_named_unless_a_pattern_allows_it():
    verdict = expecting(ALL_METRICS[1:], ALL_LOGS[:1])
    assert verdict.unexpected == ("count hits = 3", "count hits = 4", "log 'bye'")
    assert expecting(ALL_METRICS[1:], ALL_LOGS[:1], other_metrics=("hi*",), other_logs=("b?e",)).good
