"""Amazon MSK (specification, triggers 6.6)."""

ARN = "arn:aws:kafka:us-east-1:123456789012:cluster/demo-cluster/751d2973-a626-431c-9d4e-d7975eb44dd7-2"


def test_the_span_is_the_first_record(span_of, own_meta):
    span = span_of("msk_event")
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.msk", "demo-cluster", "topic1", "web")
    assert span["start"] == 1745846213022000128
    assert own_meta(span) == {
        "operation_name": "aws.msk",
        "topic": "topic1",
        "partition": "0",
        "event_source": "aws:kafka",
        "event_source_arn": ARN,
    }


def test_the_tags_name_the_cluster(inferred):
    assert inferred("msk_event").tags == {"function_trigger.event_source": "msk", "function_trigger.event_source_arn": ARN}


def test_the_first_record_with_a_context_is_taken(inferred, payload):
    event = payload("msk_event")
    event["records"]["topic1"][1] |= {"timestamp": 2000.0, "headers": [{"X-Datadog-Trace-Id": [49, 50, 51]}]}
    found = inferred(event)
    assert found.contexts == ({"x-datadog-trace-id": "123"},)
    assert found.spans[0]["start"] == 2_000_000_000


def test_headers_as_objects_are_all_read(inferred):
    (carrier,) = inferred("msk_event_with_headers").contexts
    assert len(carrier) == 6
    assert carrier["x-datadog-trace-id"] == "1497116011738644768"
    assert carrier["x-datadog-tags"] == "_dd.p.dm=-1,_dd.p.tid=699c836500000000"
    assert {"someid", "anotherid"} < set(carrier)


def test_records_as_objects_without_a_context(inferred):
    record = {"topic": "demo-topic", "partition": 0, "timestamp": 1000.0, "headers": {}}
    found = inferred({"eventSource": "aws:kafka", "eventSourceArn": ARN, "records": {"demo-topic-0": {"0": record, "1": record}}})
    assert (found.source, found.contexts, found.spans[0]["resource"]) == ("msk", (), "demo-topic")


def test_other_records_are_links(inferred, payload):
    event = payload("msk_event")
    for number, record in enumerate(event["records"]["topic1"]):
        record["headers"] = [{"x-datadog-trace-id": [49 + number]}]
    assert inferred(event).links == ({"x-datadog-trace-id": "2"},)
