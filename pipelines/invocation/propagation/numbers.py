"""Numbers as headers spell them. Each reader gives None for anything else; none of them takes blanks, underscores or other digits."""

HEX = frozenset("0123456789abcdefABCDEF")
U64_DIGITS_MAX = 20


def read_u64(text: str | None) -> int | None:
    if not text or len(text) > U64_DIGITS_MAX or not (text.isascii() and text.isdigit()):
        return None
    value = int(text)
    return value if value < 1 << 64 else None


def read_i8(text: str | None) -> int | None:
    """A sampling priority or mechanism: -128 to 127."""
    if not text or len(text) > 4:
        return None
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    value = int(text)
    return value if -128 <= value <= 127 else None


def is_hex(text: str) -> bool:
    return bool(text) and HEX.issuperset(text)


def read_hex(text: str, digits_max: int) -> int | None:
    return int(text, 16) if len(text) <= digits_max and is_hex(text) else None
