import gzip
import json
from base64 import b64encode

import pytest


def test_the_group_is_read_from_the_beginning_of_the_data(inferred):
    found = inferred("cloudwatch_logs_event", region="eu-west-1")
    assert found.spans == ()
    assert found.is_async
    assert found.tags == {
        "function_trigger.event_source": "cloudwatch-logs",
        "function_trigger.event_source_arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/shop:*",
    }


def arn_of(inferred, data):
    return inferred({"awslogs": {"data": data}}).tags["function_trigger.event_source_arn"]


def pack(text):
    return b64encode(gzip.compress(text.encode())).decode()


def test_megabytes_of_lines_are_not_unpacked(inferred):
    lines = {"owner": "1", "logGroup": "g", "logEvents": ["x" * 5_000_000]}
    assert arn_of(inferred, pack(json.dumps(lines))) == "arn:aws:logs:us-east-1:1:log-group:g:*"


def test_a_line_that_looks_like_a_member_is_none(inferred):
    assert arn_of(inferred, pack('{"logEvents": ["{\\"x", {"logGroup": "no"}]}')) == ""


@pytest.mark.parametrize(
    "data",
    [
        "",
        "text",
        "!",
        pack(""),
        pack("{}"),
        pack('{"logGroup":'),
        pack('{"logGroup":7}'),
        pack('{"logGroup":' + "[" * 9000),
        b64encode(b"x").decode(),
    ],
)
def test_data_of_another_kind_has_no_group(inferred, data):
    assert arn_of(inferred, data) in ("", "arn:aws:logs:us-east-1::log-group:7:*")
