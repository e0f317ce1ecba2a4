"""API exchanges as JSON lines, `{"t_ms","dir","method","path","headers","body",…}`, and back (specification, lambda-platform 15.8).

`dir` is `in` for a call to the platform and `out` for a telemetry batch. A body that is not UTF-8 is written as `body_base64`.
"""

import base64
import json
from typing import Any

from emulator.values import ApiCall


def to_json_line(call: ApiCall) -> str:
    document: dict[str, Any] = {
        "t_ms": call.at_ms,
        "dir": "out" if call.kind == "telemetry" else "in",
        "kind": call.kind,
        "method": call.method,
        "path": call.path,
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in call.headers],
        **_body("body", call.body),
        "status": call.status,
        **_body("answer", call.answer),
        "answered_ms": call.answered_ms,
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def from_json_line(line: str) -> ApiCall:
    """Raises ValueError or KeyError for what `to_json_line` did not write."""
    document = json.loads(line)
    return ApiCall(
        at_ms=document["t_ms"],
        kind=document["kind"],
        method=document["method"],
        path=document["path"],
        headers=tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in document["headers"]),
        body=_bytes("body", document),
        status=document["status"],
        answer=_bytes("answer", document),
        answered_ms=document["answered_ms"],
    )


def _body(name: str, data: bytes) -> dict[str, str]:
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}


def _bytes(name: str, document: dict[str, Any]) -> bytes:
    encoded = document.get(f"{name}_base64")
    return base64.b64decode(encoded) if encoded is not None else document[name].encode()
