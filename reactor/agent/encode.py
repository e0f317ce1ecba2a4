"""From a payload's body to the bytes that are sent, and back: compressed, if the settings say so. No network, no clock.

A body is compressed once, when it is sealed: so it waits, in memory and in the spool, at the size that it is sent in.
"""

import sys
from typing import Any

import attrs

from protocols.intake_body import PRODUCTS, Body
from reactor.config.values import Settings

ZSTD = "zstd"
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

    def encode(self, body: Body) -> Body:
        return encode_body(body, self._settings)

    def decode(self, body: Body) -> Body:
        return decode_body(body)


def compress(data: bytes, level: int) -> bytes:
    return bytes(_zstd().compress(data, level))


def encode_body(body: Body, settings: Settings) -> Body:
    """The body as it is sent. Should the compressor fail, it goes as it is; so does what a library sent to be passed on."""
    kind = body.kind
    if body.encoding or kind in PRODUCTS or (kind == "logs" and not settings.logs_config_use_compression):
        return body
    try:
        return attrs.evolve(body, raw=compress(body.raw, getattr(settings, LEVELS.get(kind, "compression_level"))), encoding=ZSTD)
    except Exception:  # whatever the library finds wrong: the data counts for more than its size
        return body


def decode_body(body: Body) -> Body:
    """The body as it was before `encode_body`. Raises what the library raises for bytes that it has not made."""
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
