"""What an intake notes of one request."""

import pytest

from emulator.arrival import ARRIVAL_BYTES, CONNECTION_HEADERS, Arrival, path_of
from emulator.decode import Decoded


@pytest.mark.parametrize(
    ("target", "path"), [("/a/b?c=/d", "/a/b"), ("http://h:1/a?b", "/a"), ("http://h", "/"), ("/a?b=http://c/d", "/a"), ("*", "*")]
)
def test_the_path_of_any_form_of_target(target, path):
    assert path_of(target) == path


def arrival(body_bytes=10, raw_bytes=30):
    headers = {"dd-api-key": "k", **dict.fromkeys(CONNECTION_HEADERS, "x")}
    decoded = Decoded("proxy", {"bytes": 30}, (), raw_bytes)
    return Arrival(1.5, "POST", "h", "/api/v2/profile?a=b", headers, body_bytes, decoded, "202", kept=True)


def test_an_output_has_the_keys_of_a_recording_and_no_header_of_the_connection():
    assert arrival().output() == {
        "at_ms": 1.5,
        "out": "proxy",
        "path": "/api/v2/profile",
        "headers": {"dd-api-key": "k"},
        "bytes": 10,
        "document": {"bytes": 30},
    }


@pytest.mark.parametrize(("body_bytes", "raw_bytes", "weight"), [(10, 30, 30), (10, 0, 10)])
def test_an_arrival_weighs_at_least_its_body(body_bytes, raw_bytes, weight):
    assert arrival(body_bytes, raw_bytes).weight == ARRIVAL_BYTES + weight
