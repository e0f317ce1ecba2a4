"""Sans-I/O client side of one HTTP/1.1 connection, on h11: a request with its body in hand out, one whole answer in.

It never waits, follows no redirect and decodes no content coding. Informational answers (1xx) are skipped.
"""

import h11

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.http_server import Headers, Response

ANSWER_BODY_BYTES_MAX = 1_048_576
ANSWER_HEAD_BYTES_MAX = 65_536


class ClientConnection:
    """One connection, one request at a time: `send`, then `receive` until there is a Response."""

    def __init__(self, body_bytes_max: int = ANSWER_BODY_BYTES_MAX) -> None:
        self.body_bytes_max = body_bytes_max
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_HEAD_BYTES_MAX)
        self._head: h11.Response | None = None
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._awaiting = False
        self._fresh = True
        self.answer_begun = False  # some byte has arrived since the request was sent

    @property
    def reusable(self) -> bool:
        """Another request may be sent here. False while one is unanswered, after any error, and when either side wants to close."""
        return self._fresh and self._http.our_state is h11.IDLE and self._http.their_state is h11.IDLE

    def send(self, method: str, target: str, headers: Headers, body: bytes = b"") -> bytes:
        """The request as bytes. `headers` must hold Host; Content-Length is ours. Raises LocalProtocolError for what cannot be sent."""
        if not self.reusable:
            raise LocalProtocolError("this connection cannot take a request now")
        kept = [pair for pair in headers if pair[0].lower() not in (b"content-length", b"transfer-encoding")]
        if body or method not in ("GET", "HEAD"):
            kept.append((b"Content-Length", b"%d" % len(body)))
        self.answer_begun, self._awaiting = False, True
        try:
            out = self._http.send(h11.Request(method=method, target=target, headers=kept))
            if body:
                out += self._http.send(h11.Data(data=body))
            return out + self._http.send(h11.EndOfMessage())
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            self._fresh = False
            raise LocalProtocolError(str(error)) from error

    def receive(self, data: bytes) -> Response | None:
        """Take what was read (b"" is EOF); the answer once it is whole. Raises RemoteProtocolError: not HTTP, too large, cut short."""
        self.answer_begun = self.answer_begun or bool(data)
        try:
            return self._receive(data)
        except h11.RemoteProtocolError as error:
            self._fresh = False
            raise RemoteProtocolError(str(error)) from error
        except RemoteProtocolError:
            self._fresh = False
            raise

    def _receive(self, data: bytes) -> Response | None:
        if data and not self._awaiting:
            raise RemoteProtocolError("an answer that nobody asked for")
        if not data:
            self._fresh = False
            self._http.receive_data(b"")
            return self._parse()
        answer, at = None, 0
        while at < len(data):
            if answer is not None:  # nobody asked for more: a peer that talks out of turn is not trusted with another request
                self._fresh = False
                break
            # Piece by piece, so that a complete head that is too long is refused like an incomplete one.
            room = ANSWER_HEAD_BYTES_MAX - len(self._http.trailing_data[0])
            if room <= 0:
                raise RemoteProtocolError("answer's head, chunk header or trailer too long")
            self._http.receive_data(data[at : at + room])
            at += room
            answer = self._parse()
        return answer

    def _parse(self) -> Response | None:
        while (event := self._http.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._collect(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return self._complete()
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                self._fresh = False  # closed, or bytes, between two answers
                return None
        return None

    def _collect(self, data: bytes) -> None:
        self._body.append(data)
        self._body_bytes += len(data)
        if self._body_bytes > self.body_bytes_max:
            raise RemoteProtocolError(f"the answer's body is over the limit of {self.body_bytes_max} bytes")

    def _complete(self) -> Response:
        head, body = self._head, b"".join(self._body)
        assert head is not None
        self._head, self._body, self._body_bytes, self._awaiting = None, [], 0, False
        if self._http.trailing_data[0]:
            self._fresh = False
        elif self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return Response(head.status_code, tuple(head.headers), body)
