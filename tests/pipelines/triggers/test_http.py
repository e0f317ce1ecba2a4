from base64 import b64encode

import pytest

from pipelines.triggers.http import authorizer_carrier, find_header, headers_of, is_async_invocation, url


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"headers": {"Host": "a", "n": 1}}, {"host": "a", "n": "1"}),
        ({"headers": None, "multiValueHeaders": {"Host": ["a", "b"], "none": [], "odd": [1], "text": "x"}}, {"host": "a"}),
        ({"headers": {}, "multiValueHeaders": {"Host": ["a"]}}, {"host": "a"}),
        ({"headers": {"Host": ["a", "b"]}}, {"host": "a"}),
        ({"headers": {"Host": "a"}, "multiValueHeaders": {"Host": ["b"], "more": ["c"]}}, {"host": "a"}),
        ({"headers": [], "multiValueHeaders": 7}, {}),
        ({}, {}),
    ],
)
def test_headers_are_a_carrier(record, expected):
    assert headers_of(record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"headers": {"User-Agent": "curl"}}, "curl"),
        ({"headers": {"user-agent": None}, "multiValueHeaders": {"USER-AGENT": ["a", "b"]}}, "a"),
        ({"headers": {"user-agents": "x"}}, None),
        ({"headers": "user-agent"}, None),
        ({"multiValueHeaders": {"user-agent": []}}, None),
    ],
)
def test_a_header_is_found_under_any_case(record, expected):
    assert find_header(record, "user-agent") == expected


@pytest.mark.parametrize(("value", "expected"), [("Event", True), ("event", False), ("RequestResponse", False), (None, False)])
def test_the_caller_says_whether_it_waits(value, expected):
    assert is_async_invocation({"headers": {"X-Amz-Invocation-Type": value}}) is expected


def test_a_url_needs_something_to_name():
    assert url("host", "/path") == "https://host/path"
    assert url("", "") == ""


def an_authorizer(carrier, request_id="r-1", **authorizer):
    packed = b64encode(carrier.encode()).decode()
    return {"requestContext": {"requestId": request_id, "authorizer": {"_datadog": packed, "lambda": {"_datadog": packed}} | authorizer}}


CARRIER = '{"x-datadog-trace-id":"7","x-datadog-authorizing-requestid":"r-1","x-datadog-parent-span-finish-time":1666633566931}'


@pytest.mark.parametrize("path", [(), ("lambda",)])
def test_an_authorizer_that_ran_for_this_request_leaves_a_carrier(path):
    assert authorizer_carrier(an_authorizer(CARRIER), *path)["x-datadog-trace-id"] == "7"


@pytest.mark.parametrize(
    ("record", "counts"),
    [
        (an_authorizer(CARRIER, request_id="r-2"), False),
        (an_authorizer(CARRIER, request_id="r-2", integrationLatency=12), True),
        (an_authorizer(CARRIER, request_id="r-2", integrationLatency=0), False),
        (an_authorizer(CARRIER, request_id="r-2", integrationLatency=True), False),
        (an_authorizer(CARRIER, request_id=None), False),
        (an_authorizer('{"x-datadog-trace-id":"7"}'), False),
        (an_authorizer('{"x-datadog-trace-id":"7","x-datadog-authorizing-requestid":""}', request_id=""), False),
        (an_authorizer('{"x-datadog-authorizing-requestid":"r-1"}'), False),
        (an_authorizer("{"), False),
        (an_authorizer(CARRIER, _datadog=7), False),
        ({"requestContext": {"authorizer": None}}, False),
        ({}, False),
    ],
)
def test_what_an_older_request_left_does_not_count(record, counts):
    assert (authorizer_carrier(record) is not None) is counts
