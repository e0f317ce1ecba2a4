import pytest


def test_the_tags_are_the_requests_and_there_is_no_span(inferred):
    found = inferred("cloudfront_event", account_id="123456789012")
    assert found.spans == ()
    assert not found.is_async
    assert found.tags == {
        "http.url": "https://d111111abcdef8.cloudfront.net/orders/7",
        "http.url_details.path": "/orders/7",
        "http.method": "GET",
        "http.user_agent": "curl/7.66.0",
        "function_trigger.event_source": "cloudfront",
        "function_trigger.event_source_arn": "arn:aws:cloudfront::123456789012:distribution/EDFDVBD6EXAMPLE",
    }
    (carrier,) = found.contexts
    assert (carrier["x-datadog-trace-id"], carrier["x-datadog-parent-id"]) == ("1001", "2002")


@pytest.mark.parametrize("headers", [None, [], {"host": None}, {"host": []}, {"host": [7]}, {"host": [{"value": 7}]}, {"host": {}}])
def test_without_a_host_the_url_is_the_distributions(inferred, payload, headers):
    event = payload("cloudfront_event")
    event["Records"][0]["cf"]["request"]["headers"] = headers
    assert inferred(event).tags["http.url"] == "https://d111111abcdef8.cloudfront.net/orders/7"


def test_a_record_that_says_nothing_is_still_of_cloudfront(inferred):
    tags = inferred({"Records": [{"cf": None}]}).tags
    assert tags == {"function_trigger.event_source": "cloudfront", "function_trigger.event_source_arn": ""}
