"""Which spans are counted, and which of them together."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stats.keys import BLOCKED, COUNTED, KEY_NAMES, NOT_COUNTED, TOP_LEVEL, key_of, standing

PLAIN = {"Service": "service", "Name": "op", "Resource": "res", "IsTraceRoot": 1}
ZERO = {
    **dict.fromkeys(("Type", "SpanKind", "HTTPMethod", "HTTPEndpoint", "GRPCStatusCode", "srv_src"), ""),
    "HTTPStatusCode": 0,
    "Synthetics": False,
    "PeerTags": (),
}


def span(meta=None, metrics=None, **members):
    zero = {"type": "", "trace_id": 1, "span_id": 2, "parent_id": 0, "start": 0, "duration": 0, "error": 0}
    return {"service": "service", "name": "op", "resource": "res", **zero, "meta": meta or {}, "metrics": metrics or {}, **members}


def named(key):
    return dict(zip(KEY_NAMES, key, strict=True))


@pytest.mark.parametrize(
    ("made", "rank"),
    [
        (span(metrics={"_top_level": 1.0}), TOP_LEVEL),
        (span(metrics={"_dd.top_level": 1.0}, parent_id=9), TOP_LEVEL),
        (span(metrics={"_dd.top_level": 1}), TOP_LEVEL),
        (span(parent_id=1), NOT_COUNTED),
        *((span(meta={"span.kind": kind}, parent_id=1), COUNTED) for kind in ("client", "Server", "CONSUMER", "producer")),
        *((span(meta={"span.kind": kind}, parent_id=1), NOT_COUNTED) for kind in ("internal", "", "clients")),
        (span(metrics={"_dd.measured": 1.0}, parent_id=1), COUNTED),
        (span(metrics={"_dd.measured": 0.0, "_top_level": 0.0, "_dd.top_level": 2.0}), NOT_COUNTED),
        (span(metrics={"_dd.measured": 1.0, "_top_level": 1.0}), TOP_LEVEL),
        (span(metrics={"_top_level": 1.0, "_dd.partial_version": 830604.0}), NOT_COUNTED),
        (span(metrics={"_top_level": 1.0, "_dd.partial_version": 0.0}), NOT_COUNTED),
        (span(metrics={"_top_level": 1.0, "_dd.partial_version": -1.0}), TOP_LEVEL),
        (span(meta={"span.kind": "client"}, metrics={"_dd.partial_version": 1.0}), NOT_COUNTED),
    ],
)
def test_what_is_counted(made, rank):
    assert standing(made) == rank


@pytest.mark.parametrize(
    ("meta", "metrics", "extra"),
    [
        ({}, {}, {}),
        ({"span.kind": "client"}, {}, {"SpanKind": "client"}),
        ({"span.kind": "CLIENT", "out.host": "h"}, {}, {"SpanKind": "CLIENT", "PeerTags": ("out.host:h",)}),
        ({"_dd.origin": "synthetics-browser"}, {}, {"Synthetics": True}),
        ({"_dd.origin": "lambda"}, {}, {}),
        ({"http.status_code": "418"}, {}, {"HTTPStatusCode": 418}),
        ({"http.status_code": "x"}, {}, {}),
        *(({"http.status_code": text}, {}, {}) for text in ("", "-1", " 1", "1 ", "4_1", "1.0", "٤", "4294967296", "9" * 5000)),
        ({"http.status_code": "+418"}, {}, {"HTTPStatusCode": 418}),
        ({"http.status_code": "4294967295"}, {}, {"HTTPStatusCode": 4294967295}),
        ({}, {"http.status_code": 418.0}, {"HTTPStatusCode": 418}),
        ({"http.status_code": "200"}, {"http.status_code": 418.9}, {"HTTPStatusCode": 418}),
        *(({}, {"http.status_code": number}, {}) for number in (-5.0, math.nan, -math.inf)),
        ({}, {"http.status_code": math.inf}, {"HTTPStatusCode": 4294967295}),
        ({"http.method": "GET", "http.route": "/api/v1/users"}, {}, {"HTTPMethod": "GET", "HTTPEndpoint": "/api/v1/users"}),
        (
            {"http.method": "POST", "http.route": "/users/create", "http.endpoint": "/users/create2"},
            {},
            {"HTTPMethod": "POST", "HTTPEndpoint": "/users/create2"},
        ),
        ({"rpc.grpc.status_code": "OK"}, {}, {"GRPCStatusCode": "0"}),
        ({"rpc.grpc.status_code": "14"}, {}, {"GRPCStatusCode": "14"}),
        ({"grpc.code": "StatusCode.UNAVAILABLE"}, {}, {"GRPCStatusCode": "14"}),
        ({"rpc.grpc.status_code": "PERMISSION_DENIED"}, {"rpc.grpc.status_code": 2.0}, {"GRPCStatusCode": "7"}),
        ({}, {"grpc.code": 3.0}, {"GRPCStatusCode": "3"}),
        ({"rpc.grpc.status_code": "NOPE"}, {}, {}),
        ({"grpc.method.name": "/pkg.Svc/Method"}, {}, {}),
        ({"_dd.svc_src": "redis"}, {}, {"srv_src": "redis"}),
        ({"_dd.svc_src": "opt.split_by_tag"}, {}, {"srv_src": "opt.split_by_tag"}),
        ({"_dd.base_service": "original-service"}, {}, {"PeerTags": ("_dd.base_service:original-service",)}),
    ],
)
def test_the_key_of_a_span(meta, metrics, extra):
    assert named(key_of(span(meta, metrics))) == {**ZERO, **PLAIN, **extra}


def test_a_child_is_no_trace_root():
    assert named(key_of(span(parent_id=5)))["IsTraceRoot"] == 2


def test_the_origin_of_the_chunk_counts_when_enrichment_has_overwritten_that_of_the_span():
    assert named(key_of(span({"_dd.origin": "lambda"}), is_synthetic=True))["Synthetics"] is True


def test_the_key_of_what_has_no_group_of_its_own():
    texts = dict.fromkeys(
        ("Service", "Name", "Resource", "Type", "SpanKind", "HTTPMethod", "HTTPEndpoint", "srv_src"), "tracer_blocked_value"
    )
    assert named(BLOCKED) == {**ZERO, **texts, "IsTraceRoot": 0}


@given(
    st.dictionaries(st.sampled_from(["span.kind", "http.status_code", "grpc.code", "out.host", "_dd.origin"]), st.text(max_size=12)),
    st.dictionaries(st.sampled_from(["http.status_code", "grpc.code", "_dd.partial_version", "_dd.measured"]), st.floats()),
)
def test_any_tags_give_a_key_that_the_wire_can_hold(meta, metrics):
    key = named(key_of(span(meta, metrics)))
    assert 0 <= key["HTTPStatusCode"] < 2**32
    assert key["GRPCStatusCode"] == "" or 0 <= int(key["GRPCStatusCode"]) <= 255
    assert standing(span(meta, metrics)) in (NOT_COUNTED, COUNTED)
