"""API Gateway REST API (specification, triggers 6.2), and the calls that the reference loses (2.3)."""

import pytest

HOST = "id.execute-api.us-east-1.amazonaws.com"


def test_the_span_is_the_request(span_of, own_meta):
    span = span_of("api_gateway_rest_event", region="us-east-1")
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.apigateway", HOST, "GET /my/path", "web")
    assert span["start"] == 1583349317135000064
    assert own_meta(span) == {
        "endpoint": "/my/path",
        "http.url": f"https://{HOST}/my/path",
        "http.method": "GET",
        "http.protocol": "HTTP/1.1",
        "http.source_ip": "IP",
        "http.user_agent": "user-agent",
        "http.route": "/path",
        "request_id": "id=",
    }
    assert span["meta"]["dd_resource_key"] == "arn:aws:apigateway:us-east-1::/restapis/id"


def test_the_tags_are_the_requests(inferred):
    assert inferred("api_gateway_rest_event", region="us-east-1").tags == {
        "http.url": f"https://{HOST}/my/path",
        "http.url_details.path": "/my/path",
        "http.method": "GET",
        "http.route": "/path",
        "http.user_agent": "user-agent",
        "function_trigger.event_source": "api-gateway",
        "function_trigger.event_source_arn": "arn:aws:apigateway:us-east-1::/restapis/id/stages/$default",
    }


def test_a_path_with_parameters(inferred, own_meta):
    found = inferred("api_gateway_rest_event_parameterized", region="sa-east-1")
    url = "https://mcwkra0ya4.execute-api.sa-east-1.amazonaws.com/dev/user/42/id/50"
    (span,) = found.spans
    assert (span["resource"], span["start"]) == ("GET /dev/user/{user_id}/id/{id}", 1710529824520000000)
    assert own_meta(span) == {
        "endpoint": "/dev/user/42/id/50",
        "http.url": url,
        "http.method": "GET",
        "http.protocol": "HTTP/1.1",
        "http.source_ip": "76.115.124.192",
        "http.user_agent": "curl/8.1.2",
        "http.route": "/user/{id}",
        "request_id": "e16399f7-e984-463a-9931-745ba021a27f",
    }
    assert found.tags["http.url"] == url
    assert found.tags["http.url_details.path"] == "/dev/user/42/id/50"
    assert found.tags["http.route"] == "/user/{id}"
    assert found.tags["http.user_agent"] == "curl/8.1.2"


def test_the_proxy_event(inferred):
    found = inferred("api_gateway_proxy_event", region="us-east-2")
    assert found.spans[0]["start"] == 1428582896000000000
    assert found.tags["http.route"] == "/{proxy+}"
    assert found.tags["function_trigger.event_source_arn"] == "arn:aws:apigateway:us-east-2::/restapis/1234567890/stages/prod"


def test_partitions_are_in_the_arns(inferred):
    found = inferred("api_gateway_rest_event", region="us-gov-west-1")
    assert found.tags["function_trigger.event_source_arn"].startswith("arn:aws-us-gov:apigateway:us-gov-west-1::")
    assert found.spans[0]["meta"]["dd_resource_key"].startswith("arn:aws-us-gov:")


@pytest.mark.parametrize("missing", ["headers", "multiValueHeaders", "body", "pathParameters"])
@pytest.mark.parametrize("value", [None, 7, [], "text"])
def test_a_call_from_the_console_is_a_call(inferred, payload, missing, value):
    found = inferred(payload("api_gateway_rest_event") | {missing: value})
    assert (found.source, found.spans[0]["resource"]) == ("rest_api", "GET /my/path")


def test_a_call_without_a_user_agent_only_lacks_that_tag(inferred, payload):
    event = payload("api_gateway_rest_event")
    event["requestContext"]["identity"]["userAgent"] = None
    found = inferred(event)
    assert "http.user_agent" not in found.tags
    assert found.tags["http.route"] == "/path"


def test_a_context_that_says_little_is_helped_out_by_the_event(inferred, payload):
    event = payload("api_gateway_rest_event") | {"requestContext": {"stage": "dev"}}
    found = inferred(event)
    assert found.spans[0]["resource"] == "GET /my/path"
    assert (found.tags["http.method"], found.tags["http.route"]) == ("GET", "/my/path")
    assert found.spans[0]["service"] == "aws.apigateway"


def test_headers_that_come_as_lists_only_are_read(inferred, payload):
    event = payload("api_gateway_proxy_event")
    event |= {"headers": None, "multiValueHeaders": {"X-Datadog-Trace-Id": ["12345"], "X-Datadog-Parent-Id": ["67890"]}}
    assert inferred(event).contexts == ({"x-datadog-trace-id": "12345", "x-datadog-parent-id": "67890"},)
