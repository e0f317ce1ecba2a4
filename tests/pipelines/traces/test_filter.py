"""Which spans are the sandbox's own business (specification, traces 7.2)."""

import pytest

from pipelines.traces.filter import OwnTraffic


def reason(name="op", resource="res", runtime_api="", **meta):
    meta = {key.replace("_", "."): value for key, value in meta.items()}
    return OwnTraffic(runtime_api).reason({"name": name, "resource": resource, "meta": meta})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next", "http://127.0.0.1:8124/lambda/flush", "http://127.0.0.1:8125",
        "http://127.0.0.1:8126/v0.4/traces", "http://localhost:8126?x=1", "http://127.0.0.1:4317#x", "HTTP://LOCALHOST:4318/v1/traces",
        "http://user:pw@127.0.0.1:8124/",
    ],
)  # fmt: skip
def test_calls_to_the_platform_and_to_the_extension_are_removed(url):
    assert reason(http_url=url) == "own_traffic"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:81250/", "http://127.0.0.1:812", "http://127.0.0.1:9001.example.com/", "http://10.127.0.0.1:8124/",
        "https://127.0.0.1:8124/",
        "http://127.0.0.1/", "http://example.com/http://127.0.0.1:8124/", "127.0.0.1:8124", "", "http://",
        "http://127.0.0.1:8124@example.com/",
    ],
)  # fmt: skip
def test_host_and_port_are_compared_as_a_whole(url):
    assert reason(http_url=url) == ""


def test_the_runtime_api_is_where_the_platform_says():
    assert reason(http_url="http://169.254.100.1:9001/x", runtime_api="169.254.100.1:9001") == "own_traffic"
    assert reason(http_url="http://169.254.100.1:9001/x") == ""


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [("127.0.0.1", "9001", "own_traffic"), ("127.0.0.1", "8125", "own_traffic"), ("localhost", "8126", "own_traffic"), ("127.0.0.1",
    "81250", ""),
     ("127.0.0.1", "3306", ""), ("127.0.0.1", None, "")],
)  # fmt: skip
def test_connections_are_removed_alike(host, port, expected):
    assert reason(tcp_remote_host=host, **({} if port is None else {"tcp_remote_port": port})) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [("0.0.0.0", "own_traffic"), ("127.0.0.1", "own_traffic"), ("169.254.79.129", "own_traffic"), ("127.0.0.1:53", "own_traffic"),
     ("127.0.0.10", ""), ("8.8.8.8", "")],
)  # fmt: skip
def test_look_ups_of_the_sandboxs_own_addresses_are_removed(address, expected):
    assert reason(dns_address=address) == expected


@pytest.mark.parametrize(
    ("name", "resource", "expected"),
    [("dns.lookup", "example.com", "own_traffic"), ("op", "127.0.0.1", "own_traffic"), ("op", "0.0.0.0", "own_traffic"),
     ("op", "dd-tracer-serverless-span", "placeholder"), ("dns", "127.0.0.1:80", ""), ("op", "res", "")],
)  # fmt: skip
def test_some_names_and_resources_are_removed(name, resource, expected):
    assert reason(name, resource) == expected


def test_otlp_ports_may_be_elsewhere():
    span = {"name": "op", "resource": "res", "meta": {"http.url": "http://localhost:5555/v1/traces"}}
    assert OwnTraffic("", (5555,)).reason(span) == "own_traffic"
    assert OwnTraffic("").reason(span) == ""
