"""What a function's answer says of its success: the HTTP status, where each source's answers have it. (specification, invocation 4.2)"""

from typing import Any

from pipelines.triggers.fields import dig
from pipelines.triggers.model import Inferred

PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "bedrock_agent": (("response", "httpStatusCode"), ("statusCode",)),
    "cloudfront": (("status",), ("statusCode",)),
}
"""By source: paths that are tried in order."""
USUAL_PLACES: tuple[tuple[str, ...], ...] = (("statusCode",),)


def read_status(source: str, answer: Any) -> int | None:
    """The status from 100 to 599 in an answer, a number or the text of one; None if it names none."""
    for place in PLACES.get(source, USUAL_PLACES):
        status = status_of(dig(answer, *place))
        if status is not None:
            return status
    return None


def status_of(value: Any) -> int | None:
    if type(value) is str and len(value) == 3 and value.isascii() and value.isdecimal():
        value = int(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 100 <= value <= 599 else None


def is_server_error(status: int) -> bool:
    return status >= 500


def set_status(inferred: Inferred, status: int) -> None:
    """On the span that the answer goes back to, not on what is wrapped in it."""
    if inferred.spans:
        inferred.spans[0]["meta"]["http.status_code"] = str(status)
