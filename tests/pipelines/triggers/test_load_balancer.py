"""Application Load Balancer (specification, triggers 6.4)."""

import pytest

GROUP = "arn:aws:elasticloadbalancing:us-east-1:1234567890:targetgroup/nhulston-alb-test/dcabb42f66a496e0"
HOST = "nhulston-test-0987654321.us-east-1.elb.amazonaws.com"


@pytest.mark.parametrize("name", ["application_load_balancer", "application_load_balancer_multivalue_headers"])
def test_headers_come_in_two_forms(inferred, name):
    found = inferred(name)
    assert found.spans == ()
    assert dict(found.tags) == {
        "http.url": f"http://{HOST}/",
        "http.method": "GET",
        "http.route": "/",
        "http.useragent": "node",
        "function_trigger.event_source": "application-load-balancer",
        "function_trigger.event_source_arn": GROUP,
    }
    (carrier,) = found.contexts
    assert len(carrier) == 17
    assert carrier["x-datadog-trace-id"] == "0987654321"
    assert carrier["x-datadog-tags"] == "_dd.p.tid=68126c4300000000,_dd.p.dm=-0"


def test_without_a_host_there_is_no_url(inferred, payload):
    event = payload("application_load_balancer") | {"headers": None}
    assert "http.url" not in inferred(event).tags
