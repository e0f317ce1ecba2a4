import pytest

ARN = "arn:aws:mq:us-west-2:123456789012:broker:shop:b-1111"


def test_the_span_is_the_message(inferred, own_meta):
    found = inferred("active_mq_event")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"], span["start"]) == ("aws.mq", "orders", "orders", 1745846213022000128)
    assert own_meta(span) == {
        "operation_name": "aws.mq",
        "queue": "orders",
        "message_id": "ID:b-1-37557-1:4:1:1:1",
        "message_type": "jms/text-message",
        "redelivered": "false",
        "event_source_arn": ARN,
    }
    assert found.tags == {"function_trigger.event_source": "amazon-mq", "function_trigger.event_source_arn": ARN}


def test_properties_are_the_carrier_in_the_spelling_of_jms(inferred):
    (carrier,) = inferred("active_mq_event").contexts
    assert carrier == {"x-datadog-trace-id": "1001", "x-datadog-parent-id": "2002", "x-datadog-sampling-priority": "1", "index": "1"}


def test_the_brokers_time_will_do(span_of, payload):
    event = payload("active_mq_event")
    event["messages"][0]["timestamp"] = None
    assert span_of(event)["start"] == 1745846213023000064


@pytest.mark.parametrize("messages", [None, [], [7], {}, [{}]])
def test_without_messages_the_broker_is_still_known(inferred, messages):
    found = inferred({"eventSource": "aws:amq", "eventSourceArn": ARN, "messages": messages})
    assert (found.spans[0]["service"], found.tags["function_trigger.event_source_arn"]) == ("mq", ARN)
