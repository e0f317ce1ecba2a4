"""Functions of Java and Go, whose libraries leave the spans of invocations to the extension (universal instrumentation).

Java runs dd-java-agent under Lambda's own runtime client, Go `datadog-lambda-go` over dd-trace-go.
"""

import re

import pytest

from emulator.values import Invocation

pytestmark = [pytest.mark.peers, pytest.mark.long]  # long for the installing, the first time

COMPLAINT = re.compile(r'\b(WARN|ERROR)(:| [a-z])|\bError while|\[ERROR\]|"status":"(warning|error)"')
NO_DAEMON = "Error dialing emitter address"  # of X-Ray, which is not there
PRICES = 100
# By language: the version that the library's spans tell, what the function's own spans are called, and the type of the error.
TOLD = {
    "java": ("language", "jvm", ["trace.annotation"], "java.lang.IllegalStateException"),
    "go": ("datadog_lambda", "1.32.0", ["shop.order"], "*errors.errorString"),
}


@pytest.fixture(scope="module", params=["java", "go"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def play(clients, language, tmp_path_factory):
    """Runs the function, with variables of its own."""
    function = getattr(clients, language)(tmp_path_factory.mktemp(language))
    return lambda **variables: clients.run(function, {"DD_TAGS": "team:shop", **variables})


@pytest.fixture(scope="module")
def found(play):
    return play()


@pytest.fixture(scope="module")
def spans(clients, found):
    return clients.spans_of(found)


@pytest.fixture
def told(language):
    return TOLD[language]


@pytest.fixture
def invoked(found, spans):
    """The span of each invocation: through an HTTP API, from a queue, plain, failed."""
    return spans.of_requests(result.request_id for result in found.results)


def complaints(found):
    """What the function's log has of warnings and errors."""
    return [line for line in found.run.function_output if COMPLAINT.search(line) and NO_DAEMON not in line]


def test_each_invocation_is_one_trace_and_the_librarys_placeholder_is_not_in_it(found, spans, told, invoked):
    assert found.statuses == ["success", "success", "success", "error"], found.run.function_output
    own = {"trace.annotation": 8} if "trace.annotation" in told[2] else {"shop.order": 4, "shop.query": 4}
    made = {"aws.lambda": 4, "aws.httpapi": 1, "aws.sqs": 1, "aws.lambda.cold_start": 1}
    assert spans.names == made | own
    assert [span["resource"] for span in spans.all if "dd-tracer-serverless-span" in (span["name"], span["resource"])] == []
    roots = [[span["name"] for span in spans.roots_of(each["trace_id"])] for each in invoked]
    assert roots == [["aws.httpapi"], ["aws.sqs"], ["aws.lambda"], ["aws.lambda"]]
    assert all(spans.children_of(each) == told[2] for each in invoked)
    assert len({each["trace_id"] for each in invoked}) == 4


def test_inferred_spans_are_above_it_and_the_upstream_context_above_those(clients, spans, invoked):
    http, queue, _, _ = invoked
    api, message, cold_start = map(spans.only, ("aws.httpapi", "aws.sqs", "aws.lambda.cold_start"))
    assert (http["trace_id"], http["parent_id"], api.get("parent_id", 0)) == (api["trace_id"], api["span_id"], 0)
    assert (cold_start["trace_id"], cold_start["parent_id"]) == (http["trace_id"], api["span_id"])
    assert (queue["trace_id"], queue["parent_id"]) == (clients.trace_id, message["span_id"])
    assert (message["trace_id"], message["parent_id"]) == (clients.trace_id, clients.parent_id)
    assert cold_start["start"] + cold_start["duration"] <= http["start"] + http["duration"]


def test_tags_of_the_library_and_of_the_extension_are_merged(found, told, invoked):
    name, version, _, error_type = told
    for meta in (span["meta"] for span in invoked):
        assert (meta[name], meta["functionname"], meta["env"], meta["version"]) == (version, "my-function", "lab", "7")
        assert (meta["function_arn"], meta["_dd.origin"], meta["team"]) == (found.config.arn, "lambda", "shop")
        assert meta["runtime-id"] == invoked[0]["meta"]["runtime-id"]
    assert [span["meta"]["cold_start"] for span in invoked] == ["true", "false", "false", "false"]
    assert [span["meta"].get("function_trigger.event_source") for span in invoked] == ["api-gateway", "sqs", None, None]
    assert [span["meta"].get("http.status_code") for span in invoked] == ["200", "200", "200", None]
    assert [span["metrics"].get("_sampling_priority_v1") for span in invoked[::2]] == [1.0, 1.0]
    failed = invoked[3]
    assert (failed["error"], failed["meta"]["error.msg"], failed["meta"]["error.type"]) == (1, "asked to fail", error_type)
    assert "\n" in failed["meta"]["error.stack"]


def test_neither_the_library_nor_the_extension_has_anything_to_complain_of(found):
    assert complaints(found) == []
    assert found.own("WARN") == []
    found.check_orderly()


def test_each_invocation_and_each_error_is_counted_once(found):
    assert (found.counted("invocations"), found.counted("errors")) == (len(found.results), 1)


def test_all_metrics_of_the_library_for_go_arrive_with_their_values(clients, language, found):
    if language == "java":
        pytest.skip("the agent for Java has no metrics of its own for functions")
    count = len(found.results)
    assert clients.values_of(found, "shop.price") == (count * PRICES, count * sum(range(1, PRICES + 1)), 1, PRICES)


def test_a_library_whose_agent_refuses_its_spans_would_say_so(play):
    """That its complaints are seen above. Port 8124 has no room for spans."""
    assert complaints(play(DD_TRACE_AGENT_URL="http://127.0.0.1:8124")) != []


def test_statistics_of_the_tracer_for_go_arrive_and_nothing_is_counted_a_second_time(clients, tmp_path):
    """It sends them every ten seconds of the clock, also of those that the sandbox was frozen."""
    variables = {"DD_TRACE_STATS_COMPUTATION_ENABLED": "true", "DD_COMPUTE_TRACE_STATS_ON_EXTENSION": "true"}
    pauses_ms = [0, 0, 0, 21_000, 200, 200]
    found = clients.run(clients.go(tmp_path), variables, [Invocation(b"{}", pause_before_ms=pause_ms) for pause_ms in pauses_ms])
    spans = clients.spans_of(found)
    assert not any("_dd.compute_stats" in span["meta"] for span in spans.named("shop.order"))
    hits = clients.groups_of(found)
    assert 3 <= hits["shop.order"] <= spans.names["shop.order"] == len(pauses_ms), "the last of them it had not sent yet"
    assert hits["shop.query"] == hits["shop.order"]
    assert found.own("WARN") == []
