"""The gRPC status code of a span, as decimal text (specification, stats 2.4)."""

import math
from typing import Any

STATUS_KEYS = ("rpc.grpc.status_code", "grpc.code", "rpc.grpc.status.code", "grpc.status.code")
PREFIX = "StatusCode."
MAX_CODE = 255
# fmt: off
_NAMES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
    "UNAUTHENTICATED",
)
# fmt: on
CODES = {
    **{name: str(code) for code, name in enumerate(_NAMES)},
    **{name.replace("_", ""): str(code) for code, name in enumerate(_NAMES)},
    "CANCELED": "1",
}


def status_code(meta: dict[str, str], metrics: dict[str, float]) -> str:
    """The first that can be read, texts before numbers; empty when there is none."""
    for key in STATUS_KEYS:
        if key in meta and (code := code_of_text(meta[key])):
            return code
    for key in STATUS_KEYS:
        if key in metrics and (code := code_of_number(metrics[key])):
            return code
    return ""


def code_of_text(text: str) -> str:
    """A number from 0 to 255, or the name of a code in any case, with `StatusCode.` before it or not; empty when it is neither."""
    if not text.isascii():
        return ""
    digits = text.removeprefix("+")
    if digits.isdigit():
        return str(int(digits)) if len(digits.lstrip("0")) <= 3 and int(digits) <= MAX_CODE else ""
    return CODES.get(text.removeprefix(PREFIX).upper(), "")


def code_of_number(number: Any) -> str:
    return str(int(number)) if math.isfinite(number) and 0 <= number <= MAX_CODE and number == int(number) else ""
