"""The routes on port 8124, where language libraries talk about invocations (specification, invocation 2)."""

from protocols.http_server import Refused, Request, Response

BODY_BYTES_MAX = 6 * 1024 * 1024
JSON = ((b"Content-Type", b"application/json"),)


def answer(request: Request | Refused) -> Response:
    """The answer to one request. `/lambda/hello` is how older libraries find the extension."""
    if isinstance(request, Refused):
        return Response(request.status)
    if request.path != "/lambda/hello":
        return Response(404)
    if request.method != "GET":
        return Response(405, ((b"Allow", b"GET"),))
    return Response(200, JSON, b"{}")
