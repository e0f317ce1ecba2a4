"""What the spans of an invocation hold, by the rows of the specification (invocation 4.2, 5, 6.3, 7, 11, 15)."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsm.time import Now

PRIORITY = "_sampling_priority_v1"
UPSTREAM = {"headers": {"x-datadog-trace-id": "1234", "x-datadog-parent-id": "5678", "x-datadog-sampling-priority": "2"}}


def test_the_worked_example(told, rest_event):
    told.sandbox.init_start(1714557600000000000)
    told.sandbox.init_report(350.5)
    told.begin()
    headers = told.start(rest_event)
    told.placeholder(metrics={PRIORITY: 1.0})
    told.end({"statusCode": 200}, span_id="555")
    told.over()
    invocation, inferred, cold_start = told.finish()
    assert headers["x-datadog-trace-id"] == "1234567890123456789"
    assert headers["x-datadog-tags"] == "_dd.p.tid=663212a000000000,_dd.p.dm=-1"
    trace_id, inferred_id = 1234567890123456789, inferred["span_id"]
    assert invocation == {
        "name": "aws.lambda",
        "service": "orders",
        "resource": "orders-api",
        "type": "serverless",
        "trace_id": trace_id,
        "span_id": 555,
        "parent_id": inferred_id,
        "start": 1714557600400000000,
        "duration": 123456000,
        "error": 0,
        "meta": {
            "span.kind": "server",
            "request_id": "8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11",
            "cold_start": "true",
            "runtime": "java21",
            "http.status_code": "200",
            "http.url": "https://a1b2.execute-api.us-east-1.amazonaws.com/prod/orders/42",
            "http.url_details.path": "/prod/orders/42",
            "http.method": "GET",
            "http.route": "/orders/{id}",
            "http.user_agent": "curl/8",
            "function_trigger.event_source": "api-gateway",
            "function_trigger.event_source_arn": "arn:aws:apigateway:us-east-1::/restapis/a1b2/stages/prod",
        },
        "metrics": {PRIORITY: 1.0},
    }
    assert (inferred["name"], inferred["trace_id"], inferred["parent_id"]) == ("aws.apigateway", trace_id, 987654321)
    assert (inferred["start"], inferred["duration"]) == (1714557600380000000, 143456000)
    assert inferred["meta"]["_dd.p.tid"] == "663212a000000000"
    assert inferred["meta"]["http.status_code"] == "200"
    assert inferred["meta"]["peer.service"] == "orders"
    assert cold_start == {
        "name": "aws.lambda.cold_start",
        "service": "orders",
        "resource": "orders-api",
        "type": "serverless",
        "trace_id": trace_id,
        "span_id": cold_start["span_id"],
        "parent_id": inferred_id,
        "start": 1714557600000000000,
        "duration": 350500000,
        "error": 0,
        "meta": {"span.kind": "server"},
        "metrics": {},
    }


# --- ids, priority, tags (4.2, 5.1) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "ids", "priority"),
    [
        ({"trace_id": "999", "parent_id": "1000", "sampling_priority": "-1"}, (999, 1000), -1.0),
        ({"trace_id": "888", "parent_id": "999", "sampling_priority": "not-a-number"}, (888, 999), None),
        ({"trace_id": "111", "parent_id": "222"}, (111, 222), None),
        ({"trace_id": "111", "parent_id": "x", "sampling_priority": "inf"}, (111, 0), None),
    ],
)
def test_without_upstream_the_end_call_tells_the_trace(told, headers, ids, priority):
    told.begin()
    told.start({})
    told.end(span_id="5", **headers)
    [span] = told.finish()
    assert (span["trace_id"], span["parent_id"], span["span_id"]) == (*ids, 5)
    assert span["metrics"].get(PRIORITY) == priority


def test_with_upstream_it_tells_the_span_alone(told):
    """A Go library puts the trace id where the parent should be, for the start answer has no parent id."""
    told.begin()
    assert told.start(UPSTREAM) == {"x-datadog-trace-id": "1234", "x-datadog-sampling-priority": "2"}
    told.end(trace_id="1234", span_id="901", parent_id="1234", sampling_priority="1", tags="_dd.p.dm=-9")
    [span] = told.finish()
    assert (span["trace_id"], span["span_id"], span["parent_id"]) == (1234, 901, 5678)
    assert span["metrics"] == {PRIORITY: 2.0}
    assert "_dd.p.dm" not in span["meta"]


def test_the_tags_of_the_end_call_stand_where_upstream_names_no_trace(told):
    told.begin()
    told.start({})
    told.end(trace_id="1", span_id="2", tags="_dd.p.tid=abc123,any=tag,_dd.p.dm=-4")
    [span] = told.finish()
    assert {key: value for key, value in span["meta"].items() if key.startswith("_dd.p")} == {"_dd.p.tid": "abc123", "_dd.p.dm": "-4"}


def test_tags_go_to_the_inferred_span_where_there_is_one(told, rest_event):
    told.begin()
    told.start(rest_event)
    told.end(span_id="2")
    invocation, inferred = told.finish()
    assert "_dd.p.dm" not in invocation["meta"]
    assert inferred["meta"]["_dd.p.dm"] == "-1"
    del rest_event["headers"]
    told.begin("b")
    told.start(rest_event, "b")
    told.end(b"", "b", trace_id="77", span_id="2", parent_id="88", tags="_dd.p.dm=-3")
    invocation, inferred = told.finish("b")
    assert (invocation["trace_id"], inferred["trace_id"]) == (77, 77)
    assert inferred["meta"]["_dd.p.dm"] == "-3"


def test_the_parent_of_the_end_call_is_that_of_the_invocation_alone(told, rest_event):
    """Specification, triggers 4.2: without upstream an inferred span has no parent, whatever the library tells."""
    del rest_event["headers"]
    for request_id, event in (("a", rest_event), ("b", {})):
        told.begin(request_id)
        told.start(event, request_id)
        told.end(b"", request_id, trace_id="77", span_id="2", parent_id="88")
    invocation, inferred = told.finish("a")
    assert (invocation["parent_id"], inferred["parent_id"]) == (inferred["span_id"], 0)
    [invocation] = told.finish("b")
    assert invocation["parent_id"] == 88


@pytest.mark.parametrize(
    "event", [{}, {"headers": {}}, {"headers": {"x-datadog-trace-id": "0", "x-datadog-parent-id": "zz"}}, [], "x", None, 7]
)
def test_an_event_without_context(told, event):
    told.begin()
    assert told.start(event) == {}
    told.end(trace_id="99", span_id="903")
    [span] = told.finish()
    assert (span["trace_id"], span["span_id"], span["parent_id"]) == (99, 903, 0)


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", b"[" * 5000, b'{"a":'])
def test_a_body_that_is_no_json_leaves_the_headers(told, body):
    told.begin()
    assert told.start(body, x_datadog_trace_id="111", x_datadog_parent_id="222")["x-datadog-trace-id"] == "111"
    told.end(body, span_id="5")
    assert (told.finish()[0]["trace_id"], told.finish()[0]["parent_id"]) == (111, 222)


def test_what_the_event_says_comes_before_the_headers_of_the_call(told):
    headers = {"x_datadog_trace_id": "111", "x_datadog_parent_id": "222"}
    event = {"headers": {"x-datadog-trace-id": "333", "x-datadog-parent-id": "444"}}
    assert told.start(event, "a", **headers)["x-datadog-trace-id"] == "333"
    event |= {"request": {"headers": {"x-datadog-trace-id": "555", "x-datadog-parent-id": "666"}}}
    assert told.start(event, "b", **headers)["x-datadog-trace-id"] == "555"
    assert told.start({"argumentsMap": {"id": "123"}, "request": {"body": "some body"}}, "c") == {}


def test_a_w3c_context_with_128_bits_gives_its_upper_half_as_a_tag(told):
    parent = "00-66f000000000000000000000000004d2-000000000000162e-01"
    told.begin()
    headers = told.start({"headers": {"traceparent": parent, "tracestate": "dd=s:2;o:rum;t.dm:-4,other=1"}})
    assert headers == {
        "x-datadog-trace-id": "1234",
        "x-datadog-sampling-priority": "2",
        "x-datadog-tags": "_dd.p.tid=66f0000000000000,_dd.p.dm=-4",
        "x-datadog-origin": "rum",
    }
    told.end(span_id="902")
    [span] = told.finish()
    assert (span["trace_id"], span["parent_id"]) == (1234, 5678)
    assert span["meta"]["_dd.p.tid"] == "66f0000000000000"
    assert span["meta"]["tracestate"] == "dd=s:2;o:rum;t.dm:-4,other=1"


def test_a_context_of_another_trace_is_a_link(told):
    headers = dict(UPSTREAM["headers"]) | {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01", "tracestate": "x=1"}
    told.begin()
    told.start({"headers": headers})
    told.end(span_id="5")
    [link] = told.finish()[0]["span_links"]
    assert (link["trace_id"], link["trace_id_high"], link["span_id"]) == (0xAAAAAAAAAAAAAAAA, 0xAAAAAAAAAAAAAAAA, 0xBBBBBBBBBBBBBBBB)
    assert (link["tracestate"], link["flags"]) == ("x=1", 1 << 31 | 1)
    assert link["attributes"] == {"reason": "terminated_context", "context_headers": "tracecontext"}


def test_the_other_records_of_a_batch_are_links(told):
    def record(trace, parent):
        carrier = f'{{"x-datadog-trace-id":"{trace}","x-datadog-parent-id":"{parent}"}}'
        return {
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q",
            "body": "x",
            "attributes": {"SentTimestamp": "1714557600000"},
            "messageAttributes": {"_datadog": {"dataType": "String", "stringValue": carrier}},
        }

    told.begin()
    assert told.start({"Records": [record(1, 2), record(3, 4), record(1, 2)]})["x-datadog-trace-id"] == "1"
    told.end(span_id="5")
    invocation, inferred = told.finish()
    assert inferred["name"] == "aws.sqs"
    assert [(link["trace_id"], link["span_id"]) for link in inferred["span_links"]] == [(3, 4)]
    assert "span_links" not in invocation


# --- the placeholder (11.2) ---------------------------------------------------------------------------------------------------------


def test_the_placeholder_gives_its_tags_and_what_is_known_here_wins(told):
    told.begin()
    told.start({})
    told.placeholder(
        meta={"env": "lab", "runtime": "wrong", "cold_start": "wrong", "error.type": "E"},
        metrics={PRIORITY: 1.0, "_dd.agent_psr": 1.0},
        meta_struct={"appsec": b"x"},
    )
    told.end(span_id="555", trace_id="99")
    [span] = told.finish()
    assert span["meta"]["env"] == "lab"
    assert (span["meta"]["runtime"], span["meta"]["cold_start"]) == ("java21", "true")
    assert span["metrics"] == {PRIORITY: 1.0, "_dd.agent_psr": 1.0}
    assert span["meta_struct"] == {"appsec": b"x"}
    assert (span["name"], span["resource"], span["service"]) == ("aws.lambda", "orders-api", "orders")


def test_the_placeholder_gives_the_ids_that_no_end_call_gave(told):
    told.begin()
    told.start({})
    told.placeholder(trace_id=99, span_id=901)
    told.over(status="timeout")
    [span] = told.finish()
    assert (span["trace_id"], span["span_id"], span["error"]) == (99, 901, 1)


@pytest.mark.parametrize("flag", [True, False])
def test_whether_the_library_makes_statistics_is_kept(told, flag):
    told.begin()
    told.placeholder(computed_stats=flag)
    assert told.pipeline.finish("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11", Now(1, 1)).computed_stats is flag


def test_a_placeholder_of_no_invocation_changes_nothing(told):
    told.placeholder("other")
    facts = told.hooks.take_facts()
    assert (facts.placeholders, facts.strangers) == ([], 1)
    assert told.finish("other") == []


# --- errors (7) -----------------------------------------------------------------------------------------------------------------------


def test_the_error_of_the_end_call(told):
    told.begin()
    told.start({})
    stack = b64encode(b"line1\nline2").decode()
    facts = told.end(
        {"errorMessage": "boom"}, span_id="901", trace_id="99", invocation_error="true", invocation_error_msg="boom happened",
        invocation_error_type="java.lang.IllegalState", invocation_error_stack=stack,
    )  # fmt: skip
    told.over(23.5, "error", "Runtime.Unhandled")
    [span] = told.finish()
    assert span["error"] == 1
    assert (span["meta"]["error.msg"], span["meta"]["error.type"]) == ("boom happened", "java.lang.IllegalState")
    assert span["meta"]["error.stack"] == "line1\nline2"
    assert told.pipeline.is_failure("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11", facts)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({"statusCode": 200, "headers": {}, "isBase64Encoded": False, "multiValueHeaders": {}, "body": "x"}, "200", 0),
        ({"statusCode": 500, "body": "oops"}, "500", 1),
        ({"statusCode": 599}, "599", 1),
        ({"statusCode": "503"}, "503", 1),
        ({"statusCode": 404.0}, "404", 0),
        ({"statusCode": True}, None, 0),
        ({"statusCode": 99}, None, 0),
        ({"statusCode": 50000}, None, 0),
        ({"statusCode": [500]}, None, 0),
        ([], None, 0),
        (None, None, 0),
    ],
)
def test_the_status_of_an_answer(told, rest_event, answer, status, error):
    told.begin()
    told.start(rest_event)
    facts = told.end(answer, span_id="1")
    invocation, inferred = told.finish()
    assert invocation["meta"].get("http.status_code") == inferred["meta"].get("http.status_code") == status
    assert invocation["error"] == inferred["error"] == error
    assert told.pipeline.is_failure("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11", facts) == bool(error)


@pytest.mark.parametrize(
    ("status", "error_type", "kind", "message"),
    [
        ("timeout", "", "Timeout", "Datadog detected a Timeout"),
        ("error", "Runtime.ExitError", "Runtime.ExitError", "Runtime.ExitError"),
        ("error", "Runtime.OutOfMemory", "Runtime.OutOfMemory", "Runtime.OutOfMemory"),
        ("failure", "", "Runtime.Unknown", "Runtime.Unknown"),
    ],
)
def test_a_runtime_that_died_leaves_a_span_with_ids_of_our_own(told, status, error_type, kind, message):
    told.begin()
    told.start({})
    told.over(1000.0, status, error_type)
    [span] = told.finish()
    assert (span["error"], span["meta"]["error.type"]) == (1, kind)
    assert message in span["meta"]["error.msg"]
    assert span["trace_id"]
    assert span["span_id"]


def test_what_the_library_said_of_an_error_is_not_overwritten(told):
    told.begin()
    told.start({})
    told.end(span_id="1", invocation_error_type="E")
    told.over(1.0, "error", "Runtime.Unhandled")
    assert told.finish()[0]["meta"]["error.type"] == "E"


def test_an_invocation_that_no_library_spoke_of_has_no_span(told):
    told.begin()
    told.over()
    assert told.finish() == []


def test_one_that_died_before_its_library_could_speak_has_one_where_a_library_is_known(told):
    told.start({}, "other")
    told.begin()
    told.over(1.0, "error", "Runtime.ExitError")
    assert told.finish()[0]["error"] == 1


# --- libraries that make their own span (6.2) ---------------------------------------------------------------------------------------


def span_of(name, span_id, **changes):
    span = {"name": name, "resource": name, "service": "s", "type": "", "trace_id": 123, "span_id": span_id, "parent_id": 0}
    return span | {"start": 1, "duration": 1, "error": 0, "meta": {}, "metrics": {}} | changes


def test_the_cold_start_goes_alone_into_the_trace_of_a_library(told):
    told.sandbox.init_start(1_000)
    told.begin()
    load = span_of("aws.lambda.load", 7)
    told.hooks.on_span(load)
    assert told.pipeline.adopted() is None, "its duration is not known yet"
    told.sandbox.init_report(2.5)
    [cold_start] = told.pipeline.adopted().spans
    assert (cold_start["trace_id"], cold_start["parent_id"], cold_start["duration"]) == (123, 0, 2_500_000)
    assert load["parent_id"] == cold_start["span_id"]
    assert told.pipeline.adopted() is None
    assert told.pipeline.last() is None
    assert told.finish() == []


def test_a_load_span_that_comes_after_the_first_report_still_finds_the_cold_start(told):
    told.sandbox.init_start(1_000)
    told.sandbox.init_report(2.5)
    told.begin()
    told.pipeline.drop("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11")
    told.hooks.on_span(span_of("aws.lambda.load", 7))
    assert [span["name"] for span in told.pipeline.adopted().spans] == ["aws.lambda.cold_start"]


def test_a_load_span_that_comes_before_the_record_of_the_init_names_the_trace_all_the_same(told):
    load = span_of("aws.lambda.load", 7)
    told.hooks.on_span(load)
    assert told.pipeline.adopted() is None
    told.sandbox.init_start(1_000)
    told.sandbox.init_report(2.5)
    [cold_start] = told.pipeline.adopted().spans
    assert (cold_start["trace_id"], load["parent_id"]) == (123, 0)


def test_a_cold_start_whose_report_never_comes_goes_at_the_end(told):
    told.sandbox.init_start(1_000)
    told.hooks.on_span(span_of("aws.lambda.load", 7))
    assert told.pipeline.adopted() is None
    assert [span["name"] for span in told.pipeline.last().spans] == ["aws.lambda.cold_start"]


def test_a_librarys_invocation_that_died_is_told_by_us_unless_the_library_did(told):
    told.begin("a")
    told.hooks.on_span(span_of("aws.lambda", 8, meta={"request_id": "a"}))
    told.over(1.0, "error", "Runtime.Unhandled", "a")
    assert told.finish("a") == [], "the library's span went through"
    told.begin("b")
    told.over(1.0, "timeout", "", "b")
    [span] = told.finish("b")
    assert (span["meta"]["request_id"], span["meta"]["error.type"]) == ("b", "Timeout")
    told.begin("c")
    told.over(1.0, "success", "", "c")
    assert told.finish("c") == [], "no double root"


# --- cold start, restore (6.2, 6.3) ---------------------------------------------------------------------------------------------------


def test_the_restore_goes_in_place_of_the_cold_start(told):
    told.sandbox.init_start(1_000)
    told.sandbox.init_report(2.5)
    told.sandbox.restore_start(9_000_000)
    told.sandbox.restore_report(3.0)
    told.begin()
    told.start({})
    told.end(span_id="1", trace_id="100")
    invocation, restore = told.finish()
    assert (restore["name"], restore["start"], restore["duration"]) == ("aws.lambda.snapstart_restore", 9_000_000, 3_000_000)
    assert restore["trace_id"] == invocation["trace_id"] == 100
    assert restore["span_id"]


def test_a_warm_invocation_has_no_cold_start(told):
    told.sandbox.init_start(1_000)
    told.begin()
    told.pipeline.drop("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11")
    told.begin("b")
    told.start({}, "b")
    assert [span["name"] for span in told.finish("b")] == ["aws.lambda"]


def test_a_managed_instance_has_neither_cold_start_nor_its_tag(sandbox_of):
    told = sandbox_of(is_managed=True)
    told.sandbox.init_start(1_000)
    told.sandbox.restore_start(1_000)
    told.begin()
    told.start({})
    [span] = told.finish()
    assert "cold_start" not in span["meta"]
    assert span["meta"]["runtime"] == "java21"


def test_proactive_initialisation_is_told_and_forgotten(told):
    told.begin(cold_start="false", proactive_initialization="true")
    told.start({})
    assert told.finish()[0]["meta"]["proactive_initialization"] == "true"
    told.begin("b", cold_start="false")
    told.start({}, "b")
    assert "proactive_initialization" not in told.finish("b")[0]["meta"]


# --- the rest -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "name", "representation", "expected"),
    [
        ("Orders", "f", True, ("orders", "f")),
        ("", "Orders-API", True, ("orders-api", "Orders-API")),
        ("", "", True, ("aws.lambda", "aws.lambda")),
        ("orders", "f", False, ("aws.lambda", "f")),
    ],
)
def test_service_and_resource(sandbox_of, service, name, representation, expected):
    told = sandbox_of(service=service, function_name=name, triggers={"representation": representation})
    told.begin()
    told.start({})
    [span] = told.finish()
    assert (span["service"], span["resource"]) == expected


@pytest.mark.parametrize(
    ("has_appsec", "preset", "expected"), [(True, {}, 1.0), (False, {}, None), (True, {"_dd.appsec.enabled": 0.0}, 0.0)]
)
def test_appsec_is_marked(sandbox_of, has_appsec, preset, expected):
    told = sandbox_of(has_appsec=has_appsec)
    told.begin()
    told.placeholder(metrics=preset)
    assert told.finish()[0]["metrics"].get("_dd.appsec.enabled") == expected


def test_payloads_are_captured_where_wanted(sandbox_of):
    told = sandbox_of(captures_payload=True)
    told.begin()
    told.start({"user": {"name": "bob", "password": "x"}})
    told.end({"errorMessage": "boom"}, span_id="1")
    meta = told.finish()[0]["meta"]
    assert (meta["function.request.user.name"], meta["function.request.user.password"]) == ("bob", "redacted")
    assert meta["function.response.errorMessage"] == "boom"
    told.begin("b")
    told.start(b"plain", "b")
    told.end(b"", "b")
    meta = told.finish("b")[0]["meta"]
    assert meta["function.request"] == "plain"
    assert not any(key.startswith("function.response") for key in meta)


def test_captured_payloads_are_bounded_in_all(sandbox_of):
    told = sandbox_of(captures_payload=True)
    event = [["x" * 4096] for _ in range(60)]
    for number in range(200):
        told.start(event, str(number))
    statistics = told.pipeline.statistics()
    assert statistics.contexts == 200
    assert statistics.bytes <= 16 * 1024 * 1024
    for number in range(200):
        told.pipeline.drop(str(number))
    assert told.pipeline.statistics()[:2] == (0, 0)


def test_at_most_500_are_kept_and_the_oldest_goes(told):
    for number in range(501):
        told.begin(str(number))
        told.start({}, str(number))
    assert told.pipeline.statistics().contexts == 500
    assert told.finish("0") == []
    assert told.finish("1")
    assert told.finish("500")


def test_without_records_the_end_call_is_the_end(told):
    told.pipeline.begin("a", Now(1_714_557_600_410, 0), {})
    told.start({}, "a")
    told.end(b"", "a", span_id="1")
    [span] = told.finish("a")
    assert (span["start"], span["duration"]) == (1_714_557_600_410_000_000, 40_000_000)


def test_a_start_record_that_comes_before_its_invocation_is_kept_for_it(told):
    told.pipeline.platform_start("a", 5)
    told.pipeline.begin("a", Now(1, 0), {})
    told.start({}, "a")
    assert told.finish("a")[0]["start"] == 5


def test_the_same_request_again_begins_anew(told):
    told.begin()
    told.start(UPSTREAM)
    told.begin()
    told.start({})
    assert told.finish()[0]["parent_id"] == 0


def test_spans_of_an_application_behind_the_web_adapter_come_under_the_invocation(told):
    told.begin()
    told.start(UPSTREAM)
    assert told.pipeline.expect_app_spans("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11")
    assert not told.pipeline.expect_app_spans("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11")
    child, stranger = span_of("web.request", 5, trace_id=1234, parent_id=5678), span_of("other", 6, trace_id=77, parent_id=5678)
    told.hooks.on_span(child)
    told.hooks.on_span(stranger)
    [span] = told.finish()
    assert child["parent_id"] == span["span_id"]
    assert (span["trace_id"], span["parent_id"], stranger["parent_id"]) == (1234, 5678, 5678)


def test_without_upstream_the_first_trace_of_the_application_is_the_invocations(told):
    told.begin()
    told.start({})
    told.pipeline.expect_app_spans("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11")
    root, inner = span_of("web.request", 5, trace_id=77), span_of("db", 6, trace_id=77, parent_id=5)
    told.hooks.on_span(root)
    told.hooks.on_span(inner)
    [span] = told.finish()
    assert (span["trace_id"], root["parent_id"], inner["parent_id"]) == (77, span["span_id"], 5)
    told.pipeline.drop("8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11")
    assert told.pipeline.statistics().reparenting == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
HEADERS = st.dictionaries(
    st.sampled_from(["trace_id", "span_id", "parent_id", "sampling_priority", "tags", "invocation_error", "invocation_error_msg"]),
    st.text(max_size=30),
)


@given(
    JSON | st.binary(max_size=30), JSON | st.binary(max_size=30), HEADERS, st.sampled_from(["success", "error", "timeout", "failure", ""])
)
def test_whatever_a_library_sends_there_is_a_span_with_ids(sandbox_of, event, answer, headers, status):
    told = sandbox_of(captures_payload=True)
    told.begin()
    told.start(event)
    told.end(answer, **headers)
    told.over(1.0, status)
    span, *_ = told.finish()
    assert 0 < span["trace_id"] < 1 << 64
    assert 0 < span["span_id"] < 1 << 64
    assert all(type(value) is str for value in span["meta"].values())
    assert all(type(value) is float for value in span["metrics"].values())
