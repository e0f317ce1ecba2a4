"""What one request costs our HTTP server connection, against h11 driven by hand with no limits and no checks.

Run it as `python -m bench.http`: by its path it would stand in the way of the standard library's `http`.
"""

import time
from collections.abc import Callable

import h11

from bench.table import Row, show
from protocols.http_server import HttpLimits, Request, Response, ServerConnection

ROUNDS, REQUESTS = 5, 2_000
BODY = b"x" * 1_000
WIRE = b"POST /v0.4/traces HTTP/1.1\r\nHost: localhost:8126\r\nContent-Type: application/msgpack\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)


def ours() -> None:
    connection = ServerConnection(HttpLimits(body_bytes_max=1_000_000))
    for _ in range(REQUESTS):
        connection.receive(WIRE)
        request = connection.next_request()
        assert isinstance(request, Request)
        assert len(request.body) == len(BODY)
        connection.respond(Response(200, (), b"OK"))


def bare() -> None:
    connection = h11.Connection(h11.SERVER)
    for _ in range(REQUESTS):
        connection.receive_data(WIRE)
        body = b""
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body += event.data
        assert len(body) == len(BODY)
        connection.send(h11.Response(status_code=200, headers=[(b"Content-Length", b"2")]))
        connection.send(h11.Data(data=b"OK"))
        connection.send(h11.EndOfMessage())
        connection.start_next_cycle()


def us_per_request(run: Callable[[], None]) -> float:
    """The best of some rounds: whatever else the machine does only ever makes it slower."""
    best_ns = 0
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        run()
        passed = time.perf_counter_ns() - started
        best_ns = min(best_ns or passed, passed)
    return best_ns / REQUESTS / 1000


def rows() -> list[Row]:
    our_us, bare_us = us_per_request(ours), us_per_request(bare)
    return [Row("http server: a request of 1 kB", our_us, "us", f"bare h11 {bare_us:.0f} us", our_us / bare_us)]


if __name__ == "__main__":
    show(rows())
