"""The routes on port 8126."""

import json

import pytest

from protocols.http_server import Refused, Request
from protocols.trace_api import ENDPOINTS, answer


def test_info_names_the_version_and_only_what_is_served():
    response = answer(Request("GET", "/info", (), b""), "1.2.3")
    assert response.status == 200
    document = json.loads(response.body)
    assert document == {"version": "1.2.3", "endpoints": list(ENDPOINTS), "client_drop_p0s": False}
    assert all(answer(Request("GET", endpoint, (), b""), "1.2.3").status != 404 for endpoint in document["endpoints"])


@pytest.mark.parametrize(("method", "target", "status"), [("PUT", "/info", 405), ("GET", "/nothing", 404), ("GET", "/info?a=b", 200)])
def test_routes(method, target, status):
    assert answer(Request(method, target, (), b""), "1").status == status


@pytest.mark.parametrize("status", [400, 413])
def test_what_the_server_refused_is_answered_as_it_says(status):
    assert answer(Refused(status, "why"), "1").status == status
