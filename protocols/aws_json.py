"""AWS's JSON 1.1 protocol, which KMS, Secrets Manager and SSM share: one signed POST, one JSON object back (specification, secrets 4-6).

A refusal is told by its `__type` and the first line of its message, never by more: the message about a wrong signature goes on to
quote the request that AWS expected, session token included.
"""

import json
from typing import Any

import attrs

from protocols.api_key import Failure
from protocols.sigv4 import Credentials, amz_date, authorization

CONTENT_TYPE = "application/x-amz-json-1.1"
ANSWER_BYTES_MAX = 512 * 1024  # a secret has at most 64 KiB; JSON may write each character as six
REASON_CHARACTERS_MAX = 400
THROTTLED = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown")  # what such a `__type` contains


@attrs.frozen
class Call:
    """One call of a service. `region`: where its resource is, empty for the function's own."""

    service: str
    target: str
    body: bytes = attrs.field(repr=False)
    region: str = ""


def body_of(**members: Any) -> bytes:
    """Compact JSON, members in the order given."""
    return json.dumps(members, separators=(",", ":")).encode()


def headers_of(call: Call, host: str, region: str, credentials: Credentials, epoch_ms: int) -> tuple[tuple[str, str], ...]:
    """All headers of the request but its length. `host` is what the Host header says, and so what is signed."""
    headers = [
        ("Host", host),
        ("Content-Type", CONTENT_TYPE),
        ("X-Amz-Date", amz_date(epoch_ms)),
        ("X-Amz-Target", call.target),
    ]
    if credentials.session_token:
        headers.append(("X-Amz-Security-Token", credentials.session_token))
    signature = authorization("POST", tuple(headers), call.body, credentials, region, call.service)
    return (*headers, ("Authorization", signature))


def read_answer(status: int, body: bytes) -> dict[str, Any] | Failure:
    """The object of a success; else why there is none."""
    document = object_of(body)
    if not 200 <= status < 300:
        return _refusal(status, document or {})
    return Failure("the answer is not a JSON object") if document is None else document


def object_of(body: bytes) -> dict[str, Any] | None:
    """The JSON object that `body` is; None if it is anything else."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def text_at(document: object, *path: str) -> str:
    """The text under these names, one inside the other; empty if there is none."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) else ""


def _refusal(status: int, document: dict[str, Any]) -> Failure:
    kind = text_at(document, "__type").rpartition("#")[2]
    message = text_at(document, "Message") or text_at(document, "message")
    words = ": ".join(filter(None, (_first_line(kind), _first_line(message)))) or "no reason given"
    transient = status >= 500 or status == 429 or any(sign in kind for sign in THROTTLED)
    return Failure(f"status {status}, {words}", transient)


def _first_line(text: str) -> str:
    line = text.strip().partition("\n")[0][:REASON_CHARACTERS_MAX]
    return "".join(character if character.isprintable() else "?" for character in line)
