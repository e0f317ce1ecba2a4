"""The Extensions API and the Telemetry API's subscription: requests as values, answers read into values.

Specification, lifecycle 2-5 and platform 2, 4.1. Sans-I/O: whoever has a connection sends `ApiRequest` and hands in status, headers
and body of the answer. Nothing here raises for anything that the platform may answer.
"""

import json
from typing import Any

import attrs

EXTENSION_NAME = "datadog-agent"  # the base name of the file in /opt/extensions
REGISTER_PATH = "/2020-01-01/extension/register"
NEXT_PATH = "/2020-01-01/extension/event/next"
INIT_ERROR_PATH = "/2020-01-01/extension/init/error"
EXIT_ERROR_PATH = "/2020-01-01/extension/exit/error"
TELEMETRY_PATH = "/2022-07-01/telemetry"
TELEMETRY_PORT = 8999
SCHEMA_ON_DEMAND, SCHEMA_MANAGED = "2022-12-13", "2025-01-29"
IDENTIFIER_HEADER = b"lambda-extension-identifier"
JSON_HEADER = (b"Content-Type", b"application/json")


@attrs.frozen
class ApiRequest:
    """One call to the platform."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""


@attrs.frozen
class Registration:
    """What the platform said to the registration."""

    identifier: str
    account_id: str = "none"
    function_name: str = ""


@attrs.frozen
class NextInvoke:
    """`/event/next`: an invocation begins. `deadline_ms` is epoch."""

    request_id: str
    deadline_ms: int
    function_arn: str


@attrs.frozen
class NextShutdown:
    """`/event/next`: the sandbox ends. `reason` is in lower case; `deadline_ms` is epoch."""

    reason: str
    deadline_ms: int


@attrs.frozen
class Refusal:
    """The platform did not answer as it should. `fatal`: asking again cannot help."""

    reason: str
    fatal: bool = True


def register_request(managed: bool) -> ApiRequest:
    events = ["SHUTDOWN"] if managed else ["INVOKE", "SHUTDOWN"]
    headers = ((b"Lambda-Extension-Name", EXTENSION_NAME.encode()), (b"Lambda-Extension-Accept-Feature", b"accountId"), JSON_HEADER)
    return ApiRequest("POST", REGISTER_PATH, headers, _compact({"events": events}))


def subscribe_request(identifier: str, managed: bool, logs: bool, port: int = TELEMETRY_PORT, memory: bool = False) -> ApiRequest:
    """`logs`: function and extension lines too. `memory`: function lines at least, for some say that memory ran out.

    `port`: where telemetry is listened for.
    """
    lines = ["extension", "function"] if logs else ["function"] if memory else []
    body = {
        "schemaVersion": SCHEMA_MANAGED if managed else SCHEMA_ON_DEMAND,
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox:{port}/"},
        "types": ["platform", *lines],
        "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
    }
    return ApiRequest("PUT", TELEMETRY_PATH, (_identifier(identifier), JSON_HEADER), _compact(body))


def next_request(identifier: str) -> ApiRequest:
    return ApiRequest("GET", NEXT_PATH, (_identifier(identifier),))


def error_request(path: str, identifier: str, error_type: str, message: str) -> ApiRequest:
    """`path` is INIT_ERROR_PATH or EXIT_ERROR_PATH; `error_type` reads `Extension.<Reason>`."""
    headers = (_identifier(identifier), (b"Lambda-Extension-Function-Error-Type", error_type.encode()), JSON_HEADER)
    body = {"errorMessage": message, "errorType": error_type.partition(".")[2], "stackTrace": []}
    return ApiRequest("POST", path, headers, _compact(body))


def read_registration(status: int, headers: tuple[tuple[bytes, bytes], ...], body: bytes) -> Registration | Refusal:
    identifier = next((value for name, value in headers if name == IDENTIFIER_HEADER), b"")
    if status != 200:
        return Refusal(f"register answered {status}: {_said(body)}")
    if not identifier:
        return Refusal("register answered without Lambda-Extension-Identifier")
    document = _object(body)
    return Registration(
        identifier.decode("latin-1"),
        account_id=_text(document.get("accountId")) or "none",
        function_name=_text(document.get("functionName")),
    )


def read_subscription(status: int, body: bytes) -> Refusal | None:
    """None: subscribed. 202 is how a platform without telemetry says so."""
    return None if status == 200 else Refusal(f"the telemetry subscription was answered {status}: {_said(body)}")


def read_next(status: int, body: bytes) -> NextInvoke | NextShutdown | Refusal:
    """A 5xx may pass; any other status is the platform's last word. A body that cannot be understood is an event that is lost."""
    if not 200 <= status < 300:
        return Refusal(f"next answered {status}: {_said(body)}", fatal=status < 500)
    return next_event(_object(body))


def next_event(document: dict[str, Any]) -> NextInvoke | NextShutdown | Refusal:
    """Read an event document of `/event/next`."""
    deadline_ms = document.get("deadlineMs")
    deadline_ms = int(deadline_ms) if isinstance(deadline_ms, int | float) and abs(deadline_ms) < 2**63 else 0
    kind, request_id = document.get("eventType"), document.get("requestId")
    if kind == "SHUTDOWN":
        return NextShutdown(_text(document.get("shutdownReason")).lower() or "unknown", deadline_ms)
    if kind == "INVOKE" and isinstance(request_id, str) and request_id:
        return NextInvoke(request_id, deadline_ms, _text(document.get("invokedFunctionArn")))
    return Refusal("next answered with an event that is neither INVOKE nor SHUTDOWN", fatal=False)


def _identifier(identifier: str) -> tuple[bytes, bytes]:
    return b"Lambda-Extension-Identifier", identifier.encode("latin-1", "replace")


def _compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _said(body: bytes) -> str:
    """The platform's own word for an error, short enough for a log line."""
    document = _object(body)
    words = " ".join(filter(None, (_text(document.get("errorType")), _text(document.get("errorMessage")))))
    return (words or body.decode("utf-8", "replace"))[:200]
