import pytest

TEMPLATE = "arn:aws:iot:us-east-1:123456789012:provisioningtemplate/lamps"


@pytest.mark.parametrize(
    ("name", "resource", "start", "is_async", "arn", "meta"),
    [
        (
            "iot_registry_event",
            "THING_EVENT CREATED",
            1234567890123000064,
            True,
            "arn:aws:iot:us-east-1:123456789012:thing/lamp-7",
            {"event_type": "THING_EVENT", "event_id": "f5ae9b94-8b8e-4d8e-8c8f-b3266dd89853", "operation": "CREATED"},
        ),
        ("iot_presence_event", "connected", 1573002230756999936, True, "", {"event_type": "connected"}),
        ("iot_provisioning_event", "provisioning", 0, False, TEMPLATE, {}),
        ("iot_authorizer_event", "authorizer", 0, False, "", {}),
    ],
)
def test_what_iot_itself_writes_is_known(inferred, own_meta, name, resource, start, is_async, arn, meta):
    found = inferred(name)
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"], span["start"]) == ("aws.iot", "iot", resource, start)
    assert own_meta(span) == {"operation_name": "aws.iot", "thing_name": "lamp-7"} | meta
    assert found.is_async is is_async
    assert found.tags == {"function_trigger.event_source": "iot", "function_trigger.event_source_arn": arn}


def test_one_thing_may_have_a_service_of_its_own(span_of):
    assert span_of("iot_registry_event", service_mapping={"lamp-7": "hall"})["service"] == "hall"
