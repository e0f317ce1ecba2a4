"""The routes on port 8126, where tracers expect a Datadog agent, as data: which there are, what each takes, and what it answers.

Sans-I/O: a request in, a `Route` or the refusal out. `/info` names what is served and nothing else: a tracer that finds a route missing
there does not try it. (specification, traces 2 and 11; what tracers try beyond it is said where it stands)
"""

import json
import zlib
from collections.abc import Sequence

import attrs

from protocols.errors import RemoteProtocolError
from protocols.http_server import Headers, Refused, Request, Response
from protocols.intake_body import EVP
from protocols.trace_headers import RATES_ANSWER

INFO_PATH = "/info"
PORT, STATSD_PORT = 8126, 8125
BODY_BYTES_MAX = 50 * 1024 * 1024  # traces, and what is passed on: profiles and snapshots are large
WHOLE_TRACES_BYTES_MAX = 20 * 1024 * 1024  # traces in versions that are decoded as a whole: as much as the largest tracer sends at once
STATS_BYTES_MAX = 2 * 1024 * 1024  # as `stats_api.BODY_BYTES_MAX`, which needs msgpack
STRAY_BYTES_MAX = 2 * 1024 * 1024  # on routes that take no body, or are none: read, so that the connection can go on
SUBDOMAIN_CHARACTERS_MAX = 100

INFO, CONFIG, TRACES, STATS, PROXIED = "info", "config", "traces", "stats", "proxied"
TELEMETRY = "telemetry"
SUBDOMAIN_HEADER = b"x-datadog-evp-subdomain"
OCTETS, JSON_TYPE, TEXT_TYPE = "application/octet-stream", b"application/json", b"text/plain; charset=utf-8"
_LABEL_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789-"


@attrs.frozen
class Route:
    """One thing that is served. `name`: a version of traces, or a product that is passed on (`reactor.config.derive.INTAKES`).

    `path` is what a request that is passed on is sent to, behind its host; empty: what stood behind the route's prefix.
    """

    kind: str
    name: str = ""
    path: str = ""
    label: str = ""  # how the answer calls it
    methods: tuple[str, ...] = ("POST", "PUT")  # empty: any
    body_bytes_max: int = BODY_BYTES_MAX


def _passed_on(name: str, path: str, label: str) -> Route:
    return Route(PROXIED, name, path, label)


TRACE_VERSIONS = {
    **dict.fromkeys(("v0.3", "v0.4", "v0.5"), BODY_BYTES_MAX),  # their traces are decoded a few at a time
    **dict.fromkeys(("v0.7", "v1.0"), WHOLE_TRACES_BYTES_MAX),
}
ROUTES: dict[str, Route] = {
    **{f"/{version}/traces": Route(TRACES, version, body_bytes_max=bytes_max) for version, bytes_max in TRACE_VERSIONS.items()},
    "/v0.6/stats": Route(STATS, body_bytes_max=STATS_BYTES_MAX),
    "/v0.1/pipeline_stats": _passed_on("data_streams", "/api/v0.1/pipeline_stats", "DSM"),
    "/profiling/v1/input": _passed_on("profiling", "/api/v2/profile", "profiling"),
    "/evp_proxy/v2/api/intake/llm-obs/v1/eval-metric": _passed_on(
        "llm_evaluations_v1", "/api/intake/llm-obs/v1/eval-metric", "llm_obs_eval_metric"
    ),
    "/evp_proxy/v2/api/intake/llm-obs/v2/eval-metric": _passed_on(
        "llm_evaluations_v2", "/api/intake/llm-obs/v2/eval-metric", "llm_obs_eval_metric"
    ),
    "/evp_proxy/v2/api/v2/llmobs": _passed_on("llm_spans", "/api/v2/llmobs", "llm_obs_spans"),
    "/debugger/v1/input": _passed_on("debugger_v1", "/api/v2/logs", "debugger_logs"),
    "/debugger/v2/input": _passed_on("debugger", "/api/v2/debugger", "debugger"),
    "/debugger/v1/diagnostics": _passed_on("debugger", "/api/v2/debugger", "debugger"),
    # The symbol database has no intake of its own: what tracers upload there is a debugger's event.
    "/symdb/v1/input": _passed_on("debugger", "/api/v2/debugger", "symdb"),
    "/tracer_flare/v1": _passed_on("tracer_flare", "/api/ui/support/serverless/flare", "tracer_flare"),
    INFO_PATH: Route(INFO, methods=(), body_bytes_max=STRAY_BYTES_MAX),
    # Not in /info, so that who looks there does not ask. Who asks all the same gets the document that every tracer takes for "nothing new".
    "/v0.7/config": Route(CONFIG, methods=("GET", "POST"), body_bytes_max=STRAY_BYTES_MAX),
}
PREFIXES: dict[str, Route] = {
    "/telemetry/proxy/": _passed_on(TELEMETRY, "", "instrumentation"),
    **{f"/evp_proxy/v{number}/": _passed_on(EVP, "", "evp_proxy") for number in range(1, 5)},
}
ENDPOINTS = tuple(path for path, route in (ROUTES | PREFIXES).items() if route.kind != CONFIG)

SPAN_KINDS = ("client", "consumer", "producer", "server")  # that statistics are computed for (specification, traces 2.2)


@attrs.frozen
class Proxied:
    """A request that is passed on to Datadog as it is. `path` begins with "/" and has the query; `subdomain` where the product is EVP.

    `headers` are those that go on, in order; what its body is stands apart, and so do the headers that the extension sets itself.
    """

    product: str
    path: str
    content_type: str
    encoding: str
    headers: Headers
    body: bytes
    subdomain: str = ""


# --- in -----------------------------------------------------------------------------------------------------------------------


def body_bytes_max(target: str) -> int:
    """The most that a request to this target may bring."""
    route = route_of(target.partition("?")[0])
    return STRAY_BYTES_MAX if route is None else route.body_bytes_max


def route_of(path: str) -> Route | None:
    """The route that serves a path, if one does; what is named whole goes before what begins like it."""
    if (route := ROUTES.get(path)) is not None:
        return route
    return next((route for prefix, route in PREFIXES.items() if path.startswith(prefix) and len(path) > len(prefix)), None)


def find(request: Request) -> Route | Response:
    """The route of a request, or why it has none: 404, 405 with Allow, 415 for traces as JSON."""
    route = route_of(request.path)
    if route is None:
        return text(404, "Not Found")
    if route.methods and request.method not in route.methods:
        return Response(405, ((b"Allow", ", ".join(route.methods).encode()),))
    if route.kind == TRACES and (request.header(b"content-type") or b"").partition(b";")[0].strip().lower() == JSON_TYPE:
        return text(415, "traces are taken as application/msgpack")
    return route


def plain_body(request: Request, bytes_max: int) -> bytes:
    """The body without its Content-Encoding. Raises RemoteProtocolError: 415 for one that is not known, 413, 400."""
    encoding = (request.header(b"content-encoding") or b"").strip().lower()
    if encoding in (b"", b"identity"):
        return request.body
    if encoding not in (b"gzip", b"x-gzip"):
        raise RemoteProtocolError(f"Content-Encoding {encoding.decode('latin-1')} is not taken here", 415)
    try:
        return _gunzip(request.body, bytes_max)
    except zlib.error as error:
        raise RemoteProtocolError(f"the body is not gzip: {error}") from error


def _gunzip(data: bytes, bytes_max: int) -> bytes:
    """The members of a gzip file, one after the other."""
    pieces: list[bytes] = []
    room = bytes_max
    while data:
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        pieces.append(inflater.decompress(data, room + 1))
        room -= len(pieces[-1])
        if room < 0:
            raise RemoteProtocolError(f"more than {bytes_max} bytes when decompressed", 413)
        if not inflater.eof:
            raise RemoteProtocolError("the body is cut short")
        data = inflater.unused_data
    return b"".join(pieces)


# What belongs to one connection, or is the extension's to say (specification, traces 11).
_NOT_PASSED_ON = frozenset(
    {
        *(b"host", b"content-length", b"content-type", b"content-encoding"),
        *(b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"expect"),
        *(b"dd-api-key", b"x-datadog-additional-tags", SUBDOMAIN_HEADER),
    }
)


def proxied(request: Request, route: Route) -> Proxied | Response:
    """What is passed on of a request; the refusal of one to the EVP intake that does not say which."""
    subdomain = ""
    if route.name == EVP:
        subdomain = (request.header(SUBDOMAIN_HEADER) or b"").decode("latin-1").lower()
        if not is_subdomain(subdomain):
            return text(400, "X-Datadog-EVP-Subdomain is missing, or no name of a host")
    path = route.path or "/" + _rest(request.path)
    return Proxied(
        route.name,
        f"{path}?{request.query}" if request.query else path,
        (request.header(b"content-type") or b"").decode("latin-1"),
        (request.header(b"content-encoding") or b"").decode("latin-1"),
        passed_on(request.headers),
        request.body,
        subdomain,
    )


def passed_on(headers: Headers) -> Headers:
    """The headers that go on to the intake: none of the connection's, none that Connection names, none that the extension sets."""
    named = b",".join(value for name, value in headers if name == b"connection").lower().split(b",")
    dropped = _NOT_PASSED_ON.union(name.strip() for name in named)
    return tuple(pair for pair in headers if pair[0] not in dropped and not pair[0].startswith(b"proxy-"))


def is_subdomain(subdomain: str) -> bool:
    """Whether this may stand in front of the site: lower-case labels, so that with the dot behind it nothing else can become the host."""
    labels = subdomain.split(".")
    return len(subdomain) <= SUBDOMAIN_CHARACTERS_MAX and all(
        0 < len(label) < 64 and not label.strip(_LABEL_CHARACTERS) and label[0] != "-" != label[-1] for label in labels
    )


def _rest(path: str) -> str:
    return next(path[len(prefix) :] for prefix in PREFIXES if path.startswith(prefix))


# --- out ----------------------------------------------------------------------------------------------------------------------


def info(version: str, peer_tags: Sequence[str]) -> Response:
    """The answer to `/info` (specification, traces 2.2). `client_drop_p0s` is false: tracers send all traces, the sampled-out too."""
    document = {
        "version": version,
        "endpoints": list(ENDPOINTS),
        "client_drop_p0s": False,
        "span_meta_structs": True,
        "span_events": True,
        "peer_tags": list(peer_tags),
        "span_kinds_stats_computed": list(SPAN_KINDS),
        "config": {"receiver_port": PORT, "statsd_port": STATSD_PORT},
    }
    return as_json(json.dumps(document, separators=(",", ":")).encode())


def refused(refusal: Refused) -> Response:
    """The answer to what could not be read as a request. (specification, traces 2.1)"""
    return text(refusal.status, "length limit exceeded" if refusal.status == 413 else refusal.reason)


def as_json(body: bytes) -> Response:
    return Response(200, ((b"Content-Type", JSON_TYPE),), body)


def text(status: int, reason: str) -> Response:
    return Response(status, ((b"Content-Type", TEXT_TYPE),), reason.encode())


TAKEN_TRACES = as_json(RATES_ANSWER)
NO_CONFIG = as_json(b"{}")
TAKEN_STATS = text(202, "Successfully buffered stats to be aggregated.")
EMPTY_STATS = text(202, "Empty stats payload; nothing to aggregate.")


def taken_proxied(route: Route) -> Response:
    return text(200, f"Acknowledged request for {route.label}")
