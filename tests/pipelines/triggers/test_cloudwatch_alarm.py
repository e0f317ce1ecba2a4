ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:too_slow"


def test_the_span_is_the_alarm(inferred, own_meta):
    found = inferred("cloudwatch_alarm_event")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"]) == ("aws.cloudwatch.alarm", "too_slow", "too_slow")
    assert span["start"] == 1708170788431000000
    assert own_meta(span) == {
        "operation_name": "aws.cloudwatch.alarm",
        "alarm_name": "too_slow",
        "alarm_state": "ALARM",
        "alarm_previous_state": "OK",
        "aws_region": "eu-west-1",
    }
    assert found.tags == {"function_trigger.event_source": "cloudwatch-alarm", "function_trigger.event_source_arn": ARN}
    assert found.is_async


def test_an_alarm_without_a_name_has_that_of_its_arn(span_of):
    assert span_of({"source": "aws.cloudwatch", "alarmArn": ARN, "alarmData": {}})["resource"] == "too_slow"
