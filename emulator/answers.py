"""The JSON bodies that the platform's APIs share (specification, lambda-platform 1)."""

import json
from typing import Any

import trio

from emulator.faults import Fault
from emulator.wire import Broken
from protocols.http_server import Headers, Response

JSON_TYPE: Headers = ((b"Content-Type", b"application/json"),)


def as_json(status: int, document: Any, headers: Headers = ()) -> Response:
    return Response(status, (*JSON_TYPE, *headers), json.dumps(document, separators=(",", ":")).encode() + b"\n")


def problem(status: int, error_type: str, message: str) -> Response:
    return as_json(status, {"errorMessage": message, "errorType": error_type})


def accepted() -> Response:
    return as_json(202, {"status": "OK"})


def text(value: bytes | None) -> str:
    return "" if value is None else value.decode("latin-1")


async def misbehave(faults: list[Fault]) -> Response | Broken | None:
    """Wait as the faults say; what they answer in place of the true answer, if anything. `half` is not decided here."""
    for fault in faults:
        argument = fault.argument or ""
        if argument == "never":
            await trio.sleep_forever()
        elif argument.startswith("delay="):
            await trio.sleep(int(argument[6:]) / 1000)
        elif argument == "close":
            return Broken("close")
        elif argument == "202":
            return as_json(202, {"errorMessage": "Telemetry API is not supported", "errorType": "Telemetry.NotSupported"})
        elif argument.isdecimal():
            return problem(int(argument), "InternalServerError" if int(argument) >= 500 else "Emulated.Fault", "emulated fault")
    return None
