"""Delivers telemetry records to subscribers: batches over HTTP or JSON lines over TCP, one delivery at a time for each.

Specification, lambda-platform 4.2. Batching itself is in `emulator.batching`; this module sends, retries, counts, and stands still
while the sandbox is frozen.
"""

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from emulator import records
from emulator.batching import Batcher, Loss
from emulator.faults import FaultBook
from emulator.gate import Gate
from emulator.kept import Kept
from emulator.subscription import Subscription
from emulator.values import ApiCall
from emulator.wire import now_ms
from protocols.errors import RemoteProtocolError
from protocols.http_client import ClientConnection
from protocols.http_server import Headers

EARLY_BYTES_MAX = 1_048_576
UNKNOWN = {"time": "2023-11-14T22:13:20.000Z", "type": "platform.somethingNew", "record": {"requestId": "unknown", "detail": [1, None]}}

Connect = Callable[[int], Awaitable[trio.abc.Stream]]
Record = dict[str, Any]


@attrs.frozen
class RetryPolicy:
    """What happens to a batch that was not answered with a status below 400. The public emulator drops it (`attempts` 1); the cloud
    tries for a while. `answer_ms` is how long an answer may take, in thawed time."""

    attempts: int = 3
    pause_ms: int = 200
    answer_ms: int = 5_000


class Subscriber:
    """One subscription at work. `run` is its task."""

    def __init__(self, subscription: Subscription, telemetry: "Telemetry") -> None:
        self.subscription, self.batcher = subscription, Batcher(subscription)
        self.delivered = self.failed = 0
        self._telemetry = telemetry
        self._news = trio.Event()
        self._hurry = False
        self._http = ClientConnection()
        self._stream: trio.abc.Stream | None = None

    def __repr__(self) -> str:
        return f"<Subscriber {self.subscription.name} {self.delivered} delivered, {self.failed} failed>"

    def replay(self, early: list[Record]) -> None:
        self.batcher.replay((record for record in early if self.subscription.wants(record["type"])), now_ms())
        self._news.set()

    def add(self, record: Record) -> Loss | None:
        loss = self.batcher.add(record, now_ms())
        self._news.set()
        return loss

    def hurry(self, on: bool) -> None:
        """Send at once what waits, whatever its age."""
        self._hurry = on
        self._news.set()

    async def connect(self) -> None:
        """TCP: the subscriber must listen already. Raises OSError."""
        self._stream = await self._telemetry.connect(self.subscription.port)

    async def run(self) -> None:
        try:
            while True:
                batch = await self._next_batch()
                try:
                    await self._deliver(batch)
                finally:
                    self.batcher.settle()
                    self._telemetry.progress()
        finally:
            await self._hang_up()

    async def _next_batch(self) -> list[bytes]:
        while True:
            await self._telemetry.gate.wait()
            batch = self.batcher.take(now_ms(), hurry=self._hurry)
            if batch is not None:
                return batch
            due = self.batcher.due_ms()
            with trio.move_on_at(float("inf") if due is None else due / 1000):
                self._news = trio.Event()
                await self._news.wait()

    async def _deliver(self, batch: list[bytes]) -> None:
        telemetry, policy = self._telemetry, self._telemetry.retry
        for fault in telemetry.faults.strikes("slow-telemetry"):
            await trio.sleep(int(fault.argument or 0) / 1000)
        body = self._body(self._spoil(batch))
        problem = ""
        for attempt in range(policy.attempts):
            if attempt:
                await trio.sleep(policy.pause_ms / 1000)
                await telemetry.gate.wait()
            problem = await self._send_watched(body)
            if not problem:
                self.delivered += 1
                return
        self.failed += 1
        telemetry.lose(self, Loss(f"could not send events: {problem}", len(batch), len(body)))

    def _spoil(self, batch: list[bytes]) -> list[bytes]:
        faults = self._telemetry.faults
        if faults.strikes("unknown"):
            batch = [batch[0], json.dumps(UNKNOWN).encode(), *batch[1:]]
        return batch[::-1] if faults.strikes("reorder") else batch

    def _body(self, batch: list[bytes]) -> bytes:
        if self.subscription.protocol == "TCP":
            return b"".join(item + b"\n" for item in batch)
        body = b"[" + b",".join(batch) + b"]"
        return body[: len(body) // 2] if self._telemetry.faults.strikes("malformed") else body

    async def _send_watched(self, body: bytes) -> str:
        """One attempt; what went wrong, or nothing."""
        began, status, problem, answer = now_ms(), None, "", b""
        headers: Headers = ()
        try:
            with self._telemetry.gate.limit(self._telemetry.retry.answer_ms / 1000) as scope:
                if self.subscription.protocol == "TCP":
                    await self._send_lines(body)
                else:
                    headers = self._headers(body)
                    status, answer = await self._post(headers, body)
            if scope.cancelled_caught:
                problem = f"no answer within {self._telemetry.retry.answer_ms} ms"
            elif status is not None and status >= 400:
                problem = f"status {status}"
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, RemoteProtocolError) as error:
            problem = f"{type(error).__name__}: {error}"
        if problem:
            await self._hang_up()
        subscription = self.subscription
        self._telemetry.watch(
            ApiCall(
                at_ms=began,
                kind="telemetry",
                method=subscription.method,
                path=subscription.target,
                headers=headers,
                body=body,
                status=status,
                answer=answer or problem.encode(),
                answered_ms=now_ms(),
            )
        )
        return problem

    def _headers(self, body: bytes) -> Headers:
        host = f"{self.subscription.host}:{self.subscription.port}".encode()
        sequence = base64.b64encode(hashlib.sha256(body).digest())
        return ((b"Host", host), (b"Content-Type", b"application/json"), (b"Sequence-Id", sequence))

    async def _send_lines(self, body: bytes) -> None:
        if self._stream is None:
            await self.connect()
        assert self._stream is not None
        await self._stream.send_all(body)

    async def _post(self, headers: Headers, body: bytes) -> tuple[int, bytes]:
        reused = self._stream is not None and self._http.reusable
        try:
            return await self._exchange(headers, body)
        except (trio.BrokenResourceError, RemoteProtocolError):
            # A kept connection may have been closed by the other side meanwhile: that is nobody's failure.
            if not reused or self._http.answer_begun:
                raise
            await self._hang_up()
            return await self._exchange(headers, body)

    async def _exchange(self, headers: Headers, body: bytes) -> tuple[int, bytes]:
        if self._stream is None or not self._http.reusable:
            await self._hang_up()
            self._stream, self._http = await self._telemetry.connect(self.subscription.port), ClientConnection()
        await self._stream.send_all(self._http.send(self.subscription.method, self.subscription.target, headers, body))
        while True:
            data = bytes(await self._stream.receive_some(65_536))
            answer = self._http.receive(data)
            if answer is not None:
                return answer.status, answer.body
            if not data:
                raise RemoteProtocolError("closed without an answer")

    async def _hang_up(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await trio.aclose_forcefully(stream)


class Telemetry:
    """All subscribers of one sandbox, and every record it ever emitted."""

    def __init__(
        self,
        connect: Connect,
        epoch_ms: Callable[[], float],
        *,
        retry: RetryPolicy = RetryPolicy(),
        faults: FaultBook | None = None,
        watch: Callable[[ApiCall], None] = lambda call: None,
    ) -> None:
        self.connect, self.epoch_ms, self.retry, self.watch = connect, epoch_ms, retry, watch
        self.faults = faults if faults is not None else FaultBook()
        self.gate = Gate()
        self.records: Kept[Record] = Kept()
        self.subscribers: list[Subscriber] = []
        self.past: list[Subscriber] = []
        self._early: Kept[Record] | None = Kept(EARLY_BYTES_MAX)
        self._progress = trio.Event()

    def open_init(self) -> None:
        """A new life begins: its early records are kept for those who subscribe later; the old subscriptions are over."""
        self.past += self.subscribers
        self.subscribers, self._early = [], Kept(EARLY_BYTES_MAX)

    def close_init(self) -> None:
        self._early = None

    def subscribe(self, subscriber: Subscriber) -> None:
        """Take a subscriber in, in place of an earlier one of the same name, and replay to it what init has shown so far."""
        self.subscribers = [other for other in self.subscribers if other.subscription.name != subscriber.subscription.name]
        self.subscribers.append(subscriber)
        subscriber.replay(list(self._early or ()))

    def emit(self, record: Record) -> None:
        """Take a record of the platform or a log line: remembered, and queued for whoever subscribed to its type."""
        size = len(repr(record))
        self.records.append(record, size)
        kind = record["type"]
        if self.faults.strikes("drop", kind):
            return
        for _ in range(2 if self.faults.strikes("duplicate", kind) else 1):
            if self._early is not None:
                self._early.append(record, size)
            for subscriber in self.subscribers:
                if loss := subscriber.add(record):
                    self.lose(subscriber, loss)

    def lose(self, subscriber: Subscriber, loss: Loss) -> None:
        record = records.logs_dropped(self.epoch_ms(), loss.reason, loss.records, loss.size_bytes)
        self.records.append(record, len(repr(record)))
        subscriber.add(record)

    def progress(self) -> None:
        self._progress.set()
        self._progress = trio.Event()

    async def flush(self, bound_s: float) -> bool:
        """Hurry until all that waits has been sent, at most `bound_s`; say whether it was."""
        for subscriber in self.subscribers:
            subscriber.hurry(True)
        with trio.move_on_after(bound_s):
            while not all(subscriber.batcher.empty for subscriber in self.subscribers):
                await self._progress.wait()
        for subscriber in self.subscribers:
            subscriber.hurry(False)
        return all(subscriber.batcher.empty for subscriber in self.subscribers)
