"""The extension's own log lines, as one JSON object each on standard output (specification, lifecycle 19).

The platform sends them back to us as telemetry, so nothing here is said per record, and no key is ever part of a text.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging

LEVELS = {"error": 40, "warn": 30, "info": 20, "debug": 10, "trace": 5}
_NAMES = {50: "ERROR", 40: "ERROR", 30: "WARN", 20: "INFO", 10: "DEBUG", 5: "TRACE"}
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
LINE_BYTES_MAX = 16_384


def line(level: str, text: str) -> bytes:
    """One log line. The key is `status`: the platform filters JSON logs by `level`."""
    escaped = "".join(_ESCAPES.get(c) or (c if c >= " " else f"\\u{ord(c):04X}") for c in text[:LINE_BYTES_MAX])
    return f'{{"status":"{level}","message":"DD_EXTENSION | {level} | {escaped}"}}\n'.encode("utf-8", "replace")


class Voice:
    """Says lines of at least its level. Never raises: a closed or full pipe is no reason to stop."""

    def __init__(self, level: str, descriptor: int = 1) -> None:
        self._level, self._descriptor = LEVELS.get(level, 20), descriptor

    def says(self, level: str) -> bool:
        return LEVELS[level.lower()] >= self._level

    def say(self, level: str, text: str) -> None:
        if level == "PLAIN":
            self._write(f"{text}\n".encode("utf-8", "replace"))
        elif self.says(level):
            self._write(line(level, text))

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._descriptor, data)
        except OSError:
            pass


class Handler:
    """Lets the library modules' `logging` lines out through a Voice. All that a logger asks of a handler is in here: no `logging` is loaded
    before somebody has a line."""

    level = 0

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    def handle(self, record: "logging.LogRecord") -> None:
        self._voice.say(_NAMES.get(record.levelno, "INFO"), record.getMessage())
