"""The spool as bytes: what was accepted and not yet confirmed, one record after the other, each with its checksum.

A record is `crc32 (4 bytes) length (4) kind (1) body`, little-endian; the checksum covers kind and body. The first record names
the function. Reading stops at the first record that is cut short or damaged: what stood before it is good. No API key is ever part
of it.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import attrs

from protocols.intake_body import Body, Headers

HEAD = struct.Struct("<IIB")
NUMBER = struct.Struct("<I")
TAKEN = struct.Struct("<Q")  # epoch milliseconds
BODY_BYTES_MAX = 16 * 1024 * 1024
VERSION = 2  # the first had payloads without headers, and took nothing but telemetry and datagrams; it is read all the same
VERSIONS_READ = (1, 2)

OWNER, TELEMETRY, DATAGRAMS, PAYLOAD, SEALED, BEGUN, RESOLVED, REQUEST = range(1, 9)
TAKEN_KINDS = (TELEMETRY, DATAGRAMS, REQUEST)


@attrs.frozen
class Taken:
    """What was accepted and never sealed. `kind` is TELEMETRY (a request body as it came), DATAGRAMS (joined by newlines) or REQUEST
    (one to port 8126: see `request_bytes`)."""

    kind: int
    epoch_ms: int
    data: bytes


@attrs.frozen
class Kept:
    """A payload that was sealed and not resolved. `begun`: it was being sent when the process ended, so the intake may have it.

    `key` says which API key it goes with, never what that key is (`reactor.agent.destinations`).
    """

    number: int
    url: str
    body: Body
    begun: bool
    key: int = 0


@attrs.frozen
class Contents:
    """What a spool holds: `good_bytes` of it; what stands behind them could not be read.

    `waiting` is what the last seal left behind, and `request_id` whose the next lines were then.
    """

    owner: str | None
    taken: list[Taken]
    kept: list[Kept]
    good_bytes: int
    waiting: list[Any] = attrs.field(factory=list)
    request_id: str | None = None


def record(kind: int, *parts: bytes) -> bytes:
    return b"".join(record_parts(kind, *parts))


def record_parts(kind: int, *parts: bytes) -> list[bytes]:
    """A record that is not put together: its content may be large."""
    checksum = kind
    for part in parts:
        checksum = crc32(part, checksum)
    return [HEAD.pack(checksum, sum(map(len, parts)), kind), *parts]


def owner_record(owner: str) -> bytes:
    """The first record: whose spool this is."""
    return record(OWNER, json.dumps({"version": VERSION, "owner": owner}, separators=(",", ":")).encode())


def taken_parts(kind: int, epoch_ms: int, *data: bytes) -> list[bytes]:
    """As `record_parts`."""
    return record_parts(kind, TAKEN.pack(epoch_ms), *data)


def request_bytes(method: str, target: str, headers: Headers, body: bytes, sealed: int = 0) -> list[bytes]:
    """A request as a record holds it, in parts: what is to be read of it is decided by who reads it.

    `sealed`: how many of the pieces in which it was taken are in payloads already.
    """
    head = _json({"method": method, "target": target, "headers": _texts(headers), **({"sealed": sealed} if sealed else {})})
    return [NUMBER.pack(len(head)), head, body]


def read_request(data: bytes) -> tuple[str, str, Headers, bytes, int]:
    """(method, target, headers, body, pieces that are sealed). Raises ValueError, KeyError, TypeError or struct.error for what is none."""
    start = NUMBER.size + NUMBER.unpack_from(data)[0]
    about: Any = json.loads(data[NUMBER.size : start])
    return str(about["method"]), str(about["target"]), _pairs(about["headers"]), data[start:], int(about.get("sealed", 0))


def payload_record(number: int, url: str, body: Body, key: int = 0) -> bytes:
    about: dict[str, Any] = {"url": url, "kind": body.kind, "path": body.path, "type": body.content_type, "items": body.items}
    if body.encoding:
        about["encoding"] = body.encoding
    if body.headers:
        about["headers"] = _texts(body.headers)
    if body.subdomain:
        about["subdomain"] = body.subdomain
    if key:
        about["key"] = key
    head = _json(about)
    return record(PAYLOAD, NUMBER.pack(number), NUMBER.pack(len(head)), head, body.raw)


def waiting_bytes(waiting: list[Any], request_id: str | None) -> bytes:
    """What a seal leaves behind, as a sealed record holds it."""
    if not waiting and request_id is None:
        return b""
    return json.dumps({"request_id": request_id, "lines": waiting}, separators=(",", ":")).encode()


def sealed_record(waiting: bytes = b"") -> bytes:
    """Everything taken before this is in payloads, but for what is `waiting`."""
    return record(SEALED, waiting)


def begun_record(number: int) -> bytes:
    """This payload is being sent."""
    return record(BEGUN, NUMBER.pack(number))


def resolved_record(number: int) -> bytes:
    """This payload is delivered, or dropped."""
    return record(RESOLVED, NUMBER.pack(number))


def read(data: bytes) -> Contents:
    """Never raises: a damaged end is left out."""
    owner: str | None = None
    taken: list[Taken] = []
    payloads: dict[int, tuple[str, Body, int]] = {}
    begun: set[int] = set()
    waiting: list[Any] = []
    request_id: str | None = None
    good = 0
    try:
        for end, kind, body in _records(data):
            if kind == OWNER:
                owner = _owner(body)
            elif kind in TAKEN_KINDS:
                taken.append(Taken(kind, TAKEN.unpack_from(body)[0], body[TAKEN.size :]))
            elif kind == PAYLOAD:
                number, url, payload, key = _payload(body)
                payloads[number] = (url, payload, key)
            elif kind == SEALED:
                waiting, request_id = _waiting(body)
                taken.clear()
            elif kind == BEGUN:
                begun.add(NUMBER.unpack(body)[0])
            elif kind == RESOLVED:
                payloads.pop(NUMBER.unpack(body)[0], None)
            good = end
    except (ValueError, KeyError, TypeError, AttributeError, struct.error):  # whole by its checksum, and yet not ours
        pass
    kept = [Kept(number, url, payload, number in begun, key) for number, (url, payload, key) in payloads.items()]
    return Contents(owner, taken, kept, good, waiting, request_id)


def compact(data: bytes, with_taken: bool = True) -> tuple[bytes, dict[int, int], int]:
    """The same contents without what is resolved or sealed: (bytes, size of each payload's record by number, size of what was taken).

    Without `with_taken`, as before a seal that is to follow. The records themselves are copied as they are.
    """
    head = sealed = b""
    payloads: dict[int, bytes] = {}
    begun: dict[int, bytes] = {}
    taken: list[bytes] = []
    at = 0
    for end, kind, body in _records(data):
        whole, at = data[at:end], end
        if kind == OWNER:
            head = whole
        elif kind in TAKEN_KINDS:
            taken.append(whole)
        elif kind == SEALED:
            sealed = whole if body else b""
            taken.clear()
        elif kind == PAYLOAD:
            payloads[NUMBER.unpack_from(body)[0]] = whole
        elif kind == BEGUN:
            begun[NUMBER.unpack(body)[0]] = whole
        elif kind == RESOLVED:
            payloads.pop(NUMBER.unpack(body)[0], None)
    marks = [mark for number, mark in begun.items() if number in payloads]
    rest = taken if with_taken else []
    sizes = {number: len(whole) for number, whole in payloads.items()}
    return b"".join([head, *payloads.values(), *marks, *([sealed, *rest] if with_taken else [])]), sizes, sum(map(len, rest))


def _records(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(where it ends, kind, body) of each whole record."""
    at = 0
    while at + HEAD.size <= len(data):
        checksum, length, kind = HEAD.unpack_from(data, at)
        end = at + HEAD.size + length
        body = data[at + HEAD.size : end]
        if length > BODY_BYTES_MAX or end > len(data) or crc32(body, kind) != checksum:
            return
        at = end
        yield at, kind, body


def _waiting(body: bytes) -> tuple[list[Any], str | None]:
    document: Any = json.loads(body) if body else {}
    return list(document.get("lines", ())), None if document.get("request_id") is None else str(document["request_id"])


def _owner(body: bytes) -> str | None:
    document: Any = json.loads(body)
    return str(document["owner"]) if document["version"] in VERSIONS_READ else None


def _payload(body: bytes) -> tuple[int, str, Body, int]:
    number, length = NUMBER.unpack_from(body)[0], NUMBER.unpack_from(body, NUMBER.size)[0]
    start = 2 * NUMBER.size
    about: Any = json.loads(body[start : start + length])
    raw = body[start + length :]
    encoding = str(about.get("encoding", ""))
    headers, subdomain = _pairs(about.get("headers", ())), str(about.get("subdomain", ""))
    content = Body(str(about["kind"]), str(about["path"]), str(about["type"]), raw, int(about["items"]), encoding, headers, subdomain)
    return number, str(about["url"]), content, int(about.get("key", 0))


def _json(about: dict[str, Any]) -> bytes:
    return json.dumps(about, separators=(",", ":")).encode()


def _texts(headers: Headers) -> list[list[str]]:
    return [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers]


def _pairs(texts: Any) -> Headers:
    return tuple((str(name).encode("latin-1"), str(value).encode("latin-1")) for name, value in texts)
