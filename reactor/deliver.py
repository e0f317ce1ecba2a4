"""Sends payloads: adds the key, posts within the bound, and tells how it ended. What to do about it is not decided here."""

from collections.abc import Callable

import trio

from protocols.http_server import Headers
from reactor.agent.destinations import OWN_KEY, additional_keys, is_worker
from reactor.agent.inputs import SendEnded
from reactor.agent.outputs import CancelPayload, Payload, SendPayload
from reactor.config.values import Settings
from reactor.net.clock import Clock, trio_time_of_mono
from reactor.net.errors import PeerUnavailable
from reactor.net.origin import Origin, parse_origin
from reactor.net.pool import Pool
from reactor.secrets import ApiKey, PlainKey
from reactor.version import VERSION

LOGS_HEADER = (b"DD-PROTOCOL", b"agent-json")  # for the logs intake; an Observability Pipelines Worker does not know it
USER_AGENT = (b"User-Agent", f"lambda-reactor/{VERSION}".encode())  # the intake of traces wants to know (specification, traces 10.3)
RETRY_AFTER_S_MAX = 3_600
URLS_MAX = 256  # remembered, taken apart


class Sender:
    """Performs SendPayload. One request for each; cancelling one closes its connection."""

    def __init__(
        self, settings: Settings, pool: Pool, clock: Clock, ended: Callable[[SendEnded], None], api_key: ApiKey | None = None
    ) -> None:
        self._settings, self._pool, self._clock, self._ended = settings, pool, clock, ended
        self._api_key = api_key or PlainKey(settings.api_key, lambda level, text: None)
        self._additional_keys = additional_keys(settings)
        self._origins: dict[str, tuple[Origin, str]] = {}
        self._under_way: dict[int, trio.CancelScope] = {}
        self.bytes_sent = 0

    def __repr__(self) -> str:
        return f"<Sender {len(self._under_way)} under way, {self.bytes_sent} bytes sent>"

    def cancel(self, effect: CancelPayload) -> None:
        if (scope := self._under_way.pop(effect.number, None)) is not None:
            scope.cancel()

    async def send(self, effect: SendPayload) -> None:
        """Post one payload; the answer is of use until the bound of the effect."""
        number = effect.payload.number
        begun: list[bool] = []
        end: SendEnded | None = None
        late = "no API key in time"
        with trio.CancelScope(deadline=trio_time_of_mono(self._clock, effect.until_mono_ms)) as scope:
            self._under_way[number] = scope
            try:
                key = await self._key(effect.payload.key)
                late = "no answer in time"
                end = await self._post(effect.payload, key, begun) if key else SendEnded(number, None, reason="no API key")
            except Exception as error:  # an address or a key that cannot be sent, TLS that cannot begin: it costs this try, not the process
                # Its kind alone: the words of an error about a header hold the header, and that may be the key.
                end = SendEnded(number, None, reason=f"cannot be sent: {type(error).__name__}", unknown=bool(begun))
        cancelled = self._under_way.pop(number, None) is None
        if not cancelled:
            self._ended(end or SendEnded(number, None, reason=late, unknown=bool(begun)))

    async def _key(self, place: int) -> str | None:
        return await self._api_key.key() if place == OWN_KEY else self._additional_keys[place - 1]

    async def _post(self, payload: Payload, key: str, begun: list[bool]) -> SendEnded:
        origin, target = self._split_url(payload.url)
        headers = (*self._headers(payload), (b"DD-API-KEY", key.encode("latin-1", "replace")))
        try:
            answer = await self._pool.request(origin, "POST", target, headers, payload.body.raw, sending=lambda: begun.append(True))
        except PeerUnavailable as error:
            return SendEnded(payload.number, None, reason=error.reason, unknown=error.answer_unknown)
        self.bytes_sent += len(payload.body.raw)
        # Begun twice: a kept connection had ended, and the request went out again. The intake may have taken both.
        return SendEnded(payload.number, answer.status, retry_after_ms(answer.headers), unknown=len(begun) > 1)

    def _headers(self, payload: Payload) -> Headers:
        """All but the key."""
        body = payload.body
        headers: Headers = ((b"Content-Type", body.content_type.encode("latin-1")),) if body.content_type else ()
        if body.kind == "logs" and not is_worker(self._settings, body.kind, payload.key):
            headers = (LOGS_HEADER, *headers)
        if body.kind == "traces":
            headers = (USER_AGENT, *headers)
        if body.encoding:
            headers = (*headers, (b"Content-Encoding", body.encoding.encode("latin-1")))
        return (*headers, *body.headers)

    def _split_url(self, url: str) -> tuple[Origin, str]:
        """The origin, and what follows it as it stands: a worker's URL is used verbatim. Raises ValueError."""
        if url not in self._origins:
            if len(self._origins) >= URLS_MAX:  # what is passed on brings queries of its own
                self._origins.clear()
            place = next((at for at in range(url.find("://") + 3, len(url)) if url[at] in "/?"), len(url))
            origin, _ = parse_origin(url[:place])
            target = url[place:]
            self._origins[url] = origin, target if target.startswith("/") else f"/{target}"
        return self._origins[url]


def retry_after_ms(headers: tuple[tuple[bytes, bytes], ...]) -> int:
    """`Retry-After` in seconds, as milliseconds; 0 if there is none that can be read (a date is not: clocks differ)."""
    for name, value in headers:
        if name == b"retry-after" and value.isdigit():
            return min(int(value[:6]), RETRY_AFTER_S_MAX) * 1000
    return 0
