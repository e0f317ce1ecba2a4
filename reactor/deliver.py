"""Sends payloads: compresses, adds the key, posts within the bound, and tells how it ended. What to do about it is not decided here."""

from collections.abc import Callable

import trio

from fsm.delivery import RETRYABLE
from reactor.agent.inputs import SendEnded
from reactor.agent.outputs import CancelPayload, Payload, SendPayload
from reactor.config.values import Settings
from reactor.encode import encode_body
from reactor.net.clock import Clock, trio_time_of_mono
from reactor.net.errors import PeerUnavailable
from reactor.net.origin import Origin, parse_origin
from reactor.net.pool import Pool

COMPRESSED_BYTES_MAX = 8 * 1024 * 1024  # of encoded bodies remembered for another try
EXTRA_HEADERS = {"logs": ((b"DD-PROTOCOL", b"agent-json"),)}
RETRY_AFTER_S_MAX = 3_600


class Sender:
    """Performs SendPayload. One request for each; cancelling one closes its connection."""

    def __init__(self, settings: Settings, pool: Pool, clock: Clock, ended: Callable[[SendEnded], None]) -> None:
        self._settings, self._pool, self._clock, self._ended = settings, pool, clock, ended
        self._origins: dict[str, tuple[Origin, str]] = {}
        self._encoded: dict[int, tuple[bytes, bool]] = {}
        self._encoded_bytes = 0
        self._under_way: dict[int, trio.CancelScope] = {}
        self.bytes_sent = 0

    def cancel(self, effect: CancelPayload) -> None:
        self._forget(effect.number)
        if (scope := self._under_way.pop(effect.number, None)) is not None:
            scope.cancel()

    async def send(self, effect: SendPayload) -> None:
        """Post one payload; the answer is of use until the bound of the effect."""
        number = effect.payload.number
        if not self._settings.api_key:
            self._ended(SendEnded(number, None, reason="no API key"))
            return
        begun: list[bool] = []
        end: SendEnded | None = None
        with trio.CancelScope(deadline=trio_time_of_mono(self._clock, effect.until_mono_ms)) as scope:
            self._under_way[number] = scope
            try:
                end = await self._post(effect.payload, begun)
            except Exception as error:  # an address or a key that cannot be sent, TLS that cannot begin: it costs this try, not the process
                # Its kind alone: the words of an error about a header hold the header, and that may be the key.
                end = SendEnded(number, None, reason=f"cannot be sent: {type(error).__name__}", unknown=bool(begun))
        cancelled = self._under_way.pop(number, None) is None
        if not cancelled:
            self._ended(end or SendEnded(number, None, reason="no answer in time", unknown=bool(begun)))

    async def _post(self, payload: Payload, begun: list[bool]) -> SendEnded:
        body, is_compressed = self._body(payload)
        origin, path = self._origin(payload.url)
        headers = [
            (b"DD-API-KEY", self._settings.api_key.encode("latin-1", "replace")),
            *EXTRA_HEADERS.get(payload.body.kind, ()),
            (b"Content-Type", payload.body.content_type.encode()),
        ]
        if is_compressed:
            headers.append((b"Content-Encoding", b"zstd"))
        try:
            answer = await self._pool.request(origin, "POST", path, tuple(headers), body, sending=lambda: begun.append(True))
        except PeerUnavailable as error:
            return SendEnded(payload.number, None, reason=error.reason, unknown=error.answer_unknown)
        self.bytes_sent += len(body)
        if answer.status < 500 and answer.status not in RETRYABLE:
            self._forget(payload.number)
        # Begun twice: a kept connection had ended, and the request went out again. The intake may have taken both.
        return SendEnded(payload.number, answer.status, retry_after_ms(answer.headers), unknown=len(begun) > 1)

    def _body(self, payload: Payload) -> tuple[bytes, bool]:
        known = self._encoded.get(payload.number)
        if known is None:
            known = self._encoded[payload.number] = encode_body(payload.body, self._settings)
            self._encoded_bytes += len(known[0])
            while self._encoded_bytes > COMPRESSED_BYTES_MAX:  # encoding once more is cheaper than keeping all
                self._forget(next(iter(self._encoded)))
        return known

    def _forget(self, number: int) -> None:
        if (known := self._encoded.pop(number, None)) is not None:
            self._encoded_bytes -= len(known[0])

    def _origin(self, url: str) -> tuple[Origin, str]:
        if url not in self._origins:
            self._origins[url] = parse_origin(url)
        return self._origins[url]


def retry_after_ms(headers: tuple[tuple[bytes, bytes], ...]) -> int:
    """`Retry-After` in seconds, as milliseconds; 0 if there is none that can be read (a date is not: clocks differ)."""
    for name, value in headers:
        if name == b"retry-after" and value.isdigit():
            return min(int(value[:6]), RETRY_AFTER_S_MAX) * 1000
    return 0
