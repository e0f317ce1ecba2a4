"""The routes on port 8124, where language libraries talk about invocations (specification, invocation 2).

`read` says what a request is: a call to take, or an answer for what is none. Start and end calls never fail: what is wrong with a body
costs the body, and the headers stand.
"""

import attrs

from protocols.http_server import Headers, Refused, Request, Response

BODY_BYTES_MAX = 6 * 1024 * 1024
RECEIVED_BYTES_MAX = 8 * 1024 * 1024  # what is read to the end, so that who sends a little too much gets to read the answer
TEXT = ((b"Content-Type", b"text/plain; charset=utf-8"),)
REQUEST_ID = "lambda-runtime-aws-request-id"

START, END, FLUSH, HELLO = "start", "end", "flush", "hello"
ROUTES: dict[str, tuple[str, str]] = {
    "/lambda/hello": ("GET", HELLO),
    "/lambda/start-invocation": ("POST", START),
    "/lambda/end-invocation": ("POST", END),
    "/lambda/flush": ("POST", FLUSH),
}
"""Path to the method that it takes and the kind of call."""


@attrs.frozen
class Call:
    """One call of a library. `headers` by lower-case name; `problem` says what was wrong with the body, which is empty then."""

    kind: str
    headers: dict[str, str]
    body: bytes = b""
    problem: str = ""

    @property
    def request_id(self) -> str:
        """The request that the call names, "" if none."""
        return self.headers.get(REQUEST_ID, "").strip()


def request_of(request: Request | Refused) -> Request:
    """What a call came in: of one that did not come whole, its head."""
    if isinstance(request, Request):
        return request
    assert request.head is not None, "without a head there is no call"
    return request.head


def read(request: Request | Refused) -> Call | Response:
    """The call that a request is, or the answer to one that is none."""
    if isinstance(request, Refused):
        return _of_refused(request)
    route = ROUTES.get(request.path)
    if route is None:
        return Response(404)
    method, kind = route
    if request.method != method:
        return Response(405, ((b"Allow", method.encode("ascii")),))
    if len(request.body) > BODY_BYTES_MAX:
        return Call(kind, _folded(request.headers), problem="body over the limit")
    return Call(kind, _folded(request.headers), request.body)


def _of_refused(refused: Refused) -> Call | Response:
    """A start or end call whose body did not come whole still tells its headers."""
    if refused.head is None or ROUTES.get(refused.head.path) not in (("POST", START), ("POST", END)) or refused.head.method != "POST":
        return Response(refused.status)
    _, kind = ROUTES[refused.head.path]
    return Call(kind, _folded(refused.head.headers), problem=f"body not whole ({refused.status})")


def _folded(headers: Headers) -> dict[str, str]:
    """By lower-case name, the first of several with the same name; bytes that are no ASCII as Latin-1."""
    folded: dict[str, str] = {}
    for name, value in headers:
        folded.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return folded


def answer(headers: Headers = ()) -> Response:
    """The answer to a call; `headers` are those of a start call's trace context."""
    return Response(200, (*TEXT, *headers), b"{}")
