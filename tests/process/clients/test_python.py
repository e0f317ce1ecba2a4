"""A function of Python with `datadog-lambda` around it, under Lambda's own runtime client: the library makes the spans of invocations."""

import re

import pytest

pytestmark = [pytest.mark.peers, pytest.mark.long]  # long for the installing, the first time

COMPLAINT = re.compile(r"\[(WARNING|ERROR|CRITICAL)\]|\b(WARNING|ERROR|CRITICAL):")
PRICES = 100


@pytest.fixture(scope="module")
def play(clients, tmp_path_factory):
    """Runs the function, with variables of its own."""
    function = clients.python(tmp_path_factory.mktemp("python"))
    return lambda **variables: clients.run(function, {"DD_TAGS": "team:shop", **variables})


@pytest.fixture(scope="module")
def found(play):
    return play()


@pytest.fixture(scope="module")
def spans(clients, found):
    return clients.spans_of(found)


@pytest.fixture
def invoked(found, spans):
    """The span of each invocation: through an HTTP API, from a queue, plain, failed."""
    return spans.of_requests(result.request_id for result in found.results)


def complaints(found):
    """What the function's log has of warnings and errors, save the error that was asked for."""
    return [line for line in found.run.function_output if COMPLAINT.search(line) and "asked to fail" not in line]


def test_each_invocation_is_one_trace_of_the_librarys_own_and_the_extension_adds_no_second_root(found, spans, invoked):
    assert found.statuses == ["success", "success", "success", "error"]
    assert {name: count for name, count in spans.names.items() if name != "aws.lambda.import"} == {
        "aws.lambda": 4,
        "aws.httpapi": 1,
        "aws.sqs": 1,
        "aws.lambda.load": 1,
        "aws.lambda.cold_start": 1,
        "shop.order": 4,
        "shop.query": 4,
    }
    roots = [sorted(span["name"] for span in spans.roots_of(each["trace_id"])) for each in invoked]
    assert roots == [["aws.httpapi", "aws.lambda.cold_start"], ["aws.sqs"], ["aws.lambda"], ["aws.lambda"]]
    assert all(spans.children_of(each) == ["shop.order"] for each in invoked)
    assert len({each["trace_id"] for each in invoked}) == 4


def test_neither_the_library_nor_the_extension_has_anything_to_complain_of(found):
    assert complaints(found) == []
    assert found.own("WARN") == []
    found.check_orderly()


def test_inferred_spans_and_the_upstream_context_are_the_librarys_and_stay(clients, spans, invoked):
    http, queue, _, _ = invoked
    api, message, cold_start, load = map(spans.only, ("aws.httpapi", "aws.sqs", "aws.lambda.cold_start", "aws.lambda.load"))
    assert (http["trace_id"], http["parent_id"], api.get("parent_id", 0)) == (api["trace_id"], api["span_id"], 0)
    assert (queue["trace_id"], queue["parent_id"]) == (clients.trace_id, message["span_id"])
    assert (message["trace_id"], message["parent_id"]) == (clients.trace_id, clients.parent_id)
    assert api["meta"]["_inferred_span.tag_source"] == message["meta"]["_inferred_span.tag_source"] == "self"
    assert (load["trace_id"], load["parent_id"]) == (cold_start["trace_id"], cold_start["span_id"])
    assert cold_start["trace_id"] == http["trace_id"]
    assert cold_start["start"] + cold_start["duration"] <= http["start"]


def test_tags_of_the_library_and_of_the_extension_are_merged(found, spans, invoked):
    for meta in (span["meta"] for span in invoked):
        assert (meta["datadog_lambda"], meta["functionname"], meta["env"], meta["version"]) == ("8.130.0", "my-function", "lab", "7")
        assert (meta["function_arn"], meta["_dd.origin"], meta["team"]) == (found.config.arn, "lambda", "shop")
    assert [span["meta"]["cold_start"] for span in invoked] == ["true", "false", "false", "false"]
    assert [span["meta"].get("function_trigger.event_source") for span in invoked] == ["api-gateway", "sqs", None, None]
    http, _, _, failed = invoked
    assert http["meta"]["http.status_code"] == "200"
    assert (failed["error"], failed["meta"]["error.message"]) == (1, "asked to fail")
    assert {span["meta"]["http.url"] for span in spans.named("shop.order")} == {"http://shop.test/orders?id=7"}
    assert {span["resource"] for span in spans.named("shop.query")} == {"SELECT * FROM orders WHERE id = ?"}


def test_all_its_metrics_arrive_with_their_values(clients, found):
    count = len(found.results)
    assert clients.values_of(found, "shop.price") == (count * PRICES, count * sum(range(1, PRICES + 1)), 1, PRICES)
    [metric] = [each for each in found.account.metrics if each.name == "shop.price"]
    assert {"currency:eur", "service:orders", "env:lab", "version:7", "dd_lambda_layer:datadog-python311_8.130.0"} <= set(metric.tags)
    # The library counts errors as well: also those that the platform does not see, so its own stay (specification, metrics 1.2).
    assert (found.counted("invocations"), found.counted("errors"), found.counted("errors", "datadog_lambda:v8.130.0")) == (count, 2, 1)


def test_a_library_that_misses_its_agent_would_say_so(play):
    """That its complaints are seen above."""
    assert complaints(play(DD_TRACE_AGENT_URL="http://127.0.0.1:8190")) != []
