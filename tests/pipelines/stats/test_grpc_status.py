"""gRPC status codes, as text and as numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stats.grpc_status import STATUS_KEYS, code_of_number, code_of_text, status_code

TABLE = """
OK 0 | CANCELLED 1 | CANCELED 1 | UNKNOWN 2 | INVALID_ARGUMENT 3 | INVALIDARGUMENT 3 | DEADLINE_EXCEEDED 4 | DEADLINEEXCEEDED 4
NOT_FOUND 5 | NOTFOUND 5 | ALREADY_EXISTS 6 | ALREADYEXISTS 6 | PERMISSION_DENIED 7 | PERMISSIONDENIED 7 | RESOURCE_EXHAUSTED 8
RESOURCEEXHAUSTED 8 | FAILED_PRECONDITION 9 | FAILEDPRECONDITION 9 | ABORTED 10 | OUT_OF_RANGE 11 | OUTOFRANGE 11 | UNIMPLEMENTED 12
INTERNAL 13 | UNAVAILABLE 14 | DATA_LOSS 15 | DATALOSS 15 | UNAUTHENTICATED 16
"""
ROWS = [row.split() for line in TABLE.split("\n") for row in line.split(" | ") if row]


@pytest.mark.parametrize(("text", "code"), ROWS)
def test_every_name_has_its_code_in_any_case_and_with_the_prefix(text, code):
    for variant in (text, text.lower(), text.title(), f"StatusCode.{text}", f"StatusCode.{text.lower()}"):
        assert code_of_text(variant) == code


@pytest.mark.parametrize(("text", "code"), [("0", "0"), ("14", "14"), ("255", "255"), ("007", "7"), ("+5", "5")])
def test_numbers_that_fit_a_byte_are_codes(text, code):
    assert code_of_text(text) == code


@pytest.mark.parametrize(
    "text",
    ["", "256", "-1", "NOPE", "１", "ＯＫ", "OKé", "ok ", "1.0", "++1", "+", "statuscode.OK", "StatusCode.", "9" * 5000, "VERY_LONG_" * 99],
)
def test_other_texts_are_none(text):
    assert code_of_text(text) == ""


@pytest.mark.parametrize(
    ("number", "code"), [(3.0, "3"), (0, "0"), (255, "255"), (256, ""), (-1, ""), (1.5, ""), (math.nan, ""), (math.inf, "")]
)
def test_whole_numbers_that_fit_a_byte_are_codes(number, code):
    assert code_of_number(number) == code


@pytest.mark.parametrize(
    ("meta", "metrics", "code"),
    [
        ({}, {}, ""),
        ({"rpc.grpc.status_code": "PERMISSION_DENIED"}, {"rpc.grpc.status_code": 2.0}, "7"),
        ({"rpc.grpc.status_code": "NOPE", "grpc.code": "OK"}, {}, "0"),
        ({"rpc.grpc.status_code": "NOPE"}, {"grpc.status.code": 2.0}, "2"),
        ({"grpc.code": "1", "rpc.grpc.status.code": "2"}, {}, "1"),
        ({"rpc.grpc.status.code": "2", "grpc.status.code": "3"}, {}, "2"),
        ({}, {"rpc.grpc.status_code": 300.0, "grpc.code": 3.0}, "3"),
        ({"grpc.method.name": "/pkg.Svc/Method"}, {}, ""),
    ],
)
def test_the_first_that_can_be_read_counts_texts_before_numbers(meta, metrics, code):
    assert status_code(meta, metrics) == code


@pytest.mark.parametrize("key", STATUS_KEYS)
def test_every_key_is_looked_at_in_both_maps(key):
    assert status_code({key: "14"}, {}) == status_code({}, {key: 14.0}) == "14"


@given(st.text(max_size=30))
def test_any_text_is_a_code_or_none(text):
    assert code_of_text(text) == "" or 0 <= int(code_of_text(text)) <= 255
