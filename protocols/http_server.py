"""Sans-I/O server side of one HTTP/1.x connection, on h11: bytes in, whole requests out; answers in, bytes out.

It never waits and reads no clock: the limits on time are values that a pump reads (`HttpLimits`, `ServerConnection.phase`).
Any split of the byte stream gives the same requests and the same refusals.
"""

from collections.abc import Callable
from io import BytesIO

import attrs
import h11

from protocols.body_room import BodyRoom
from protocols.errors import LocalProtocolError, RemoteProtocolError

Headers = tuple[tuple[bytes, bytes], ...]

HEADER_BYTES_MAX = 16_384  # one request head, one chunk header or one trailer block
HEAD_MS_MAX = 5_000
BODY_MS_MAX = 30_000

_REASONS = {
    200: b"OK",
    202: b"Accepted",
    204: b"No Content",
    400: b"Bad Request",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    415: b"Unsupported Media Type",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}
_FRAMING = (b"content-length", b"transfer-encoding")
_BODILESS = (204, 304)


@attrs.frozen
class Request:
    """One whole request. Header names are lower case; `target` is what stood in the request line, still percent-encoded."""

    method: str
    target: str
    headers: Headers
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header called `name` (lower case)."""
        for found, value in self.headers:
            if found == name:
                return value
        return None


@attrs.frozen
class Refused:
    """The request in hand cannot be served (400, 408, 413, 431, 501, 503, 505). The connection closes after the answer."""

    status: int
    reason: str
    head: Request | None = attrs.field(default=None, eq=False, repr=False)  # of a request whose body was at fault, without it


@attrs.frozen
class Response:
    """An answer. Its framing headers (Content-Length, Transfer-Encoding) are ours to write: given ones are left out."""

    status: int
    headers: Headers = ()
    body: bytes = b""


@attrs.frozen
class HttpLimits:
    """Bounds of one connection. Times: `head_ms` from the first byte of a request to the end of its head, `body_ms` for its body
    (and for the peer to take the answer), `idle_ms` between requests (None: for ever). `body_bytes_of` a request's target, where it is
    not the same for all; never more than `body_bytes_max`."""

    body_bytes_max: int
    header_bytes_max: int = HEADER_BYTES_MAX
    head_ms: int = HEAD_MS_MAX
    body_ms: int = BODY_MS_MAX
    idle_ms: int | None = None
    body_bytes_of: Callable[[str], int] | None = None


class ServerConnection:
    """One connection: `receive` bytes, take each `next_request`, `respond` to it. Pipelined requests wait for their turn."""

    def __init__(self, limits: HttpLimits, room: BodyRoom | None = None) -> None:
        """`room`: what its bodies share with those of other connections, beside the bound that each of them has; `release` at the end."""
        self.limits = limits
        self._room = room
        self._body_bytes_max = limits.body_bytes_max
        self._http = self._fresh()
        self._pending = b""  # received, not yet given to h11
        self._pending_at = 0
        self._eof = False
        self._head: h11.Request | None = None
        self._headers: Headers = ()
        self._body = BytesIO()  # grows in place, and gives its bytes without a copy
        self._body_bytes = 0
        self._body_bytes_told: int | None = None  # Content-Length
        self._delivered = False
        self._closing = False
        self._interim = b""

    def _fresh(self) -> h11.Connection:
        """Whatever it holds unparsed is at most `header_bytes_max` long (see `_feed`), so its own limit never strikes."""
        return h11.Connection(h11.SERVER, max_incomplete_event_size=self.limits.header_bytes_max)

    def __repr__(self) -> str:
        return f"<ServerConnection {self.phase}{' closing' if self.must_close else ''}>"

    # What a pump asks.

    @property
    def phase(self) -> str:
        """`idle`, `head`, `body` (a request is arriving) or `answer` (one was delivered, or refused, and is not yet answered)."""
        if self._delivered:
            return "answer"
        if self._head is not None:
            return "body"
        return "head" if self._unparsed() else "idle"

    @property
    def busy(self) -> bool:
        """A request has begun to arrive, or was delivered and is not yet answered."""
        return self.phase != "idle"

    @property
    def must_close(self) -> bool:
        """Nothing more can be served here, once the answer in hand is out."""
        return self._closing or self._http.our_state in (h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)

    @property
    def body_bytes(self) -> int:
        """How much of the room is taken here."""
        return self._body_bytes

    def release(self) -> None:
        """Give back the room that is taken here: the body is gone, dealt with, or of no use any more."""
        if self._room is not None:
            self._room.give_back(self._body_bytes)
        self._body, self._body_bytes = BytesIO(), 0

    def take_interim(self) -> bytes:
        """What must be sent before the peer goes on (`100 Continue`), or nothing."""
        interim, self._interim = self._interim, b""
        return interim

    # Bytes in, requests out.

    def receive(self, data: bytes) -> None:
        """Take what was read; b"" is EOF. Parsing waits for `next_request`."""
        if not data:
            self._eof = True
        elif self._closing or self._eof:
            return  # after a refusal nothing is parsed any more
        elif self._pending_at == len(self._pending):
            self._pending, self._pending_at = data, 0
        else:
            self._pending, self._pending_at = self._pending[self._pending_at :] + data, 0

    def next_request(self) -> Request | Refused | None:
        """The next whole request, or why it cannot be one. None: more bytes are needed, or an answer is owed first."""
        if self._delivered or self.must_close:
            return None
        try:
            return self._parse()
        except (h11.RemoteProtocolError, RemoteProtocolError) as error:
            status = error.status_hint if isinstance(error, RemoteProtocolError) else error.error_status_hint
            return self.refuse(status, str(error))

    def refuse(self, status: int, reason: str) -> Refused:
        """Give up the request that is arriving (a pump does so when its time is over)."""
        self._closing = self._delivered = True
        self._pending, self._pending_at = b"", 0
        self.release()
        return Refused(status, reason, None if self._head is None else self._request(self._head, b""))

    def _parse(self) -> Request | None:
        while True:
            if self._body_bytes_told:
                return self._take_body()
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if not self._feed():
                    return None
            elif isinstance(event, h11.Request):
                self._begin(event)
            elif isinstance(event, h11.Data):
                self._collect(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return self._complete()
            else:  # ConnectionClosed. PAUSED cannot be: an answered request has been cycled, an unanswered one ends in `next_request`
                self._closing = True
                return None

    def _take_body(self) -> Request | None:
        """One of known length. There is nothing in it to parse, and h11 would copy each byte three times."""
        assert self._body_bytes_told is not None
        start, left = self._pending_at, self._body_bytes_told - self._body_bytes
        if left >= len(self._pending) - start:
            piece = self._pending[start:] if start else self._pending
            self._pending, self._pending_at = b"", 0
        else:
            self._pending_at = start + left
            piece = self._pending[start : self._pending_at]
        self._collect(piece)
        if len(piece) == left:
            return self._complete()
        if self._eof:
            raise RemoteProtocolError("the peer closed before the end of the body", 400)
        return None

    def _feed(self) -> bool:
        """Hand h11 its next piece. Its buffer never holds more than one element may measure, so a complete element that is too long is
        refused as surely as an incomplete one, whatever the split."""
        available = len(self._pending) - self._pending_at
        if not available:
            if self._eof:
                self._http.receive_data(b"")
            return self._eof
        room = self.limits.header_bytes_max - len(self._http.trailing_data[0])
        if not room:
            raise RemoteProtocolError("request head, chunk header or trailer too long", 431)
        self._feed_pending(min(available, room))
        return True

    def _feed_pending(self, size: int) -> None:
        start, self._pending_at = self._pending_at, self._pending_at + size
        self._http.receive_data(self._pending[start : self._pending_at])  # the whole of a bytes object is itself, not a copy
        if self._pending_at == len(self._pending):
            self._pending, self._pending_at = b"", 0

    def _begin(self, head: h11.Request) -> None:
        if not head.http_version.startswith(b"1."):
            raise RemoteProtocolError("only HTTP/1.0 and HTTP/1.1 are spoken here", 505)
        self._head, self._headers = head, tuple(head.headers)
        self._body_bytes_told = told = _body_bytes_told(self._headers)
        if self.limits.body_bytes_of is not None:
            self._body_bytes_max = min(self.limits.body_bytes_max, self.limits.body_bytes_of(head.target.decode("ascii")))
        if told is not None and told > self._body_bytes_max:
            raise RemoteProtocolError(f"body of {told} bytes is over the limit of {self._body_bytes_max}", 413)
        if self._http.they_are_waiting_for_100_continue:
            self._interim = self._http.send(h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue"))
        if told:  # what h11 has of the body, and of what follows, is taken back from it
            self._pending, self._pending_at = self._http.trailing_data[0] + self._pending[self._pending_at :], 0

    def _collect(self, data: bytes) -> None:
        if self._body_bytes + len(data) > self._body_bytes_max:
            raise RemoteProtocolError(f"body is over the limit of {self._body_bytes_max} bytes", 413)
        if self._room is not None and not self._room.take(len(data)):
            raise RemoteProtocolError("no room for this body now", 503)
        self._body.write(data)
        self._body_bytes += len(data)

    def _complete(self) -> Request:
        head, body = self._head, self._body.getvalue()
        assert head is not None
        self._body, self._interim, self._delivered = BytesIO(), b"", True  # its room is taken until it is answered
        return self._request(head, body)

    def _request(self, head: h11.Request, body: bytes) -> Request:
        return Request(head.method.decode("ascii"), head.target.decode("ascii"), self._headers, body)

    def _unparsed(self) -> bool:
        return not self._closing and (self._pending_at < len(self._pending) or bool(self._http.trailing_data[0]))

    # Answers in, bytes out.

    def respond(self, response: Response) -> bytes:
        """The whole answer as bytes; readies the next request. Raises LocalProtocolError when none is owed, or for illegal headers."""
        body = b"" if response.status in _BODILESS or self._is_head_request() else response.body
        length = () if response.status in _BODILESS else ((b"Content-Length", b"%d" % len(response.body)),)
        out = [self._send_head(response.status, response.headers, length)]
        if body:
            out.append(self._send(h11.Data(data=body)))
        out.append(self.end_response())
        return b"".join(out)

    def end_response(self) -> bytes:
        """End the answer; readies the next request."""
        out = self._send(h11.EndOfMessage())
        if self._http.our_state is h11.DONE:
            if self._body_bytes_told:  # h11 was never shown the body
                self._http = self._fresh()
            elif self._http.their_state is h11.DONE:
                self._http.start_next_cycle()
        self._delivered, self._head, self._body_bytes_told = False, None, None
        self.release()
        return out

    def _send_head(self, status: int, headers: Headers, framing: Headers) -> bytes:
        if not self._delivered:
            raise LocalProtocolError("no request is waiting for an answer")
        kept = [*framing, *(pair for pair in headers if pair[0].lower() not in _FRAMING)]
        if self._closing:
            kept = [*(pair for pair in kept if pair[0].lower() != b"connection"), (b"Connection", b"close")]
        try:
            head = h11.Response(status_code=status, headers=kept, reason=_REASONS.get(status, b""))
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(str(error)) from error
        return self._send(head)

    def _send(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> bytes:
        try:
            return self._http.send(event)
        except h11.LocalProtocolError as error:
            raise LocalProtocolError(str(error)) from error

    def _is_head_request(self) -> bool:
        return self._head is not None and self._head.method == b"HEAD"


def _body_bytes_told(headers: Headers) -> int | None:
    """The length that the head announces; None when the body is chunked, for that wins over a Content-Length. Neither header: no body."""
    length = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = int(value)  # h11 has checked that it is digits, few, and the same in each repetition
    return length
