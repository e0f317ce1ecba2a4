"""The routes on port 8126, where tracers expect a Datadog agent (specification, traces 1).

`/info` names what is served and nothing else: a tracer that finds a route missing there does not try it.
"""

import json

from protocols.http_server import Refused, Request, Response

BODY_BYTES_MAX = 2 * 1024 * 1024
ENDPOINTS = ("/info",)
JSON = ((b"Content-Type", b"application/json"),)


def info(version: str) -> bytes:
    """The document of `/info`."""
    return json.dumps({"version": version, "endpoints": list(ENDPOINTS), "client_drop_p0s": False}, separators=(",", ":")).encode()


def answer(request: Request | Refused, version: str) -> Response:
    """The answer to one request."""
    if isinstance(request, Refused):
        return Response(request.status)
    if request.path != "/info":
        return Response(404)
    if request.method != "GET":
        return Response(405, ((b"Allow", b"GET"),))
    return Response(200, JSON, info(version))
