import pytest

ARN = "arn:aws:rds:us-east-1:123456789012:cluster:shop-cluster"


def test_the_span_is_the_change(inferred, own_meta):
    found = inferred("documentdb_event")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"]) == ("aws.documentdb", "shop-cluster", "insert shop.orders")
    assert span["start"] == 1676588775000000000
    assert own_meta(span) == {
        "operation_name": "aws.documentdb",
        "operation_type": "insert",
        "db_name": "shop",
        "collection": "orders",
        "event_source_arn": ARN,
    }
    assert found.tags == {"function_trigger.event_source": "documentdb", "function_trigger.event_source_arn": ARN}


@pytest.mark.parametrize("events", [None, [], [7], [{"event": None}], [{"event": {"ns": None}}]])
def test_without_changes_the_cluster_is_still_known(inferred, events):
    found = inferred({"eventSource": "aws:docdb", "eventSourceArn": ARN, "events": events})
    assert (found.spans[0]["service"], found.spans[0]["resource"]) == ("shop-cluster", "aws.documentdb")
