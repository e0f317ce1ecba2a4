"""Requests to port 8126: what the agent is told of them, and what the library is answered."""

import gzip
import json

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st
from msgpack import packb

from protocols import msgpack_pieces, trace_api
from protocols.http_server import Request
from reactor.agent import inputs as given
from reactor.agent.requests import is_large, pieces, read, told
from reactor.version import VERSION


def post(target, body=b"", method="POST", **headers):
    return Request(method, target, tuple((name.replace("_", "-").encode(), value) for name, value in headers.items()), body)


def test_what_is_passed_on_is_told_with_the_request_that_it_came_as():
    request = post("/evp_proxy/v4/api/v2/x", b"body", x_datadog_evp_subdomain=b"a.b")
    told, answer = read(request)
    assert isinstance(told, given.PassedOn)
    assert told.request is request
    assert (told.proxied.product, told.proxied.subdomain) == ("evp", "a.b")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("target", "method", "status"), [("/info", "GET", 200), ("/v0.7/config", "GET", 200), ("/x", "GET", 404), ("/v0.4/traces", "GET", 405)]
)
def test_what_brings_nothing_is_answered_and_not_told(target, method, status):
    told, answer = read(post(target, method=method))
    assert (told, answer.status) == (None, status)


def test_info_names_this_version():
    assert json.loads(read(post("/info", method="GET"))[1].body)["version"] == VERSION


SPAN = {"service": "s", "name": "n", "resource": "r", "trace_id": 1, "span_id": 2, "start": 1_700_000_000 * 10**9, "duration": 5}
GROUP = {"Service": "s", "Name": "n", "Resource": "r", "Hits": 3}
STATS = {"Env": "e", "Stats": [{"Start": 1_700_000_000 * 10**9, "Duration": 10**10, "Stats": [GROUP]}]}


@pytest.mark.parametrize("version", ["v0.3", "v0.4"])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_traces_are_decoded_and_told_with_what_the_tracer_says_of_itself(version, method):
    request = post(f"/{version}/traces", packb([[SPAN]]), method, datadog_meta_lang=b"go", datadog_client_computed_stats=b"yes")
    told, answer = read(request)
    assert isinstance(told, given.Traces)
    assert [span["span_id"] for chunk in told.decoded.chunks for span in chunk.spans] == [2]
    assert (told.headers.lang, told.headers.computed_stats, told.request) == ("go", True, request)
    assert (answer.status, json.loads(answer.body)) == (200, {"rate_by_service": {"service:,env:": 1}})
    assert dict(answer.headers) == {b"Content-Type": b"application/json"}


def test_every_version_of_traces_is_read_by_its_own_decoder():
    spans = [[0, 1, 2, 7, 8, 0, 1, 2, 0, {}, {}, 0]]
    told, _ = read(post("/v0.5/traces", packb([["s", "n", "r"], [spans]])))
    assert told.decoded.chunks[0].spans[0]["trace_id"] == 7
    told, _ = read(post("/v0.7/traces", packb({"env": "e", "chunks": [{"priority": 2, "spans": [SPAN]}]})))
    assert (told.decoded.payload["env"], told.decoded.chunks[0].priority) == ("e", 2)
    assert read(post("/v1.0/traces", packb([])))[1].status == 400


def test_a_compressed_body_is_unpacked():
    told, answer = read(post("/v0.4/traces", gzip.compress(packb([[SPAN]])), content_encoding=b"gzip"))
    assert (len(told.decoded.chunks), answer.status) == (1, 200)


def test_a_request_without_traces_is_how_tracers_see_whether_somebody_is_there():
    assert [answer.status for _, answer in [read(post("/v0.4/traces", packb([])))]] == [200]
    assert read(post("/v0.4/traces", packb([])))[0] is None


def test_one_broken_trace_costs_itself():
    told, answer = read(post("/v0.4/traces", packb([[SPAN], [{"trace_id": "no number"}]])))
    assert (len(told.decoded.chunks), len(told.decoded.refused), answer.status) == (1, 1, 200)
    told, answer = read(post("/v0.4/traces", packb([[{"trace_id": "no number"}]])))
    assert (len(told.decoded.refused), answer.status) == (1, 400)


@pytest.mark.parametrize(
    ("target", "body", "headers", "status", "what"),
    [
        ("/v0.4/traces", b"\xc1", {}, 400, "traces"),
        ("/v0.4/traces", b"", {}, 400, "traces"),
        ("/v0.4/traces", b"x", {"content_encoding": b"gzip"}, 400, "traces"),
        ("/v0.4/traces", b"x", {"content_encoding": b"br"}, 415, "traces"),
        ("/v0.4/traces", b"[]", {"content_type": b"application/json; charset=utf-8"}, 415, "request"),
        ("/v0.6/stats", b"\xc1", {}, 400, "statistics"),
        ("/v0.6/stats", gzip.compress(bytes(3_000_000)), {"content_encoding": b"gzip"}, 413, "statistics"),
        ("/evp_proxy/v1/x", b"", {}, 400, "evp"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_right_status_and_told(target, body, headers, status, what):
    told, answer = read(post(target, body, **headers))
    assert (answer.status, told.what) == (status, what)


def test_a_tracers_statistics_are_told_and_empty_ones_are_not():
    told, answer = read(post("/v0.6/stats", packb(STATS), datadog_meta_lang=b"go"))
    assert isinstance(told, given.ClientTraceStats)
    assert (len(told.stats.buckets), told.headers.lang, answer.status) == (1, "go", 202)
    for empty in (b"\x80", packb({"Stats": []})):
        assert (read(post("/v0.6/stats", empty))[0], read(post("/v0.6/stats", empty))[1].status) == (None, 202)


@given_any(
    st.sampled_from(["/v0.3/traces", "/v0.4/traces", "/v0.5/traces", "/v0.7/traces", "/v1.0/traces", "/v0.6/stats"]), st.binary(max_size=80)
)
def test_any_bytes_are_answered(target, body):
    _, answer = read(post(target, body))
    assert answer.status in (200, 202, 400)


# --- large bodies

MANY = packb([[SPAN | {"span_id": number, "resource": "r" * 2_000}] for number in range(1, 401)])


def test_a_large_body_is_told_in_pieces_that_are_the_whole():
    request = post("/v0.4/traces", MANY, datadog_client_dropped_p0_traces=b"7", datadog_client_dropped_p0_spans=b"9")
    whole, answer = read(request)
    *found, (nothing, last) = pieces(request)
    assert [item.piece for item, _ in found] == [0, 1, 2, 3]
    assert [chunk for item, _ in found for chunk in item.decoded.chunks] == whole.decoded.chunks
    assert ([other for _, other in found], nothing, last) == ([None] * 4, None, answer)
    assert [item for item, _ in found] == list(told(request))
    assert [(item.headers.dropped_p0_traces, item.headers.dropped_p0_spans) for item, _ in found] == [(7, 9), (0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("target", "body", "headers", "large"),
    [
        ("/v0.4/traces", MANY, {}, True),
        ("/v0.3/traces?a=1", MANY, {}, True),
        ("/v0.4/traces", gzip.compress(MANY), {"content_encoding": b"gzip"}, True),
        ("/v0.4/traces", packb([[SPAN]]), {}, False),
        ("/v0.4/traces", gzip.compress(packb([[SPAN]])), {"content_encoding": b"gzip"}, False),
        ("/v0.4/traces", b"no gzip", {"content_encoding": b"gzip"}, False),
        ("/v0.4/traces", MANY, {"content_type": b"application/json"}, False),
        ("/v0.7/traces", MANY, {}, False),
        ("/v0.6/stats", MANY, {}, False),
        ("/profiling/v1/input", MANY, {}, False),
        ("/nothing", MANY, {}, False),
    ],
)
def test_large_is_what_can_be_told_in_pieces(target, body, headers, large):
    assert is_large(post(target, body, **headers)) is large


def test_what_is_told_of_a_small_request_is_what_is_read_of_it():
    for request in (post("/v0.4/traces", packb([[SPAN]])), post("/profiling/v1/input", b"x"), post("/v0.6/stats", packb(STATS))):
        assert list(told(request)) == [read(request)[0]]
    assert list(told(post("/info", method="GET"))) == []


def test_more_than_a_body_may_hold_is_refused_before_it_is_unpacked():
    packed = gzip.compress(bytes(trace_api.BODY_BYTES_MAX + 1))
    [(item, answer)] = pieces(post("/v0.4/traces", packed, content_encoding=b"gzip"))
    assert (item, answer.status) == (given.NotServed("traces", "status 413"), 413)


def test_one_trace_that_is_too_large_to_be_read_at_once_is_refused_alone(monkeypatch):
    monkeypatch.setattr(msgpack_pieces, "TRACE_BYTES_MAX", 100_000)
    request = post("/v0.4/traces", packb([[SPAN | {"resource": "r" * 100_000}], *[[SPAN | {"resource": "r" * 9_000}]] * 60]))
    items = [item for item, _ in pieces(request) if item is not None]
    assert sum(len(item.decoded.chunks) for item in items) == 60
    assert [reason for item in items for reason in item.decoded.refused] == ["a trace has too many bytes"]
