"""What every span is given (specification, traces 7.3)."""

import pytest

from emulator.protobuf_schemas import decode_message
from pipelines.traces.enrich import Enricher, base_service

TAGS = {"region": "us-west-2", "service": "shop", "env": "Prod", "version": "7"}


def enriched(span, tags=TAGS, base="my-function"):
    span = {"service": "s", "meta": {}} | span
    Enricher(tags, base).enrich(span)
    return span


def test_the_generic_service_becomes_the_functions():
    assert enriched({"service": "aws.lambda"})["service"] == "shop"
    assert enriched({"service": "other"})["service"] == "other"
    assert enriched({"service": "aws.lambda"}, tags={})["service"] == "aws.lambda"


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"_inferred_span.tag_source": "self"}, "my-function"),
        ({"_inferred_span.tag_source": "self", "_dd.base_service": "tracer-set-value"}, "tracer-set-value"),
        ({}, None),
    ],
)
def test_inferred_spans_are_told_their_base_service(meta, expected):
    assert enriched({"meta": meta})["meta"].get("_dd.base_service") == expected


@pytest.mark.parametrize(
    ("service", "function_name", "enabled", "expected"),
    [("", "my-function", True, "my-function"), ("my-payments-api", "my-function", True, "my-payments-api"),
     ("my-payments-api", "my-function", False, "aws.lambda"), ("", "", True, "aws.lambda")],
)  # fmt: skip
def test_the_base_service_is_the_table(service, function_name, enabled, expected):
    assert base_service(service, function_name, enabled) == expected


def test_keys_that_are_overwritten_leave_the_spans_own_map():
    meta = {"env": "other", "version": "1", "origin": "x", "_dd.origin": "rum", "_dd.compute_stats": "0", "own": "stays"}
    assert enriched({"meta": meta})["meta"] == {"own": "stays"}


@pytest.mark.parametrize("backend_computes", [True, False])
def test_what_is_common_is_the_functions_tags_and_the_origin(backend_computes):
    common = Enricher(TAGS, "f").common(backend_computes)
    expected = {"region": "us-west-2", "service": "shop", "env": "prod", "version": "7", "origin": "lambda", "_dd.origin": "lambda"}
    if backend_computes:
        expected["_dd.compute_stats"] = "1"
    assert common.tags == expected
    assert decode_message("Span", common.encoded) == ({"meta": expected}, [])


def test_an_environment_that_would_be_nothing_stays():
    assert Enricher({"env": "!!"}, "f").function_tags == {"env": "!!"}
