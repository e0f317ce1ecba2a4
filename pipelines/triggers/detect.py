"""Which source an event comes from: tests in order, the first that holds decides. Its module is imported when it is first met.

The reference's thirteen are in its order; those that it lacks stand where they take nothing from them. (specification, triggers 2.1)
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from pipelines.triggers.fields import dig, text
from pipelines.triggers.kafka import each_record
from pipelines.triggers.model import Record, Source, Trigger


def identify(event: object) -> Trigger | None:
    """The source of an event and the records to look at; None for an event of no known source."""
    name = name_of(event)
    if not name:
        return None
    source = load(name)
    return Trigger(source, source.records(event))


def name_of(event: object) -> str:
    """The name of the source, "" if none is known."""
    if type(event) is list:
        # Only AppSync sends a list: one resolver's calls in a batch.
        return "appsync" if event and is_appsync(event[0]) else ""
    if type(event) is not dict:
        return ""
    return next((name for name, matches in SOURCES if matches(event)), "")


def load(name: str) -> Source:
    source: Source = import_module(f"pipelines.triggers.{name}").SOURCE
    return source


# --- tests -------------------------------------------------------------------------------------------------------------------------


def is_http_api(event: Record) -> bool:
    domain = dig(event, "requestContext", "domainName")
    return (
        event.get("version") == "2.0"
        and "rawQueryString" in event
        and domain is not None
        and not (type(domain) is str and "lambda-url" in domain)
    )


def is_rest_api(event: Record) -> bool:
    context = dig(event, "requestContext")
    return type(context) is dict and "stage" in context and "httpMethod" in event and "resource" in event


def is_websocket(event: Record) -> bool:
    return dig(event, "requestContext", "messageDirection") is not None


def is_load_balancer(event: Record) -> bool:
    return dig(event, "requestContext", "elb", "targetGroupArn") is not None


def is_function_url(event: Record) -> bool:
    domain = dig(event, "requestContext", "domainName")
    return type(domain) is str and "lambda-url" in domain


def is_self_managed_kafka(event: Record) -> bool:
    return text(event, "eventSource") == "aws:SelfManagedKafka" and is_msk(event)


def is_msk(event: Record) -> bool:
    first: Record = next(each_record(event), {})
    return "topic" in first


def first_record(event: Record) -> Any:
    records = event.get("Records")
    return records[0] if type(records) is list and records else None


def has_record(key: str) -> Callable[[Record], bool]:
    """The first record has such a member, whatever it is."""

    def matches(event: Record) -> bool:
        first = first_record(event)
        return type(first) is dict and key in first

    return matches


def is_sqs(event: Record) -> bool:
    return text(first_record(event), "eventSource") == "aws:sqs"


def is_eventbridge(event: Record) -> bool:
    source = event.get("source")
    return "detail-type" in event and type(source) is str and source != "aws.events"


def is_step_functions(event: Record) -> bool:
    if not ("Execution" in event or "_datadog" in event or "Payload" in event):
        return False
    from pipelines.triggers.step_functions import context_object, is_context_object

    return is_context_object(context_object(event))


def is_scheduled(event: Record) -> bool:
    return text(event, "source") == "aws.events"


def is_cloudwatch_logs(event: Record) -> bool:
    return type(dig(event, "awslogs", "data")) is str


def is_cloudwatch_alarm(event: Record) -> bool:
    return text(event, "source") == "aws.cloudwatch" and type(event.get("alarmData")) is dict


def is_vpc_lattice(event: Record) -> bool:
    """Version 2 names the service in its context; version 1 has no context, and names its fields in another way than anybody else."""
    if dig(event, "requestContext", "serviceNetworkArn") is not None or dig(event, "requestContext", "serviceArn") is not None:
        return True
    return "requestContext" not in event and "raw_path" in event and "method" in event


def is_appsync(event: object) -> bool:
    """A resolver (`info.fieldName`), a channel's handler (`info.channel`), or an authorizer."""
    info = dig(event, "info")
    if type(info) is dict:
        return ("fieldName" in info and "parentTypeName" in info) or ("channel" in info and "operation" in info)
    return type(event) is dict and "authorizationToken" in event and dig(event, "requestContext", "apiId") is not None


def is_cognito(event: Record) -> bool:
    return type(event.get("triggerSource")) is str and "userPoolId" in event


def is_bedrock_agent(event: Record) -> bool:
    return type(event.get("agent")) is dict and "actionGroup" in event


def is_active_mq(event: Record) -> bool:
    return text(event, "eventSource") == "aws:amq"


def is_rabbit_mq(event: Record) -> bool:
    return text(event, "eventSource") == "aws:rmq"


def is_documentdb(event: Record) -> bool:
    return text(event, "eventSource") == "aws:docdb"


def is_iot(event: Record) -> bool:
    """What AWS IoT writes itself: registry events, clients that come and go, provisioning, authorizers."""
    if type(event.get("eventType")) is str:
        return ("eventId" in event and "operation" in event) or ("clientId" in event and "sessionIdentifier" in event)
    return ("certificateId" in event and "templateArn" in event) or type(dig(event, "protocolData", "mqtt")) is dict


SOURCES: tuple[tuple[str, Callable[[Record], bool]], ...] = (
    ("http_api", is_http_api),
    ("rest_api", is_rest_api),
    ("websocket", is_websocket),
    ("load_balancer", is_load_balancer),
    ("function_url", is_function_url),
    ("self_managed_kafka", is_self_managed_kafka),
    ("msk", is_msk),
    ("sqs", is_sqs),
    ("sns", has_record("Sns")),
    ("dynamodb", has_record("dynamodb")),
    ("s3", has_record("s3")),
    ("eventbridge", is_eventbridge),
    ("kinesis", has_record("kinesis")),
    ("step_functions", is_step_functions),
    ("scheduled", is_scheduled),
    ("cloudwatch_logs", is_cloudwatch_logs),
    ("cloudwatch_alarm", is_cloudwatch_alarm),
    ("cloudfront", has_record("cf")),
    ("ses", has_record("ses")),
    ("vpc_lattice", is_vpc_lattice),
    ("appsync", is_appsync),
    ("cognito", is_cognito),
    ("bedrock_agent", is_bedrock_agent),
    ("active_mq", is_active_mq),
    ("rabbit_mq", is_rabbit_mq),
    ("documentdb", is_documentdb),
    ("iot", is_iot),
)
