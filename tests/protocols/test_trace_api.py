"""The routes on port 8126: which there are, what goes where, and what a library is told."""

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import trace_api
from protocols.errors import RemoteProtocolError
from protocols.http_server import Refused, Request, Response
from protocols.intake_body import EVP, PRODUCTS
from reactor.config.derive import INTAKES


def request(target, method="POST", body=b"body", **headers):
    pairs = tuple((name.replace("_", "-").encode(), value) for name, value in headers.items())
    return Request(method, target, pairs, body)


def proxied(target, **headers):
    asked = request(target, **headers)
    route = trace_api.find(asked)
    assert isinstance(route, trace_api.Route)
    return trace_api.proxied(asked, route)


# Route, product, its path at the intake, and how the answer calls it (specification, traces 11).
PASSED_ON = [
    ("/v0.1/pipeline_stats", "data_streams", "/api/v0.1/pipeline_stats", "DSM"),
    ("/profiling/v1/input", "profiling", "/api/v2/profile", "profiling"),
    ("/evp_proxy/v2/api/intake/llm-obs/v1/eval-metric", "llm_evaluations_v1", "/api/intake/llm-obs/v1/eval-metric", "llm_obs_eval_metric"),
    ("/evp_proxy/v2/api/intake/llm-obs/v2/eval-metric", "llm_evaluations_v2", "/api/intake/llm-obs/v2/eval-metric", "llm_obs_eval_metric"),
    ("/evp_proxy/v2/api/v2/llmobs", "llm_spans", "/api/v2/llmobs", "llm_obs_spans"),
    ("/debugger/v1/input", "debugger_v1", "/api/v2/logs", "debugger_logs"),
    ("/debugger/v2/input", "debugger", "/api/v2/debugger", "debugger"),
    ("/debugger/v1/diagnostics", "debugger", "/api/v2/debugger", "debugger"),
    ("/symdb/v1/input", "debugger", "/api/v2/debugger", "symdb"),
    ("/tracer_flare/v1", "tracer_flare", "/api/ui/support/serverless/flare", "tracer_flare"),
    ("/telemetry/proxy/api/v2/apmtelemetry", "telemetry", "/api/v2/apmtelemetry", "instrumentation"),
    ("/telemetry/proxy/api/v2/other", "telemetry", "/api/v2/other", "instrumentation"),
]


@pytest.mark.parametrize(("target", "product", "path", "label"), PASSED_ON)
@pytest.mark.parametrize("query", ["", "?ddtags=a:b,c&x=%2F"])
def test_what_is_passed_on_goes_to_the_path_of_its_product_with_its_query(target, product, path, label, query):
    found = proxied(target + query, content_type=b"multipart/form-data; boundary=xyz", content_encoding=b"gzip")
    assert (found.product, found.path, found.subdomain, found.body) == (product, path + query, "", b"body")
    assert (found.content_type, found.encoding) == ("multipart/form-data; boundary=xyz", "gzip")
    assert trace_api.taken_proxied(trace_api.find(request(target))).body == f"Acknowledged request for {label}".encode()


def test_every_product_has_an_intake_but_the_one_that_names_it_itself():
    assert {
        route.name for route in (*trace_api.ROUTES.values(), *trace_api.PREFIXES.values()) if route.kind == trace_api.PROXIED
    } == PRODUCTS
    assert PRODUCTS - {EVP} <= INTAKES.keys()
    for product, path in {(product, path) for _, product, path, _ in PASSED_ON if path != "/api/v2/other"}:
        assert INTAKES[product][1] == path


@pytest.mark.parametrize("version", range(1, 5))
def test_any_evp_intake_is_named_by_a_header(version):
    found = proxied(f"/evp_proxy/v{version}/api/v2/x?a=1", x_datadog_evp_subdomain=b"Event-Platform-Intake", via=b"me")
    assert (found.product, found.path, found.subdomain) == ("evp", "/api/v2/x?a=1", "event-platform-intake")
    assert found.headers == ((b"via", b"me"),)


SUBDOMAINS = ["a", "a1", "http-intake.logs", "a-b", "x" * 63, ".".join(["abc"] * 25)]
NO_SUBDOMAINS = [
    *(
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "a.-b",
        "A",
        "a b",
        "a/b",
        "a@b",
        "evil.com/",
        "evil.com#",
        "evil.com?",
        "evil.com:443",
        "a\\b",
    ),
    *("x" * 64, ".".join(["abcd"] * 21), "a_b", "é", "%2e", "a\n", "a\x00"),
]


@pytest.mark.parametrize("subdomain", SUBDOMAINS)
def test_subdomains(subdomain):
    assert trace_api.is_subdomain(subdomain)


@pytest.mark.parametrize("subdomain", NO_SUBDOMAINS)
def test_what_could_become_another_host_is_no_subdomain(subdomain):
    assert not trace_api.is_subdomain(subdomain)
    if subdomain != "A":  # a header is read without its case
        answer = proxied("/evp_proxy/v2/x", x_datadog_evp_subdomain=subdomain.encode("latin-1"))
        assert isinstance(answer, Response)
        assert answer.status == 400


def test_an_evp_request_that_names_no_intake_is_refused():
    assert proxied("/evp_proxy/v4/api/v2/x").status == 400


def test_headers_of_the_connection_and_those_that_the_extension_sets_are_not_passed_on():
    kept = {"datadog_meta_lang": b"python", "user_agent": b"tracer", "accept": b"*/*"}
    names = "host content_length connection keep_alive transfer_encoding te trailer upgrade expect proxy_authorization proxy_connection"
    ours = "dd_api_key x_datadog_additional_tags x_datadog_evp_subdomain"
    dropped = dict.fromkeys(f"{names} {ours} x_hop".split(), b"x")
    found = proxied("/profiling/v1/input", **kept, **(dropped | {"connection": b"close, X-Hop"}))
    assert dict(found.headers) == {name.replace("_", "-").encode(): value for name, value in kept.items()}


def test_a_header_that_stands_twice_is_passed_on_twice():
    headers = ((b"x", b"1"), (b"x", b"2"))
    assert trace_api.passed_on(headers) == headers


# --- what is refused


@pytest.mark.parametrize(
    "target", ["/", "/nothing", "/v0.2/traces", "/v0.4/traces/", "/evp_proxy/v5/x", "/evp_proxy/v2/", "/telemetry/proxy/", ""]
)
def test_what_is_not_served(target):
    answer = trace_api.find(request(target))
    assert (answer.status, answer.body) == (404, b"Not Found")


@pytest.mark.parametrize(
    ("target", "wrong", "allow"),
    [("/v0.4/traces", "GET", b"POST, PUT"), ("/profiling/v1/input", "GET", b"POST, PUT"), ("/v0.7/config", "PUT", b"GET, POST")],
)
def test_a_wrong_method_is_told_the_right_ones(target, wrong, allow):
    answer = trace_api.find(request(target, wrong))
    assert (answer.status, answer.body, dict(answer.headers)) == (405, b"", {b"Allow": allow})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_info_is_told_whatever_the_method(method):
    assert trace_api.find(request("/info", method)).kind == trace_api.INFO


def test_the_bound_of_a_body_is_its_routes():
    assert trace_api.body_bytes_max("/profiling/v1/input?a=1") == 50 * 1024 * 1024
    assert trace_api.body_bytes_max("/info") == trace_api.body_bytes_max("/nothing") == 2 * 1024 * 1024


@pytest.mark.parametrize(
    ("refusal", "body"),
    [(Refused(413, "body of 9 bytes is over the limit of 8"), b"length limit exceeded"), (Refused(400, "no request"), b"no request")],
)
def test_what_could_not_be_read_is_told_why(refusal, body):
    answer = trace_api.refused(refusal)
    assert (answer.status, answer.body) == (refusal.status, body)


# --- what is answered


def test_info_names_what_is_served_and_nothing_else():
    answer = trace_api.info("1.2.3", ["peer.service"])
    document = json.loads(answer.body)
    assert dict(answer.headers) == {b"Content-Type": b"application/json"}
    assert (document["version"], document["client_drop_p0s"], document["peer_tags"]) == ("1.2.3", False, ["peer.service"])
    assert document["config"] == {"receiver_port": 8126, "statsd_port": 8125}
    assert document["span_kinds_stats_computed"] == ["client", "consumer", "producer", "server"]
    assert "/v0.7/config" not in document["endpoints"]
    for endpoint in document["endpoints"]:
        served = endpoint + "x" if endpoint.endswith("/") else endpoint
        assert trace_api.route_of(served) is not None


def test_who_asks_for_remote_configuration_is_told_that_there_is_nothing_new():
    for method in ("GET", "POST"):
        assert trace_api.find(request("/v0.7/config", method)).kind == trace_api.CONFIG
    assert trace_api.NO_CONFIG.body == b"{}"


# --- compressed bodies


def packed(body, **headers):
    return request("/x", body=body, **headers)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_gzipped_body_is_unpacked_also_in_several_members(first, second):
    body = gzip.compress(first) + gzip.compress(second)
    assert trace_api.plain_body(packed(body, content_encoding=b"GZIP"), 400) == first + second


@pytest.mark.parametrize("encoding", [{}, {"content_encoding": b""}, {"content_encoding": b"identity"}])
def test_a_plain_body_is_the_very_same(encoding):
    asked = packed(b"plain", **encoding)
    assert trace_api.plain_body(asked, 1) is asked.body


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"x", b"br", 415),
        (zlib.compress(b"x"), b"deflate", 415),
        (b"not gzip", b"gzip", 400),
        (gzip.compress(b"x" * 50)[:-9], b"gzip", 400),
        (gzip.compress(b"x") + b"rest", b"gzip", 400),
        (gzip.compress(bytes(101)), b"gzip", 413),
        (gzip.compress(bytes(60)) * 2, b"gzip", 413),
    ],
)
def test_a_body_that_cannot_be_unpacked_is_refused(body, encoding, status):
    with pytest.raises(RemoteProtocolError) as caught:
        trace_api.plain_body(packed(body, content_encoding=encoding), 100)
    assert caught.value.status_hint == status


@pytest.mark.parametrize(
    ("version", "bytes_max"),
    [(version, trace_api.BODY_BYTES_MAX) for version in ("v0.3", "v0.4", "v0.5")]
    + [(version, trace_api.WHOLE_TRACES_BYTES_MAX) for version in ("v0.7", "v1.0")],
)
def test_what_is_decoded_as_a_whole_may_be_smaller(version, bytes_max):
    assert trace_api.body_bytes_max(f"/{version}/traces?a=1") == bytes_max
    assert f"/{version}/traces" in trace_api.ENDPOINTS
