"""Validation of a telemetry subscription."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.subscription import InvalidSubscription, parse_subscription

GOOD = {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function", "extension"],
    "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox:8999/"},
}


def parse(change=None, *, managed=False):
    return parse_subscription("agent", json.dumps({**GOOD, **(change or {})}).encode(), managed=managed)


def test_the_subscription_of_the_extension_is_accepted_as_it_is():
    found = parse()
    assert (found.port, found.target, found.host, found.method) == (8999, "/", "sandbox", "POST")
    assert (found.max_items, found.max_bytes, found.timeout_ms) == (1000, 262144, 25)
    assert found.wants("platform.start")
    assert found.wants("function")


def test_missing_buffering_means_the_defaults():
    found = parse({"buffering": {}})
    assert (found.max_items, found.max_bytes, found.timeout_ms) == (10_000, 262_144, 1_000)


@pytest.mark.parametrize(
    "change",
    [
        {"schemaVersion": "2021-01-01"},
        {"schemaVersion": None},
        {"types": []},
        {"types": ["platform", "other"]},
        {"types": "platform"},
        {"buffering": []},
        {"buffering": {"maxItems": 999}},
        {"buffering": {"maxItems": 10_001}},
        {"buffering": {"maxBytes": 262_143}},
        {"buffering": {"maxBytes": 1_048_577}},
        {"buffering": {"timeoutMs": 24}},
        {"buffering": {"timeoutMs": 30_001}},
        {"buffering": {"timeoutMs": 25.0}},
        {"buffering": {"timeoutMs": True}},
        {"destination": None},
        {"destination": {"protocol": "UDP", "port": 1}},
        {"destination": {"protocol": "HTTP"}},
        {"destination": {"protocol": "HTTP", "URI": "http://127.0.0.1:8999/"}},
        {"destination": {"protocol": "HTTP", "URI": "https://sandbox:8999/"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox:port/"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox:8999/", "method": "GET"}},
        {"destination": {"protocol": "HTTP", "URI": "http://sandbox:8999/", "encoding": "XML"}},
        {"destination": {"protocol": "TCP", "port": 0}},
        {"destination": {"protocol": "TCP", "port": 65_536}},
    ],
)
def test_a_wrong_field_is_refused(change):
    with pytest.raises(InvalidSubscription):
        parse(change)


@pytest.mark.parametrize(
    ("field", "edges"), [("maxItems", (1000, 10_000)), ("maxBytes", (262_144, 1_048_576)), ("timeoutMs", (25, 30_000))]
)
def test_both_edges_of_a_range_are_accepted(field, edges):
    for edge in edges:
        parse({"buffering": {field: edge}})


@pytest.mark.parametrize(("schema", "accepted"), [("2022-07-01", False), ("2022-12-13", False), ("2025-01-29", True)])
def test_managed_instances_accept_the_newest_schema_alone(schema, accepted):
    parse({"schemaVersion": schema})
    if accepted:
        assert parse({"schemaVersion": schema}, managed=True).schema == schema
    else:
        with pytest.raises(InvalidSubscription):
            parse({"schemaVersion": schema}, managed=True)


def test_log_types_and_platform_types_are_wanted_apart():
    found = parse({"types": ["platform"]})
    assert [found.wants(kind) for kind in ("platform.report", "function", "extension")] == [True, False, False]


def test_a_tcp_destination_has_a_port():
    found = parse({"destination": {"protocol": "TCP", "port": 4000}})
    assert (found.protocol, found.port) == ("TCP", 4000)


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda x: (
            st.lists(x) | st.dictionaries(st.sampled_from(["schemaVersion", "types", "buffering", "destination", "URI", "protocol"]), x)
        ),
        max_leaves=8,
    ).map(lambda v: json.dumps(v).encode())
)
def test_no_body_raises_anything_else(body):
    with pytest.raises(InvalidSubscription):
        parse_subscription("agent", body, managed=False)
