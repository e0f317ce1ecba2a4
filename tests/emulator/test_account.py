"""The account of what arrived: sums, duplicates, and items that cannot be read."""

import pytest

from emulator.account import Account, Endpoint, LogLine, Metric, Span, account_of, series_kind

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def output(kind, document, path=None, size=100):
    paths = {"series": "/api/v2/series", "sketches": "/api/beta/sketches", "logs": "/api/v2/logs", "traces": "/api/v0.2/traces"}
    return {"at_ms": 0.0, "out": kind, "path": path or paths[kind], "headers": {}, "bytes": size, "document": document}


def series(name, value, at=1656581400, kind="count", tags=("env:prod",)):
    numbers = {"count": {"type": 1, "interval": 10}, "gauge": {"type": 3}}[kind]
    points = [{"timestamp": at, "value": value}]
    return {"metric": name, "points": points, "resources": [], "tags": list(tags), "metadata": None, **numbers}


def sketch(name, tags=("env:prod",), **values):
    return {"metric": name, "tags": list(tags), "dogsketches": [{"ts": 1656581400, **values}]}


def log(message, request_id="r1", at=1673061827000, status="info", tags="env:prod"):
    inner = {"message": message, "lambda": {"arn": ARN, "request_id": request_id}, "timestamp": at, "status": status}
    return {"message": inner, "hostname": ARN, "service": "", "ddtags": tags, "ddsource": "lambda"}


def span(name="aws.lambda", **more):
    return {"service": "s", "name": name, "resource": "r", "trace_id": 1, "span_id": 2, "start": 3, "duration": 4, **more}


def traces(*spans):
    return output("traces", {"tracer_payloads": [{"chunks": [{"spans": list(spans)}]}]})


def test_counts_of_one_context_are_summed_over_buckets_and_requests():
    outputs = [
        output("series", {"series": [series("hits", 3.0), series("hits", 2.0, at=1656581410)]}),
        output("series", {"series": [series("hits", 5.0)]}),
    ]
    assert account_of(outputs).metrics == (Metric("count", "hits", ("env:prod",), 10.0, 3, last_s=1656581410),)


def test_of_a_gauge_the_point_of_the_latest_bucket_stays():
    points = [series("size", 3.0, at=1656581420, kind="gauge"), series("size", 9.0, at=1656581410, kind="gauge")]
    assert account_of([output("series", {"series": points})]).metrics[0].value == 3.0


def test_in_one_bucket_the_gauge_that_arrived_last_stays():
    points = [series("size", 3.0, kind="gauge"), series("size", 9.0, kind="gauge")]
    assert account_of([output("series", {"series": points})]).metrics[0].value == 9.0


def test_sketches_of_one_context_are_merged_and_zeros_that_are_not_on_the_wire_count():
    items = [
        sketch("d", cnt=2, min=-4.0, max=5.0, sum=1.0),
        sketch("d", cnt=1, k=[0], n=[1]),
        sketch("e", cnt=1, min=2.0, max=2.0, sum=2.0),
    ]
    assert account_of([output("sketches", {"sketches": items})]).metrics == (
        Metric("sketch", "d", ("env:prod",), 1.0, 3, -4.0, 5.0, 1656581400),
        Metric("sketch", "e", ("env:prod",), 2.0, 1, 2.0, 2.0, 1656581400),
    )


def test_the_order_of_tags_makes_no_context_but_another_tag_does():
    items = [series("hits", 1.0, tags=("a", "b")), series("hits", 1.0, tags=("b", "a")), series("hits", 1.0, tags=("a",))]
    assert [(metric.tags, metric.value) for metric in account_of([output("series", {"series": items})]).metrics] == [
        (("a",), 1.0),
        (("a", "b"), 2.0),
    ]


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"type": 0}, "count"),
        ({"type": 1}, "gauge"),
        ({"type": 1, "interval": 10}, "count"),
        ({"type": 2}, "rate"),
        ({"type": 3}, "gauge"),
        ({"type": 9}, "unknown"),
    ],
)
def test_kinds_are_told_apart_in_the_references_numbers_and_in_the_public_ones(item, kind):
    assert series_kind(item) == kind


def test_logs_and_spans_come_in_order_with_what_matters():
    account = account_of(
        [output("logs", [log("a"), log("b", None, tags="")]), traces(span(meta={"k": "v"}), span("x", span_id=5, parent_id=2, error=1))]
    )
    assert account.logs == (
        LogLine("a", "info", "r1", ("env:prod",), 1673061827000),
        LogLine("b", "info", None, (), 1673061827000),
    )
    assert account.spans == (Span("s", "aws.lambda", "r", "", 1, 2, 0, 4, 0, (("k", "v"),)), Span("s", "x", "r", "", 1, 5, 2, 4, 1, ()))


def test_requests_and_bytes_are_counted_per_endpoint():
    outputs = [output("logs", [log("a")], size=10), output("logs", [log("b")], size=5), output("proxy", {"bytes": 1}, "/api/v2/profile", 7)]
    assert account_of(outputs).endpoints == (Endpoint("/api/v2/logs", 2, 15), Endpoint("/api/v2/profile", 1, 7))


def test_a_body_a_log_line_and_a_span_that_come_twice_are_duplicates():
    batch = output("logs", [log("a")])
    duplicates = account_of([batch, batch, traces(span()), traces(span(), span("other", span_id=3))]).duplicates
    assert [sentence.partition(":")[0] for sentence in duplicates] == [
        "body to /api/v2/logs came 2 times",
        "log came 2 times",
        "span came 2 times",
    ]
    assert "a (request r1, at 1673061827000)" in duplicates[1]


def test_the_same_text_at_another_time_or_of_another_request_is_no_duplicate():
    assert account_of([output("logs", [log("a"), log("a", at=1673061827001), log("a", "r2")])]).duplicates == ()


@pytest.mark.parametrize(
    ("kind", "bad", "good"),
    [
        ("series", {"series": [{"metric": "x"}, series("hits", 1.0)]}, "metrics"),
        ("series", {"series": [series("x", "NaN?"), series("hits", 1.0)]}, "metrics"),
        ("sketches", {"sketches": [{"metric": "x"}, sketch("d", cnt=1)]}, "metrics"),
        ("logs", [7, log("a")], "logs"),
    ],
)
def test_an_item_that_cannot_be_read_costs_only_itself_and_is_a_problem(kind, bad, good):
    account = account_of([output(kind, bad)], ["found before"])
    assert len(getattr(account, good)) == 1
    assert account.problems[0] == "found before"
    assert account.problems[1].startswith(f"an item of {kind} cannot be read: ")


@pytest.mark.parametrize(("kind", "document"), [("series", {}), ("series", []), ("logs", 7), ("traces", [])])
def test_a_document_that_cannot_be_read_is_a_problem(kind, document):
    account = account_of([output(kind, document)])
    assert attrs_without(account, "endpoints", "problems") == attrs_without(Account(), "endpoints", "problems")
    assert account.problems[0].startswith(f"a document of {kind} cannot be read: ")


def test_a_body_that_did_not_decode_counts_as_a_request_only():
    assert account_of([output("series", None)]) == Account(endpoints=(Endpoint("/api/v2/series", 1, 100),))


def attrs_without(account, *names):
    return {
        name: getattr(account, name) for name in ("metrics", "logs", "spans", "duplicates", "endpoints", "problems") if name not in names
    }
