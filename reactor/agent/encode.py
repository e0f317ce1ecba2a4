"""From a payload's body to the bytes that are sent, and back: compressed, if the settings say so. No network, no clock.

A body is compressed once, when it is sealed: so it waits, in memory and in the spool, at the size that it is sent in.
"""

import sys
from typing import Any

import attrs

from protocols.intake_body import PRODUCTS, Body
from reactor.config.values import Settings

ZSTD = "zstd"
KEPT_LEVEL_MAX = 5  # up to here what a compressor keeps between two bodies is under 2 MB; of the highest levels it would be dozens
LEVELS = {
    "logs": "logs_config_compression_level",
    "traces": "apm_config_compression_level",
    "series": "metrics_config_compression_level",
    "sketches": "metrics_config_compression_level",
}


class Compressor:
    """The codec that these settings want (`reactor.agent.codec`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._frames: dict[int, Frames] = {}  # by level

    def encode(self, body: Body) -> Body:
        """The body as it is sent. Should the compressor fail, it goes as it is; so does what a library sent to be passed on."""
        kind = body.kind
        if body.encoding or kind in PRODUCTS or (kind == "logs" and not self._settings.logs_config_use_compression):
            return body
        level = getattr(self._settings, LEVELS.get(kind, "compression_level"))
        try:
            return attrs.evolve(body, raw=self._frames_of(level).compress(body.raw), encoding=ZSTD)
        except Exception:  # whatever the library finds wrong: the data counts for more than its size
            self._frames.pop(level, None)
            return body

    def _frames_of(self, level: int) -> "Frames":
        if (frames := self._frames.get(level)) is None:
            frames = Frames(level)
            if level <= KEPT_LEVEL_MAX:
                self._frames[level] = frames
        return frames

    def decode(self, body: Body) -> Body:
        return decode_body(body)


class Frames:
    """Makes frames of one level. The library's tables are made once, not for each: for a small body that is two thirds of the work."""

    def __init__(self, level: int) -> None:
        self._compressor = _zstd().ZstdCompressor(level)

    def compress(self, data: bytes) -> bytes:
        """The very frame that the library's one-shot `compress` makes."""
        self._compressor.set_pledged_input_size(len(data))
        return bytes(self._compressor.compress(data, self._compressor.FLUSH_FRAME))


def decode_body(body: Body) -> Body:
    """The body as it was before it was encoded. Raises what the library raises for bytes that it has not made."""
    if body.encoding != ZSTD or body.kind in PRODUCTS:
        return body
    return attrs.evolve(body, raw=bytes(_zstd().decompress(body.raw)), encoding="")


def _zstd() -> Any:
    """Loaded when first needed: the platform's standard library has it from 3.14 on."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
