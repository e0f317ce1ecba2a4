"""Which API answers which path."""

import pytest

from emulator.routes import Routes
from emulator.wire import Arrival
from protocols.http_server import Request, Response


class Api:
    def __init__(self, name):
        self.name = name

    async def answer(self, request, arrival):
        return Response(200, body=self.name)

    def credentials(self, request):
        return Response(200, body=b"credentials")


@pytest.mark.parametrize(
    ("path", "status", "kind", "body"),
    [
        ("/2018-06-01/runtime/invocation/next", 200, "runtime", b"runtime"),
        ("/2020-01-01/extension/register", 200, "extensions", b"extensions"),
        ("/2022-07-01/telemetry", 200, "telemetry_api", b"extensions"),
        ("/2021-04-23/credentials", 200, "other", b"credentials"),
        ("/2018-06-01/ping", 200, "other", b"pong"),
        ("/2020-08-15/logs", 202, "other", b"Logs.NotSupported"),
        ("/elsewhere", 404, "other", b"NotFound"),
    ],
)
async def test_a_path_is_answered_by_its_api_and_seen(path, status, kind, body):
    seen = []
    routes = Routes(Api(b"extensions"), Api(b"runtime"), seen.append)
    answer = await routes.answer(Request("GET", path, ((b"a", b"b"),), b"asked"), Arrival(1.0, 2.0))
    assert (answer.status, body in answer.body) == (status, True)
    (call,) = seen
    assert (call.kind, call.method, call.path, call.body, call.status, call.at_ms) == (kind, "GET", path, b"asked", status, 1.0)
    assert call.answer == answer.body
