"""What becomes of each sample event, and of events within events (specification, triggers 4, 5 and 8)."""

import json

import pytest

from pipelines.triggers.batches import RECORDS_MAX
from pipelines.triggers.infer import infer
from pipelines.triggers.model import DerivedContext, Inferred, TriggerSettings
from pipelines.triggers.spans import complete, connect

QUEUE = "arn:aws:sqs:us-east-1:123456789012:MyQueue"
DEMO_QUEUE = "arn:aws:sqs:eu-west-1:601427279990:aj-js-library-test-dev-demo-queue"
EB_QUEUE = "arn:aws:sqs:us-east-1:425362996713:lambda-eb-sqs-lambda-dev-demo-queue"
ALB = "arn:aws:elasticloadbalancing:us-east-1:1234567890:targetgroup/nhulston-alb-test/dcabb42f66a496e0"
MSK = "arn:aws:kafka:us-east-1:123456789012:cluster/demo-cluster/751d2973-a626-431c-9d4e-d7975eb44dd7-2"
STATES = "arn:aws:states:us-east-1:425362996713:stateMachine:agocsTestSF"
DEMO_TOPIC = "js-library-test-dev-demoTopic-15WGUVRCBMPAA"
TABLE_STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/ExampleTableWithStream/stream/2015-06-27T00:48:05.899"


def api(region, rest):
    return f"arn:aws:apigateway:{region}::/{rest}"


def same(name, span):
    return (span, name, name)


HTTP, HTTP_URL = "x02yirxc7a.execute-api.sa-east-1.amazonaws.com", "9vj54we5ih.execute-api.sa-east-1.amazonaws.com"
SOCKET = "85fj5nw29d.execute-api.eu-west-1.amazonaws.com"
SUMMARY = {
    # file: region, source, [(name, service, resource), outermost last], async, event_source, arn, (trace, parent, priority) or None
    "api_gateway_http_event": (
        "sa-east-1",
        "http_api",
        [("aws.httpapi", HTTP, "GET /httpapi/get")],
        False,
        "api-gateway",
        api("sa-east-1", "restapis/x02yirxc7a/stages/$default"),
        ("12345", "67890", "2"),
    ),
    "api_gateway_http_event_parameterized": (
        "sa-east-1",
        "http_api",
        [("aws.httpapi", HTTP_URL, "GET /user/{user_id}")],
        False,
        "api-gateway",
        api("sa-east-1", "restapis/9vj54we5ih/stages/$default"),
        None,
    ),
    "api_gateway_http_event_appsec": (
        "sa-east-1",
        "http_api",
        [("aws.httpapi", HTTP, "POST /httpapi/post")],
        False,
        "api-gateway",
        api("sa-east-1", "restapis/x02yirxc7a/stages/$default"),
        ("12345", "67890", "2"),
    ),
    "api_gateway_rest_event": (
        "us-east-1",
        "rest_api",
        [("aws.apigateway", "id.execute-api.us-east-1.amazonaws.com", "GET /my/path")],
        False,
        "api-gateway",
        api("us-east-1", "restapis/id/stages/$default"),
        None,
    ),
    "api_gateway_rest_event_parameterized": (
        "sa-east-1",
        "rest_api",
        [("aws.apigateway", "mcwkra0ya4.execute-api.sa-east-1.amazonaws.com", "GET /dev/user/{user_id}/id/{id}")],
        False,
        "api-gateway",
        api("sa-east-1", "restapis/mcwkra0ya4/stages/dev"),
        None,
    ),
    "api_gateway_proxy_event": (
        "us-east-2",
        "rest_api",
        [("aws.apigateway", "70ixmpl4fl.execute-api.us-east-2.amazonaws.com", "POST /prod/path/to/resource")],
        False,
        "api-gateway",
        api("us-east-2", "restapis/1234567890/stages/prod"),
        ("12345", "67890", "2"),
    ),
    "api_gateway_websocket_connect_event": (
        "eu-west-1",
        "websocket",
        [("aws.apigateway", SOCKET, "hello")],
        True,
        "api-gateway",
        api("eu-west-1", "apis/85fj5nw29d/stages/dev"),
        None,
    ),
    "api_gateway_websocket_message_event": (
        "eu-west-1",
        "websocket",
        [("aws.apigateway", SOCKET, "hello")],
        True,
        "api-gateway",
        api("eu-west-1", "apis/85fj5nw29d/stages/dev"),
        None,
    ),
    "api_gateway_websocket_disconnect_event": (
        "eu-west-1",
        "websocket",
        [("aws.apigateway", SOCKET, "hello")],
        True,
        "api-gateway",
        api("eu-west-1", "apis/85fj5nw29d/stages/production"),
        None,
    ),
    "application_load_balancer": (
        "us-east-1",
        "load_balancer",
        [],
        True,
        "application-load-balancer",
        ALB,
        ("0987654321", "1234567890", "1"),
    ),
    "application_load_balancer_multivalue_headers": (
        "us-east-1",
        "load_balancer",
        [],
        True,
        "application-load-balancer",
        ALB,
        ("0987654321", "1234567890", "1"),
    ),
    "lambda_function_url_event": (
        "eu-south-1",
        "function_url",
        [("aws.lambda.url", "a8hyhsshac.lambda-url.eu-south-1.amazonaws.com", "GET /")],
        False,
        "lambda-function-url",
        "arn:aws:lambda:eu-south-1:601427279990:url:orders-api",
        None,
    ),
    "msk_event": ("us-east-1", "msk", [("aws.msk", "demo-cluster", "topic1")], True, "msk", MSK, None),
    "msk_event_with_headers": (
        "us-east-1",
        "msk",
        [("aws.msk", "demo-cluster", "demo-topic")],
        True,
        "msk",
        MSK,
        ("1497116011738644768", "2239801583077304042", "1"),
    ),
    "sqs_event": (
        "us-east-1",
        "sqs",
        [same("MyQueue", "aws.sqs")],
        True,
        "sqs",
        QUEUE,
        ("2684756524522091840", "7431398482019833808", "1"),
    ),
    "sqs_event_binary": (
        "us-east-1",
        "sqs",
        [same("MyQueue", "aws.sqs")],
        True,
        "sqs",
        QUEUE,
        ("1111111111111111111", "2222222222222222222", "1"),
    ),
    "sqs_event_binary_custom_label": (
        "us-east-1",
        "sqs",
        [same("MyQueue", "aws.sqs")],
        True,
        "sqs",
        QUEUE,
        ("3333333333333333333", "4444444444444444444", "1"),
    ),
    "sns_sqs_event": (
        "eu-west-1",
        "sqs",
        [same("aj-js-library-test-dev-demo-queue", "aws.sqs"), same(DEMO_TOPIC, "aws.sns")],
        True,
        "sqs",
        DEMO_QUEUE,
        ("2776434475358637757", "4493917105238181843", "1"),
    ),
    "sns_sqs_binary_event": (
        "eu-west-1",
        "sqs",
        [same("aj-js-library-test-dev-demo-queue", "aws.sqs"), same(DEMO_TOPIC, "aws.sns")],
        True,
        "sqs",
        DEMO_QUEUE,
        ("5863834085596065348", "2752725546543693249", "1"),
    ),
    "eventbridge_sqs_event": (
        "us-east-1",
        "sqs",
        [same("lambda-eb-sqs-lambda-dev-demo-queue", "aws.sqs"), same("my.Source", "aws.eventbridge")],
        True,
        "sqs",
        EB_QUEUE,
        ("7379586022458917877", "2644033662113726488", "1"),
    ),
    "eventbridge_sqs_java_header_event": (
        "us-east-1",
        "sqs",
        [same("lambda-eb-sqs-lambda-dev-demo-queue", "aws.sqs"), same("my.Source", "aws.eventbridge")],
        True,
        "sqs",
        EB_QUEUE,
        ("7379586022458917877", "2644033662113726488", "1"),
    ),
    "sns_event": (
        "sa-east-1",
        "sns",
        [same("serverlessTracingTopicPy", "aws.sns")],
        True,
        "sns",
        "arn:aws:sns:sa-east-1:425362996713:serverlessTracingTopicPy",
        ("4948377316357291421", "6746998015037429512", "1"),
    ),
    "sns_event_binary": (
        "eu-west-1",
        "sns",
        [same("serverlessTracingTopicPy", "aws.sns")],
        True,
        "sns",
        "arn:aws:sns:eu-west-1:601427279990:serverlessTracingTopicPy",
        ("4948377316357291421", "6746998015037429512", "1"),
    ),
    "eventbridge_sns_event": (
        "us-east-1",
        "sns",
        [same("test-notifier", "aws.sns"), same("test-bus", "aws.eventbridge")],
        True,
        "sns",
        "arn:aws:sns:us-east-1:123456789012:test-notifier",
        ("12345", "67890", "1"),
    ),
    "dynamodb_event": (
        "us-east-1",
        "dynamodb",
        [("aws.dynamodb", "ExampleTableWithStream", "INSERT ExampleTableWithStream")],
        True,
        "dynamodb",
        TABLE_STREAM,
        None,
    ),
    # The reference's ARN here is the record's `eventSource`, `aws:s3:sample:event:source`; ours is the bucket's (6.10, better).
    "s3_event": ("us-east-1", "s3", [same("example-bucket", "aws.s3")], True, "s3", "arn:aws:s3:::example-bucket", None),
    "eventbridge_event": (
        "eu-west-1",
        "eventbridge",
        [same("testBus", "aws.eventbridge")],
        True,
        "eventbridge",
        "my.event",
        ("5827606813695714842", "4726693487091824375", "1"),
    ),
    "eventbridge_no_resource_name_event": (
        "eu-west-1",
        "eventbridge",
        [same("my.event", "aws.eventbridge")],
        True,
        "eventbridge",
        "my.event",
        ("5827606813695714842", "4726693487091824375", "1"),
    ),
    "eventbridge_no_timestamp_event": (
        "eu-west-1",
        "eventbridge",
        [same("testBus", "aws.eventbridge")],
        True,
        "eventbridge",
        "my.event",
        ("5827606813695714842", "4726693487091824375", "1"),
    ),
    "kinesis_event": (
        "sa-east-1",
        "kinesis",
        [same("kinesisStream", "aws.kinesis")],
        True,
        "kinesis",
        "arn:aws:kinesis:sa-east-1:425362996713:stream/kinesisStream",
        ("4948377316357291421", "2876253380018681026", "1"),
    ),
    "step_function_event": ("us-east-1", "step_functions", [], True, "states", STATES, 5744042798732701615),
    "step_function_legacy_event": ("us-east-1", "step_functions", [], True, "states", STATES, 5744042798732701615),
    "step_function_nested_event": ("us-east-1", "step_functions", [], True, "states", STATES, 1322229001489018110),
    "step_function_nested_legacy_event": ("us-east-1", "step_functions", [], True, "states", STATES, 1322229001489018110),
    "step_function_lambda_root_event": ("us-east-1", "step_functions", [], True, "states", STATES, 5821803790426892636),
    "step_function_lambda_root_legacy_event": ("us-east-1", "step_functions", [], True, "states", STATES, 5821803790426892636),
}


def read_context(context):
    if isinstance(context, DerivedContext):
        return context.trace_id
    names = ("x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-sampling-priority")
    return tuple(context[name] for name in names)


@pytest.mark.parametrize("name", SUMMARY)
def test_each_sample_gives_what_the_summary_says(inferred, name):
    region, source, spans, is_async, event_source, arn, context = SUMMARY[name]
    found = inferred(name, region=region, function_name="orders-api")
    assert found.source == source
    assert [(span["name"], span["service"], span["resource"]) for span in found.spans] == spans
    assert found.is_async is is_async
    assert {span["meta"]["_inferred_span.synchronicity"] for span in found.spans} <= {"async" if is_async else "sync"}
    assert found.tags["function_trigger.event_source"] == event_source
    assert found.tags["function_trigger.event_source_arn"] == arn
    assert (read_context(found.contexts[0]) if found.contexts else None) == context
    assert found.findings == ()


@pytest.mark.parametrize("name", SUMMARY)
def test_without_managed_services_only_the_spans_are_missing(inferred, name):
    everything, without = inferred(name), inferred(name, managed_services=False)
    assert without.spans == ()
    assert (without.tags, without.contexts, without.pointers) == (everything.tags, everything.contexts, everything.pointers)


STARTS = {
    "sns_sqs_event": (1639777618129999872, 1639777618040000000, 89999872),
    "sns_sqs_binary_event": (1639777618129999872, 1639777618040000000, 89999872),
    "eventbridge_sqs_event": (1691102943638000128, 1691102943000000000, 638000128),
    "eventbridge_sqs_java_header_event": (1691102943638000128, 1691102943000000000, 638000128),
    "eventbridge_sns_event": (1726515841713000000, 1726515840996999936, 716000064),
}


@pytest.mark.parametrize("name", STARTS)
def test_a_wrapped_span_lasts_until_what_it_is_wrapped_in_begins(inferred, name):
    found = inferred(name)
    complete(found, an_invocation())
    outer, wrapped = found.spans
    assert (outer["start"], wrapped["start"], wrapped["duration"]) == STARTS[name]


def an_invocation(**more):
    span = {"name": "aws.lambda", "service": "orders", "trace_id": 2776434475358637757, "span_id": 33, "parent_id": 0, "error": 0}
    return span | {"start": 1639777618500000000, "duration": 100000000, "meta": {}, "metrics": {}} | more


def test_the_worked_example_of_sns_in_sqs(inferred, payload):
    found = inferred("sns_sqs_event", region="eu-west-1")
    assert connect(found, 4493917105238181843, {}) == 1
    complete(found, an_invocation())
    queue, topic = found.spans
    event = payload("sns_sqs_event")["Records"][0]
    assert dict(found.tags) == {
        "function_trigger.event_source": "sqs",
        "function_trigger.event_source_arn": DEMO_QUEUE,
        "retry_count": "1",
        "sender_id": "AIDAIOA2GYWSHW4E2VXIO",
        "source_arn": DEMO_QUEUE,
        "aws_region": "eu-west-1",
    }
    assert queue == {
        "name": "aws.sqs",
        "service": "aj-js-library-test-dev-demo-queue",
        "resource": "aj-js-library-test-dev-demo-queue",
        "type": "web",
        "trace_id": 2776434475358637757,
        "span_id": 1,
        "parent_id": 2,
        "start": 1639777618129999872,
        "duration": 370000128,
        "error": 0,
        "metrics": {},
        "meta": {
            "operation_name": "aws.sqs",
            "receipt_handle": event["receiptHandle"],
            "retry_count": "1",
            "sender_id": "AIDAIOA2GYWSHW4E2VXIO",
            "source_arn": DEMO_QUEUE,
            "aws_region": "eu-west-1",
            "function_trigger.event_source": "sns",
            "_inferred_span.tag_source": "self",
            "_inferred_span.synchronicity": "async",
            "peer.service": "orders",
            "span.kind": "server",
        },
    }
    assert topic == {
        "name": "aws.sns",
        "service": DEMO_TOPIC,
        "resource": DEMO_TOPIC,
        "type": "web",
        "trace_id": 2776434475358637757,
        "span_id": 2,
        "parent_id": 4493917105238181843,
        "start": 1639777618040000000,
        "duration": 89999872,
        "error": 0,
        "metrics": {},
        "meta": {
            "operation_name": "aws.sns",
            "topicname": DEMO_TOPIC,
            "topic_arn": f"arn:aws:sns:eu-west-1:601427279990:{DEMO_TOPIC}",
            "message_id": "0a0ab23e-4861-5447-82b7-e8094ff3e332",
            "type": "Notification",
            "_inferred_span.tag_source": "self",
            "_inferred_span.synchronicity": "async",
            "peer.service": "aj-js-library-test-dev-demo-queue",
        },
    }


@pytest.mark.parametrize(
    ("name", "settings", "services"),
    [
        ("sqs_event", {"representation": False}, ["sqs"]),
        ("sns_event", {"representation": False}, ["sns"]),
        ("s3_event", {"representation": False}, ["s3"]),
        ("dynamodb_event", {"representation": False}, ["dynamodb"]),
        ("kinesis_event", {"representation": False}, ["kinesis"]),
        ("msk_event", {"representation": False}, ["msk"]),
        ("eventbridge_event", {"representation": False}, ["eventbridge"]),
        ("api_gateway_websocket_connect_event", {"representation": False}, ["api_gateway_websocket"]),
        ("api_gateway_http_event", {"representation": False}, [HTTP]),
        ("api_gateway_rest_event", {"representation": False}, ["id.execute-api.us-east-1.amazonaws.com"]),
        ("lambda_function_url_event", {"representation": False}, ["a8hyhsshac.lambda-url.eu-south-1.amazonaws.com"]),
        ("sns_sqs_event", {"service_mapping": {"lambda_sns": "topics", "lambda_sqs": "queues"}}, ["queues", "topics"]),
        ("eventbridge_event", {"service_mapping": {"testBus": "bus"}}, ["bus"]),
    ],
)
def test_services_follow_representation_and_mapping(inferred, name, settings, services):
    assert [span["service"] for span in inferred(name, **settings).spans] == services


# --- what is wrapped ---------------------------------------------------------------------------------------------------------------


def names(found):
    return [span["name"] for span in found.spans]


def test_three_levels_make_three_spans(inferred):
    found = inferred("eventbridge_sns_sqs_event")
    assert names(found) == ["aws.sqs", "aws.sns", "aws.eventbridge"]
    assert [span["parent_id"] for span in found.spans] == [2, 3, 0]
    assert [span["meta"].get("function_trigger.event_source") for span in found.spans] == ["sns", "eventbridge", None]
    assert read_context(found.contexts[0]) == ("1001", "2002", "1")
    assert found.spans[2]["resource"] == "shop-bus"


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("s3_sqs_event", ["aws.sqs", "aws.s3"]),
        ("s3_sns_event", ["aws.sns", "aws.s3"]),
        ("s3_sns_sqs_event", ["aws.sqs", "aws.sns", "aws.s3"]),
    ],
)
def test_an_s3_notification_in_a_message_has_its_span_and_its_pointer(inferred, name, spans):
    found = inferred(name)
    assert names(found) == spans
    assert [(pointer.kind, pointer.hash) for pointer in found.pointers] == [("aws.s3.object", "1dc3e5d00dae48c1f07d95371a747788")]


def test_every_s3_record_of_one_message_is_pointed_to(inferred, payload):
    notification = payload("s3_event")
    other = json.loads(json.dumps(notification["Records"][0]))
    other["s3"]["object"]["key"] = "another"
    notification["Records"].append(other)
    event = payload("s3_sqs_event")
    event["Records"][0]["body"] = json.dumps(notification)
    assert len(inferred(event).pointers) == 2


def test_a_schedule_sent_to_a_queue_is_an_eventbridge_event(inferred, payload):
    event = payload("s3_sqs_event")
    event["Records"][0]["body"] = json.dumps(payload("scheduled_event"))
    assert names(inferred(event)) == ["aws.sqs", "aws.eventbridge"]


def test_no_more_than_three_levels_are_unwrapped(inferred, payload):
    deeper = payload("eventbridge_sns_sqs_event")
    inner = json.loads(deeper["Records"][0]["body"])
    inner["Message"] = deeper["Records"][0]["body"]
    deeper["Records"][0]["body"] = json.dumps(inner)
    assert names(inferred(deeper)) == ["aws.sqs", "aws.sns", "aws.sns"]


def test_the_attribute_of_the_message_goes_before_what_the_body_wraps(inferred, payload):
    event = payload("eventbridge_sqs_event")
    value = json.dumps({"x-datadog-trace-id": "7", "x-datadog-parent-id": "8", "x-datadog-sampling-priority": 2})
    event["Records"][0]["messageAttributes"] = {"_datadog": {"dataType": "String", "stringValue": value}}
    assert read_context(inferred(event).contexts[0]) == ("7", "8", "2")


@pytest.mark.parametrize("attribute", ['{"broken', "[]", "{}"])
def test_a_carrier_that_cannot_be_read_lets_the_next_place_have_its_turn(inferred, payload, attribute):
    event = payload("eventbridge_sqs_java_header_event")
    event["Records"][0]["messageAttributes"] = {"_datadog": {"dataType": "String", "stringValue": attribute}}
    carrier, header = inferred(event).contexts
    assert carrier["x-datadog-trace-id"] == "7379586022458917877"
    assert header.trace_id == 130944522478755159


def test_a_body_that_is_too_large_is_not_searched_and_said_so(inferred, payload):
    event = payload("eventbridge_sqs_event")
    body = json.loads(event["Records"][0]["body"])
    body["detail"]["more"] = "x" * (512 * 1024)
    event["Records"][0]["body"] = json.dumps(body)
    found = inferred(event)
    assert names(found) == ["aws.sqs"]
    assert found.findings == ("inner_text_over_limit",)


# --- batches -----------------------------------------------------------------------------------------------------------------------


def a_queue_message(payload, trace_id, body="{}"):
    record = json.loads(json.dumps(payload("sqs_event")["Records"][0])) | {"body": body, "receiptHandle": f"handle-{trace_id}"}
    carrier = {"x-datadog-trace-id": str(trace_id), "x-datadog-parent-id": "9"}
    record["messageAttributes"] = {"_datadog": {"dataType": "String", "stringValue": json.dumps(carrier)}} if trace_id else {}
    return record


def test_the_first_record_with_a_context_stands_for_the_batch_and_the_others_are_links(inferred, payload):
    found = inferred({"Records": [a_queue_message(payload, trace_id) for trace_id in (0, 5, 5, 6, 0, 7)]})
    assert found.contexts[0]["x-datadog-trace-id"] == "5"
    assert found.spans[0]["meta"]["receipt_handle"] == "handle-5"
    assert [link["x-datadog-trace-id"] for link in found.links] == ["6", "7"]


def test_a_batch_without_contexts_is_its_first_record(inferred, payload):
    found = inferred({"Records": [a_queue_message(payload, 0), a_queue_message(payload, 0)]})
    assert (found.contexts, found.links) == ((), ())
    assert found.spans[0]["meta"]["receipt_handle"] == "handle-0"


def test_pointers_are_of_every_record_and_each_once(inferred, payload):
    record = payload("s3_event")["Records"][0]
    other = json.loads(json.dumps(record))
    other["s3"]["object"]["key"] = "other"
    assert len(inferred({"Records": [record, other, record]}).pointers) == 2


def test_a_batch_beyond_the_limit_is_looked_at_in_part_and_said_so(inferred, payload):
    first, last = a_queue_message(payload, 0), a_queue_message(payload, 5)
    found = inferred({"Records": [first] * RECORDS_MAX + [last]})
    assert found.findings == ("records_over_limit",)
    assert found.contexts == ()
    assert inferred({"Records": [first] * (RECORDS_MAX - 1) + [last]}).findings == ()


# --- the order of contexts (5.1) ---------------------------------------------------------------------------------------------------


def test_headers_of_the_request_go_before_headers_of_the_event(inferred):
    event = {
        "headers": {"x-datadog-trace-id": "333", "x-datadog-parent-id": "444"},
        "request": {"headers": {"X-Datadog-Trace-Id": "555", "x-datadog-parent-id": "666"}},
    }
    found = inferred(event)
    assert [context["x-datadog-trace-id"] for context in found.contexts] == ["555", "333"]
    assert found == Inferred(contexts=found.contexts)


def test_a_request_without_headers_has_no_context(inferred):
    assert inferred({"argumentsMap": {"id": "123"}, "request": {"body": "some body"}}).contexts == ()


def test_an_x_ray_header_alone_makes_a_context(inferred, payload):
    record = payload("sqs_event")["Records"][0] | {"messageAttributes": {}, "body": "Hello World"}
    record["attributes"]["AWSTraceHeader"] = "Root=1-68029e8a-0000000035578e774943fd9d;Parent=76c040bdc454a7ac;Sampled=1"
    found = inferred({"Records": [record]})
    assert found.contexts == (DerivedContext(3843697449965452701, 8556910475790821292, 1),)
    assert found.tags["function_trigger.event_source"] == "sqs"


@pytest.mark.parametrize("event", [None, "text", 7, 1.5, True, [], {}, [1], [{}], {"Records": []}, {"Records": [1]}, {"Records": None}])
def test_what_is_no_event_of_any_source_is_unknown(event):
    assert infer(event, TriggerSettings(), lambda: 1) == Inferred()


@pytest.mark.parametrize("place", [("headers",), ("request", "headers")])
def test_a_carrier_can_be_sent_on(inferred, place):
    event = {"x-datadog-trace-id": "1", "tracestate": "a\ud800", "\udfff": "b"}
    for key in reversed(place):
        event = {key: event}
    assert inferred(event).contexts == ({"x-datadog-trace-id": "1", "tracestate": "a?", "?": "b"},)


def test_two_inferences_share_nothing(inferred, payload):
    event = payload("sqs_event")
    first, second = inferred(event), inferred(event)
    first.spans[0]["meta"]["more"] = "1"
    assert "more" not in second.spans[0]["meta"]
    assert event == payload("sqs_event")
