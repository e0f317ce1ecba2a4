"""Requests to any origin, over kept-alive connections where that is safe. No time limits of its own: an endless GET is a legal request.

A frozen sandbox leaves dead connections behind, so little is kept, not for long, never unchecked, and nothing over a thaw (`drop_idle`).
"""

from collections.abc import Callable

import attrs
import trio

from protocols.http_client import ANSWER_BODY_BYTES_MAX
from protocols.http_server import Headers, Response
from reactor.net.client import HttpClient, Tls, open_client
from reactor.net.errors import AnswerLost
from reactor.net.network import Network
from reactor.net.origin import Origin, Proxy

IDLE_PER_ORIGIN_MAX = 4
IDLE_S_MAX = 5.0


def no_proxy(origin: Origin) -> Proxy | None:
    return None


@attrs.define
class PoolCounts:
    opened: int = 0
    reused: int = 0
    stale: int = 0  # kept connections that had ended, or waited too long, when they were wanted
    resent: int = 0  # requests sent a second time because a reused connection ended unanswered: the peer may have taken both
    answers_unknown: int = 0  # requests begun to be sent whose answer never came, cancelled ones included


@attrs.frozen
class PoolStatistics:
    """A copy of the totals (see PoolCounts), and how many idle connections are kept now."""

    idle: int
    opened: int
    reused: int
    stale: int
    resent: int
    answers_unknown: int


class Pool:
    """Connections by origin. At most IDLE_PER_ORIGIN_MAX idle ones are kept for each; those in use are as many as there are callers."""

    def __init__(self, network: Network, tls: Tls | None = None, proxy: Callable[[Origin], Proxy | None] = no_proxy) -> None:
        self._network, self._tls, self._proxy = network, tls, proxy
        self._idle: dict[Origin, list[tuple[HttpClient, float]]] = {}
        self._counts = PoolCounts()

    def __repr__(self) -> str:
        return f"<Pool {self.statistics()}>"

    def statistics(self) -> PoolStatistics:
        return PoolStatistics(idle=sum(map(len, self._idle.values())), **attrs.asdict(self._counts))

    async def request(
        self,
        origin: Origin,
        method: str,
        target: str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        answer_bytes_max: int = ANSWER_BODY_BYTES_MAX,
        sending: Callable[[], None] | None = None,
    ) -> Response:
        """One request and its answer, of any status. Raises PeerUnavailable's kinds; LocalProtocolError for what cannot be sent.

        `sending` is called when the first byte is about to go out: a caller that cancels knows by it that the answer is unknown.
        """
        client = await self._kept(origin)
        while True:
            reused = client is not None
            client = client or await self._open(origin)
            try:
                return await self._exchange(client, method, target, headers, body, answer_bytes_max, sending)
            except AnswerLost:
                # A server may close an idle connection just as we write to it. Trying again is right only while nothing of an answer
                # was read, and only once; should the server have taken the request before it closed, it gets it twice: hence the count.
                if not (reused and client.untouched):
                    self._counts.answers_unknown += 1
                    raise
                self._counts.resent += 1
                client = None

    async def _exchange(
        self,
        client: HttpClient,
        method: str,
        target: str,
        headers: Headers,
        body: bytes,
        answer_bytes_max: int,
        sending: Callable[[], None] | None,
    ) -> Response:
        if sending:
            sending()
        try:
            response = await client.request(method, target, headers, body, answer_bytes_max=answer_bytes_max)
        except BaseException as error:
            if client.answer_unknown and not isinstance(error, AnswerLost):
                self._counts.answers_unknown += 1
            await client.aclose()
            raise
        await self._keep(client)
        return response

    async def _open(self, origin: Origin) -> HttpClient:
        self._counts.opened += 1
        proxy = self._proxy(origin) if origin.scheme == "https" else None  # plain http never goes through the proxy (specification, 21)
        return await open_client(self._network, origin, self._tls, proxy)

    async def _kept(self, origin: Origin) -> HttpClient | None:
        """The idle connection used last, if it is still good; those that are not are closed on the way."""
        kept = self._idle.get(origin, [])
        while kept:
            client, since = kept.pop()
            if trio.current_time() - since < IDLE_S_MAX and client.reusable:
                self._counts.reused += 1
                return client
            self._counts.stale += 1
            await client.aclose()
        return None

    async def _keep(self, client: HttpClient) -> None:
        kept = self._idle.setdefault(client.origin, [])
        if client.reusable and len(kept) < IDLE_PER_ORIGIN_MAX:
            kept.append((client, trio.current_time()))
        else:
            await client.aclose()

    async def drop_idle(self) -> None:
        """Close what is kept: after a thaw or a restore those connections are dead, or belong to another sandbox."""
        dropped, self._idle = self._idle, {}
        for client, _ in (pair for kept in dropped.values() for pair in kept):
            await client.aclose()
