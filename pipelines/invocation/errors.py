"""What the end call, or the platform, says about how an invocation failed. (specification, invocation 7)"""

from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Mapping

FLAG = "x-datadog-invocation-error"
TAG_OF = {
    "x-datadog-invocation-error-msg": "error.msg",
    "x-datadog-invocation-error-type": "error.type",
    "x-datadog-invocation-error-stack": "error.stack",
}
TIMEOUT_TAGS = {"error.msg": "Datadog detected a Timeout", "error.type": "Timeout"}
ERROR_TYPE_DEFAULT = "Runtime.Unknown"  # of a failure that the platform does not name


def read_error(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The error tags of the end call's headers (lower case); an empty map when it only says that there was an error, None when not."""
    tags = {tag: read_text(headers[name]) for name, tag in TAG_OF.items() if name in headers}
    return tags if tags or headers.get(FLAG, "").strip().lower() == "true" else None


def read_text(header: str) -> str:
    """A header that is plain text or padded base64. What decodes to something that is no text was plain."""
    plain = _utf8(header)
    if len(header) % 4 or not header.isascii():
        return plain
    try:
        return a2b_base64(header, strict_mode=True).decode()
    except (NotBase64, UnicodeDecodeError):
        return plain


def _utf8(header: str) -> str:
    """Headers were read as Latin-1; most of them are UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def platform_error_tags(status: str, error_type: str) -> dict[str, str]:
    """The tags of an invocation whose runtime could not report its end itself: it ran out of time or memory, or died.

    `status` is that of `platform.runtimeDone`: timeout, error or failure.
    """
    if status == "timeout":
        return dict(TIMEOUT_TAGS)
    error_type = error_type or ERROR_TYPE_DEFAULT
    return {"error.msg": f"Datadog detected that the runtime ended early: {error_type}", "error.type": error_type}
