"""Bodies as they travel, made into documents: content encodings, strict JSON, msgpack. Bounded throughout; knows no endpoint."""

import json
import math
import sys
import zlib
from collections.abc import Callable
from typing import Any

from emulator.problems import Problems
from emulator.protobuf_schemas import PayloadError, shown

RAW_BYTES_MAX = (
    96 * 1024 * 1024
)  # of any body once decompressed: beyond the largest limit of a real intake, below what would hurt the machine
FRAMES_MAX = 1000  # of one compressed body
DEPTH_MAX = 100  # levels of nesting in JSON and msgpack


def decompressed(encoding: str, body: bytes, found: Problems) -> bytes | None:
    """The plain body, or None with a problem noted: not what the header says, cut short, or beyond RAW_BYTES_MAX."""
    try:
        if encoding == "zstd":
            return _unzstd(body)
        if encoding == "gzip":
            return _inflate(body, zlib.MAX_WBITS | 16)
        if encoding == "deflate":
            return _inflate(body, zlib.MAX_WBITS)
    except (PayloadError, zlib.error) as error:
        found.add(f"content-encoding {encoding}: {error}")
        return None
    return body


def _inflate(body: bytes, window_bits: int) -> bytes:
    return _inflated(body, lambda: zlib.decompressobj(window_bits))


def _unzstd(body: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    try:
        return _inflated(body, zstd.ZstdDecompressor)
    except zstd.ZstdError as error:
        raise PayloadError(str(error)) from error


def _inflated(body: bytes, make_inflater: Callable[[], Any]) -> bytes:
    """The frames (gzip: members) of a body, one after the other; each needs an inflater of its own."""
    pieces, room = [], RAW_BYTES_MAX + 1
    for _ in range(FRAMES_MAX):
        inflater = make_inflater()
        pieces.append(inflater.decompress(body, room))
        room -= len(pieces[-1])
        if room <= 0:
            raise PayloadError(f"more than {RAW_BYTES_MAX} bytes when decompressed")
        if not inflater.eof:
            raise PayloadError("cut short")
        body = inflater.unused_data
        if not body:
            return b"".join(pieces)
    raise PayloadError(f"more than {FRAMES_MAX} frames")


def shallow(document: Any) -> Any:
    """The document itself; raises PayloadError when it is nested so deeply that writing it out again may fail."""
    level = [document]
    for _ in range(DEPTH_MAX):
        level = [inner for each in level if isinstance(each, dict | list) for inner in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return document
    raise PayloadError(f"nested more than {DEPTH_MAX} levels deep")


def digest(raw: bytes) -> dict[str, Any]:
    """What is kept of a body that is not to be read."""
    import hashlib

    return {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def parse_json(raw: bytes, found: Problems) -> Any:
    """Strict JSON: UTF-8, no member twice, no number beyond a double, none of Python's NaN and Infinity.

    Such a number becomes text, so that the rest can be judged and the document stays JSON. Raises PayloadError.
    """

    def once(members: list[tuple[str, Any]]) -> dict[str, Any]:
        document = dict(members)
        if len(document) < len(members):
            names = [name for name, _ in members]
            found.add(f"a member twice in one object: {sorted({name for name in names if names.count(name) > 1})}")
        return document

    def constant(word: str) -> str:
        found.add(f"{word} is not JSON")
        return word

    def finite(digits: str) -> float | str:
        value = float(digits)
        return value if math.isfinite(value) else digits

    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=once, parse_constant=constant, parse_float=finite)
    except ValueError as error:
        raise PayloadError(f"not JSON: {error}") from error


def parse_msgpack(raw: bytes) -> Any:
    """One msgpack value. Raises PayloadError."""
    import msgpack  # type: ignore[import-untyped, unused-ignore]

    try:
        return _as_json(msgpack.unpackb(raw, strict_map_key=True))
    except (ValueError, msgpack.UnpackException, TypeError) as error:
        raise PayloadError(f"not msgpack: {error}") from error


def _as_json(value: Any) -> Any:
    """msgpack as a document that is always JSON."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else repr(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    return shown(value)
