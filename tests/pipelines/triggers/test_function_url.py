"""Lambda function URL (specification, triggers 6.5)."""

import pytest

HOST = "a8hyhsshac.lambda-url.eu-south-1.amazonaws.com"
AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/95.0.4638.69 Safari/537.36"


def test_the_span_is_the_request(span_of, own_meta):
    span = span_of("lambda_function_url_event")
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.lambda.url", HOST, "GET /", "http")
    assert span["start"] == 1637169449720999936
    assert own_meta(span) == {
        "endpoint": "/",
        "http.url": f"https://{HOST}/",
        "http.method": "GET",
        "http.protocol": "HTTP/1.1",
        "http.source_ip": "71.195.30.42",
        "http.user_agent": AGENT,
        "operation_name": "aws.lambda.url",
        "request_id": "ec4d58f8-2b8b-4ceb-a1d5-2be7bff58505",
    }


def test_the_tags_are_the_requests_without_a_route(inferred):
    assert inferred("lambda_function_url_event", region="sa-east-1", function_name="mock-lambda").tags == {
        "http.url": f"https://{HOST}/",
        "http.url_details.path": "/",
        "http.method": "GET",
        "http.user_agent": AGENT,
        "function_trigger.event_source": "lambda-function-url",
        "function_trigger.event_source_arn": "arn:aws:lambda:sa-east-1:601427279990:url:mock-lambda",
    }


@pytest.mark.parametrize(
    ("account", "own", "region", "expected"),
    [
        ("anonymous", "123456789012", "us-east-1", "arn:aws:lambda:us-east-1:123456789012:url:f"),
        ("anonymous", "", "us-east-1", "arn:aws:lambda:us-east-1:anonymous:url:f"),
        (None, "123456789012", "us-east-1", "arn:aws:lambda:us-east-1:123456789012:url:f"),
        ("1", "2", "cn-north-1", "arn:aws-cn:lambda:cn-north-1:1:url:f"),
    ],
)
def test_an_anonymous_callers_url_is_of_the_functions_account(inferred, payload, account, own, region, expected):
    event = payload("lambda_function_url_event")
    event["requestContext"]["accountId"] = account
    tags = inferred(event, region=region, account_id=own, function_name="f").tags
    assert tags["function_trigger.event_source_arn"] == expected


def test_paths_stay_as_they_are(span_of, payload):
    event = payload("lambda_function_url_event")
    event["requestContext"]["http"]["path"] = "/users/42"
    assert span_of(event)["resource"] == "GET /users/42"
