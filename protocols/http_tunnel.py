"""Sans-I/O client side of a CONNECT request: how a proxy is asked for a tunnel. It never reads a byte of the tunnel itself."""

import h11

from protocols.errors import RemoteProtocolError

ANSWER_BYTES_MAX = 16_384


class TunnelRequest:
    """One CONNECT: send `request`, then `receive` until the tunnel is open."""

    def __init__(self, host_port: str, authorization: bytes | None) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_BYTES_MAX)
        headers = [(b"Host", host_port.encode("ascii"))]
        if authorization:
            headers.append((b"Proxy-Authorization", authorization))
        head = self._http.send(h11.Request(method="CONNECT", target=host_port, headers=headers))
        self.request: bytes = head + self._http.send(h11.EndOfMessage())

    def receive(self, data: bytes) -> bool:
        """Take what was read; True when the tunnel is open. Raises RemoteProtocolError if the proxy refuses, or speaks something else."""
        try:
            self._http.receive_data(data)
            while isinstance(event := self._http.next_event(), h11.InformationalResponse):
                pass
        except h11.RemoteProtocolError as error:
            raise RemoteProtocolError(str(error)) from error
        if event is h11.NEED_DATA:
            return False
        if not isinstance(event, h11.Response) or not 200 <= event.status_code < 300:
            raise RemoteProtocolError(str(event.status_code) if isinstance(event, h11.Response) else "no answer")
        if self._http.trailing_data[0]:
            raise RemoteProtocolError("200, but it speaks before it is spoken to")
        return True
