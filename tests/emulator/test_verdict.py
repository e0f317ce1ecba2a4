"""The verdict finds what is missing, what is wrong and what nobody expected."""

import attrs
import pytest

from emulator.account import Account, LogLine, Metric, Span
from emulator.verdict import Expectation, ExpectedLog, ExpectedMetric, ExpectedSpan, Verdict, judge

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


TREE = Account(
    spans=(
        Span("s", "aws.lambda", "f", "", 1, 2, 9, 3, 0, (("request_id", "r1"),)),
        Span("s", "query", "q", "", 1, 3, 2, 1, 0, ()),
        Span("s", "query", "q", "", 1, 4, 2, 1, 1, ()),
    )
)
ROOT = ExpectedSpan("aws.lambda", "f", "s", meta=(("request_id", "r1"),), trace_id=1)
QUERIES = (ExpectedSpan("query", "q", "s", 1, ("aws.lambda", "f")), ExpectedSpan("query", "q", "s", 0, ("aws.lambda", "f")))


def judged(*spans):
    return judge(TREE, Expectation(each_span=spans))


def test_each_expected_span_finds_one_of_its_own_in_any_order():
    assert judged(ROOT, *QUERIES).good
    assert judge(TREE, Expectation()).good


@pytest.mark.parametrize(
    ("spans", "verdict"),
    [
        ((ROOT, *QUERIES, QUERIES[0]), Verdict(missing=("span query 'q' of s",))),
        ((ROOT, QUERIES[0]), Verdict(unexpected=("span query 'q' of s",))),
        ((ROOT, QUERIES[0], QUERIES[0]), Verdict(wrong=("span query 'q': error 0, 1 expected",))),
        ((attrs.evolve(ROOT, trace_id=2), *QUERIES), Verdict(wrong=("span aws.lambda 'f': trace 1, 2 expected",))),
        ((attrs.evolve(ROOT, parent=("a", "b")), *QUERIES), Verdict(wrong=("span aws.lambda 'f': below None, ('a', 'b') expected",))),
        ((attrs.evolve(ROOT, meta=(("a", "b"),)), *QUERIES), Verdict(wrong=("span aws.lambda 'f': a None, 'b' expected",))),
        ((attrs.evolve(ROOT, service="t"), *QUERIES), Verdict(wrong=("span aws.lambda 'f': service 's', 't' expected",))),
    ],
)
def test_a_span_that_is_missing_wrong_or_a_stranger_is_named(spans, verdict):
    assert judged(*spans) == verdict
