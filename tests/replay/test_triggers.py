"""Each of the specification's events as the first invocation of a function for Java: every span, tag, id and time of what is sent.

The expectations are written from the specification (triggers 6, 8 and 8.1, traces 6.2 for services on the wire), not from what came out.
Where it names something better than what the reference does, that is expected: the ARN of S3, the lengths of wrapped spans, the tags of
load balancers.
"""

import json
from random import Random

import attrs
import pytest

from emulator.decode import decode
from fixtures import made_dotnet
from fixtures.story import EPOCH_MS, Story
from reactor.agent.outputs import Answer
from reactor.agent.replay import Replay, Watcher, settings_of

REQUEST, OWN_TRACE, OWN_SPAN = "8a1f0c3e-5b0d-4a52-9c0b-0d3c2f1e7a11", 4567, 901
NS = 1_000_000  # in a millisecond
NOW_MS = 1_795_442_400_000  # later than every event
INIT_NS, INIT_MS = NOW_MS * NS, 412.25
START_NS, DURATION_NS = (NOW_MS + 50) * NS, 5 * NS
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_FUNCTION_NAME": "my-function",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_REGION": "us-east-1",
    "DD_SERVICE": "orders",
}


@attrs.frozen
class Expected:
    """`spans`: (name, service, resource, type, start, tags), the parent of `aws.lambda` first. `tags`: those of `aws.lambda` for what
    triggered it. `upstream`: (trace id, parent, priority), None without a context; `propagated` the tags that come with it."""

    tags: dict
    spans: tuple = ()
    upstream: tuple | None = None
    propagated: dict = attrs.field(factory=dict)
    is_sync: bool = False


def source(name, arn, **more):
    tags = {"function_trigger.event_source": name, "function_trigger.event_source_arn": arn}
    return tags | {key.replace("__", "."): value for key, value in more.items()}


# --- HTTP ------------------------------------------------------------------------------------------------------------------------


def http_api(api, method, path, route, agent, ip, request_id, start_ns, upstream=None):
    """Services on the wire begin with a letter."""
    host = f"{api}.execute-api.sa-east-1.amazonaws.com"
    url = f"https://{host}{path}"
    meta = {
        "endpoint": path, "http.url": url, "http.method": method, "http.protocol": "HTTP/1.1", "http.source_ip": ip,
        "http.user_agent": agent,
        "request_id": request_id, "dd_resource_key": f"arn:aws:apigateway:us-east-1::/apis/{api}",
    }  # fmt: skip
    tags = source("api-gateway", f"arn:aws:apigateway:us-east-1::/restapis/{api}/stages/$default") | {
        "http.url": url, "http.url_details.path": path, "http.method": method, "http.route": route, "http.user_agent": agent,
    }  # fmt: skip
    resource = f"{method} {'/user/{user_id}' if path == '/user/42' else path}"
    span = ("aws.httpapi", host.lstrip("0123456789"), resource, "web", start_ns, meta)
    return Expected(tags, (span,), upstream, is_sync=True)


def rest_api(api, host, method, path, resource, route, stage, agent, ip, request_id, start_ns, upstream=None):
    url = f"https://{host}{path}"
    meta = {
        "endpoint": path, "http.url": url, "http.method": method, "http.protocol": "HTTP/1.1", "http.source_ip": ip,
        "http.user_agent": agent,
        "http.route": route, "request_id": request_id, "dd_resource_key": f"arn:aws:apigateway:us-east-1::/restapis/{api}",
    }  # fmt: skip
    tags = source("api-gateway", f"arn:aws:apigateway:us-east-1::/restapis/{api}/stages/{stage}") | {
        "http.url": url, "http.url_details.path": path, "http.method": method, "http.route": route, "http.user_agent": agent,
    }  # fmt: skip
    span = ("aws.apigateway", host.lstrip("0123456789"), f"{method} {resource}", "web", start_ns, meta)
    return Expected(tags, (span,), upstream, is_sync=True)


def websocket(stage, event_type):
    url = "https://85fj5nw29d.execute-api.eu-west-1.amazonaws.comhello"
    meta = {
        "endpoint": "hello", "resource_names": "hello", "http.url": url, "request_id": "ahVmYGOMmjQFhyg=", "apiid": "85fj5nw29d",
        "stage": stage, "connection_id": "ahVWscZqmjQCI1w=", "event_type": event_type, "message_direction": "IN",
    }  # fmt: skip
    tags = source("api-gateway", f"arn:aws:apigateway:us-east-1::/apis/85fj5nw29d/stages/{stage}")
    tags |= {"http.url": url, "http.url_details.path": "hello"}
    return Expected(tags, (("aws.apigateway", "fj5nw29d.execute-api.eu-west-1.amazonaws.com", "hello", "web", 1666633666203000064, meta),))


def function_url():
    host = "a8hyhsshac.lambda-url.eu-south-1.amazonaws.com"
    agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/95.0.4638.69 Safari/537.36"
    http = {"http.url": f"https://{host}/", "http.method": "GET", "http.user_agent": agent}
    meta = http | {
        "endpoint": "/", "http.protocol": "HTTP/1.1", "http.source_ip": "71.195.30.42", "operation_name": "aws.lambda.url",
        "request_id": "ec4d58f8-2b8b-4ceb-a1d5-2be7bff58505",
    }  # fmt: skip
    tags = source("lambda-function-url", "arn:aws:lambda:us-east-1:601427279990:url:my-function") | http | {"http.url_details.path": "/"}
    return Expected(tags, (("aws.lambda.url", host, "GET /", "http", 1637169449720999936, meta),), is_sync=True)


LOAD_BALANCER = Expected(
    source(
        "application-load-balancer",
        "arn:aws:elasticloadbalancing:us-east-1:1234567890:targetgroup/nhulston-alb-test/dcabb42f66a496e0",
        http__method="GET",
        http__url="http://nhulston-test-0987654321.us-east-1.elb.amazonaws.com/",
        http__route="/",
        http__useragent="node",
    ),
    upstream=(987654321, 1234567890, 1),
    propagated={"_dd.p.tid": "68126c4300000000", "_dd.p.dm": "-0"},
)

# --- messages and streams ----------------------------------------------------------------------------------------------------------

CLUSTER = "arn:aws:kafka:us-east-1:123456789012:cluster/demo-cluster/751d2973-a626-431c-9d4e-d7975eb44dd7-2"


def msk(topic, upstream=None, propagated=None):
    meta = {"operation_name": "aws.msk", "topic": topic, "partition": "0", "event_source": "aws:kafka", "event_source_arn": CLUSTER}
    return Expected(
        source("msk", CLUSTER), (("aws.msk", "demo-cluster", topic, "web", 1745846213022000128, meta),), upstream, propagated or {}
    )


def sqs(service, queue_arn, sender, start_ns, upstream, wraps=(), wrapped="", propagated=None):
    """The ARN that triggered it has the function's region, the queue's own stays in `source_arn`."""
    _, _, _, region, account, queue = queue_arn.split(":")
    tags = {"retry_count": "1", "sender_id": sender, "source_arn": queue_arn, "aws_region": region}
    meta = tags | {"operation_name": "aws.sqs"} | ({"function_trigger.event_source": wrapped} if wrapped else {})
    spans = (("aws.sqs", service, queue, "web", start_ns, meta), *wraps)
    return Expected(source("sqs", f"arn:aws:sqs:us-east-1:{account}:{queue}") | tags, spans, upstream, propagated or {})


def my_queue(*upstream):
    return sqs("myqueue", "arn:aws:sqs:us-east-1:123456789012:MyQueue", "123456789012", 1523232000000000000, upstream)


def sns_span(service, arn, message_id, start_ns, **more):
    topic = arn.rpartition(":")[2]
    meta = {"operation_name": "aws.sns", "topicname": topic, "topic_arn": arn, "message_id": message_id, "type": "Notification", **more}
    return ("aws.sns", service, topic, "web", start_ns, {key.replace("__", "."): value for key, value in meta.items()})


def sns(arn):
    message_id = "87056a47-f506-5d77-908b-303605d3b197"
    subscription = f"{arn}:224b60ba-befc-4830-ad96-f1f0ac94eb04"
    span = sns_span("serverlesstracingtopicpy", arn, message_id, 1643638421637000000, event_subscription_arn=subscription)
    return Expected(source("sns", arn), (span,), (4948377316357291421, 6746998015037429512, 1))


def bus(service, resource, detail_type, start_ns):
    return ("aws.eventbridge", service, resource, "web", start_ns, {"operation_name": "aws.eventbridge", "detail_type": detail_type})


def eventbridge(service, resource, start_ns):
    span = bus(service, resource, "UserSignUp", start_ns)
    return Expected(source("eventbridge", "my.event"), (span,), (5827606813695714842, 4726693487091824375, 1))


def topic_in_queue(upstream, propagated=None):
    topic = "arn:aws:sns:eu-west-1:601427279990:js-library-test-dev-demoTopic-15WGUVRCBMPAA"
    message_id = "0a0ab23e-4861-5447-82b7-e8094ff3e332"
    wrapped = sns_span("js-library-test-dev-demotopic-15wguvrcbmpaa", topic, message_id, 1639777618040000000)
    queue, queue_arn = "aj-js-library-test-dev-demo-queue", "arn:aws:sqs:eu-west-1:601427279990:aj-js-library-test-dev-demo-queue"
    return sqs(queue, queue_arn, "AIDAIOA2GYWSHW4E2VXIO", 1639777618129999872, upstream, (wrapped,), "sns", propagated)


def bus_in_queue():
    queue = "lambda-eb-sqs-lambda-dev-demo-queue"
    wrapped = bus("my.source", "my.Source", "my.Detail", 1691102943000000000)
    upstream, propagated = (7379586022458917877, 2644033662113726488, 1), {"_dd.p.dm": "-0", "tracestate": "dd=t.dm:-0;s:1"}
    queue_arn = f"arn:aws:sqs:us-east-1:425362996713:{queue}"
    return sqs(queue, queue_arn, "AIDAJXNJGGKNS7OSV23OI", 1691102943638000128, upstream, (wrapped,), "eventbridge", propagated)


def bus_in_topic():
    arn = "arn:aws:sns:us-east-1:123456789012:test-notifier"
    more = {"function_trigger__event_source": "eventbridge", "subject": ""}
    outer = sns_span("test-notifier", arn, "12345678-90abc-def-1234-567890abcdef", 1726515841713000000, **more)
    propagated = {"_dd.p.dm": "-1", "_dd.propagation_error": "malformed_tid 123567890"}
    spans = (outer, bus("test-bus", "test-bus", "TestDetail", 1726515840996999936))
    return Expected(source("sns", arn), spans, (12345, 67890, 1), propagated)


def pointer(kind, digits):
    attributes = {"link.kind": "span-pointer", "ptr.dir": "u", "ptr.hash": digits, "ptr.kind": kind}
    link = {"trace_id": 0, "trace_id_high": 0, "span_id": 0, "attributes": attributes, "tracestate": "", "flags": 0}
    return {"_dd.span_links": json.dumps([link], separators=(",", ":"))}


def dynamodb():
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/ExampleTableWithStream/stream/2015-06-27T00:48:05.899"
    meta = {
        "operation_name": "aws.dynamodb", "event_id": "c4ca4238a0b923820dcc509a6f75849b", "event_name": "INSERT", "event_version": "1.1",
        "event_source_arn": arn, "size_bytes": "26", "stream_view_type": "NEW_AND_OLD_IMAGES", "table_name": "ExampleTableWithStream",
        **pointer("aws.dynamodb.item", "e2af34d333891f765c7f02d2da80895e"),
    }  # fmt: skip
    resource = "INSERT ExampleTableWithStream"
    return Expected(source("dynamodb", arn), (("aws.dynamodb", "exampletablewithstream", resource, "web", 1428537600000000000, meta),))


def s3():
    meta = {
        "operation_name": "aws.s3", "event_name": "ObjectCreated:Put", "bucketname": "example-bucket",
        "bucket_arn": "arn:aws:s3:::example-bucket", "object_key": "test/key", "object_size": "1024",
        "object_etag": "0123456789abcdef0123456789abcdef", **pointer("aws.s3.object", "1dc3e5d00dae48c1f07d95371a747788"),
    }  # fmt: skip
    span = ("aws.s3", "example-bucket", "example-bucket", "web", 1673049600000000000, meta)
    return Expected(source("s3", "arn:aws:s3:::example-bucket"), (span,))


def kinesis():
    arn = "arn:aws:kinesis:sa-east-1:425362996713:stream/kinesisStream"
    meta = {
        "operation_name": "aws.kinesis", "stream_name": "kinesisStream", "shard_id": "shardId-000000000002", "event_source_arn": arn,
        "event_id": "shardId-000000000002:49624230154685806402418173680709770494154422022871973922", "event_name": "aws:kinesis:record",
        "event_version": "1.0", "partition_key": "partitionkey",
    }  # fmt: skip
    span = ("aws.kinesis", "kinesisstream", "kinesisStream", "web", 1643638425163000064, meta)
    return Expected(source("kinesis", arn), (span,), (4948377316357291421, 2876253380018681026, 1))


def state_machine(trace_id, span_id, **propagated):
    tags = {f"_dd.p.{name}": value for name, value in propagated.items()}
    machine = "arn:aws:states:us-east-1:425362996713:stateMachine:agocsTestSF"
    return Expected(source("states", machine), upstream=(trace_id, span_id, 1), propagated=tags)


PLAIN = state_machine(5744042798732701615, 2902498116043018663, tid="1914fe7789eb32be")
NESTED = state_machine(1322229001489018110, 8947638978974359093, tid="579d19b3ee216ee9")
FROM_A_FUNCTION = state_machine(5821803790426892636, 8947638978974359093, tid="672a7cb100000000", dm="-0")
CURL_IP = "76.115.124.192"
BINARY_TAGS = {
    "_dd.p.dm": "-1",
    "_dd.p.tid": "6801584a00000000",
    "tracestate": "dd=s:1;p:2633a54ccde13dc1;t.tid:6801584a00000000;t.dm:-1",
}
SIGNED_UP = 1731183820135000064

EXPECTED = {
    "api_gateway_http_event": http_api(
        "x02yirxc7a", "GET", "/httpapi/get", "/httpapi/get", "curl/7.64.1", "38.122.226.210", "FaHnXjKCGjQEJ7A=",
        1631212283737999872, (12345, 67890, 2),
    ),
    "api_gateway_http_event_appsec": http_api(
        "x02yirxc7a", "POST", "/httpapi/post", "/httpapi/post", "Arachni/v2", "38.122.226.210", "FaHnXjKCGjQEJ7A=",
        1631212283737999872, (12345, 67890, 2),
    ),
    "api_gateway_http_event_parameterized": http_api(
        "9vj54we5ih", "GET", "/user/42", "/user/{id}", "curl/8.1.2", CURL_IP, "Ur2JtjEfGjQEPOg=", 1710529905065999872,
    ),
    "api_gateway_rest_event": rest_api(
        "id", "id.execute-api.us-east-1.amazonaws.com", "GET", "/my/path", "/my/path", "/path", "$default", "user-agent", "IP", "id=",
        1583349317135000064,
    ),
    "api_gateway_rest_event_parameterized": rest_api(
        "mcwkra0ya4", "mcwkra0ya4.execute-api.sa-east-1.amazonaws.com", "GET", "/dev/user/42/id/50", "/dev/user/{user_id}/id/{id}",
        "/user/{id}", "dev", "curl/8.1.2", CURL_IP, "e16399f7-e984-463a-9931-745ba021a27f", 1710529824520000000,
    ),
    "api_gateway_proxy_event": rest_api(
        "1234567890", "70ixmpl4fl.execute-api.us-east-2.amazonaws.com", "POST", "/prod/path/to/resource", "/prod/path/to/resource",
        "/{proxy+}", "prod", "Custom User Agent String", "127.0.0.1", "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", 1428582896000000000,
        (12345, 67890, 2),
    ),
    "api_gateway_websocket_connect_event": websocket("dev", "MESSAGE"),
    "api_gateway_websocket_message_event": websocket("dev", "MESSAGE"),
    "api_gateway_websocket_disconnect_event": websocket("production", "DISCONNECT"),
    "application_load_balancer": LOAD_BALANCER,
    "application_load_balancer_multivalue_headers": LOAD_BALANCER,
    "lambda_function_url_event": function_url(),
    "msk_event": msk("topic1"),
    "msk_event_with_headers": msk(
        "demo-topic", (1497116011738644768, 2239801583077304042, 1), {"_dd.p.tid": "699c836500000000", "_dd.p.dm": "-1"}
    ),
    "sqs_event": my_queue(2684756524522091840, 7431398482019833808, 1),
    "sqs_event_binary": my_queue(1111111111111111111, 2222222222222222222, 1),
    "sqs_event_binary_custom_label": my_queue(3333333333333333333, 4444444444444444444, 1),
    "sns_sqs_event": topic_in_queue((2776434475358637757, 4493917105238181843, 1)),
    "sns_sqs_binary_event": topic_in_queue((5863834085596065348, 2752725546543693249, 1), BINARY_TAGS),
    "eventbridge_sqs_event": bus_in_queue(),
    "eventbridge_sqs_java_header_event": bus_in_queue(),
    "sns_event": sns("arn:aws:sns:sa-east-1:425362996713:serverlessTracingTopicPy"),
    "sns_event_binary": sns("arn:aws:sns:eu-west-1:601427279990:serverlessTracingTopicPy"),
    "eventbridge_sns_event": bus_in_topic(),
    "dynamodb_event": dynamodb(),
    "s3_event": s3(),
    "eventbridge_event": eventbridge("testbus", "testBus", SIGNED_UP),
    "eventbridge_no_resource_name_event": eventbridge("my.event", "my.event", SIGNED_UP),
    "eventbridge_no_timestamp_event": eventbridge("testbus", "testBus", 1731140535000000000),
    "eventbridge_span": Expected({}),  # a span, no event: nobody is known to have sent it
    "kinesis_event": kinesis(),
    "step_function_event": PLAIN,
    "step_function_legacy_event": PLAIN,
    "step_function_nested_event": NESTED,
    "step_function_nested_legacy_event": NESTED,
    "step_function_lambda_root_event": FROM_A_FUNCTION,
    "step_function_lambda_root_legacy_event": FROM_A_FUNCTION,
}  # fmt: skip


# --- the run -----------------------------------------------------------------------------------------------------------------------


class Spans(Watcher):
    def __init__(self):
        self.chunks = []

    def sent(self, sent):
        body = sent.payload.body
        if body.kind == "traces":
            headers = ((b"content-type", body.content_type.encode()), (b"dd-api-key", b"0" * 32), *body.headers)
            document = decode(body.path, headers, body.raw).document
            self.chunks += [chunk for payload in document["tracer_payloads"] for chunk in payload["chunks"]]


def told_of(event, trace_id):
    """The calls and records of one invocation and of what led to it."""
    story = Story("trigger", "One event. Made by hand.", ENVIRONMENT, strategy="end").ready()
    story.header = attrs.evolve(story.header, epoch_ms=NOW_MS)
    story._jumped_ms = NOW_MS - EPOCH_MS
    story.records(story._record("platform.initStart", initializationType="on-demand", phase="init"))
    report = story._record("platform.initReport", initializationType="on-demand", phase="init", metrics={"durationMs": INIT_MS})
    story.records(report).wait(50).invoke(REQUEST).records(story.start(REQUEST))
    named = [["lambda-runtime-aws-request-id", REQUEST]]
    story.wait(2).tell("request", method="POST", target="/lambda/start-invocation", headers=named, text=json.dumps(event))
    ids = [["x-datadog-trace-id", str(trace_id)], ["x-datadog-span-id", str(OWN_SPAN)], ["x-datadog-sampling-priority", "1"]]
    story.wait(2).tell("request", method="POST", target="/lambda/end-invocation", headers=[*named, *ids], text='{"statusCode": 200}')
    story.wait(9).records(story.done(REQUEST)).wait(5).records(story.report(REQUEST))
    return story.wait(200).shutdown()


def replayed(event, trace_id):
    """The headers of the answer to start, and the one chunk that was sent."""
    story, watcher, answers = told_of(event, trace_id), Spans(), []
    replay = Replay(story.header, settings_of(story.header)[0], Random(0).random, watcher)
    replay._performers[Answer] = lambda answer: answers.append({name.decode(): value.decode() for name, value in answer.headers})
    replay.run(story.told)
    (chunk,) = watcher.chunks
    return answers[0], chunk


FUNCTION_TAGS = {
    "region", "account_id", "aws_account", "functionname", "resource", "function_arn", "service", "init_type", "memorysize", "architecture",
    "dd_extension_version", "runtime",
}  # fmt: skip
COMMON = {"origin": "lambda", "_dd.origin": "lambda", "_dd.compute_stats": "1"}


def own(span):
    """A span's meta without what every span of the function has, which must be there."""
    assert COMMON.items() <= span["meta"].items()
    return {key: value for key, value in span["meta"].items() if key not in FUNCTION_TAGS and key not in COMMON}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_sent_of_an_event(name):
    expected = EXPECTED[name]
    trace_id, parent_id, priority = expected.upstream or (OWN_TRACE, 0, 1)
    event = made_dotnet.event_named(name)
    answer, chunk = replayed(event, trace_id)
    assert answer.get("x-datadog-trace-id") == (str(trace_id) if expected.upstream else None)
    assert answer.get("x-datadog-sampling-priority") == (str(priority) if expected.upstream else None)
    assert ("_dd.p.tid=" in answer.get("x-datadog-tags", "")) == ("_dd.p.tid" in expected.propagated)
    invocation, *others, cold_start = chunk["spans"]
    assert chunk["priority"] == priority
    assert {span["trace_id"] for span in chunk["spans"]} == {trace_id}
    assert not any(span.get("error") for span in chunk["spans"])
    check_invocation(invocation, expected, others, parent_id, priority)
    check_inferred(others, expected, parent_id)
    handles = [span["meta"]["receipt_handle"] for span in others if span["name"] == "aws.sqs"]
    assert handles == [each["receiptHandle"] for each in event.get("Records", ()) if "receiptHandle" in each][:1]
    # The `traceparent` of the load balancers' events names another trace.
    assert [len(span.get("span_links", ())) for span in chunk["spans"]] == [int(expected is LOAD_BALANCER), *[0] * (len(others) + 1)]
    assert (cold_start["name"], cold_start["service"], cold_start["resource"]) == ("aws.lambda.cold_start", "orders", "my-function")
    assert (cold_start["start"], cold_start["duration"]) == (INIT_NS, int(INIT_MS * NS))
    assert cold_start.get("parent_id", 0) == invocation.get("parent_id", 0)
    assert own(cold_start) == {"span.kind": "server"}


def check_invocation(span, expected, others, parent_id, priority):
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.lambda", "orders", "my-function", "serverless")
    assert (span["span_id"], span.get("parent_id", 0)) == (OWN_SPAN, others[0]["span_id"] if others else parent_id)
    assert (span["start"], span["duration"]) == (START_NS, DURATION_NS)
    assert own(span) == {
        "span.kind": "server", "request_id": REQUEST, "cold_start": "true", "http.status_code": "200", **expected.tags,
        **({} if others else expected.propagated),
    }  # fmt: skip
    assert span["metrics"] == {"_sampling_priority_v1": float(priority), "_top_level": 1.0}


def check_inferred(spans, expected, parent_id):
    """The first lasts until the function begins, or answers if somebody waits for it; what is wrapped, until what wraps it begins."""
    assert len(spans) == len(expected.spans)
    parents = [*(span["span_id"] for span in spans[1:]), parent_id][: len(spans)]
    until_ns, peer = START_NS + DURATION_NS * expected.is_sync, "orders"
    for span, parent, (name, service, resource, kind, start_ns, meta) in zip(spans, parents, expected.spans, strict=True):
        assert (span["name"], span["service"], span["resource"], span["type"]) == (name, service, resource, kind)
        assert (span.get("parent_id", 0), span["start"]) == (parent, start_ns)
        assert span["duration"] == until_ns - start_ns
        added = {"_inferred_span.tag_source": "self", "_inferred_span.synchronicity": "sync" if expected.is_sync else "async"}
        added |= {"_dd.base_service": "orders", "peer.service": peer}
        if span is spans[0]:
            added |= {"span.kind": "server", "http.status_code": "200", **expected.propagated}
        found = own(span)
        found.pop("receipt_handle", None)
        assert found == meta | added
        until_ns, peer = start_ns, resource


def test_all_events_of_the_specification_are_here():
    assert len(EXPECTED) == 37
