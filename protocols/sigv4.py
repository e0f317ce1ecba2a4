"""AWS Signature Version 4 for requests to `/` without a query, the only ones made here (specification, secrets 5).

It signs what it is given and nothing else: whoever calls decides on the headers, and sends exactly those.
"""

import hashlib
import hmac
from datetime import UTC, datetime

import attrs

ALGORITHM = "AWS4-HMAC-SHA256"

Headers = tuple[tuple[str, str], ...]


@attrs.frozen
class Credentials:
    """What requests are signed with; `session_token` may be empty. `repr` shows none of it."""

    access_key_id: str = attrs.field(repr=False)
    secret_access_key: str = attrs.field(repr=False)
    session_token: str = attrs.field(default="", repr=False)


def amz_date(epoch_ms: int) -> str:
    """`YYYYMMDDTHHMMSSZ`. Raises what `datetime` raises for years it does not know."""
    return datetime.fromtimestamp(epoch_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def authorization(method: str, headers: Headers, body: bytes, credentials: Credentials, region: str, service: str) -> str:
    """The value of the Authorization header. All of `headers` are signed; `host` and `x-amz-date` must be among them."""
    signed = _canonical_headers(headers)
    names = ";".join(name for name, _ in signed)
    date = dict(signed)["x-amz-date"]
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join((ALGORITHM, date, scope, _sha256(canonical_request(method, headers, body).encode())))
    signature = _hmac(signing_key(credentials.secret_access_key, date[:8], region, service), to_sign).hex()
    return f"{ALGORITHM} Credential={credentials.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"


def canonical_request(method: str, headers: Headers, body: bytes) -> str:
    signed = _canonical_headers(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in signed)
    return f"{method}\n/\n\n{lines}\n{';'.join(name for name, _ in signed)}\n{_sha256(body)}"


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """Good for one day (`date`: YYYYMMDD), region and service."""
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _canonical_headers(headers: Headers) -> list[tuple[str, str]]:
    """Names in lower case and in order, runs of blanks as one, values of one name between commas in the order given."""
    together: dict[str, list[str]] = {}
    for name, value in headers:
        together.setdefault(name.lower(), []).append(" ".join(value.split()))
    return [(name, ",".join(values)) for name, values in sorted(together.items())]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
