"""From a payload's body to the bytes that are sent: compressed, if the settings say so. No network, no clock."""

import sys

from protocols.intake_body import Body
from reactor.config.values import Settings

LEVELS = {
    "logs": "logs_config_compression_level",
    "series": "metrics_config_compression_level",
    "sketches": "metrics_config_compression_level",
}


def compress(data: bytes, level: int) -> bytes:
    """zstd, loaded when first needed: the platform's standard library has it from 3.14 on."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.compress(data, level)


def encode_body(body: Body, settings: Settings) -> tuple[bytes, bool]:
    """The body as it is sent, and whether it is compressed. Should the compressor fail, it goes as it is."""
    kind = body.kind
    if kind == "logs" and not settings.logs_config_use_compression:
        return body.raw, False
    try:
        return compress(body.raw, getattr(settings, LEVELS.get(kind, "compression_level"))), True
    except Exception:  # whatever the library finds wrong: the data counts for more than its size
        return body.raw, False
