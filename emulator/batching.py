"""Collects records into batches by the three limits of a subscription. Sans-I/O: time comes in, batches and losses come out."""

import json
from collections.abc import Iterable
from typing import Any

import attrs

from emulator.subscription import Subscription

SLOW_CONSUMER = "Some logs were dropped because the downstream consumer is slower than the logs production rate"


@attrs.frozen
class Loss:
    """Records that the subscriber will not get."""

    reason: str
    records: int
    size_bytes: int


def encode(record: dict[str, Any], schema: str) -> bytes:
    """One record as it goes over the wire. The first schema has structured log lines as escaped text (4.3)."""
    line = record["record"]
    if schema == "2022-07-01" and record["type"] in ("function", "extension") and isinstance(line, dict):
        record = record | {"record": json.dumps(line, separators=(",", ":"), ensure_ascii=False)}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()


class Batcher:
    """The records that wait for one subscriber, and whether a batch of theirs is under way."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.in_flight = False
        self._ready: list[list[bytes]] = []  # full batches: several after a replay, else at most one
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._open_since_ms = 0.0

    def __repr__(self) -> str:
        return f"<Batcher {self.subscription.name} {len(self._open)} open, {len(self._ready)} full>"

    @property
    def empty(self) -> bool:
        return not self._open and not self._ready and not self.in_flight

    def replay(self, records: Iterable[dict[str, Any]], now_ms: float) -> None:
        """Take what happened before the subscription; never dropped for its size, it comes in as many batches as it needs."""
        for record in records:
            self._append(encode(record, self.subscription.schema), now_ms)

    def add(self, record: dict[str, Any], now_ms: float) -> Loss | None:
        """Take one record. A full batch behind one that is still under way, or still waits, is lost as a whole (4.2)."""
        if not self.subscription.wants(record["type"]):
            return None
        waiting = len(self._ready)
        self._append(encode(record, self.subscription.schema), now_ms)
        if len(self._ready) == waiting or not (self.in_flight or waiting):
            return None
        lost = [item for batch in self._ready[waiting:] for item in batch]
        del self._ready[waiting:]
        return Loss(SLOW_CONSUMER, len(lost), sum(map(len, lost)))

    def _append(self, item: bytes, now_ms: float) -> None:
        if self._open and self._open_bytes + len(item) > self.subscription.max_bytes:
            self._close_open()
        if not self._open:
            self._open_since_ms = now_ms
        self._open.append(item)
        self._open_bytes += len(item)
        if len(self._open) >= self.subscription.max_items or self._open_bytes >= self.subscription.max_bytes:
            self._close_open()

    def _close_open(self) -> None:
        self._ready.append(self._open)
        self._open, self._open_bytes = [], 0

    def due_ms(self) -> float | None:
        """When the next batch may go; a time in the past means now. None: nothing waits, or one is under way."""
        if self.in_flight or not (self._ready or self._open):
            return None
        return 0.0 if self._ready else self._open_since_ms + self.subscription.timeout_ms

    def take(self, now_ms: float, *, hurry: bool = False) -> list[bytes] | None:
        """The next batch that is due (`hurry`: or not yet); it counts as under way until `settle`."""
        due = self.due_ms()
        if due is None or (due > now_ms and not hurry):
            return None
        if self._ready:
            batch = self._ready.pop(0)
        else:
            batch, self._open, self._open_bytes = self._open, [], 0
        self.in_flight = True
        return batch

    def settle(self) -> None:
        """The batch under way has been delivered, or given up."""
        self.in_flight = False
