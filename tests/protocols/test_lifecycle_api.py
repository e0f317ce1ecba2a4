"""The routes on port 8124."""

import pytest

from protocols.http_server import Refused, Request
from protocols.lifecycle_api import answer


@pytest.mark.parametrize(
    ("method", "target", "status", "body"),
    [
        ("GET", "/lambda/hello", 200, b"{}"),
        ("GET", "/lambda/hello?from=library", 200, b"{}"),
        ("POST", "/lambda/hello", 405, b""),
        ("GET", "/", 404, b""),
        ("GET", "/lambda/hello/", 404, b""),
    ],
)
def test_routes(method, target, status, body):
    response = answer(Request(method, target, (), b""))
    assert (response.status, response.body) == (status, body)


@pytest.mark.parametrize("status", [400, 408, 413, 431])
def test_what_the_server_refused_is_answered_as_it_says(status):
    assert answer(Refused(status, "why")).status == status
