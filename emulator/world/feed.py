"""The platform's telemetry towards one life of the extension: batches over real HTTP, in order, with the troubles of the scenario.

One request is under way at a time. What was answered 200 is accepted; what was refused a connection is lost on the platform's side.
"""

import json
from collections import deque
from collections.abc import Callable

import attrs
import trio

from emulator.world.history import History
from emulator.world.items import Item, Owners, Record
from emulator.world.scenario import Trouble
from emulator.world.wire import send_in_pieces
from protocols.errors import RemoteProtocolError
from protocols.http_client import ClientConnection
from reactor.net.memory import MemoryNetwork

BUFFERING_S = 0.025
ANSWER_MS_MAX = 100  # the port always answers at once
TRIES_MAX = 3
TRY_PAUSE_S = 0.05

HEADERS = ((b"Host", b"sandbox"), (b"Content-Type", b"application/json"))
GARBAGE = b'[{"type":"function","record":'

Entry = tuple[Record, Item | None]


@attrs.frozen
class Pace:
    """In how many pieces a request goes, and how long the pauses between them are."""

    pieces: int = 1
    pause_s: float = 0.001


class Feed:
    """Emit records; `run` brings them."""

    def __init__(
        self, life: int, network: MemoryNetwork, history: History, troubles: tuple[Trouble, ...], pieces: int, is_managed: bool
    ) -> None:
        self.life, self.owners = life, Owners(is_managed)
        self.port: int | None = None
        self.records_posted = self.records_accepted = 0
        self.read: Callable[[Record], None] = lambda record: None  # is told of each record that was accepted
        self._network, self._history, self._pieces = network, history, pieces
        self._troubles: dict[int, list[Trouble]] = {}
        for trouble in troubles:
            self._troubles.setdefault(trouble.batch, []).append(trouble)
        self._queue: deque[Entry] = deque()
        self._is_open, self._is_busy = True, False
        self._changed = trio.Event()
        self._batches = 0
        self._stream: trio.abc.Stream | None = None
        self._http = ClientConnection()

    # --- what the life does

    def emit(self, record: Record, item: Item | None = None) -> None:
        self._queue.append((record, item))
        self._touch()

    def subscribe(self, port: int) -> None:
        self.port = port
        self._touch()

    def open(self) -> None:
        self._is_open = True
        self._touch()

    def close(self) -> None:
        """The sandbox freezes: what is not delivered waits."""
        self._is_open = False

    async def drained(self) -> None:
        while self._queue or self._is_busy:
            await self._changed.wait()

    # --- delivering

    async def run(self) -> None:
        while True:
            while not (self._may_deliver() and self._queue):
                await self._changed.wait()
            self._is_busy = True
            await trio.sleep(BUFFERING_S)
            batch = list(self._queue)
            self._queue.clear()
            if self._may_deliver():
                await self._deliver(batch)
            else:  # frozen meanwhile
                self._queue.extendleft(reversed(batch))
            self._is_busy = False
            self._touch()

    def _may_deliver(self) -> bool:
        return self._is_open and self.port is not None

    async def _deliver(self, batch: list[Entry]) -> None:
        troubles = {trouble.what: trouble for trouble in self._troubles.get(self._batches, ())}
        self._batches += 1
        for what in troubles:
            self._history.note("telemetry trouble: %s", what)
        if "late" in troubles:
            await trio.sleep(troubles["late"].ms / 1000)
        if "garbage" in troubles:
            await self._exchange(GARBAGE, [], Pace())
        batch = self._rearranged(batch, troubles)
        if "cut" in troubles:
            await self._cut(batch)
        strange = [record for what in ("unknown", "malformed") if what in troubles for record in STRANGE[what]]
        pace = Pace(max(self._pieces, 3), troubles["slow"].ms / 1000) if "slow" in troubles else Pace(self._pieces)
        groups = [[entry] for entry in batch] if "split" in troubles else [batch]
        for group in filter(None, groups):
            for _ in range(2 if "twice" in troubles else 1):
                await self._post(group, strange, pace)

    def _rearranged(self, batch: list[Entry], troubles: dict[str, Trouble]) -> list[Entry]:
        lines, platform = [entry for entry in batch if entry[1]], [entry for entry in batch if not entry[1]]
        if "hold" in troubles:
            self._queue.extend(lines)
            return platform
        if "lines_lost" in troubles:
            return [*platform, (_logs_dropped(len(batch)), None)]
        return [*platform, *lines] if "functions_last" in troubles else batch

    async def _post(self, batch: list[Entry], strange: list[object], pace: "Pace") -> None:
        body = json.dumps([*strange, *(record for record, _ in batch)]).encode()
        for attempt in range(TRIES_MAX):
            if attempt:
                await trio.sleep(TRY_PAUSE_S)
            if await self._exchange(body, batch, pace):
                return
        self._history.note("the platform gives up a batch of %d records", len(batch))

    async def _exchange(self, body: bytes, batch: list[Entry], pace: "Pace") -> bool:
        """One request; whether it was answered. `batch` is what of it must be accounted for."""
        try:
            stream = await self._connected()
            request = self._http.send("POST", "/", HEADERS, body)
            # What is posted counts before it is sent: the last byte may be read, and its answer lost, in the same moment.
            self._posted(batch)
            await send_in_pieces(stream, request, pace.pieces, pace.pause_s)
            status = await self._answer(stream)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, RemoteProtocolError):
            await self._hang_up()
            return False
        if status is None:
            self._history.violate("telemetry unanswered", self.life, f"no answer to a batch within {ANSWER_MS_MAX} ms")
            await self._hang_up()
        elif status != 200:
            self._history.violate("telemetry refused", self.life, f"a batch was answered {status}")
        else:
            self._accepted(batch)
        return True

    async def _answer(self, stream: trio.abc.Stream) -> int | None:
        """The status; None when it does not come in time."""
        with trio.move_on_after(ANSWER_MS_MAX / 1000):
            while True:
                if (answer := self._http.receive(bytes(await stream.receive_some()))) is not None:
                    return answer.status
        return None

    async def _cut(self, batch: list[Entry]) -> None:
        """Half of a request, then the connection breaks: nothing of it counts."""
        try:
            stream = await self._connected()
            request = self._http.send("POST", "/", HEADERS, json.dumps([record for record, _ in batch]).encode())
            await stream.send_all(request[: len(request) * 2 // 3])
        except (OSError, trio.BrokenResourceError):
            pass
        await trio.sleep(0.001)
        await self._hang_up()

    async def _connected(self) -> trio.abc.Stream:
        if self._stream is None or not self._http.reusable:
            await self._hang_up()
            assert self.port is not None
            self._stream, self._http = await self._network.connect("sandbox", self.port), ClientConnection()
        return self._stream

    async def _hang_up(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await trio.aclose_forcefully(stream)

    def _posted(self, batch: list[Entry]) -> None:
        self.records_posted += len(batch)
        for _, item in batch:
            if item is not None:
                item.posted += 1

    def _accepted(self, batch: list[Entry]) -> None:
        self.records_accepted += len(batch)
        if batch:
            self._history.note("telemetry accepted: %s", _Short(batch))
        for record, item in batch:
            if item is not None:
                item.accepted += 1
            self.owners.read(record, item)
            self.read(record)

    def _touch(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class _Short:
    """A batch as a history shows it."""

    def __init__(self, batch: list[Entry]) -> None:
        self._batch = batch

    def __str__(self) -> str:
        return ", ".join(f"item {item.number}" if item else _words(record) for record, item in self._batch)


def _words(record: Record) -> str:
    fields = record["record"]
    request_id = fields.get("requestId", "") if isinstance(fields, dict) else ""
    return f"{record['type'].removeprefix('platform.')} {request_id}".strip()


def _logs_dropped(records: int) -> Record:
    fields = {"reason": "Consumer seems to have fallen behind", "droppedRecords": records, "droppedBytes": 100 * records}
    return {"time": "2023-11-14T22:13:20.000Z", "type": "platform.logsDropped", "record": fields}


STRANGE: dict[str, tuple[object, ...]] = {
    "unknown": ({"time": "2023-11-14T22:13:20.000Z", "type": "platform.fromTheFuture", "record": {"requestId": 7}},),
    "malformed": (
        7,
        None,
        {"record": "no type"},
        {"type": "platform.report", "record": "no object"},
        {"type": "platform.start", "record": {}},
    ),
}
