"""API Gateway HTTP API (specification, triggers 6.1)."""

import pytest

HOST = "x02yirxc7a.execute-api.sa-east-1.amazonaws.com"
META = {
    "endpoint": "/httpapi/get",
    "http.url": f"https://{HOST}/httpapi/get",
    "http.method": "GET",
    "http.protocol": "HTTP/1.1",
    "http.source_ip": "38.122.226.210",
    "http.user_agent": "curl/7.64.1",
    "request_id": "FaHnXjKCGjQEJ7A=",
}
TAGS = {
    "http.url": f"https://{HOST}/httpapi/get",
    "http.url_details.path": "/httpapi/get",
    "http.method": "GET",
    "http.route": "/httpapi/get",
    "http.user_agent": "curl/7.64.1",
    "function_trigger.event_source": "api-gateway",
    "function_trigger.event_source_arn": "arn:aws:apigateway:sa-east-1::/restapis/x02yirxc7a/stages/$default",
}


def test_the_span_is_the_request(span_of, own_meta):
    span = span_of("api_gateway_http_event", region="sa-east-1")
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.httpapi", HOST, "GET /httpapi/get", "web")
    assert span["start"] == 1631212283737999872
    assert own_meta(span) == META
    assert span["meta"]["dd_resource_key"] == "arn:aws:apigateway:sa-east-1::/apis/x02yirxc7a"


def test_the_tags_are_the_requests(inferred):
    assert inferred("api_gateway_http_event", region="sa-east-1").tags == TAGS


def test_the_headers_are_the_carrier(inferred):
    (carrier,) = inferred("api_gateway_http_event").contexts
    assert len(carrier) == 11
    assert carrier["user-agent"] == "curl/7.64.1"
    assert carrier["x-datadog-trace-id"] == "12345"


def test_a_path_with_a_parameter(inferred, own_meta):
    found = inferred("api_gateway_http_event_parameterized", region="sa-east-1")
    url = "https://9vj54we5ih.execute-api.sa-east-1.amazonaws.com/user/42"
    (span,) = found.spans
    assert (span["resource"], span["start"]) == ("GET /user/{user_id}", 1710529905065999872)
    assert own_meta(span) == {
        "endpoint": "/user/42",
        "http.url": url,
        "http.method": "GET",
        "http.protocol": "HTTP/1.1",
        "http.source_ip": "76.115.124.192",
        "http.user_agent": "curl/8.1.2",
        "request_id": "Ur2JtjEfGjQEPOg=",
    }
    tags = {key: value for key, value in found.tags.items() if key != "function_trigger.event_source_arn"}
    assert tags == {
        "http.url": url,
        "http.url_details.path": "/user/42",
        "http.method": "GET",
        "http.route": "/user/{id}",
        "http.user_agent": "curl/8.1.2",
        "function_trigger.event_source": "api-gateway",
    }


@pytest.mark.parametrize(
    ("key", "route"), [("GET /a/{b}", "/a/{b}"), ("$default", "$default"), ("", None), (None, None), (7, "7"), ("  ", None)]
)
def test_the_route_is_the_last_word_of_its_key(inferred, payload, key, route):
    assert inferred(payload("api_gateway_http_event") | {"routeKey": key}).tags.get("http.route") == route


@pytest.mark.parametrize(("value", "is_async"), [("Event", True), ("RequestResponse", False)])
def test_a_caller_that_does_not_wait_makes_it_asynchronous(inferred, payload, value, is_async):
    event = payload("api_gateway_http_event")
    event["headers"]["X-Amz-Invocation-Type"] = value
    found = inferred(event)
    assert found.is_async is is_async
    assert found.spans[0]["meta"]["_inferred_span.synchronicity"] == ("async" if is_async else "sync")


def test_an_api_without_an_id_has_no_resource_key(span_of, payload):
    event = payload("api_gateway_http_event")
    event["requestContext"]["apiId"] = None
    assert "dd_resource_key" not in span_of(event)["meta"]


def test_a_referer_is_told(inferred, payload):
    event = payload("api_gateway_http_event")
    event["headers"]["Referer"] = "https://example.com"
    assert inferred(event).tags["http.referer"] == "https://example.com"


def test_a_body_that_is_an_object_is_no_matter(inferred, payload):
    assert inferred(payload("api_gateway_http_event") | {"body": {"a": 1}, "cookies": "no list"}).source == "http_api"


def test_an_authorizer_comes_after_the_headers(inferred, payload):
    event = payload("api_gateway_http_event")
    packed = "eyJ4LWRhdGFkb2ctdHJhY2UtaWQiOiI3In0="
    event["requestContext"]["authorizer"] = {"integrationLatency": 5, "lambda": {"_datadog": packed}}
    assert [each["x-datadog-trace-id"] for each in inferred(event).contexts] == ["12345", "7"]
