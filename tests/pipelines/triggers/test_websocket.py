"""API Gateway WebSocket API (specification, triggers 6.3)."""

HOST = "85fj5nw29d.execute-api.eu-west-1.amazonaws.com"


def test_the_span_is_the_message(span_of, own_meta):
    span = span_of("api_gateway_websocket_connect_event", region="us-east-1")
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.apigateway", HOST, "hello", "web")
    assert span["start"] == 1666633666203000064
    assert own_meta(span) == {
        "endpoint": "hello",
        "resource_names": "hello",
        "http.url": f"https://{HOST}hello",
        "request_id": "ahVmYGOMmjQFhyg=",
        "apiid": "85fj5nw29d",
        "stage": "dev",
        "connection_id": "ahVWscZqmjQCI1w=",
        "event_type": "MESSAGE",
        "message_direction": "IN",
    }
    assert "dd_resource_key" not in span["meta"]


def test_the_tags_name_the_route(inferred):
    assert inferred("api_gateway_websocket_connect_event", region="us-east-1").tags == {
        "http.url": f"https://{HOST}hello",
        "http.url_details.path": "hello",
        "function_trigger.event_source": "api-gateway",
        "function_trigger.event_source_arn": "arn:aws:apigateway:us-east-1::/apis/85fj5nw29d/stages/dev",
    }


def test_a_disconnection_is_of_another_stage(span_of, own_meta):
    meta = own_meta(span_of("api_gateway_websocket_disconnect_event"))
    assert (meta["stage"], meta["event_type"]) == ("production", "DISCONNECT")


def test_a_connection_has_headers(inferred, payload):
    event = payload("api_gateway_websocket_connect_event") | {"headers": {"X-Datadog-Trace-Id": "7", "Referer": "r"}}
    found = inferred(event)
    assert found.contexts == ({"x-datadog-trace-id": "7", "referer": "r"},)
    assert found.tags["http.referer"] == "r"


def test_an_authorizers_context_counts_for_its_own_request_alone(inferred, payload):
    event = payload("api_gateway_websocket_connect_event")
    assert inferred(event).contexts == ()
    event["requestContext"]["requestId"] = "ahVWsHVAmjQFq6g="
    (carrier,) = inferred(event).contexts
    assert (carrier["x-datadog-trace-id"], carrier["x-datadog-parent-id"]) == ("6545406747453684600", "6545406747453684600")
