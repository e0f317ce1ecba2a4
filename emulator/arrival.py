"""One request that an intake has read, as a value."""

from typing import Any

import attrs

from emulator.decode import Decoded

ARRIVAL_BYTES = 1024  # what an arrival weighs beside its body

# What the extension's HTTP client adds for the connection's sake; the recordings leave these out.
CONNECTION_HEADERS = ("host", "content-length", "transfer-encoding", "connection")


@attrs.frozen
class Arrival:
    """One request that was read to its end. `at_ms` counts from `Intake.mark`; `kept` says whether its data was taken."""

    at_ms: float
    method: str
    host: str
    target: str
    headers: dict[str, str]
    body_bytes: int  # as received, compressed
    decoded: Decoded
    answer: str  # the status, or the misbehaviour's text
    kept: bool

    @property
    def path(self) -> str:
        return path_of(self.target)

    def output(self) -> dict[str, Any]:
        """The shape of one of a recording's `outputs`."""
        return {
            "at_ms": self.at_ms,
            "out": self.decoded.kind,
            "path": self.path,
            "headers": {name: value for name, value in self.headers.items() if name not in CONNECTION_HEADERS},
            "bytes": self.body_bytes,
            "document": self.decoded.document,
        }

    @property
    def weight(self) -> int:
        """Bytes that keeping it is counted with; its document takes a small multiple of the body."""
        return ARRIVAL_BYTES + max(self.body_bytes, self.decoded.raw_bytes)


def path_of(target: str) -> str:
    """The path of a request target, also of one in absolute form (as a proxy gets it)."""
    if "://" in target.partition("?")[0]:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0]
