"""What a datagram costs: reading it from a socket bare, against parsing and aggregating it. Run it as `python -m bench.dogstatsd`.

Each row sends the same datagrams over a loopback socket pair, twice: once they are only read into one buffer, once they are read,
parsed and aggregated, and after each round of 100 everything is flushed, as after an invocation. Figures are medians over the rounds,
because other programs run on this machine too; the ratio of the two is the figure that matters.
"""

import socket
import statistics
import time
from collections.abc import Callable

from bench.table import Row, show
from pipelines.metrics.aggregate import Aggregator
from pipelines.metrics.datagrams import DatagramReader
from reactor.net.datagram import BATCH_DATAGRAMS_MAX
from reactor.net.system import SystemDatagramSocket
from reactor.stage0 import RECEIVE_BUFFER_BYTES

GOAL = "at most 3 x"  # of what people send most
USUAL = ("counter", "gauge", "distribution")
NOW_S = 1_700_000_005
ROUND = 100  # datagrams in flight at once: well below the smallest default receive buffer
ROUNDS = 400
SIZE = 65535

KINDS: dict[str, Callable[[int], bytes]] = {
    "counter": lambda i: b"page.views:1|c|#env:prod,team:checkout",
    "gauge": lambda i: b"cart.size:%d.5|g|#env:prod,team:checkout" % (i % 97),
    "distribution": lambda i: b"latency.ms:%d.25|d|#env:prod,team:checkout" % (i % 997),
    "sampled counter": lambda i: b"page.views:3|c|@0.5|#env:prod,team:checkout",
    "60 contexts, mixed": lambda i: b"m%d:%d|%s|#env:prod,team:checkout" % (i % 20, i % 1000, b"cgd"[i % 3 : i % 3 + 1]),
    "100 contexts": lambda i: b"page.views:1|c|#env:prod,user:%d" % (i % 100),
    "packed, 3 values": lambda i: b"latency.ms:1:2:3|d|#env:prod",
    "never seen before": lambda i: b"page.views:1|c|#env:prod,user:%d" % i,
    "with a timestamp": lambda i: b"page.views:1|c|T%d|#env:prod" % (NOW_S - i % 60),
    "refused": lambda i: b"page.views one",
}


def read_bare(source: socket.socket, buffer: bytearray) -> int:
    """Read until the socket would block; the number of datagrams."""
    count = 0
    try:
        while True:
            source.recv_into(buffer)
            count += 1
    except BlockingIOError:
        return count


def measure(make: Callable[[int], bytes]) -> tuple[float, float]:
    """Microseconds per datagram: read bare; read, parse, aggregate and flush."""
    aggregator = Aggregator()
    reader = DatagramReader(aggregator)
    buffer = bytearray(SIZE)
    bare, whole = [], []
    clock = time.perf_counter
    receiver, sender = loopback_pair()
    pump = SystemDatagramSocket(receiver, RECEIVE_BUFFER_BYTES)  # as the extension reads
    with receiver, sender:
        for number in range(ROUNDS):
            lines = [make(number * ROUND + i) for i in range(ROUND)]
            send_all(sender, lines)
            start = clock()
            count = read_bare(receiver, buffer)
            bare.append(clock() - start)
            send_all(sender, lines)
            start = clock()
            datagrams = pump.receive_now(BATCH_DATAGRAMS_MAX)
            reader.take(datagrams, NOW_S)
            aggregator.flush()
            end = clock()
            assert count == len(datagrams) == ROUND
            whole.append(end - start)
    scale = 1e6 / ROUND
    return statistics.median(bare) * scale, statistics.median(whole) * scale


def send_all(sender: socket.socket, lines: list[bytes]) -> None:
    for line in lines:
        sender.send(line)


def loopback_pair() -> tuple[socket.socket, socket.socket]:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setblocking(False)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(receiver.getsockname())
    return receiver, sender


def rows() -> list[Row]:
    return [_row(name, *measure(make)) for name, make in KINDS.items()]


def _row(name: str, bare_us: float, whole_us: float) -> Row:
    yardstick = f"recv_into {bare_us:.2f} us"
    return Row(f"dogstatsd: {name}", whole_us, "us", yardstick, whole_us / bare_us, GOAL if name in USUAL else "")


if __name__ == "__main__":
    show(rows())
