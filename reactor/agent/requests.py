"""Requests to port 8126, from a tracer or from a spool: what the agent is told of them, and what the library is answered.

A large body of traces is told a few spans at a time (`is_large`, `pieces`), everything else at once (`read`). No I/O. What decoding needs
is loaded with the first request that needs it: a function without a tracer never pays for it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import attrs

from protocols import trace_api
from protocols.errors import RemoteProtocolError
from protocols.http_server import Request, Response
from reactor.agent import inputs as given
from reactor.version import VERSION

if TYPE_CHECKING:
    from protocols.trace_headers import TracerHeaders
    from protocols.trace_values import Decoded

Read = tuple[given.Input | None, Response]


def read(request: Request) -> Read:
    """What the agent is to be told (None: nothing), and the answer. Never raises for what a library sends."""
    route = trace_api.find(request)
    if isinstance(route, Response):
        return (None if route.status in (404, 405) else given.NotServed("request", f"status {route.status}")), route
    if route.kind == trace_api.CONFIG:
        return None, trace_api.NO_CONFIG
    if route.kind == trace_api.INFO:
        return None, _info()
    return _READERS[route.kind](request, route)


def told(request: Request) -> Iterator[given.Input]:
    """All that the agent is to be told of a request, large or not, for who answers nobody."""
    if is_large(request):
        yield from (item for item, _ in pieces(request) if item is not None)
    elif (item := read(request)[0]) is not None:
        yield item


# --- large bodies of traces ---------------------------------------------------------------------------------------------------


def is_large(request: Request) -> bool:
    """Whether this is traces that are to be told in pieces. Of a compressed body no more than it takes to know is unpacked."""
    route = trace_api.find(request)
    if isinstance(route, Response) or route.kind != trace_api.TRACES:
        return False
    from protocols.msgpack_pieces import IN_PIECES, WHOLE_BYTES_MAX

    if route.name not in IN_PIECES:
        return False
    try:
        return len(trace_api.plain_body(request, WHOLE_BYTES_MAX)) > WHOLE_BYTES_MAX
    except RemoteProtocolError as error:
        return error.status_hint == 413


def pieces(request: Request) -> Iterator[tuple[given.Input | None, Response | None]]:
    """What the agent is to be told of a large request, piece by piece; the answer comes with the last. For what `is_large`.

    Whoever keeps no piece holds one at a time.
    """
    route = trace_api.find(request)
    assert isinstance(route, trace_api.Route)
    from protocols.msgpack_pieces import decode_in_pieces
    from protocols.trace_headers import read_headers
    from protocols.trace_values import Malformed

    try:
        parts = decode_in_pieces(route.name, trace_api.plain_body(request, route.body_bytes_max))
        yield from _numbered(request, parts, read_headers(request.headers))
    except RemoteProtocolError as error:
        yield _refused("traces", error)
    except Malformed as error:  # there was no piece before it
        yield _malformed(error)


def _numbered(
    request: Request, parts: "Iterator[Decoded]", headers: "TracerHeaders"
) -> Iterator[tuple[given.Input | None, Response | None]]:
    is_taken, reason = False, ""
    for number, decoded in enumerate(parts):
        is_taken = is_taken or bool(decoded.chunks)
        reason = reason or next(iter(decoded.refused), "")
        item = given.Traces(request, decoded, headers, number)
        del decoded
        yield item, None
        del item
        headers = attrs.evolve(headers, dropped_p0_traces=0, dropped_p0_spans=0) if number == 0 else headers
    yield None, _answer(is_taken, reason)


# --- the others ---------------------------------------------------------------------------------------------------------------


def _traces(request: Request, route: trace_api.Route) -> Read:
    from protocols.msgpack_traces import Malformed, decode
    from protocols.trace_headers import read_headers

    try:
        decoded = decode(route.name, trace_api.plain_body(request, route.body_bytes_max))
    except RemoteProtocolError as error:
        return _refused("traces", error)
    except Malformed as error:
        return _malformed(error)
    answer = _answer(bool(decoded.chunks), next(iter(decoded.refused), ""))
    if not decoded.chunks and not decoded.refused:
        return None, answer  # how tracers see whether somebody is there
    return given.Traces(request, decoded, read_headers(request.headers)), answer


def _answer(is_taken: bool, reason: str) -> Response:
    """To a body of traces. `reason`: why the first of those was refused that were."""
    return trace_api.TAKEN_TRACES if is_taken or not reason else trace_api.text(400, f"no trace can be read: {reason}")


def _malformed(error: ValueError) -> Read:
    return given.NotServed("traces", "not readable"), trace_api.text(400, f"Error deserializing trace from request body: {error}")


def _stats(request: Request, route: trace_api.Route) -> Read:
    from protocols.stats_api import Malformed, decode_client_stats
    from protocols.trace_headers import read_headers

    try:
        stats = decode_client_stats(trace_api.plain_body(request, route.body_bytes_max))
    except RemoteProtocolError as error:
        return _refused("statistics", error)
    except Malformed as error:
        text = f"Error deserializing trace stats from request body: {error}"
        return given.NotServed("statistics", "not readable"), trace_api.text(400, text)
    if stats.is_empty:
        return None, trace_api.EMPTY_STATS
    return given.ClientTraceStats(request, stats, read_headers(request.headers)), trace_api.TAKEN_STATS


def _proxied(request: Request, route: trace_api.Route) -> Read:
    proxied = trace_api.proxied(request, route)
    if isinstance(proxied, Response):
        return given.NotServed(route.name, f"status {proxied.status}"), proxied
    return given.PassedOn(request, proxied), trace_api.taken_proxied(route)


def _refused(what: str, error: RemoteProtocolError) -> Read:
    return given.NotServed(what, f"status {error.status_hint}"), trace_api.text(error.status_hint, error.message)


def _info() -> Response:
    from pipelines.stats.peer_tags import PEER_KEYS

    return trace_api.info(VERSION, PEER_KEYS)


_READERS = {trace_api.TRACES: _traces, trace_api.STATS: _stats, trace_api.PROXIED: _proxied}
