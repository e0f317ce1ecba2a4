"""Splits what processes write into log records: by line, or by the frames of the runtime's own log pipe. Sans-I/O."""

import json
from typing import Any

LINE_BYTES_MAX = 262_144
FRAME_HEAD_BYTES = 16
_FRAME_MAGIC = b"\xa5\x5a\x00"


class LineSplitter:
    """Bytes in, lines out, each with its newline; a line over 256 kB comes in pieces. Any split of the input gives the same lines."""

    def __init__(self, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self.line_bytes_max = line_bytes_max
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        out: list[bytes] = []
        start, text = 0, self._rest + data
        while True:
            end = text.find(b"\n", start) + 1
            if not end:
                break
            out += self._pieces(text[start:end])
            start = end
        self._rest = text[start:]
        while len(self._rest) > self.line_bytes_max:
            out.append(self._rest[: self.line_bytes_max])
            self._rest = self._rest[self.line_bytes_max :]
        return out

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest else []

    def _pieces(self, line: bytes) -> list[bytes]:
        return [line[at : at + self.line_bytes_max] for at in range(0, len(line), self.line_bytes_max)]


class FrameSplitter:
    """The framing of `_LAMBDA_TELEMETRY_LOG_FD`: type (4 bytes), length (4), time in microseconds (8), message; big endian.

    One frame is one record, whatever newlines it has. What is not a frame ends the splitter: its bytes come out as they are.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._raw = False

    def feed(self, data: bytes) -> list[bytes]:
        self._rest += data
        out: list[bytes] = []
        while not self._raw and len(self._rest) >= FRAME_HEAD_BYTES:
            if not self._rest.startswith(_FRAME_MAGIC):
                self._raw = True
                break
            end = FRAME_HEAD_BYTES + int.from_bytes(self._rest[4:8], "big")
            if len(self._rest) < end:
                break
            message, self._rest = self._rest[FRAME_HEAD_BYTES:end], self._rest[end:]
            out += [message[at : at + LINE_BYTES_MAX] for at in range(0, len(message), LINE_BYTES_MAX)]
        if self._raw and self._rest:
            out.append(self._rest)
            self._rest = b""
        return out

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


def as_record(line: bytes, log_format: str) -> str | dict[str, Any]:
    """The `record` of one line: an object where the log format is JSON and the line is one, else its text."""
    if log_format == "JSON" and line.lstrip().startswith(b"{"):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
    return line.decode("utf-8", "replace")
