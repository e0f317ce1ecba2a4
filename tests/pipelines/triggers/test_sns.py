"""SNS (specification, triggers 6.8)."""

import pytest

ARN = "arn:aws:sns:sa-east-1:425362996713:serverlessTracingTopicPy"


def test_the_span_is_the_message(span_of, own_meta):
    span = span_of("sns_event")
    assert (span["name"], span["service"], span["resource"]) == ("aws.sns", "serverlessTracingTopicPy", "serverlessTracingTopicPy")
    assert (span["type"], span["start"]) == ("web", 1643638421637000000)
    assert own_meta(span) == {
        "operation_name": "aws.sns",
        "topicname": "serverlessTracingTopicPy",
        "topic_arn": ARN,
        "message_id": "87056a47-f506-5d77-908b-303605d3b197",
        "type": "Notification",
        "event_subscription_arn": f"{ARN}:224b60ba-befc-4830-ad96-f1f0ac94eb04",
    }


def test_the_tags_name_the_topic(inferred):
    assert inferred("sns_event").tags == {"function_trigger.event_source": "sns", "function_trigger.event_source_arn": ARN}


def test_an_empty_subject_is_a_subject(span_of):
    assert span_of("eventbridge_sns_event")["meta"]["subject"] == ""


def test_the_carrier_of_a_wrapped_event_is_whole(inferred):
    assert inferred("eventbridge_sns_event").contexts == (
        {
            "x-datadog-trace-id": "12345",
            "x-datadog-parent-id": "67890",
            "x-datadog-sampling-priority": "1",
            "x-datadog-start-time": "1726515840997",
            "x-datadog-resource-name": "test-bus",
            "x-datadog-tags": "_dd.p.dm=-1,_dd.p.tid=123567890",
        },
    )


@pytest.mark.parametrize(
    ("attribute", "is_read"),
    [
        ({"Type": "String", "Value": '{"traceparent": "a"}'}, True),
        ({"Type": "Binary", "Value": "eyJ0cmFjZXBhcmVudCI6ICJhIn0="}, True),
        ({"Type": "String", "Value": "{"}, False),
        ({"Type": "Binary", "Value": "{"}, False),
        ({"Type": "String.Array", "Value": '{"traceparent": "a"}'}, False),
        ({"Type": "String", "Value": None}, False),
        (None, False),
    ],
)
def test_the_attribute_says_how_it_is_written(inferred, payload, attribute, is_read):
    event = payload("sns_event")
    event["Records"] = event["Records"][:1]
    event["Records"][0]["Sns"]["MessageAttributes"] = {"_datadog": attribute}
    assert inferred(event).contexts == (({"traceparent": "a"},) if is_read else ())


@pytest.mark.parametrize("value", [None, 7, "text", {}])
def test_a_record_that_says_nothing_is_still_of_sns(inferred, value):
    found = inferred({"Records": [{"Sns": value}]})
    assert (found.source, found.spans[0]["service"]) == ("sns", "sns")
