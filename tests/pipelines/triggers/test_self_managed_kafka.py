def test_the_topic_stands_for_a_cluster_without_an_arn(inferred, own_meta):
    found = inferred("self_managed_kafka_event")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"]) == ("aws.kafka", "orders", "orders")
    assert span["start"] == 1745846213022000128
    assert own_meta(span) == {
        "operation_name": "aws.kafka",
        "topic": "orders",
        "partition": "0",
        "event_source": "aws:SelfManagedKafka",
        "bootstrap_servers": "b-2.shop.example.com:9092,b-1.shop.example.com:9092",
    }
    assert found.tags == {"function_trigger.event_source": "kafka", "function_trigger.event_source_arn": ""}
    assert found.contexts == ({"x-datadog-trace-id": "1001", "x-datadog-parent-id": "2002", "x-datadog-sampling-priority": "1"},)
    assert found.is_async
