"""Which event is of which source, and in which order that is decided (specification, triggers 2.1)."""

import pytest

from pipelines.triggers.batches import RECORDS_MAX, objects, upper_records
from pipelines.triggers.detect import SOURCES, identify, load, name_of

NAMES = [name for name, _ in SOURCES]
HTTP = {"version": "2.0", "rawQueryString": "", "requestContext": {"domainName": "a.execute-api"}}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (HTTP, "http_api"),
        (HTTP | {"rawQueryString": None}, "http_api"),
        (HTTP | {"requestContext": {"domainName": 7}}, "http_api"),
        (HTTP | {"requestContext": {"domainName": "a.lambda-url.b"}}, "function_url"),
        (HTTP | {"version": 2.0}, ""),
        (HTTP | {"requestContext": {"domainName": None}}, ""),
        ({"version": "2.0", "requestContext": {"domainName": "a"}}, ""),
        ({"requestContext": {"stage": None}, "httpMethod": None, "resource": None}, "rest_api"),
        ({"requestContext": {"stage": "dev"}, "httpMethod": "GET"}, ""),
        ({"requestContext": None, "httpMethod": "GET", "resource": "/"}, ""),
        ({"requestContext": {"messageDirection": "IN"}}, "websocket"),
        ({"requestContext": {"elb": {"targetGroupArn": "a"}}}, "load_balancer"),
        ({"requestContext": {"elb": {}}}, ""),
        ({"requestContext": {"domainName": "x.lambda-url.y"}}, "function_url"),
        ({"records": {"a": [{"topic": "a"}]}}, "msk"),
        ({"records": {"a": {"0": {"topic": None}}}}, "msk"),
        ({"records": {"a": [], "b": [{"topic": "b"}]}}, "msk"),
        ({"records": {"a": [{"value": 1}]}}, ""),
        ({"records": [{"topic": "a"}]}, ""),
        ({"eventSource": "aws:SelfManagedKafka", "records": {"a": [{"topic": "a"}]}}, "self_managed_kafka"),
        ({"eventSource": "aws:SelfManagedKafka", "records": {}}, ""),
        ({"Records": [{"eventSource": "aws:sqs"}]}, "sqs"),
        ({"Records": [{"eventSource": "aws:other"}]}, ""),
        ({"Records": [{"Sns": None}]}, "sns"),
        ({"Records": [{"dynamodb": {}}]}, "dynamodb"),
        ({"Records": [{"s3": {}}]}, "s3"),
        ({"detail-type": None, "source": "shop"}, "eventbridge"),
        ({"detail-type": "x", "source": "aws.scheduler"}, "eventbridge"),
        ({"detail-type": "x", "source": None}, ""),
        ({"source": "shop"}, ""),
        ({"Records": [{"kinesis": {}}]}, "kinesis"),
        ({"detail-type": "Scheduled Event", "source": "aws.events"}, "scheduled"),
        ({"awslogs": {"data": ""}}, "cloudwatch_logs"),
        ({"awslogs": {"data": None}}, ""),
        ({"source": "aws.cloudwatch", "alarmData": {}}, "cloudwatch_alarm"),
        ({"source": "aws.cloudwatch", "alarmData": {}, "detail-type": "x"}, "eventbridge"),
        ({"source": "aws.cloudwatch"}, ""),
        ({"Records": [{"cf": {}}]}, "cloudfront"),
        ({"Records": [{"ses": {}}]}, "ses"),
        ({"raw_path": "/", "method": "GET"}, "vpc_lattice"),
        ({"raw_path": "/", "method": "GET", "requestContext": {}}, ""),
        ({"requestContext": {"serviceNetworkArn": "a"}}, "vpc_lattice"),
        ([{"info": {"fieldName": "a", "parentTypeName": "b"}}], "appsync"),
        ({"info": {"fieldName": "a"}}, ""),
        ({"authorizationToken": "a"}, ""),
        ([HTTP], ""),
        ({"triggerSource": "a", "userPoolId": "b"}, "cognito"),
        ({"agent": {}, "actionGroup": None}, "bedrock_agent"),
        ({"agent": "text", "actionGroup": "a"}, ""),
        ({"eventType": "connected", "clientId": "a"}, ""),
        ({"certificateId": "a", "templateArn": "b"}, "iot"),
    ],
)
def test_the_first_test_that_holds_decides(event, expected):
    assert name_of(event) == expected


SAMPLES = {
    "active_mq_event": "active_mq",
    "appsync_authorizer_event": "appsync",
    "appsync_batch_event": "appsync",
    "appsync_channel_event": "appsync",
    "appsync_resolver_event": "appsync",
    "bedrock_agent_event": "bedrock_agent",
    "bedrock_agent_function_event": "bedrock_agent",
    "cloudfront_event": "cloudfront",
    "cloudwatch_alarm_event": "cloudwatch_alarm",
    "cloudwatch_logs_event": "cloudwatch_logs",
    "cognito_event": "cognito",
    "documentdb_event": "documentdb",
    "iot_authorizer_event": "iot",
    "iot_presence_event": "iot",
    "iot_provisioning_event": "iot",
    "iot_registry_event": "iot",
    "rabbit_mq_event": "rabbit_mq",
    "scheduled_event": "scheduled",
    "self_managed_kafka_event": "self_managed_kafka",
    "ses_event": "ses",
    "vpc_lattice_event": "vpc_lattice",
    "vpc_lattice_v1_event": "vpc_lattice",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_sources_that_the_reference_lacks_are_known(payload, name):
    assert identify(payload(name)).source.name == SAMPLES[name]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("api_gateway_proxy_event", "http_api"),
        ("api_gateway_http_event", "rest_api"),
        ("api_gateway_http_event", "websocket"),
        ("api_gateway_proxy_event", "websocket"),
        ("api_gateway_proxy_event", "function_url"),
        ("sqs_event", "msk"),
        ("api_gateway_http_event", "sqs"),
        ("sqs_event", "sns"),
        ("sqs_event", "dynamodb"),
        ("sqs_event", "s3"),
        ("api_gateway_http_event", "eventbridge"),
        ("sqs_event", "kinesis"),
        ("sqs_event", "step_functions"),
    ],
)
def test_a_source_does_not_take_anothers_events(payload, name, other):
    assert not dict(SOURCES)[other](payload(name))


@pytest.mark.parametrize("name", NAMES)
def test_each_source_is_a_module_of_its_name(name):
    source = load(name)
    assert source.name == name
    assert source.title
    assert source.recognised_is
    assert source.arn_is
    assert source.carrier_is
    assert ("function_trigger.event_source", source.event_source) == (source.tags[-1][0], source.tags[-1][1]({}))


def test_the_references_sources_come_in_its_order():
    apis = ["http_api", "rest_api", "websocket", "load_balancer", "function_url"]
    order = [*apis, "msk", "sqs", "sns", "dynamodb", "s3", "eventbridge", "kinesis", "step_functions"]
    assert [name for name in NAMES if name in order] == order


def test_records_are_the_objects_among_the_first():
    assert upper_records({"Records": [{"a": 1}, 7, None, {"b": 2}]}) == [{"a": 1}, {"b": 2}]
    assert upper_records({"Records": None}) == [{}]
    assert len(objects([{}] * 500)) == RECORDS_MAX + 1
