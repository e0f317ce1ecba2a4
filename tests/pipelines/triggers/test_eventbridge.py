"""EventBridge (specification, triggers 6.11)."""

import json

import pytest


def test_the_span_is_the_sample(span_of, payload, own_meta):
    span = span_of("eventbridge_event")
    assert span | {"span_id": 0, "meta": own_meta(span)} == payload("eventbridge_span") | {"error": 0}


def test_without_the_name_of_a_bus_it_is_the_source(span_of):
    span = span_of("eventbridge_no_resource_name_event")
    assert (span["resource"], span["service"], span["start"]) == ("my.event", "my.event", 1731183820135000064)


def test_without_the_time_of_sending_it_is_the_events(span_of):
    span = span_of("eventbridge_no_timestamp_event")
    assert (span["resource"], span["start"]) == ("testBus", 1731140535000000000)


def test_the_carrier_is_whole(inferred):
    found = inferred("eventbridge_event")
    assert found.tags == {"function_trigger.event_source": "eventbridge", "function_trigger.event_source_arn": "my.event"}
    assert found.contexts == (
        {
            "x-datadog-trace-id": "5827606813695714842",
            "x-datadog-parent-id": "4726693487091824375",
            "x-datadog-sampled": "1",
            "x-datadog-sampling-priority": "1",
            "x-datadog-resource-name": "testBus",
            "x-datadog-start-time": "1731183820135",
        },
    )


def test_numbers_in_the_carrier_are_taken(inferred, payload):
    event = payload("eventbridge_event")
    event["detail"]["_datadog"] |= {"x-datadog-start-time": 1731183820135, "x-datadog-sampling-priority": 1, "odd": None}
    found = inferred(event)
    assert found.contexts[0]["x-datadog-sampling-priority"] == "1"
    assert found.spans[0]["start"] == 1731183820135000064


def test_a_carrier_may_be_a_text(inferred, payload):
    event = payload("eventbridge_event")
    event["detail"]["_datadog"] = json.dumps(event["detail"]["_datadog"])
    assert inferred(event).spans[0]["resource"] == "testBus"


@pytest.mark.parametrize("detail", [None, "text", [], {}, {"_datadog": None}, {"_datadog": []}])
def test_a_detail_without_a_carrier_costs_nothing_else(inferred, payload, detail):
    found = inferred(payload("eventbridge_event") | {"detail": detail})
    assert (found.spans[0]["resource"], found.contexts) == ("my.event", ())


def test_the_name_of_a_bus_is_a_text_that_can_be_sent(span_of, payload):
    event = payload("eventbridge_event")
    event["detail"]["_datadog"]["x-datadog-resource-name"] = "bus\ud800" + "x" * 10_000
    span = span_of(event)
    assert span["resource"] == span["service"]
    assert span["resource"].startswith("bus?x")
    assert len(span["resource"]) == 5_000
