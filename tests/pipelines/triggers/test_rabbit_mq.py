import pytest

ARN = "arn:aws:mq:us-west-2:123456789012:broker:shop:b-2222"


def test_the_span_is_the_message(inferred, own_meta):
    found = inferred("rabbit_mq_event")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"], span["start"]) == ("aws.mq", "orders", "orders", 0)
    assert own_meta(span) == {
        "operation_name": "aws.mq",
        "queue": "orders",
        "virtual_host": "/",
        "redelivered": "false",
        "event_source_arn": ARN,
    }
    assert found.tags == {"function_trigger.event_source": "amazon-mq", "function_trigger.event_source_arn": ARN}
    assert found.contexts == ({"x-datadog-trace-id": "1001", "x-datadog-parent-id": "2002", "x-datadog-sampling-priority": "1"},)


def test_headers_may_be_texts(inferred, payload):
    event = payload("rabbit_mq_event")
    event["rmqMessagesByQueue"]["orders::/"][0]["basicProperties"]["headers"] = {"Traceparent": "a", "n": 7}
    assert inferred(event).contexts == ({"traceparent": "a"},)


@pytest.mark.parametrize("queues", [None, [], {}, {"orders::/": None}, {"orders::/": [7]}, {"orders": [{}]}])
def test_without_messages_the_broker_is_still_known(inferred, queues):
    found = inferred({"eventSource": "aws:rmq", "eventSourceArn": ARN, "rmqMessagesByQueue": queues})
    assert found.source == "rabbit_mq"
    assert found.tags["function_trigger.event_source_arn"] == ARN


def test_messages_of_all_queues_are_one_batch(inferred):
    def message(trace_id):
        return {"basicProperties": {"headers": {"x-datadog-trace-id": trace_id}}}

    found = inferred({"eventSource": "aws:rmq", "rmqMessagesByQueue": {"a::/": [message("1")], "b::/": [message("2")]}})
    assert (found.contexts, found.links) == (({"x-datadog-trace-id": "1"},), ({"x-datadog-trace-id": "2"},))
