"""Spans that nobody should see: the sandbox talking to itself. (specification, traces 7.2)

Host and port are compared as a whole; the reference compares beginnings, and so also removes calls to port 81250.
"""

from collections.abc import Iterable

from protocols.trace_values import Span

PLACEHOLDER = "dd-tracer-serverless-span"
RUNTIME_API = "127.0.0.1:9001"  # Lambda's own default
OWN_PORTS = (8124, 8125, 8126)
OTLP_PORTS = (4317, 4318)
OWN_HOSTS = ("127.0.0.1", "localhost")
# A library that looks up where the extension or the X-Ray daemon is.
DNS_ADDRESSES = frozenset({"0.0.0.0", "127.0.0.1", "169.254.79.129"})
RESOURCES = frozenset({PLACEHOLDER, "127.0.0.1", "0.0.0.0"})
DNS_LOOKUP = "dns.lookup"
HTTP = "http://"


class OwnTraffic:
    """Knows the sandbox's own addresses. `runtime_api` is the value of AWS_LAMBDA_RUNTIME_API; empty: the usual one."""

    def __init__(self, runtime_api: str = "", ports: Iterable[int] = OTLP_PORTS) -> None:
        own = (f"{host}:{port}" for host in OWN_HOSTS for port in (*OWN_PORTS, *ports))
        self._addresses = frozenset({RUNTIME_API, runtime_api.lower() or RUNTIME_API, *own})

    def reason(self, span: Span) -> str:
        """Why the span is removed; "" if it is not."""
        if span["resource"] in RESOURCES:
            return "placeholder" if span["resource"] == PLACEHOLDER else "own_traffic"
        if span["name"] == DNS_LOOKUP:
            return "own_traffic"
        meta = span["meta"]
        if "http.url" in meta and self._is_own_url(meta["http.url"]):
            return "own_traffic"
        if "tcp.remote.host" in meta and f"{meta['tcp.remote.host']}:{meta.get('tcp.remote.port', '')}".lower() in self._addresses:
            return "own_traffic"
        if "dns.address" in meta and meta["dns.address"].partition(":")[0] in DNS_ADDRESSES:
            return "own_traffic"
        return ""

    def _is_own_url(self, url: str) -> bool:
        if url[:7].lower() != HTTP:
            return False
        authority = url[7:300]
        for end in "/?#":
            authority = authority.partition(end)[0]
        return authority.rpartition("@")[2].lower() in self._addresses
