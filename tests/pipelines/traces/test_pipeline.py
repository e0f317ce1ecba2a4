"""The whole way of a request (specification, traces 5 to 8, 12 and 13)."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.traces.durable import DurableFact
from pipelines.traces.obfuscate.obfuscator import ObfuscationSettings, make_obfuscator
from protocols.trace_headers import TracerHeaders

SECTION_12_TAGS = {
    "region": "us-west-2", "account_id": "123456789012", "functionname": "my-function", "service": "shop", "env": "Prod",
    "architecture": "arm64",
}  # fmt: skip


def test_the_worked_example_of_the_specification(bench):
    def obfuscate(span):
        if span["type"] == "sql":
            span["resource"] = span["meta"]["sql.query"] = "SELECT * FROM users WHERE id = ?"

    tested = bench(tags=SECTION_12_TAGS, obfuscate=obfuscate, env="Prod", service="Shop", function_name="my-function")
    headers = TracerHeaders(lang="python", lang_version="3.12.1", tracer_version="2.9.0", computed_top_level=True)
    common = {"service": "aws.lambda", "trace_id": 7001, "error": 0}
    runtime_id, request_id = "f45568ad09d5480b99087d86ebda26e6", "8286a188-ba32-4475-8077-530cd35c09a9"
    tested.take(
        [
            common | {
                "name": "aws.lambda", "resource": "my-function", "span_id": 11, "parent_id": 0, "start": 1700000000000000000,
                "duration": 81000000,
                "type": "serverless", "meta": {"request_id": request_id, "env": "Prod", "runtime-id": runtime_id, "_dd.origin": "lambda"},
                "metrics": {"_sampling_priority_v1": 1.0, "_dd.top_level": 1.0},
            },
            common | {
                "name": "postgres.query", "resource": "SELECT * FROM users WHERE id = 42", "span_id": 12, "parent_id": 11,
                "start": 1700000000010000000, "duration": 3000000, "type": "sql",
                "meta": {"span.kind": "client", "db.type": "postgresql"}, "metrics": {"_dd.measured": 1.0},
            },
            common | {
                "name": "http.request", "resource": "GET", "span_id": 13, "parent_id": 11, "start": 1700000000020000000, "duration": 900000,
                "type": "http", "meta": {"http.url": "http://127.0.0.1:8124/lambda/flush"}, "metrics": {},
            },
        ],
        headers=headers,
    )  # fmt: skip
    tags = SECTION_12_TAGS | {"env": "prod", "_dd.compute_stats": "1", "origin": "lambda", "_dd.origin": "lambda"}
    [payload] = tested.payloads()
    [chunk] = payload.pop("chunks")
    function_tags = "account_id:123456789012,architecture:arm64,env:prod,functionname:my-function,region:us-west-2,service:shop"
    assert payload == {
        "language": "python", "language_version": "3.12.1", "tracer_version": "2.9.0", "runtime_id": runtime_id, "env": "prod",
        "tags": {"_dd.tags.function": function_tags},
    }  # fmt: skip
    assert chunk == {
        "priority": 1, "origin": "lambda", "spans": [
            {
                "service": "shop", "name": "aws.lambda", "resource": "my-function", "trace_id": 7001, "span_id": 11,
                "start": 1700000000000000000,
                "duration": 81000000, "type": "serverless", "meta": tags | {"request_id": request_id, "runtime-id": runtime_id},
                "metrics": {"_sampling_priority_v1": 1.0, "_dd.top_level": 1.0, "_top_level": 1.0},
            },
            {
                "service": "shop", "name": "postgres.query", "resource": "SELECT * FROM users WHERE id = ?", "trace_id": 7001,
                "span_id": 12,
                "parent_id": 11, "start": 1700000000010000000, "duration": 3000000, "type": "sql", "metrics": {"_dd.measured": 1.0},
                "meta": tags | {"span.kind": "client", "db.type": "postgresql", "sql.query": "SELECT * FROM users WHERE id = ?"},
            },
        ],
    }  # fmt: skip
    assert tested.counted().removed == {"own_traffic": 1}


def test_a_span_of_the_reference_arrives_unchanged(bench, make_span):
    tested = bench(tags={})
    given_span = make_span(
        0x2222222222222222, trace_id=0x1111111111111111, service="fake-intake-trace-service", name="web.request", resource="GET /fake",
        meta={"env": "test-env", "version": "1.2.3"}, metrics={"_sampling_priority_v1": 1.0},
    )  # fmt: skip
    tested.take([dict(given_span)], headers=TracerHeaders(lang="rust"))
    [payload] = tested.payloads()
    assert (payload["language"], payload["env"], payload["app_version"]) == ("rust", "test-env", "1.2.3")
    [chunk] = payload["chunks"]
    [span] = chunk["spans"]
    assert chunk["priority"] == 1
    assert {name: span[name] for name in ("service", "name", "resource", "trace_id", "span_id")} == {
        name: given_span[name] for name in ("service", "name", "resource", "trace_id", "span_id")
    }


def test_links_events_and_structs_come_through_unchanged(bench, make_span):
    link = {"trace_id": 1, "trace_id_high": 2, "span_id": 3, "attributes": {"a": "b"}, "tracestate": "v=1", "flags": 1}
    event = {"time_unix_nano": 5, "name": "e", "attributes": {"k": {"type": 2, "int_value": 7}}}
    tested = bench()
    tested.take([make_span(span_links=[link], span_events=[event], meta_struct={"appsec": b"\x80\x81"})])
    [span] = tested.spans()
    assert (span["span_links"], span["span_events"], span["meta_struct"]) == ([link], [event], {"appsec": "<bin 8081>"})


# --- repetitions and hooks ------------------------------------------------------------------------------------------------------------


def test_a_request_that_is_sent_again_is_taken_once(bench, make_span):
    tested = bench()
    for _ in range(2):
        facts = tested.take([make_span(1), make_span(2, parent_id=1)])
    assert facts.spans == 2
    assert tested.span_ids() == [1, 2]
    assert tested.counted().removed == {"duplicate": 2}


def test_hooks_see_a_request_and_its_new_spans_as_they_came(bench, make_span):
    seen = []

    def on_span(span):
        seen.append((span["span_id"], span["service"]))
        if span["span_id"] == 2:
            span["parent_id"] = 99

    tested = bench(on_request=lambda headers: seen.append(headers.lang), on_span=on_span)
    tested.take([make_span(1, service="A B")], [make_span(2, trace_id=8), make_span(1)], headers=TracerHeaders(lang="go"))
    assert seen == ["go", (1, "A B"), (2, "django")]
    assert [(span["span_id"], span.get("parent_id")) for span in tested.spans()] == [(1, None), (2, 99)]


def test_hooks_that_fail_cost_no_span_and_are_said_once(bench, make_span):
    def fail(_):
        raise RuntimeError("bug")

    tested = bench(on_request=fail, on_span=fail)
    assert tested.take([make_span(1)]).warnings == ("hook of traces failed: RuntimeError",)
    assert tested.take([make_span(2)]).warnings == ()
    assert tested.span_ids() == [1, 2]
    assert tested.counted().failures == {"hook": 4}


def test_a_trace_that_is_held_back_comes_again_without_being_a_repetition(bench, make_span):
    tested = bench(holds=lambda spans, headers: spans[0]["span_id"] == 1 and headers.lang == "go")
    headers = TracerHeaders(lang="go")
    tested.take([make_span(1)], [make_span(2, trace_id=8)], headers=headers)
    assert tested.span_ids() == [2]
    assert tested.counted().removed == {"held_back": 1}
    tested.take_held([make_span(1)], headers=headers)
    assert tested.span_ids() == [1]
    tested.counted()


def test_durable_executions_are_told(bench, make_span):
    meta = {"request_id": "r", "aws.durable.execution_id": "id", "aws.durable.execution_name": "name"}
    facts = bench().take([make_span(1, name="aws.lambda", meta=meta), make_span(2, parent_id=1)])
    assert facts.durable == (DurableFact("r", "id", "name", None, None),)


# --- what is dropped, refused, filtered -------------------------------------------------------------------------------------------------


def test_reasons_of_refused_traces_are_counted_and_said_once(bench, make_span):
    tested = bench()
    facts = tested.take([make_span(1)], refused=["a", "b", "a"])
    assert facts.warnings == ("a trace was refused: a", "a trace was refused: b")
    assert tested.take(refused=["a"]).warnings == ()
    assert tested.statistics.refused == {"a": 3, "b": 1}
    assert tested.span_ids() == [1]


def test_spans_without_ids_are_dropped_and_strangers_go_apart(bench, make_span):
    tested = bench()
    facts = tested.take([make_span(1), make_span(2, trace_id=8), make_span(0), make_span(3, trace_id=0), make_span(4, parent_id=1)])
    assert [[span["span_id"] for span in chunk["spans"]] for chunk in tested.chunks()] == [[1, 4], [2]]
    assert tested.counted().dropped == {"span_id_zero": 1, "trace_id_zero": 1}
    assert len(facts.warnings) == 2


def test_the_placeholder_and_the_sandboxs_own_calls_are_removed(bench, make_span):
    tested = bench()
    tested.take(
        [make_span(1, resource="dd-tracer-serverless-span"), make_span(2, name="dns.lookup", parent_id=1), make_span(3, parent_id=1)]
    )
    assert tested.span_ids() == [3]
    assert tested.counted().removed == {"placeholder": 1, "own_traffic": 1}


def test_a_trace_of_which_nothing_is_left_is_not_sent(bench, make_span):
    tested = bench()
    tested.take([make_span(1, name="dns.lookup")], [])
    assert tested.pipeline.seal() == []
    tested.counted()


def test_the_filter_sees_the_normalised_root_and_what_it_is_going_to_be_given(bench, make_span):
    seen = []

    def keeps(root, tags):
        seen.append((root["span_id"], root["meta"].get("env"), tags["env"]))
        return root["span_id"] != 1

    tested = bench(keeps=keeps)
    tested.take([make_span(2, parent_id=1), make_span(1, meta={"env": "Test"})], [make_span(3, trace_id=8)])
    assert seen == [(1, "test", "prod"), (3, None, "prod")]
    assert tested.span_ids() == [3]
    assert tested.counted().removed == {"filter_tags": 2}


def test_a_span_that_cannot_be_obfuscated_is_never_sent(bench, make_span):
    def obfuscate(span):
        if span["span_id"] == 1:
            raise ValueError("secret")

    tested = bench(obfuscate=obfuscate)
    facts = tested.take([make_span(1), make_span(2, parent_id=1)])
    assert facts.warnings == ("a span was dropped because it could not be obfuscated",)
    assert tested.span_ids() == [2]
    assert tested.counted().dropped == {"obfuscation_failed": 1}


def test_what_is_replaced_in_every_tag_is_replaced_in_the_functions_too(bench, make_span):
    """Enrichment comes before obfuscation (specification, traces 7.3). The payload's own list of tags is no tag of a span."""
    rules = (("*", "west", "east"), ("env", "prod", "hidden"), ("_dd.origin", ".*", "elsewhere"))
    counted = []
    tested = bench(
        obfuscate=make_obfuscator(ObfuscationSettings(replace_rules=rules)),
        keeps=lambda root, tags: tags["env"] == "prod",
        stats=lambda spans, fields, now, origin: counted.extend(spans),
        compute_stats=True,
    )
    tested.take([make_span(meta={"env": "own", "place": "west"})])
    tags = {"region": "us-east-2", "functionname": "my-function", "service": "shop", "env": "hidden", "origin": "lambda"}
    expected = tags | {"_dd.origin": "elsewhere", "place": "east"}
    [payload] = tested.payloads()
    assert [span["meta"] for chunk in payload["chunks"] for span in chunk["spans"]] == [expected]
    assert [span["meta"] for span in counted] == [expected]
    assert "region:us-west-2" in payload["tags"]["_dd.tags.function"]


def test_tags_that_cannot_be_obfuscated_are_left_out_of_spans(bench, make_span):
    def obfuscate(span):
        if "region" in span["meta"]:
            raise ValueError("secret")

    tested = bench(obfuscate=obfuscate)
    assert tested.take([make_span()]).warnings == ("the function's tags were left out because they could not be obfuscated",)
    assert [span["meta"] for span in tested.spans()] == [{"origin": "lambda", "_dd.origin": "lambda"}]


def test_a_span_too_large_for_any_body_is_cut_or_dropped_and_its_neighbours_live(bench, make_span):
    tested = bench()
    huge = make_span(1, meta={"x": "y" * 10_000_000})
    hopeless = make_span(2, parent_id=1, meta={str(number): "x" * 20_000 for number in range(500)})
    tested.take([huge, hopeless, make_span(3, parent_id=1)])
    assert tested.span_ids() == [1, 3]
    found = tested.counted()
    assert (found.cut, found.dropped) == (1, {"span_too_large": 1})


def test_beyond_the_bound_the_oldest_spans_are_dropped_and_counted(bench, make_span):
    tested = bench(bytes_max=10_000)
    facts = [tested.take([make_span(number, meta={"x": "y" * 4000})]) for number in (1, 2, 3)]
    assert [each.flush_early for each in facts] == [False, False, False]
    assert tested.counted().dropped == {"overflow": 1}
    assert tested.span_ids() == [2, 3]
    tested.counted()


def test_a_flush_is_asked_for_before_the_bound(bench, make_span):
    tested = bench(bytes_max=9_000)
    facts = [tested.take([make_span(number, resource="y" * size)]) for number, size in ((1, 4000), (2, 3700))]
    assert not tested.pipeline.is_nearly_full
    assert [each.flush_early for each in facts] == [False, False]
    tested = bench()
    assert tested.take(*[[make_span(number, trace_id=number, resource="y" * 4_000_000)] for number in (1, 2, 3)]).flush_early
    assert tested.pipeline.is_nearly_full


# --- who computes statistics, what is sampled ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "by_tracer", "marked", "computed_here"),
    [(False, False, True, False), (False, True, False, False), (True, False, False, True), (True, True, False, False)],
)
def test_who_computes_statistics(bench, make_span, setting, by_tracer, marked, computed_here):
    seen = []
    tested = bench(compute_stats=setting, stats=lambda spans, fields, now, origin: seen.append(spans))
    tested.take([make_span(meta={"_dd.compute_stats": "0"})], headers=TracerHeaders(computed_stats=by_tracer))
    assert [span["meta"].get("_dd.compute_stats") for span in tested.spans()] == ["1" if marked else None]
    assert bool(seen) is computed_here


def prioritised(make_span, *priorities):
    return [
        [make_span(number, trace_id=number, metrics={"_sampling_priority_v1": priority})] for number, priority in enumerate(priorities, 1)
    ]


@pytest.mark.parametrize(
    ("setting", "priorities", "counted", "sent"),
    [
        (True, (1.0, 0.0, -1.0), 3, [1]),
        (True, (-1.0, -1.0), 2, []),
        (False, (1.0, 0.0, -1.0), 0, [1, 2, 3]),
        (True, (-128.0, 2.0), 2, [1, 2]),
    ],
)
def test_statistics_are_taken_before_sampling(bench, make_span, setting, priorities, counted, sent):
    seen = []
    tested = bench(compute_stats=setting, stats=lambda spans, fields, now, origin: seen.extend(spans))
    tested.take(*prioritised(make_span, *priorities))
    assert (len(seen), tested.span_ids()) == (counted, sent)
    tested.counted()


def test_with_the_setting_on_also_tracers_that_compute_statistics_are_sampled(bench, make_span):
    tested = bench(compute_stats=True)
    tested.take(*prioritised(make_span, 1.0, 0.0), headers=TracerHeaders(computed_stats=True))
    assert tested.span_ids() == [1]
    assert tested.counted().removed == {"sampled_out": 1}


def test_errors_and_spans_sampled_one_by_one_are_sent_all_the_same(bench, make_span):
    tested = bench(compute_stats=True)
    out = {"_sampling_priority_v1": -1.0}
    tested.take(
        [make_span(1, metrics=dict(out)), make_span(2, parent_id=1, error=1)],
        [make_span(3, trace_id=8, metrics=dict(out)), make_span(4, trace_id=8, parent_id=3, metrics={"_dd.span_sampling.mechanism": 8.0})],
    )
    chunks = tested.chunks()
    assert [[span["span_id"] for span in chunk["spans"]] for chunk in chunks] == [[1, 2], [4]]
    assert [chunk["priority"] for chunk in chunks] == [-1, 2]
    tested.counted()


def test_statistics_see_what_is_sent_and_whose_it_is(bench, make_span):
    seen = []
    tested = bench(compute_stats=True, stats=lambda *arguments: seen.append(arguments), env="Prod", version="7")
    tested.take([make_span(meta={"_dd.origin": "rum", "env": "x"})], headers=TracerHeaders(lang="go", tracer_version="2"))
    [(spans, fields, now, origin)] = seen
    assert spans[0]["meta"] == {
        "region": "us-west-2",
        "functionname": "my-function",
        "service": "shop",
        "env": "prod",
        "origin": "lambda",
        "_dd.origin": "lambda",
    }
    assert (fields.language_name, fields.tracer_version, fields.env, fields.app_version) == ("go", "2", "x", "7")
    assert (now.epoch_ms, origin) == (1_795_442_417_764, "rum")


def test_statistics_that_fail_never_fail_the_request(bench, make_span):
    def fail(*_):
        raise RuntimeError("bug")

    tested = bench(compute_stats=True, stats=fail)
    assert tested.take([make_span()]).warnings == ("stats of traces failed: RuntimeError",)
    assert tested.span_ids() == [1]
    assert tested.statistics.failures == {"stats": 1}


# --- spans of our own ---------------------------------------------------------------------------------------------------------------------


def test_the_extensions_own_spans_have_no_tracer_and_are_not_shown_to_hooks(bench, make_span):
    seen = []
    tested = bench(on_span=seen.append, env="Prod", version="7")
    for _ in range(2):
        tested.take_own([make_span(1, name="aws.lambda"), make_span(2, parent_id=1, service="aws.lambda")], True)
    assert seen == []
    [payload] = tested.payloads()
    assert payload["env"] == "prod"
    assert payload["app_version"] == "7"
    assert "language" not in payload
    spans = [span for chunk in payload["chunks"] for span in chunk["spans"]]
    assert [span["span_id"] for span in spans] == [1, 2, 1, 2]
    assert {span["meta"].get("_dd.compute_stats") for span in spans} == {None}
    tested.counted()


@pytest.mark.parametrize("computed_stats", [True, False])
def test_headers_of_own_spans_tell_who_computes_statistics(bench, make_span, computed_stats):
    tested = bench()
    tested.take_own([make_span()], computed_stats)
    [body] = tested.pipeline.seal()
    expected = {b"datadog-send-real-http-status": b"1", **({b"datadog-client-computed-stats": b"true"} if computed_stats else {})}
    assert dict(body.headers) == expected


def test_what_a_tracer_dropped_itself_is_told_with_its_next_body(bench, make_span):
    tested = bench()
    tested.take(headers=TracerHeaders(lang="go", dropped_p0_traces=2, dropped_p0_spans=5))
    assert tested.pipeline.seal() == []
    tested.take([make_span()], headers=TracerHeaders(lang="go", dropped_p0_traces=1))
    [body] = tested.pipeline.seal()
    assert dict(body.headers)[b"datadog-client-dropped-p0-traces"] == b"3"
    assert dict(body.headers)[b"datadog-client-dropped-p0-spans"] == b"5"


# --- of everything something ------------------------------------------------------------------------------------------------------

IDS = st.integers(0, 6)
ANY_SPANS = st.fixed_dictionaries(
    {
        "service": st.sampled_from(["", "a", "aws.lambda"]), "name": st.sampled_from(["", "op", "dns.lookup", "aws.lambda"]),
        "resource": st.sampled_from(["", "r", "dd-tracer-serverless-span"]), "type": st.just("web"), "trace_id": IDS, "span_id": IDS,
        "parent_id": IDS,
        "start": st.integers(-(2**63), 2**63 - 1), "duration": st.integers(-(2**63), 2**63 - 1), "error": st.integers(0, 1),
        "meta": st.dictionaries(st.sampled_from(["env", "http.url", "http.status_code", "version"]), st.text(max_size=5), max_size=3),
        "metrics": st.dictionaries(st.sampled_from(["_sampling_priority_v1", "_dd1.sr.eausr"]), st.floats(), max_size=2),
    }
)  # fmt: skip
REQUESTS = st.lists(st.lists(st.lists(ANY_SPANS, max_size=4), max_size=3), max_size=4)


@settings(max_examples=60, deadline=None)
@given(REQUESTS, st.booleans(), st.sampled_from([None, 3000]))
def test_every_span_is_sealed_in_hand_removed_or_dropped_with_a_reason(bench, requests, compute_stats, bytes_max):
    tested = bench(compute_stats=compute_stats, bytes_max=bytes_max, keeps=lambda root, tags: root["span_id"] != 3, stats=lambda *_: None)
    for request in requests:
        tested.take(*request)
        tested.counted()
    chunks = tested.chunks()
    assert sum(len(chunk["spans"]) for chunk in chunks) == tested.counted().sealed
    for chunk in chunks:
        assert len({span["trace_id"] for span in chunk["spans"]}) == 1
        for span in chunk["spans"]:
            assert span["span_id"]
            assert 0 <= span.get("start", 0) <= 2**63 - 1 - span.get("duration", 0)
            assert all(span[name] for name in ("service", "name", "resource"))
            assert span["meta"]["_dd.origin"] == "lambda"


@settings(max_examples=30, deadline=None)
@given(REQUESTS)
def test_how_traces_are_divided_into_requests_changes_nothing_but_the_payloads(bench, requests):
    traces = [trace for request in requests for trace in request]
    copies = copy.deepcopy(traces)
    together, apart = bench(), bench()
    together.take(*traces)
    for trace in copies:
        apart.take(trace)
    assert sorted(map(repr, together.spans())) == sorted(map(repr, apart.spans()))
