"""What is accepted is written down before it is acknowledged, so that it outlives this process.

Telemetry before its answer; datagrams, which nobody acknowledges, at most a tenth of a second after they were read; payloads when they
are sealed. Without a spool it does nothing.
"""

from collections.abc import Callable

import trio

from protocols import spool_format as form
from protocols.http_server import Request
from reactor.agent.outputs import ForgetPayload, KeepPayloads, ReplacePayload
from reactor.net.clock import Clock
from reactor.spool import Spool

CHECKPOINT_S = 0.1
DATAGRAMS_BYTES_MAX = 256 * 1024  # that wait for the next checkpoint; more than that make one of their own


class Protection:
    """The spool, and the datagrams that are not in it yet."""

    def __init__(self, path: str | None, owner: str, clock: Clock, say: Callable[[str, str], None]) -> None:
        self._path, self._owner, self._clock, self._say = path, owner, clock, say
        self.spool: Spool | None = None
        self._is_expected = path is not None  # what comes before there is a spool waits for it
        self._datagrams: list[bytes] = []
        self._bytes = 0
        self._some = trio.Event()
        self.seals = 0
        """How often everything that had been taken went into payloads."""

    def open(self, recover: Callable[[form.Contents], None]) -> None:
        """From here on there is a spool, if there can be. `recover` is told what an earlier process left in it."""
        if self._path is not None:
            self.spool, contents = Spool.open(self._path, self._owner, self._say)
            if self.spool.is_open:
                recover(contents)
        self._is_expected = False
        if self._datagrams:
            self._some.set()

    async def run(self) -> None:
        """Write datagrams down, a tenth of a second after the first of them came."""
        while True:
            await self._some.wait()
            await trio.sleep(CHECKPOINT_S)
            self.checkpoint()

    def take_telemetry(self, body: bytes) -> None:
        if self.spool is not None:
            self.spool.take(form.TELEMETRY, self._clock.now().epoch_ms, body)

    def take_request(self, request: Request, sealed: int = 0) -> None:
        """One to port 8126, before it is answered; `sealed` of the pieces in which it was taken are in payloads already."""
        if self.spool is not None:
            data = form.request_bytes(request.method, request.target, request.headers, request.body, sealed)
            self.spool.take(form.REQUEST, self._clock.now().epoch_ms, *data)

    def take_datagrams(self, datagrams: list[bytes]) -> None:
        if self.spool is None and not self._is_expected:
            return
        self._datagrams += datagrams
        self._bytes += sum(map(len, datagrams))
        if self._bytes > DATAGRAMS_BYTES_MAX:
            self.checkpoint()
        elif self.spool is not None:
            self._some.set()

    def checkpoint(self) -> None:
        """Write down the datagrams that were read so far."""
        if self._datagrams and self.spool is not None:
            self.spool.take(form.DATAGRAMS, self._clock.now().epoch_ms, b"\n".join(self._datagrams))
        self._forget_datagrams()

    def keep(self, effect: KeepPayloads) -> None:
        """What was taken is in payloads now."""
        self.seals += 1
        if self.spool is not None:
            self.spool.seal(effect.payloads, form.waiting_bytes(effect.waiting, effect.request_id))
        if not self._is_expected:  # else these are payloads of what an earlier process took
            self._forget_datagrams()

    def replace(self, effect: ReplacePayload) -> None:
        if self.spool is not None:
            self.spool.replace(effect.number, effect.payloads)
            for payload in effect.payloads if effect.begun else ():
                self.spool.begin(payload.number)

    def begin(self, number: int) -> None:
        if self.spool is not None:
            self.spool.begin(number)

    def forget(self, effect: ForgetPayload) -> None:
        if self.spool is not None:
            self.spool.resolve(effect.number)

    def close(self) -> None:
        if self.spool is not None:
            self.spool.close()

    def _forget_datagrams(self) -> None:
        self._datagrams, self._bytes = [], 0
        if self._some.is_set():  # whoever waits for one that is not, goes on waiting for it
            self._some = trio.Event()
