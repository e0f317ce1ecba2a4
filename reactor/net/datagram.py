"""Pump datagrams from a socket into a function, in bounded batches. It parses nothing; its cost per datagram is one system call."""

from collections.abc import Callable

import attrs
import trio

from reactor.net.network import DatagramSocket

BATCH_DATAGRAMS_MAX = 1_000
DRAIN_BATCHES_MAX = 20  # of one drain: a sender that is faster than we are must not hold up a flush


@attrs.frozen
class DatagramStatistics:
    datagrams: int
    bytes: int
    batches: int
    kernel_drops: int | None  # lost before we could read them; None where the system does not tell


class DatagramPump:
    """Reads `socket` until it would block, hands each batch to `deliver` (synchronous, so order is kept), and yields between batches."""

    def __init__(self, socket: DatagramSocket, deliver: Callable[[list[bytes]], None]) -> None:
        self._socket, self._deliver = socket, deliver
        self._datagrams = self._bytes = self._batches = 0

    def __repr__(self) -> str:
        return f"<DatagramPump {self.statistics()}>"

    def statistics(self) -> DatagramStatistics:
        return DatagramStatistics(self._datagrams, self._bytes, self._batches, self._socket.kernel_drops())

    def has_work(self) -> bool:
        return self._socket.readable_now()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Pump until cancelled; closes the socket then."""
        try:
            task_status.started()
            while True:
                await self._socket.wait_readable()
                while self._pump_batch() == BATCH_DATAGRAMS_MAX:
                    await trio.lowlevel.checkpoint()
        finally:
            self._socket.close()

    def drain_now(self) -> int:
        """Read what is there, without waiting: how many datagrams. Bounded, so a flood does not keep the caller."""
        drained = 0
        for _ in range(DRAIN_BATCHES_MAX):
            taken = self._pump_batch()
            drained += taken
            if taken < BATCH_DATAGRAMS_MAX:
                break
        return drained

    def _pump_batch(self) -> int:
        batch = self._socket.receive_now(BATCH_DATAGRAMS_MAX)
        if batch:
            self._datagrams += len(batch)
            self._bytes += sum(map(len, batch))
            self._batches += 1
            self._deliver(batch)
        return len(batch)
