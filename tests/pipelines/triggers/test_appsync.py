import pytest

HOST = "abc123.appsync-api.us-east-1.amazonaws.com"


@pytest.mark.parametrize("name", ["appsync_resolver_event", "appsync_batch_event"])
def test_the_span_is_the_field(inferred, own_meta, name):
    found = inferred(name)
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"], span["start"]) == ("aws.appsync", HOST, "Query.getOrder", 0)
    assert own_meta(span) == {"operation_name": "aws.appsync", "graphql.field": "getOrder", "graphql.type": "Query"}
    assert found.tags == {"function_trigger.event_source": "appsync", "function_trigger.event_source_arn": ""}
    assert [each["x-datadog-trace-id"] for each in found.contexts] == ["1001"]
    assert found.links == ()
    assert not found.is_async


def test_a_channel_is_named_with_what_is_done_on_it(span_of, own_meta):
    span = span_of("appsync_channel_event")
    assert (span["service"], span["resource"]) == ("events.example.com", "PUBLISH /default/orders")
    assert own_meta(span) == {"operation_name": "aws.appsync", "channel": "/default/orders", "channel_operation": "PUBLISH"}


def test_an_authorizer_is_told_its_api(inferred, own_meta):
    found = inferred("appsync_authorizer_event")
    (span,) = found.spans
    assert (span["service"], span["resource"]) == ("appsync", "Authorizer getOrder")
    assert own_meta(span) == {"operation_name": "aws.appsync", "apiid": "giy7kumfmvcqvbedntjwjvagii", "request_id": "b80ed838"}
    assert found.tags["function_trigger.event_source_arn"] == "arn:aws:appsync:us-east-1:123456789012:apis/giy7kumfmvcqvbedntjwjvagii"
    assert "a token" not in str(found)
