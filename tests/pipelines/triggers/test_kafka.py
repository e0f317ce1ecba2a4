"""Records and headers of Kafka, in the forms that runtimes give them (specification, triggers 6.6)."""

import pytest

from pipelines.triggers.batches import RECORDS_MAX
from pipelines.triggers.budget import INNER_CHARS_MAX, Budget
from pipelines.triggers.kafka import HEADER_BYTES_MAX, HEADERS_MAX, carrier, header_text, kafka_records


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([104, 101], "he"),
        (["49"], "1"),
        ([104, "101"], "he"),
        ({"0": "52", "1": "54"}, "46"),
        ({"10": "99", "9": "98", "1": "97"}, "abc"),
        ({"0": 52}, "4"),
        ({"0": "52", "x": "54", "1": "no"}, "4"),
        ([], ""),
        ({}, ""),
        ([104, 256], None),
        ([104, -1], None),
        ([104, "256"], None),
        ([104, None], None),
        ([104, 1.5], None),
        ([255], None),
        (["٣"], None),
        ("text", None),
        (None, None),
        ([97] * (HEADER_BYTES_MAX + 1), None),
    ],
)
def test_a_header_is_the_text_of_its_bytes(value, expected):
    assert header_text(value, Budget()) == expected


def with_headers(headers):
    return {"event": {}, "record": {"headers": headers}}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([{"Traceparent": [98]}, {"b": [255]}, 7, {"c": [99]}], {"traceparent": "b", "c": "c"}),
        ({"0": {"traceparent": ["98"], "A": [97]}, "1": None}, {"traceparent": "b", "a": "a"}),
        ([{"a": [98]}], {}),
        ({}, {}),
        (None, {}),
        ("text", {}),
    ],
)
def test_headers_come_in_a_list_or_an_object(headers, expected):
    assert carrier(with_headers(headers), Budget()) == expected


def test_so_many_headers_are_read_and_no_more():
    headers = [{"b3": [97]}, *({str(number): [97]} for number in range(HEADERS_MAX))]
    assert len(carrier(with_headers(headers), Budget())) == HEADERS_MAX
    assert len(carrier(with_headers([dict(pair for each in headers for pair in each.items())]), Budget())) == HEADERS_MAX


@pytest.mark.parametrize(
    ("records", "topics"),
    [
        ({"a-0": [{"topic": "a"}, {"topic": "b"}], "c-0": [{"topic": "c"}]}, ["a", "b", "c"]),
        ({"a-0": {"0": {"topic": "a"}, "1": {"topic": "b"}}}, ["a", "b"]),
        ({"a-0": [], "b-0": None, "c-0": [7, {"topic": "c"}]}, ["c"]),
        ({}, [None]),
        ([], [None]),
    ],
)
def test_records_keep_the_order_of_the_document(records, topics):
    event = {"records": records}
    found = kafka_records(event)
    assert [each["record"].get("topic") for each in found] == topics
    assert all(each["event"] is event for each in found)


def test_one_record_more_than_is_read_tells_that_there_are_more():
    assert len(kafka_records({"records": {"a": [{}] * 60, "b": [{}] * 60}})) == RECORDS_MAX + 1


def test_headers_have_a_budget_for_all_records_together():
    budget = Budget()
    value = [97] * HEADER_BYTES_MAX
    read = [header_text(value, budget) for _ in range(INNER_CHARS_MAX // (4 * HEADER_BYTES_MAX) + 1)]
    assert read == ["a" * HEADER_BYTES_MAX] * (len(read) - 1) + [None]
    assert budget.refused
