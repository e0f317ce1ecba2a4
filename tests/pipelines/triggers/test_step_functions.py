"""Step Functions (specification, triggers 6.13)."""

import pytest

from pipelines.triggers.model import DerivedContext
from pipelines.triggers.step_functions import ORIGIN, derived, digest, low_half, parent_of, u63

PLAIN = DerivedContext(5744042798732701615, 2902498116043018663, 1, ORIGIN, {"_dd.p.tid": "1914fe7789eb32be"})
NESTED = DerivedContext(1322229001489018110, 8947638978974359093, 1, ORIGIN, {"_dd.p.tid": "579d19b3ee216ee9"})
ROOT = DerivedContext(5821803790426892636, 8947638978974359093, 1, ORIGIN, {"_dd.p.tid": "672a7cb100000000", "_dd.p.dm": "-0"})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("step_function_event", PLAIN),
        ("step_function_legacy_event", PLAIN),
        ("step_function_nested_event", NESTED),
        ("step_function_nested_legacy_event", NESTED),
        ("step_function_lambda_root_event", ROOT),
        ("step_function_lambda_root_legacy_event", ROOT),
    ],
)
def test_the_context_follows_from_the_execution(inferred, name, expected):
    found = inferred(name)
    assert found.contexts == (expected,)
    assert found.tags == {
        "function_trigger.event_source": "states",
        "function_trigger.event_source_arn": "arn:aws:states:us-east-1:425362996713:stateMachine:agocsTestSF",
    }


def test_counts_are_part_of_the_visit(payload):
    event = payload("step_function_event")
    event["State"]["RetryCount"] = 1
    assert derived(event).span_id == 441787108535285652


@pytest.mark.parametrize("value", [None, "1", -1, 65536, 1.0, True])
def test_a_count_that_is_none_is_zero(payload, value):
    event = payload("step_function_event")
    event["State"]["RetryCount"] = value
    del event["Execution"]["RedriveCount"]
    assert derived(event) == PLAIN


RUN = "acaf1a67-336a-e854-1599-2a627eb2dd8a:c8baf081-31f1-464d-971f-70cb17d01111"
EXPRESS = f"arn:aws:states:sa-east-1:601427271234:express:DatadogStateMachine:{RUN}"


@pytest.mark.parametrize(
    ("entered", "expected"), [("2022-12-08T21:08:19.224Z", 4340734536022949921), ("2022-12-08T21:08:19.224Y", 981693280319792699)]
)
def test_a_visit_has_its_own_span_id(entered, expected):
    assert parent_of({"State": {"Name": "step-one", "EnteredTime": entered}}, EXPRESS) == expected


def test_a_trace_id_is_both_halves_of_a_digest():
    machine = "arn:aws:states:sa-east-1:425362996713:stateMachine:MyStateMachine-b276uka1j"
    assert low_half(machine) == 1680583253837593461
    assert u63(digest(machine)[:8]) == 6984552746569958392 == 0x60EE1DB79E4803F8


@pytest.mark.parametrize(
    ("data", "expected"), [(bytes(8), 1), (b"\x80" + bytes(7), 1), (b"\xff" * 8, (1 << 63) - 1), (bytes(7) + b"\2", 2)]
)
def test_an_id_is_never_zero_and_never_negative(data, expected):
    assert u63(data) == expected


def test_a_root_with_a_broken_trace_id_has_the_executions(payload):
    event = payload("step_function_lambda_root_event")["_datadog"]
    for broken in ("abc", "-1", str(1 << 64), "9" * 30, "٣"):
        assert derived(event | {"x-datadog-trace-id": broken}).trace_id == low_half(event["Execution"]["Id"])


def test_a_root_without_tags_is_a_root(payload):
    event = payload("step_function_lambda_root_event")["_datadog"]
    del event["x-datadog-tags"]
    assert derived(event) == DerivedContext(5821803790426892636, 8947638978974359093, 1, ORIGIN, {})


def test_the_input_of_an_execution_may_have_the_context(payload):
    event = payload("step_function_event")
    event["Execution"]["Input"] = {"_datadog": {"x-datadog-trace-id": "7", "x-datadog-tags": "_dd.p.tid=66bcb5eb00000000,other=1"}}
    assert derived(event) == DerivedContext(7, PLAIN.span_id, 1, ORIGIN, {"_dd.p.tid": "66bcb5eb00000000"})
    assert derived(event | {"serverless-version": "v1"}) == PLAIN


@pytest.mark.parametrize(
    ("change", "source"),
    [
        ({"State": {"Name": "a"}}, ""),
        ({"State": {"EnteredTime": "a"}}, ""),
        ({"State": None}, ""),
        ({"Execution": {}}, ""),
        ({"Execution": {"Id": None}}, ""),
        ({"StateMachine": None}, "step_functions"),
        ({"Execution": {"Id": "e"}, "State": {"Name": "n", "EnteredTime": "t"}}, "step_functions"),
        ({"Payload": {}}, ""),
        ({"Payload": None}, "step_functions"),
        ({"_datadog": 7}, ""),
    ],
)
def test_execution_state_and_time_make_a_context_object(inferred, payload, change, source):
    assert inferred(payload("step_function_event") | change).source == source


def test_an_execution_without_a_name_has_no_context(inferred, payload):
    found = inferred(payload("step_function_event") | {"Execution": {"Id": {}}})
    assert (found.source, found.contexts) == ("step_functions", ())
