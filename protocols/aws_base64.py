"""Secrets inside answers, in base64. `binascii` does it alone: the module `base64` costs five milliseconds of start-up."""

import binascii


def text_of_base64(encoded: str) -> str | None:
    """The UTF-8 text; None if it is not base64, or not text."""
    try:
        return binascii.a2b_base64(encoded, strict_mode=True).decode()
    except ValueError:  # what is wrong with the base64, and with the UTF-8, are both of this kind
        return None


def base64_of(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode()
