"""What the logs intake demands of a batch (specification, logs 4 and 9). Documents in, problems out."""

import json
from typing import Any

from emulator.problems import BOOLEAN, FULL_TEXT, MILLISECONDS, OBJECT, TEXT, TEXT_OR_NULL, Problems, either

ITEMS_MAX = 1000
ITEM_BYTES_MAX = 1024 * 1024

ELEMENT = {"message": OBJECT, "hostname": FULL_TEXT, "service": TEXT, "ddtags": TEXT, "ddsource": either("lambda")}
STATUS = either("critical", "error", "warn", "info", "debug", "trace")
MESSAGE = {"message": TEXT, "lambda": OBJECT, "timestamp": MILLISECONDS, "status": STATUS}
LAMBDA = {"arn": FULL_TEXT, "request_id": TEXT_OR_NULL}
DURABLE = {
    "durable_function.execution_id": FULL_TEXT,
    "durable_function.execution_name": FULL_TEXT,
    "durable_function.execution_status": FULL_TEXT,
    "durable_function.first_invocation": BOOLEAN,
}


def check_logs(document: Any, found: Problems) -> None:
    if not found.expect(isinstance(document, list), "body is not a list"):
        return
    found.expect(0 < len(document) <= ITEMS_MAX, f"{len(document)} logs in one body, not 1 to {ITEMS_MAX}")
    for position, element in enumerate(document):
        _check_element(f"log {position}", element, found)


def _check_element(where: str, element: Any, found: Problems) -> None:
    found.members(where, element, ELEMENT)
    if not isinstance(element, dict) or not isinstance(message := element.get("message"), dict):
        return
    found.members(f"{where}.message", message, MESSAGE)
    if isinstance(owner := message.get("lambda"), dict):
        found.members(f"{where}.message.lambda", owner, LAMBDA, DURABLE)
        found.expect(owner.get("request_id") != "", f"{where}: request_id is empty; without an id it is null")
        found.expect(owner.get("arn") == element.get("hostname"), f"{where}: hostname is not the function's ARN")
    if isinstance(tags := element.get("ddtags"), str):
        found.tags(where, tags.split(",") if tags else [])
    if _large(message):
        size = len(json.dumps(element, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass"))
        found.expect(size <= ITEM_BYTES_MAX, f"{where}: {size} bytes, more than {ITEM_BYTES_MAX}")


def _large(message: dict[str, Any]) -> bool:
    """Whether the log may be over the limit at all: encoding each small one again would be wasted work."""
    return len(str(message.get("message", ""))) > ITEM_BYTES_MAX // 8
