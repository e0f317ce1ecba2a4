"""Requests to port 8126, from a tracer or from a spool: what the agent is told of them, and what the library is answered.

No I/O. What decoding needs is loaded with the first request that needs it: a function without a tracer never pays for it.
"""

from protocols import trace_api
from protocols.http_server import Request, Response
from reactor.agent import inputs as given
from reactor.version import VERSION

Read = tuple[given.Input | None, Response]


def read(request: Request) -> Read:
    """What the agent is to be told (None: nothing), and the answer. Never raises for what a library sends."""
    route = trace_api.find(request)
    if isinstance(route, Response):
        return (None if route.status in (404, 405) else given.NotServed("request", f"status {route.status}")), route
    if route.kind == trace_api.PROXIED:
        return _proxied(request, route)
    return None, trace_api.info(VERSION, ()) if route.kind == trace_api.INFO else trace_api.NO_CONFIG


def _proxied(request: Request, route: trace_api.Route) -> Read:
    proxied = trace_api.proxied(request, route)
    if isinstance(proxied, Response):
        return given.NotServed(route.name, f"status {proxied.status}"), proxied
    return given.PassedOn(request, proxied), trace_api.taken_proxied(route)
