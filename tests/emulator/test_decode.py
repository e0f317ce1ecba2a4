"""Every deviation from the specification that the intake must see. Bodies are made by hand, never by our encoders."""

import copy
import gzip
import json
import zlib

import msgpack
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from emulator import bodies
from emulator.check_metrics import key_of
from emulator.decode import decode
from emulator.protobuf_schemas import message_class

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
HEADERS = {
    "/api/v2/series": {"content-type": "application/json", "content-encoding": "zstd"},
    "/api/beta/sketches": {"content-type": "application/x-protobuf", "content-encoding": "zstd"},
    "/api/v2/logs": {"content-type": "application/json", "content-encoding": "zstd", "dd-protocol": "agent-json"},
    "/api/v0.2/traces": {
        "content-type": "application/x-protobuf",
        "content-encoding": "zstd",
        "datadog-send-real-http-status": "1",
        "user-agent": "lambda-reactor",
    },
    "/api/v0.2/stats": {"content-type": "application/msgpack", "content-encoding": "gzip"},
    "/api/v1/events": {"content-type": "application/json"},
    "/api/v1/check_run": {"content-type": "application/json"},
}
SERIES = {
    "series": [
        {
            "metric": "hits",
            "points": [{"timestamp": 1656581400, "value": 1.0}],
            "resources": [],
            "type": 1,
            "interval": 10,
            "tags": ["env:prod", "a:b"],
            "metadata": {"origin": {"origin_product": 1, "origin_sub_product": 38, "origin_product_detail": 472}},
        },
        {
            "metric": "size",
            "points": [{"timestamp": 1656581400, "value": 1.0}],
            "resources": [{"name": "f", "type": "aws_lambda"}],
            "type": 3,
            "tags": [],
            "metadata": None,
        },
    ]
}
LOG = {
    "message": {"message": "hi", "lambda": {"arn": ARN, "request_id": None}, "timestamp": 1673061827000, "status": "info"},
    "hostname": ARN,
    "service": "",
    "ddtags": "env:prod,a:b",
    "ddsource": "lambda",
}
SKETCH = {"ts": 1656581400, "cnt": 2, "min": 1.0, "max": 10.0, "avg": 5.5, "sum": 11.0, "k": [1338, 1487], "n": [1, 1]}
SPAN = {
    "service": "s",
    "name": "aws.lambda",
    "resource": "f",
    "trace_id": 1,
    "span_id": 2,
    "start": 1700000000000000000,
    "duration": 5,
    "meta": {"_dd.origin": "lambda"},
}
EMPTY_SUMMARY = bytes.fromhex("0a1209000000000040f03f110000000000ea944012001a00")
ONE_SUMMARY = bytes.fromhex("0a1209000000000040f03f110000000000ea9440120d1208000000000000f03f18ea221a00")  # one value
GROUP = {
    **dict.fromkeys(("Type", "DBType", "SpanKind", "GRPCStatusCode", "HTTPMethod", "HTTPEndpoint", "srv_src"), ""),
    **dict.fromkeys(("PeerTags", "SpanDerivedPrimaryTags", "AdditionalMetricTags"), ()),
    **{"Service": "s", "Name": "n", "Resource": "r", "HTTPStatusCode": 0, "Hits": 1, "Errors": 0, "Duration": 5, "TopLevelHits": 1},
    **{"OkSummary": ONE_SUMMARY, "ErrorSummary": EMPTY_SUMMARY, "Synthetics": False, "IsTraceRoot": 1},
}
CLIENT = {
    **dict.fromkeys(("Hostname", "Env", "Version", "Lang", "TracerVersion", "RuntimeID", "AgentAggregation", "Service"), ""),
    **dict.fromkeys(("ContainerID", "GitCommitSha", "ImageTag", "ProcessTags"), ""),
    **{"Env": "prod", "Sequence": 0, "ProcessTagsHash": 0, "Tags": []},
    "Stats": [{"Start": 1700000000000000000, "Duration": 10_000_000_000, "AgentTimeShift": 0, "Stats": [GROUP]}],
}
STATS = {"AgentHostname": "", "AgentEnv": "", "Stats": [CLIENT], "AgentVersion": "", "ClientComputed": True, "SplitPayload": False}


def send(path, body, without=(), **changed):
    """Decode `body` as a request to `path` with the right headers, some of them changed (underscores stand for dashes)."""
    headers = {"dd-api-key": "k", **HEADERS[path], **{name.replace("_", "-"): value for name, value in changed.items()}}
    encoding = headers.get("content-encoding")
    packed = {"zstd": zstd.compress, "gzip": gzip.compress}.get(encoding, bytes)(body)
    return decode(path, [(name.encode(), value.encode()) for name, value in headers.items() if name not in without], packed)


def send_json(path, document, **changed):
    return send(path, json.dumps(document).encode(), **changed)


def send_sketches(*sketches, **fields):
    item = {"metric": "d", "tags": ["env:prod"], "dogsketches": sketches, **fields}
    return send("/api/beta/sketches", message_class("SketchPayload")(sketches=[item]).SerializeToString())


def send_spans(*spans, payload=None, **fields):
    chunks = [{"priority": 1, "spans": spans}] if spans else []
    tracer = {"tags": {"_dd.tags.function": "env:prod"}, "chunks": chunks, **(payload or {})}
    agent = {"tracer_payloads": [tracer], "target_tps": 60.0, "error_tps": 60.0, **fields}
    return send("/api/v0.2/traces", message_class("AgentPayload")(**agent).SerializeToString())


def changed(document, path, value):
    """A copy of `document` in which the member at `path` (dots; numbers are positions) is `value`, or gone when it is `...`."""
    document = copy.deepcopy(document)
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    owner = document
    for step in way:
        owner = owner[step]
    if value is ...:
        del owner[last]
    else:
        owner[last] = value
    return document


def assert_problem(decoded, words):
    assert any(words in problem for problem in decoded.problems), decoded.problems


def test_good_requests_of_every_kind_have_no_problem():
    stats = msgpack.packb(STATS)
    event = {"title": "t", "text": "x", "tags": ["a:b"], "alert_type": "info", "date_happened": 1656581400}
    check = {"check": "c", "host_name": "", "status": 0, "tags": []}
    for kind, decoded in {
        "series": send_json("/api/v2/series", SERIES),
        "sketches": send_sketches(SKETCH),
        "logs": send_json("/api/v2/logs", [LOG]),
        "traces": send_spans(SPAN),
        "stats": send("/api/v0.2/stats", stats),
        "events": send_json("/api/v1/events", event),
        "service_checks": send_json("/api/v1/check_run", [check]),
    }.items():
        assert (decoded.kind, decoded.problems, decoded.refusal) == (kind, (), None)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("series", [], "0 series"),
        ("series", {}, "body.series is not a list"),
        ("other", 1, "body.other is unknown"),
        ("series/0/metric", "", "metric is not text that is not empty"),
        ("series/0/metric", ..., "metric is missing"),
        ("series/0/points", [], "0 points"),
        ("series/0/points/0/value", float("nan"), "NaN is not JSON"),
        ("series/0/points/0/value", float("inf"), "value is not a finite number"),
        ("series/0/points/0/value", None, "value is not a finite number: None"),
        ("series/0/points/0/timestamp", 1656581401, "is not the start of a bucket"),
        ("series/0/points/0/timestamp", 1656581400000, "timestamp is not a time in seconds"),
        ("series/0/points/0/timestamp", 18446744073709551516, "timestamp is not a time in seconds"),
        ("series/0/type", 0, "type is not 1 or 2 or 3: 0"),
        ("series/0/type", True, "type is not 1 or 2 or 3: True"),
        ("series/0/interval", ..., "whose interval is not 10"),
        ("series/0/tags", "env:prod", "tags is not a list of text"),
        ("series/0/tags", ["a:b", 1], "tags is not a list of text"),
        ("series/0/tags", ["a:b", "a:b"], "tag twice: a:b"),
        ("series/0/tags", [""], "empty tag"),
        ("series/0/resources", ..., "resources is missing"),
        ("series/1/resources/0/type", ..., "type is missing"),
        ("series/0/metadata", ..., "metadata is missing"),
        ("series/0/metadata/origin/origin_product", ..., "origin_product is missing"),
        ("series/1", SERIES["series"][0], "the same context twice"),
        ("series/1", 7, "series is not an object"),
    ],
)
def test_each_deviation_of_series_is_a_problem(path, value, words):
    assert_problem(send_json("/api/v2/series", changed(SERIES, path, value)), words)


def test_a_number_beyond_a_double_is_a_problem_and_the_document_stays_json():
    body = json.dumps(SERIES).replace('"value": 1.0', '"value": 1e999', 1).encode()
    decoded = send("/api/v2/series", body)
    assert_problem(decoded, "value is not a finite number: '1e999'")
    json.dumps(decoded.document, allow_nan=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cnt": 3}, "cnt 3 but the bins hold 2"),
        ({"n": [1]}, "2 keys but 1 counts"),
        ({"n": [2, 0]}, "a bin's count is outside 1 to 65535"),
        ({"k": [1487, 1338]}, "keys are not sorted"),
        ({"k": [1338, 1488]}, "highest key 1488, but max 10.0 has key 1487"),
        ({"k": [1337, 1487]}, "lowest key 1337, but min 1.0 has key 1338"),
        ({"avg": 11.0}, "avg 11.0 is not between"),
        ({"sum": 1100.0}, "sum 1100.0 is beyond"),
        ({"min": float("nan")}, "min is not a finite number: 'nan'"),
        ({"ts": 1656581401}, "is not the start of a bucket"),
        ({"ts": 0}, "ts is missing"),
    ],
)
def test_each_deviation_of_a_sketch_is_a_problem(change, words):
    assert_problem(send_sketches({**SKETCH, **change}), words)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"metric": ""}, "metric is missing"),
        ({"host": "h"}, "host is unknown"),
        ({"dogsketches": []}, "0 dogsketches, not 1"),
        ({"dogsketches": [SKETCH, SKETCH]}, "the same context twice"),
        ({"tags": ["a", "a"]}, "tag twice: a"),
        ({"metadata": {"origin": {"product": 1}}}, "category is missing"),
    ],
)
def test_each_deviation_of_a_sketch_item_is_a_problem(fields, words):
    assert_problem(send_sketches(SKETCH, **fields), words)


def test_a_sketch_of_zeros_is_good():
    assert send_sketches({"ts": 1656581400, "cnt": 1, "k": [0], "n": [1]}).problems == ()


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (0, 0),
        (9.9e-10, 0),
        (1e-9, 1),
        (2e-7, 343),
        (0.5, 1293),
        (1, 1338),
        (-1, -1338),
        (1.5, 1364),
        (-4, -1427),
        (99.5, 1635),
        (1e308, 32767),
    ],
)
def test_keys_are_those_of_the_specification(value, key):
    assert key_of(value) == key


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("message", "text", "message is not an object"),
        ("message/message", 1, "message.message is not text"),
        ("message/lambda", ..., "message.lambda is missing"),
        ("message/lambda/request_id", ..., "request_id is missing"),
        ("message/lambda/request_id", "", "request_id is empty"),
        ("message/lambda/arn", "other", "hostname is not the function's ARN"),
        ("message/lambda/durable_function.first_invocation", "true", "first_invocation is not a boolean"),
        ("message/lambda/extra", 1, "extra is unknown"),
        ("message/timestamp", 1673061827, "timestamp is not a time in milliseconds"),
        ("message/timestamp", 1673061827000.0, "timestamp is not a time in milliseconds"),
        ("message/status", "WARN", "status is not"),
        ("hostname", ..., "hostname is missing"),
        ("ddtags", ["a:b"], "ddtags is not text"),
        ("ddtags", "a:b,,c:d", "empty tag"),
        ("ddtags", "a:b,a:b", "tag twice: a:b"),
        ("ddsource", "python", "ddsource is not 'lambda'"),
        ("message/message", "x" * 1024 * 1024, "bytes, more than 1048576"),
    ],
)
def test_each_deviation_of_a_log_is_a_problem(path, value, words):
    assert_problem(send_json("/api/v2/logs", [changed(LOG, path, value)]), words)


@pytest.mark.parametrize(
    ("batch", "words"), [({}, "body is not a list"), ([], "0 logs"), ([LOG] * 1001, "1001 logs"), ([1], "is not an object")]
)
def test_each_deviation_of_a_batch_of_logs_is_a_problem(batch, words):
    assert_problem(send_json("/api/v2/logs", batch), words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trace_id": 0}, "trace_id is 0"),
        ({"span_id": 0}, "span_id is 0"),
        ({"service": ""}, "no service"),
        ({"name": "n" * 101}, "name is longer than 100 bytes"),
        ({"start": 1700000000}, "start is not a time in nanoseconds"),
        ({"duration": -1}, "duration is negative"),
        ({"duration": 2**63 - 1}, "the end overflows"),
        ({"meta": {}}, "meta _dd.origin is not lambda"),
    ],
)
def test_each_deviation_of_a_span_is_a_problem(change, words):
    assert_problem(send_spans({**SPAN, **change}), words)


@pytest.mark.parametrize(
    ("decoded", "words"),
    [
        (lambda: send_spans(SPAN, SPAN), "span (1, 2) twice"),
        (lambda: send_spans(SPAN, {**SPAN, "trace_id": 9}), "spans of more than one trace"),
        (lambda: send_spans(), "no chunk"),
        (lambda: send_spans(payload={"chunks": [{}]}), "no span"),
        (lambda: send_spans(SPAN, payload={"tags": {}}), "no _dd.tags.function"),
        (lambda: send_spans(SPAN, host_name="h"), "host_name is set"),
        (lambda: send_spans(SPAN, target_tps=1.0), "target_tps is 1.0"),
        (lambda: send_spans(SPAN, tracer_payloads=[]), "no tracer payload"),
        (lambda: send_spans(payload={"chunks": [{"priority": 7, "spans": [SPAN]}]}), "priority 7"),
    ],
)
def test_each_deviation_of_a_trace_payload_is_a_problem(decoded, words):
    assert_problem(decoded(), words)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("ClientComputed", False, "ClientComputed is not True"),
        ("Stats", [], "no client payload"),
        ("Unknown", 1, "Unknown is unknown"),
        ("Stats/0/Hostname", "h", "Hostname is not ''"),
        ("Stats/0/Sequence", ..., "Sequence is missing"),
        ("Stats/0/Stats", [], "no bucket"),
        ("Stats/0/Stats/0/Start", 1700000000, "Start is not a time in nanoseconds"),
        ("Stats/0/Stats/0/Stats", [], "no group"),
        ("Stats/0/Stats/0/Stats/0/Hits", -1, "Hits is not an integer from 0"),
        ("Stats/0/Stats/0/Stats/0/Errors", 2, "more errors than hits"),
        ("Stats/0/Stats/0/Stats/0/OkSummary", "text", "OkSummary is not bytes"),
        ("Stats/0/Stats/0/Stats/0/OkSummary", b"\x00\x00\x00", "OkSummary: not a DDSketch"),
        ("Stats/0/Stats/0/Stats/0/OkSummary", b"\x2a\x01a", "DDSketch: unknown fields 5"),
        ("Stats/0/Env", "", "payload 0: no Env"),
        ("Stats/0/Stats/0/Stats/0/IsTraceRoot", True, "IsTraceRoot is not 0 or 1 or 2"),
    ],
)
def test_each_deviation_of_statistics_is_a_problem(path, value, words):
    assert_problem(send("/api/v0.2/stats", msgpack.packb(changed(STATS, path, value))), words)


@pytest.mark.parametrize(
    ("path", "headers", "words"),
    [
        ("/api/v2/series", {"content_type": "text/plain"}, "content-type is 'text/plain'"),
        ("/api/v2/series", {"without": ("dd-api-key",)}, "no dd-api-key"),
        ("/api/v2/series", {"content_encoding": "br"}, "content-encoding 'br' is not taken here"),
        ("/api/v2/logs", {"without": ("dd-protocol",)}, "dd-protocol is None"),
        ("/api/v0.2/traces", {"without": ("user-agent",)}, "no user-agent"),
        ("/api/v0.2/traces", {"datadog_send_real_http_status": "0"}, "datadog-send-real-http-status is not 1"),
        ("/api/v0.2/stats", {"content_type": "application/json"}, "content-type is 'application/json'"),
    ],
)
def test_each_wrong_header_is_a_problem(path, headers, words):
    assert_problem(send(path, b"{}", **headers), words)


def test_a_repeated_header_is_a_problem():
    assert_problem(decode("/api/v2/profile", [(b"dd-api-key", b"a"), (b"DD-API-KEY", b"b")], b""), "a header twice")


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("zstd", b"no zstd", "content-encoding zstd"),
        ("zstd", zstd.compress(b"x" * 1000)[:-3], "cut short"),
        ("zstd", zstd.compress(b"[]") + b"more", "content-encoding zstd"),
        ("zstd", b"", "cut short"),
        ("zstd", zstd.compress(b"") * 1001, "more than 1000 frames"),
        ("gzip", b"no gzip", "content-encoding gzip"),
        ("gzip", gzip.compress(b"x" * 1000)[:-3], "cut short"),
        ("deflate", zlib.compress(b"{}")[:-1], "cut short"),
    ],
)
def test_a_body_that_does_not_decompress_is_refused_with_its_reason(encoding, body, words):
    decoded = decode("/api/v2/llmobs", [(b"content-encoding", encoding.encode())], body)
    assert (decoded.document, decoded.refusal) == (None, 400)
    assert_problem(decoded, words)


@pytest.mark.parametrize(("encoding", "compress"), [("zstd", zstd.compress), ("gzip", gzip.compress)])
def test_a_body_may_be_several_frames(encoding, compress):
    headers = [(b"dd-api-key", b"k"), (b"content-type", b"application/json"), (b"content-encoding", encoding.encode())]
    assert decode("/api/v1/events", headers, compress(b'{"title":"a",') + compress(b'"text":"b"}')).document == {"title": "a", "text": "b"}


@pytest.mark.parametrize(("encoding", "compress"), [("zstd", zstd.compress), ("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_bomb_is_refused_before_it_fills_the_memory(monkeypatch, encoding, compress):
    monkeypatch.setattr(bodies, "RAW_BYTES_MAX", 1000)
    decoded = decode("/api/v2/llmobs", [(b"content-encoding", encoding.encode())], compress(bytes(1001)))
    assert_problem(decoded, "more than 1000 bytes when decompressed")
    assert decode("/api/v2/llmobs", [(b"content-encoding", encoding.encode())], compress(bytes(1000))).raw_bytes == 1000


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/api/v2/logs", b" " * (5 * 1024 * 1024 + 1), {}),  # over the limit only once decompressed
        ("/api/v2/series", b" " * (500 * 1024 + 1), {"without": ("content-encoding",), "content_encoding": ""}),  # over it on the wire
    ],
)
def test_a_body_over_the_intakes_limit_is_answered_413(path, body, headers):
    decoded = send(path, body, **headers)
    assert decoded.refusal == 413
    assert_problem(decoded, "more than")


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1}x', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused_with_its_reason(body):
    decoded = send("/api/v2/series", body)
    assert (decoded.document, decoded.refusal) == (None, 400)
    assert decoded.problems


@pytest.mark.parametrize(("depth", "good"), [(100, True), (101, False), (900, False)])
def test_a_document_nested_too_deeply_is_refused(depth, good):
    decoded = send("/api/v2/logs", b"[" * depth + b"]" * depth)
    assert any("nested" in problem for problem in decoded.problems) != good
    assert (decoded.document is not None) == good


def test_a_member_twice_in_one_object_is_a_problem():
    assert_problem(send("/api/v1/events", b'{"title":"a","title":"b","text":""}'), "a member twice in one object: ['title']")


@pytest.mark.parametrize("path", ["/api/v2/llmobs", "/api/v2/profile", "/api/v2/logs", "/any/thing"])
def test_a_forwarded_request_is_known_by_its_tags_and_kept_by_its_digest(path):
    headers = [
        (b"dd-api-key", b"k"),
        (b"x-datadog-additional-tags", b"_dd.origin:lambda;functionname:f"),
        (b"content-type", b"multipart/x"),
    ]
    decoded = decode(path, headers, b"abc")
    assert (decoded.kind, decoded.problems) == ("proxy", ())
    assert decoded.document == {"bytes": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}


def test_a_forwarded_json_body_is_shown():
    headers = [
        (b"dd-api-key", b"k"),
        (b"x-datadog-additional-tags", b"_dd.origin:lambda;functionname:f"),
        (b"content-type", b"application/json"),
    ]
    assert decode("/api/v2/llmobs", headers, b'{"a":[1]}').document == {"a": [1]}


def test_headers_of_the_connection_are_not_passed_on():
    headers = [(b"dd-api-key", b"k"), (b"x-datadog-additional-tags", b"other"), (b"te", b"trailers")]
    decoded = decode("/api/v2/llmobs", headers, b"")
    assert_problem(decoded, "te was passed on")
    assert_problem(decoded, "x-datadog-additional-tags is 'other'")


def test_logs_for_a_pipelines_worker_are_plain_and_without_protocol():
    body, plain = json.dumps([LOG]).encode(), [(b"dd-api-key", b"k"), (b"content-type", b"application/json")]
    assert decode("/", plain, body).problems == ()
    assert_problem(decode("/", [*plain, (b"dd-protocol", b"agent-json")], body), "dd-protocol on logs for a pipelines worker")
    assert_problem(decode("/", [*plain, (b"content-encoding", b"zstd")], zstd.compress(body)), "compressed logs for a pipelines worker")


def test_an_unknown_path_is_answered_404():
    decoded = decode("/api/v9/series", [(b"dd-api-key", b"k")], b"{}")
    assert (decoded.kind, decoded.refusal, decoded.problems) == ("unknown", 404, ("no such endpoint: /api/v9/series",))


@pytest.mark.parametrize(("proof", "good"), [(b"Delegated a|b|POST|c", True), (b"Delegated a|b", False), (b"Bearer x", False)])
def test_the_delegated_exchange_has_a_proof_of_four_parts(proof, good):
    assert (decode("/api/v2/intake-key", [(b"authorization", proof)], b"").problems == ()) == good


def test_the_problems_of_one_document_are_bounded():
    problems = send_json("/api/v2/logs", [{}] * 500).problems
    assert len(problems) == 101
    assert problems[-1] == "and 2400 more problems"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LOG, *SERIES, *SERIES["series"][0], *LOG["message"]]), inner)
    ),
    max_leaves=12,
)


def members_of(document, way=""):
    """The path of every member of a document, in the notation of `changed`."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list | tuple) else ()
    for name, value in pairs:
        yield f"{way}{name}"
        yield from members_of(value, f"{way}{name}/")


@given(st.sampled_from(list(members_of(SERIES))), JSON_VALUES)
def test_no_member_of_series_makes_the_checks_fail(path, value):
    json.dumps(send_json("/api/v2/series", changed(SERIES, path, value)).document, allow_nan=False)


@given(st.sampled_from(list(members_of([LOG]))), JSON_VALUES)
def test_no_member_of_a_log_makes_the_checks_fail(path, value):
    json.dumps(send_json("/api/v2/logs", changed([LOG], path, value)).document, allow_nan=False)


@given(st.sampled_from(["/api/v2/series", "/api/v2/logs", "/api/v1/events", "/api/v1/check_run"]), JSON_VALUES)
def test_no_json_makes_the_checks_fail(path, document):
    decoded = send_json(path, document)
    json.dumps(decoded.document, allow_nan=False)
    json.dumps(decoded.problems)


@given(st.sampled_from(list(HEADERS)), st.binary(max_size=60))
def test_no_bytes_make_decoding_fail(path, body):
    assert decode(path, [], body).problems


@given(JSON_VALUES)
def test_no_msgpack_makes_the_checks_fail(document):
    for body in (
        document,
        {**STATS, "Stats": [document]},
        changed(STATS, "Stats/0/Stats", [document]),
        changed(STATS, "Stats/0/Stats/0/Stats", [document]),
    ):
        try:
            packed = msgpack.packb(body)
        except (OverflowError, UnicodeEncodeError):
            continue
        json.dumps(send("/api/v0.2/stats", packed).document, allow_nan=False)
