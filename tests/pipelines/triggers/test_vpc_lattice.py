import pytest

HOST = "orders-0123.7d67968.vpc-lattice-svcs.us-east-2.on.aws"
SERVICE = "arn:aws:vpc-lattice:us-east-2:123456789012:service/svc-0a40eebed65f8d69c"


def test_the_span_is_the_request(inferred, own_meta):
    found = inferred("vpc_lattice_event")
    (span,) = found.spans
    assert (span["name"], span["service"], span["resource"], span["type"]) == ("aws.vpc_lattice", HOST, "GET /orders/{order_id}", "http")
    assert abs(span["start"] - 1696331543569073000) <= 128
    assert own_meta(span) == {
        "operation_name": "aws.vpc_lattice",
        "endpoint": "/orders/42",
        "http.url": f"https://{HOST}/orders/42",
        "http.method": "GET",
        "http.user_agent": "curl/7.64.1",
        "http.source_ip": "10.213.229.10",
        "service_network_arn": "arn:aws:vpc-lattice:us-east-2:123456789012:servicenetwork/sn-0bf3f2882e9cc805a",
        "target_group_arn": "arn:aws:vpc-lattice:us-east-2:123456789012:targetgroup/tg-6d0ecf831eec9f09",
        "source_vpc_arn": "arn:aws:ec2:us-east-2:123456789012:vpc/vpc-0b8276c84697e7339",
    }
    assert found.tags == {
        "http.url": f"https://{HOST}/orders/42",
        "http.url_details.path": "/orders/42",
        "http.method": "GET",
        "http.user_agent": "curl/7.64.1",
        "function_trigger.event_source": "vpc-lattice",
        "function_trigger.event_source_arn": SERVICE,
    }
    assert found.contexts[0]["x-datadog-trace-id"] == "1001"
    assert not found.is_async


def test_the_first_version_has_neither_context_nor_time(inferred):
    found = inferred("vpc_lattice_v1_event")
    (span,) = found.spans
    assert (span["service"], span["resource"], span["start"]) == (HOST, "GET /orders/{order_id}", 0)
    assert found.tags["function_trigger.event_source_arn"] == ""


@pytest.mark.parametrize(("key", "expected"), [("svc-0a40eebed65f8d69c", "one"), ("lambda_vpc_lattice", "all")])
def test_the_mapping_knows_the_service_by_its_id(span_of, key, expected):
    assert span_of("vpc_lattice_event", service_mapping={key: expected})["service"] == expected
