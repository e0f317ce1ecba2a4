"""SHA-256 from the interpreter itself: `hashlib` would load a cryptographic library with it, which costs as much as forty events.

Where the interpreter was built without, it comes from there all the same.
"""

from typing import Any


def _make() -> Any:
    try:
        from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]  # since Python 3.12
    except ImportError:
        try:
            from _sha256 import sha256  # type: ignore[import-not-found,no-redef,unused-ignore]
        except ImportError:
            from hashlib import sha256
    return sha256


_sha256 = _make()


def sha256(data: bytes) -> bytes:
    """The 32 bytes of the hash."""
    made: bytes = _sha256(data).digest()
    return made
