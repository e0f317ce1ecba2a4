"""Requests to port 8126, from a tracer or from a spool: what the agent is told of them, and what the library is answered.

No I/O. What decoding needs is loaded with the first request that needs it: a function without a tracer never pays for it.
"""

from protocols import trace_api
from protocols.errors import RemoteProtocolError
from protocols.http_server import Request, Response
from reactor.agent import inputs as given
from reactor.version import VERSION

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


def _traces(request: Request, route: trace_api.Route) -> Read:
    from protocols.msgpack_traces import Malformed, decode
    from protocols.trace_headers import read_headers

    try:
        decoded = decode(route.name, trace_api.plain_body(request, route.body_bytes_max))
    except RemoteProtocolError as error:
        return _refused("traces", error)
    except Malformed as error:
        return given.NotServed("traces", "not readable"), trace_api.text(400, f"Error deserializing trace from request body: {error}")
    if not decoded.chunks and not decoded.refused:
        return None, trace_api.TAKEN_TRACES  # how tracers see whether somebody is there
    answer = trace_api.TAKEN_TRACES if decoded.chunks else trace_api.text(400, f"no trace can be read: {decoded.refused[0]}")
    return given.Traces(request, decoded, read_headers(request.headers)), answer


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
