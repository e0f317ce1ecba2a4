"""Validates the body of `PUT /2022-07-01/telemetry` (specification, lambda-platform 4.1). Pure."""

import json
from typing import Any
from urllib.parse import urlsplit

import attrs

SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
MANAGED_SCHEMAS = ("2025-01-29",)
TYPES = ("platform", "function", "extension")
HOSTS = ("sandbox.localdomain", "sandbox")
BUFFERING = {"maxItems": (1_000, 10_000, 10_000), "maxBytes": (262_144, 1_048_576, 262_144), "timeoutMs": (25, 30_000, 1_000)}


class InvalidSubscription(Exception):
    """What the answer's errorMessage says."""


@attrs.frozen(kw_only=True)
class Subscription:
    """One accepted subscription; the destination is 127.0.0.1:`port` in the sandbox."""

    name: str
    schema: str
    types: tuple[str, ...]
    protocol: str
    port: int
    target: str = "/"
    host: str = "sandbox"
    method: str = "POST"
    max_items: int = BUFFERING["maxItems"][2]
    max_bytes: int = BUFFERING["maxBytes"][2]
    timeout_ms: int = BUFFERING["timeoutMs"][2]

    def wants(self, record_type: str) -> bool:
        """`platform.start` belongs to `platform`; the log types stand for themselves."""
        return record_type.partition(".")[0] in self.types


def parse_subscription(name: str, body: bytes, *, managed: bool) -> Subscription:
    """Raises InvalidSubscription."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise InvalidSubscription(f"not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidSubscription("not an object")
    schema = document.get("schemaVersion")
    if not isinstance(schema, str) or schema not in (MANAGED_SCHEMAS if managed else SCHEMAS):
        raise InvalidSubscription(f"schemaVersion {schema!r} is not supported here")
    return Subscription(name=name, schema=schema, types=_types(document), **_buffering(document), **_destination(document))


def _types(document: dict[str, Any]) -> tuple[str, ...]:
    types = document.get("types")
    if not isinstance(types, list) or not types:
        raise InvalidSubscription("types: at least one is needed")
    if unknown := [value for value in types if value not in TYPES]:
        raise InvalidSubscription(f"types: {unknown[0]!r} is unknown")
    return tuple(dict.fromkeys(types))


def _buffering(document: dict[str, Any]) -> dict[str, Any]:
    given = document.get("buffering", {})
    if not isinstance(given, dict):
        raise InvalidSubscription("buffering: not an object")
    out = {}
    for key, (lowest, highest, default) in BUFFERING.items():
        value = given.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise InvalidSubscription(f"buffering.{key}: {value!r} is not in {lowest} … {highest}")
        out[{"maxItems": "max_items", "maxBytes": "max_bytes", "timeoutMs": "timeout_ms"}[key]] = value
    return out


def _destination(document: dict[str, Any]) -> dict[str, Any]:
    destination = document.get("destination")
    if not isinstance(destination, dict):
        raise InvalidSubscription("destination is missing")
    protocol = destination.get("protocol")
    if protocol == "TCP":
        return {"protocol": "TCP", "port": _port(destination.get("port"))}
    if protocol != "HTTP":
        raise InvalidSubscription(f"destination.protocol {protocol!r} is not HTTP or TCP")
    if (method := destination.get("method", "POST")) not in ("POST", "PUT"):
        raise InvalidSubscription(f"destination.method {method!r} is not POST or PUT")
    if (encoding := destination.get("encoding", "JSON")) != "JSON":
        raise InvalidSubscription(f"destination.encoding {encoding!r} is not JSON")
    return {"protocol": "HTTP", "method": method, **_uri(destination.get("URI"))}


def _uri(uri: Any) -> dict[str, Any]:
    if not isinstance(uri, str):
        raise InvalidSubscription("destination.URI is missing")
    try:
        parts = urlsplit(uri)
        port = parts.port or 80
    except ValueError as error:
        raise InvalidSubscription(f"destination.URI {uri!r}: {error}") from error
    if parts.scheme != "http" or parts.hostname not in HOSTS:
        raise InvalidSubscription(f"destination.URI {uri!r}: only http://sandbox.localdomain or http://sandbox")
    return {"host": parts.hostname, "port": port, "target": parts.path or "/"}


def _port(port: Any) -> int:
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65_535:
        raise InvalidSubscription(f"destination.port {port!r} is not in 1 … 65535")
    return port
