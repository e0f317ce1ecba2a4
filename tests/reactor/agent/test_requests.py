"""Requests to port 8126: what the agent is told of them, and what the library is answered."""

import json

import pytest

from protocols.http_server import Request
from reactor.agent import inputs as given
from reactor.agent.requests import read
from reactor.version import VERSION


def post(target, body=b"", method="POST", **headers):
    return Request(method, target, tuple((name.replace("_", "-").encode(), value) for name, value in headers.items()), body)


def test_what_is_passed_on_is_told_with_the_request_that_it_came_as():
    request = post("/evp_proxy/v4/api/v2/x", b"body", x_datadog_evp_subdomain=b"a.b")
    told, answer = read(request)
    assert isinstance(told, given.PassedOn)
    assert told.request is request
    assert (told.proxied.product, told.proxied.subdomain) == ("evp", "a.b")
    assert answer.status == 200


@pytest.mark.parametrize(
    ("target", "method", "status"), [("/info", "GET", 200), ("/v0.7/config", "GET", 200), ("/x", "GET", 404), ("/info", "PUT", 405)]
)
def test_what_brings_nothing_is_answered_and_not_told(target, method, status):
    told, answer = read(post(target, method=method))
    assert (told, answer.status) == (None, status)


def test_info_names_this_version():
    assert json.loads(read(post("/info", method="GET"))[1].body)["version"] == VERSION
